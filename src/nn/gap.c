/* gap: global average pooling, y_c = mean of channel c over height and width. */
#include "nn/layers.h"

static cen_status shape(cen__layer *layer, cen_error *error)
{
    (void)error;
    layer->out = (cen__shape){layer->in.c, 1, 1};
    return CEN_OK;
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t area = layer->in.h * layer->in.w;
    for (size_t i = 0; i < pass->n * layer->in.c; i++) {
        pass->y[i] = (float)(layer->kernels->vectors.sum(area, pass->x + i * area) / (double)area);
    }
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t area = layer->in.h * layer->in.w;
    for (size_t i = 0; i < pass->n * layer->in.c; i++) {
        float share = pass->dy[i] / (float)area, *dx = pass->dx + i * area;
        for (size_t j = 0; j < area; j++) dx[j] = share;
    }
}

const cen__layer_kind cen__gap_layer = {
    .name = "gap",
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
