/* Models as C files. Their test picture must have the feature that a predictor computes with the instruction set
 * "baseline"; cli/test_export_c.sh compiles the files, and they compare.
 *
 *     test_c_file FOLDER        writes them */
#define _POSIX_C_SOURCE 200809L
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

#include "base/random.h"
#include "export/c_code.h"
#include "support/context.h"
#include "support/instructions.h"
#include "support/exported.h"
#include "support/large_model.h"

typedef struct c_case {
    const char *name, *net;
    size_t channels, height, width;
    bool mirror, unit_length;
} c_case;

/* Together they have every layer, and every way in which a layer is computed. */
static const c_case cases[] = {
    {"few_channels",
     "conv 8 3x3 pad 1, batchnorm, relu, maxpool 2, conv 10 3x3, maxpool 2, relu, flatten, dense 9",
     1, 17, 18, false, false},
    {"winograd3",
     "conv 16 1x1, relu, conv 20 3x3 pad 1, relu, maxpool 2, conv 17 3x3 pad 1x0, dropout 0.5, "
     "batchnorm, prelu, gap, dense 7",
     3, 18, 14, false, false},
    {"winograd5",
     "conv 12 3x3, relu, conv 16 5x5 pad 2, maxpool 2, conv 12 5x5 pad 1, relu6, flatten, dense 6, "
     "l2norm",
     3, 15, 16, true, false},
    {"groups",
     "conv 24 3x3 pad 1, conv 24 3x3 pad 1 groups 2, relu, conv 12 3x5 pad 1x2 groups 3, maxpool "
     "2, relu, gap",
     3, 11, 13, false, true},
    {"planes",
     "conv 8 3x3 stride 2 pad 1, batchnorm, prelu, conv 8 3x3 pad 1 groups 8, batchnorm, conv 16 "
     "5x5 stride 2 pad 2 groups 8, relu, maxpool 2, conv 8 1x1, flatten, dense 5",
     3, 33, 29, true, true},
    {"one_channel", "conv 2 3x3 pad 1, relu, maxpool 2, flatten, dense 4", 1, 16, 16, false, false},
    {"one_channel_narrow", "conv 2 5x3, relu, maxpool 2, flatten, dense 4", 1, 14, 8, false, false},
    {"windows",
     "conv 8 3x5 stride 2x1 pad 1x2, prelu, maxpool 3x2 stride 2x1 pad 1, avgpool 3 stride 2 pad "
     "1, batchnorm, avgpool 3x2 stride 3x1, flatten, dense 10, prelu, batchnorm",
     3, 23, 16, true, false},
    {"long_sums", "conv 8 3x3 pad 1, relu, flatten, dense 24, relu, dense 300, dense 12", 3, 30, 31,
     false, false},
    {"residuals",
     "conv 16 3x3 pad 1, gelu, residual {conv 16 3x3 pad 1, batchnorm, relu, conv 16 3x3 pad 1 | "
     "conv 16 1x1}, relu, residual {residual {conv 16 1x1, relu}, gelu}, residual {batchnorm}, "
     "maxpool 2, gap, dense 12, batchnorm, l2norm scale 8",
     3, 12, 10, true, false},
    {"flat_branches",
     "conv 8 3x3, relu, residual {gap, dense 8 | gap}, dropout 0.5, residual {dropout 0.1}, dense "
     "6, l2norm",
     1, 9, 7, false, false},
    {"no_layer", "flatten", 1, 3, 4, true, true},
    {"article", "article", 3, 24, 24, false, false},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static cen_model *make(const c_case *c)
{
    const cen_input input = {.channels = c->channels, .height = c->height, .width = c->width};
    return exported_model(c->net, c->mirror, input);
}

/* Pictures of blobs, of two classes. */
static cen_dataset *make_pictures(const c_case *c)
{
    enum { N = 12, MOST = 3 * 64 * 64 };
    static uint8_t bytes[N * MOST];
    static int32_t labels[N];
    const size_t size = c->channels * c->height * c->width;
    for (size_t i = 0; i < N; i++) {
        labels[i] = (int32_t)(i % 2);
        for (size_t j = 0; j < size; j++) {
            const double x = (double)(j % c->width), y = (double)(j / c->width % c->height);
            const double wave = sin(x * (0.3 + 0.4 * labels[i])) + cos(y * 0.5 + (double)i);
            const double noise = (double)cen__random_float(3, (uint32_t)i, j);
            bytes[i * size + j] = (uint8_t)(128 + 40 * wave + 30 * noise);
        }
    }
    cen_arrays arrays = cen_arrays_init();
    arrays.n = N;
    arrays.channels = c->channels;
    arrays.height = c->height;
    arrays.width = c->width;
    arrays.bytes = bytes;
    arrays.labels = labels;
    arrays.n_classes = 2;
    cen_dataset *dataset;
    cen_error error;
    assert_ok(cen_arrays_create(threads(1), &dataset, &arrays, &error), &error);
    return dataset;
}

static cen_c_quality write(const c_case *c, size_t bits, const char *path)
{
    cen_model *model = make(c);
    cen_dataset *pictures = make_pictures(c);
    cen_c_options options = cen_c_options_init();
    cen_c_quality quality = {.n = 0};
    options.unit_length = c->unit_length;
    options.bits = bits;
    options.pictures = pictures;
    options.quality = &quality;
    cen_error error;
    assert_ok(cen_c_write(threads(1), model, path, &options, &error), &error);
    cen_arrays_free(pictures);
    cen_model_free(model);
    return quality;
}

static char *read_text(const char *path)
{
    char *bytes;
    size_t size;
    cen_error error;
    assert_ok(cen_text_read(NULL, path, 1 << 26, &bytes, &size, &error), &error);
    return bytes;
}

/* Number after number of the list with this name. */
static const char *find_list(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    at = strstr(at, "= {\n");
    assert_non_null(at);
    return at + strlen("= {\n");
}

static unsigned long next_number(const char **at)
{
    char *end;
    const unsigned long number = strtoul(*at, &end, 0);
    assert_true(end != *at && *end == ',');
    *at = end + 1;
    return number;
}

static void predict(const c_case *c, const uint8_t *pixels, float *feature)
{
    cen_model *model = make(c);
    cen_predictor *predictor;
    cen_error error;
    static float x[3 * 64 * 64];
    const cen_image image = {.width = c->width,
                             .height = c->height,
                             .channels = (int)c->channels,
                             .pixels = (uint8_t *)(uintptr_t)pixels};
    assert_ok(cen_predictor_create(&predictor, model, 1, &error), &error);
    assert_ok(cen_predictor_input(predictor, &image, x, &error), &error);
    assert_ok(cen_predictor_features(predictor, x, 1, feature, &error), &error);
    if (c->unit_length) cen_features_normalize(feature, 1, cen_model_get(model)->feature_size);
    cen_predictor_free(predictor);
    cen_model_free(model);
}

static void test_picture_has_the_bits_of_baseline(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        const c_case *c = &cases[i];
        static uint8_t pixels[3 * 64 * 64];
        static float feature[1024];
        assert_true(use_set("baseline"));
        write(c, 32, "test_c_file_case.c");
        char *text = read_text("test_c_file_case.c");
        const char *at = find_list(text, " test_picture[");
        for (size_t j = 0; j < c->channels * c->height * c->width; j++) {
            pixels[j] = (uint8_t)next_number(&at);
        }
        predict(c, pixels, feature);
        at = find_list(text, " test_bits[");
        for (size_t j = 0; *at != '}'; j++) {
            uint32_t bits;
            memcpy(&bits, &feature[j], sizeof bits);
            const unsigned long got = next_number(&at);
            if (got != bits) {
                fail_msg("%s: number %zu is 0x%08lx, and the predictor gives 0x%08lx", c->name, j,
                         got, (unsigned long)bits);
            }
            if (*at == '\n') at++;
        }
        use_best_set();
        write(c, 32, "test_c_file_case.c");
        char *other = read_text("test_c_file_case.c");
        if (strcmp(text, other) != 0) fail_msg("%s: two instruction sets give two files", c->name);
        cen_text_free(text);
        cen_text_free(other);
        assert_int_equal(remove("test_c_file_case.c"), 0);
    }
}

static void halves_are_the_nearest_numbers(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 0x7C00; half++) {
        const float number = cen__c_whole((uint16_t)half);
        const int exponent = (int)(half >> 10);
        const float want = exponent == 0 ? ldexpf((float)half, -24)
                                         : ldexpf((float)(1024 + (half & 1023)), exponent - 25);
        assert_true(number == want);
        assert_true(cen__c_whole((uint16_t)(half | 0x8000)) == -number);
        assert_int_equal(cen__c_half(number), half);
        assert_int_equal(cen__c_half(-number), half | 0x8000);
        if (half == 0x7BFF) break;
        const float next = cen__c_whole((uint16_t)(half + 1)), middle = (number + next) / 2;
        assert_int_equal(cen__c_half(middle), half + (half & 1));
        assert_int_equal(cen__c_half(nextafterf(middle, 0)), half);
        assert_int_equal(cen__c_half(nextafterf(middle, 1e9f)), half + 1);
    }
}

static void bytes_keep_the_direction_of_features(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        const cen_c_quality quality = write(&cases[i], 8, "test_c_file_case.c");
        print_message("%s: cosine %.4f\n", cases[i].name, quality.cosine);
        assert_int_equal(quality.n, 12);
        assert_true(quality.cosine >= 0.99 && quality.cosine <= 1.0000001);
        assert_true(quality.before >= 0 && quality.after <= 1);
        assert_int_equal(remove("test_c_file_case.c"), 0);
    }
}

/* What one channel needs is lost beside another of a thousand times its size. */
static void bytes_that_lose_too_much_are_refused(void **state)
{
    (void)state;
    const c_case c = {"far_apart", "conv 2 1x1, gap, batchnorm", 1, 8, 8, false, false};
    cen_model *model = make(&c);
    cen_dataset *pictures = make_pictures(&c);
    cen_c_options options = cen_c_options_init();
    cen_error error;
    float *conv = model_tensor(model, "body.0.weight").data;
    float *norm = model_tensor(model, "body.2.weight").data;
    conv[0] = 1000, conv[1] = 1, norm[0] = 0.001f, norm[1] = 1;
    options.bits = 8;
    options.pictures = pictures;
    assert_int_equal(cen_c_write(threads(1), model, "name.c", &options, &error),
                     CEN_ERROR_ARGUMENT);
    if (strstr(error.message, "under 0.99; use 16 bits") == NULL) fail_msg("%s", error.message);
    cen_arrays_free(pictures);
    cen_model_free(model);
    model = model_create("conv 4 3x3, gap", 1, 9, 8, 2);
    pictures = make_pictures(&c);
    options.pictures = pictures;
    assert_int_equal(cen_c_write(threads(1), model, "name.c", &options, &error),
                     CEN_ERROR_ARGUMENT);
    assert_string_equal(error.message, "the pictures are 1x8x8, and the net's input is 1x9x8");
    cen_arrays_free(pictures);
    cen_model_free(model);
    assert_null(fopen("name.c", "rb"));
}

static void refuse(cen_model *model, const char *path, size_t bits, cen_status status,
                   const char *sentence)
{
    cen_error error;
    cen_c_options options = cen_c_options_init();
    options.bits = bits;
    assert_int_equal(cen_c_write(threads(1), model, path, &options, &error), status);
    if (strstr(error.message, sentence) == NULL) fail_msg("%s", error.message);
    FILE *file = fopen(path, "rb");
    assert_null(file);
}

static void what_cannot_be_written_leaves_no_file(void **state)
{
    (void)state;
    cen_model *model = make(&cases[0]);
    refuse(model, "no/folder.c", 32, CEN_ERROR_IO, "no/folder.c");
    refuse(model, "9lives.c", 32, CEN_ERROR_ARGUMENT, "a NAME of letters, digits and _");
    refuse(model, "no-name.c", 32, CEN_ERROR_ARGUMENT, "no-name.c: ");
    refuse(model, ".c", 32, CEN_ERROR_ARGUMENT, ".c: ");
    refuse(model, "name.h", 32, CEN_ERROR_ARGUMENT, "name.h: ");
    model_tensor(model, "body.4.weight").data[1] = -70000;
    refuse(model, "name.c", 16, CEN_ERROR_LIMIT, "body.4, 'conv 10 3x3': a weight of -70000");
    model_tensor(model, "body.4.weight").data[1] = INFINITY;
    refuse(model, "name.c", 32, CEN_ERROR_NOT_FINITE, "body.4, 'conv 10 3x3'");
    cen_model_free(model);
    model = model_create("conv 4 3x3, gap", 1, 8, 8, 2);
    refuse(model, "name.c", 9, CEN_ERROR_ARGUMENT, "weights of 9 bits are not known");
    refuse(model, "name.c", 8, CEN_ERROR_ARGUMENT, "are calibrated on pictures; give some");
    cen_model_free(model);
    model = model_create("conv 4 3x3, gap", 2, 8, 8, 2);
    refuse(model, "name.c", 32, CEN_ERROR_UNSUPPORTED, "an input of 2 channels is no picture");
    cen_model_free(model);
}

/* Numbers of an int in C: 2^25 between two layers, and in 8 bits the sums of 66,311 products. */
static void nets_that_are_too_large_for_a_c_file_are_refused(void **state)
{
    (void)state;
    enum { SIDE = 258 };
    static const uint8_t bytes[SIDE * SIDE];
    static const int32_t label;
    cen_model *model = model_create("conv 64 1x1, gap", 1, 1024, 1024, 2);
    refuse(model, "name.c", 32, CEN_ERROR_LIMIT,
           "the net has 67108864 numbers between two layers, and a C file may have 2^25; take a "
           "smaller input");
    cen_model_free(model);
    cen_arrays arrays = cen_arrays_init();
    arrays.n = arrays.channels = arrays.n_classes = 1;
    arrays.height = arrays.width = SIDE;
    arrays.bytes = bytes;
    arrays.labels = &label;
    cen_dataset *pictures;
    cen_error error;
    assert_ok(cen_arrays_create(threads(1), &pictures, &arrays, &error), &error);
    cen_c_options options = cen_c_options_init();
    options.bits = 8;
    options.pictures = pictures;
    model = model_create("flatten, dense 1", 1, SIDE, SIDE, 2);
    assert_int_equal(cen_c_write(threads(1), model, "name.c", &options, &error), CEN_ERROR_LIMIT);
    assert_string_equal(error.message, "body.1, 'dense 1': its sums are of 66564 products, and "
                                       "with 8 bits at most 66311 fit 32 bits; use 16 bits");
    cen_model_free(model);
    cen_arrays_free(pictures);
    assert_null(fopen("name.c", "rb"));
}

static void more_than_a_program_may_have_as_constants_is_refused(void **state)
{
    (void)state;
    void *bytes;
    cen_model *model = large_model_load(&bytes);
    if (model == NULL) skip();
    refuse(model, "name.c", 32, CEN_ERROR_LIMIT,
           "name.c: weights of 32 bits take 2304288000 bytes, and a C file may have less than "
           "2^31; use fewer bits or a smaller net");
    cen_model_free(model);
    free(bytes);
}

int main(int argc, char **argv)
{
    for (size_t i = 0; i < N_CASES && argc == 2; i++) {
        char path[512];
        (void)snprintf(path, sizeof path, "%s/%s.c", argv[1], cases[i].name);
        write(&cases[i], 32, path);
        (void)snprintf(path, sizeof path, "%s/%s_half.c", argv[1], cases[i].name);
        write(&cases[i], 16, path);
        (void)snprintf(path, sizeof path, "%s/%s_bytes.c", argv[1], cases[i].name);
        write(&cases[i], 8, path);
    }
    if (argc == 2) return 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_picture_has_the_bits_of_baseline),
        cmocka_unit_test(halves_are_the_nearest_numbers),
        cmocka_unit_test(bytes_keep_the_direction_of_features),
        cmocka_unit_test(bytes_that_lose_too_much_are_refused),
        cmocka_unit_test(what_cannot_be_written_leaves_no_file),
        cmocka_unit_test(nets_that_are_too_large_for_a_c_file_are_refused),
        cmocka_unit_test(more_than_a_program_may_have_as_constants_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
