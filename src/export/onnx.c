/* A model as an ONNX file: preprocessing, body, and what makes the feature of both. */
#include <centerloss_eval.h>

#include <stdint.h>
#include <string.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/sizes.h"
#include "base/status.h"
#include "export/onnx_layers.h"

/* ---- preprocessing ---- */

static void add_per_channel(cen__onnx_exporter *e, const char *kind, const char *name,
                            const char *constant, const float *values)
{
    const size_t shape[4] = {1, e->info->input.channels, 1, 1};
    cen__onnx_add_floats(&e->graph, constant, shape, 4, values);
    cen__onnx_add_step(e, kind, name, constant);
}

/* [n, h, w, c] of bytes, or for inputs that are no pictures [n, c, h, w] of raw values, becomes x. */
static void add_input(cen__onnx_exporter *e)
{
    const cen_input *input = &e->info->input;
    const bool is_picture = input->channels == 1 || input->channels == 3;
    const size_t picture[3] = {input->height, input->width, input->channels},
                 planes[3] = {input->channels, input->height, input->width};
    const char *name = is_picture ? "image" : "values";
    cen__onnx_add_value(&e->graph, false, name, is_picture ? CEN__ONNX_UINT8 : CEN__ONNX_FLOAT,
                        is_picture ? picture : planes, 3);
    cen__onnx_move_on(e, name);
    if (is_picture) {
        cen__onnx_node node =
            cen__onnx_node_begin(&e->graph, "Cast", "input.cast", CEN__ONNX_INPUTS(e->last));
        cen__onnx_integer(&node, "to", CEN__ONNX_FLOAT);
        cen__onnx_node_end(&node);
        node = cen__onnx_node_begin(&e->graph, "Transpose", "input.planes",
                                    CEN__ONNX_INPUTS("input.cast"));
        cen__onnx_integers(&node, "perm", (const int64_t[4]){0, 3, 1, 2}, 4);
        cen__onnx_node_end(&node);
        cen__onnx_move_on(e, "input.planes");
        cen__onnx_add_scalar(e, "input.255", 255);
        cen__onnx_add_step(e, "Div", "input.values", "input.255");
    }
    add_per_channel(e, "Sub", "input.centered", "input.mean", input->mean);
    add_per_channel(e, "Div", "input.x", "input.std", input->std);
}

/* Pictures of the batch, and then their mirror images. A product with a matrix mirrors in every runtime. */
static void add_mirror(cen__onnx_exporter *e)
{
    const size_t width = e->info->input.width, shape[2] = {width, width};
    float *matrix = cen__alloc_zeroed(e->graph.message.context, width * width, sizeof *matrix);
    if (matrix == NULL) {
        e->graph.message.failed = true;
        return;
    }
    for (size_t i = 0; i < width; i++) matrix[i * width + width - 1 - i] = 1;
    cen__onnx_add_floats(&e->graph, "mirror.matrix", shape, 2, matrix);
    cen__free(matrix);
    cen__onnx_add_node(&e->graph, "MatMul", "mirror.x",
                       CEN__ONNX_INPUTS("input.x", "mirror.matrix"));
    cen__onnx_node node = cen__onnx_node_begin(&e->graph, "Concat", "mirror.both",
                                               CEN__ONNX_INPUTS("input.x", "mirror.x"));
    cen__onnx_integer(&node, "axis", 0);
    cen__onnx_node_end(&node);
    cen__onnx_move_on(e, "mirror.both");
}

/* The mean over both halves of the batch; after an l2norm, with its length. */
static void add_mirror_mean(cen__onnx_exporter *e)
{
    const cen_layer_info *layer = &e->info->layers[e->info->n_layers - 1];
    const int64_t shape[3] = {2, -1, (int64_t)e->info->feature_size}, axis = 0;
    char scale[CEN__ONNX_NAME_MOST];
    cen__onnx_add_integers(&e->graph, "mirror.shape", shape, 3);
    cen__onnx_add_step(e, "Reshape", "mirror.halves", "mirror.shape");
    cen__onnx_node node =
        cen__onnx_node_begin(&e->graph, "ReduceMean", "mirror.mean", CEN__ONNX_INPUTS(e->last));
    cen__onnx_integers(&node, "axes", &axis, 1);
    cen__onnx_integer(&node, "keepdims", 0);
    cen__onnx_node_end(&node);
    cen__onnx_move_on(e, "mirror.mean");
    if (!cen__words_is_kind(layer->text, "l2norm")) return;
    cen__onnx_scale_name(layer, scale);
    cen__onnx_add_unit(e, "mirror.feature", scale);
}

static void add_graph(cen__onnx_exporter *e, const cen_onnx_options *options)
{
    const size_t d = e->info->feature_size;
    cen__field_string(&e->graph.message, 2, "centerloss");
    add_input(e);
    if (e->info->mirror) add_mirror(e);
    cen__onnx_add_chain(e, "");
    cen__onnx_flatten(e, "feature.flatten");
    if (e->info->mirror) add_mirror_mean(e);
    if (options->unit_length) cen__onnx_add_unit(e, "feature.unit", NULL);
    cen__onnx_add_node(&e->graph, "Identity", "feature", CEN__ONNX_INPUTS(e->last));
    cen__onnx_add_value(&e->graph, true, "feature", CEN__ONNX_FLOAT, &d, 1);
}

/* ---- the file ---- */

enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_VERSION = 3, MODEL_GRAPH = 7, MODEL_OPERATORS = 8 };
enum { MODEL_NOTE = 14, OPERATORS_VERSION = 2, NOTE_KEY = 1, NOTE_VALUE = 2 };

static void add_note(cen__text *file, const char *key, const char *value)
{
    cen__text note = {.context = file->context};
    cen__field_string(&note, NOTE_KEY, key);
    cen__field_string(&note, NOTE_VALUE, value);
    cen__field_message(file, MODEL_NOTE, &note);
}

/* A picture of noise with the feature that it must have: bytes in hexadecimal, and numbers. */
static cen_status add_test(cen_context *context, const cen__onnx_exporter *e,
                           const cen_onnx_options *options, cen__text *file, cen_error *error)
{
    const cen_input *input = &e->info->input;
    const size_t d = e->info->feature_size, n = input->height * input->width * input->channels;
    cen_image image = {.width = input->width, .height = input->height};
    cen_predictor *predictor = NULL;
    uint8_t *pixels = cen__alloc(context, n, 1);
    float *x = cen__alloc(context, n, sizeof *x), *feature = cen__alloc(context, d, sizeof *x);
    cen__text hex = {.context = context}, numbers = {.context = context};
    cen_status status = cen__fail_memory(error, "the test picture of an export");
    uint32_t random = 1;
    if (pixels != NULL && x != NULL && feature != NULL) {
        for (size_t i = 0; i < n; i++) {
            random = random * 1664525u + 1013904223u;
            pixels[i] = (uint8_t)(random >> 24);
            cen__text_print(&hex, "%02x", pixels[i]);
        }
        image.channels = (int)input->channels;
        image.pixels = pixels;
        status = cen_predictor_create(&predictor, e->model, 1, error);
    }
    if (status == CEN_OK) status = cen_predictor_input(predictor, &image, x, error);
    if (status == CEN_OK) status = cen_predictor_features(predictor, x, 1, feature, error);
    if (status == CEN_OK) {
        if (options->unit_length) cen_features_normalize(feature, 1, d);
        for (size_t i = 0; i < d; i++) {
            if (i > 0) cen__text_add(&numbers, " ");
            cen__text_add_float(&numbers, feature[i]);
        }
        if (!hex.failed && !numbers.failed) {
            add_note(file, "test_image", hex.data);
            add_note(file, "test_feature", numbers.data);
        }
        file->failed |= hex.failed || numbers.failed;
    }
    cen_predictor_free(predictor);
    cen__free(hex.data);
    cen__free(numbers.data);
    cen__free(pixels);
    cen__free(x);
    cen__free(feature);
    return status;
}

static cen_status check_size(const char *path, size_t size, cen_error *error)
{
    if (size <= INT32_MAX) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%s: it would take %zu bytes, and an ONNX file has less than 2^31; use a "
                     "smaller net",
                     path, size);
}

/* Bytes of the largest constants, which is known before anything is computed. */
static size_t least_size(const cen_model_info *info)
{
    const size_t width = info->mirror ? info->input.width : 0;
    const size_t n = cen__plus(cen__words_parameters(info), cen__times(width, width));
    return cen__times(n, sizeof(float));
}

cen_status cen_onnx_write(cen_context *context, cen_model *model, const char *path,
                          const cen_onnx_options *options, cen_error *error)
{
    cen_onnx_options o = cen_onnx_options_init();
    cen_status status = cen__take_options(&o, options, error);
    if (status == CEN_OK) status = check_size(path, least_size(cen_model_get(model)), error);
    if (status == CEN_OK) status = cen__words_copy(model, error);
    if (status != CEN_OK) return status;
    cen__onnx_exporter e = {
        .graph.message.context = context, .model = model, .info = cen_model_get(model)};
    cen__text file = {.context = context}, operators = {.context = context};
    add_graph(&e, &o);
    cen__field_integer(&file, MODEL_IR, 8);
    cen__field_string(&file, MODEL_PRODUCER, "libcenterloss");
    cen__field_string(&file, MODEL_VERSION, CEN_VERSION);
    cen__field_integer(&operators, OPERATORS_VERSION, 13);
    cen__field_message(&file, MODEL_OPERATORS, &operators);
    cen__field_message(&file, MODEL_GRAPH, &e.graph.message);
    add_note(&file, "net", e.info->net);
    if (e.info->input.channels == 1 || e.info->input.channels == 3) {
        status = add_test(context, &e, &o, &file, error);
    }
    if (status == CEN_OK && e.failed) {
        status = cen__fail(error, CEN_ERROR_UNSUPPORTED, "layer %zu of the net has no form in ONNX",
                           e.at + 1);
    } else if (status == CEN_OK && file.failed) {
        status = cen__fail_memory(error, "the bytes of an export");
    }
    if (status == CEN_OK) status = check_size(path, file.size, error);
    if (status == CEN_OK) status = cen_file_write(context, path, file.data, file.size, error);
    cen__free(file.data);
    return status;
}
