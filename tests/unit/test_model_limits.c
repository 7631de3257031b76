/* What a model from elsewhere may ask for: the size of its input, work and memory of an image. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/models.h"

/* Saves a model with inputs of side x side and returns its work. */
static double save(const char *net, size_t side)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    cen_error error;
    options.net = net;
    options.input.height = options.input.width = side;
    options.n_classes = 2;
    assert_ok(cen_model_create(NULL, &model, &options, &error), &error);
    double work = cen_model_get(model)->work;
    assert_ok(cen_model_save(model, "limits.safetensors", &error), &error);
    cen_model_free(model);
    return work;
}

static void assert_refused(const cen_model_limits *limits, const char *reason, const char *option)
{
    cen_model *model;
    cen_error error;
    assert_int_equal(cen_model_load(NULL, &model, "limits.safetensors", limits, &error),
                     CEN_ERROR_LIMIT);
    assert_null(model);
    assert_non_null(strstr(error.message, "limits.safetensors: "));
    assert_non_null(strstr(error.message, reason));
    assert_non_null(strstr(error.message, option));
}

static void assert_taken(const cen_model_limits *limits)
{
    cen_model *model;
    cen_error error;
    assert_ok(cen_model_load(NULL, &model, "limits.safetensors", limits, &error), &error);
    cen_model_free(model);
}

static void an_input_of_too_many_pixels_is_refused_and_the_option_named(void **state)
{
    (void)state;
    cen_model_limits limits = cen_model_limits_init();
    (void)save("maxpool 4, gap", 2048);
    assert_taken(NULL);
    (void)save("maxpool 4, gap", 2049);
    assert_refused(NULL, "2049x2049", "--max-input");
    limits.max_input = 2049 * 2049;
    assert_taken(&limits);
    limits.max_input--;
    assert_refused(&limits, "2049x2049", "--max-input");
    if (SIZE_MAX == UINT32_MAX) return; /* there the next one cannot be made */
    (void)save("maxpool 4, gap", 16384);
    assert_refused(NULL, "16384x16384", "--max-input");
}

/* A thousand convolutions of one channel, whose time is that of moving 4 million numbers each. */
static void a_thousand_layers_on_a_large_image_are_too_much_work(void **state)
{
    (void)state;
    char net[20000] = "conv 1 1x1";
    for (int i = 1; i < 1000; i++) strcat(net, ", conv 1 1x1");
    strcat(net, ", gap");
    double work = save(net, 2048);
    assert_refused(NULL, "multiply-adds", "--max-work");
    cen_model_limits limits = {
        .size = sizeof(cen_model_limits), .max_input = 1 << 22, .max_work = work};
    assert_taken(&limits);
    limits.max_work = nextafter(work, 0);
    assert_refused(&limits, "multiply-adds", "--max-work");
}

static void what_an_image_takes_while_it_runs_is_limited(void **state)
{
    (void)state;
    const cen_model_limits limits = {
        .size = sizeof(cen_model_limits), .max_input = 1 << 14, .max_work = 1e11};
    (void)save("conv 200 1x1, gap", 128);
    assert_refused(&limits, "while it runs, an image takes", "--max-input");
    assert_taken(NULL);
}

/* Of a line and an input that come from elsewhere, too, and then also what the parameters take. */
static void a_model_is_not_made_beyond_the_limits_of_its_options(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        size_t side;
        const char *reason; /* NULL: it is made */
    } models[] = {{"gap", 128, NULL},
                  {"gap", 129, "129x129"},
                  {"conv 200 1x1, gap", 128, "while it runs, an image takes"},
                  {"maxpool 16, flatten, dense 33000", 128, "its parameters take 8.58e+06 bytes"},
                  {"maxpool 16, flatten, dense 30000", 128, NULL}};
    cen_model_limits limits = {
        .size = sizeof(cen_model_limits), .max_input = 1 << 14, .max_work = 1e11};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        cen_model_options options = cen_model_options_init();
        cen_model *model;
        cen_error error;
        options.net = models[i].net;
        options.input.height = options.input.width = models[i].side;
        options.limits = &limits;
        cen_status status = cen_model_create(threads(1), &model, &options, &error);
        if (status != (models[i].reason != NULL ? CEN_ERROR_LIMIT : CEN_OK)) {
            fail_msg("%s: %s", models[i].net, error.message);
        }
        if (status == CEN_ERROR_LIMIT && strstr(error.message, models[i].reason) == NULL) {
            fail_msg("%s: %s", models[i].net, error.message);
        }
        if (status == CEN_ERROR_LIMIT) assert_null(model);
        cen_model_free(model);
    }
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    options.limits = &limits;
    limits.max_work = 1000;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_ERROR_LIMIT);
    limits.max_work = 0;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_ERROR_ARGUMENT);
}

/* Nothing is made of a stride beyond the window: neither time nor memory. */
static void a_stride_beyond_its_window_takes_nothing(void **state)
{
    (void)state;
    (void)save("conv 65536 1x1, conv 1 1x1 stride 16777216, gap", 1);
    cen_model *model;
    cen_error error;
    assert_ok(cen_model_load(NULL, &model, "limits.safetensors", NULL, &error), &error);
    float x[1] = {1}, feature;
    assert_ok(model_features(model, x, 1, &feature, &error), &error);
    assert_true(isfinite(feature));
    cen_model_free(model);
}

static void work_counts_multiply_adds(void **state)
{
    (void)state;
    const double least = 64;
    assert_true(save("conv 16 3x3, conv 128 3x3, flatten, dense 100", 8) ==
                least * 16 * 36 + 16 * 9 * 128 * 16 + 100 * 2048);
    assert_true(save("prelu, maxpool 16, flatten, dense 1", 32) ==
                least * 1024 + least * 1024 + least * 4);
    cen_model_options options = cen_model_options_init();
    options.net = "flatten, dense 64";
    options.mirror = true;
    cen_model *model;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
    assert_true(cen_model_get(model)->work == 2 * 64 * 784);
    cen_model_free(model);
}

static void presets_are_far_below_the_limits(void **state)
{
    (void)state;
    size_t n;
    const cen_preset *presets = cen_presets(&n);
    for (size_t i = 0; i < n; i++) {
        assert_true(save(presets[i].net, 224) < cen_model_limits_init().max_work);
        if (presets[i].channels != 3) assert_taken(NULL);
    }
}

static void limits_that_let_nothing_in_are_no_limits(void **state)
{
    (void)state;
    (void)save("gap", 8);
    const size_t size = sizeof(cen_model_limits);
    const cen_model_limits bad[] = {
        {size, 0, 1e11}, {size, 1 << 22, 0}, {size, 1 << 22, NAN}, {size, 1 << 22, -1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cen_model *model;
        assert_int_equal(cen_model_load(NULL, &model, "limits.safetensors", &bad[i], NULL),
                         CEN_ERROR_ARGUMENT);
        assert_null(model);
    }
    assert_taken(&(cen_model_limits){size, SIZE_MAX, INFINITY});
}

static void an_input_that_no_memory_holds_is_refused_at_creation(void **state)
{
    (void)state;
    cen_model_options options = cen_model_options_init();
    options.net = "conv 1 1x1 stride 16777216, gap";
    options.input.height = options.input.width = SIZE_MAX / 2 + 1;
    cen_model *model;
    cen_error error;
    assert_int_equal(cen_model_create(NULL, &model, &options, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "does not fit into memory"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_input_of_too_many_pixels_is_refused_and_the_option_named),
        cmocka_unit_test(a_thousand_layers_on_a_large_image_are_too_much_work),
        cmocka_unit_test(what_an_image_takes_while_it_runs_is_limited),
        cmocka_unit_test(a_model_is_not_made_beyond_the_limits_of_its_options),
        cmocka_unit_test(a_stride_beyond_its_window_takes_nothing),
        cmocka_unit_test(work_counts_multiply_adds),
        cmocka_unit_test(presets_are_far_below_the_limits),
        cmocka_unit_test(limits_that_let_nothing_in_are_no_limits),
        cmocka_unit_test(an_input_that_no_memory_holds_is_refused_at_creation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
