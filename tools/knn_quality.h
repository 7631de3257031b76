/* cl_knn: the two halves of the check of new pictures. */
#ifndef TOOLS_KNN_QUALITY_H
#define TOOLS_KNN_QUALITY_H

#include "knn.h"

/* False without memory. */
bool add_doubt(knn_doubts *doubts, size_t picture, const char *reason);
bool has_doubt(const knn_doubts *doubts, size_t picture);

/* Adds those of the last n rows of a gallery that are near a negative, far from the others of their name, or nearer to
 * another name, unless they are listed already. */
cen_status find_outliers(const knn *s, const cen_gallery *gallery, size_t n, knn_doubts *doubts,
                         cen_error *error);

#endif
