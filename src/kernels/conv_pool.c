/* Which method computes which shape. Without one of its own, an image's convolution is computed into
 * scratch and pooled from the cache. */
#include "kernels/conv_pool.h"

#include <string.h>

#include "base/sizes.h"
#include "kernels/conv_direct.h"
#include "kernels/conv_pool_direct.h"
#include "kernels/conv_set.h"
#include "kernels/conv_winograd.h"

static size_t between_count(const cen__conv *v)
{
    return cen__round_up(v->k * v->out_h * v->out_w, 16);
}

size_t cen__conv_pool_scratch_count(const cen__conv *v)
{
    const cen__conv_set *const set = v->kernels->conv;
    if (cen__winograd_suits(v, set)) return cen__winograd_scratch_count(v, set);
    const size_t direct =
        cen__pool_direct_suits(v, set) ? cen__pool_direct_scratch_count(v, set) : 0;
    const size_t apart = cen__plus(between_count(v), cen__conv_scratch_count(v, 1));
    return direct > apart ? direct : apart;
}

/* y, argmax[k, out_h / 2, out_w / 2] of z[k, out_h, out_w]. */
static void pool_image(const cen__conv *v, const float *z, bool relu, float *y, uint8_t *argmax)
{
    for (size_t k = 0; k < v->k; k++, z += v->out_h * v->out_w)
        for (size_t r = 0; r < v->out_h / 2; r++)
            for (size_t q = 0; q < v->out_w / 2; q++) {
                const float *const first = z + 2 * r * v->out_w + 2 * q;
                float best = first[0];
                size_t at = 0;
                for (size_t place = 1; place < 4; place++) {
                    const float number = first[place / 2 * v->out_w + place % 2];
                    if (number <= best) continue;
                    if (number > best || number != number) {
                        best = number;
                        at = place;
                    }
                }
                const bool cut = relu && best <= 0;
                *y++ = cut ? 0 : best;
                if (argmax != NULL) *argmax++ = (uint8_t)(cut ? CEN__POOL_CUT : at);
            }
}

/* dz[k, out_h, out_w] = the gradient of the convolution. */
static void unpool_image(const cen__conv *v, const float *dy, const uint8_t *argmax, float *dz)
{
    memset(dz, 0, v->k * v->out_h * v->out_w * sizeof *dz);
    for (size_t k = 0; k < v->k; k++, dz += v->out_h * v->out_w)
        for (size_t r = 0; r < v->out_h / 2; r++)
            for (size_t q = 0; q < v->out_w / 2; q++, dy++, argmax++)
                if (*argmax != CEN__POOL_CUT)
                    dz[(2 * r + *argmax / 2) * v->out_w + 2 * q + *argmax % 2] = *dy;
}

void cen__conv_pool_forward(const cen__conv *v, size_t n, const float *x, const float *w,
                            const float *prepared, const float *bias, bool relu, float *y,
                            uint8_t *argmax, float *scratch)
{
    const cen__conv_set *const set = v->kernels->conv;
    if (cen__winograd_suits(v, set)) {
        const cen__pooling pooling = {relu, argmax};
        cen__winograd_forward(v, set, n, x, prepared, bias, &pooling, y, scratch);
        return;
    }
    if (cen__pool_direct_suits(v, set)) {
        cen__pool_direct_forward(v, set, n, x, w, bias, relu, y, argmax, scratch);
        return;
    }
    const size_t pooled = v->k * (v->out_h / 2) * (v->out_w / 2);
    for (size_t image = 0; image < n; image++) {
        cen__conv_forward(v, 1, x + image * v->c * v->h * v->w, w, prepared, bias, scratch,
                          scratch + between_count(v));
        pool_image(v, scratch, relu, y + image * pooled,
                   argmax != NULL ? argmax + image * pooled : NULL);
    }
}

void cen__conv_pool_backward_data(const cen__conv *v, size_t n, const float *dy,
                                  const uint8_t *argmax, const float *w, const float *prepared,
                                  float *dx, float *scratch)
{
    const cen__conv_set *const set = v->kernels->conv;
    if (cen__winograd_suits(v, set)) {
        cen__winograd_backward_data(v, set, n, dy, argmax, prepared, dx, scratch);
        return;
    }
    const size_t pooled = v->k * (v->out_h / 2) * (v->out_w / 2);
    for (size_t image = 0; image < n; image++) {
        unpool_image(v, dy + image * pooled, argmax + image * pooled, scratch);
        cen__conv_backward_data(v, 1, scratch, w, prepared, dx + image * v->c * v->h * v->w,
                                scratch + between_count(v));
    }
}

void cen__conv_pool_backward_weights(const cen__conv *v, size_t n, const float *x, const float *dy,
                                     const uint8_t *argmax, float *dw, float *dbias, float *scratch)
{
    const cen__conv_set *const set = v->kernels->conv;
    const size_t plane = (v->out_h / 2) * (v->out_w / 2), pooled = v->k * plane;
    for (size_t image = 0; image < n; image++)
        for (size_t k = 0; k < v->k; k++) {
            const size_t first = image * pooled + k * plane;
            dbias[k] += set->sum_kept(plane, dy + first, argmax + first);
        }
    if (cen__winograd_suits(v, set)) {
        cen__winograd_backward_weights(v, set, n, x, dy, argmax, dw, scratch);
        return;
    }
    if (cen__pool_direct_suits(v, set)) {
        cen__pool_direct_backward_weights(v, set, n, x, dy, argmax, dw, scratch);
        return;
    }
    for (size_t image = 0; image < n; image++) {
        unpool_image(v, dy + image * pooled, argmax + image * pooled, scratch);
        cen__direct_backward_weights(v, set, 1, x + image * v->c * v->h * v->w, scratch, dw,
                                     scratch + between_count(v));
    }
}
