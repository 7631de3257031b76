/* A folder of images from the inside: scan.c finds the names, folder.c tells images from other
 * files and draws the split, holdout.c keeps classes out of training, load.c decodes and reads. */
#ifndef CEN_DATA_FOLDER_H
#define CEN_DATA_FOLDER_H

#include "base/status.h"

typedef struct cen__text_block cen__text_block;

struct cen_folder {
    cen_folder_options options;
    cen_folder_info info; /* points into the arrays below */
    const char **class_names;
    const char **class_folders; /* [n_classes] where a class was first found, for messages */
    cen_folder_image *images;
    cen_file_note *skipped, *damaged;
    size_t images_capacity, skipped_capacity, damaged_capacity;

    cen__text_block *text;       /* paths, names and reasons, freed together */
    size_t text_used, text_size; /* of its first block */

    bool is_loaded;
    cen_input input;   /* of cen_folder_load, without mean and std */
    size_t image_size; /* channels * height * width */
    uint8_t *cache;    /* [n_cached, channels, height, width]: the first images */
    size_t n_cached;
    uint64_t digest;     /* of all loaded images' bytes at the input's size */
    bool is_flat; /* every byte of every image is `level` */
    uint8_t level;
    uint64_t n_pixels;   /* a channel, of all training images */
    uint64_t sums[3];    /* of these pixels, */
    uint64_t squares[3]; /* and of their squares */
};

/* A file that may be an image. */
typedef struct cen__candidate {
    cen_folder_image image; /* label -1 in a folder with classes: of a class that train/ has not */
    bool is_named;          /* the caller named this very file */
} cen__candidate;

typedef struct cen__candidates {
    cen__candidate *items;
    size_t n, capacity;
} cen__candidates;

/* Lists the files below the paths, by split, class, file name, and fills the folder's classes,
 * info.n_passed_over and info.has_own_split. found->items is the caller's to cen__free, also after
 * a failure. Errors: IO, ARGUMENT, MEMORY. */
cen_status cen__scan_paths(cen_folder *folder, const char *const *paths, size_t n_paths,
                           cen__candidates *found, cen_error *error);

/* The name of a file, without its folders. */
const char *cen__base_name(const char *path);

/* True for .png, .jpg and the like, in any case: such a file claims to be an image. */
bool cen__has_image_ending(const char *path);

/* Negative, 0 or positive: a before b by split, label, file name, path. */
int cen__compare_images(const cen_folder_image *a, const cen_folder_image *b);

/* A copy of a string that lives as long as the folder; NULL without memory. */
const char *cen__folder_keep(cen_folder *folder, const char *string);

/* Adds an image to info.skipped; strict or a lack of memory makes *why the error instead. */
cen_status cen__folder_skip(cen_folder *folder, const char *path, const cen_error *why,
                            cen_error *error);

/* Adds an image to info.damaged; strict makes it the error instead. */
cen_status cen__folder_warn(cen_folder *folder, const char *path, const char *warning,
                            cen_error *error);

/* FNV-1a, so that what is drawn for a class depends on its name and not on its place among others. */
uint64_t cen__hash_name(const char *name);

/* Moves classes out of training as the options say: their images, of every split, become
 * CEN_SPLIT_HELD_OUT, and their names go behind the others. */
cen_status cen__hold_out(cen_folder *folder, cen_error *error);

/* CEN_OK where every class has a training image (unlabelled: where there is any image). */
cen_status cen__folder_check(const cen_folder *folder, cen_error *error);

/* Called with the images first .. first + n - 1 as bytes[n, channels, height, width]. */
typedef cen_status cen__folder_visit(void *visitor, size_t first, size_t n, const uint8_t *bytes,
                                     cen_error *error);

/* cen_folder_load that shows each block of good images to visit, in their order. */
cen_status cen__folder_load(cen_folder *folder, const cen_input *input, size_t cache_bytes,
                            cen_progress *progress, void *user, cen__folder_visit *visit,
                            void *visitor, cen_error *error);

/* x[n, channels, height, width] of such bytes, with mean and std of input. */
void cen__folder_normalise(const cen_input *input, const uint8_t *bytes, size_t n, float *x);

/* cen_folder_read_augmented (augment NULL: cen_folder_read) that goes on if images cannot be read:
 * errors[n] holds the status of each and, if that is not CEN_OK, why. */
cen_status cen__folder_read_some(const cen_folder *folder, const cen_input *input,
                                 const cen_augment *augment, uint64_t seed, size_t epoch,
                                 const size_t *indices, size_t n, float *x, int32_t *labels,
                                 cen_error *errors, cen_error *error);

#endif
