#include "nn/fuse.h"

#include "nn/layers.h"

static bool halves(const cen__layer *layer)
{
    const cen__window *k = &layer->window;
    return layer->kind == &cen__maxpool_layer && k->h == 2 && k->w == 2 && k->stride_h == 2 &&
           k->stride_w == 2;
}

/* Layers that begin with a convolution and end with a maxpool of 2x2, with relu between them, behind
 * them or nowhere. Returns how many they are, or 0; *has_relu says whether one is a relu. */
static size_t conv_pool_length(const cen__layer *layers, size_t n, bool *has_relu)
{
    *has_relu = n > 2 && layers[1].kind == &cen__relu_layer;
    if (n < 2 || layers[0].kind != &cen__conv_layer) return 0;
    if (*has_relu) return halves(&layers[2]) ? 3 : 0;
    if (!halves(&layers[1])) return 0;
    *has_relu = n > 2 && layers[2].kind == &cen__relu_layer;
    return *has_relu ? 3 : 2;
}

size_t cen__fuse(const cen__layer *layers, size_t n_layers, cen__layer *steps)
{
    size_t n_steps = 0;
    for (size_t i = 0; i < n_layers;) {
        cen__layer *step = &steps[n_steps++];
        bool has_relu;
        size_t length = conv_pool_length(layers + i, n_layers - i, &has_relu);
        *step = layers[i];
        if (length > 0) {
            step->kind = &cen__conv_pool_layer;
            step->has_relu = has_relu;
            step->out = layers[i + length - 1].out;
        }
        i += length > 0 ? length : 1;
    }
    return n_steps;
}
