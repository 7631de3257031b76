/* Both losses: against PyTorch, and against what is known without computing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/golden_case.h"

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
    cen_train_options options = cen_train_options_default();
    options.lambda = lambda;
    options.batch_size = n;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_losses losses, again;
    cen_error error;
    assert_ok(cen_trainer_backward(trainer, x, labels, n, &losses, &error), &error);
    assert_ok(cen_trainer_evaluate(trainer, x, labels, n, &again, NULL, &error), &error);
    assert_memory_equal(&losses.total, &again.total, sizeof losses.total);
    assert_memory_equal(&losses.softmax, &again.softmax, sizeof losses.softmax);
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
    assert_number("softmax", losses_of(model, x, labels, 2, 0.2).softmax, log(7), 1e-6);
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

/* Logits (0, 3e30) and (3e30, 0): exp overflows, the loss of the right label is 0 and that of the
 * wrong one the distance. */
static void huge_logits_neither_overflow_nor_vanish(void **state)
{
    (void)state;
    const float x[2] = {1, 0};
    const int32_t right = 1, wrong = 0;
    cen_model *model = open_identity(2);
    model_tensor(model, "head.weight").data[2] = 3e30f;
    assert_number("right", losses_of(model, x, &right, 1, 0).softmax, 0, 0);
    assert_number("wrong", losses_of(model, x, &wrong, 1, 0).softmax, (double)3e30f, 1e-6);
    model_tensor(model, "head.weight").data[2] = -3e30f;
    assert_number("right", losses_of(model, x, &wrong, 1, 0).softmax, 0, 0);
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
    cen_train_options options = cen_train_options_default();
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
    cen_train_options options = cen_train_options_default();
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
