#include "kernels/gemm_turned.h"

#include "kernels/gemm_pack.h"

/* Of C^T so many rows at once, of so many columns at most. */
enum { ROWS = 32, COLUMNS = 48 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* It packs the m rows of A in place of the n columns of B. */
bool cen__gemm_is_turned(const cen__micro *micro, size_t m, size_t n, cen__matrix b)
{
    return b.row_stride == 1 && b.column_stride > 1 && n >= ROWS && n >= 2 * smaller(ROWS, m) &&
           m <= micro->nr && m <= COLUMNS;
}

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) (void)(address)
#endif

/* Asks for columns of B from j on, up to `end`. */
static void prefetch_columns(cen__matrix b, size_t k, size_t j, size_t end)
{
    enum { CACHE_LINE = 16 };
    for (; j < end; j++)
        for (size_t p = 0; p < k; p += CACHE_LINE) PREFETCH(b.data + j * b.column_stride + p);
}

/* The columns of the panel past m are zeros, so that only whole vectors are computed. */
void cen__gemm_turned(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                      cen__matrix b, float *c, size_t ldc, bool accumulate, float *panel)
{
    const size_t nr = micro->nr, width = (m + micro->lanes - 1) / micro->lanes * micro->lanes;
    const cen__matrix turned_a = {a.data, a.column_stride, a.row_stride};
    float sums[ROWS * COLUMNS], turned[COLUMNS * ROWS];
    cen__pack_b(micro, m, k, turned_a, panel);
    for (size_t j = 0; j < n; j += ROWS) {
        const size_t rows = smaller(ROWS, n - j);
        for (size_t i = 0; i < rows; i += micro->mr) {
            const size_t ahead = smaller(j + i + 4 * micro->mr, n);
            prefetch_columns(b, k, ahead, smaller(ahead + micro->mr, n));
            micro->tile_along_k(smaller(micro->mr, rows - i), width, k,
                                b.data + (j + i) * b.column_stride, b.column_stride, panel, nr,
                                sums + i * width, width, false);
        }
        if (!accumulate) {
            cen__transpose(rows, m, sums, width, c + j, ldc);
            continue;
        }
        cen__transpose(rows, m, sums, width, turned, ROWS);
        for (size_t i = 0; i < m; i++)
            for (size_t l = 0; l < rows; l++) c[i * ldc + j + l] += turned[i * ROWS + l];
    }
}
