/* gelu: y = x times the normal distribution's share below x (Hendrycks and Gimpel 2016), exact and not by
 * tanh, as torch.nn.GELU(). */
#include "nn/layers.h"

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    layer->kernels->vectors.gelu(pass->n * cen__shape_count(layer->in), pass->x, pass->y);
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    layer->kernels->vectors.gelu_backward(pass->n * cen__shape_count(layer->in), pass->x, pass->dy,
                                          pass->dx);
}

const cen__layer_kind cen__gelu_layer = {
    .name = "gelu",
    .rectifies = true,
    .forward = forward,
    .backward = backward,
};
