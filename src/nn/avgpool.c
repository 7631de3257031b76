/* avgpool HxW [stride S] [pad P]: the mean of each window, its padding counted as zeros, rows and columns
 * that fill no window dropped: torch.nn.AvgPool2d. It is a convolution of each plane with ones. */
#include "base/sizes.h"
#include "kernels/conv.h"
#include "nn/layers.h"

static cen__conv conv_of(const cen__layer *layer)
{
    const cen__window *k = &layer->window;
    return (cen__conv){.kernels = layer->kernels,
                       .groups = 1,
                       .c = 1,
                       .k = 1,
                       .h = layer->in.h,
                       .w = layer->in.w,
                       .kernel_h = k->h,
                       .kernel_w = k->w,
                       .stride_h = k->stride_h,
                       .stride_w = k->stride_w,
                       .pad_h = k->pad_h,
                       .pad_w = k->pad_w,
                       .out_h = layer->out.h,
                       .out_w = layer->out.w};
}

static size_t ones_count(const cen__layer *layer)
{
    return cen__round_up(cen__times(layer->window.h, layer->window.w), 16);
}

static size_t scratch_count(const cen__layer *layer, size_t n, int n_threads)
{
    (void)n_threads;
    cen__conv conv = conv_of(layer);
    return cen__plus(ones_count(layer), cen__conv_scratch_count(&conv, n));
}

/* value in each place of a window; returns the scratch after it. */
static float *fill(const cen__layer *layer, float value, float *scratch)
{
    for (size_t i = 0; i < layer->window.h * layer->window.w; i++) scratch[i] = value;
    return scratch + ones_count(layer);
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    cen__conv conv = conv_of(layer);
    size_t out = layer->out.h * layer->out.w;
    float size = (float)(layer->window.h * layer->window.w), bias = 0;
    float *scratch = fill(layer, 1, pass->scratch);
    cen__conv_forward(&conv, pass->n * layer->in.c, pass->x, pass->scratch, NULL, &bias, pass->y,
                      scratch);
    for (size_t i = 0; i < pass->n * layer->in.c * out; i++) pass->y[i] /= size;
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__conv conv = conv_of(layer);
    float size = (float)(layer->window.h * layer->window.w);
    float *scratch = fill(layer, 1 / size, pass->scratch);
    cen__conv_backward_data(&conv, pass->n * layer->in.c, pass->dy, pass->scratch, NULL, pass->dx,
                            scratch);
}

static cen_status shape(cen__layer *layer, cen_error *error)
{
    (void)error;
    const cen__window *k = &layer->window;
    layer->out.c = layer->in.c;
    layer->out.h = cen__window_steps(layer->in.h, k->h, k->stride_h, k->pad_h);
    layer->out.w = cen__window_steps(layer->in.w, k->w, k->stride_w, k->pad_w);
    return CEN_OK;
}

const cen__layer_kind cen__avgpool_layer = {
    .name = "avgpool",
    .syntax = "avgpool HxW [stride S] [pad P]",
    .parse = cen__layer_parse_window,
    .shape = shape,
    .scratch_count = scratch_count,
    .forward = forward,
    .backward = backward,
};
