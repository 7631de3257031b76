#include "export/c_net.h"

#include <string.h>

#include "base/memory.h"
#include "base/sizes.h"
#include "base/status.h"
#include "export/c_ops.h"
#include "export/words.h"

static void read_shape(cen__c_net *net, const cen_layer_info *info)
{
    net->c = (int)info->channels;
    net->h = (int)info->height;
    net->w = (int)info->width;
}

static cen_status add_chain(cen__c_net *net, const char *prefix, size_t *value, cen_error *error);

/* The branches of the residual whose place has so many characters, and their sum. */
static cen_status add_residual(cen__c_net *net, const char *place, int length, size_t *value,
                               cen_error *error)
{
    const int c = net->c, h = net->h, w = net->w;
    size_t sides[2] = {*value, *value};
    cen_status status = CEN_OK;
    for (int i = 0; i < 2 && status == CEN_OK; i++) {
        char inner[CEN__NAME_MOST];
        size_t at = 0;
        cen__append(inner, sizeof inner, &at, "%.*s.%s.", length, place,
                    i == 0 ? "main" : "shortcut");
        net->c = c;
        net->h = h;
        net->w = w;
        status = add_chain(net, inner, &sides[i], error);
    }
    if (status != CEN_OK) return status;
    read_shape(net, &net->info->layers[net->at]);
    cen__c_op *op = cen__c_add_op(net, CEN__C_ADD, sides[0]);
    op->x2 = sides[1];
    *value = op->y;
    return CEN_OK;
}

/* The layers whose places begin with prefix. */
static cen_status add_chain(cen__c_net *net, const char *prefix, size_t *value, cen_error *error)
{
    const size_t size = strlen(prefix);
    cen_status status = CEN_OK;
    int conv = CEN__C_NO_OP;
    while (net->at < net->info->n_layers && status == CEN_OK) {
        const cen_layer_info *layer = &net->info->layers[net->at];
        if (strncmp(layer->place, prefix, size) != 0) break;
        const char *dot = strchr(layer->place + size, '.');
        if (dot != NULL) {
            conv = CEN__C_NO_OP;
            status = add_residual(net, layer->place, (int)(dot - layer->place), value, error);
        } else {
            status = cen__c_add_layer(net, value, &conv, error);
        }
        if (status != CEN_OK) break;
        read_shape(net, &net->info->layers[net->at]);
        net->at++;
    }
    return status;
}

/* ---- all ---- */

static cen_status check_sizes(const cen__c_net *net, cen_error *error)
{
    const cen_input *input = &net->info->input;
    size_t most = input->channels * input->height * input->width;
    if (input->channels != 1 && input->channels != 3) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "an input of %zu channels is no picture, and a C file takes pictures of 1 "
                         "or 3 channels",
                         input->channels);
    }
    for (size_t i = 0; i < net->info->n_layers; i++) {
        const cen_layer_info *layer = &net->info->layers[i];
        const size_t count = cen__times(layer->channels, cen__times(layer->height, layer->width));
        most = count > most ? count : most;
    }
    if (most <= INT32_MAX / 64) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "the net has %zu numbers between two layers, and a C file may have 2^25; take "
                     "a smaller input",
                     most);
}

cen_status cen__c_net_create(cen__c_net *net, cen_context *context, cen_model *model,
                             cen__c_format format, cen_error *error)
{
    *net = (cen__c_net){
        .context = context, .model = model, .info = cen_model_get(model), .format = format};
    const cen_input *input = &net->info->input;
    const size_t n = net->info->n_layers;
    cen_status status = check_sizes(net, error);
    if (status != CEN_OK) return status;
    net->ops = cen__alloc_zeroed(context, n, sizeof *net->ops);
    net->values = cen__alloc_zeroed(context, n + 1, sizeof *net->values);
    net->areas = cen__alloc_zeroed(context, 2 * n + 1, sizeof *net->areas);
    if (net->ops == NULL || net->values == NULL || net->areas == NULL) {
        return cen__fail_memory(error, "a C file");
    }
    net->c = (int)input->channels;
    net->h = (int)input->height;
    net->w = (int)input->width;
    net->values[net->n_values++].count = input->channels * input->height * input->width;
    for (size_t i = 0; i < input->channels; i++) {
        net->input_numbers[i] = input->mean[i];
        net->input_numbers[input->channels + i] = input->std[i];
    }
    net->ends = (cen__c_layer){.numbers = net->input_numbers,
                               .c = net->c,
                               .h = net->h,
                               .w = net->w,
                               .k = (int)net->info->feature_size};
    status = add_chain(net, "", &net->output, error);
    if (status == CEN_OK) status = cen__c_net_plan(net, error);
    return status;
}

void cen__c_net_free(cen__c_net *net)
{
    for (size_t i = 0; i < net->n_ops; i++) {
        cen__free(net->ops[i].weights);
        cen__free(net->ops[i].numbers);
    }
    cen__free(net->ops);
    cen__free(net->values);
    cen__free(net->areas);
}

bool cen__c_net_has_length(const cen__c_net *net)
{
    return cen__words_is_kind(net->info->layers[net->info->n_layers - 1].text, "l2norm");
}

static void widen(cen__c_value *value, int place, const float *work)
{
    for (size_t i = 0; i < value->count; i++) {
        const float number = work[(size_t)place + i];
        value->low = number < value->low ? number : value->low;
        value->high = number > value->high ? number : value->high;
    }
}

void cen__c_net_run(const cen__c_net *net, const uint8_t *pixels, float *feature, float *work,
                    cen__c_value *ranges)
{
    for (int turn = 0; turn < (net->info->mirror ? 2 : 1); turn++) {
        cen__c_begin(&net->ends, pixels, turn == 1, work);
        if (ranges != NULL) widen(&ranges[0], net->ends.y, work);
        for (size_t i = 0; i < net->n_ops; i++) {
            const cen__c_op *op = &net->ops[i];
            cen__c_functions[op->kind]->run(&op->layer, work);
            if (ranges != NULL) widen(&ranges[op->y], op->layer.y, work);
        }
        if (turn == 0) cen__c_output(&net->ends, work, feature);
    }
    if (net->info->mirror) {
        cen__c_average(&net->ends, work, cen__c_net_has_length(net), feature);
    }
    if (net->unit_length) cen__c_unit(net->ends.k, feature);
}
