/* dropout P: y = 0 with chance P, else x / (1 - P) (Srivastava et al. 2014, scaled in training as
 * frameworks do), which is drawn by seed, step, layer and place in the batch. Inference has no such
 * op. */
#include "base/random.h"
#include "nn/layers.h"

static cen_status parse(cen__line *line, cen__layer *layer, cen_error *error)
{
    double chance;
    cen_status status = cen__line_decimal(line, "a chance between 0 and 1, below 1 (dropout P)", 0,
                                          1, &chance, error);
    if (status == CEN_OK) layer->number = (float)chance;
    return status;
}

/* 1 where the number is kept, a byte each. */
static size_t saved_size(const cen__layer *layer)
{
    return cen__shape_count(layer->in);
}

/* kept[count] of one image: 32 bits decide a number, and a draw has 64. */
static void draw(const cen__pass *pass, uint64_t stream, size_t image, double chance, size_t count,
                 uint8_t *kept)
{
    uint64_t end = (uint64_t)(chance * 4294967296.0), first = image * ((count + 1) / 2), bits = 0;
    for (size_t i = 0; i < count; i++, bits >>= 32) {
        if (i % 2 == 0) bits = cen__random_bits(pass->seed, stream, first + i / 2);
        kept[i] = (bits & UINT32_MAX) >= end;
    }
}

/* A number that is dropped is 0 also where it was infinite or NaN. */
static void keep(size_t n, float scale, const uint8_t *kept, const float *from, float *to)
{
    for (size_t i = 0; i < n; i++) {
        float scaled = from[i] * scale;
        to[i] = kept[i] ? scaled : 0;
    }
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = cen__shape_count(layer->in);
    uint64_t of_layer = cen__substream(CEN__STREAM_DROPOUT, layer->index);
    uint64_t stream = cen__substream(of_layer, pass->step);
    for (size_t i = 0; i < pass->n; i++) {
        draw(pass, stream, pass->first + i, (double)layer->number, count, pass->saved + i * count);
    }
    keep(pass->n * count, 1 / (1 - layer->number), pass->saved, pass->x, pass->y);
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    size_t count = pass->n * cen__shape_count(layer->in);
    keep(count, 1 / (1 - layer->number), pass->saved, pass->dy, pass->dx);
}

const cen__layer_kind cen__dropout_layer = {
    .name = "dropout",
    .syntax = "dropout P",
    .in_place = true,
    .parse = parse,
    .saved_size = saved_size,
    .forward = forward,
    .backward = backward,
};
