#include "kernels/gemm_dots.h"

#include <string.h>

/* Sums kept in scratch at most, in tiles: they should stay in L2. */
enum { TILES_MOST = 512, K_LEAST = 1024 };

/* Numbers of k between one visit of a sum and the next: the operands' rows stay in L1 and L2. */
enum { K_BLOCK = 512 };

static size_t tile_count(const cen__micro *micro, size_t m, size_t n)
{
    size_t tile_rows = (m + micro->dot_rows - 1) / micro->dot_rows;
    size_t tile_columns = (n + micro->dot_columns - 1) / micro->dot_columns;
    return tile_columns > TILES_MOST / tile_rows ? TILES_MOST + 1 : tile_rows * tile_columns;
}

bool cen__gemm_dots_fit(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                        cen__matrix b)
{
    /* Packing costs (m + n) k, the product m n k; measured, they weigh the same at a ratio of some
     * 3 lanes. */
    return a.column_stride == 1 && b.row_stride == 1 && k >= K_LEAST &&
           tile_count(micro, m, n) <= TILES_MOST && m * n < 3 * micro->lanes * (m + n);
}

size_t cen__gemm_dots_count(const cen__micro *micro, size_t m, size_t n)
{
    size_t n_tiles = tile_count(micro, m, n);
    if (n_tiles > TILES_MOST) n_tiles = TILES_MOST;
    return n_tiles * micro->dot_rows * micro->dot_columns * micro->lanes;
}

/* The sum of a power of two numbers, by halves. */
static float sum_lanes(size_t lanes, const float *x)
{
    float sum[CEN__LANES_MAX];
    memcpy(sum, x, lanes * sizeof *x);
    for (size_t width = lanes / 2; width > 0; width /= 2) {
        for (size_t i = 0; i < width; i++) sum[i] += sum[i + width];
    }
    return sum[0];
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

typedef struct {
    size_t m, n, k;
    cen__matrix a, b;
} product;

/* sums[tile, dot_rows, dot_columns, lanes] of the whole vectors of k. */
static void add_products(const cen__micro *micro, const product *x, float *sums)
{
    size_t rows = micro->dot_rows, columns = micro->dot_columns;
    for (size_t p = 0; p < x->k; p += K_BLOCK) {
        size_t tile = 0;
        for (size_t i = 0; i < x->m; i += rows) {
            for (size_t j = 0; j < x->n; j += columns, tile++) {
                micro->dots(smaller(rows, x->m - i), smaller(columns, x->n - j),
                            smaller(K_BLOCK, x->k - p), x->a.data + i * x->a.row_stride + p,
                            x->a.row_stride, x->b.data + j * x->b.column_stride + p,
                            x->b.column_stride, sums + tile * rows * columns * micro->lanes);
            }
        }
    }
}

void cen__gemm_dots(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                    cen__matrix b, float *c, size_t ldc, bool accumulate, float *scratch)
{
    size_t rows = micro->dot_rows, columns = micro->dot_columns, lanes = micro->lanes;
    size_t whole_k = k - k % lanes, tile_columns = (n + columns - 1) / columns;
    memset(scratch, 0, cen__gemm_dots_count(micro, m, n) * sizeof *scratch);
    add_products(micro, &(product){m, n, whole_k, a, b}, scratch);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            size_t tile = i / rows * tile_columns + j / columns;
            size_t place = (tile * rows + i % rows) * columns + j % columns;
            float sum = sum_lanes(lanes, scratch + place * lanes);
            for (size_t p = whole_k; p < k; p++) {
                sum += a.data[i * a.row_stride + p] * b.data[j * b.column_stride + p];
            }
            c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum : sum;
        }
    }
}
