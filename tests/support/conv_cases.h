/* Random convolutions, and numbers against numbers. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_CONV_CASES_H
#define TESTS_SUPPORT_CONV_CASES_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/conv.h"
#include "kernels/vector.h"
#include "support/context.h"
#include "support/instructions.h"
#include "support/little_endian.h"

/* Of c h w k kernel_h kernel_w stride_h stride_w pad_h pad_w; c and k are of one group. */
static inline cen__conv make_conv(const size_t shape[10], size_t groups)
{
    cen__conv v = {shape[0], shape[1], shape[2], shape[3], shape[4], shape[5], shape[6],
                   shape[7], shape[8], shape[9], 0,        0,        NULL,     groups};
    v.out_h = (v.h + 2 * v.pad_h - v.kernel_h) / v.stride_h + 1;
    v.out_w = (v.w + 2 * v.pad_w - v.kernel_w) / v.stride_w + 1;
    return v;
}

typedef struct sizes {
    size_t x, w, y, k;
} sizes;

static inline sizes count(const cen__conv *v, size_t n)
{
    return (sizes){n * v->groups * cen__conv_x_count(v), v->groups * cen__conv_w_count(v),
                   n * v->groups * cen__conv_y_count(v), v->groups * v->k};
}

static inline float *draw(size_t n, uint64_t seed, uint64_t stream)
{
    float *const x = cen__alloc(NULL, n, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) x[i] = 2 * cen__random_float(seed, stream, i) - 1;
    return x;
}

/* No entry is further off than `limit` of the largest. */
static inline void assert_near(const char *what, const cen__conv *v, size_t n, const float *got,
                               const float *want, double limit)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (fabs((double)want[i]) > most)
            most = fabs((double)want[i]); /* not fmax: gcc 12 for ARM dies */
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)want[i]) <= limit * most + 1e-6))
            fail_msg("%s, %s: entry %zu of %zu is %.9g and should be %.9g (largest %.3g), "
                     "%zu of %zux%zux%zu, %zu of %zux%zu, stride %zux%zu, pad %zux%zu",
                     what, instructions_now(), i, n, (double)got[i], (double)want[i], most,
                     v->groups, v->c, v->h, v->w, v->k, v->kernel_h, v->kernel_w, v->stride_h,
                     v->stride_w, v->pad_h, v->pad_w);
}

/* What a pass of the chosen instructions takes, in numbers that were NaN; the last part first, since
 * no part needs another. */
static inline float *prepare(const cen__conv *v, const float *w, bool backward)
{
    const size_t n = cen__conv_prepared_count(v);
    float *const prepared = cen__alloc(NULL, n, sizeof *prepared);
    assert_non_null(prepared);
    memset(prepared, 0xff, n * sizeof *prepared);
    for (size_t part = cen__conv_parts(v, backward); part-- > 0;)
        cen__conv_prepare(v, w, backward, part, prepared);
    return prepared;
}

static inline float *read_floats(FILE *file, size_t n)
{
    float *const x = cen__alloc(NULL, n, sizeof *x);
    assert_non_null(x);
    read_little_endian(x, sizeof *x, n, file);
    return x;
}

#endif
