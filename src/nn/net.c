#include "nn/net.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "nn/graph.h"
#include "nn/layers.h"

cen_status cen__net_create(cen_context *context, const cen__kernels *kernels, cen__net *net,
                           const char *line, cen__shape in, size_t feature_size, cen_error *error)
{
    *net = (cen__net){.kernels = kernels, .in = in};
    cen_status status = cen__graph_parse(context, net, line, error);
    if (status == CEN_OK && feature_size > 0) {
        status = cen__graph_set_features(context, net, feature_size, error);
    }
    if (status == CEN_OK) status = cen__graph_connect(net, error);
    if (status == CEN_OK) {
        status = cen__fuse(context, net->layers, net->n_layers, 0, &net->training, error);
    }
    if (status == CEN_OK) {
        status =
            cen__fuse(context, net->layers, net->n_layers, net->n_layers, &net->inference, error);
    }
    if (status != CEN_OK) cen__net_free(net);
    return status;
}

void cen__net_free(cen__net *net)
{
    for (size_t i = 0; i < net->n_layers; i++) {
        cen__free(net->texts[i]);
        cen__free(net->modules[i]);
    }
    cen__free(net->texts);
    cen__free(net->modules);
    cen__free(net->layers);
    cen__free(net->training.ops);
    cen__free(net->inference.ops);
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

size_t cen__net_first(const cen__net *net, size_t n, size_t *n_there)
{
    size_t found = 0, end = n == 0 ? 0 : SIZE_MAX;
    for (size_t i = 0; i < net->n_layers; i++) {
        const cen__layer *layer = &net->layers[i];
        bool has_matrix = layer->n_parameters > 0 && layer->parameters[0].n_dims > 1;
        if (has_matrix && n > 0 && found == n) end = i;
        found += has_matrix;
    }
    if (found == n && n > 0) end = net->n_layers;
    if (n_there != NULL) *n_there = found;
    return end;
}

/* The first layer that reads the output of layer i, or n_layers. */
static size_t reader_of(const cen__net *net, size_t i)
{
    size_t j = i + 1;
    while (j < net->n_layers && !cen__layer_reads(&net->layers[j], i)) j++;
    return j;
}

/* He where a rectifier comes before the next layer of weights, else Glorot. */
static double weight_bound(const cen__net *net, size_t i, const cen__parameter *weight)
{
    while ((i = reader_of(net, i)) < net->n_layers) {
        const cen__layer *layer = &net->layers[i];
        if (layer->kind->rectifies) {
            double slope = layer->n_parameters > 0 ? (double)layer->parameters[0].start : 0;
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
