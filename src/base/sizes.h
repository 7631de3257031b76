/* Sums and products of sizes that saturate at SIZE_MAX, which cen__alloc refuses. So a plan adds up all sizes, and
 * fails only once, when it allocates. */
#ifndef CEN_BASE_SIZES_H
#define CEN_BASE_SIZES_H

#include <stddef.h>
#include <stdint.h>

static inline size_t cen__plus(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static inline size_t cen__times(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

/* The next multiple of unit. */
static inline size_t cen__round_up(size_t a, size_t unit)
{
    return a > SIZE_MAX - (unit - 1) ? SIZE_MAX : (a + unit - 1) / unit * unit;
}

#endif
