#include "kernels/bound.h"

#include <math.h>

/* The parts that a long x is cut into, and how long that is. */
enum { PARTS = 32, LONG = 1 << 15 };

typedef struct squares {
    const cen__vectors *vectors;
    const float *x;
    size_t n, n_parts;
    double sums[PARTS];
} squares;

static void sum_part(void *data, size_t part, int worker)
{
    (void)worker;
    squares *s = data;
    size_t first = part * s->n / s->n_parts, end = (part + 1) * s->n / s->n_parts;
    s->sums[part] = s->vectors->dot(end - first, s->x + first, s->x + first);
}

bool cen__square_sum(const cen__vectors *vectors, const float *x, size_t n, double limit,
                     cen_context *context, double *sum)
{
    squares s = {.vectors = vectors, .x = x, .n = n, .n_parts = n < LONG ? 1 : PARTS};
    double total = 0;
    bool is_below = true;
    cen__parallel(context, s.n_parts, (double)n, sum_part, &s);
    /* A sum of squares of finite floats in double is finite; that of others is not. */
    for (size_t i = 0; i < s.n_parts; i++) {
        is_below = is_below && isfinite(s.sums[i]) && sqrt(s.sums[i]) < limit;
        total += s.sums[i];
    }
    if (sum != NULL) *sum = total;
    return is_below;
}

bool cen__is_below(const cen__vectors *vectors, const float *x, size_t n, double limit,
                   cen_context *context)
{
    return cen__square_sum(vectors, x, n, limit, context, NULL);
}
