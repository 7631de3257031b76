/* relu: y = max(x, 0), and relu6: y = min(max(x, 0), 6); NaN stays NaN. The gradient is 0 at both ends, as in
 * PyTorch. */
#include <string.h>

#include "nn/layers.h"

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    const float *x = pass->x;
    float *y = pass->y;
    for (size_t i = 0; i < count; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

/* In place: where dx may be dy or not, compilers make no vectors of the loop. */
static void pass_positive(size_t count, const float *restrict y, float *restrict dx)
{
    for (size_t i = 0; i < count; i++) {
        float passed = dx[i];
        dx[i] = y[i] <= 0 ? 0 : passed;
    }
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    if (pass->dx != pass->dy) memcpy(pass->dx, pass->dy, count * sizeof *pass->dx);
    pass_positive(count, pass->y, pass->dx);
}

const cen__layer_kind cen__relu_layer = {
    .name = "relu",
    .in_place = true,
    .rectifies = true,
    .forward = forward,
    .backward = backward,
};

static void forward6(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    const float *x = pass->x;
    float *y = pass->y;
    for (size_t i = 0; i < count; i++) {
        float above = x[i] < 0 ? 0 : x[i];
        y[i] = above > 6 ? 6 : above;
    }
}

static void pass_between(size_t count, const float *restrict y, float *restrict dx)
{
    for (size_t i = 0; i < count; i++) {
        float passed = dx[i];
        passed = y[i] <= 0 ? 0 : passed;
        dx[i] = y[i] >= 6 ? 0 : passed;
    }
}

static void backward6(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    if (pass->dx != pass->dy) memcpy(pass->dx, pass->dy, count * sizeof *pass->dx);
    pass_between(count, pass->y, pass->dx);
}

const cen__layer_kind cen__relu6_layer = {
    .name = "relu6",
    .in_place = true,
    .rectifies = true,
    .forward = forward6,
    .backward = backward6,
};
