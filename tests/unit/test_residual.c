/* residual: against PyTorch in float64 (tests/golden/train.py, norms.py), how a line with it is read, and what
 * training, inference and files make of it. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "format/safetensors.h"
#include "nn/net.h"
#include "support/context.h"
#include "support/golden_case.h"

static void residual_equals_torch(void **state)
{
    (void)state;
    golden *all = golden_open("residual.bin");
    check_golden_cases(all, "residual_", 11);
    golden_free(all);
}

static void batchnorm_in_branches_equals_torch_in_training_and_evaluation(void **state)
{
    (void)state;
    golden *all = golden_open("norms_residual.bin");
    check_norm_cases(all, "residual_", 4);
    golden_free(all);
}

/* ---- the line ---- */

static void a_line_has_one_spelling_and_torchs_names(void **state)
{
    (void)state;
    static const char *const names[] = {
        "body.0.weight",
        "body.0.bias",
        "body.1.main.0.weight",
        "body.1.main.0.bias",
        "body.1.main.1.main.0.weight",
        "body.1.main.1.main.0.bias",
        "body.1.shortcut.0.weight",
        "body.1.shortcut.0.bias",
    };
    static const char *const texts[] = {"conv 4 3x3", "conv 6 1x1", "conv 6 1x1",
                                        "residual",   "relu",       "conv 6 1x1",
                                        "residual",   "relu",       "gap"};
    static const char *const places[] = {
        "0", "1.main.0", "1.main.1.main.0", "1.main.1", "1.main.2", "1.shortcut.0", "1", "2", "3"};
    cen_model *model = model_create(
        "conv 4 3x3,residual{conv 6 1x1,\n residual { conv 6 1x1 }, relu|conv 6 1x1 } ,relu, gap",
        1, 6, 6, 2);
    const cen_model_info *info = cen_model_get(model);
    assert_string_equal(info->net,
                        "conv 4 3x3, residual {conv 6 1x1, residual {conv 6 1x1}, relu | "
                        "conv 6 1x1}, relu, gap");
    assert_int_equal(info->n_layers, 9);
    for (size_t i = 0; i < 9; i++) {
        assert_string_equal(info->layers[i].text, texts[i]);
        assert_string_equal(info->layers[i].place, places[i]);
    }
    assert_int_equal(info->layers[6].channels, 6);
    assert_int_equal(info->layers[6].n_parameters, 0);
    const char *name;
    cen_tensor view;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(cen_model_tensor(model, i, &name, &view));
        assert_string_equal(name, names[i]);
    }
    cen_model *again = model_create(info->net, 1, 6, 6, 2);
    assert_string_equal(cen_model_get(again)->net, info->net);
    cen_model_free(again);
    cen_model_free(model);
}

static void a_wrong_residual_is_refused_with_its_column(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
        cen_status status;
    } cases[] = {
        {"residual", "column 9: the end of the line comes where a {", CEN_ERROR_ARGUMENT},
        {"residual relu", "column 10: 'relu' stands where a {", CEN_ERROR_ARGUMENT},
        {"residual {}", "column 11: '}' stands where a layer", CEN_ERROR_ARGUMENT},
        {"residual {relu", "column 15: the end of the line comes where a comma or }",
         CEN_ERROR_ARGUMENT},
        {"residual {relu |", "column 17: the end", CEN_ERROR_ARGUMENT},
        {"residual {relu | }", "column 18: '}' stands where a layer", CEN_ERROR_ARGUMENT},
        {"residual {relu | relu | relu}", "column 23: '|'", CEN_ERROR_ARGUMENT},
        {"residual {relu, }", "column 17: '}'", CEN_ERROR_ARGUMENT},
        {"residual {relu}}", "column 16: '}' stands where a comma or the end", CEN_ERROR_ARGUMENT},
        {"residual {relu} relu", "column 17: 'relu'", CEN_ERROR_ARGUMENT},
        {"residual {cnv 3 3x3}", "column 11: 'cnv'", CEN_ERROR_ARGUMENT},
        {"relu | relu", "column 6: '|'", CEN_ERROR_ARGUMENT},
        {"relu, {relu}", "column 7: '{'", CEN_ERROR_ARGUMENT},
        {"relu, residual {conv 4 1x1}, gap",
         "column 7: the residual's branches give 4x8x8 and 1x8x8; give both the same shape",
         CEN_ERROR_ARGUMENT},
        {"residual {gap | flatten}", "column 1: the residual's branches give 1x1x1 and 64x1x1",
         CEN_ERROR_ARGUMENT},
        {"residual {relu, maxpool 9}", "layer 0.main.1 'maxpool 9'", CEN_ERROR_ARGUMENT},
        {"residual {residual {residual {residual {residual {residual {residual {residual {residual "
         "{relu",
         "column 81: this residual is nested deeper than the limit of 8", CEN_ERROR_LIMIT},
        {"residual {residual {residual {residual {residual {residual {residual {residual "
         "{relu}}}}}}}}, gap",
         "", CEN_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen__net net;
        cen_error error = {.message = ""};
        const cen__shape in = {1, 8, 8};
        if (cen__net_create(NULL, kernels_now(), &net, cases[i].line, in, 0, &error) !=
                cases[i].status ||
            !strstr(error.message, cases[i].says)) {
            fail_msg("'%s' gives: %s", cases[i].line, error.message);
        }
        cen__net_free(&net);
    }
}

static void the_feature_size_replaces_the_last_dense(void **state)
{
    (void)state;
    cen__net net;
    cen_error error;
    const cen__shape in = {1, 2, 2};
    assert_int_equal(
        cen__net_create(NULL, kernels_now(), &net,
                        "flatten, residual {dense 9, dense 4}, dense 9, residual {relu}", in, 3,
                        NULL),
        CEN_OK);
    assert_string_equal(net.line, "flatten, residual {dense 9, dense 4}, dense 3, residual {relu}");
    cen__net_free(&net);
    assert_int_equal(
        cen__net_create(NULL, kernels_now(), &net, "flatten, residual {dense 4}", in, 3, &error),
        CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "branches give 3x1x1 and 4x1x1"));
}

/* 4096 layers in all, as many as may stand in a row. */
static void a_strangers_residuals_are_counted(void **state)
{
    (void)state;
    enum { N = 1500 };
    static char line[N * 16 + 16];
    cen__net net;
    cen_error error;
    for (size_t i = 0; i < N; i++) strcat(line, "residual{relu},");
    strcat(line, "gap");
    assert_int_equal(
        cen__net_create(NULL, kernels_now(), &net, line, (cen__shape){1, 1, 1}, 0, &error),
        CEN_ERROR_LIMIT);
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    options.net = "residual {conv 1 1x1}, gap";
    options.input.height = options.input.width = 16;
    assert_ok(cen_model_create(NULL, &model, &options, &error), &error);
    assert_true(cen_model_get(model)->work == 3 * 64 * 256);
    cen_model_free(model);
}

static void weights_before_the_sums_relu_start_as_its_own(void **state)
{
    (void)state;
    cen__net net;
    const float he = sqrtf(6.0f / 54), glorot = sqrtf(6.0f / (54 + 72));
    static const struct {
        const char *line;
        bool is_he;
    } cases[] = {
        {"residual {conv 8 3x3 pad 1 | conv 8 1x1}, relu, gap", true},
        {"residual {conv 8 3x3 pad 1, batchnorm | conv 8 1x1}, gap", false},
        {"residual {residual {conv 8 3x3 pad 1 | conv 8 1x1} | conv 8 1x1}, relu, gap", true}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(cen__net_create(NULL, kernels_now(), &net, cases[i].line,
                                         (cen__shape){6, 4, 4}, 0, NULL),
                         CEN_OK);
        float *w = golden_memory(net.n_parameters, sizeof *w), most = 0;
        cen__net_initialize(&net, 1, w);
        for (size_t k = 0; k < 8 * 54; k++) most = fmaxf(most, fabsf(w[k]));
        const float bound = cases[i].is_he ? he : glorot;
        assert_true(most <= bound * 1.000001f && most > 0.97f * bound);
        free(w);
        cen__net_free(&net);
    }
}

/* ---- training and inference ---- */

static const char *const resnet =
    "conv 5 3x3 pad 1, batchnorm, relu, "
    "residual {conv 5 3x3 pad 1, batchnorm, relu, dropout 0.2, conv 5 3x3 pad 1, batchnorm}, relu, "
    "residual {relu, residual {conv 5 1x1, dropout 0.3, batchnorm, relu, conv 5 1x1}, "
    "conv 7 3x3 stride 2 pad 1, batchnorm | maxpool 2, conv 7 1x1, batchnorm, relu}, dropout 0.1, "
    "relu, gap, "
    "residual {dense 9, batchnorm, relu, dropout 0.2, dense 7}, dense 4";
enum { SIDE = 10, N = 19, N_CLASSES = 3, D = 4 };

typedef struct pictures {
    float x[N * SIDE * SIDE];
    int32_t labels[N];
} pictures;

static pictures draw_pictures(void)
{
    pictures p;
    uint64_t seed = 7;
    for (size_t i = 0; i < N * SIDE * SIDE; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        p.x[i] = (float)(seed >> 40) / 8388608 - 1;
    }
    for (size_t i = 0; i < N; i++) p.labels[i] = (int32_t)(i % N_CLASSES);
    return p;
}

static cen_model *train(int n_threads, size_t batch_size)
{
    static const size_t sizes[] = {N, 5, N, 2, 11};
    cen_model *model = model_create_in(threads(n_threads), resnet, 1, SIDE, SIDE, N_CLASSES);
    pictures p = draw_pictures();
    cen_train_options options = cen_train_options_init();
    options.batch_size = batch_size;
    options.lr = 0.01;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_error error;
    cen_losses losses;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        assert_ok(cen_trainer_backward(trainer, p.x, p.labels, sizes[k], &losses, &error), &error);
        cen_trainer_update(trainer);
    }
    cen_trainer_free(trainer);
    return model;
}

static void assert_equal_tensors(cen_model *a, cen_model *b)
{
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(a, i, &name, &view); i++) {
        cen_tensor other = model_tensor(b, name);
        assert_memory_equal(view.data, other.data, cen__tensor_count(&view) * sizeof(float));
    }
}

static void training_gives_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    cen_model *first = train(1, N), *larger_plan = train(1, 2 * N);
    assert_equal_tensors(first, larger_plan);
    for (int n_threads = 2; n_threads <= 4; n_threads++) {
        cen_model *model = train(n_threads, N);
        assert_equal_tensors(first, model);
        cen_model_free(model);
    }
    cen_model_free(larger_plan);
    cen_model_free(first);
}

static void features_have_the_same_bits_in_any_batch_and_from_a_file(void **state)
{
    (void)state;
    const char *path = "residual_test.safetensors";
    pictures p = draw_pictures();
    cen_model *model = train(2, N), *loaded;
    cen_error error;
    float all[N * D], some[N * D];
    assert_ok(model_features(model, p.x, N, all, &error), &error);
    assert_ok(cen_model_save(model, path, &error), &error);
    assert_ok(cen_model_load(threads(3), &loaded, path, NULL, &error), &error);
    assert_equal_tensors(model, loaded);
    for (size_t n = 1; n <= N; n += 3) {
        for (size_t i = 0; i + n <= N; i += n) {
            assert_ok(model_features(loaded, p.x + i * SIDE * SIDE, n, some + i * D, &error),
                      &error);
        }
        assert_memory_equal(all, some, N / n * n * D * sizeof *all);
    }
    cen_model_free(loaded);
    cen_model_free(model);
    assert_int_equal(remove(path), 0);
}

/* Both dense layers hand a gradient to the layer before them, which is their sum; of batches that are large enough
 * to be multiplied in blocks. By differences along the gradient itself. */
static void dense_branches_of_a_batch_add_up_their_gradients(void **state)
{
    (void)state;
    const float step = 1e-2f;
    pictures p = draw_pictures();
    cen_model *model =
        model_create("maxpool 2, flatten, dense 6, residual {dense 4 | dense 4, gelu}, dense 3", 1,
                     SIDE, SIDE, N_CLASSES);
    cen_train_options options = cen_train_options_init();
    options.batch_size = N;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_losses losses[2];
    size_t n_numbers;
    assert_int_equal(cen_trainer_backward(trainer, p.x, p.labels, N, losses, NULL), CEN_OK);
    const float *gradient = cen_trainer_gradient(trainer, &n_numbers);
    cen_tensor weight = model_tensor(model, "body.2.weight");
    const size_t n = cen__tensor_count(&weight);
    float *direction = golden_memory(n, sizeof *direction);
    float *first = golden_memory(n, sizeof *first);
    double square = 0;
    memcpy(direction, gradient + (weight.data - cen_model_parameters(model, &n_numbers)),
           n * sizeof *direction);
    memcpy(first, weight.data, n * sizeof *first);
    for (size_t i = 0; i < n; i++) square += (double)direction[i] * (double)direction[i];
    const double length = sqrt(square);
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++) {
            weight.data[i] = first[i] + (side ? step : -step) * direction[i] / (float)length;
        }
        assert_int_equal(cen_trainer_backward(trainer, p.x, p.labels, N, &losses[side], NULL),
                         CEN_OK);
    }
    const double slope = (losses[1].total - losses[0].total) / (2 * (double)step);
    if (!(fabs(slope - length) < 0.01 * length)) fail_msg("slope %g, not %g", length, slope);
    free(first);
    free(direction);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_equals_torch),
        cmocka_unit_test(batchnorm_in_branches_equals_torch_in_training_and_evaluation),
        cmocka_unit_test(a_line_has_one_spelling_and_torchs_names),
        cmocka_unit_test(a_wrong_residual_is_refused_with_its_column),
        cmocka_unit_test(the_feature_size_replaces_the_last_dense),
        cmocka_unit_test(a_strangers_residuals_are_counted),
        cmocka_unit_test(weights_before_the_sums_relu_start_as_its_own),
        cmocka_unit_test(dense_branches_of_a_batch_add_up_their_gradients),
        cmocka_unit_test(training_gives_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(features_have_the_same_bits_in_any_batch_and_from_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
