/* Each layer is a node with the layer's place and word as its name (body.4.main.0.conv), and its tensors are constants
 * with the names that the model file has for them (body.4.main.0.weight). ONNX has what torch.nn has, but not GELU
 * (before version 20) and not l2norm: these are some nodes each. */
#include "export/onnx_layers.h"

#include <string.h>

#include "base/status.h"

enum { NAME_MOST = CEN__ONNX_NAME_MOST };

/* ---- names ---- */

static void extend(char name[NAME_MOST], const char *start, const char *ending)
{
    size_t at = 0;
    cen__append(name, NAME_MOST, &at, "%s%s", start, ending);
}

static void copy(char name[NAME_MOST], const char *from)
{
    extend(name, from, "");
}

/* The first characters of a place, with an ending. */
static void branch(char name[NAME_MOST], int length, const char *place, const char *ending)
{
    size_t at = 0;
    cen__append(name, NAME_MOST, &at, "%.*s%s", length, place, ending);
}

/* body.PLACE.WORD, or a part of this layer: body.PLACE.WORD.PART. */
static const char *node_name(char name[NAME_MOST], const cen_layer_info *layer, const char *part)
{
    char ending[NAME_MOST];
    size_t at = 0;
    cen__append(ending, NAME_MOST, &at, "%.*s%s%s", (int)strcspn(layer->text, " "), layer->text,
                part[0] != '\0' ? "." : "", part);
    return cen__words_join(name, layer->place, ending);
}

void cen__onnx_move_on(cen__onnx_exporter *e, const char *name)
{
    copy(e->last, name);
}

/* Adds a tensor of the model as a constant; name[] is its name. prelu's slopes get dims of 1 for the height and width. */
static void add_tensor(cen__onnx_exporter *e, const char *place, const char *ending, size_t n_ones,
                       char name[NAME_MOST])
{
    cen_tensor view;
    if (!cen__words_tensor(e->model, cen__words_join(name, place, ending), &view)) {
        e->failed = true;
        return;
    }
    for (size_t i = 0; i < n_ones; i++) view.shape[view.n_dims++] = 1;
    cen__onnx_add_floats(&e->graph, name, view.shape, view.n_dims, view.data);
}

void cen__onnx_add_scalar(cen__onnx_exporter *e, const char *name, float value)
{
    cen__onnx_add_floats(&e->graph, name, NULL, 0, &value);
}

/* last = kind(last, second) */
void cen__onnx_add_step(cen__onnx_exporter *e, const char *kind, const char *name,
                        const char *second)
{
    cen__onnx_add_node(&e->graph, kind, name, CEN__ONNX_INPUTS(e->last, second));
    cen__onnx_move_on(e, name);
}

void cen__onnx_flatten(cen__onnx_exporter *e, const char *name)
{
    if (!e->is_flat) cen__onnx_add_step(e, "Flatten", name, NULL);
    e->is_flat = true;
}

/* ---- layers ---- */

static void add_window(cen__onnx_node *node, const char *text, const int64_t *window,
                       const int64_t *default_stride)
{
    int64_t stride[2] = {default_stride[0], default_stride[1]}, pad[4] = {0};
    (void)cen__words_size(text, " stride ", stride);
    (void)cen__words_size(text, " pad ", pad);
    pad[2] = pad[0];
    pad[3] = pad[1];
    cen__onnx_integers(node, "kernel_shape", window, 2);
    cen__onnx_integers(node, "strides", stride, 2);
    cen__onnx_integers(node, "pads", pad, 4);
}

static void add_conv(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    char name[NAME_MOST], weight[NAME_MOST], bias[NAME_MOST];
    cen_tensor view;
    int64_t groups[2];
    add_tensor(e, layer->place, "weight", 0, weight);
    add_tensor(e, layer->place, "bias", 0, bias);
    if (e->failed || !cen__words_tensor(e->model, weight, &view)) return;
    cen__onnx_node node = cen__onnx_node_begin(&e->graph, "Conv", node_name(name, layer, ""),
                                               CEN__ONNX_INPUTS(e->last, weight, bias));
    add_window(&node, layer->text,
               (const int64_t[2]){(int64_t)view.shape[2], (int64_t)view.shape[3]},
               (const int64_t[2]){1, 1});
    if (cen__words_size(layer->text, " groups ", groups))
        cen__onnx_integer(&node, "group", groups[0]);
    cen__onnx_node_end(&node);
    cen__onnx_move_on(e, name);
}

static void add_pool(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    char name[NAME_MOST];
    const bool is_max = cen__words_is_kind(layer->text, "maxpool");
    int64_t window[2] = {1, 1};
    e->failed |= !cen__words_size(layer->text, "pool ", window);
    cen__onnx_node node =
        cen__onnx_node_begin(&e->graph, is_max ? "MaxPool" : "AveragePool",
                             node_name(name, layer, ""), CEN__ONNX_INPUTS(e->last));
    add_window(&node, layer->text, window, window);
    if (!is_max) cen__onnx_integer(&node, "count_include_pad", 1);
    cen__onnx_node_end(&node);
    cen__onnx_move_on(e, name);
}

static void add_dense(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    char name[NAME_MOST], weight[NAME_MOST], bias[NAME_MOST];
    cen__onnx_flatten(e, node_name(name, layer, "flatten"));
    add_tensor(e, layer->place, "weight", 0, weight);
    add_tensor(e, layer->place, "bias", 0, bias);
    cen__onnx_node node = cen__onnx_node_begin(&e->graph, "Gemm", node_name(name, layer, ""),
                                               CEN__ONNX_INPUTS(e->last, weight, bias));
    cen__onnx_integer(&node, "transB", 1);
    cen__onnx_node_end(&node);
    cen__onnx_move_on(e, name);
}

static void add_batchnorm(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    static const char *const endings[4] = {"weight", "bias", "running_mean", "running_var"};
    char name[NAME_MOST], tensors[4][NAME_MOST];
    for (size_t i = 0; i < 4; i++) add_tensor(e, layer->place, endings[i], 0, tensors[i]);
    cen__onnx_node node = cen__onnx_node_begin(
        &e->graph, "BatchNormalization", node_name(name, layer, ""),
        CEN__ONNX_INPUTS(e->last, tensors[0], tensors[1], tensors[2], tensors[3]));
    cen__onnx_float(&node, "epsilon", 1e-5f);
    cen__onnx_node_end(&node);
    cen__onnx_move_on(e, name);
}

static void add_prelu(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    char name[NAME_MOST], weight[NAME_MOST];
    add_tensor(e, layer->place, "weight", e->is_flat ? 0 : 2, weight);
    cen__onnx_add_step(e, "PRelu", node_name(name, layer, ""), weight);
}

static void add_relu6(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    char name[NAME_MOST], low[NAME_MOST], high[NAME_MOST];
    cen__onnx_add_scalar(e, node_name(low, layer, "low"), 0);
    cen__onnx_add_scalar(e, node_name(high, layer, "high"), 6);
    cen__onnx_add_node(&e->graph, "Clip", node_name(name, layer, ""),
                       CEN__ONNX_INPUTS(e->last, low, high));
    cen__onnx_move_on(e, name);
}

/* x / 2 * (1 + erf(x / sqrt(2))) */
static void add_gelu(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    char x[NAME_MOST], name[NAME_MOST], number[NAME_MOST];
    copy(x, e->last);
    cen__onnx_add_scalar(e, node_name(number, layer, "sqrt_half"), 0.70710678118654752f);
    cen__onnx_add_step(e, "Mul", node_name(name, layer, "scaled"), number);
    cen__onnx_add_step(e, "Erf", node_name(name, layer, "erf"), NULL);
    cen__onnx_add_scalar(e, node_name(number, layer, "one"), 1);
    cen__onnx_add_step(e, "Add", node_name(name, layer, "sum"), number);
    cen__onnx_add_step(e, "Mul", node_name(name, layer, "product"), x);
    cen__onnx_add_scalar(e, node_name(number, layer, "half"), 0.5f);
    cen__onnx_add_step(e, "Mul", node_name(name, layer, ""), number);
}

/* scale * x / max(||x||, 1e-12); scale NULL: 1. The nodes are NAME.length, ..., NAME. */
void cen__onnx_add_unit(cen__onnx_exporter *e, const char *name, const char *scale)
{
    char x[NAME_MOST], length[NAME_MOST], shortest[NAME_MOST], longer[NAME_MOST], unit[NAME_MOST];
    copy(x, e->last);
    extend(length, name, ".length");
    extend(shortest, name, ".shortest");
    extend(longer, name, ".divisor");
    extend(unit, name, scale != NULL ? ".unit" : "");
    const int64_t axis = 1;
    cen__onnx_node node =
        cen__onnx_node_begin(&e->graph, "ReduceL2", length, CEN__ONNX_INPUTS(e->last));
    cen__onnx_integers(&node, "axes", &axis, 1);
    cen__onnx_node_end(&node);
    cen__onnx_add_scalar(e, shortest, 1e-12f);
    cen__onnx_add_node(&e->graph, "Max", longer, CEN__ONNX_INPUTS(length, shortest));
    cen__onnx_add_node(&e->graph, "Div", unit, CEN__ONNX_INPUTS(x, longer));
    cen__onnx_move_on(e, unit);
    if (scale != NULL) cen__onnx_add_step(e, "Mul", name, scale);
}

void cen__onnx_scale_name(const cen_layer_info *layer, char name[NAME_MOST])
{
    if (strstr(layer->text, "scale ") != NULL) {
        (void)node_name(name, layer, "scale");
    } else {
        (void)cen__words_join(name, layer->place, "weight");
    }
}

/* The scale of an l2norm, as a constant. */
static void add_scale(cen__onnx_exporter *e, const cen_layer_info *layer, char name[NAME_MOST])
{
    float scale;
    cen__onnx_scale_name(layer, name);
    if (cen__words_scale(layer->text, &scale)) {
        cen__onnx_add_scalar(e, name, scale);
    } else {
        add_tensor(e, layer->place, "weight", 0, name);
    }
}

static void add_l2norm(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    char name[NAME_MOST], scale[NAME_MOST];
    cen__onnx_flatten(e, node_name(name, layer, "flatten"));
    add_scale(e, layer, scale);
    cen__onnx_add_unit(e, node_name(name, layer, ""), scale);
}

static void add_layer(cen__onnx_exporter *e, const cen_layer_info *layer)
{
    static const struct {
        const char *kind, *node; /* node: without attributes */
        void (*add)(cen__onnx_exporter *, const cen_layer_info *);
    } kinds[] = {{"conv", NULL, add_conv},
                 {"maxpool", NULL, add_pool},
                 {"avgpool", NULL, add_pool},
                 {"dense", NULL, add_dense},
                 {"relu", "Relu", NULL},
                 {"relu6", NULL, add_relu6},
                 {"gelu", NULL, add_gelu},
                 {"prelu", NULL, add_prelu},
                 {"batchnorm", NULL, add_batchnorm},
                 {"gap", "GlobalAveragePool", NULL},
                 {"l2norm", NULL, add_l2norm},
                 {"flatten", NULL, NULL},
                 {"dropout", NULL, NULL}};
    const size_t n_kinds = sizeof kinds / sizeof *kinds;
    char name[NAME_MOST];
    size_t i = 0;
    while (i < n_kinds && !cen__words_is_kind(layer->text, kinds[i].kind)) i++;
    if (i == n_kinds) {
        e->failed = true;
    } else if (kinds[i].add != NULL) {
        kinds[i].add(e, layer);
    } else if (kinds[i].node != NULL) {
        cen__onnx_add_step(e, kinds[i].node, node_name(name, layer, ""), NULL);
    } else if (cen__words_is_kind(layer->text, "flatten")) {
        cen__onnx_flatten(e, node_name(name, layer, ""));
    }
}

/* The residual whose place has so many characters: both branches, and their sum. */
static void add_residual(cen__onnx_exporter *e, const char *place, int length)
{
    char x[NAME_MOST], inner[NAME_MOST], sides[2][NAME_MOST], name[NAME_MOST];
    const bool was_flat = e->is_flat;
    bool is_flat[2];
    copy(x, e->last);
    for (int i = 0; i < 2; i++) {
        cen__onnx_move_on(e, x);
        e->is_flat = was_flat;
        branch(inner, length, place, i == 0 ? ".main." : ".shortcut.");
        cen__onnx_add_chain(e, inner);
        copy(sides[i], e->last);
        is_flat[i] = e->is_flat;
    }
    if (e->failed) return;
    const cen_layer_info *sum = &e->info->layers[e->at];
    /* [n, c, 1, 1] of one branch becomes [n, c] of the other. */
    for (int i = 0; i < 2 && is_flat[0] != is_flat[1]; i++) {
        cen__onnx_move_on(e, sides[i]);
        e->is_flat = is_flat[i];
        cen__onnx_flatten(e, node_name(name, sum, i == 0 ? "main" : "shortcut"));
        copy(sides[i], e->last);
    }
    cen__onnx_add_node(&e->graph, "Add", node_name(name, sum, ""),
                       CEN__ONNX_INPUTS(sides[0], sides[1]));
    cen__onnx_move_on(e, name);
}

/* Adds the layers whose places begin with prefix. */
void cen__onnx_add_chain(cen__onnx_exporter *e, const char *prefix)
{
    const size_t size = strlen(prefix);
    while (e->at < e->info->n_layers && !e->failed) {
        const cen_layer_info *layer = &e->info->layers[e->at];
        if (strncmp(layer->place, prefix, size) != 0) return;
        const char *dot = strchr(layer->place + size, '.');
        if (dot == NULL) {
            add_layer(e, layer);
        } else {
            add_residual(e, layer->place, (int)(dot - layer->place));
        }
        if (!e->failed) e->at++; /* the sum has a line of its own */
    }
}
