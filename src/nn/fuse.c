#include "nn/fuse.h"

#include "base/memory.h"
#include "nn/layers.h"

static bool halves(const cen__layer *layer)
{
    const cen__window *k = &layer->window;
    return layer->kind == &cen__maxpool_layer && k->h == 2 && k->w == 2 && k->stride_h == 2 &&
           k->stride_w == 2;
}

/* Layers behind the first that are a maxpool of 2x2, with a relu before it, behind it or nowhere.
 * Returns how many they are, or 0; *has_relu says whether one is a relu. */
static size_t pool_length(const cen__layer *layers, size_t n, bool *has_relu)
{
    *has_relu = n > 2 && layers[1].kind == &cen__relu_layer;
    if (*has_relu) return halves(&layers[2]) ? 2 : 0;
    if (n < 2 || !halves(&layers[1])) return 0;
    *has_relu = n > 2 && layers[2].kind == &cen__relu_layer;
    return *has_relu ? 2 : 1;
}

/* *step becomes layers[0] and those behind it that it takes along; returns how many layers these are.
 * step may be one of them. */
static size_t take_along(const cen__layer *layers, size_t n, cen__layer *step)
{
    bool has_relu, is_norm = layers[0].kind == &cen__batchnorm_apply;
    size_t length = 0;
    cen__layer taken = layers[0];
    if (is_norm || (taken.kind == &cen__conv_layer && taken.groups == 1)) {
        length = pool_length(layers, n, &has_relu);
    }
    if (length > 0) {
        taken.kind = is_norm ? &cen__batchnorm_pool : &cen__conv_pool_layer;
        taken.has_relu = has_relu;
    } else if (is_norm && n > 1 && layers[1].kind == &cen__relu_layer) {
        taken.has_relu = true;
        length = 1;
    }
    taken.out = layers[length].out;
    *step = taken;
    return 1 + length;
}

static void group(cen__steps *run)
{
    size_t n_steps = 0;
    for (size_t i = 0; i < run->n;) {
        i += take_along(run->steps + i, run->n - i, &run->steps[n_steps++]);
    }
    run->n = n_steps;
}

/* A batchnorm's first step, of its second: the parameters are the latter's. */
static cen__layer measuring(const cen__layer *apply)
{
    cen__layer step = *apply;
    bool pools = apply->kind == &cen__batchnorm_pool;
    step.kind = pools ? &cen__batchnorm_measure_pool : &cen__batchnorm_measure;
    step.n_parameters = step.count = 0;
    return step;
}

static void fuse_training(const cen__layer *layers, size_t n, cen__steps *training)
{
    for (size_t i = 0; i < n; i++) {
        cen__layer *step = &training->steps[training->n++];
        *step = layers[i];
        if (step->kind != &cen__batchnorm_layer) continue;
        if (i > 0) step[-1].bias_is_lost = true;
        step[1] = *step;
        step[1].kind = &cen__batchnorm_apply;
        training->n++;
    }
    group(training);
    for (size_t i = 0; i + 1 < training->n; i++) {
        cen__layer *step = &training->steps[i];
        if (step->kind == &cen__batchnorm_layer) *step = measuring(step + 1);
    }
}

static void fuse_inference(const cen__layer *layers, size_t n, cen__steps *inference)
{
    for (size_t i = 0; i < n; i++) {
        cen__layer *last = inference->n > 0 ? &inference->steps[inference->n - 1] : NULL;
        if (layers[i].kind == &cen__dropout_layer) continue;
        if (layers[i].kind == &cen__batchnorm_layer && last != NULL &&
            last->kind == &cen__conv_layer && last->norm == NULL) {
            last->norm = &layers[i];
            continue;
        }
        inference->steps[inference->n++] = layers[i];
    }
    group(inference);
}

cen_status cen__fuse(cen_context *context, const cen__layer *layers, size_t n_layers,
                     cen__steps *training, cen__steps *inference, cen_error *error)
{
    training->steps = cen__alloc(context, 2 * n_layers, sizeof *training->steps);
    inference->steps = cen__alloc(context, n_layers, sizeof *inference->steps);
    if (training->steps == NULL || inference->steps == NULL) {
        return cen__fail_memory(error, "the net");
    }
    fuse_training(layers, n_layers, training);
    fuse_inference(layers, n_layers, inference);
    return CEN_OK;
}
