/* relu: y = max(x, 0); NaN stays NaN. */
#include "nn/layers.h"

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    const float *x = pass->x;
    float *y = pass->y;
    for (size_t i = 0; i < count; i++) y[i] = x[i] < 0 ? 0 : x[i];
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    if (pass->dx == NULL) return;
    size_t count = pass->n * cen__shape_count(layer->in);
    const float *y = pass->y, *dy = pass->dy;
    float *dx = pass->dx;
    for (size_t i = 0; i < count; i++) dx[i] = y[i] <= 0 ? 0 : dy[i];
}

const cen__layer_kind cen__relu_layer = {
    .name = "relu",
    .syntax = "relu",
    .scope = CEN__SCOPE_IMAGE,
    .in_place = true,
    .parse = cen__layer_parse_nothing,
    .shape = cen__layer_keep_shape,
    .forward = forward,
    .backward = backward,
};
