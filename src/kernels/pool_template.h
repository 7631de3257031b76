/* Maxima over windows of 2x2, alone and behind batch normalisation (norm_template.h); part of
 * vector_template.h. */
#include "kernels/conv_pool.h"

enum { POOL_BLOCK = 64 };

/* Windows that are computed at once: of as many rows of windows as fit. Planes are narrow, so
 * that their rows alone would fill no vector; what is missing behind the last is zeros. */
typedef struct pool_block {
    float top[2 * POOL_BLOCK], bottom[2 * POOL_BLOCK]; /* the windows' upper and lower x - mean */
    float out[POOL_BLOCK], from[POOL_BLOCK];
    uint32_t places[POOL_BLOCK];
} pool_block;

enum { POOL_PAD = 16 };

CEN__INLINE size_t pool_rows(size_t rows, size_t out_w)
{
    size_t most = out_w == 0 || out_w > POOL_BLOCK ? 1 : POOL_BLOCK / out_w;
    return rows < most ? rows : most;
}

CEN__INLINE size_t pool_padded(size_t n)
{
    return (n + POOL_PAD - 1) / POOL_PAD * POOL_PAD;
}

/* Beside a memcpy of so few bytes, whose size is not known, the subtraction costs nothing. */
CEN__INLINE void pool_center(size_t n, float mean, const float *restrict x, float *restrict to)
{
    for (size_t i = 0; i < n; i++) to[i] = x[i] - mean;
}

/* rows of width windows; from one row of x to the one below are w numbers. */
CEN__INLINE void pool_gather(pool_block *block, size_t rows, size_t width, size_t w, float mean,
                             const float *x)
{
    size_t n = rows * width, rest = 2 * (pool_padded(n) - n);
    for (size_t r = 0; r < rows; r++, x += 2 * w) {
        pool_center(2 * width, mean, x, block->top + 2 * r * width);
        pool_center(2 * width, mean, x + w, block->bottom + 2 * r * width);
    }
    memset(block->top + 2 * n, 0, rest * sizeof *block->top);
    memset(block->bottom + 2 * n, 0, rest * sizeof *block->bottom);
}

CEN__INLINE void pool_scale(size_t n, float scale, const float *restrict from, float *restrict x)
{
    for (size_t i = 0; i < n; i++) x[i] = scale * from[i];
}

CEN__INLINE void pool_scatter(const pool_block *block, size_t rows, size_t width, size_t w,
                              float scale, float *x)
{
    for (size_t r = 0; r < rows; r++, x += 2 * w) {
        pool_scale(2 * width, scale, block->top + 2 * r * width, x);
        pool_scale(2 * width, scale, block->bottom + 2 * r * width, x + w);
    }
}

/* In vectors of numbers of one size, which compilers need. */
CEN__INLINE void pool_windows(size_t n, bool relu, float scale, float bias, pool_block *block)
{
    const float *restrict top = block->top, *restrict bottom = block->bottom;
    float *restrict out = block->out, *restrict kept = block->from;
    uint32_t *restrict places = block->places;
    for (size_t i = 0; i < n; i++) {
        const float a = top[2 * i], b = top[2 * i + 1], c = bottom[2 * i], d = bottom[2 * i + 1];
        float from = a, best = a * scale + bias, z = b * scale + bias;
        uint32_t at = 0;
        bool wins = (z > best) | (z != z);
        best = wins ? z : best;
        from = wins ? b : from;
        at = wins ? 1 : at;
        z = c * scale + bias;
        wins = (z > best) | (z != z);
        best = wins ? z : best;
        from = wins ? c : from;
        at = wins ? 2 : at;
        z = d * scale + bias;
        wins = (z > best) | (z != z);
        best = wins ? z : best;
        from = wins ? d : from;
        at = wins ? 3 : at;
        const bool cut = relu & (best <= 0);
        out[i] = cut ? 0 : best;
        kept[i] = from;
        places[i] = cut ? CEN__POOL_CUT : at;
    }
}

static void pool_2x2(size_t rows, size_t width, size_t w, const float *x, float *y, uint8_t *place)
{
    pool_block block;
    for (size_t row = 0, count; row < rows; row += count) {
        count = pool_rows(rows - row, width);
        for (size_t q = 0; q < width; q += POOL_BLOCK) {
            size_t part = width - q < POOL_BLOCK ? width - q : POOL_BLOCK, n = count * part;
            pool_gather(&block, count, part, w, 0, x + 2 * row * w + 2 * q);
            pool_windows(pool_padded(n), false, 1, 0, &block);
            memcpy(y, block.from, n * sizeof *y);
            for (size_t i = 0; i < n && place != NULL; i++) place[i] = (uint8_t)block.places[i];
            y += n;
            if (place != NULL) place += n;
        }
    }
}
