/* conv OUT HxW [stride S] [pad P] [groups G]: 2-D cross-correlation with a bias an output, of all channels
 * or in groups of them; and the same with the relu and the maxpool of 2x2 that often follow, as one op,
 * without groups. */
#include "kernels/conv_pool.h"
#include "nn/layers.h"

static cen_status parse(cen__line *line, cen__layer *layer, cen_error *error)
{
    cen__window *window = &layer->window;
    *window = (cen__window){.stride_h = 1, .stride_w = 1};
    layer->groups = 1;
    cen_status status =
        cen__line_number(line, "the number of outputs (conv OUT HxW)", 1, &layer->n_outputs, error);
    if (status != CEN_OK) return status;
    status = cen__line_size(line, "the kernel's size (as 3x3)", 1, &window->h, &window->w, error);
    if (status != CEN_OK) return status;
    if (cen__line_take(line, "stride")) {
        status = cen__line_size(line, "a stride, as 2 or 2x1", 1, &window->stride_h,
                                &window->stride_w, error);
        if (status != CEN_OK) return status;
    }
    if (cen__line_take(line, "pad")) {
        status = cen__line_size(line, "a padding, as 1 or 1x0", 0, &window->pad_h, &window->pad_w,
                                error);
        if (status != CEN_OK) return status;
    }
    if (cen__line_take(line, "groups")) {
        cen__line before = *line;
        status = cen__line_number(line, "a number of groups", 1, &layer->groups, error);
        if (status == CEN_OK && layer->n_outputs % layer->groups != 0) {
            status = cen__line_fail(&before, error, "a number of groups that divides the outputs");
        }
    }
    return status;
}

static cen_status shape(cen__layer *layer, cen_error *error)
{
    const cen__window *k = &layer->window;
    if (k->pad_h >= k->h || k->pad_w >= k->w) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a padding of %zux%zu is not smaller than its kernel of %zux%zu; "
                         "use less padding",
                         k->pad_h, k->pad_w, k->h, k->w);
    }
    if (layer->in.c % layer->groups != 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "its input's channels, %zu, do not divide into %zu groups; use fewer",
                         layer->in.c, layer->groups);
    }
    layer->out.c = layer->n_outputs;
    layer->out.h = cen__window_steps(layer->in.h, k->h, k->stride_h, k->pad_h);
    layer->out.w = cen__window_steps(layer->in.w, k->w, k->stride_w, k->pad_w);
    size_t in = layer->in.c / layer->groups, area = k->h * k->w;
    cen__layer_add_parameter(layer,
                             &(cen__parameter){.name = "weight",
                                               .n_dims = 4,
                                               .shape = {layer->n_outputs, in, k->h, k->w},
                                               .fan_in = in * area,
                                               .fan_out = layer->n_outputs / layer->groups * area});
    cen__layer_add_parameter(
        layer, &(cen__parameter){.name = "bias", .n_dims = 1, .shape = {layer->n_outputs}});
    return CEN_OK;
}

cen__conv cen__conv_of(const cen__layer *layer)
{
    const cen__window *k = &layer->window;
    return (cen__conv){.kernels = layer->kernels,
                       .groups = layer->groups,
                       .c = layer->in.c / layer->groups,
                       .h = layer->in.h,
                       .w = layer->in.w,
                       .k = layer->out.c / layer->groups,
                       .kernel_h = k->h,
                       .kernel_w = k->w,
                       .stride_h = k->stride_h,
                       .stride_w = k->stride_w,
                       .pad_h = k->pad_h,
                       .pad_w = k->pad_w,
                       .out_h = cen__window_steps(layer->in.h, k->h, k->stride_h, k->pad_h),
                       .out_w = cen__window_steps(layer->in.w, k->w, k->stride_w, k->pad_w)};
}

static size_t scratch_count(const cen__layer *layer, size_t n, int n_threads)
{
    (void)n_threads;
    cen__conv conv = cen__conv_of(layer);
    return cen__conv_scratch_count(&conv, n);
}

static size_t prepared_count(const cen__layer *layer)
{
    cen__conv conv = cen__conv_of(layer);
    return cen__conv_prepared_count(&conv);
}

static size_t n_parts(const cen__layer *layer, bool backward)
{
    cen__conv conv = cen__conv_of(layer);
    return cen__conv_parts(&conv, backward);
}

static void prepare(const cen__layer *layer, const float *w, bool backward, size_t part,
                    float *prepared)
{
    cen__conv conv = cen__conv_of(layer);
    cen__conv_prepare(&conv, w, backward, part, prepared);
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    cen__conv conv = cen__conv_of(layer);
    const float *bias = pass->w + layer->parameters[1].offset;
    cen__conv_forward(&conv, pass->n, pass->x, pass->w, pass->prepared, bias, pass->y,
                      pass->scratch);
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__conv conv = cen__conv_of(layer);
    float *dbias = layer->bias_is_lost ? NULL : pass->dw + layer->parameters[1].offset;
    cen__conv_backward(&conv, pass->n, pass->x, pass->dy, pass->w, pass->prepared, pass->dw, dbias,
                       pass->dx, pass->scratch);
}

const cen__layer_kind cen__conv_layer = {
    .name = "conv",
    .syntax = "conv OUT HxW [stride S] [pad P] [groups G]",
    .parse = parse,
    .shape = shape,
    .scratch_count = scratch_count,
    .prepared_count = prepared_count,
    .n_parts = n_parts,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};

/* ---- with a maxpool behind it ---- */

static size_t pooled_saved_size(const cen__layer *layer)
{
    return cen__shape_count(layer->out);
}

static size_t pooled_scratch_count(const cen__layer *layer, size_t n, int n_threads)
{
    (void)n, (void)n_threads;
    cen__conv conv = cen__conv_of(layer);
    return cen__conv_pool_scratch_count(&conv);
}

static void pooled_forward(const cen__layer *layer, const cen__pass *pass)
{
    cen__conv conv = cen__conv_of(layer);
    const float *bias = pass->w + layer->parameters[1].offset;
    cen__conv_pool_forward(&conv, pass->n, pass->x, pass->w, pass->prepared, bias, layer->has_relu,
                           pass->y, pass->saved, pass->scratch);
}

static void pooled_backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__conv conv = cen__conv_of(layer);
    float *dbias = pass->dw + layer->parameters[1].offset;
    cen__conv_pool_backward_weights(&conv, pass->n, pass->x, pass->dy, pass->saved, pass->dw, dbias,
                                    pass->scratch);
    if (pass->dx == NULL) return;
    cen__conv_pool_backward_data(&conv, pass->n, pass->dy, pass->saved, pass->w, pass->prepared,
                                 pass->dx, pass->scratch);
}

const cen__layer_kind cen__conv_pool_layer = {
    .name = "conv, relu, maxpool",
    .saved_size = pooled_saved_size,
    .scratch_count = pooled_scratch_count,
    .prepared_count = prepared_count,
    .n_parts = n_parts,
    .prepare = prepare,
    .forward = pooled_forward,
    .backward = pooled_backward,
};
