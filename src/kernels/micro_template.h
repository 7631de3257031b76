/* The micro-kernels, compiled once for each instruction set. The file that includes this says
 *   CEN__LANES                          floats in a vector, 1 where the compiler has no vectors
 *   CEN__MR                             rows of the tile, 1, 4 or 8; it is 3 vectors wide
 *   CEN__MC, CEN__KC, CEN__NC           cache blocks
 *   CEN__CONTRACT                       1 where a multiply and an add may become one fused instruction,
 *                                       which -std=c99 turns off
 * and has a target pragma in force. */
#include "kernels/lone_sum.h"

#if CEN__LANES > 1
typedef float vector __attribute__((vector_size(4 * CEN__LANES)));
#else
typedef float vector;
#endif

/* The unrolled tile must not be folded back into a call of memset. */
#if defined(__clang__)
#if CEN__CONTRACT
#pragma clang fp contract(on)
#endif
#define CEN__FUSED
#elif defined(__GNUC__) && CEN__CONTRACT
#define CEN__FUSED                                                                                 \
    __attribute__((optimize("O3", "fp-contract=fast", "no-tree-loop-distribute-patterns")))
#elif defined(__GNUC__)
#define CEN__FUSED                                                                                 \
    __attribute__((optimize("O3", "fp-contract=off", "no-tree-loop-distribute-patterns")))
#else
#define CEN__FUSED
#endif

#if defined(__GNUC__)
#define CEN__INLINE static inline __attribute__((always_inline))
#else
#define CEN__INLINE static inline
#endif

enum { MR = CEN__MR, LANES = CEN__LANES, VECTORS = 3, NR = VECTORS * LANES };

CEN__INLINE CEN__FUSED vector load(const float *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

CEN__INLINE CEN__FUSED void store(float *to, vector v)
{
    memcpy(to, &v, sizeof v);
}

/* c[rows, vectors * LANES] = or += a b, k > 0; number (i, p) of a is a[i * row_step + p * k_step]. rows
 * and vectors are constants where this is called, so that sums and pointers are registers. */
CEN__INLINE CEN__FUSED void full_tile(const int rows, const int vectors, size_t k, const float *a,
                                      size_t row_step, size_t k_step, const float *b, size_t ldb,
                                      float *c, size_t ldc, bool accumulate)
{
    vector sum[MR][VECTORS], zero = {0};
    const float *a_row[MR];
    for (int i = 0; i < rows; i++) {
        a_row[i] = a + (size_t)i * row_step;
        for (int v = 0; v < vectors; v++) sum[i][v] = zero;
    }
    size_t at = 0;
    do {
        vector row[VECTORS];
        if (rows * vectors == 1) CEN__LONE_SUM(sum[0][0]);
        for (int v = 0; v < vectors; v++) row[v] = load(b + v * LANES);
        for (int i = 0; i < rows; i++) {
            for (int v = 0; v < vectors; v++) sum[i][v] += a_row[i][at] * row[v];
        }
        at += k_step;
        b += ldb;
    } while (--k > 0);
    for (int i = 0; i < rows; i++, c += ldc) {
        for (int v = 0; v < vectors; v++) {
            store(c + v * LANES, accumulate ? load(c + v * LANES) + sum[i][v] : sum[i][v]);
        }
    }
}

typedef void tile_function(size_t k, const float *a, size_t row_step, size_t k_step, const float *b,
                           size_t ldb, float *c, size_t ldc, bool accumulate);

/* A function for each shape of tile. */
#define CEN__TILE(rows, vectors)                                                                   \
    CEN__FUSED static void tile_##rows##_##vectors(size_t k, const float *a, size_t row_step,      \
                                                   size_t k_step, const float *b, size_t ldb,      \
                                                   float *c, size_t ldc, bool accumulate)          \
    {                                                                                              \
        full_tile(rows, vectors, k, a, row_step, k_step, b, ldb, c, ldc, accumulate);              \
    }
#define CEN__TILES(rows) CEN__TILE(rows, 1) CEN__TILE(rows, 2) CEN__TILE(rows, 3)

CEN__TILES(1)
#if CEN__MR > 1
CEN__TILES(2)
CEN__TILES(3)
CEN__TILES(4)
#endif
#if CEN__MR == 8
CEN__TILES(5)
CEN__TILES(6)
CEN__TILES(7)
CEN__TILES(8)
#endif

static tile_function *const tiles[MR][VECTORS] = {
    {tile_1_1, tile_1_2, tile_1_3},
#if CEN__MR > 1
    {tile_2_1, tile_2_2, tile_2_3}, {tile_3_1, tile_3_2, tile_3_3}, {tile_4_1, tile_4_2, tile_4_3},
#endif
#if CEN__MR == 8
    {tile_5_1, tile_5_2, tile_5_3}, {tile_6_1, tile_6_2, tile_6_3}, {tile_7_1, tile_7_2, tile_7_3},
    {tile_8_1, tile_8_2, tile_8_3},
#endif
};

static void any_tile(size_t rows, size_t columns, size_t k, const float *a, size_t row_step,
                     size_t k_step, const float *b, size_t ldb, float *c, size_t ldc,
                     bool accumulate)
{
    tile_function *run = tiles[rows - 1][(columns - 1) / LANES];
    if (columns % LANES == 0) {
        run(k, a, row_step, k_step, b, ldb, c, ldc, accumulate);
        return;
    }
    float whole[MR * NR];
    run(k, a, row_step, k_step, b, ldb, whole, NR, false);
    for (size_t i = 0; i < rows; i++) {
        const float *from = whole + i * NR;
        float *to = c + i * ldc;
        if (accumulate) {
            for (size_t j = 0; j < columns; j++) to[j] += from[j];
        } else {
            memcpy(to, from, columns * sizeof *to);
        }
    }
}

static void tile(size_t rows, size_t columns, size_t k, const float *a, size_t lda, const float *b,
                 size_t ldb, float *c, size_t ldc, bool accumulate)
{
    any_tile(rows, columns, k, a, 1, lda, b, ldb, c, ldc, accumulate);
}

static void tile_along_k(size_t rows, size_t columns, size_t k, const float *a, size_t lda,
                         const float *b, size_t ldb, float *c, size_t ldc, bool accumulate)
{
    any_tile(rows, columns, k, a, lda, 1, b, ldb, c, ldc, accumulate);
}

CEN__FUSED static void copy(size_t k, size_t n_panels, const float *from, size_t stride, float *to)
{
    for (size_t p = 0; p < k; p++, from += stride, to += NR) {
        for (size_t panel = 0; panel < n_panels; panel++) {
            for (size_t j = 0; j < NR; j += LANES) {
                store(to + panel * k * NR + j, load(from + panel * NR + j));
            }
        }
    }
}

#define CEN__MICRO MR, NR, LANES, CEN__MC, CEN__KC, CEN__NC, tile, tile_along_k, copy
