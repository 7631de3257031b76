/* residual {A, B | S}: the sum of two branches, which graph.c reads; and the same with the relu that often
 * follows, as one op. */
#include "nn/layers.h"

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    const size_t count = pass->n * cen__shape_count(layer->in);
    const float *a = pass->x, *b = pass->x2;
    float *y = pass->y;
    for (size_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

/* Both branches have the gradient of the sum. */
const cen__layer_kind cen__residual_layer = {
    .name = "residual",
    .syntax = "residual {A, B} or residual {A, B | S, T}",
    .in_place = true,
    .keeps_dy = true,
    .forward = forward,
};

static void rectified_forward(const cen__layer *layer, const cen__pass *pass)
{
    const size_t count = pass->n * cen__shape_count(layer->in);
    const float *a = pass->x, *b = pass->x2;
    float *y = pass->y;
    for (size_t i = 0; i < count; i++) {
        const float sum = a[i] + b[i];
        y[i] = sum < 0 ? 0 : sum;
    }
}

static void rectified_backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__relu_layer.backward(layer, pass);
}

const cen__layer_kind cen__residual_relu_layer = {
    .name = "residual, relu",
    .in_place = true,
    .forward = rectified_forward,
    .backward = rectified_backward,
};
