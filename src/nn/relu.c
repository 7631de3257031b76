/* relu: y = max(x, 0); NaN stays NaN. */
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
    .syntax = "relu",
    .scope = CEN__SCOPE_IMAGE,
    .in_place = true,
    .rectifies = true,
    .parse = cen__layer_parse_nothing,
    .shape = cen__layer_keep_shape,
    .forward = forward,
    .backward = backward,
};
