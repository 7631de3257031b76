/* The parts of a folder of images: scan.c and list.c find the names, folder.c separates images from other
 * files and draws the split, classes.c decides the classes, group.c keeps groups together, holdout.c keeps
 * classes out of training, tracks.c finds series that a split parts, load.c decodes, folder_dataset.c makes a dataset. */
#ifndef CEN_DATA_FOLDER_H
#define CEN_DATA_FOLDER_H

#include <stdio.h>

#include "data/dataset.h"

typedef struct cen__text_block cen__text_block;

enum {
    CEN__LIST_MOST = 1 << 28 /* bytes of a list of images or classes */
};

struct cen_folder {
    cen_context *context, *own_context; /* own_context: NULL if it was given */
    cen_folder_options options;
    cen_exchange exchange;
    cen_folder_info info; /* points into the arrays below */
    const char **class_names;
    const char *
        *class_folders; /* [n_classes] the place at which a class was first found, for messages */
    cen_folder_image *images;
    cen_file_note *skipped, *damaged, *remarks;
    size_t images_capacity, skipped_capacity, damaged_capacity, remarks_capacity;

    cen__text_block *text;       /* paths, names and reasons, freed together */
    size_t text_used, text_size; /* of the first block of these */

    bool is_loaded, are_tracks_told;
    cen_input input;     /* of cen_folder_load, without mean and std */
    cen_dataset dataset; /* points into the arrays below */
    int32_t *labels;
    cen_split *splits;
    const char **paths;
    bool *
        is_noted; /* [n_images] of a lazy folder: its image is skipped or damaged, and in that list */
    float mean[3], std[3];
    size_t image_size; /* channels * height * width */
    uint8_t *cache;    /* [n_cached, channels, height, width]: the first images */
    size_t n_cached;
    FILE *scratch;   /* the bytes of the images after these, or NULL */
    uint64_t digest; /* of all loaded images' bytes at the input's size */
    bool is_flat;    /* every byte of every image is `level` */
    uint8_t level;
    uint64_t n_pixels;   /* a channel, of all training images */
    uint64_t sums[3];    /* of these pixels, */
    uint64_t squares[3]; /* and of their squares */
};

/* A class in one split of one root, or in some rows of a list. */
typedef struct cen__class_folder {
    const char *path, *name;
    cen_split split;
    int32_t label;     /* -1: training has no such class */
    size_t n_files;    /* files that may be images, */
    size_t n_pictures; /* and files that are, usable or broken */
    bool has_remark;   /* a remark has named its content already */
} cen__class_folder;

/* A file that may be an image. */
typedef struct cen__candidate {
    cen_folder_image image;
    size_t class_folder; /* row in cen__found.classes; SIZE_MAX: none */
    size_t place;        /* of the path or row that led to it; 0 if the order does not matter */
    bool is_named;       /* the caller named this file itself */
} cen__candidate;

typedef struct cen__found {
    cen__candidate *items;
    size_t n, capacity;
    cen__class_folder *classes;
    size_t n_classes, classes_capacity;
    size_t place; /* of the next candidate */
} cen__found;

/* Lists the files below the paths and of options.validation, in the order of cen_folder_info.images, and
 * fills the folder's classes, info.n_passed_over and info.has_own_split. found's arrays are the
 * caller's to cen__free, also after a failure. Errors: IO, ARGUMENT, FORMAT, MEMORY. */
cen_status cen__scan_paths(cen_folder *folder, const char *const *paths, size_t n_paths,
                           cen__found *found, cen_error *error);

/* Adds a candidate; its path and name are kept by the folder already. */
cen_status cen__found_add(cen_context *context, cen__found *found, const cen__candidate *candidate,
                          cen_error *error);

/* Adds a class folder, the last of found->classes. */
cen_status cen__found_class(cen_context *context, cen__found *found, const char *path,
                            const char *name, cen_split split, cen_error *error);

/* The split that a folder's name or a word of a list means, in any case; false if it means none. */
bool cen__split_of_name(const char *name, cen_split *split);

/* True if the letters are equal; capital ASCII letters count as small ones. */
bool cen__is_same_word(const char *a, const char *b);

/* True for the name of a list of images. */
bool cen__is_list(const char *path);

/* Adds the rows of a list; is_validation: all of them are validation images. */
cen_status cen__scan_list(cen_folder *folder, const char *path, bool is_validation,
                          cen__found *found, cen_error *error);

/* Adds the names on standard input, one per line. */
cen_status cen__scan_input(cen_folder *folder, cen__found *found, cen_error *error);

/* The name of a file, without its folders. */
const char *cen__base_name(const char *path);

/* True for .png, .jpg and the like, in any case: such a file claims to be an image. */
bool cen__has_image_ending(const char *path);

/* Negative, 0 or positive: a before b by split, label, name, path. */
int cen__compare_images(const cen_folder_image *a, const cen_folder_image *b);

/* The number of a class's n training images that are drawn for validation. */
size_t cen__folder_validation_count(const cen_folder *folder, size_t n);

/* A copy of a string that lives as long as the folder; NULL without memory. */
const char *cen__folder_keep(cen_folder *folder, const char *string);

/* Adds an image to info.skipped; strict or a lack of memory makes *why the error instead. */
cen_status cen__folder_skip(cen_folder *folder, const char *path, const cen_error *why,
                            cen_error *error);

/* Adds an image to info.damaged; strict makes it the error instead. */
cen_status cen__folder_warn(cen_folder *folder, const char *path, const char *warning,
                            cen_error *error);

/* Adds to info.remarks. The path is kept by the folder already. */
cen_status cen__folder_remark(cen_folder *folder, const char *path, cen_error *error,
                              const char *format, ...) CEN__PRINTF(4, 5);

/* Remarks on two names that may be spellings of one: they differ in case, or in how an accent is stored.
 * names[n] differ and are sorted; paths[n] are their places. */
cen_status cen__remark_spellings(cen_folder *folder, const char *const *names,
                                 const char *const *paths, size_t n, cen_error *error);

/* Removes folders without a picture: they are no classes. */
cen_status cen__drop_no_classes(cen_folder *folder, const cen__found *found, cen_error *error);

/* CEN_OK if there are two classes and each has a training image (unlabelled: if there is any image).
 * With allow_empty, classes without one are left out. */
cen_status cen__settle_classes(cen_folder *folder, cen_error *error);

/* Moves classes out of training as the options say. Their images, of every split, become CEN_SPLIT_HELD_OUT,
 * and their names follow the others. */
cen_status cen__hold_out(cen_folder *folder, cen_error *error);

/* The group of an image: by its name, or by its text in the column that options.group names (NULL: it is not
 * from a list). */
cen_status cen__group_of(cen_folder *folder, const char *name, const char *column,
                         const char **group, cen_error *error);

/* True if options.group names a column. */
bool cen__group_is_column(const cen_folder *folder);

/* Errors: ARGUMENT if no image has a group, or a group stands in two splits. */
cen_status cen__group_check(const cen_folder *folder, cen_error *error);

/* Turns whole groups of images[n_train] into validation images. These are all images of training, and come
 * first. */
cen_status cen__group_draw(cen_folder *folder, size_t n_train, cen_error *error);

/* The means of 8 x 8 parts of bytes[channels, height, width], over the channels, too. */
enum { CEN__THUMBNAIL = 64 };
void cen__thumbnail(const cen_folder *folder, const uint8_t *bytes,
                    uint8_t thumbnail[CEN__THUMBNAIL]);

/* Remarks on a split that parts series of near-equal pictures. thumbnails: of all images, one after the other. */
cen_status cen__remark_tracks(cen_folder *folder, const uint8_t *thumbnails, cen_error *error);

/* bytes[channels, height, width] of one file; *warning as in cen_image. */
cen_status cen__folder_decode(const cen_folder *folder, const char *path, uint8_t *bytes,
                              const char **warning, cen_error *error);

/* Lets go of the scratch file. */
void cen__folder_close(cen_folder *folder);

/* Fills folder->dataset, whose arrays are taken here. Errors: MEMORY. */
cen_status cen__folder_make_dataset(cen_folder *folder, cen_error *error);

#endif
