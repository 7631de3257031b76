/* cl_knn: the two halves of the check of new pictures. */
#ifndef TOOLS_KNN_QUALITY_H
#define TOOLS_KNN_QUALITY_H

#include "knn.h"

/* False without memory. */
bool add_doubt(knn_doubts *doubts, size_t picture, const char *reason);
bool has_doubt(const knn_doubts *doubts, size_t picture);

/* Adds the pictures that are far from the others of their class, or nearer to another class, unless they are
 * listed already. labels[pictures->f.n]: places in the gallery's list of classes, or behind it. */
cen_status find_outliers(const knn *s, const knn_set *gallery, const knn_set *pictures,
                         const int32_t *labels, knn_doubts *doubts, cen_error *error);

#endif
