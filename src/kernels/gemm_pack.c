#include "kernels/gemm_pack.h"

#include <string.h>

size_t cen__part_start(size_t total, size_t n_parts, size_t unit, size_t i)
{
    size_t n_units = total / unit + (total % unit != 0), rest = n_units % n_parts;
    size_t start = (i * (n_units / n_parts) + (i < rest ? i : rest)) * unit;
    return start < total ? start : total;
}

/* Four rows of four turned, in vectors where the compiler has a word for it. */
#if defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 12)
typedef float four __attribute__((vector_size(16)));

static inline void turn(const float *from, size_t from_stride, float *to, size_t to_stride)
{
    four r[4], t[4];
    for (size_t i = 0; i < 4; i++) memcpy(&r[i], from + i * from_stride, sizeof(four));
    four low01 = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
    four low23 = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
    four high01 = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
    four high23 = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
    t[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
    t[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
    t[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
    t[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
    for (size_t p = 0; p < 4; p++) memcpy(to + p * to_stride, &t[p], sizeof(four));
}
#else
static inline void turn(const float *from, size_t from_stride, float *to, size_t to_stride)
{
    for (size_t p = 0; p < 4; p++) {
        for (size_t i = 0; i < 4; i++) to[p * to_stride + i] = from[i * from_stride + p];
    }
}
#endif

void cen__transpose(size_t rows, size_t k, const float *from, size_t from_stride, float *to,
                    size_t to_stride)
{
    size_t whole_rows = rows - rows % 4, whole_k = k - k % 4;
    for (size_t p = 0; p < whole_k; p += 4) {
        for (size_t i = 0; i < whole_rows; i += 4) {
            turn(from + i * from_stride + p, from_stride, to + p * to_stride + i, to_stride);
        }
        for (size_t i = whole_rows; i < rows; i++) {
            const float *row = from + i * from_stride + p;
            for (size_t q = 0; q < 4; q++) to[(p + q) * to_stride + i] = row[q];
        }
    }
    for (size_t p = whole_k; p < k; p++) {
        for (size_t i = 0; i < rows; i++) to[p * to_stride + i] = from[i * from_stride + p];
    }
}

/* Rows of a that are adjacent, copied by fours: what a copy writes too much, the next p overwrites.
 * The last p must not read past the matrix, so it is copied number by number. */
static void copy_a(size_t rows, size_t k, const float *from, size_t stride, float *to)
{
    for (size_t p = 0; p + 1 < k; p++, from += stride, to += rows) {
        for (size_t i = 0; i < rows; i += 4) memcpy(to + i, from + i, 4 * sizeof *to);
    }
    for (size_t i = 0; i < rows; i++) to[i] = from[i];
}

void cen__pack_a(size_t rows, size_t k, cen__matrix a, float *to)
{
    if (k == 0) return;
    if (a.column_stride == 1) {
        cen__transpose(rows, k, a.data, a.row_stride, to, rows);
    } else if (a.row_stride == 1 && a.column_stride >= rows + 3) {
        copy_a(rows, k, a.data, a.column_stride, to);
    } else {
        for (size_t p = 0; p < k; p++) {
            const float *from = a.data + p * a.column_stride;
            for (size_t i = 0; i < rows; i++) to[p * rows + i] = from[i * a.row_stride];
        }
    }
}

/* One panel, of columns that are not adjacent or too few. */
static void pack_b_panel(size_t nr, size_t columns, size_t k, cen__matrix b, float *to)
{
    if (b.row_stride == 1) {
        cen__transpose(columns, k, b.data, b.column_stride, to, nr);
    } else {
        for (size_t p = 0; p < k; p++) {
            const float *from = b.data + p * b.row_stride;
            for (size_t j = 0; j < columns; j++) to[p * nr + j] = from[j * b.column_stride];
        }
    }
    if (columns == nr) return;
    for (size_t p = 0; p < k; p++) memset(to + p * nr + columns, 0, (nr - columns) * sizeof *to);
}

void cen__pack_b(const cen__micro *micro, size_t columns, size_t k, cen__matrix b, float *to)
{
    size_t nr = micro->nr, j = 0;
    if (b.column_stride == 1) {
        j = columns - columns % nr;
        micro->copy(k, columns / nr, b.data, b.row_stride, to);
    }
    for (; j < columns; j += nr) {
        cen__matrix panel = {b.data + j * b.column_stride, b.row_stride, b.column_stride};
        pack_b_panel(nr, columns - j < nr ? columns - j : nr, k, panel, to + j * k);
    }
}
