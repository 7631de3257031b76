/* Models as safetensors files. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "format/json.h"
#include "format/safetensors.h"
#include "format/text.h"
#include "loss/kinds.h"
#include "train/model.h"
#include "train/model_file.h"

/* Keys of __metadata__; notes use all others. */
static const char *const keys[] = {"format", "net",     "input",       "resize", "mean",      "std",
                                   "mirror", "classes", "classes_hex", "head",   "head_scale"};
enum {
    FORMAT,
    NET,
    INPUT,
    RESIZE,
    MEAN,
    STD,
    MIRROR,
    CLASSES,
    CLASSES_HEX,
    HEAD,
    HEAD_SCALE,
    N_KEYS
};
static const char *const no_head = "none";
static const char loss_note[] =
    "loss"; /* this note gives the head of files that have no key for it */
static const char *const format_name = "centerloss 1";

static const char in_memory[] = "a model in memory";

static const char *resize_name(cen_resize resize)
{
    return resize == CEN_RESIZE_CROP ? "crop" : "stretch";
}

static void add_floats(cen__text *text, const float *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        cen__text_add(text, i > 0 ? "," : "[");
        cen__text_add_float(text, values[i]);
    }
    cen__text_add(text, "]");
}

bool cen__model_reserves(const char *key)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(key, keys[i]) == 0) return true;
    }
    return false;
}

/* A class name may be any bytes, but JSON is UTF-8. If a name is not, classes_hex also holds the bytes of all names, two
 * digits per byte. */
static void add_hex_names(cen__text *text, char *const *names, size_t n)
{
    cen__text_add(text, "[");
    for (size_t i = 0; i < n; i++) {
        cen__text_add(text, i > 0 ? ",\"" : "\"");
        for (const char *at = names[i]; *at != '\0'; at++) {
            cen__text_print(text, "%02x", (unsigned)(unsigned char)*at);
        }
        cen__text_add(text, "\"");
    }
    cen__text_add(text, "]");
}

/* The head of a file without a key for it: by its note on the loss. */
static const cen__head_kind *implied_head(const char *note)
{
    const cen__loss_kind *loss = note != NULL ? cen__loss_kind_find(note) : NULL;
    return loss != NULL ? loss->head : &cen__affine_head;
}

/* texts[N_KEYS]: the metadata that make_input reads. */
static bool describe(const cen_model *model, cen__text *texts)
{
    const cen_input *input = &model->info.input;
    cen__text_add(&texts[FORMAT], format_name);
    cen__text_add(&texts[NET], model->info.net);
    cen__text_print(&texts[INPUT], "[%zu,%zu,%zu]", input->channels, input->height, input->width);
    cen__text_add(&texts[RESIZE], resize_name(input->resize));
    add_floats(&texts[MEAN], input->mean, input->channels);
    add_floats(&texts[STD], input->std, input->channels);
    cen__text_add(&texts[MIRROR], model->info.mirror ? "true" : "false");
    cen__text_add(&texts[CLASSES], "[");
    for (size_t i = 0; i < model->info.n_classes; i++) {
        if (i > 0) cen__text_add(&texts[CLASSES], ",");
        cen__text_add_json_string(&texts[CLASSES], model->class_names[i]);
    }
    cen__text_add(&texts[CLASSES], "]");
    bool is_plain = true;
    for (size_t i = 0; i < model->info.n_classes; i++) {
        is_plain = is_plain && cen__is_utf8(model->class_names[i]);
    }
    if (!is_plain) add_hex_names(&texts[CLASSES_HEX], model->class_names, model->info.n_classes);
    if (model->head.kind != &cen__affine_head ||
        model->head.kind != implied_head(cen_model_note(model, loss_note))) {
        cen__text_add(&texts[HEAD], model->head.kind != NULL ? model->head.kind->name : no_head);
    }
    if (model->head.kind != NULL && model->head.kind->has_scale) {
        cen__text_add_double(&texts[HEAD_SCALE], model->head.scale);
    }
    for (size_t i = 0; i < N_KEYS; i++) {
        if (texts[i].failed) return false;
    }
    return true;
}

/* The content of a model file. */
typedef struct {
    cen__text texts[N_KEYS];
    cen__string_pair *pairs;
    size_t n_pairs;
    cen__named_tensor *tensors;
} content;

static void free_content(content *c)
{
    for (size_t i = 0; i < N_KEYS; i++) cen__free(c->texts[i].data);
    cen__free(c->pairs);
    cen__free(c->tensors);
}

static cen_status list_content(const cen_model *model, content *c, cen_error *error)
{
    *c = (content){.n_pairs = 0};
    for (size_t i = 0; i < N_KEYS; i++) c->texts[i].context = model->context;
    c->pairs = cen__alloc(model->context, N_KEYS + model->n_notes, sizeof *c->pairs);
    c->tensors = cen__alloc(model->context, model->n_tensors, sizeof *c->tensors);
    if (c->pairs == NULL || c->tensors == NULL || !describe(model, c->texts)) {
        free_content(c);
        return cen__fail_memory(error, "writing the model");
    }
    for (size_t i = 0; i < N_KEYS; i++) {
        if (c->texts[i].size == 0) continue;
        c->pairs[c->n_pairs++] = (cen__string_pair){keys[i], c->texts[i].data};
    }
    for (size_t i = 0; i < model->n_notes; i++) {
        c->pairs[c->n_pairs++] = (cen__string_pair){model->notes[i].key, model->notes[i].value};
    }
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        c->tensors[i].name = tensor->name;
        c->tensors[i].tensor =
            (cen_tensor){.n_dims = tensor->n_dims, .data = model->parameters + tensor->offset};
        memcpy(c->tensors[i].tensor.shape, tensor->shape, sizeof tensor->shape);
    }
    return CEN_OK;
}

/* Checks that the model can be read again. name: that of the file, for messages. */
static cen_status begin_saving(const cen_model *model, const char *name, content *c,
                               cen_error *error)
{
    cen_status status = cen__model_check(model, error);
    if (status == CEN_OK) return list_content(model, c, error);
    if (status != CEN_ERROR_NOT_FINITE || error == NULL) return status;
    return cen__fail(error, status, "%s: the model is not written: %s", name, error->message);
}

cen_status cen_model_save(const cen_model *model, const char *path, cen_error *error)
{
    content c;
    cen_status status = begin_saving(model, path, &c, error);
    if (status != CEN_OK) return status;
    status = cen__safetensors_write(model->context, path, c.tensors, model->n_tensors, c.pairs,
                                    c.n_pairs, error);
    free_content(&c);
    return status;
}

cen_status cen_model_save_memory(const cen_model *model, void *bytes, size_t most, size_t *size,
                                 cen_error *error)
{
    content c;
    size_t needed = 0;
    cen_status status = begin_saving(model, in_memory, &c, error);
    if (status != CEN_OK) return status;
    status = cen__safetensors_pack(model->context, bytes, most, &needed, c.tensors,
                                   model->n_tensors, c.pairs, c.n_pairs, error);
    free_content(&c);
    if (status != CEN_OK) return status;
    *size = needed;
    if (needed <= most || bytes == NULL) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%s takes %zu bytes, there is room for %zu; give it more", in_memory, needed,
                     most);
}

static cen_status fail_value(const char *key, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_FORMAT, "its metadata '%s' cannot be read", key);
}

/* numbers[n] of the JSON array of a key. */
static cen_status read_numbers(cen_context *context, const cen__safetensors *file, const char *key,
                               double *numbers, size_t n, cen_error *error)
{
    const char *text = cen__safetensors_metadata(file, key);
    if (text == NULL) return fail_value(key, error);
    cen__json_document *document;
    cen_status status = cen__json_parse(context, text, strlen(text), &document, error);
    if (status != CEN_OK) return status;
    const cen__json *array = cen__json_root(document);
    bool good = array->kind == CEN__JSON_ARRAY && array->n_children == n;
    const cen__json *item = good ? array->child : NULL;
    for (size_t i = 0; i < n && good; i++, item = item->next) {
        good = item->kind == CEN__JSON_NUMBER;
        numbers[i] = item->number;
    }
    cen__json_free(document);
    return good ? CEN_OK : fail_value(key, error);
}

static cen_status read_input(cen_context *context, const cen__safetensors *file, cen_input *input,
                             cen_error *error)
{
    double sizes[3], mean[CEN_MAX_CHANNELS] = {0}, std[CEN_MAX_CHANNELS] = {0};
    cen_status status = read_numbers(context, file, keys[INPUT], sizes, 3, error);
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < 3; i++) {
        double most = i == 0 ? CEN_MAX_CHANNELS : 1 << 24;
        if (!(sizes[i] >= 1 && sizes[i] <= most)) return fail_value(keys[INPUT], error);
    }
    size_t channels = (size_t)sizes[0];
    status = read_numbers(context, file, keys[MEAN], mean, channels, error);
    if (status == CEN_OK) status = read_numbers(context, file, keys[STD], std, channels, error);
    if (status != CEN_OK) return status;
    *input = (cen_input){.channels = channels,
                         .height = (size_t)sizes[1],
                         .width = (size_t)sizes[2],
                         .resize = CEN_RESIZE_CROP};
    for (size_t c = 0; c < channels; c++) {
        input->mean[c] = (float)mean[c];
        input->std[c] = (float)std[c];
    }
    const char *resize = cen__safetensors_metadata(file, keys[RESIZE]);
    if (resize != NULL && strcmp(resize, "stretch") == 0) input->resize = CEN_RESIZE_STRETCH;
    bool known = resize != NULL && strcmp(resize, resize_name(input->resize)) == 0;
    return known ? CEN_OK : fail_value(keys[RESIZE], error);
}

/* Absent: false, as in older files. */
static cen_status read_mirror(const cen__safetensors *file, bool *mirror, cen_error *error)
{
    const char *text = cen__safetensors_metadata(file, keys[MIRROR]);
    *mirror = text != NULL && strcmp(text, "true") == 0;
    bool known = text == NULL || *mirror || strcmp(text, "false") == 0;
    return known ? CEN_OK : fail_value(keys[MIRROR], error);
}

/* names: an array of the strings of a JSON array; the document keeps the strings. */
static cen_status read_names(cen_context *context, const cen__json *array, const char ***names,
                             cen_error *error)
{
    *names = NULL;
    if (array->kind != CEN__JSON_ARRAY) {
        return cen__fail(error, CEN_ERROR_FORMAT, "its 'classes' are no list");
    }
    *names = cen__alloc(context, array->n_children, sizeof **names);
    if (*names == NULL) return cen__fail_memory(error, "the class names");
    size_t n = 0;
    for (const cen__json *item = array->child; item != NULL; item = item->next) {
        if (item->kind != CEN__JSON_STRING) {
            return cen__fail(error, CEN_ERROR_FORMAT, "class %zu has no name", n);
        }
        (*names)[n++] = item->string;
    }
    return CEN_OK;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = c != '\0' ? strchr(digits, c) : NULL;
    return found != NULL ? (int)(found - digits) : -1;
}

/* Decodes in place, since the bytes are fewer than their digits; false if the digits are no name. */
static bool decode_hex(char *name)
{
    char *to = name;
    for (const char *at = name; *at != '\0'; at += 2) {
        int high = hex_digit(at[0]), low = high < 0 ? -1 : hex_digit(at[1]);
        if (low < 0 || high + low == 0) return false;
        *to++ = (char)(unsigned char)(high * 16 + low);
    }
    *to = '\0';
    return true;
}

cen_status cen__model_file_classes(cen_context *context, const cen__safetensors *file,
                                   char ***names, size_t *n, cen_error *error)
{
    const char *hex = cen__safetensors_metadata(file, keys[CLASSES_HEX]);
    const char *text = cen__safetensors_metadata(file, keys[hex != NULL ? CLASSES_HEX : CLASSES]);
    const char **strings = NULL;
    cen__json_document *document;
    cen_status status = cen__json_parse(context, text, strlen(text), &document, error);
    if (status != CEN_OK) return status;
    status = read_names(context, cen__json_root(document), &strings, error);
    if (status == CEN_OK) {
        *n = cen__json_root(document)->n_children;
        status = cen__class_names_copy(context, strings, *n, names, error);
    }
    for (size_t i = 0; status == CEN_OK && hex != NULL && i < *n; i++) {
        if (decode_hex((*names)[i])) continue;
        cen__class_names_free(*names, *n);
        status = fail_value(keys[CLASSES_HEX], error);
    }
    cen__free(strings);
    cen__json_free(document);
    return status;
}

bool cen__is_model_file(const cen__safetensors *file)
{
    const char *format = cen__safetensors_metadata(file, keys[FORMAT]);
    return format != NULL && strcmp(format, format_name) == 0 &&
           cen__safetensors_metadata(file, keys[NET]) != NULL &&
           cen__safetensors_metadata(file, keys[CLASSES]) != NULL;
}

/* Makes the layout from the metadata, without parameters. */
static cen_status read_layout(cen_context *context, const cen__safetensors *file, cen_model **model,
                              cen_error *error)
{
    cen_model_options options = cen_model_options_init();
    char **names;
    if (!cen__is_model_file(file)) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "its metadata do not say '%s'; name a model that cl_train wrote",
                         format_name);
    }
    options.net = cen__safetensors_metadata(file, keys[NET]);
    cen_status status = read_input(context, file, &options.input, error);
    if (status == CEN_OK) status = read_mirror(file, &options.mirror, error);
    if (status == CEN_OK) {
        status = cen__model_file_classes(context, file, &names, &options.n_classes, error);
    }
    if (status != CEN_OK) return status;
    options.class_names = (const char *const *)names;
    status = cen__model_layout(context, model, &options, error);
    cen__class_names_free(names, options.n_classes);
    return status;
}

bool cen__same_shape(const cen__model_tensor *tensor, const cen_tensor *found)
{
    return tensor->n_dims == found->n_dims &&
           memcmp(tensor->shape, found->shape, tensor->n_dims * sizeof *tensor->shape) == 0;
}

static cen_status read_notes(const cen__safetensors *file, cen_model *model, cen_error *error)
{
    for (size_t i = 0; i < file->n_metadata; i++) {
        if (cen__model_reserves(file->metadata[i].key)) continue;
        cen_status status =
            cen__model_add_note(model, file->metadata[i].key, file->metadata[i].value, error);
        if (status != CEN_OK) return status;
    }
    return CEN_OK;
}

/* The tensors in bytes[size] if the file has them one after the other in the order of the model; else NULL. */
static const float *whole_of(const cen__safetensors *file, const cen_model *model,
                             const uint8_t *bytes, size_t size)
{
    const float *first = cen__safetensors_find(file, model->tensors[0].name)->data;
    const uintptr_t begin = (uintptr_t)bytes, at = (uintptr_t)first;
    if (at < begin || at - begin > size) return NULL;
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen_tensor *found = cen__safetensors_find(file, model->tensors[i].name);
        if ((uintptr_t)found->data != at + model->tensors[i].offset * sizeof(float)) return NULL;
    }
    return first;
}

static cen_status copy_parameters(const cen__safetensors *file, cen_model *model, cen_error *error)
{
    cen_status status = cen__model_allocate(model, error);
    for (size_t i = 0; i < model->n_tensors && status == CEN_OK; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        memcpy(model->parameters + tensor->offset, cen__safetensors_find(file, tensor->name)->data,
               tensor->count * sizeof(float));
    }
    return status;
}

/* Absent, as in older files: by the note of cl_train on the loss, else affine. */
static cen_status read_head(const cen__safetensors *file, cen__head *head, cen_error *error)
{
    const char *name = cen__safetensors_metadata(file, keys[HEAD]);
    const char *scale = cen__safetensors_metadata(file, keys[HEAD_SCALE]);
    const char *noted = cen__safetensors_metadata(file, loss_note);
    *head = (cen__head){implied_head(noted), 0};
    if (name == NULL) {
        if (noted != NULL) head->scale = cen_train_options_init().margin_scale;
        return CEN_OK;
    }
    head->kind = cen__head_find(name);
    if (head->kind == NULL && strcmp(name, no_head) != 0) return fail_value(keys[HEAD], error);
    if (head->kind == NULL || !head->kind->has_scale) return CEN_OK;
    bool good = scale != NULL && cen__number_read(scale, strlen(scale), &head->scale) &&
                head->scale > 0 && head->scale < CEN__HUGE_RATE;
    return good ? CEN_OK : fail_value(keys[HEAD_SCALE], error);
}

/* Every tensor of the layout must be in the file before memory is taken. So a hostile net line cannot ask for more memory
 * than the file holds. */
static cen_status read_parameters(const cen__safetensors *file, const uint8_t *bytes, size_t size,
                                  cen_model *model, cen_error *error)
{
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        const cen_tensor *found = cen__safetensors_find(file, tensor->name);
        if (found == NULL || !cen__same_shape(tensor, found)) {
            return cen__fail(error, CEN_ERROR_FORMAT, "its tensor '%s' %s", tensor->name,
                             found == NULL ? "is missing" : "does not have the shape of its net");
        }
    }
    const float *whole = bytes != NULL ? whole_of(file, model, bytes, size) : NULL;
    if (whole != NULL) model->parameters = (float *)(uintptr_t)whole;
    cen_status status = whole != NULL ? CEN_OK : copy_parameters(file, model, error);
    if (status != CEN_OK) return status;
    status = cen__model_check(model, error);
    return status == CEN_ERROR_NOT_FINITE ? CEN_ERROR_FORMAT : status;
}

/* bytes[size], if not NULL: the bytes of the file, in which the numbers may stay. */
static cen_status make_model(cen_context *context, cen_model **model, const cen__safetensors *file,
                             const char *name, const uint8_t *bytes, size_t size,
                             const cen_model_limits *limits, cen_error *error)
{
    cen_status status = read_layout(context, file, model, error);
    if (status == CEN_OK) status = cen__model_check_limits(*model, limits, true, error);
    if (status == CEN_OK) status = read_head(file, &(*model)->head, error);
    if (status == CEN_OK) status = read_parameters(file, bytes, size, *model, error);
    if (status == CEN_OK) status = read_notes(file, *model, error);
    if (status == CEN_OK) return CEN_OK;
    cen_model_free(*model);
    *model = NULL;
    if (error == NULL || status == CEN_ERROR_MEMORY) return status;
    return cen__fail(error, status, "%s: this is no model that can be used: %s", name,
                     error->message);
}

static cen_status load(cen_context *context, cen_model **model, const char *path,
                       const cen_model_limits *limits, cen_error *error)
{
    cen__safetensors file;
    cen_status status = cen__safetensors_read(context, path, &file, error);
    if (status != CEN_OK) return status;
    status = make_model(context, model, &file, path, NULL, 0, limits, error);
    cen__safetensors_free(&file);
    return status;
}

cen_status cen__model_file_in(cen_context *context, const char *path, char **inner,
                              cen_error *error)
{
    *inner = NULL;
    if (cen__os_kind(path) != CEN__FOLDER) return CEN_OK;
    *inner = cen__path_join(context, path, "model.safetensors");
    return *inner != NULL ? CEN_OK : cen__fail_memory(error, "a path");
}

cen_status cen_model_load(cen_context *context, cen_model **model, const char *path,
                          const cen_model_limits *limits, cen_error *error)
{
    cen_model_limits taken = cen_model_limits_init();
    *model = NULL;
    cen_status status = cen__limits_take(&taken, limits, error);
    if (status != CEN_OK) return status;
    char *inner;
    status = cen__model_file_in(context, path, &inner, error);
    if (status == CEN_OK) {
        status = load(context, model, inner != NULL ? inner : path, &taken, error);
        cen__free(inner);
    }
    return status;
}

cen_status cen_model_load_memory(cen_context *context, cen_model **model, const void *bytes,
                                 size_t size, bool in_place, const cen_model_limits *limits,
                                 cen_error *error)
{
    cen_model_limits taken = cen_model_limits_init();
    cen__safetensors file;
    *model = NULL;
    cen_status status = cen__limits_take(&taken, limits, error);
    if (status != CEN_OK) return status;
    status = cen__safetensors_parse(context, bytes, size, &file, error);
    if (status != CEN_OK) {
        return error != NULL ? cen__fail(error, status, "%s: %s", in_memory, error->message)
                             : status;
    }
    status =
        make_model(context, model, &file, in_memory, in_place ? bytes : NULL, size, &taken, error);
    cen__safetensors_free(&file);
    return status;
}
