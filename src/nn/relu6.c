/* relu6: y = min(max(x, 0), 6); NaN stays NaN. The gradient is 0 at both ends, as in PyTorch. */
#include <string.h>

#include "nn/layers.h"

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    const float *x = pass->x;
    float *y = pass->y;
    for (size_t i = 0; i < count; i++) {
        float above = x[i] < 0 ? 0 : x[i];
        y[i] = above > 6 ? 6 : above;
    }
}

/* In place, as relu's. */
static void pass_between(size_t count, const float *restrict y, float *restrict dx)
{
    for (size_t i = 0; i < count; i++) {
        float passed = dx[i];
        passed = y[i] <= 0 ? 0 : passed;
        dx[i] = y[i] >= 6 ? 0 : passed;
    }
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    if (pass->dx != pass->dy) memcpy(pass->dx, pass->dy, count * sizeof *pass->dx);
    pass_between(count, pass->y, pass->dx);
}

const cen__layer_kind cen__relu6_layer = {
    .name = "relu6",
    .syntax = "relu6",
    .scope = CEN__SCOPE_IMAGE,
    .in_place = true,
    .rectifies = true,
    .parse = cen__layer_parse_nothing,
    .shape = cen__layer_keep_shape,
    .forward = forward,
    .backward = backward,
};
