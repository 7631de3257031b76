/* The k nearest seen so far: a binary heap whose root is the farthest of them. */
#ifndef CEN_SEARCH_NEAREST_H
#define CEN_SEARCH_NEAREST_H

#include <stddef.h>

typedef struct cen__neighbour {
    double distance;
    size_t index;
} cen__neighbour;

typedef struct cen__nearest {
    cen__neighbour *items; /* [k] of the caller; items[0] is the farthest */
    size_t count, k;
} cen__nearest;

/* Takes a neighbour in where fewer than k are there or it comes before the farthest: ordered by
 * distance, equal distances by index. */
void cen__nearest_offer(cen__nearest *nearest, cen__neighbour neighbour);

/* Nearest first; no heap any more. */
void cen__nearest_sort(cen__nearest *nearest);

#endif
