/* leaky: y = x, or x / 8 below 0. */
#include "nn/layers.h"

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    for (size_t i = 0; i < count; i++) pass->y[i] = pass->x[i] < 0 ? pass->x[i] / 8 : pass->x[i];
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    for (size_t i = 0; i < count; i++) pass->dx[i] = pass->y[i] < 0 ? pass->dy[i] / 8 : pass->dy[i];
}

const cen__layer_kind cen__leaky_layer = {
    .name = "leaky",
    .in_place = true,
    .rectifies = true,
    .forward = forward,
    .backward = backward,
};
