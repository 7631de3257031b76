/* Drawing without replacement; what is not drawn costs nothing. */
#ifndef CEN_SEARCH_DRAW_H
#define CEN_SEARCH_DRAW_H

#include <stdint.h>

/* The i-th of 0 .. n - 1 in an order that (seed, stream) chooses. i = 0 .. n - 1 gives each of them once. n is
 * at most 2^62. */
uint64_t cen__draw(uint64_t seed, uint64_t stream, uint64_t n, uint64_t i);

#endif
