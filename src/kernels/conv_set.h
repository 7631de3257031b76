/* The inner loops of convolution, compiled once for each instruction set from conv_kernels.h. */
#ifndef CEN_KERNELS_CONV_SET_H
#define CEN_KERNELS_CONV_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/conv.h"
#include "kernels/dispatch.h"

/* A tile has up to CEN__TILE_VECTORS vectors of columns, each read at its own place. */
enum { CEN__TILE_VECTORS = 4, CEN__DOTS_COLUMNS = 4 };

/* c[i * c_row + v * c_vector + l] = or, where accumulate, +=
 *     sum over s < steps of a[i * (1 or, where spread, lanes) + a_at[s]] * b[v][b_at[s] + l]
 * for i < rows, v < vectors, l < lanes: a matrix product whose operands lie where the tables say. */
typedef struct cen__tile {
    size_t steps;
    const float *a;
    const size_t *a_at;
    const float *b[CEN__TILE_VECTORS];
    const size_t *b_at;
    float *c;
    size_t c_row, c_vector;
    bool accumulate;
} cen__tile;

typedef void cen__conv_tile(size_t rows, size_t vectors, bool spread, const cen__tile *tile);

/* c[i, j] (rows c_row apart) += sum over s < steps and l < lanes of
 *     a[i * a_row + s * lanes + l] * b[step_at[s] + b_at[j] + l]
 * for i < rows, j < columns <= CEN__DOTS_COLUMNS. */
typedef struct cen__dots {
    size_t steps;
    const float *a;
    size_t a_row;
    const float *b;
    const size_t *step_at, *b_at;
    float *c;
    size_t c_row;
} cen__dots;

typedef void cen__conv_dots(size_t rows, size_t columns, const cen__dots *dots);

/* Winograd's methods on tiles of vectors, see conv_winograd.c. Number (i, j) of a tile is the
 * vector at i * row + j * column. */
typedef struct cen__tile_place {
    ptrdiff_t row, column;
} cen__tile_place;

typedef void cen__conv_transform(const float *from, cen__tile_place from_place, float *to,
                                 cen__tile_place to_place);

typedef struct cen__conv_winograd {
    size_t m, r;                          /* side = m + r - 1 */
    cen__conv_transform *input;           /* B^T d B: side x side to side x side */
    cen__conv_transform *output;          /* A^T m A: side x side to m x m */
    cen__conv_transform *gradient;        /* A dy A^T: m x m to side x side */
    cen__conv_transform *kernel;          /* G g G^T: r x r to side x side */
    cen__conv_transform *kernel_gradient; /* G^T du G: side x side to r x r */
} cen__conv_winograd;

/* Between planes and vectors of channels: lane l of the vector at (row, column) is the number at
 * row * columns + column of plane l, planes `plane` apart; lanes from `valid` on are 0. Rows of
 * vectors are to_row or from_row numbers apart. scatter: to = from + bias[l] (NULL: 0); scatter_add:
 * to += from, of one row. */
typedef void cen__conv_gather(size_t valid, size_t rows, size_t columns, const float *from,
                              size_t plane, float *to, size_t to_row);
typedef void cen__conv_scatter(size_t valid, size_t rows, size_t columns, const float *from,
                               size_t from_row, const float *bias, float *to, size_t plane);
typedef void cen__conv_scatter_add(size_t valid, size_t count, const float *from, float *to,
                                   size_t plane);

/* The maxima of 2x2 windows, whose four places lie at place[0 .. 3][n], plus a bias (bias[n], or
 * bias[0] for all in pool_plane), and where they came from, as conv_pool.h has it, but in 32 bits:
 * loops over numbers of one size have no tails. */
typedef void cen__conv_pool(size_t n, const float *const place[4], const float *bias, bool relu,
                            float *y, uint32_t *argmax);

/* to[i + place] = argmax[i] == place ? dy[i] : 0, where the places are 0, column, row and both. */
typedef void cen__conv_unpool(size_t n, const float *dy, const uint32_t *argmax, float *to,
                              size_t row, size_t column);

/* Numbers of depthwise planes that the first cache holds beside what is read. */
enum { CEN__PLANE_NUMBERS = 1024 };

/* Numbers that are read soon: they come into the cache meanwhile, `step` at a time. */
typedef struct cen__ahead {
    const float *at;
    size_t left, step;
} cen__ahead;

/* The taps of a depthwise convolution, in stacks of `height` taps one below the other, for `count` planes:
 * out[r * out_pitch + q] = start + sum over s < stacks and i < height of
 *     w[w_at[s] + i * w_step] planes[at[s] + (r * step + i) * pitch + q]
 * for r < rows, q < columns. Whole vectors are read, and written where columns are fewer than a vector has.
 * height is what cen__stack_height made of the taps in a column. The next of planes, w, out and start (NULL: 0)
 * lie plane, w_plane, out_plane and start_plane further on.
 * in_place: planes have no padding; what would be read outside of them counts as 0 (conv_depthwise_in_place.h).
 * In tap_pairs, which has step 1 and start 0, the stacks give out[r * out_pitch + 2 * q] and the odd_stacks, which
 * come after them, out[r * out_pitch + 2 * q + 1]. It takes even and odd rows (may be none), which differ in their
 * stacks, weights, rows and out only. */
typedef struct cen__taps {
    size_t stacks, odd_stacks, height, step, rows, columns, pitch;
    const float *w, *planes, *start;
    const size_t *at, *w_at;
    ptrdiff_t w_step;
    float *out;
    size_t out_pitch;
    size_t count, plane, w_plane, out_plane, start_plane;
    bool in_place;
    float *waiting; /* where in_place has stride 2: room for rows vectors */
    cen__ahead ahead[2];
} cen__taps;

/* Its transpose in w:
 * dw[w_at[s] + i * w_step] += sum over r < rows and q of dy[r * dy_pitch + q] planes[at[s] + (r * step + i) * pitch + q]
 * over the whole vectors of dy_pitch, or over its numbers where in_place; and *dbias (may be NULL) += the sum of dy. */
typedef struct cen__tap_sums {
    size_t stacks, height, step;
    size_t rows; /* a multiple of CEN__LAST_ROWS, or 7, or in_place */
    size_t dy_pitch, pitch;
    const float *dy, *planes;
    const size_t *at, *w_at;
    ptrdiff_t w_step;
    float *dw, *dbias;
    size_t count, plane, dy_plane, dw_plane, dbias_plane;
    bool in_place;
    float *dy_column; /* where in_place has stride 2: room for rows + height / 2 vectors */
    cen__ahead ahead[2];
} cen__tap_sums;

/* Of a gradient the loops take four rows, and at last so many; planes of up to so many rows are computed by seven; and
 * vectors of so many lanes have loops that read planes in place (0: none). */
#if defined(CEN_SMALL)
enum { CEN__LAST_ROWS = 4, CEN__SEVENS_MOST = 0, CEN__IN_PLACE_LANES = 0 };
#else
enum { CEN__LAST_ROWS = 2, CEN__SEVENS_MOST = 28, CEN__IN_PLACE_LANES = 8 };
#endif
enum { CEN__SEVENS_TAPS = 49 }; /* of kernels with more, sums are not taken by seven rows */

/* Stacks share their vectors of the input, and those of these heights have loops of their own; each tap of another
 * height is a stack by itself. The sums are the same. */
static inline size_t cen__stack_height(size_t taps, size_t step)
{
#if defined(CEN_SMALL)
    (void)step;
    return taps > 0 ? 1 : 0;
#else
    return (taps == 2 && step == 1) || taps == 3 || taps == 5 || taps == 7 ? taps : 1;
#endif
}

/* Rows of n numbers, those that come and those that go so far apart; split takes them apart by even and odd
 * columns. */
typedef void cen__conv_copy_rows(size_t rows, size_t n, const float *from, size_t from_row,
                                 float *to, size_t to_row);
typedef void cen__conv_split_rows(size_t rows, size_t n, const float *from, size_t from_row,
                                  float *even, float *odd, size_t to_row);

typedef struct cen__conv_set {
    size_t lanes;
    size_t tile_rows[CEN__TILE_VECTORS + 1]; /* the most rows of a tile of so many vectors */
    /* Of a tile of channels by Winograd's method. With 16 registers 6 x 2 is up to 1.7 times as fast as 2 x 4. */
    size_t winograd_vectors;
    size_t dots_rows;
    cen__conv_tile *tile;
    cen__conv_dots *dots;
    void (*add)(size_t n, const float *x, float a, float *y);           /* y[n] = x[n] + a */
    float (*sum)(size_t n, const float *x);                             /* in fixed lanes */
    float (*sum_kept)(size_t n, const float *x, const uint8_t *argmax); /* where it is no cut */
    void (*split)(size_t n, const float *x, float *even, float *odd);   /* x[2 n] to two of n */
    cen__conv_pool *pool_plane, *pool_lanes;
    cen__conv_unpool *unpool;
    void (*narrow)(size_t n, const uint32_t *from, uint8_t *to);
    void (*widen)(size_t n, const uint8_t *from, uint32_t *to);
    const struct cen__conv_set *depthwise; /* whose loops of the next five are taken */
    void (*taps)(const cen__taps *taps);
    void (*tap_pairs)(const cen__taps taps[2]);
    void (*tap_sums)(const cen__tap_sums *sums);
    cen__conv_copy_rows *copy_rows;
    cen__conv_split_rows *split_rows;
    /* Winograd's: */
    cen__conv_gather *gather;
    cen__conv_scatter *scatter;
    cen__conv_scatter_add *scatter_add;
    const cen__conv_winograd *winograds; /* ends with zeros */
} cen__conv_set;

extern const cen__conv_set cen__conv_set_baseline;
#if CEN__X86_SETS
extern const cen__conv_set cen__conv_set_avx2, cen__conv_set_avx512;
#elif CEN__FMA_SET
extern const cen__conv_set cen__conv_set_fma;
#endif

#endif
