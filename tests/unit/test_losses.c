/* Both losses, and label smoothing: against PyTorch, and against what is known without computing. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "loss/softmax.h"
#include "support/context.h"
#include "support/golden_case.h"
#include "support/loss_cases.h"

static void losses_equal_torch_for_any_lambda_and_label(void **state)
{
    (void)state;
    golden *all = golden_open("losses.bin");
    check_golden_cases(all, "loss_", 9);
    golden_free(all);
}

/* Features of 2 numbers that are the image's, and n_classes classes; all else is 0. */
static cen_model *open_identity(size_t n_classes)
{
    cen_model *model = model_create("flatten, dense 2", 1, 1, 2, n_classes);
    size_t n;
    float *parameters = cen_model_parameters(model, &n);
    memset(parameters, 0, n * sizeof *parameters);
    float *weight = model_tensor(model, "body.1.weight").data;
    weight[0] = weight[3] = 1;
    return model;
}

static cen_losses losses_of(cen_model *model, const float *x, const int32_t *labels, size_t n,
                            double lambda)
{
    cen_train_options options = cen_train_options_init();
    options.lambda = lambda;
    options.batch_size = n;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_losses losses, again;
    cen_error error;
    assert_ok(cen_trainer_backward(trainer, x, labels, n, &losses, &error), &error);
    assert_ok(cen_trainer_evaluate(trainer, x, labels, n, &again, NULL, &error), &error);
    assert_memory_equal(&losses.total, &again.total, sizeof losses.total);
    assert_memory_equal(&losses.first, &again.first, sizeof losses.first);
    assert_memory_equal(&losses.center, &again.center, sizeof losses.center);
    assert_memory_equal(&losses.accuracy, &again.accuracy, sizeof losses.accuracy);
    cen_trainer_free(trainer);
    return losses;
}

static void equal_logits_cost_the_logarithm_of_the_number_of_classes(void **state)
{
    (void)state;
    const float x[4] = {1, 2, 3, 4};
    const int32_t labels[2] = {0, 6};
    cen_model *model = open_identity(7);
    assert_number("softmax", losses_of(model, x, labels, 2, 0.2).first, log(7), 1e-6);
    cen_model_free(model);
}

/* || (1, 2) - (0, 0) ||^2 = 5 and || (3, 4) - (1, 1) ||^2 = 13, the mean is 9: no 1/2, summed over
 * the feature, averaged over the batch. */
static void the_center_loss_is_the_mean_of_squares_summed_over_the_feature(void **state)
{
    (void)state;
    const float x[4] = {1, 2, 3, 4};
    const int32_t labels[2] = {0, 2};
    cen_model *model = open_identity(3);
    float *centers = model_tensor(model, "centers.weight").data;
    centers[4] = centers[5] = 1;
    const cen_losses losses = losses_of(model, x, labels, 2, 0.25);
    assert_number("center", losses.center, 9, 1e-7);
    assert_number("total", losses.total, log(3) + 0.25 * 9, 1e-6);
    cen_model_free(model);
}

/* Logits (0, 3e18) and (3e18, 0): exp overflows, the loss of the right label is 0 and that of the
 * wrong one the distance. */
static void huge_logits_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    const float x[2] = {1, 0};
    const int32_t right = 1, wrong = 0;
    cen_model *model = open_identity(2);
    model_tensor(model, "head.weight").data[2] = 3e18f;
    assert_number("right", losses_of(model, x, &right, 1, 0).first, 0, 0);
    assert_number("wrong", losses_of(model, x, &wrong, 1, 0).first, (double)3e18f, 1e-6);
    model_tensor(model, "head.weight").data[2] = -3e18f;
    assert_number("right", losses_of(model, x, &wrong, 1, 0).first, 0, 0);
    cen_model_free(model);
}

/* Logit j is the feature's number j, so the largest is known. */
static void accuracy_is_the_share_of_largest_logits(void **state)
{
    (void)state;
    const float x[8] = {2, 1, 1, 2, -1, -2, 5, 6};
    const int32_t labels[4] = {0, 0, 0, 1};
    cen_model *model = open_identity(2);
    float *head = model_tensor(model, "head.weight").data;
    head[0] = head[3] = 1;
    assert_number("accuracy", losses_of(model, x, labels, 4, 0).accuracy, 0.75, 0);
    cen_model_free(model);
}

/* softmax - onehot, over the batch: with two equal logits and label 0, (-1/2, 1/2). */
static void the_gradient_of_the_head_bias_is_softmax_minus_one_hot(void **state)
{
    (void)state;
    const float x[2] = {1, 2};
    const int32_t label = 0;
    cen_model *model = open_identity(2);
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer = trainer_create(model, &options);
    cen_losses losses;
    cen_error error;
    assert_ok(cen_trainer_backward(trainer, x, &label, 1, &losses, &error), &error);
    size_t n;
    const cen_tensor bias = model_tensor(model, "head.bias");
    double *got = part_of(model, &bias, cen_trainer_gradient(trainer, &n));
    const double want[2] = {-0.5, 0.5};
    assert_close("head.bias", got, want, 2, 0.5, FLOAT32);
    free(got);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

static void labels_and_batches_out_of_range_are_refused(void **state)
{
    (void)state;
    const float x[6] = {1, 2, 3, 4, 5, 6};
    const int32_t below[2] = {0, -1}, above[2] = {3, 0}, fine[3] = {0, 1, 2};
    cen_model *model = open_identity(3);
    cen_train_options options = cen_train_options_init();
    options.batch_size = 2;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_losses losses;
    cen_error error;
    const cen_status refused = CEN_ERROR_ARGUMENT;
    assert_int_equal(cen_trainer_backward(trainer, x, below, 2, &losses, &error), refused);
    assert_int_equal(cen_trainer_evaluate(trainer, x, above, 2, &losses, NULL, &error), refused);
    assert_int_equal(cen_trainer_backward(trainer, x, fine, 3, &losses, &error), refused);
    assert_int_equal(cen_trainer_backward(trainer, x, fine, 0, &losses, NULL), refused);
    assert_true(error.message[0] != 0);
    assert_ok(cen_trainer_backward(trainer, x, fine, 2, &losses, &error), &error);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

/* logits become their gradient; returns the sum of row_losses[n]. */
static double smoothed(size_t n, size_t k, double smoothing, int n_threads, float *logits,
                       const int32_t *labels, double *row_losses)
{
    cen__softmax softmax = {.kernels = kernels_now(),
                            .n = n,
                            .k = k,
                            .context = threads(n_threads),
                            .row_losses = row_losses,
                            .has_gradient = true,
                            .smoothing = smoothing};
    cen__softmax_cross_entropy(&softmax, logits, labels);
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += row_losses[i];
    return sum;
}

static void check_smoothing(const golden *all, const char *of)
{
    static const double smoothings[4] = {0, 0.1, 0.6, 1};
    const golden_array *given = golden_get(all, of, "logits");
    size_t n = given->shape[0];
    int32_t *labels = golden_labels(golden_get(all, of, "labels"));
    double *row_losses = golden_memory(n, sizeof *row_losses);
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        float *logits = golden_floats(given);
        smoothed(n, given->shape[1], smoothings[i], 2, logits, labels, row_losses);
        snprintf(name, sizeof name, "losses_%g", smoothings[i]);
        const golden_array *want = golden_get(all, of, name);
        for (size_t j = 0; j < n; j++) assert_number(of, row_losses[j], want->values[j], 2e-6);
        snprintf(name, sizeof name, "gradient_%g", smoothings[i]);
        assert_gradient(of, logits, golden_get(all, of, name), 0);
        free(logits);
    }
    free(labels);
    free(row_losses);
}

static void label_smoothing_equals_torch(void **state)
{
    (void)state;
    on_golden_cases("smoothing.bin", 5, check_smoothing);
}

enum { SMOOTH_N = 4, SMOOTH_K = 6 };

/* - sum_j target_j log softmax_j, smoothing 0.3. */
static double smoothed_forward(const void *context, const double *logits)
{
    const int32_t *labels = context;
    double loss = 0;
    for (size_t i = 0; i < SMOOTH_N; i++) {
        const double *row = logits + i * SMOOTH_K;
        double sum = 0;
        for (size_t j = 0; j < SMOOTH_K; j++) sum += exp(row[j]);
        for (size_t j = 0; j < SMOOTH_K; j++) {
            double target = 0.3 / SMOOTH_K + (j == (size_t)labels[i] ? 0.7 : 0);
            loss += target * (log(sum) - row[j]) / SMOOTH_N;
        }
    }
    return loss;
}

static void the_gradient_with_smoothing_is_the_slope_of_a_second_forward(void **state)
{
    (void)state;
    enum { COUNT = SMOOTH_N * SMOOTH_K };
    const int32_t labels[SMOOTH_N] = {5, 0, 2, 2};
    float *logits = random_floats(COUNT, 21), gradient[COUNT];
    double row_losses[SMOOTH_N], wide[COUNT];
    for (size_t i = 0; i < COUNT; i++) wide[i] = (double)logits[i];
    memcpy(gradient, logits, sizeof gradient);
    double sum = smoothed(SMOOTH_N, SMOOTH_K, 0.3, 1, gradient, labels, row_losses);
    assert_number("loss", sum / SMOOTH_N, smoothed_forward(labels, wide), 1e-6);
    assert_slopes("logits", smoothed_forward, labels, logits, gradient, COUNT);
    free(logits);
}

/* Whatever the label is: the whole weight lies on all classes alike. */
static void smoothing_of_1_knows_no_label(void **state)
{
    (void)state;
    const float logits[3] = {1, 3, 2};
    float first[3], last[3];
    const int32_t labels[2] = {0, 2};
    double losses[2];
    memcpy(first, logits, sizeof first);
    memcpy(last, logits, sizeof last);
    smoothed(1, 3, 1, 1, first, &labels[0], &losses[0]);
    smoothed(1, 3, 1, 1, last, &labels[1], &losses[1]);
    assert_memory_equal(first, last, sizeof first);
    assert_number("loss", losses[0], log(exp(1) + exp(2) + exp(3)) - 2, 1e-6);
    assert_number("loss", losses[1], losses[0], 1e-15);
}

static void smoothing_has_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    enum { ROWS = 37, CLASSES = 301 };
    float *logits = random_floats(ROWS * CLASSES, 22), *one = random_floats(ROWS * CLASSES, 22);
    float *more = golden_memory(ROWS * CLASSES, sizeof *more);
    int32_t *labels = random_labels(ROWS, CLASSES, 23);
    double one_losses[ROWS], losses[ROWS];
    smoothed(ROWS, CLASSES, 0.1, 1, one, labels, one_losses);
    for (int n_threads = 2; n_threads < 6; n_threads++) {
        memcpy(more, logits, ROWS * CLASSES * sizeof *more);
        smoothed(ROWS, CLASSES, 0.1, n_threads, more, labels, losses);
        assert_memory_equal(more, one, ROWS * CLASSES * sizeof *more);
        assert_memory_equal(losses, one_losses, sizeof losses);
    }
    free(logits);
    free(one);
    free(more);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_equal_torch_for_any_lambda_and_label),
        cmocka_unit_test(equal_logits_cost_the_logarithm_of_the_number_of_classes),
        cmocka_unit_test(the_center_loss_is_the_mean_of_squares_summed_over_the_feature),
        cmocka_unit_test(huge_logits_neither_overflow_nor_vanish),
        cmocka_unit_test(accuracy_is_the_share_of_largest_logits),
        cmocka_unit_test(the_gradient_of_the_head_bias_is_softmax_minus_one_hot),
        cmocka_unit_test(labels_and_batches_out_of_range_are_refused),
        cmocka_unit_test(label_smoothing_equals_torch),
        cmocka_unit_test(the_gradient_with_smoothing_is_the_slope_of_a_second_forward),
        cmocka_unit_test(smoothing_of_1_knows_no_label),
        cmocka_unit_test(smoothing_has_the_same_bits_at_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
