/* dense OUT: y = x W^T + b. */
#include <string.h>

#include "kernels/affine.h"
#include "kernels/gemm.h"
#include "nn/layers.h"

static cen_status parse(cen__line *line, cen__layer *layer, cen_error *error)
{
    return cen__line_number(line, "the number of outputs (dense OUT)", 1, &layer->n_outputs, error);
}

static cen_status shape(cen__layer *layer, cen_error *error)
{
    if (layer->in.h != 1 || layer->in.w != 1) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "its input is %zux%zux%zu; put 'flatten' before it", layer->in.c,
                         layer->in.h, layer->in.w);
    }
    size_t in = layer->in.c, out = layer->n_outputs;
    layer->out = (cen__shape){out, 1, 1};
    cen__layer_add_parameter(
        layer,
        &(cen__parameter){
            .name = "weight", .n_dims = 2, .shape = {out, in}, .fan_in = in, .fan_out = out});
    cen__layer_add_parameter(layer, &(cen__parameter){.name = "bias", .n_dims = 1, .shape = {out}});
    return CEN_OK;
}

static size_t scratch_count(const cen__layer *layer, size_t n, int n_threads)
{
    return cen__affine_scratch_count(layer->kernels, n, layer->in.c, layer->out.c, n_threads);
}

#if !defined(CEN_SMALL) /* where weights stay in flash */
static size_t prepared_count(const cen__layer *layer)
{
    return cen__gemm_packed_count(&layer->kernels->micro, layer->out.c, layer->in.c);
}

static size_t n_parts(const cen__layer *layer, bool backward)
{
    return backward ? 0 : cen__gemm_packed_parts(&layer->kernels->micro, layer->out.c);
}

static void prepare(const cen__layer *layer, const float *w, bool backward, size_t part,
                    float *prepared)
{
    (void)backward;
    const size_t in = layer->in.c, out = layer->out.c;
    cen__gemm_pack(&layer->kernels->micro, out, in, (cen__matrix){w, 1, in}, part, prepared);
}
#endif

static cen__affine affine_of(const cen__layer *layer, const cen__pass *pass)
{
    return (cen__affine){layer->kernels, pass->n,       layer->in.c,
                         layer->out.c,   pass->context, pass->scratch};
}

static void forward(const cen__layer *layer, const cen__pass *pass)
{
    const size_t in = layer->in.c, out = layer->out.c;
    const float *bias = pass->w + layer->parameters[1].offset;
    if (pass->prepared != NULL && cen__gemm_packed_parts(&layer->kernels->micro, out) > 0) {
        cen__gemm_packed(&layer->kernels->micro, pass->n, out, in, (cen__matrix){pass->x, in, 1},
                         pass->prepared, bias, pass->y, out, pass->scratch, pass->context);
        return;
    }
    cen__affine affine = affine_of(layer, pass);
    cen__affine_forward(&affine, pass->x, pass->w, bias, pass->y);
}

static void backward(const cen__layer *layer, const cen__pass *pass)
{
    cen__affine affine = affine_of(layer, pass);
    float *dbias = pass->dw + layer->parameters[1].offset;
    cen__affine_backward(&affine, pass->x, pass->w, pass->dy, pass->dw, dbias, pass->dx);
    if (layer->bias_is_lost) memset(dbias, 0, layer->parameters[1].count * sizeof *dbias);
}

const cen__layer_kind cen__dense_layer = {
    .name = "dense",
    .syntax = "dense OUT",
    .scope = CEN__SCOPE_BATCH,
    .parse = parse,
    .shape = shape,
    .scratch_count = scratch_count,
#if !defined(CEN_SMALL)
    .prepared_count = prepared_count,
    .n_parts = n_parts,
    .prepare = prepare,
#endif
    .forward = forward,
    .backward = backward,
};
