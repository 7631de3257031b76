/* Sizes that are added and multiplied: what does not fit stays at SIZE_MAX, of which cen__alloc gives
 * nothing. So a plan adds up all that it needs, and fails once, when it takes its memory. */
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
