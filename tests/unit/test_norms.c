/* gap, l2norm and batchnorm against PyTorch in float64 (tests/golden/norms.py), and what batchnorm
 * keeps: running statistics, their files, the fold into the convolution. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "nn/run.h"
#include "support/context.h"
#include "support/golden_case.h"
#include "format/safetensors.h"

static golden *norms;

static int open_norms(void **state)
{
    (void)state;
    norms = golden_open("norms.bin");
    return 0;
}

static int close_norms(void **state)
{
    (void)state;
    golden_free(norms);
    return 0;
}

static void gap_equals_torch(void **state)
{
    (void)state;
    check_golden_cases(norms, "gap_", 5);
}

static void l2norm_equals_torch_with_a_learned_and_a_fixed_scale(void **state)
{
    (void)state;
    check_golden_cases(norms, "l2norm_", 5);
}

static void batchnorm_equals_torch_in_training_and_evaluation(void **state)
{
    (void)state;
    check_norm_cases(norms, "norm_", 19);
}

/* ---- without golden values ---- */

static const char *const deep = "conv 5 3x3 pad 1, batchnorm, relu, maxpool 2, dropout 0.25, "
                                "conv 6 3x3, batchnorm, relu, conv 4 1x1, batchnorm, gap, "
                                "dense 7, batchnorm, dropout 0.5, l2norm";
static const char *const mobile =
    "conv 8 3x3 pad 1, batchnorm, relu6, conv 16 3x3 pad 1 groups 8, gelu, conv 12 1x1 groups 2, "
    "batchnorm, relu6, conv 12 5x5 stride 2 pad 2 groups 12, gelu, maxpool 3 stride 2 pad 1, "
    "avgpool 2 stride 1, flatten, dense 7";
enum { SIDE = 9, N = 13, N_CLASSES = 3, D = 7 };

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

/* Some steps of training, the batches of different sizes. */
static void train(cen_model *model)
{
    static const size_t sizes[] = {N, 5, N, 2, 11};
    pictures p = draw_pictures();
    cen_train_options options = cen_train_options_init();
    options.batch_size = N;
    options.lr = 0.01;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_error error;
    cen_losses losses;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        assert_ok(cen_trainer_backward(trainer, p.x, p.labels, sizes[k], &losses, &error), &error);
        cen_trainer_update(trainer);
    }
    cen_trainer_free(trainer);
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
    const char *const lines[] = {deep, mobile};
    for (size_t i = 0; i < 2; i++) {
        cen_model *first = model_create(lines[i], 1, SIDE, SIDE, N_CLASSES);
        train(first);
        for (int n_threads = 2; n_threads <= 3; n_threads++) {
            cen_model *model =
                model_create_in(threads(n_threads), lines[i], 1, SIDE, SIDE, N_CLASSES);
            train(model);
            assert_equal_tensors(first, model);
            cen_model_free(model);
        }
        cen_model_free(first);
    }
}

static void running_statistics_are_tensors_but_no_parameters(void **state)
{
    (void)state;
    cen_model *model = model_create("conv 4 3x3, batchnorm, gap", 1, 8, 8, 3);
    const cen_model_info *info = cen_model_get(model);
    size_t n;
    cen_model_parameters(model, &n);
    assert_int_equal(info->layers[1].n_parameters, 8);
    assert_int_equal(info->n_parameters, 40 + 8 + 3 * 4 + 3);
    assert_int_equal(n, info->n_parameters + info->n_center_parameters);
    cen_tensor mean = model_tensor(model, "body.1.running_mean");
    cen_tensor variance = model_tensor(model, "body.1.running_var");
    cen_tensor weight = model_tensor(model, "body.1.weight");
    for (size_t k = 0; k < 4; k++) {
        assert_true(mean.data[k] == 0 && variance.data[k] == 1 && weight.data[k] == 1);
    }
    cen_model_free(model);
}

static void a_saved_model_has_its_running_statistics_again(void **state)
{
    (void)state;
    const char *path = "norms_test.safetensors";
    cen_error error;
    cen_model *model = model_create(deep, 1, SIDE, SIDE, N_CLASSES), *loaded;
    train(model);
    assert_true(fabsf(model_tensor(model, "body.1.running_mean").data[0]) > 0);
    assert_ok(cen_model_save(model, path, &error), &error);
    assert_ok(cen_model_load(NULL, &loaded, path, NULL, &error), &error);
    assert_equal_tensors(model, loaded);
    cen_model *other = model_create(deep, 1, SIDE, SIDE, N_CLASSES);
    size_t n_taken, n_tensors = 0;
    const char *name;
    cen_tensor view;
    assert_ok(cen_model_load_weights(other, path, &n_taken, &error), &error);
    while (cen_model_tensor(model, n_tensors, &name, &view)) n_tensors++;
    assert_int_equal(n_taken, n_tensors);
    assert_equal_tensors(model, other);
    cen_model_free(model);
    cen_model_free(loaded);
    cen_model_free(other);
    assert_int_equal(remove(path), 0);
}

/* Features in inference, with batchnorm folded or with each layer as an op of its own. */
static void infer(bool folded, float *features)
{
    const char *line = "conv 5 3x3 pad 1, batchnorm, relu, maxpool 2, conv 6 3x3, batchnorm, relu, "
                       "conv 7 1x1, batchnorm, gap, dense 7, batchnorm";
    pictures p = draw_pictures();
    cen__net net;
    cen__run *work;
    assert_int_equal(
        cen__net_create(NULL, kernels_now(), &net, line, (cen__shape){1, SIDE, SIDE}, 0, NULL),
        CEN_OK);
    assert_int_equal(net.inference.n, 7);
    if (!folded) {
        memcpy(net.inference.ops, net.layers, net.n_layers * sizeof *net.layers);
        net.inference.n = net.n_layers;
    }
    float *w = golden_memory(net.n_parameters, sizeof *w);
    float *statistics = golden_memory(net.n_state, sizeof *statistics);
    cen__net_initialize(&net, 1, w);
    for (size_t i = 0; i < net.n_state; i++) statistics[i] = 0.5f + (float)(i % 7) / 4;
    assert_int_equal(cen__run_create(&work, &net, N, threads(2), false, NULL), CEN_OK);
    cen__run_use(work, w, statistics);
    memcpy(features, cen__run_forward(work, p.x, N), N * D * sizeof *features);
    cen__run_free(work);
    cen__net_free(&net);
    free(w);
    free(statistics);
}

static void folding_changes_no_feature(void **state)
{
    (void)state;
    float folded[N * D], apart[N * D];
    infer(true, folded);
    infer(false, apart);
    float most = 0;
    for (size_t i = 0; i < N * D; i++) {
        assert_true(fabsf(folded[i] - apart[i]) <= 1e-6f);
        most = fmaxf(most, fabsf(folded[i]));
    }
    assert_true(most > 0.1f);
}

/* As in training, a single number a channel has no spread: y is the bias, and nothing is learned of
 * the data. */
static void one_number_a_channel_becomes_the_bias_and_leaves_the_statistics(void **state)
{
    (void)state;
    cen_model *model = model_create("flatten, dense 4, batchnorm", 1, 3, 3, 2);
    cen_tensor bias = model_tensor(model, "body.2.bias"),
               mean = model_tensor(model, "body.2.running_mean"),
               variance = model_tensor(model, "body.2.running_var"),
               center = model_tensor(model, "centers.weight");
    for (size_t k = 0; k < 4; k++) bias.data[k] = (float)k - 1;
    for (size_t k = 0; k < 8; k++) center.data[k] = 0;
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const int32_t label = 1;
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer = trainer_create(model, &options);
    cen_error error;
    cen_losses losses;
    assert_ok(cen_trainer_backward(trainer, x, &label, 1, &losses, &error), &error);
    assert_true(fabs(losses.center - (1 + 0 + 1 + 4)) < 1e-6);
    size_t n;
    const float *gradient = cen_trainer_gradient(trainer, &n);
    double *dw = part_of(
        model, &(cen_tensor){2, {4, 9, 1, 1}, model_tensor(model, "body.1.weight").data}, gradient);
    for (size_t i = 0; i < 36; i++) assert_true(fabs(dw[i]) < 1e-4);
    for (size_t k = 0; k < 4; k++) assert_true(mean.data[k] == 0 && variance.data[k] == 1);
    free(dw);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

/* As torch.nn.functional.normalize: divided by at least 1e-12. */
static void l2norm_of_zeros_is_zeros(void **state)
{
    (void)state;
    cen_model *model = model_create("flatten, l2norm scale 3", 1, 2, 2, 2);
    const float x[8] = {0, 0, 0, 0, 3, 0, -4, 0};
    float y[8];
    cen_error error;
    assert_ok(model_features(model, x, 2, y, &error), &error);
    const float want[8] = {0, 0, 0, 0, 1.8f, 0, -2.4f, 0};
    for (size_t i = 0; i < 8; i++) assert_true(fabsf(y[i] - want[i]) <= 1e-6f);
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gap_equals_torch),
        cmocka_unit_test(l2norm_equals_torch_with_a_learned_and_a_fixed_scale),
        cmocka_unit_test(batchnorm_equals_torch_in_training_and_evaluation),
        cmocka_unit_test(training_gives_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(running_statistics_are_tensors_but_no_parameters),
        cmocka_unit_test(a_saved_model_has_its_running_statistics_again),
        cmocka_unit_test(folding_changes_no_feature),
        cmocka_unit_test(one_number_a_channel_becomes_the_bias_and_leaves_the_statistics),
        cmocka_unit_test(l2norm_of_zeros_is_zeros),
    };
    return cmocka_run_group_tests(tests, open_norms, close_norms);
}
