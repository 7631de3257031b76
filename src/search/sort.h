#ifndef CEN_SEARCH_SORT_H
#define CEN_SEARCH_SORT_H

#include <stddef.h>

/* Sorts x[n], numbers that are at least +0, ascending, in time linear in n. scratch[n]. */
void cen__sort_distances(float *x, size_t n, float *scratch);

#endif
