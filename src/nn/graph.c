#include "nn/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/layers.h"

/* More than any net has; the line of a stranger's model cannot ask for more memory than this. */
enum { LAYERS_MOST = 4096, DEPTH_MOST = 8, PLACE_SIZE = 128 };

typedef struct reader {
    cen_context *context;
    cen__net *net;
    cen__line line;
    size_t at;    /* in net->line */
    size_t depth; /* of residuals */
} reader;

static bool keep(cen_context *context, char **copy, const char *start, size_t size)
{
    *copy = cen__alloc(context, size + 1, 1);
    if (*copy == NULL) return false;
    memcpy(*copy, start, size);
    (*copy)[size] = '\0';
    return true;
}

static void put(reader *r, const char *text, size_t size)
{
    memcpy(r->net->line + r->at, text, size);
    r->at += size;
}

/* The layer that was read last becomes one of the net. */
static cen_status add_layer(reader *r, const char *place, const char *text, size_t size,
                            cen_error *error)
{
    cen__net *net = r->net;
    const size_t i = net->n_layers++;
    net->layers[i].index = i;
    bool good = keep(r->context, &net->texts[i], text, size) &&
                keep(r->context, &net->modules[i], place, strlen(place));
    return good ? CEN_OK : cen__fail_memory(error, "the net");
}

static cen_status fail_name(reader *r, cen_error *error)
{
    char names[256], expected[300];
    cen__layer_names(names, sizeof names);
    (void)snprintf(expected, sizeof expected, "a layer (%s, residual)", names);
    return cen__line_fail(&r->line, error, expected);
}

/* One layer, which reads *value and becomes it. */
static cen_status read_layer(reader *r, const char *place, size_t *value, cen_error *error)
{
    cen__layer *layer = &r->net->layers[r->net->n_layers];
    size_t size;
    const char *name = cen__line_peek(&r->line, &size);
    layer->column = (size_t)(name - r->line.text) + 1;
    layer->kind = cen__layer_find(name, size);
    if (layer->kind == NULL) return fail_name(r, error);
    cen__line_skip(&r->line);
    const cen__layer_kind *kind = layer->kind;
    cen_status status = kind->parse != NULL ? kind->parse(&r->line, layer, error) : CEN_OK;
    if (status != CEN_OK) return status;
    const char *end = r->line.at;
    while (cen__is_blank(end[-1])) end--;
    (void)cen__line_peek(&r->line, &size);
    if (size > 0) {
        char expected[96];
        (void)snprintf(expected, sizeof expected, "a comma or the end (%s)",
                       kind->syntax != NULL ? kind->syntax : kind->name);
        return cen__line_fail(&r->line, error, expected);
    }
    layer->n_inputs = 1;
    layer->inputs[0] = *value;
    *value = r->net->n_layers;
    if (layer->kind == &cen__dense_layer) r->net->last_dense = r->at;
    put(r, name, (size_t)(end - name));
    return add_layer(r, place, name, (size_t)(end - name), error);
}

static cen_status read_layers(reader *r, const char *prefix, size_t *value, cen_error *error);

/* The layers of a branch, in the module `name`. */
static cen_status read_branch(reader *r, const char *place, const char *name, size_t *value,
                              cen_error *error)
{
    char prefix[PLACE_SIZE];
    size_t size = 0;
    cen__append(prefix, sizeof prefix, &size, "%s.%s.", place, name);
    return read_layers(r, prefix, value, error);
}

static cen_status read_branches(reader *r, const char *place, size_t sum[2], cen_error *error)
{
    put(r, "residual {", 10);
    cen_status status = read_branch(r, place, "main", &sum[0], error);
    if (status == CEN_OK && cen__line_take_sign(&r->line, '|')) {
        put(r, " | ", 3);
        status = read_branch(r, place, "shortcut", &sum[1], error);
    }
    if (status != CEN_OK) return status;
    if (!cen__line_take_sign(&r->line, '}')) return cen__line_fail(&r->line, error, "a comma or }");
    put(r, "}", 1);
    return CEN_OK;
}

/* What follows the word: two branches that read *value, and their sum, which becomes it. */
static cen_status read_residual(reader *r, const char *place, size_t *value, cen_error *error)
{
    const size_t column = (size_t)(r->line.at - r->line.text) + 1 - strlen("residual");
    size_t sum[2] = {*value, *value};
    if (!cen__line_take_sign(&r->line, '{')) {
        return cen__line_fail(&r->line, error, "a { (residual {A, B} or residual {A, B | S, T})");
    }
    if (++r->depth > DEPTH_MOST) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "net, column %zu: this residual is nested deeper than the limit of %d",
                         column, (int)DEPTH_MOST);
    }
    cen_status status = read_branches(r, place, sum, error);
    if (status != CEN_OK) return status;
    r->depth--;
    *value = r->net->n_layers;
    r->net->layers[*value] = (cen__layer){
        .kind = &cen__residual_layer, .n_inputs = 2, .inputs = {sum[0], sum[1]}, .column = column};
    return add_layer(r, place, "residual", strlen("residual"), error);
}

/* Layers with commas between them. */
static cen_status read_layers(reader *r, const char *prefix, size_t *value, cen_error *error)
{
    for (size_t i = 0;; i++) {
        char place[PLACE_SIZE];
        size_t size = 0;
        cen__append(place, sizeof place, &size, "%s%lu", prefix,
                    (unsigned long)i); /* small printf know no %zu */
        cen_status status = cen__line_take(&r->line, "residual")
                                ? read_residual(r, place, value, error)
                                : read_layer(r, place, value, error);
        if (status != CEN_OK) return status;
        if (!cen__line_take_sign(&r->line, ',')) return CEN_OK;
        put(r, ", ", 2);
    }
}

static size_t count_of(const char *text, char sign)
{
    size_t n = 0;
    for (; *text != '\0'; text++) n += *text == sign;
    return n;
}

cen_status cen__graph_parse(cen_context *context, cen__net *net, const char *text, cen_error *error)
{
    size_t most = count_of(text, ',') + count_of(text, '|') + 2 * count_of(text, '{') + 1,
           value = CEN__NET_INPUT;
    if (most > LAYERS_MOST) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "net: its %zu layers are more than the limit of %d", most,
                         (int)LAYERS_MOST);
    }
    reader r = {.context = context, .net = net, .line = {text, text}};
    net->layers = cen__alloc_zeroed(context, most, sizeof *net->layers);
    net->texts = cen__alloc_zeroed(context, most, sizeof *net->texts);
    net->modules = cen__alloc_zeroed(context, most, sizeof *net->modules);
    net->line =
        cen__alloc_zeroed(context, strlen(text) + 2 * most + 1, 1); /* two blanks at each sign */
    if (net->layers == NULL || net->texts == NULL || net->modules == NULL || net->line == NULL) {
        return cen__fail_memory(error, "the net");
    }
    cen_status status = read_layers(&r, "", &value, error);
    if (status == CEN_OK && *r.line.at != '\0') {
        status = cen__line_fail(&r.line, error, "a comma or the end");
    }
    return status;
}

cen_status cen__graph_set_features(cen_context *context, cen__net *net, size_t feature_size,
                                   cen_error *error)
{
    char text[32];
    size_t i = net->n_layers;
    while (i > 0 && net->layers[i - 1].kind != &cen__dense_layer) i--;
    if (i-- == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a feature size of %zu is asked for, but the net has no dense layer; add "
                         "'flatten, dense %zu' at its end",
                         feature_size, feature_size);
    }
    const size_t old_size = strlen(net->texts[i]), rest = net->last_dense + old_size;
    (void)snprintf(text, sizeof text, "dense %lu", (unsigned long)feature_size);
    size_t size = strlen(net->line) - old_size + strlen(text) + 1, at = 0;
    char *line = cen__alloc(context, size, 1), *copy = cen__duplicate(context, text);
    if (line == NULL || copy == NULL) {
        cen__free(line);
        cen__free(copy);
        return cen__fail_memory(error, "the net");
    }
    cen__append(line, size, &at, "%.*s%s%s", (int)net->last_dense, net->line, text,
                net->line + rest);
    cen__free(net->line);
    cen__free(net->texts[i]);
    net->line = line;
    net->texts[i] = copy;
    net->layers[i].n_outputs = feature_size;
    return CEN_OK;
}

static bool fits(cen__shape shape)
{
    size_t count;
    return cen__multiply(shape.c, shape.h, &count) && cen__multiply(count, shape.w, &count) &&
           count < CEN__MOST_NUMBERS;
}

static cen__shape shape_of(const cen__net *net, size_t value)
{
    return value == CEN__NET_INPUT ? net->in : net->layers[value].out;
}

/* The layer's shape and tensors, of those of its inputs. */
static cen_status shape_layer(const cen__net *net, cen__layer *layer, cen_error *error)
{
    const char *text = net->texts[layer->index], *place = net->modules[layer->index];
    layer->in = shape_of(net, layer->inputs[0]);
    layer->kernels = net->kernels;
    layer->offset = net->n_parameters;
    layer->state_offset = net->n_state;
    cen__shape other = shape_of(net, layer->inputs[layer->n_inputs - 1]);
    if (memcmp(&other, &layer->in, sizeof other) != 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "net, column %zu: the residual's branches give %zux%zux%zu and "
                         "%zux%zux%zu; give both the same shape",
                         layer->column, layer->in.c, layer->in.h, layer->in.w, other.c, other.h,
                         other.w);
    }
    layer->out = layer->in;
    cen_status status = layer->kind->shape != NULL ? layer->kind->shape(layer, error) : CEN_OK;
    if (status != CEN_OK && error != NULL) {
        return cen__fail(error, status, "net, layer %s '%s': %s", place, text, error->message);
    }
    if (status != CEN_OK) return status;
    if (layer->out.h == 0 || layer->out.w == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "net, layer %s '%s': its input of %zux%zu is smaller than its window; "
                         "use larger images or fewer layers",
                         place, text, layer->in.h, layer->in.w);
    }
    if (!fits(layer->out) || layer->count >= CEN__MOST_NUMBERS - net->n_parameters ||
        layer->state_count >= CEN__MOST_NUMBERS - net->n_state) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "net, layer %s '%s': it does not fit into memory; make it smaller", place,
                         text);
    }
    return CEN_OK;
}

cen_status cen__graph_connect(cen__net *net, cen_error *error)
{
    if (!fits(net->in)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "an input of %zux%zux%zu does not fit into memory; use smaller images",
                         net->in.c, net->in.h, net->in.w);
    }
    for (size_t i = 0; i < net->n_layers; i++) {
        cen__layer *layer = &net->layers[i];
        cen_status status = shape_layer(net, layer, error);
        if (status != CEN_OK) return status;
        net->n_parameters += layer->count;
        net->n_state += layer->state_count;
        net->work += cen__layer_work(layer);
    }
    net->out = net->layers[net->n_layers - 1].out;
    if (net->out.h != 1 || net->out.w != 1) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "net: its output of %zux%zux%zu is no feature vector; end it with "
                         "'flatten', 'flatten, dense D' or 'gap'",
                         net->out.c, net->out.h, net->out.w);
    }
    return CEN_OK;
}
