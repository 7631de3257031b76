/* maxpool HxW [stride S] [pad P]: the largest of each window, of those of its numbers that are within the
 * image, rows and columns that fill no window dropped. The first of equals wins, and NaN over all, as in
 * PyTorch. */
#include <string.h>

#include "base/sizes.h"
#include "nn/layers.h"

enum { LARGEST_WINDOW = 256 }; /* places in a window are kept as bytes */

static cen_status shape(cen__layer *layer, cen_error *error)
{
    const cen__window *k = &layer->window;
    if (cen__times(k->h, k->w) > LARGEST_WINDOW) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a window of %zux%zu holds more than %d numbers; use a smaller one", k->h,
                         k->w, LARGEST_WINDOW);
    }
    layer->out.c = layer->in.c;
    layer->out.h = cen__window_steps(layer->in.h, k->h, k->stride_h, k->pad_h);
    layer->out.w = cen__window_steps(layer->in.w, k->w, k->stride_w, k->pad_w);
    return CEN_OK;
}

static size_t saved_size(const cen__layer *layer)
{
    return cen__shape_count(layer->out);
}

enum { BLOCK = 64 };

/* Windows side by side that reach equally far beyond the image: rows and columns of them from first to end
 * are within. The first window begins at number `at` of the plane, which may be before it. */
typedef struct windows {
    size_t first_row, end_row, first_column, end_column, count;
    ptrdiff_t at;
} windows;

static void begin(size_t count, size_t stride, uint32_t tap, const float *restrict from,
                  float *restrict best, uint32_t *restrict at)
{
    for (size_t i = 0; i < count; i++) {
        best[i] = from[i * stride];
        at[i] = tap;
    }
}

static void improve(size_t count, size_t stride, uint32_t tap, const float *restrict from,
                    float *restrict best, uint32_t *restrict at)
{
    for (size_t i = 0; i < count; i++) {
        float value = from[i * stride];
        bool is_better = (value > best[i]) | (value != value);
        best[i] = is_better ? value : best[i];
        at[i] = is_better ? tap : at[i];
    }
}

/* Number by number of the window for a block of windows, without branches: which number is the largest cannot
 * be foreseen. place may be NULL. */
static void pool_windows(const cen__layer *layer, const windows *v, const float *x, float *y,
                         uint8_t *place)
{
    size_t stride = layer->window.stride_w, width = v->end_column - v->first_column;
    size_t n_taps = (v->end_row - v->first_row) * width;
    for (size_t start = 0; start < v->count; start += BLOCK) {
        size_t count = v->count - start < BLOCK ? v->count - start : BLOCK;
        float best[BLOCK];
        uint32_t at[BLOCK];
        for (size_t i = 0; i < n_taps; i++) {
            size_t row = v->first_row + i / width, column = v->first_column + i % width;
            uint32_t tap = (uint32_t)(row * layer->window.w + column);
            const float *from =
                x + (v->at + (ptrdiff_t)(row * layer->in.w + column + start * stride));
            if (i == 0)
                begin(count, stride, tap, from, best, at);
            else
                improve(count, stride, tap, from, best, at);
        }
        memcpy(y + start, best, count * sizeof *y);
        for (size_t i = 0; i < count && place != NULL; i++) place[start + i] = (uint8_t)at[i];
    }
}

/* What of a window that begins at `start` - pad is within `size`. */
static void within(size_t start, size_t window, size_t pad, size_t size, size_t *first, size_t *end)
{
    *first = start < pad ? pad - start : 0;
    *end = size + pad - start < window ? size + pad - start : window;
}

/* Windows that reach beyond the image one by one, those between them at once. */
static void pool_row(const cen__layer *layer, size_t oy, const float *x, float *y, uint8_t *place)
{
    const cen__window *k = &layer->window;
    windows v;
    within(oy * k->stride_h, k->h, k->pad_h, layer->in.h, &v.first_row, &v.end_row);
    for (size_t ox = 0; ox < layer->out.w; ox += v.count) {
        size_t start = ox * k->stride_w;
        within(start, k->w, k->pad_w, layer->in.w, &v.first_column, &v.end_column);
        bool is_whole = v.first_column == 0 && v.end_column == k->w;
        size_t last = (layer->in.w + k->pad_w - k->w) / k->stride_w;
        v.count = is_whole && last < layer->out.w ? last + 1 - ox : 1;
        v.at = ((ptrdiff_t)(oy * k->stride_h) - (ptrdiff_t)k->pad_h) * (ptrdiff_t)layer->in.w +
               (ptrdiff_t)start - (ptrdiff_t)k->pad_w;
        pool_windows(layer, &v, x, y + ox, place != NULL ? place + ox : NULL);
    }
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t in_area = layer->in.h * layer->in.w, out_area = layer->out.h * layer->out.w;
    bool is_usual = cen__layer_halves(layer);
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
            pool_row(layer, oy, x, y + at, place != NULL ? place + at : NULL);
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
                size_t y = oy * k->stride_h + *place / k->w - k->pad_h;
                size_t x = ox * k->stride_w + *place % k->w - k->pad_w;
                pass->dx[i * in_area + y * layer->in.w + x] += *dy;
            }
        }
    }
}

bool cen__layer_halves(const cen__layer *layer)
{
    const cen__window *k = &layer->window;
    return layer->kind == &cen__maxpool_layer && k->h == 2 && k->w == 2 && k->stride_h == 2 &&
           k->stride_w == 2 && k->pad_h == 0 && k->pad_w == 0;
}

const cen__layer_kind cen__maxpool_layer = {
    .name = "maxpool",
    .syntax = "maxpool HxW [stride S] [pad P]",
    .parse = cen__layer_parse_window,
    .shape = shape,
    .saved_size = saved_size,
    .forward = forward,
    .backward = backward,
};
