#include <centerloss_eval.h>

#include "train/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/utf8.h"
#include "train/presets.h"

static cen_status check_input(const cen_input *input, cen_error *error)
{
    cen_status status =
        cen__check_choice("the way to resize", (long)input->resize, CEN_RESIZE_STRETCH, error);
    if (status != CEN_OK) return status;
    if (input->channels < 1 || input->channels > CEN_MAX_CHANNELS || input->height == 0 ||
        input->width == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an input of %zu channels, %zux%zu, is none; use 1 to %d channels and at "
                         "least one row and column",
                         input->channels, input->height, input->width, CEN_MAX_CHANNELS);
    }
    for (size_t c = 0; c < input->channels; c++) {
        if (!isfinite(input->mean[c]) || !isfinite(input->std[c]) || input->std[c] <= 0) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "mean %g and std %g of channel %zu cannot be used; both must be "
                             "finite and std above 0",
                             (double)input->mean[c], (double)input->std[c], c);
        }
    }
    return CEN_OK;
}

void cen__class_names_free(char **names, size_t n)
{
    for (size_t i = 0; names != NULL && i < n; i++) cen__free(names[i]);
    cen__free(names);
}

cen_status cen__class_names_copy(cen_context *context, const char *const *names, size_t n,
                                 char ***copies, cen_error *error)
{
    char **made = cen__alloc_zeroed(context, n, sizeof *made);
    if (made == NULL) return cen__fail_memory(error, "the class names");
    for (size_t i = 0; i < n; i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%lu", (unsigned long)i);
        const char *name = names != NULL ? names[i] : number;
        made[i] = name != NULL ? cen__duplicate(context, name) : NULL;
        if (made[i] != NULL) continue;
        cen__class_names_free(made, i);
        return name != NULL
                   ? cen__fail_memory(error, "the class names")
                   : cen__fail(error, CEN_ERROR_ARGUMENT, "class %zu has no name; give one", i);
    }
    *copies = made;
    return CEN_OK;
}

static cen_status describe_layers(cen_model *model, cen_error *error)
{
    size_t n = model->net.n_layers;
    model->layers = cen__alloc_zeroed(model->context, n, sizeof *model->layers);
    if (model->layers == NULL) return cen__fail_memory(error, "the model");
    for (size_t i = 0; i < n; i++) {
        const cen__layer *layer = &model->net.layers[i];
        model->layers[i] = (cen_layer_info){.text = model->net.texts[i],
                                            .place = model->net.modules[i],
                                            .channels = layer->out.c,
                                            .height = layer->out.h,
                                            .width = layer->out.w,
                                            .n_parameters = layer->count};
    }
    return CEN_OK;
}

/* Appends a tensor after the last one; false without memory for its name. */
static bool add_tensor(cen_model *model, const char *name, size_t n_dims, const size_t *shape)
{
    cen__model_tensor *tensor = &model->tensors[model->n_tensors];
    *tensor = (cen__model_tensor){
        .n_dims = n_dims, .shape = {1, 1, 1, 1}, .offset = model->n_numbers, .count = 1};
    for (size_t i = 0; i < n_dims; i++) {
        tensor->shape[i] = shape[i];
        tensor->count *= shape[i];
    }
    model->n_numbers += tensor->count;
    tensor->name = cen__duplicate(model->context, name);
    if (tensor->name == NULL) return false;
    model->n_tensors++;
    return true;
}

/* Appends body.PLACE.NAME for each tensor of a layer. */
static bool add_tensors(cen_model *model, size_t layer, const cen__parameter *tensors, size_t n)
{
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        char name[192];
        (void)snprintf(name, sizeof name, "body.%s.%s", model->net.modules[layer], tensors[i].name);
        good = add_tensor(model, name, tensors[i].n_dims, tensors[i].shape);
    }
    return good;
}

cen_status cen__model_check_classes(const cen__net *net, size_t n_classes, cen_error *error)
{
    size_t table;
    if (cen__multiply(n_classes, net->out.c, &table) &&
        table <= CEN__MOST_NUMBERS - net->n_parameters) {
        return CEN_OK;
    }
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%zu classes with features of %zu numbers do not fit into memory", n_classes,
                     net->out.c);
}

static cen_status place_tensors(cen_model *model, cen_error *error)
{
    const cen__net *net = &model->net;
    const size_t classes = model->info.n_classes, d = net->out.c, table = classes * d;
    model->tensors = cen__alloc_zeroed(model->context,
                                       net->n_layers * (CEN__MAX_PARAMETERS + CEN__MAX_STATES) +
                                           CEN__TRAINER_TENSORS,
                                       sizeof *model->tensors);
    bool good = model->tensors != NULL;
    for (size_t i = 0; i < net->n_layers && good; i++) {
        good = add_tensors(model, i, net->layers[i].parameters, net->layers[i].n_parameters);
    }
    const size_t shape[2] = {classes, d};
    model->head_weight = net->n_parameters;
    model->head_bias = model->head_weight + table;
    model->centers = model->head_bias + classes;
    good = good && add_tensor(model, "head.weight", 2, shape) &&
           add_tensor(model, "head.bias", 1, shape) &&
           add_tensor(model, "centers.weight", 2, shape);
    model->n_parameters = model->n_numbers;
    for (size_t i = 0; i < net->n_layers && good; i++) {
        good = add_tensors(model, i, net->layers[i].states, net->layers[i].n_states);
    }
    return good ? CEN_OK : cen__fail_memory(error, "the model");
}

/* True for one word that begins no line: it was meant as a preset. */
static bool is_lone_name(const char *net)
{
    const size_t size = strcspn(net, " ,\t\n{");
    return size > 0 && net[size] == '\0' && cen__layer_find(net, size) == NULL;
}

static cen_status fail_preset(const char *name, cen_error *error)
{
    char names[128];
    size_t n, at = 0;
    const cen_preset *presets = cen_presets(&n);
    for (size_t i = 0; i < n; i++) {
        cen__append(names, sizeof names, &at, "%s%s", i > 0 ? ", " : "", presets[i].name);
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "net '%.60s': there is no such preset; the presets are %s, and a net of your "
                     "own is a line as 'conv 10 2x2, relu, maxpool 2, flatten, dense 32'",
                     name, names);
}

static cen_status lay_out(cen_model *model, const cen_model_options *options, cen_error *error)
{
    const cen_input *input = &options->input;
    cen_status status = check_input(input, error);
    if (status != CEN_OK) return status;
    if (options->net == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a model has no net; name a line of layers, or a preset");
    }
    const cen_preset *preset = cen__preset_find(options->net);
    cen__shape in = {input->channels, input->height, input->width};
    status = cen__net_create(model->context, cen__kernels_of(model->context->instructions),
                             &model->net, preset != NULL ? preset->net : options->net, in,
                             options->feature_size, error);
    if (status == CEN_ERROR_ARGUMENT && preset == NULL && is_lone_name(options->net)) {
        return fail_preset(options->net, error);
    }
    if (status == CEN_OK) {
        status = cen__class_names_copy(model->context, options->class_names, options->n_classes,
                                       &model->class_names, error);
        if (status == CEN_OK) model->info.n_classes = options->n_classes;
    }
    if (status == CEN_OK) status = describe_layers(model, error);
    if (status != CEN_OK) return status;
    model->info = (cen_model_info){.net = model->net.line,
                                   .input = *input,
                                   .mirror = options->mirror,
                                   .feature_size = model->net.out.c,
                                   .n_classes = options->n_classes,
                                   .class_names = (const char *const *)model->class_names,
                                   .n_layers = model->net.n_layers,
                                   .layers = model->layers,
                                   .work = model->net.work * (options->mirror ? 2 : 1)};
    model->seed = options->seed;
    model->head.kind = &cen__affine_head;
    status = cen__model_check_classes(&model->net, options->n_classes, error);
    if (status == CEN_OK) status = place_tensors(model, error);
    model->info.n_parameters = model->centers;
    model->info.n_center_parameters = model->n_parameters - model->centers;
    return status;
}

cen_status cen__model_layout(cen_context *context, cen_model **model,
                             const cen_model_options *options, cen_error *error)
{
    *model = cen__alloc_zeroed(context, 1, sizeof **model);
    if (*model == NULL) return cen__fail_memory(error, "the model");
    (*model)->context = cen__context_use(context, &(*model)->own_context);
    cen_status status = (*model)->context != NULL ? lay_out(*model, options, error)
                                                  : cen__fail_memory(error, "a context");
    if (status != CEN_OK) {
        cen_model_free(*model);
        *model = NULL;
    }
    return status;
}

cen_status cen__model_allocate(cen_model *model, cen_error *error)
{
    model->owned = cen__alloc(model->context, model->n_numbers, sizeof(float));
    model->parameters = model->owned;
    return model->owned != NULL ? CEN_OK : cen__fail_memory(error, "the model's parameters");
}

cen_status cen__model_own(cen_model *model, cen_error *error)
{
    const float *from = model->parameters;
    if (model->owned != NULL) return CEN_OK;
    model->owned = cen__alloc(model->context, model->n_numbers, sizeof(float));
    if (model->owned == NULL) return cen__fail_memory(error, "the model's parameters");
    memcpy(model->owned, from, model->n_numbers * sizeof(float));
    model->parameters = model->owned;
    return CEN_OK;
}

static void initialize(cen_model *model)
{
    const uint64_t seed = model->seed;
    size_t classes = model->info.n_classes, d = model->info.feature_size;
    float *w = model->parameters;
    cen__net_initialize(&model->net, seed, w);
    cen__net_start(&model->net, cen__model_state(model));
    uint64_t stream = cen__substream(CEN__STREAM_WEIGHTS, UINT64_MAX);
    cen__uniform(w + model->head_weight, classes * d, cen__glorot_bound(d, classes), seed, stream);
    memset(w + model->head_bias, 0, classes * sizeof *w);
    cen__uniform(w + model->centers, classes * d, CEN__CENTER_BOUND, seed, CEN__STREAM_CENTERS);
}

cen_status cen_model_create(cen_context *context, cen_model **model,
                            const cen_model_options *options, cen_error *error)
{
    *model = NULL;
    cen_model_options o = cen_model_options_init();
    cen_model_limits limits = cen_model_limits_init();
    cen_status status = cen__take_options(&o, options, error);
    if (status == CEN_OK) status = cen__limits_take(&limits, o.limits, error);
    if (status == CEN_OK) status = cen__model_layout(context, model, &o, error);
    if (status != CEN_OK) return status;
    if (o.limits != NULL) status = cen__model_check_limits(*model, &limits, false, error);
    if (status == CEN_OK) status = cen__model_allocate(*model, error);
    if (status != CEN_OK) {
        cen_model_free(*model);
        *model = NULL;
        return status;
    }
    initialize(*model);
    return CEN_OK;
}

void cen_model_free(cen_model *model)
{
    if (model == NULL) return;
    for (size_t i = 0; i < model->n_tensors; i++) cen__free(model->tensors[i].name);
    for (size_t i = 0; i < model->n_notes; i++) {
        cen__free(model->notes[i].key);
        cen__free(model->notes[i].value);
    }
    cen__class_names_free(model->class_names, model->info.n_classes);
    cen__free(model->tensors);
    cen__free(model->notes);
    cen__free(model->layers);
    cen__free(model->owned);
    cen__net_free(&model->net);
    cen_context_free(model->own_context);
    cen__free(model);
}

const char *cen_model_note(const cen_model *model, const char *key)
{
    for (size_t i = 0; i < model->n_notes; i++) {
        if (strcmp(model->notes[i].key, key) == 0) return model->notes[i].value;
    }
    return NULL;
}

bool cen__is_utf8(const char *text)
{
    size_t left = strlen(text), size = 1;
    for (; left > 0 && size > 0; left -= size, text += size) size = cen__utf8_size(text, left);
    return size > 0;
}

cen_status cen_model_set_note(cen_model *model, const char *key, const char *value,
                              cen_error *error)
{
    if (cen__model_reserves(key)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a model's file has a '%s' of its own; note this under another key", key);
    }
    if (!cen__is_utf8(key) || !cen__is_utf8(value)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the note '%s' is no UTF-8, which a model's file is written in", key);
    }
    for (size_t i = 0; i < model->n_notes; i++) {
        if (strcmp(model->notes[i].key, key) != 0) continue;
        char *copy = cen__duplicate(model->context, value);
        if (copy == NULL) return cen__fail_memory(error, "a note of the model");
        cen__free(model->notes[i].value);
        model->notes[i].value = copy;
        return CEN_OK;
    }
    return cen__model_add_note(model, key, value, error);
}

cen_status cen__model_add_note(cen_model *model, const char *key, const char *value,
                               cen_error *error)
{
    char *name = cen__duplicate(model->context, key), *copy = cen__duplicate(model->context, value);
    if (name == NULL || copy == NULL ||
        !cen__grow(model->context, &model->notes, &model->notes_capacity, model->n_notes + 1,
                   sizeof *model->notes)) {
        cen__free(name);
        cen__free(copy);
        return cen__fail_memory(error, "a note of the model");
    }
    model->notes[model->n_notes++] = (cen__note){name, copy};
    return CEN_OK;
}

bool cen__is_usable(const cen__model_tensor *tensor, const float *numbers)
{
    static const char variance[] = ".running_var";
    size_t size = strlen(tensor->name), end = sizeof variance - 1;
    bool is_variance = size > end && strcmp(tensor->name + size - end, variance) == 0;
    for (size_t i = 0; i < tensor->count; i++) {
        if (!isfinite(numbers[i]) || (is_variance && numbers[i] < 0)) return false;
    }
    return true;
}

cen_status cen__model_check(const cen_model *model, cen_error *error)
{
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        if (cen__is_usable(tensor, model->parameters + tensor->offset)) continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "its tensor '%s' holds a number that is not finite, or a variance below 0",
                         tensor->name);
    }
    return CEN_OK;
}

const cen_model_info *cen_model_get(const cen_model *model)
{
    return &model->info;
}

float *cen_model_parameters(cen_model *model, size_t *n)
{
    *n = model->n_parameters;
    return cen__model_own(model, NULL) == CEN_OK ? model->owned : NULL;
}

bool cen_model_tensor(cen_model *model, size_t i, const char **name, cen_tensor *view)
{
    if (i >= model->n_tensors || cen__model_own(model, NULL) != CEN_OK) return false;
    const cen__model_tensor *tensor = &model->tensors[i];
    *name = tensor->name;
    *view = (cen_tensor){.n_dims = tensor->n_dims, .data = model->parameters + tensor->offset};
    memcpy(view->shape, tensor->shape, sizeof view->shape);
    return true;
}
