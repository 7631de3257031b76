/* Models as ONNX files. The files that ONNX Runtime has read have the digests in golden/onnx.h, and it gave the
 * features there.
 *
 *     test_onnx FOLDER        writes these files, for golden/onnx_runtime.py */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/context.h"
#include "support/exported.h"
#include "support/large_model.h"

enum { MOST_FEATURES = 32 };

typedef struct onnx_case {
    const char *name, *net;
    size_t channels, height, width;
    bool mirror, unit_length;
    uint64_t digest; /* of the file without its metadata */
    size_t d;
    double feature[MOST_FEATURES]; /* of the test picture */
} onnx_case;

/* Lines of golden/onnx_runtime.py. */
static const onnx_case cases[] = {
#include "golden/onnx.h"
};
enum { N_CASES = sizeof cases / sizeof *cases };

static cen_model *make(const onnx_case *c)
{
    const cen_input input = {.channels = c->channels, .height = c->height, .width = c->width};
    return exported_model(c->net, c->mirror, input);
}

static void write(const onnx_case *c, const char *path)
{
    cen_model *model = make(c);
    cen_onnx_options options = cen_onnx_options_init();
    options.unit_length = c->unit_length;
    cen_error error;
    assert_ok(cen_onnx_write(threads(1), model, path, &options, &error), &error);
    cen_model_free(model);
}

/* The value of a metadata entry: the text after its key, with the tag and the length of a varint between. */
static const char *find_note(const char *bytes, size_t size, const char *key)
{
    const size_t length = strlen(key);
    for (size_t i = size - length; i-- > 0;) {
        if (memcmp(bytes + i, key, length) != 0) continue;
        const char *at = bytes + i + length + 1;
        while ((*at & 0x80) != 0) at++;
        return at + 1;
    }
    return NULL;
}

static void files_are_those_that_onnx_runtime_has_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        const onnx_case *c = &cases[i];
        char *bytes;
        size_t size;
        cen_error error;
        write(c, "test.onnx");
        assert_ok(cen_text_read(NULL, "test.onnx", 1 << 24, &bytes, &size, &error), &error);
        uint64_t digest = 0xcbf29ce484222325u;
        const char *note = find_note(bytes, size, "net");
        assert_non_null(note);
        for (const char *at = bytes; at < note; at++) {
            digest = (digest ^ (uint8_t)*at) * 0x100000001b3u;
        }
        if (digest != c->digest) {
            fail_msg("%s: digest 0x%llx; if the change is meant, run golden/onnx_runtime.py",
                     c->name, (unsigned long long)digest);
        }
        const char *numbers = find_note(bytes, size, "test_feature");
        assert_non_null(numbers);
        double largest = 0;
        for (size_t j = 0; j < c->d; j++) largest = fmax(largest, fabs(c->feature[j]));
        for (size_t j = 0; j < c->d; j++) {
            char *end;
            const double number = strtod(numbers, &end);
            assert_true(end != numbers);
            if (!(fabs(number - c->feature[j]) <= 1e-5 * largest)) {
                fail_msg("%s: feature %zu is %g, and ONNX Runtime gives %g", c->name, j, number,
                         c->feature[j]);
            }
            numbers = end;
        }
        cen_text_free(bytes);
        assert_int_equal(remove("test.onnx"), 0);
    }
}

/* The next field of this number that holds the name, from *at on. */
static void pass_name(const char **at, const char *end, unsigned field, const char *name)
{
    char bytes[64] = {(char)(field << 3 | 2), (char)strlen(name)};
    const size_t size = 2 + strlen(name);
    assert_true(size < sizeof bytes);
    memcpy(bytes + 2, name, size - 2);
    while ((size_t)(end - *at) >= size) {
        if (memcmp((*at)++, bytes, size) == 0) return;
    }
    fail_msg("no '%s', or not there", name);
}

static void nodes_are_named_after_place_and_word(void **state)
{
    (void)state;
    static const char *const nodes[] = {"input.cast",
                                        "input.planes",
                                        "input.values",
                                        "input.centered",
                                        "input.x",
                                        "body.0.conv",
                                        "body.1.batchnorm",
                                        "body.2.relu",
                                        "body.3.maxpool",
                                        "body.4.main.0.conv",
                                        "body.4.main.1.relu6",
                                        "body.4.shortcut.0.conv",
                                        "body.4.residual",
                                        "body.5.gelu.erf",
                                        "body.5.gelu",
                                        "body.6.avgpool",
                                        "body.7.prelu",
                                        "body.8.gap",
                                        "body.9.flatten",
                                        "body.10.dense",
                                        "body.12.l2norm.length",
                                        "body.12.l2norm",
                                        "feature"};
    static const char *const constants[] = {"input.mean",
                                            "body.0.weight",
                                            "body.1.running_var",
                                            "body.4.main.0.bias",
                                            "body.4.main.1.relu6.high",
                                            "body.5.gelu.half",
                                            "body.7.weight",
                                            "body.10.bias",
                                            "body.12.weight"};
    const onnx_case c = {.name = "names",
                         .net = "conv 8 3x3 pad 1, batchnorm, relu, maxpool 2, residual {conv 8 "
                                "1x1, relu6 | conv 8 1x1}, gelu, avgpool 2, prelu, gap, flatten, "
                                "dense 6, dropout 0.5, l2norm",
                         .channels = 3,
                         .height = 8,
                         .width = 8};
    char *bytes;
    size_t size;
    cen_error error;
    write(&c, "names.onnx");
    assert_ok(cen_text_read(NULL, "names.onnx", 1 << 24, &bytes, &size, &error), &error);
    const char *at = bytes;
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        pass_name(&at, bytes + size, 3, nodes[i]);
    }
    at = bytes;
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        pass_name(&at, bytes + size, 8, constants[i]);
    }
    cen_text_free(bytes);
    assert_int_equal(remove("names.onnx"), 0);
}

static bool has_layer(const onnx_case *c, const char *kind)
{
    cen_model *model = make(c);
    const cen_model_info *info = cen_model_get(model);
    bool found = false;
    for (size_t i = 0; i < info->n_layers; i++) {
        const char *text = info->layers[i].text;
        found |= strncmp(text, kind, strcspn(text, " ")) == 0 && strcspn(text, " ") == strlen(kind);
    }
    cen_model_free(model);
    return found;
}

static void every_kind_of_layer_is_in_a_case(void **state)
{
    (void)state;
#define CEN__LAYER(name) #name,
    static const char *const kinds[] = {
#include "nn/layer_list.h"
        "residual"};
#undef CEN__LAYER
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t at = 0;
        while (at < N_CASES && !has_layer(&cases[at], kinds[i])) at++;
        if (at == N_CASES)
            fail_msg("no case has '%s'; add one to golden/onnx_runtime.py", kinds[i]);
    }
}

static void what_cannot_be_written_leaves_no_file(void **state)
{
    (void)state;
    cen_model *model = make(&cases[0]);
    cen_error error;
    assert_int_equal(cen_onnx_write(threads(1), model, "no/folder.onnx", NULL, &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "no/folder.onnx"));
    cen_model_free(model);
}

/* Protocol Buffers end there. */
static void a_file_of_2_to_the_31_bytes_is_refused(void **state)
{
    (void)state;
    void *bytes;
    cen_model *model = large_model_load(&bytes);
    if (model == NULL) skip();
    cen_error error;
    assert_int_equal(cen_onnx_write(threads(1), model, "large.onnx", NULL, &error),
                     CEN_ERROR_LIMIT);
    assert_string_equal(error.message, "large.onnx: it would take 2304288000 bytes, and an ONNX "
                                       "file has less than 2^31; use a smaller net");
    assert_null(fopen("large.onnx", "rb"));
    cen_model_free(model);
    free(bytes);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < N_CASES && argc == 2; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s.onnx", argv[1], cases[i].name);
        write(&cases[i], path);
    }
    if (argc == 2) return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_those_that_onnx_runtime_has_read),
        cmocka_unit_test(nodes_are_named_after_place_and_word),
        cmocka_unit_test(every_kind_of_layer_is_in_a_case),
        cmocka_unit_test(what_cannot_be_written_leaves_no_file),
        cmocka_unit_test(a_file_of_2_to_the_31_bytes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
