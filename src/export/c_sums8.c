/* Convolutions and dense layers of a C file in whole numbers. */
#include "export/c_text.h"

/* clang-format off */

CODE(conv8,
static float window_sum8(const layer *v, const cell *x, const number *w, int k, int row, int column)
{
    int top = row * v->stride_h - v->pad_h, left = column * v->stride_w - v->pad_w;
    int i_begin = top < 0 ? -top : 0, i_end = top + v->kernel_h > v->h ? v->h - top : v->kernel_h;
    int j_begin = left < 0 ? -left : 0, j_end = left + v->kernel_w > v->w ? v->w - left : v->kernel_w;
    int sum = 0;
    for (int c = 0; c < v->c; c++) {
        for (int i = i_begin; i < i_end; i++) {
            const cell *from = x + (c * v->h + top + i) * v->w + left;
            const number *weights = w + (c * v->kernel_h + i) * v->kernel_w;
            for (int j = j_begin; j < j_end; j++) sum += (int)weights[j] * ((int)from[j] - v->x_zero);
        }
    }
    return (float)sum * v->numbers[v->groups * v->k + k] + v->numbers[k];
}

static void conv8(const layer *v, cell *work)
{
    int side = v->pooled ? 2 : 1, y = 0;
    for (int k = 0; k < v->groups * v->k; k++) {
        const cell *x = work + v->x + k / v->k * v->c * v->h * v->w;
        const number *w = v->weights + k * v->c * v->kernel_h * v->kernel_w;
        for (int row = 0; row + side <= v->out_h; row += side) {
            for (int column = 0; column + side <= v->out_w; column += side) {
                float best = window_sum8(v, x, w, k, row, column);
                for (int i = 1; i < side * side; i++) {
                    float other = window_sum8(v, x, w, k, row + i / 2, column + i % 2);
                    if (other > best) best = other;
                }
                put(v, work, y++, best);
            }
        }
    }
})

CODE(dense8,
static void dense8(const layer *v, cell *work)
{
    const cell *x = work + v->x;
    for (int k = 0; k < v->k; k++) {
        const number *w = v->weights + k * v->c;
        int sum = 0;
        for (int i = 0; i < v->c; i++) sum += (int)w[i] * ((int)x[i] - v->x_zero);
        put(v, work, k, (float)sum * v->numbers[v->k + k] + v->numbers[k]);
    }
})

/* clang-format on */

FUNCTION(conv8, 0, false)
FUNCTION(dense8, 0, false)
