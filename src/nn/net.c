#include "nn/net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "nn/layers.h"

/* More than any net has; the line of a stranger's model cannot ask for more memory than this. */
enum { LAYERS_MOST = 4096 };

static cen_status parse_layer(cen__line *line, cen__layer *layer, cen_error *error)
{
    size_t size;
    const char *name = cen__line_peek(line, &size);
    layer->kind = cen__layer_find(name, size);
    if (layer->kind == NULL) {
        return cen__line_fail(line, error,
                              "a layer (conv, maxpool, flatten, dense, relu, prelu, "
                              "batchnorm, gap, dropout, l2norm)");
    }
    cen__line_skip(line);
    cen_status status = layer->kind->parse(line, layer, error);
    if (status != CEN_OK) return status;
    (void)cen__line_peek(line, &size);
    if (size > 0) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "a comma or the end (%s)", layer->kind->syntax);
        return cen__line_fail(line, error, expected);
    }
    return CEN_OK;
}

/* Of a layer, which is a word at least, without the blanks around it. */
static char *copy_text(cen_context *context, const char *start, const char *end)
{
    while (cen__is_blank(*start)) start++;
    while (cen__is_blank(end[-1])) end--;
    size_t size = (size_t)(end - start);
    char *text = cen__alloc(context, size + 1, 1);
    if (text != NULL) {
        memcpy(text, start, size);
        text[size] = '\0';
    }
    return text;
}

static cen_status parse(cen_context *context, cen__net *net, const char *text, cen_error *error)
{
    size_t commas = 0;
    for (const char *at = text; *at != '\0'; at++) commas += *at == ',';
    if (commas >= LAYERS_MOST) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "net: its %zu layers are more than the limit of %d", commas + 1,
                         (int)LAYERS_MOST);
    }
    net->layers = cen__alloc_zeroed(context, commas + 1, sizeof *net->layers);
    net->texts = cen__alloc_zeroed(context, commas + 1, sizeof *net->texts);
    if (net->layers == NULL || net->texts == NULL) return cen__fail_memory(error, "the net");
    cen__line line = {text, text};
    for (;;) {
        const char *start = line.at;
        cen_status status = parse_layer(&line, &net->layers[net->n_layers], error);
        if (status != CEN_OK) return status;
        net->texts[net->n_layers] = copy_text(context, start, line.at);
        if (net->texts[net->n_layers++] == NULL) return cen__fail_memory(error, "the net");
        if (*line.at == '\0') return CEN_OK;
        line.at++; /* the comma */
    }
}

static cen_status set_feature_size(cen_context *context, cen__net *net, size_t feature_size,
                                   cen_error *error)
{
    for (size_t i = net->n_layers; i-- > 0;) {
        if (strcmp(net->layers[i].kind->name, "dense") != 0) continue;
        char text[32];
        (void)snprintf(text, sizeof text, "dense %zu", feature_size);
        cen__free(net->texts[i]);
        net->texts[i] = cen__duplicate(context, text);
        net->layers[i].n_outputs = feature_size;
        return net->texts[i] != NULL ? CEN_OK : cen__fail_memory(error, "the net");
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "a feature size of %zu is asked for, but the net has no dense layer; add "
                     "'flatten, dense %zu' at its end",
                     feature_size, feature_size);
}

static bool fits(cen__shape shape)
{
    size_t count;
    return cen__multiply(shape.c, shape.h, &count) && cen__multiply(count, shape.w, &count) &&
           count < CEN__MOST_NUMBERS;
}

static cen_status connect(cen__net *net, cen_error *error)
{
    cen__shape in = net->in;
    if (!fits(in)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "an input of %zux%zux%zu does not fit into memory; use smaller images",
                         in.c, in.h, in.w);
    }
    for (size_t i = 0; i < net->n_layers; i++) {
        cen__layer *layer = &net->layers[i];
        layer->in = in;
        layer->kernels = net->kernels;
        layer->index = i;
        layer->offset = net->n_parameters;
        layer->state_offset = net->n_state;
        cen_status status = layer->kind->shape(layer, error);
        if (status != CEN_OK && error != NULL) {
            return cen__fail(error, status, "net, layer %zu '%s': %s", i, net->texts[i],
                             error->message);
        }
        if (status != CEN_OK) return status;
        if (layer->out.h == 0 || layer->out.w == 0) {
            return cen__fail(
                error, CEN_ERROR_ARGUMENT,
                "net, layer %zu '%s': its input of %zux%zu is smaller than its window; "
                "use larger images or fewer layers",
                i, net->texts[i], in.h, in.w);
        }
        if (!fits(layer->out) || layer->count >= CEN__MOST_NUMBERS - net->n_parameters ||
            layer->state_count >= CEN__MOST_NUMBERS - net->n_state) {
            return cen__fail(error, CEN_ERROR_LIMIT,
                             "net, layer %zu '%s': it does not fit into memory; make it smaller", i,
                             net->texts[i]);
        }
        net->n_parameters += layer->count;
        net->n_state += layer->state_count;
        net->work += cen__layer_work(layer);
        in = layer->out;
    }
    net->out = in;
    if (in.h != 1 || in.w != 1) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "net: its output of %zux%zux%zu is no feature vector; end it with "
                         "'flatten', 'flatten, dense D' or 'gap'",
                         in.c, in.h, in.w);
    }
    return CEN_OK;
}

static cen_status join(cen_context *context, cen__net *net, cen_error *error)
{
    size_t size = 1;
    for (size_t i = 0; i < net->n_layers; i++) size += strlen(net->texts[i]) + 2;
    net->line = cen__alloc(context, size, 1);
    if (net->line == NULL) return cen__fail_memory(error, "the net");
    for (size_t i = 0, at = 0; i < net->n_layers; i++) {
        cen__append(net->line, size, &at, "%s%s", i > 0 ? ", " : "", net->texts[i]);
    }
    return CEN_OK;
}

cen_status cen__net_create(cen_context *context, const cen__kernels *kernels, cen__net *net,
                           const char *line, cen__shape in, size_t feature_size, cen_error *error)
{
    *net = (cen__net){.kernels = kernels, .in = in};
    cen_status status = parse(context, net, line, error);
    if (status == CEN_OK && feature_size > 0)
        status = set_feature_size(context, net, feature_size, error);
    if (status == CEN_OK) status = connect(net, error);
    if (status == CEN_OK) status = join(context, net, error);
    if (status == CEN_OK) {
        status =
            cen__fuse(context, net->layers, net->n_layers, &net->training, &net->inference, error);
    }
    if (status != CEN_OK) cen__net_free(net);
    return status;
}

void cen__net_free(cen__net *net)
{
    for (size_t i = 0; i < net->n_layers; i++) cen__free(net->texts[i]);
    cen__free(net->texts);
    cen__free(net->layers);
    cen__free(net->training.steps);
    cen__free(net->inference.steps);
    cen__free(net->line);
    *net = (cen__net){.n_layers = 0};
}

double cen__glorot_bound(size_t fan_in, size_t fan_out)
{
    return sqrt(6 / ((double)fan_in + (double)fan_out));
}

void cen__uniform(float *w, size_t count, double bound, uint64_t seed, uint64_t stream)
{
    for (size_t i = 0; i < count; i++) {
        w[i] = (2 * cen__random_float(seed, stream, i) - 1) * (float)bound;
    }
}

/* He where a rectifier comes before the next layer of weights, else Glorot. */
static double weight_bound(const cen__net *net, size_t i, const cen__parameter *weight)
{
    while (++i < net->n_layers) {
        const cen__layer *layer = &net->layers[i];
        if (layer->kind == &cen__relu_layer) return sqrt(6 / (double)weight->fan_in);
        if (layer->kind == &cen__prelu_layer) {
            double slope = (double)layer->parameters[0].start;
            return sqrt(6 / ((1 + slope * slope) * (double)weight->fan_in));
        }
        if (layer->n_parameters > 0 && layer->parameters[0].fan_in > 0) break;
    }
    return cen__glorot_bound(weight->fan_in, weight->fan_out);
}

void cen__net_initialize(const cen__net *net, uint64_t seed, float *w)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        const cen__layer *layer = &net->layers[i];
        for (size_t j = 0; j < layer->n_parameters; j++) {
            const cen__parameter *parameter = &layer->parameters[j];
            float *values = w + layer->offset + parameter->offset;
            uint64_t stream = cen__substream(CEN__STREAM_WEIGHTS, i * CEN__MAX_PARAMETERS + j);
            if (parameter->fan_in > 0) {
                double bound = weight_bound(net, i, parameter);
                cen__uniform(values, parameter->count, bound, seed, stream);
                continue;
            }
            for (size_t k = 0; k < parameter->count; k++) values[k] = parameter->start;
        }
    }
}

void cen__net_start(const cen__net *net, float *state)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        const cen__layer *layer = &net->layers[i];
        for (size_t j = 0; j < layer->n_states; j++) {
            const cen__parameter *tensor = &layer->states[j];
            float *values = state + layer->state_offset + tensor->offset;
            for (size_t k = 0; k < tensor->count; k++) values[k] = tensor->start;
        }
    }
}
