/* The k nearest seen so far. A small k uses a binary heap whose root is the farthest. A large k gathers up to 2 k
 * and then keeps the nearest k, which takes linear time. */
#ifndef CEN_SEARCH_NEAREST_H
#define CEN_SEARCH_NEAREST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct cen__neighbour {
    double distance;
    size_t index;
} cen__neighbour;

static inline bool cen__comes_before(cen__neighbour a, cen__neighbour b)
{
    return (a.distance < b.distance) | ((a.distance == b.distance) & (a.index < b.index));
}

typedef struct cen__nearest {
    cen__neighbour *items; /* [capacity] of the caller */
    size_t count, k, capacity;
    double bound; /* a neighbour farther than this is not among the k; HUGE_VAL at first */
} cen__nearest;

/* The items that k neighbours need: k, or 2 k. */
size_t cen__nearest_capacity(size_t k);

cen__nearest cen__nearest_start(cen__neighbour *items, size_t k);

/* Adds a neighbour if it can be among the k nearest: ordered by distance, equal distances by index. Offer each
 * index once. */
void cen__nearest_offer(cen__nearest *nearest, cen__neighbour neighbour);

/* The k nearest, or all if fewer were offered, nearest first. Nothing can be offered afterwards. */
void cen__nearest_sort(cen__nearest *nearest);

#endif
