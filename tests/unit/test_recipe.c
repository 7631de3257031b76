/* The training recipe against PyTorch in float64: AdamW, clipping, label smoothing, warm-up and cosine;
 * the gradients of each loss through a whole net; lambda that follows the gradients' ratio.
 * tests/golden/recipe.py. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/compare.h"
#include "support/golden.h"
#include "support/models.h"
#include "train/model.h"
#include "train/schedule.h"
#include "train/trainer.h"

enum { BATCH = 12, N_STEPS = 40, WARMUP = 8, N_IMAGE = 3 * 6 * 5 };

static const double lr = 0.01, weight = 0.05;

static cen_train_options plain_options(void)
{
    cen_train_options options = plain_train_options();
    options.lambda = weight;
    options.lr = lr;
    options.batch_size = BATCH;
    return options;
}

static void the_rate_follows_torchs_schedulers(void **state)
{
    (void)state;
    golden *all = golden_open("recipe.bin");
    const golden_array *rates = golden_get(all, "recipe", "rates");
    for (size_t step = 0; step < N_STEPS; step++) {
        char what[64];
        snprintf(what, sizeof what, "rate of step %zu", step);
        assert_number(what, lr * cen__schedule_lr((double)step, N_STEPS, WARMUP, true),
                      rates->values[step], 1e-9);
    }
    golden_free(all);
}

static void without_a_schedule_the_rate_stays(void **state)
{
    (void)state;
    for (int step = 0; step < 100; step++) {
        assert_true(cen__schedule_lr(step, 100, 0, false) == 1);
        assert_true(cen__schedule_ramp(step, 0) == 1);
    }
    assert_true(cen__schedule_ramp(4, 10) == 0.5);
    assert_true(cen__schedule_lr(200, 100, 100, true) == 1); /* a warm-up as long as the training */
}

static void the_recipe_trains_as_in_torch(void **state)
{
    (void)state;
    golden *all = golden_open("recipe.bin");
    cen_model *model = model_of_golden(threads(2), all, "recipe", "x");
    cen_train_options options = plain_options();
    options.weight_decay = 0.5;
    options.clip_norm = 0.4;
    options.label_smoothing = 0.1;
    cen_trainer *trainer = trainer_create(model, &options);
    float *x = golden_floats(golden_get(all, "recipe", "x"));
    int32_t *labels = golden_labels(golden_get(all, "recipe", "labels"));
    const golden_array *losses = golden_get(all, "recipe", "losses");
    for (size_t step = 0; step < N_STEPS; step++) {
        cen_losses got;
        cen_error error;
        const double rate = lr * cen__schedule_lr((double)step, N_STEPS, WARMUP, true);
        assert_ok(cen_trainer_set_rates(trainer, rate, weight, &error), &error);
        assert_ok(cen_trainer_backward(trainer, x + step * BATCH * N_IMAGE, labels + step * BATCH,
                                       BATCH, &got, &error),
                  &error);
        cen_trainer_update(trainer);
        assert_number("total", got.total, losses->values[3 * step], 2e-5);
        assert_number("softmax", got.first, losses->values[3 * step + 1], 2e-5);
        assert_number("center", got.center, losses->values[3 * step + 2], 2e-5);
    }
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        char full[128];
        snprintf(full, sizeof full, "final/%s", name);
        const golden_array *want = golden_get(all, "recipe", full);
        double *got = doubles(view.data, want->count);
        assert_close(name, got, want->values, want->count, largest(want->values, want->count),
                     (closeness){0, 1e-4, 1e-5});
        free(got);
    }
    free(x);
    free(labels);
    cen_trainer_free(trainer);
    cen_model_free(model);
    golden_free(all);
}

static void check_loss(const char *of, cen_loss loss)
{
    golden *all = golden_open("recipe.bin");
    cen_model *model = model_of_golden(threads(2), all, of, "x");
    cen_train_options options = plain_options();
    options.loss = loss;
    options.centers = CEN_CENTERS_ADAM_DENSE;
    cen_trainer *trainer = trainer_create(model, &options);
    float *x = golden_floats(golden_get(all, of, "x"));
    int32_t *labels = golden_labels(golden_get(all, of, "labels"));
    const golden_array *want = golden_get(all, of, "losses");
    cen_losses got;
    cen_error error;
    for (int turn = 0; turn < 2; turn++) { /* a second call must not add to the first */
        assert_ok(cen_trainer_backward(trainer, x, labels, BATCH, &got, &error), &error);
    }
    assert_number("total", got.total, want->values[0], 1e-6);
    assert_number("first", got.first, want->values[1], 1e-6);
    assert_number("second", got.center, want->values[2], 1e-6);
    size_t n;
    const float *gradient = cen_trainer_gradient(trainer, &n);
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        char full[128];
        snprintf(full, sizeof full, "gradient/%s", name);
        const golden_array *dw = golden_get(all, of, full);
        double *part = part_of(model, &view, gradient);
        assert_close(name, part, dw->values, dw->count, largest(dw->values, dw->count), FLOAT32);
        free(part);
    }
    free(x);
    free(labels);
    cen_trainer_free(trainer);
    cen_model_free(model);
    golden_free(all);
}

static void hard_triplets_have_torchs_gradients(void **state)
{
    (void)state;
    check_loss("triplet", CEN_LOSS_TRIPLET_HARD);
}

static void contrastive_centers_have_torchs_gradients(void **state)
{
    (void)state;
    check_loss("contrastive", CEN_LOSS_CONTRASTIVE_CENTER);
}

static void cosface_has_torchs_gradients(void **state)
{
    (void)state;
    check_loss("cosface", CEN_LOSS_COSFACE);
}

/* With one image the bias of the last dense gets the gradient at the feature itself. */
static void feature_gradient(cen_model *model, double lambda, const float *x, const int32_t *labels,
                             double *df, size_t d)
{
    cen_train_options options = plain_options();
    options.lambda = lambda;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_losses losses;
    cen_error error;
    assert_ok(cen_trainer_backward(trainer, x, labels, 1, &losses, &error), &error);
    size_t n;
    const cen_tensor bias = model_tensor(model, "body.3.bias");
    double *part = part_of(model, &bias, cen_trainer_gradient(trainer, &n));
    memcpy(df, part, d * sizeof *df);
    free(part);
    cen_trainer_free(trainer);
}

static void lambda_holds_the_ratio_of_the_gradients(void **state)
{
    (void)state;
    enum { D = 6 };
    golden *all = golden_open("recipe.bin");
    cen_model *model = model_of_golden(threads(2), all, "recipe", "x");
    float *x = golden_floats(golden_get(all, "recipe", "x"));
    int32_t *labels = golden_labels(golden_get(all, "recipe", "labels"));
    cen_train_options options = plain_options();
    options.lambda_ratio = 0.3;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_losses losses;
    cen_error error;
    assert_ok(cen_trainer_backward(trainer, x, labels, 1, &losses, &error), &error);
    assert_number("ratio as reported", losses.gradient_ratio, 0.3, 1e-9);

    double without[D], with[D], center = 0, softmax = 0;
    feature_gradient(model, 0, x, labels, without, D);
    feature_gradient(model, losses.lambda, x, labels, with, D);
    for (size_t j = 0; j < D; j++) {
        softmax += without[j] * without[j];
        center += (with[j] - without[j]) * (with[j] - without[j]);
    }
    assert_number("ratio of the gradients", sqrt(center / softmax), 0.3, 1e-5);
    free(x);
    free(labels);
    cen_trainer_free(trainer);
    cen_model_free(model);
    golden_free(all);
}

/* The norm that is clipped is that of the gradient as it is when the step is taken. */
static void a_gradient_that_the_caller_changed_is_measured_anew(void **state)
{
    (void)state;
    const float x[2] = {1, 2};
    const int32_t label = 0;
    double lengths[2];
    for (size_t changed = 0; changed < 2; changed++) {
        cen_model *model = model_create("flatten, dense 2", 1, 1, 2, 3);
        cen_train_options options = cen_train_options_init();
        options.clip_norm = 1e-3;
        cen_trainer *trainer = trainer_create(model, &options);
        cen_losses losses;
        cen_error error;
        size_t n;
        assert_ok(cen_trainer_backward(trainer, x, &label, 1, &losses, &error), &error);
        if (changed) {
            float *gradient = cen_trainer_gradient(trainer, &n);
            for (size_t i = 0; i < n; i++) gradient[i] *= 1000;
        }
        cen_trainer_update(trainer);
        const float *m = cen__trainer_state_of(trainer).m;
        lengths[changed] = 0;
        for (size_t i = 0; i < model->centers; i++) {
            lengths[changed] += (double)m[i] * (double)m[i];
        }
        lengths[changed] = sqrt(lengths[changed]) / (1 - options.beta1);
        cen_trainer_free(trainer);
        cen_model_free(model);
    }
    assert_number("clipped", lengths[0], 1e-3, 1e-2);
    assert_number("changed and clipped", lengths[1], 1e-3, 1e-2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_follows_torchs_schedulers),
        cmocka_unit_test(a_gradient_that_the_caller_changed_is_measured_anew),
        cmocka_unit_test(without_a_schedule_the_rate_stays),
        cmocka_unit_test(the_recipe_trains_as_in_torch),
        cmocka_unit_test(hard_triplets_have_torchs_gradients),
        cmocka_unit_test(contrastive_centers_have_torchs_gradients),
        cmocka_unit_test(cosface_has_torchs_gradients),
        cmocka_unit_test(lambda_holds_the_ratio_of_the_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
