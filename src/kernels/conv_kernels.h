/* The inner loops of convolution. Included once by each conv_<set>.c, which says
 *     SET, LANES, TILE_ROWS_1 .. TILE_ROWS_4 (the most rows that fit the registers), DOTS_ROWS,
 *     WINOGRAD_VECTORS (of a tile of channels; up to 4),
 *     DEPTHWISE (the set of smaller vectors whose loops depthwise convolution takes; else it has its own),
 *     WINOGRAD_FITS (1: with tiles of three and five outputs a side),
 *     CONTRACT (1 where a multiply and an add may become one fused instruction, which -std=c99 turns off)
 * and has a target pragma in force. A vector is a GNU vector type, which gcc and clang keep in a
 * register where they would not keep an array; elsewhere it is one float. */
#include <string.h>

#include "kernels/conv_pool.h"
#include "kernels/conv_set.h"
#include "kernels/lone_sum.h"

#if defined(__GNUC__)
typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))
#else
#undef LANES
#define LANES 1
typedef float vec;
#define INLINE static inline
#endif

#if defined(__clang__)
#if CONTRACT
#pragma clang fp contract(on)
#endif
#elif defined(__GNUC__) && CONTRACT
#pragma GCC optimize("O3", "fp-contract=fast")
#elif defined(__GNUC__) && defined(CEN_SMALL)
#pragma GCC optimize("fp-contract=off")
#elif defined(__GNUC__)
#pragma GCC optimize("O3", "fp-contract=off")
#endif

/* cen__conv_tile with constant rows and vectors, so that acc is registers. */
INLINE void tile_body(size_t rows, size_t vectors, size_t a_row, const cen__tile *t)
{
    vec acc[12][CEN__TILE_VECTORS];
    const float *const a = t->a, *b[CEN__TILE_VECTORS];
    const size_t *const a_at = t->a_at, *const b_at = t->b_at, steps = t->steps;
    for (size_t v = 0; v < vectors; v++) b[v] = t->b[v];
    for (size_t i = 0; i < rows; i++)
        for (size_t v = 0; v < vectors; v++) acc[i][v] = (vec){0};
    if (t->accumulate)
        for (size_t i = 0; i < rows; i++)
            for (size_t v = 0; v < vectors; v++)
                acc[i][v] = *(const vec *)(t->c + i * t->c_row + v * t->c_vector);
    for (size_t s = 0; s < steps; s++) {
        vec x[CEN__TILE_VECTORS];
        if (rows * vectors == 1) CEN__LONE_SUM(acc[0][0]);
        for (size_t v = 0; v < vectors; v++) x[v] = *(const vec *)(b[v] + b_at[s]);
        const float *const as = a + a_at[s];
        for (size_t i = 0; i < rows; i++)
            for (size_t v = 0; v < vectors; v++) acc[i][v] += as[i * a_row] * x[v];
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t v = 0; v < vectors; v++)
            *(vec *)(t->c + i * t->c_row + v * t->c_vector) = acc[i][v];
}

static void tile(size_t rows, size_t vectors, bool spread, const cen__tile *t)
{
#define CASE(r, v)                                                                                 \
    case 8 * (r) + (v):                                                                            \
        if ((r) <= TILE_ROWS_##v && spread) tile_body(r, v, LANES, t);                             \
        if ((r) <= TILE_ROWS_##v && !spread) tile_body(r, v, 1, t);                                \
        break;
#define CASES(v)                                                                                   \
    CASE(1, v)                                                                                     \
    CASE(2, v)                                                                                     \
    CASE(3, v)                                                                                     \
    CASE(4, v)                                                                                     \
    CASE(5, v)                                                                                     \
    CASE(6, v) CASE(7, v) CASE(8, v) CASE(9, v) CASE(10, v) CASE(11, v) CASE(12, v)
    switch (rows * 8 + vectors) {
        CASES(1) CASES(2) CASES(3) CASES(4)
    }
#undef CASES
#undef CASE
}

#if LANES >= 4
typedef float vec4 __attribute__((vector_size(16), aligned(4), may_alias));

/* Halves are added until four lanes are left. */
INLINE vec4 four_sums(vec x)
{
#if LANES > 4
    typedef float vec8 __attribute__((vector_size(32)));
#endif
#if LANES == 16
    const union {
        vec all;
        vec8 half[2];
    } lanes16 = {x};
    const vec8 sum8 = lanes16.half[0] + lanes16.half[1];
#elif LANES == 8
    const vec8 sum8 = x;
#endif
#if LANES > 4
    const union {
        vec8 all;
        vec4 half[2];
    } lanes8 = {sum8};
    return lanes8.half[0] + lanes8.half[1];
#else
    return x;
#endif
}
#else
typedef struct vec4 {
    float x[4];
} vec4;
#endif

/* The sum of the lanes. */
INLINE float lane_sum(vec x)
{
#if LANES >= 4
    const vec4 sums = four_sums(x);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
#else
    return x;
#endif
}

/* to[i * step] += lane_sum(x[i]) for i < n, four by four. */
INLINE void add_lane_sums(size_t n, const vec *x, float *to, ptrdiff_t step)
{
    size_t i = 0;
#if LANES >= 4
    for (; i + 4 <= n; i += 4) {
        const vec4 a = four_sums(x[i]), b = four_sums(x[i + 1]);
        const vec4 c = four_sums(x[i + 2]), d = four_sums(x[i + 3]);
        const vec4 ab = (vec4){a[0], a[2], b[0], b[2]} + (vec4){a[1], a[3], b[1], b[3]};
        const vec4 cd = (vec4){c[0], c[2], d[0], d[2]} + (vec4){c[1], c[3], d[1], d[3]};
        const vec4 sums = (vec4){ab[0], ab[2], cd[0], cd[2]} + (vec4){ab[1], ab[3], cd[1], cd[3]};
        if (step == 1)
            *(vec4 *)(to + i) += sums;
        else
            for (size_t j = 0; j < 4; j++) to[(ptrdiff_t)(i + j) * step] += sums[j];
    }
#endif
    for (; i < n; i++) to[(ptrdiff_t)i * step] += lane_sum(x[i]);
}

/* cen__conv_dots with constant rows. */
INLINE void dots_body(size_t rows, size_t columns, const cen__dots *d)
{
    vec acc[5][CEN__DOTS_COLUMNS];
    const float *row[5], *column[CEN__DOTS_COLUMNS];
    const size_t *const step_at = d->step_at, steps = d->steps;
    for (size_t j = 0; j < CEN__DOTS_COLUMNS; j++) column[j] = d->b + d->b_at[j < columns ? j : 0];
    for (size_t i = 0; i < rows; i++) {
        row[i] = d->a + i * d->a_row;
        for (size_t j = 0; j < CEN__DOTS_COLUMNS; j++) acc[i][j] = (vec){0};
    }
    for (size_t s = 0; s < steps; s++) {
        vec x[CEN__DOTS_COLUMNS];
        for (size_t j = 0; j < CEN__DOTS_COLUMNS; j++)
            x[j] = *(const vec *)(column[j] + step_at[s]);
        for (size_t i = 0; i < rows; i++) {
            const vec y = *(const vec *)(row[i] + s * LANES);
            for (size_t j = 0; j < CEN__DOTS_COLUMNS; j++) acc[i][j] += y * x[j];
        }
    }
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < CEN__DOTS_COLUMNS; j++)
            if (j < columns) d->c[i * d->c_row + j] += lane_sum(acc[i][j]);
}

static void dots(size_t rows, size_t columns, const cen__dots *d)
{
#define CASE(r)                                                                                    \
    case r:                                                                                        \
        if ((r) <= DOTS_ROWS) dots_body(r, columns, d);                                            \
        break;
    switch (rows) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5)
    }
#undef CASE
}

static void add(size_t n, const float *x, float a, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] = x[i] + a;
}

/* Lanes of a long sum: a loop that compilers vectorise where they unroll a shorter one. */
enum { SUMS = 8 * LANES };

INLINE float sum_of_sums(const float *sums)
{
    vec total = {0};
    for (size_t l = 0; l < SUMS; l += LANES) total += *(const vec *)(sums + l);
    return lane_sum(total);
}

static float sum(size_t n, const float *x)
{
    float sums[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t l = 0; l < SUMS; l++) sums[l] += x[i + l];
    for (size_t l = 0; i + l < n; l++) sums[l] += x[i + l];
    return sum_of_sums(sums);
}

#if !defined(CEN_SMALL)
#include "kernels/conv_winograd_kernels.h"
#endif
#include "kernels/conv_pool_kernels.h"
#if !defined(DEPTHWISE)
#include "kernels/conv_depthwise_kernels.h"
#endif

const cen__conv_set SET = {
    LANES,
    {0, TILE_ROWS_1, TILE_ROWS_2, TILE_ROWS_3, TILE_ROWS_4},
    WINOGRAD_VECTORS,
    DOTS_ROWS,
    tile,
    dots,
    add,
    sum,
    sum_kept,
    split,
    pool_plane,
    pool_lanes,
    unpool,
    narrow,
    widen,
#if defined(DEPTHWISE)
    &DEPTHWISE,
    NULL,
    NULL,
    NULL,
    NULL,
    NULL,
#else
    &SET,
    taps,
    tap_pairs,
    tap_sums,
    copy_rows,
    split_rows,
#endif
#if defined(CEN_SMALL)
    NULL,
    NULL,
    NULL,
    NULL,
#else
    gather,
    scatter,
    scatter_add,
    winograds,
#endif
};
