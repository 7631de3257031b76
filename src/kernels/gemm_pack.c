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

static inline four load(const float *from)
{
    four x;
    memcpy(&x, from, sizeof x);
    return x;
}

static inline void store(float *to, four x)
{
    memcpy(to, &x, sizeof x);
}

static inline void turn(const float *from, size_t from_stride, float *to, size_t to_stride)
{
    four a = load(from), b = load(from + from_stride);
    four c = load(from + 2 * from_stride), d = load(from + 3 * from_stride);
    four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    store(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
    store(to + to_stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
    store(to + 2 * to_stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
    store(to + 3 * to_stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}
#else
static inline void turn(const float *from, size_t from_stride, float *to, size_t to_stride)
{
    for (size_t p = 0; p < 4; p++) {
        for (size_t i = 0; i < 4; i++) to[p * to_stride + i] = from[i * from_stride + p];
    }
}
#endif

/* Numbers of k that are turned for all rows before the next: two cache lines of each row are read,
 * and what is written stays in L1 until its lines are whole. */
enum { TURN_K = 32 };

void cen__transpose(size_t rows, size_t k, const float *from, size_t from_stride, float *to,
                    size_t to_stride)
{
    size_t whole_rows = rows - rows % 4, whole_k = k - k % 4;
    for (size_t start = 0; start < whole_k; start += TURN_K) {
        size_t end = whole_k - start < TURN_K ? whole_k : start + TURN_K;
        for (size_t i = 0; i < whole_rows; i += 4) {
            for (size_t p = start; p < end; p += 4) {
                turn(from + i * from_stride + p, from_stride, to + p * to_stride + i, to_stride);
            }
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t p = i < whole_rows ? whole_k : 0; p < k; p++) {
            to[p * to_stride + i] = from[i * from_stride + p];
        }
    }
}

/* to[p, i] = x[i, p]. */
static void pack_panel(size_t width, size_t k, cen__matrix x, float *to, size_t to_stride)
{
    for (size_t p = 0; p < k; p++, to += to_stride) {
        const float *from = x.data + p * x.column_stride;
        if (x.row_stride == 1) {
            memcpy(to, from, width * sizeof *to);
        } else {
            for (size_t i = 0; i < width; i++) to[i] = from[i * x.row_stride];
        }
    }
}

/* Whole panels of adjacent rows: mr is a multiple of four. */
static void copy_a(size_t mr, size_t n_panels, size_t k, const float *from, size_t stride,
                   float *to)
{
    for (size_t p = 0; p < k; p++, from += stride, to += mr) {
        for (size_t panel = 0; panel < n_panels; panel++) {
            for (size_t i = 0; i < mr; i += 4) {
                memcpy(to + panel * k * mr + i, from + panel * mr + i, 4 * sizeof *to);
            }
        }
    }
}

void cen__pack_a(const cen__micro *micro, size_t rows, size_t k, cen__matrix a, float *to)
{
    size_t mr = micro->mr, i = 0;
    if (a.row_stride == 1 && mr % 4 == 0) {
        i = rows - rows % mr;
        copy_a(mr, rows / mr, k, a.data, a.column_stride, to);
    }
    for (; i < rows; i += mr) {
        cen__matrix panel = {a.data + i * a.row_stride, a.row_stride, a.column_stride};
        size_t height = rows - i < mr ? rows - i : mr;
        if (a.column_stride == 1) {
            cen__transpose(height, k, panel.data, a.row_stride, to + i * k, height);
        } else {
            pack_panel(height, k, panel, to + i * k, height);
        }
    }
}

void cen__pack_b(const cen__micro *micro, size_t columns, size_t k, cen__matrix b, float *to)
{
    size_t nr = micro->nr, j = 0;
    if (b.column_stride == 1) {
        j = columns - columns % nr;
        micro->copy(k, columns / nr, b.data, b.row_stride, to);
    }
    for (; j < columns; j += nr) {
        const float *from = b.data + j * b.column_stride;
        size_t width = columns - j < nr ? columns - j : nr;
        if (b.row_stride == 1) {
            cen__transpose(width, k, from, b.column_stride, to + j * k, nr);
        } else {
            pack_panel(width, k, (cen__matrix){from, b.column_stride, b.row_stride}, to + j * k,
                       nr);
        }
        for (size_t p = 0; p < k && width < nr; p++) {
            memset(to + j * k + p * nr + width, 0, (nr - width) * sizeof *to);
        }
    }
}
