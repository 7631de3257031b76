/* batchnorm: y = (x - mean) / sqrt(variance + eps) weight + bias a channel (Ioffe and Szegedy 2015,
 * algorithm 1), over the batch's images and their areas in training, with running statistics in
 * inference; as torch.nn.BatchNorm1d and BatchNorm2d.
 *
 * In training it is two ops: the first measures the batch, chunk by chunk, and ends a stage; when all
 * are measured, finish_forward makes of the sums what the second computes with, together with a relu
 * and a maxpool of 2x2 that may follow. Backward is the same in reverse. */
#include <math.h>
#include <string.h>

#include "kernels/norm.h"
#include "nn/layers.h"

static const double eps = 1e-5, momentum = 0.1;

static cen_status shape(cen__layer *layer, cen_error *error)
{
    (void)error;
    const size_t c = layer->in.c;
    cen__layer_add_parameter(
        layer, &(cen__parameter){.name = "weight", .n_dims = 1, .shape = {c}, .start = 1});
    cen__layer_add_parameter(layer, &(cen__parameter){.name = "bias", .n_dims = 1, .shape = {c}});
    cen__layer_add_state(layer,
                         &(cen__parameter){.name = "running_mean", .n_dims = 1, .shape = {c}});
    cen__layer_add_state(
        layer, &(cen__parameter){.name = "running_var", .n_dims = 1, .shape = {c}, .start = 1});
    return CEN_OK;
}

/* ---- inference ---- */

/* z = x scale + shift */
static void running_map(const cen__layer *layer, const float *w, const float *state, size_t k,
                        float *scale, float *shift)
{
    size_t c = layer->in.c;
    double slope = (double)w[k] / sqrt((double)state[c + k] + eps);
    *scale = (float)slope;
    *shift = (float)((double)w[c + k] - (double)state[k] * slope);
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t c = layer->in.c, area = layer->in.h * layer->in.w;
    for (size_t i = 0; i < pass->n * c; i++) {
        float scale, shift;
        running_map(layer, pass->w, pass->state, i % c, &scale, &shift);
        const float *x = pass->x + i * area;
        float *y = pass->y + i * area;
        for (size_t j = 0; j < area; j++) y[j] = x[j] * scale + shift;
    }
}

void cen__batchnorm_fold(const cen__layer *conv, const float *w, const float *state, float *to)
{
    const cen__layer *norm = conv->norm;
    const float *weight = w + conv->offset, *bias = weight + conv->parameters[1].offset;
    float *to_bias = to + conv->parameters[1].offset;
    size_t c = norm->in.c, count = conv->parameters[0].count / c;
    for (size_t k = 0; k < c; k++) {
        float scale, shift;
        running_map(norm, w + norm->offset, state + norm->state_offset, k, &scale, &shift);
        for (size_t i = k * count; i < (k + 1) * count; i++) to[i] = weight[i] * scale;
        to_bias[k] = bias[k] * scale + shift;
    }
}

const cen__layer_kind cen__batchnorm_layer = {
    .name = "batchnorm",
    .in_place = true,
    .shape = shape,
    .forward = forward,
};

/* ---- training ---- */

/* Rows of pass->shared, [c] each. */
enum { MEAN, INVERSE, SCALE, BIAS, DBIAS, DSLOPE, N_SHARED }; /* INVERSE: 1 / deviation */

static size_t shared_count(const cen__layer *layer)
{
    return N_SHARED * layer->in.c;
}

static size_t sums_count(const cen__layer *layer)
{
    return 2 * layer->in.c;
}

static cen__norm norm_of(const cen__layer *layer, const cen__pass *pass)
{
    size_t c = layer->in.c;
    const float *shared = pass->shared;
    return (cen__norm){.kernels = layer->kernels,
                       .n = pass->n,
                       .c = c,
                       .h = layer->in.h,
                       .w = layer->in.w,
                       .relu = layer->has_relu,
                       .mean = shared + MEAN * c,
                       .scale = shared + SCALE * c,
                       .bias = shared + BIAS * c,
                       .dbias = shared + DBIAS * c,
                       .dslope = shared + DSLOPE * c};
}

static void measure(const cen__layer *layer, const cen__pass *pass)
{
    cen__norm norm = norm_of(layer, pass);
    cen__norm_measure(&norm, pass->x, pass->sums);
}

/* One number a channel has no spread: then y is the bias, and the running statistics stay. */
static void finish_measure(const cen__layer *layer, const cen__pass *pass)
{
    size_t c = layer->in.c;
    double count = (double)(pass->n * layer->in.h * layer->in.w);
    for (size_t k = 0; k < c; k++) {
        double mean = pass->sums[k] / count;
        double spread = pass->sums[c + k] - pass->sums[k] * mean; /* sum of (x - mean)^2 */
        if (spread < 0) spread = 0;
        double inverse = 1 / sqrt(spread / count + eps);
        pass->shared[MEAN * c + k] = (float)mean;
        pass->shared[INVERSE * c + k] = (float)inverse;
        pass->shared[SCALE * c + k] = (float)((double)pass->w[k] * inverse);
        pass->shared[BIAS * c + k] = pass->w[c + k];
        if (count < 2) continue;
        float *running = pass->state + k;
        running[0] = (float)((1 - momentum) * (double)running[0] + momentum * mean);
        running[c] = (float)((1 - momentum) * (double)running[c] + momentum * spread / (count - 1));
    }
}

static void measure_backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__norm norm = norm_of(layer, pass);
    cen__norm_backward(&norm, pass->x, pass->dy, pass->dx);
}

const cen__layer_kind cen__batchnorm_measure = {
    .name = "batchnorm, measuring",
    .keeps_x = true,
    .shared_count = shared_count,
    .sums_count = sums_count,
    .forward = measure,
    .finish_forward = finish_measure,
    .backward = measure_backward,
};

static void apply(const cen__layer *layer, const cen__pass *pass)
{
    cen__norm norm = norm_of(layer, pass);
    cen__norm_forward(&norm, pass->x, pass->y);
}

static void apply_backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__norm norm = norm_of(layer, pass);
    cen__norm_measure_backward(&norm, pass->x, pass->dy, pass->sums);
}

/* The same for one that has a maxpool along. */
static void finish_apply_backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t c = layer->in.c;
    double count = (double)(pass->n * layer->in.h * layer->in.w);
    for (size_t k = 0; k < c; k++) {
        double inverse = (double)pass->shared[INVERSE * c + k], product = pass->sums[c + k];
        pass->dw[k] = (float)(product * inverse);
        pass->dw[c + k] = (float)pass->sums[k];
        pass->shared[DBIAS * c + k] = (float)(pass->sums[k] / count);
        pass->shared[DSLOPE * c + k] = (float)(product * inverse * inverse / count);
    }
}

const cen__layer_kind cen__batchnorm_apply = {
    .name = "batchnorm, relu",
    .keeps_dy = true,
    .shared_count = shared_count,
    .sums_count = sums_count,
    .forward = apply,
    .backward = apply_backward,
    .finish_backward = finish_apply_backward,
};

/* ---- training, with a maxpool ---- */

/* The x - mean each maximum came from, of all images of the batch, and after these its place. */
static size_t pooled_saved_size(const cen__layer *layer)
{
    return cen__shape_count(layer->out) * (sizeof(float) + 1);
}

static float *kept_of(const cen__layer *layer, const cen__pass *pass)
{
    return (float *)(void *)pass->saved_of_batch + pass->start * cen__shape_count(layer->out);
}

static uint8_t *argmax_of(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = cen__shape_count(layer->out);
    return pass->saved_of_batch + pass->max_n * count * sizeof(float) + pass->start * count;
}

static void pool(const cen__layer *layer, const cen__pass *pass)
{
    cen__norm norm = norm_of(layer, pass);
    cen__norm_pool_forward(&norm, pass->x, pass->y, kept_of(layer, pass), argmax_of(layer, pass));
}

static void pool_backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__norm norm = norm_of(layer, pass);
    cen__norm_pool_measure_backward(&norm, kept_of(layer, pass), argmax_of(layer, pass), pass->dy,
                                    pass->sums);
}

static void measure_pool_backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__norm norm = norm_of(layer, pass);
    cen__norm_pool_backward(&norm, pass->x, argmax_of(layer, pass), pass->dy, pass->dx);
}

const cen__layer_kind cen__batchnorm_measure_pool = {
    .name = "batchnorm, measuring before a maxpool",
    .keeps_x = true,
    .saved_size = pooled_saved_size,
    .shared_count = shared_count,
    .sums_count = sums_count,
    .forward = measure,
    .finish_forward = finish_measure,
    .backward = measure_pool_backward,
};

const cen__layer_kind cen__batchnorm_pool = {
    .name = "batchnorm, relu, maxpool",
    .keeps_dy = true,
    .saved_size = pooled_saved_size,
    .shared_count = shared_count,
    .sums_count = sums_count,
    .forward = pool,
    .backward = pool_backward,
    .finish_backward = finish_apply_backward,
};
