/* The public three: which method computes which shape. */
#include "kernels/conv.h"

#include "kernels/conv_depthwise.h"
#include "kernels/conv_direct.h"
#include "kernels/conv_scratch.h"
#include "kernels/conv_set.h"
#include "kernels/conv_winograd.h"

size_t cen__conv_scratch_count(const cen__conv *v, size_t n)
{
    const cen__conv_set *const set = v->kernels->conv;
    (void)n;
    if (cen__depthwise_suits(v)) return cen__depthwise_scratch_count(v, set->depthwise);
    if (cen__winograd_suits(v, set)) return cen__winograd_scratch_count(v, set);
    return cen__direct_scratch_count(v, set);
}

/* What Winograd's method makes of one group's kernels. */
static size_t group_prepared(const cen__conv *v, const cen__conv_set *set)
{
    return round_up(cen__winograd_prepared_count(v, set), 16);
}

size_t cen__conv_prepared_count(const cen__conv *v)
{
    const cen__conv_set *const set = v->kernels->conv;
    return cen__winograd_suits(v, set) ? cen__times(v->groups, group_prepared(v, set)) : 0;
}

size_t cen__conv_parts(const cen__conv *v, bool backward)
{
    const cen__conv_set *const set = v->kernels->conv;
    return cen__winograd_suits(v, set) ? v->groups * cen__winograd_parts(v, set, backward) : 0;
}

void cen__conv_prepare(const cen__conv *v, const float *w, bool backward, size_t part,
                       float *prepared)
{
    const cen__conv_set *const set = v->kernels->conv;
    const size_t parts = cen__winograd_parts(v, set, backward), group = part / parts;
    cen__winograd_prepare(v, set, w + group * cen__conv_w_count(v), backward, part % parts,
                          prepared + group * group_prepared(v, set));
}

void cen__conv_forward(const cen__conv *v, size_t n, const float *x, const float *w,
                       const float *prepared, const float *bias, float *y, float *scratch)
{
    const cen__conv_set *const set = v->kernels->conv;
    const bool is_winograd = cen__winograd_suits(v, set);
    const size_t x_count = cen__conv_x_count(v), y_count = cen__conv_y_count(v);
    const size_t apart = is_winograd ? group_prepared(v, set) : 0;
    if (cen__depthwise_suits(v)) {
        cen__depthwise_forward(v, set->depthwise, n, x, w, bias, y, scratch);
        return;
    }
    for (size_t g = 0; g < v->groups; g++, x += x_count, y += y_count, bias += v->k) {
        if (is_winograd)
            cen__winograd_forward(v, set, n, x, prepared + g * apart, bias, NULL, y, scratch);
        else
            cen__direct_forward(v, set, n, x, w + g * cen__conv_w_count(v), bias, y, scratch);
    }
}

void cen__conv_backward_data(const cen__conv *v, size_t n, const float *dy, const float *w,
                             const float *prepared, float *dx, float *scratch)
{
    const cen__conv_set *const set = v->kernels->conv;
    const bool is_winograd = cen__winograd_suits(v, set);
    const size_t x_count = cen__conv_x_count(v), y_count = cen__conv_y_count(v);
    const size_t apart = is_winograd ? group_prepared(v, set) : 0;
    if (cen__depthwise_suits(v)) {
        cen__depthwise_backward_data(v, set->depthwise, n, dy, w, dx, scratch);
        return;
    }
    for (size_t g = 0; g < v->groups; g++, dx += x_count, dy += y_count) {
        if (is_winograd)
            cen__winograd_backward_data(v, set, n, dy, NULL, prepared + g * apart, dx, scratch);
        else
            cen__direct_backward_data(v, set, n, dy, w + g * cen__conv_w_count(v), dx, scratch);
    }
}

void cen__conv_backward_weights(const cen__conv *v, size_t n, const float *x, const float *dy,
                                float *dw, float *dbias, float *scratch)
{
    const cen__conv_set *const set = v->kernels->conv;
    const bool is_winograd = cen__winograd_suits(v, set);
    const size_t x_count = cen__conv_x_count(v), y_count = cen__conv_y_count(v);
    const size_t plane = v->out_h * v->out_w, outputs = v->groups * v->k;
    if (cen__depthwise_suits(v)) {
        cen__depthwise_backward_weights(v, set->depthwise, n, x, dy, dw, dbias, scratch);
        return;
    }
    for (size_t i = 0; i < n * outputs && dbias != NULL; i++)
        dbias[i % outputs] += set->sum(plane, dy + i * plane);
    for (size_t g = 0; g < v->groups; g++, x += x_count, dy += y_count) {
        float *const kernels = dw + g * cen__conv_w_count(v);
        if (is_winograd)
            cen__winograd_backward_weights(v, set, n, x, dy, NULL, kernels, scratch);
        else
            cen__direct_backward_weights(v, set, n, x, dy, kernels, scratch);
    }
}

/* A depthwise one image by image: beside its few multiply-adds it counts that a gradient is still in the
 * cache when it is read again. */
void cen__conv_backward(const cen__conv *v, size_t n, const float *x, const float *dy,
                        const float *w, const float *prepared, float *dw, float *dbias, float *dx,
                        float *scratch)
{
    const size_t x_count = v->groups * cen__conv_x_count(v);
    const size_t y_count = v->groups * cen__conv_y_count(v);
    const size_t block = cen__depthwise_suits(v) ? 1 : n;
    for (size_t i = 0; i < n; i += block) {
        const float *const dy_block = dy + i * y_count;
        cen__conv_backward_weights(v, block, x + i * x_count, dy_block, dw, dbias, scratch);
        if (dx == NULL) continue;
        cen__conv_backward_data(v, block, dy_block, w, prepared, dx + i * x_count, scratch);
    }
}
