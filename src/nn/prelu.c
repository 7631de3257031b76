/* prelu: y = x where x > 0, else w_c x, one slope a channel (He et al. 2015, eq. 1 and 10). */
#include "nn/layers.h"

static cen_status shape(cen__layer *layer, cen_error *error)
{
    (void)error;
    cen__layer_add_parameter(
        layer,
        &(cen__parameter){.name = "weight", .n_dims = 1, .shape = {layer->in.c}, .start = 0.25f});
    return CEN_OK;
}

/* A sum of two choices, of which one is 0: compilers make vectors of it, and branches of the formula
 * as it stands above. */
static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t area = layer->in.h * layer->in.w;
    for (size_t i = 0; i < pass->n * layer->in.c; i++) {
        float slope = pass->w[i % layer->in.c];
        const float *x = pass->x + i * area;
        float *y = pass->y + i * area;
        for (size_t j = 0; j < area; j++) {
            float above = x[j] < 0 ? 0 : x[j], below = x[j] < 0 ? x[j] : 0;
            y[j] = above + slope * below;
        }
    }
}

/* dw += sum of dy x where x <= 0, in eight lanes, so that the sum is one vector loop. */
static float slope_gradient(size_t area, const float *x, const float *dy)
{
    float lanes[8] = {0};
    size_t j = 0;
    for (; j + 8 <= area; j += 8) {
        for (size_t l = 0; l < 8; l++) lanes[l] += dy[j + l] * (x[j + l] > 0 ? 0 : x[j + l]);
    }
    for (; j < area; j++) lanes[0] += dy[j] * (x[j] > 0 ? 0 : x[j]);
    return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) +
           ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t area = layer->in.h * layer->in.w;
    for (size_t i = 0; i < pass->n * layer->in.c; i++) {
        size_t c = i % layer->in.c;
        float slope = pass->w[c];
        const float *x = pass->x + i * area, *dy = pass->dy + i * area;
        pass->dw[c] += slope_gradient(area, x, dy);
        if (pass->dx == NULL) continue;
        float *dx = pass->dx + i * area;
        for (size_t j = 0; j < area; j++) {
            float above = x[j] > 0 ? dy[j] : 0, below = x[j] > 0 ? 0 : dy[j];
            dx[j] = above + slope * below;
        }
    }
}

const cen__layer_kind cen__prelu_layer = {
    .name = "prelu",
    .rectifies = true,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
