#include "kernels/vector.h"

#include "kernels/dispatch.h"

/* All sets give the same bits here, so where the choice would take longer than the loop the baseline
 * is as good as any. */
enum { SMALL = 256 };

static const cen__vectors *choose(size_t n)
{
    return n < SMALL ? &cen__kernels_baseline.vectors : &cen__kernels_select()->vectors;
}

void cen__vector_adam(size_t n, float *p, float *m, float *v, const float *g,
                      const cen__adam_step *step)
{
    choose(n)->adam(n, p, m, v, g, step);
}

void cen__vector_add_scaled(size_t n, float a, const float *x, float *y)
{
    choose(n)->add_scaled(n, a, x, y);
}

double cen__vector_exp_sum(size_t n, float *x, float shift)
{
    return choose(n)->exp_sum(n, x, shift);
}

float cen__vector_max(size_t n, const float *x, size_t *index)
{
    return choose(n)->max(n, x, index);
}

double cen__vector_squared_distance(size_t n, const float *a, const float *b)
{
    return choose(n)->squared_distance(n, a, b);
}

void cen__vector_pool_2x2(size_t rows, size_t width, size_t w, const float *x, float *y,
                          uint8_t *place)
{
    cen__kernels_select()->vectors.pool_2x2(rows, width, w, x, y, place);
}

double cen__vector_sum(size_t n, const float *x)
{
    return choose(n)->sum(n, x);
}

double cen__vector_dot(size_t n, const float *a, const float *b)
{
    return choose(n)->dot(n, a, b);
}
