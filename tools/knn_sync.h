/* cl_knn sync: a .gallery that holds the pictures of a folder. Pictures are recognised by their content: what has the
 * bytes of a row keeps that row's feature, wherever it lies now. A row belongs to the folder if its path lies in it, or
 * if its picture has moved there: it has the same name and bytes, and its old path leads nowhere, or to the same file.
 * knn_sync_plan.c decides what becomes of each picture, knn_sync.c does it, knn_sync_print.c prints it. */
#ifndef TOOLS_KNN_SYNC_H
#define TOOLS_KNN_SYNC_H

#include "knn_gallery.h"

/* A row of the gallery as it was. */
typedef struct old_row {
    cen_gallery_row row;
    char *source; /* what row.source is, if a feature file names by a relative path what is there */
    size_t place;
    bool is_inside; /* of the folder, and no negative */
    bool is_kept, has_moved, has_changed;
} old_row;

typedef enum { KEPT, MOVED, CHANGED, ADDED, LEFT_OUT } fate;

/* What becomes of an image of the folder. */
typedef struct plan {
    fate fate;
    const old_row *like; /* has the same bytes, and so the feature; NULL: the model makes it */
    const old_row *from; /* MOVED, CHANGED: the row that goes */
    size_t place;        /* among the images that the model reads */
} plan;

typedef struct knn_sync_state {
    knn *s;
    const char *path, *root; /* of the gallery and of the folder, which is absolute */
    knn_change change;
    cen_gallery
        *before;   /* the same gallery, whose texts stay while the other changes; NULL: it is new */
    old_row *rows; /* [n_rows] */
    old_row **by_digest, **by_source; /* [n_rows], [n_inside] */
    size_t n_rows, n_inside;
    uint8_t (*known)[CEN_DIGEST_SIZE]; /* [n_known] */
    size_t n_known;
    cen_folder *folder;
    const cen_folder_info *info;
    plan *plans; /* [n_images] */
    size_t n_images;
    size_t n_new;    /* images for the model, */
    size_t *new;     /* [n_new] their places, */
    float *features; /* and their features [n_new, d] */
    bool *is_made;   /* [n_new] */
    knn_set read;    /* those of which features were made; it borrows the folder */
    knn_doubts doubts;
    size_t counts[LEFT_OUT + 1], n_gone;
} sync;

int knn_sync_no_memory(const sync *y);

/* Reads the rows of the gallery as it was. */
int knn_sync_read_rows(sync *y);

/* Opens the folder, and decides what becomes of each picture; y->new are those that the model must read. */
int knn_sync_make_plan(sync *y);

/* True if the row goes. */
bool knn_sync_is_gone(const old_row *old);

/* Who the folder says that the image shows. */
const char *knn_sync_name_of(const sync *y, const cen_folder_image *image);

void knn_sync_print(const sync *y);

#endif
