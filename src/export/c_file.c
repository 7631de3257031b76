/* A model as one freestanding C file: preprocessing, layers with their numbers, and a test picture with the feature
 * that it must have. */
#include <centerloss_eval.h>

#include <stddef.h>
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/sizes.h"
#include "base/status.h"
#include "export/c_net.h"
#include "export/c_print.h"
#include "export/words.h"

enum { STACK_MOST = 1024 };

typedef struct c_file {
    cen__text text;
    const cen__c_net *net;
    char name[CEN__NAME_MOST];
} c_file;

/* ---- what it says about itself ---- */

static size_t constants_size(const cen__c_net *net)
{
    static const size_t weight_sizes[CEN__C_N_FORMATS] = {4, 2, 1};
    size_t size = 0;
    for (size_t i = 0; i < net->n_ops; i++) {
        const cen__c_op *op = &net->ops[i];
        size += op->n_weights * weight_sizes[net->format] + (op->n_numbers + 20) * sizeof(float);
    }
    return size;
}

/* Floats of the work memory. */
static size_t work_size(const cen__c_net *net)
{
    return net->format == CEN__C_BYTES ? (net->n_work + 3) / 4 : net->n_work;
}

static void add_title(c_file *f)
{
    const cen_model_info *info = f->net->info;
    const char *name = f->name;
    cen__text *text = &f->text;
    cen__text_print(text, "/* %s.c, made by libcenterloss %s of the net\n *     %s\n *\n", name,
                    CEN_VERSION, info->net);
    cen__text_print(text,
                    " * pixels: a picture of %zu rows of %zu pixels of %zu byte%s, the input's "
                    "size.\n * feature: %zu numbers. work: %zu numbers (%zu bytes); threads need "
                    "one each.\n * It takes less than %d bytes of stack, and about %zu bytes of "
                    "constants.\n *\n",
                    info->input.height, info->input.width, info->input.channels,
                    info->input.channels == 1 ? "" : "s, red, green and blue", info->feature_size,
                    work_size(f->net), work_size(f->net) * sizeof(float), (int)STACK_MOST,
                    constants_size(f->net));
    cen__text_print(text,
                    " *     cc -std=c99 -O2 -ffreestanding -c %s.c\n *\n * needs no library. With "
                    "-D%s_CHECK there is %s_check, too, which computes the feature of a test\n"
                    " * picture and returns 1 if it has the bits that it must have. With -D%s_MAIN "
                    "there is also a main\n * that returns 0 if it does. */\n",
                    name, name, name, name);
}

static void add_start(c_file *f)
{
    cen__text_add(&f->text,
                  "#include <float.h>\n#include <stdint.h>\n\n"
                  "#if FLT_EVAL_METHOD != 0\n#error \"float must be computed as float, or the bits "
                  "are others: on i386 add -msse2 -mfpmath=sse\"\n#endif\n"
                  "#if defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n"
                  "#elif defined(__GNUC__)\n#pragma GCC optimize(\"fp-contract=off\", "
                  "\"no-tree-loop-distribute-patterns\")\n#endif\n\n");
    cen__text_print(&f->text,
                    "enum { %s_feature_size = %zu, %s_work_size = %zu };\n"
                    "void %s_feature(const uint8_t *pixels, float *feature, float *work);\n\n",
                    f->name, f->net->info->feature_size, f->name, work_size(f->net), f->name);
}

/* ---- code ---- */

static void add_functions(c_file *f)
{
    const cen__c_net *net = f->net;
    bool used[CEN__C_N_KINDS] = {false};
    unsigned needs = 1u << CEN__C_TYPES | 1u << CEN__C_LAYER | 1u << CEN__C_CELLS;
    needs |= 1u << CEN__C_PICTURE;
    if (net->info->mirror) needs |= 1u << CEN__C_AVERAGE;
    if (net->info->mirror && cen__c_net_has_length(net)) {
        needs |= 1u << CEN__C_SCALE | 1u << CEN__C_ROOT;
    }
    if (net->unit_length) needs |= 1u << CEN__C_UNIT | 1u << CEN__C_ROOT;
    for (size_t i = 0; i < net->n_ops; i++) {
        used[net->ops[i].kind] = true;
        needs |= cen__c_functions[net->ops[i].kind]->needs;
    }
    for (size_t i = 0; i < CEN__C_N_TEXTS; i++) {
        for (size_t k = 0; k < CEN__C_N_KINDS && i == CEN__C_PICTURE; k++) {
            if (used[k]) cen__c_print_code(&f->text, cen__c_functions[k]->text);
        }
        if ((needs >> i & 1) != 0) cen__c_print_code(&f->text, cen__c_texts[net->format][i]);
    }
}

#define FIELD(name)                                                                                \
    {                                                                                              \
#name, offsetof(cen__c_layer, name)                                                        \
    }
static const struct {
    const char *name;
    size_t place;
} fields[] = {FIELD(x),
              FIELD(x2),
              FIELD(y),
              FIELD(scratch),
              FIELD(groups),
              FIELD(c),
              FIELD(h),
              FIELD(w),
              FIELD(k),
              FIELD(out_w),
              FIELD(kernel_h),
              FIELD(kernel_w),
              FIELD(stride_h),
              FIELD(stride_w),
              FIELD(pad_h),
              FIELD(pad_w),
              FIELD(columns_first),
              FIELD(pooled),
              FIELD(parts),
              FIELD(x_zero),
              FIELD(x2_zero),
              FIELD(y_zero),
              FIELD(x_scale),
              FIELD(x2_scale),
              FIELD(y_steps)};
#undef FIELD

/* The fields of a layer that are not 0. */
static void add_fields(cen__text *text, const cen__c_layer *layer)
{
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        const char *const at = (const char *)layer + fields[i].place;
        int whole;
        memcpy(&whole, at, sizeof whole);
        if (whole == 0) continue;
        cen__text_print(text, ", .%s = ", fields[i].name);
        if (fields[i].place < offsetof(cen__c_layer, x_scale)) {
            cen__text_print(text, "%d", whole);
        } else {
            float number;
            memcpy(&number, at, sizeof number);
            cen__c_print_float(text, number);
        }
    }
    cen__text_add(text, "}");
}

static void add_layers(c_file *f)
{
    const cen__c_net *net = f->net;
    cen__text *text = &f->text;
    cen__text_add(text, "\nstatic const layer ends = {.numbers = input");
    add_fields(text, &net->ends);
    cen__text_add(text, ";\n");
    if (net->n_ops == 0) return;
    cen__text_print(text, "static const layer layers[%zu] = {\n", net->n_ops);
    for (size_t i = 0; i < net->n_ops; i++) {
        const cen__c_op *op = &net->ops[i];
        cen__text_print(text, "    /* %s: %s */ {.out_h = %d", op->info->place, op->info->text,
                        op->layer.out_h);
        if (op->n_weights > 0) cen__text_print(text, ", .weights = weights%zu", i);
        if (op->n_numbers > 0) cen__text_print(text, ", .numbers = numbers%zu", i);
        add_fields(text, &op->layer);
        cen__text_add(text, ",\n");
    }
    cen__text_add(text, "};\n");
}

/* Numbers that are whole, or their bits. */
static void add_short(c_file *f, size_t index, const float *numbers, size_t n)
{
    const bool is_half = f->net->format == CEN__C_HALVES;
    cen__c_list list = cen__c_list_begin(&f->text, "number", "weights", index, n);
    for (size_t i = 0; i < n; i++) {
        const int number = is_half ? cen__c_half(numbers[i]) : (int)numbers[i];
        cen__text_print(&f->text, "%d", number);
        cen__c_list_next(&list);
    }
    cen__c_list_end(&list);
}

static void add_numbers(c_file *f)
{
    const cen__c_net *net = f->net;
    cen__c_list_floats(&f->text, "input", SIZE_MAX, net->input_numbers,
                       2 * net->info->input.channels);
    for (size_t i = 0; i < net->n_ops; i++) {
        const cen__c_op *op = &net->ops[i];
        if (op->n_weights > 0 && net->format == CEN__C_FLOATS) {
            cen__c_list_floats(&f->text, "weights", i, op->weights, op->n_weights);
        } else if (op->n_weights > 0) {
            add_short(f, i, op->weights, op->n_weights);
        }
        if (op->n_numbers > 0)
            cen__c_list_floats(&f->text, "numbers", i, op->numbers, op->n_numbers);
    }
}

static void add_feature(c_file *f)
{
    const cen__c_net *net = f->net;
    cen__text *text = &f->text;
    cen__text_print(text,
                    "\nvoid %s_feature(const uint8_t *pixels, float *feature, float *work)\n{\n"
                    "    cell *cells = (cell *)work;\n"
                    "    for (int turn = 0; turn < %d; turn++) {\n"
                    "        picture(&ends, pixels, turn, cells);\n",
                    f->name, net->info->mirror ? 2 : 1);
    for (size_t i = 0; i < net->n_ops; i++) {
        cen__text_print(text, "        %s(&layers[%zu], cells);\n",
                        cen__c_functions[net->ops[i].kind]->name, i);
    }
    cen__text_print(text,
                    "        for (int i = 0; i < %d && turn == 0; i++) feature[i] = get(&ends, "
                    "cells, i);\n    }\n",
                    net->ends.k);
    if (net->info->mirror) {
        cen__text_add(text, "    average(&ends, cells, feature);\n");
        if (cen__c_net_has_length(net)) {
            cen__text_add(text, "    scale_like(&ends, cells, feature);\n");
        }
    }
    if (net->unit_length) cen__text_print(text, "    unit(%d, feature);\n", net->ends.k);
    cen__text_add(text, "}\n");
}

/* ---- the test ---- */

static void add_check(c_file *f, const uint8_t *pixels, const float *feature)
{
    const cen_input *input = &f->net->info->input;
    const size_t n = input->height * input->width * input->channels;
    const size_t d = f->net->info->feature_size;
    const char *name = f->name;
    cen__text_print(&f->text, "\n#if defined(%s_CHECK) || defined(%s_MAIN)\n", name, name);
    cen__c_list list = cen__c_list_begin(&f->text, "uint8_t", "test_picture", SIZE_MAX, n);
    for (size_t i = 0; i < n; i++) {
        cen__text_print(&f->text, "%d", pixels[i]);
        cen__c_list_next(&list);
    }
    cen__c_list_end(&list);
    list = cen__c_list_begin(&f->text, "uint32_t", "test_bits", SIZE_MAX, d);
    for (size_t i = 0; i < d; i++) {
        uint32_t bits;
        memcpy(&bits, &feature[i], sizeof bits);
        cen__text_print(&f->text, "0x%08lx", (unsigned long)bits);
        cen__c_list_next(&list);
    }
    cen__c_list_end(&list);
    cen__text_print(&f->text, "\nint %s_check(float *work);\nint %s_check(float *work)\n", name,
                    name);
    cen__text_print(&f->text,
                    "{\n    static float feature[%zu];\n    int good = 1;\n"
                    "    %s_feature(test_picture, feature, work);\n"
                    "    for (int i = 0; i < %zu; i++) {\n"
                    "        union { float number; uint32_t bits; } made;\n"
                    "        made.number = feature[i];\n"
                    "        if (made.bits != test_bits[i]) good = 0;\n"
                    "    }\n    return good;\n}\n#endif\n",
                    d, name, d);
    cen__text_print(&f->text,
                    "\n#if defined(%s_MAIN)\nint main(void)\n{\n    static float work[%zu];\n"
                    "    return %s_check(work) ? 0 : 1;\n}\n#endif\n",
                    name, work_size(f->net), name);
}

/* A picture of noise, and its feature. */
static cen_status add_test(c_file *f, cen_error *error)
{
    const cen_input *input = &f->net->info->input;
    const size_t n = input->height * input->width * input->channels;
    cen_context *context = f->net->context;
    uint8_t *pixels = cen__alloc(context, n, 1);
    float *work = cen__alloc(context, f->net->n_work, sizeof *work);
    float *feature = cen__alloc(context, f->net->info->feature_size, sizeof *feature);
    uint32_t random = 1;
    const bool good = pixels != NULL && work != NULL && feature != NULL;
    for (size_t i = 0; i < n && good; i++) {
        random = random * 1664525u + 1013904223u;
        pixels[i] = (uint8_t)(random >> 24);
    }
    if (good) {
        cen__c_net_run(f->net, pixels, feature, work, NULL);
        add_check(f, pixels, feature);
    }
    cen__free(pixels);
    cen__free(work);
    cen__free(feature);
    return good ? CEN_OK : cen__fail_memory(error, "the test picture of an export");
}

/* ---- all ---- */

/* NAME of .../NAME.c */
static cen_status take_name(c_file *f, const char *path, cen_error *error)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char others[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *start = path;
    size_t at = 0;
    for (const char *p = path; *p != '\0'; p++) start = *p == '/' || *p == '\\' ? p + 1 : start;
    const size_t size = strspn(start, others);
    if (strcmp(start + size, ".c") == 0 && size > 0 && size < CEN__NAME_MOST / 2 &&
        strchr(letters, start[0]) != NULL) {
        cen__append(f->name, sizeof f->name, &at, "%.*s", (int)size, start);
        return CEN_OK;
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: the functions of a C file are named after it, so it must be NAME.c with "
                     "a NAME of letters, digits and _, a letter first",
                     path);
}

/* Compilers and linkers of 64-bit machines, too, place at most 2^31 bytes of constants. */
static cen_status check_size(const char *path, const cen_model_info *info, size_t bits,
                             cen_error *error)
{
    const size_t size = cen__times(cen__words_parameters(info), bits / 8);
    if (size <= INT32_MAX) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%s: weights of %zu bits take %zu bytes, and a C file may have less than "
                     "2^31; use fewer bits or a smaller net",
                     path, bits, size);
}

static cen_status make_net(cen__c_net *net, cen_context *context, cen_model *model,
                           const cen_c_options *o, cen_error *error)
{
    if (o->bits != 32 && o->bits != 16 && o->bits != 8) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "weights of %zu bits are not known; use 32, 16 or 8", o->bits);
    }
    const cen__c_format format = o->bits == 8    ? CEN__C_BYTES
                                 : o->bits == 16 ? CEN__C_HALVES
                                                 : CEN__C_FLOATS;
    cen_status status = cen__c_net_create(net, context, model, format, error);
    net->unit_length = o->unit_length;
    if (status != CEN_OK) return status;
    if (o->bits == 16) return cen__c_net_halve(net, error);
    return o->bits == 8 ? cen__c_net_quantise(net, o->pictures, o->quality, error) : CEN_OK;
}

static cen_status print_file(c_file *f, cen_error *error)
{
    add_title(f);
    add_start(f);
    add_functions(f);
    add_numbers(f);
    add_layers(f);
    add_feature(f);
    cen_status status = add_test(f, error);
    if (status != CEN_OK || !f->text.failed) return status;
    return cen__fail_memory(error, "the text of an export");
}

cen_status cen_c_write(cen_context *context, cen_model *model, const char *path,
                       const cen_c_options *options, cen_error *error)
{
    cen_c_options o = cen_c_options_init();
    cen__c_net net = {.context = context};
    c_file f = {.text.context = context, .net = &net};
    cen_status status = cen__take_options(&o, options, error);
    if (status == CEN_OK) status = take_name(&f, path, error);
    if (status == CEN_OK) status = check_size(path, cen_model_get(model), o.bits, error);
    if (status == CEN_OK) status = cen__words_copy(model, error);
    if (status == CEN_OK) status = make_net(&net, context, model, &o, error);
    if (status == CEN_OK) status = print_file(&f, error);
    if (status == CEN_OK) status = cen_file_write(context, path, f.text.data, f.text.size, error);
    cen__free(f.text.data);
    cen__c_net_free(&net);
    return status;
}
