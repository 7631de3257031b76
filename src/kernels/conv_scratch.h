/* Small arithmetic that the methods of convolution share, and how they cut up their scratch. */
#ifndef CEN_KERNELS_CONV_SCRATCH_H
#define CEN_KERNELS_CONV_SCRATCH_H

#include "base/sizes.h"

static inline size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t round_up(size_t a, size_t unit)
{
    return cen__round_up(a, unit);
}

/* n things in as few blocks of at most `largest` as can be, as even as can be: the size of one. */
static inline size_t even_block(size_t n, size_t largest)
{
    const size_t blocks = (n + largest - 1) / largest;
    return (n + blocks - 1) / blocks;
}

/* Numbers that `take` takes for count of them: whole cache lines. */
static inline size_t whole(size_t count)
{
    return round_up(count, 16);
}

/* The same for a table of n places. */
static inline size_t table_count(size_t n)
{
    return whole(cen__times(n, sizeof(size_t) / sizeof(float) + 1));
}

static inline void *take(float **scratch, size_t count)
{
    float *const taken = *scratch;
    *scratch += whole(count);
    return taken;
}

#endif
