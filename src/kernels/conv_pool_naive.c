/* The references of conv_pool.h: one layer after the other. */
#include "kernels/conv_pool.h"

#include <string.h>

void cen__conv_pool_forward_naive(const cen__conv *v, size_t n, const float *x, const float *w,
                                  const float *bias, bool relu, float *y, uint8_t *argmax,
                                  float *between)
{
    cen__conv_forward_naive(v, n, x, w, bias, between);
    for (size_t plane = 0; plane < n * v->k; plane++, between += v->out_h * v->out_w)
        for (size_t row = 0; row < v->out_h / 2; row++)
            for (size_t column = 0; column < v->out_w / 2; column++) {
                float best = 0;
                uint8_t at = 0;
                for (uint8_t place = 0; place < 4; place++) {
                    float z = between[(2 * row + place / 2) * v->out_w + 2 * column + place % 2];
                    if (relu && z < 0) z = 0;
                    if (place > 0 && !(z > best) && z == z) continue;
                    best = z;
                    at = place;
                }
                *y++ = best;
                *argmax++ = relu && best <= 0 ? CEN__POOL_CUT : at;
            }
}

/* between = the gradient of the convolution's output. */
static void unpool(const cen__conv *v, size_t n, const float *dy, const uint8_t *argmax,
                   float *between)
{
    memset(between, 0, n * v->k * v->out_h * v->out_w * sizeof *between);
    for (size_t plane = 0; plane < n * v->k; plane++, between += v->out_h * v->out_w)
        for (size_t row = 0; row < v->out_h / 2; row++)
            for (size_t column = 0; column < v->out_w / 2; column++, dy++, argmax++)
                if (*argmax != CEN__POOL_CUT)
                    between[(2 * row + *argmax / 2) * v->out_w + 2 * column + *argmax % 2] = *dy;
}

void cen__conv_pool_backward_data_naive(const cen__conv *v, size_t n, const float *dy,
                                        const uint8_t *argmax, const float *w, float *dx,
                                        float *between)
{
    unpool(v, n, dy, argmax, between);
    cen__conv_backward_data_naive(v, n, between, w, dx);
}

void cen__conv_pool_backward_weights_naive(const cen__conv *v, size_t n, const float *x,
                                           const float *dy, const uint8_t *argmax, float *dw,
                                           float *dbias, float *between)
{
    unpool(v, n, dy, argmax, between);
    cen__conv_backward_weights_naive(v, n, x, between, dw, dbias);
}
