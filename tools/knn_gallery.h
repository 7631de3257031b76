/* cl_knn: galleries in files of their own. */
#ifndef TOOLS_KNN_GALLERY_H
#define TOOLS_KNN_GALLERY_H

#include <centerloss.h>

#include "knn.h"

/* True for a name that ends in .gallery. */
bool knn_is_gallery(const char *path);

/* Learns the model and the metric of a .gallery that is there. */
int knn_gallery_peek(knn *s, const char *path);

/* A gallery to read: a .gallery, or any set, which becomes one in memory. *notes (may be NULL) is what knn_json_notes
 * needs of that set, and the caller's to knn_set_free. */
int knn_gallery_open(knn *s, char *path, cen_gallery **gallery, knn_set *notes);

/* A set as a gallery in memory; of a .gallery all that is in the file. */
int knn_gallery_of(const knn *s, const knn_set *set, cen_gallery **gallery);

/* A .gallery that is being changed. */
typedef struct knn_change {
    const char *path;
    cen_gallery *gallery;
    cen_lock *making; /* of a new one: two makers at a time would lose what one of them has added */
} knn_change;

/* Loads a .gallery to change it, and waits for other writers. makes: if nothing is there, it is a new one for the model of
 * --model, or for features of d numbers if there is no model and d is above 0. */
int knn_change_begin(knn *s, const char *path, bool makes, size_t d, knn_change *change);
int knn_change_save(const knn *s, knn_change *change);
void knn_change_end(knn_change *change);

/* What became of pictures: added, there already; the rows of the gallery; and what is doubtful, which the caller frees. */
typedef struct knn_added {
    size_t n, n_there, n_rows;
    knn_doubts doubts;
} knn_added;

/* Adds the rows of a set under a name, and checks those that are no negatives. is_new: the name must not be there. The
 * second makes the gallery if nothing is there, and saves it. */
int knn_add_rows(const knn *s, knn_change *change, const char *name, const knn_set *set,
                 bool is_new, knn_added *added);
int knn_add_pictures(knn *s, const char *path, const char *name, const knn_set *set, bool is_new,
                     knn_added *added);

/* A command that changes a gallery takes only a .gallery. */
int knn_need_gallery(const knn *s, const char *path);

/* A row, of which it is known that it is there; false after a printed error. */
bool knn_gallery_row(const knn *s, const cen_gallery *gallery, size_t i, cen_gallery_row *row);

/* The exit code of a name that is not there; a name that is spelled nearly the same is proposed. */
int knn_no_such_name(const knn *s, const char *path, const cen_gallery *gallery, const char *name);

/* That of a class to enroll that is there, with n rows. */
int knn_class_is_there(const knn *s, const char *path, const char *name, size_t n);

/* The rows of a name, which the caller frees; NULL after a printed error, *n is 0 if there are none. */
size_t *knn_rows_of(const knn *s, const char *path, const cen_gallery *gallery, const char *name,
                    size_t *n);

/* A name with its pictures. */
typedef struct knn_name {
    const char *name;
    size_t n, n_negatives;
} knn_name;

/* All names, sorted bytewise, which the caller frees; NULL after a printed error. */
knn_name *knn_count_names(const knn *s, const char *path, const cen_gallery *gallery, size_t *n);

/* The path of a picture as a gallery keeps it: absolute, with the picture's own name, also if that is a link. The caller
 * frees it; NULL without memory. */
char *knn_source_of(const char *path);

/* False for a row of a feature file, and for a picture that could not be read. */
bool knn_has_digest(const uint8_t *digest);

#endif
