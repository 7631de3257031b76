/* maxpool HxW [stride S]: the largest of each window, without padding, rows and columns that fill
 * no window dropped. The first of equals wins, and NaN over all, as in PyTorch. */
#include <string.h>

#include "base/sizes.h"
#include "nn/layers.h"

enum { LARGEST_WINDOW = 256 }; /* places in a window are kept as bytes */

static cen_status parse(cen__line *line, cen__layer *layer, cen_error *error)
{
    cen__window *window = &layer->window;
    *window = (cen__window){0};
    cen_status status =
        cen__line_size(line, "the window's size, as 2 or 2x2", 1, &window->h, &window->w, error);
    if (status != CEN_OK) return status;
    window->stride_h = window->h;
    window->stride_w = window->w;
    if (cen__line_take(line, "stride")) {
        status = cen__line_size(line, "a stride, as 2 or 2x1", 1, &window->stride_h,
                                &window->stride_w, error);
    }
    return status;
}

static cen_status shape(cen__layer *layer, cen_error *error)
{
    const cen__window *k = &layer->window;
    if (cen__times(k->h, k->w) > LARGEST_WINDOW) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a window of %zux%zu holds more than %d numbers; use a smaller one", k->h,
                         k->w, LARGEST_WINDOW);
    }
    layer->out.c = layer->in.c;
    layer->out.h = cen__window_steps(layer->in.h, k->h, k->stride_h, 0);
    layer->out.w = cen__window_steps(layer->in.w, k->w, k->stride_w, 0);
    return CEN_OK;
}

static size_t saved_size(const cen__layer *layer)
{
    return cen__shape_count(layer->out);
}

enum { BLOCK = 64 };

/* One row of windows of h x w; x points at its first number, place (may be NULL) at its first byte.
 * Number by number of the window for a block of windows, without branches: which number is the largest
 * cannot be foreseen. */
static void pool_row(const cen__layer *layer, const float *x, float *y, uint8_t *place)
{
    const cen__window *window = &layer->window;
    size_t stride = window->stride_w;
    for (size_t start = 0; start < layer->out.w; start += BLOCK) {
        size_t count = layer->out.w - start < BLOCK ? layer->out.w - start : BLOCK;
        float best[BLOCK];
        uint32_t at[BLOCK] = {0};
        for (size_t i = 0; i < count; i++) best[i] = x[(start + i) * stride];
        for (uint32_t tap = 1; tap < window->h * window->w; tap++) {
            const float *from =
                x + tap / window->w * layer->in.w + tap % window->w + start * stride;
            for (size_t i = 0; i < count; i++) {
                float value = from[i * stride];
                bool is_better = (value > best[i]) | (value != value);
                best[i] = is_better ? value : best[i];
                at[i] = is_better ? tap : at[i];
            }
        }
        memcpy(y + start, best, count * sizeof *y);
        for (size_t i = 0; i < count && place != NULL; i++) place[start + i] = (uint8_t)at[i];
    }
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    const cen__window *k = &layer->window;
    size_t in_area = layer->in.h * layer->in.w, out_area = layer->out.h * layer->out.w;
    bool is_usual = k->h == 2 && k->w == 2 && k->stride_h == 2 && k->stride_w == 2;
    for (size_t i = 0; i < pass->n * layer->in.c; i++) {
        const float *x = pass->x + i * in_area;
        float *y = pass->y + i * out_area;
        uint8_t *place = pass->saved != NULL ? pass->saved + i * out_area : NULL;
        if (is_usual) {
            layer->kernels->vectors.pool_2x2(layer->out.h, layer->out.w, layer->in.w, x, y, place);
            continue;
        }
        for (size_t oy = 0; oy < layer->out.h; oy++) {
            size_t at = oy * layer->out.w;
            pool_row(layer, x + oy * k->stride_h * layer->in.w, y + at,
                     place != NULL ? place + at : NULL);
        }
    }
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    const cen__window *k = &layer->window;
    size_t in_area = layer->in.h * layer->in.w, out_area = layer->out.h * layer->out.w;
    memset(pass->dx, 0, pass->n * layer->in.c * in_area * sizeof *pass->dx);
    for (size_t i = 0; i < pass->n * layer->in.c; i++) {
        const float *dy = pass->dy + i * out_area;
        const uint8_t *place = pass->saved + i * out_area;
        for (size_t oy = 0; oy < layer->out.h; oy++) {
            for (size_t ox = 0; ox < layer->out.w; ox++, dy++, place++) {
                size_t y = oy * k->stride_h + *place / k->w, x = ox * k->stride_w + *place % k->w;
                pass->dx[i * in_area + y * layer->in.w + x] += *dy;
            }
        }
    }
}

const cen__layer_kind cen__maxpool_layer = {
    .name = "maxpool",
    .syntax = "maxpool HxW [stride S]",
    .scope = CEN__SCOPE_IMAGE,
    .parse = parse,
    .shape = shape,
    .saved_size = saved_size,
    .forward = forward,
    .backward = backward,
};
