/* Convolutions and dense layers of a C file. The order of each sum is that of the kernels for every processor of the
 * architecture ("baseline"), so that a C file gives the bits that they give: conv_direct.c, conv_depthwise.c,
 * conv_winograd.c and gemm.c. */
#include "export/c_text.h"

/* clang-format off */

/* ---- convolution --------------------------------------------------------------------------- */

CODE(conv,
static float window_sum(const layer *v, const float *x, const number *w, float bias, int row, int column)
{
    int top = row * v->stride_h - v->pad_h, left = column * v->stride_w - v->pad_w;
    int i_begin = top < 0 ? -top : 0, i_end = top + v->kernel_h > v->h ? v->h - top : v->kernel_h;
    int j_begin = left < 0 ? -left : 0, j_end = left + v->kernel_w > v->w ? v->w - left : v->kernel_w;
    float sum = 0;
    if (v->columns_first) {
        sum = bias;
        for (int j = j_begin; j < j_end; j++) {
            for (int i = i_begin; i < i_end; i++) {
                sum += value(w[i * v->kernel_w + j]) * x[(top + i) * v->w + left + j];
            }
        }
        return sum;
    }
    for (int c = 0; c < v->c; c++) {
        for (int i = i_begin; i < i_end; i++) {
            const float *from = x + (c * v->h + top + i) * v->w + left;
            const number *weights = w + (c * v->kernel_h + i) * v->kernel_w;
            for (int j = j_begin; j < j_end; j++) sum += value(weights[j]) * from[j];
        }
    }
    return sum + bias;
}

static void conv(const layer *v, cell *work)
{
    int side = v->pooled ? 2 : 1;
    float *y = work + v->y;
    for (int k = 0; k < v->groups * v->k; k++) {
        const float *x = work + v->x + k / v->k * v->c * v->h * v->w;
        const number *w = v->weights + k * v->c * v->kernel_h * v->kernel_w;
        for (int row = 0; row + side <= v->out_h; row += side) {
            for (int column = 0; column + side <= v->out_w; column += side) {
                float best = window_sum(v, x, w, v->numbers[k], row, column);
                for (int i = 1; i < side * side; i++) {
                    float other = window_sum(v, x, w, v->numbers[k], row + i / 2, column + i % 2);
                    if (other > best || other != other) best = other;
                }
                *y++ = best;
            }
        }
    }
})

SHARED(cen__c_lines,
static void input3_line(const float *x, float *y)
{
    const float a1 = 0.625f, a2 = a1 * a1, a3 = a1 * a2, a4 = a2 * a2;
    float a = x[4] - 4 * a2 * x[2], b = a1 * x[3] - 4 * a3 * x[1];
    float c = x[4] - a2 * x[2], d = 2 * a1 * x[3] - 2 * a3 * x[1];
    y[0] = x[4] - 5 * a2 * x[2] + 4 * a4 * x[0];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = x[5] - 5 * a2 * x[3] + 4 * a4 * x[1];
}

static void input5_line(const float *x, float *y)
{
    float a = x[6] - 4.25f * x[4] + x[2], b = x[5] - 4.25f * x[3] + x[1];
    float c = x[6] - 1.25f * x[4] + 0.25f * x[2], d = 2 * x[5] - 2.5f * x[3] + 0.5f * x[1];
    float e = x[6] - 5 * x[4] + 4 * x[2], f = 0.5f * x[5] - 2.5f * x[3] + 2 * x[1];
    y[0] = x[6] - 5.25f * x[4] + 5.25f * x[2] - x[0];
    y[1] = a + b;
    y[2] = a - b;
    y[3] = c + d;
    y[4] = c - d;
    y[5] = e + f;
    y[6] = e - f;
    y[7] = x[7] - 5.25f * x[5] + 5.25f * x[3] - x[1];
}

static void kernel3_line(const float *x, float *y)
{
    const float a1 = 0.625f, a2 = a1 * a1, a4 = a2 * a2;
    const float over0 = 1 / (4 * a4), over1 = -1 / (6 * a4), over2 = 1 / (24 * a4);
    float a = x[0] + a2 * x[2], b = x[0] + 4 * a2 * x[2];
    y[0] = over0 * x[0];
    y[1] = over1 * a + over1 * a1 * x[1];
    y[2] = over1 * a - over1 * a1 * x[1];
    y[3] = over2 * b + over2 * 2 * a1 * x[1];
    y[4] = over2 * b - over2 * 2 * a1 * x[1];
    y[5] = x[2];
}

static void kernel5_line(const float *x, float *y)
{
    const float at1 = -2.0f / 9, at2 = 1.0f / 90, at_half = 32.0f / 45;
    float a = x[0] + x[2] + x[4], b = x[1] + x[3];
    float c = x[0] + 4 * x[2] + 16 * x[4], d = x[1] + 4 * x[3];
    float e = x[0] + 0.25f * x[2] + 0.0625f * x[4], f = x[1] + 0.25f * x[3];
    y[0] = -x[0];
    y[1] = at1 * a + at1 * b;
    y[2] = at1 * a - at1 * b;
    y[3] = at2 * c + 2 * at2 * d;
    y[4] = at2 * c - 2 * at2 * d;
    y[5] = at_half * e + 0.5f * at_half * f;
    y[6] = at_half * e - 0.5f * at_half * f;
    y[7] = x[4];
}

static void output3_line(const float *x, float *y)
{
    const float a1 = 0.625f, a2 = a1 * a1, a3 = a1 * a2;
    float a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    y[0] = x[0] + a + c;
    y[1] = a1 * b + 2 * a1 * d;
    y[2] = a2 * a + 4 * a2 * c;
    y[3] = a3 * b + 8 * a3 * d + x[5];
}

static void output5_line(const float *x, float *y)
{
    float a = x[1] + x[2], b = x[1] - x[2], c = x[3] + x[4], d = x[3] - x[4];
    float e = x[5] + x[6], f = x[5] - x[6];
    y[0] = x[0] + a + (c + e);
    y[1] = b + 2 * d + 0.5f * f;
    y[2] = a + 4 * c + 0.25f * e;
    y[3] = b + 8 * d + 0.125f * f + x[7];
})

CODE(winograd,
/* The first n_from x n_from numbers become the first n_to x n_to. */
static void sandwich(void (*line)(const float *, float *), int n_from, int n_to, float *tile, int pitch)
{
    float in[8], out[8];
    for (int j = 0; j < n_from; j++) {
        for (int i = 0; i < n_from; i++) in[i] = tile[i * pitch + j];
        line(in, out);
        for (int i = 0; i < n_to; i++) tile[i * pitch + j] = out[i];
    }
    for (int i = 0; i < n_to; i++) {
        line(tile + i * pitch, out);
        for (int j = 0; j < n_to; j++) tile[i * pitch + j] = out[j];
    }
}

static void transform_inputs(const layer *v, const float *x, int row, int tiles, float *to)
{
    int tile_side = v->kernel_h + 3, points = tile_side * tile_side;
    for (int i = 0; i < v->c * tiles; i++, to += points) {
        const float *plane = x + i / tiles * v->h * v->w;
        int top = row - v->pad_h, left = i % tiles * 4 - v->pad_w;
        for (int p = 0; p < points; p++) {
            int r = top + p / tile_side, q = left + p % tile_side;
            to[p] = r < 0 || q < 0 || r >= v->h || q >= v->w ? 0 : plane[r * v->w + q];
        }
        sandwich(tile_side == 6 ? input3_line : input5_line, tile_side, tile_side, to, tile_side);
    }
}

static void multiply(const layer *v, const number *w, const float *inputs, int tiles, float *sums)
{
    float kernel[64];
    int taps = v->kernel_h * v->kernel_w, tile_side = v->kernel_h + 3, points = tile_side * tile_side;
    for (int i = 0; i < tiles * points; i++) sums[i] = 0;
    for (int c = 0; c < v->c; c++, inputs += tiles * points, w += taps) {
        for (int i = 0; i < taps; i++) kernel[i / v->kernel_w * tile_side + i % v->kernel_w] = value(w[i]);
        sandwich(taps == 9 ? kernel3_line : kernel5_line, v->kernel_h, tile_side, kernel, tile_side);
        for (int i = 0; i < tiles * points; i++) sums[i] += inputs[i] * kernel[i % points];
    }
}

static void write_rows(const layer *v, const float *rows, int row, int pitch, float bias, float *y)
{
    int side = v->pooled ? 2 : 1, width = v->out_w / side;
    for (int i = 0; i < 4 && row + i + side <= v->out_h; i += side) {
        for (int q = 0; q < width; q++) {
            const float *from = rows + i * pitch + q * side;
            float best = from[0];
            for (int p = 1; p < side * side; p++) {
                float other = from[p / 2 * pitch + p % 2];
                if (other > best || other != other) best = other;
            }
            y[(row + i) / side * width + q] = best + bias;
        }
    }
}

static void winograd(const layer *v, cell *work)
{
    int tile_side = v->kernel_h + 3, points = tile_side * tile_side, tiles = (v->out_w + 3) / 4;
    int side = v->pooled ? 2 : 1;
    float *inputs = work + v->scratch, *sums = inputs + v->c * tiles * points, *rows = sums + tiles * points;
    for (int g = 0; g < v->groups; g++) {
        for (int row = 0; row + side <= v->out_h; row += 4) {
            transform_inputs(v, work + v->x + g * v->c * v->h * v->w, row, tiles, inputs);
            for (int k = g * v->k; k < (g + 1) * v->k; k++) {
                multiply(v, v->weights + k * v->c * v->kernel_h * v->kernel_w, inputs, tiles, sums);
                for (int t = 0; t < tiles; t++) {
                    float *tile = sums + t * points;
                    sandwich(tile_side == 6 ? output3_line : output5_line, tile_side, 4, tile, tile_side);
                    for (int p = 0; p < 16; p++) rows[(p / 4 * tiles + t) * 4 + p % 4] = tile[p / 4 * tile_side + p % 4];
                }
                write_rows(v, rows, row, tiles * 4, v->numbers[k],
                           work + v->y + k * (v->out_h / side) * (v->out_w / side));
            }
        }
    }
})

/* ---- other layers -------------------------------------------------------------------------- */

CODE(dense,
static int part_start(int total, int n_parts, int i)
{
    int units = (total + 15) / 16, rest = units % n_parts;
    int start = (i * (units / n_parts) + (i < rest ? i : rest)) * 16;
    return start < total ? start : total;
}

static void dense(const layer *v, cell *work)
{
    const float *x = work + v->x;
    for (int k = 0; k < v->k; k++) {
        const number *w = v->weights + k * v->c;
        float y = v->numbers[k], total = 0;
        for (int p = 0; p < v->parts; p++) {
            int first = part_start(v->c, v->parts, p);
            int count = part_start(v->c, v->parts, p + 1) - first, n_blocks = (count + 255) / 256;
            float part = v->parts > 1 ? 0 : y;
            for (int b = 0; b < n_blocks; b++) {
                int end = first + part_start(count, n_blocks, b + 1);
                float sum = 0;
                for (int i = first + part_start(count, n_blocks, b); i < end; i++) {
                    sum += x[i] * value(w[i]);
                }
                part += sum;
            }
            total += part;
        }
        work[v->y + k] = v->parts > 1 ? y + total : total;
    }
})

/* clang-format on */

FUNCTION(conv, NEEDS(VALUE), false)
FUNCTION(winograd, NEEDS(VALUE) | NEEDS(LINES), false)
FUNCTION(dense, NEEDS(VALUE), false)
