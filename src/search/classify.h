#ifndef CEN_SEARCH_CLASSIFY_H
#define CEN_SEARCH_CLASSIFY_H

#include <centerloss.h>

/* The label with the most weight among indices[k], nearest first; a tie goes to the smallest label.
 * distances[k] is read where the weights need it. */
int32_t cen__vote(const size_t *indices, const double *distances, size_t k, cen_weights weights,
                  const int32_t *gallery_labels);

#endif
