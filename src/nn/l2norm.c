/* l2norm [scale S]: y = s x / max(|| x ||, 1e-12) over the numbers of an image, as
 * torch.nn.functional.normalize; s is S, or a weight that is learned. */
#include <math.h>

#include "nn/layers.h"

static const double shortest = 1e-12;

static cen_status parse(cen__line *line, cen__layer *layer, cen_error *error)
{
    double scale;
    if (!cen__line_take(line, "scale")) return CEN_OK;
    cen_status status =
        cen__line_decimal(line, "a scale above 0, as 8 (l2norm scale S)", 1e-6, 1e6, &scale, error);
    if (status == CEN_OK) layer->number = (float)scale;
    return status;
}

static cen_status shape(cen__layer *layer, cen_error *error)
{
    if (layer->in.h != 1 || layer->in.w != 1) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "its input is %zux%zux%zu; put 'flatten' before it", layer->in.c,
                         layer->in.h, layer->in.w);
    }
    if (layer->number <= 0) {
        cen__layer_add_parameter(
            layer, &(cen__parameter){.name = "weight", .n_dims = 1, .shape = {1}, .start = 1});
    }
    return CEN_OK;
}

static float scale_of(const cen__layer *layer, const cen__pass *pass)
{
    return layer->n_parameters > 0 ? pass->w[0] : layer->number;
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t d = layer->in.c;
    double scale = (double)scale_of(layer, pass);
    for (size_t i = 0; i < pass->n; i++) {
        const float *x = pass->x + i * d;
        float *y = pass->y + i * d;
        double length = sqrt(layer->kernels->vectors.dot(d, x, x));
        float factor = (float)(scale / fmax(length, shortest));
        for (size_t j = 0; j < d; j++) y[j] = factor * x[j];
    }
}

/* dx = s / || x || (dy - u (u . dy)), u = x / || x ||; ds = sum of u . dy. */
static void backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t d = layer->in.c;
    double scale = (double)scale_of(layer, pass), dscale = 0;
    for (size_t i = 0; i < pass->n; i++) {
        const float *x = pass->x + i * d, *dy = pass->dy + i * d;
        double length = sqrt(layer->kernels->vectors.dot(d, x, x)),
               bounded = fmax(length, shortest);
        double product = layer->kernels->vectors.dot(d, x, dy) / bounded;
        dscale += product;
        if (pass->dx == NULL) continue;
        float *dx = pass->dx + i * d, factor = (float)(scale / bounded);
        float along = length > shortest ? (float)(product / bounded) : 0;
        for (size_t j = 0; j < d; j++) dx[j] = factor * (dy[j] - x[j] * along);
    }
    if (layer->n_parameters > 0) pass->dw[0] += (float)dscale;
}

const cen__layer_kind cen__l2norm_layer = {
    .name = "l2norm",
    .syntax = "l2norm [scale S]",
    .parse = parse,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
