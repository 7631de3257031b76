/* The three ways in which centers move: the two Adams against PyTorch, `mean` against numbers
 * worked by hand. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/compare.h"
#include "support/golden.h"
#include "support/models.h"
#include "format/safetensors.h"

/* After some steps of Adam in float32 against float64. */
static const closeness STEPS = {1e-5, 1e-6, 1e-6};

enum { N_STEPS = 6, BATCH = 4 };

/* Every tensor after every step. */
static void check_steps(const char *of, cen_center_mode centers)
{
    golden *all = golden_open("centers.bin");
    cen_model *model = model_of_golden(threads(2), all, of, "x");
    float *x = golden_floats(golden_get(all, of, "x"));
    int32_t *labels = golden_labels(golden_get(all, of, "labels"));
    const golden_array *curve = golden_get(all, of, "losses");
    cen_train_options options = plain_train_options();
    options.lr = 0.01;
    options.adam_eps = golden_get(all, of, "eps")->values[0];
    options.centers = centers;
    options.batch_size = BATCH;
    cen_trainer *trainer = trainer_create(model, &options);
    for (size_t step = 0; step < N_STEPS; step++) {
        cen_losses losses;
        cen_error error;
        const float *images = x + step * BATCH * 8;
        assert_ok(
            cen_trainer_backward(trainer, images, labels + step * BATCH, BATCH, &losses, &error),
            &error);
        cen_trainer_update(trainer);
        assert_number("total", losses.total, curve->values[step * 3], 2e-6);
        assert_number("softmax", losses.first, curve->values[step * 3 + 1], 2e-6);
        assert_number("center", losses.center, curve->values[step * 3 + 2], 2e-6);
        const char *name;
        cen_tensor view;
        for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
            char full[128], what[256];
            snprintf(full, sizeof full, "after/%s", name);
            snprintf(what, sizeof what, "%s: %s after step %zu", of, name, step + 1);
            const golden_array *after = golden_get(all, of, full);
            const size_t n = cen__tensor_count(&view);
            double *got = doubles(view.data, n);
            assert_close(what, got, after->values + step * n, n,
                         largest(after->values + step * n, n), STEPS);
            free(got);
        }
    }
    cen_trainer_free(trainer);
    cen_model_free(model);
    free(x);
    free(labels);
    golden_free(all);
}

static void adam_steps_as_SparseAdam_of_torch(void **state)
{
    (void)state;
    check_steps("adam", CEN_CENTERS_ADAM);
    check_steps("adam_large_eps", CEN_CENTERS_ADAM); /* added before the bias correction */
}

static void adam_dense_steps_as_Adam_of_torch_on_an_embedding(void **state)
{
    (void)state;
    check_steps("adam_dense", CEN_CENTERS_ADAM_DENSE);
    check_steps("adam_dense_large_eps", CEN_CENTERS_ADAM_DENSE); /* and here after it */
}

static void mean_steps_as_the_formula_does_in_torch(void **state)
{
    (void)state;
    check_steps("mean", CEN_CENTERS_MEAN);
}

/* A net whose feature is its image of two numbers; lr 0 keeps it so. */
typedef struct plane {
    cen_model *model;
    cen_trainer *trainer;
    float *centers;
} plane;

static plane open_plane(cen_center_mode mode, double lambda, double lr)
{
    plane p;
    p.model = model_create("flatten, dense 2", 1, 1, 2, 3);
    size_t n;
    float *parameters = cen_model_parameters(p.model, &n);
    memset(parameters, 0, n * sizeof *parameters);
    float *weight = model_tensor(p.model, "body.1.weight").data;
    weight[0] = weight[3] = 1;
    p.centers = model_tensor(p.model, "centers.weight").data;
    const float centers[6] = {0, 0, 1, 1, 4, -2};
    memcpy(p.centers, centers, sizeof centers);
    cen_train_options options = plain_train_options();
    options.lambda = lambda;
    options.lr = lr;
    options.centers = mode;
    options.alpha = 0.5;
    options.batch_size = 3;
    p.trainer = trainer_create(p.model, &options);
    return p;
}

static void close_plane(plane *p)
{
    cen_trainer_free(p->trainer);
    cen_model_free(p->model);
}

static cen_losses step_plane(plane *p, const float *x, const int32_t *labels, size_t n)
{
    cen_losses losses;
    cen_error error;
    assert_ok(cen_trainer_backward(p->trainer, x, labels, n, &losses, &error), &error);
    cen_trainer_update(p->trainer);
    return losses;
}

static void assert_centers(const plane *p, const double *want)
{
    double *got = doubles(p->centers, 6);
    assert_close("centers", got, want, 6, 1, (closeness){1e-7, 2e-7, 1e-6});
    free(got);
}

/* c_j -= alpha * sum_{y_i = j} (c_j - f_i) / (1 + n_j), alpha 1/2.
 *
 * Centers (0, 0), (1, 1), (4, -2). First batch: f = (3, 0) and (0, 6) of class 0, (2, 2) of
 * class 2. class 0: (0 - 3 + 0 - 0, 0 - 0 + 0 - 6) / 3 = (-1, -2), so (0, 0) - (-1, -2) / 2 = (1/2,
 * 1) class 1: absent, stays (1, 1) class 2: (4 - 2, -2 - 2) / 2 = (1, -2), so (4, -2) - (1, -2) / 2
 * = (7/2, -1) center loss, before the step: (3^2 + (2^2 + 4^2) + 6^2) / 3 = 65/3 Second batch: f =
 * (1, 3) and (3, 1) of class 1, (1/2, 1) of class 0. class 0: stands on its feature, stays (1/2, 1)
 *   class 1: (1 - 1 + 1 - 3, 1 - 3 + 1 - 1) / 3 = (-2/3, -2/3), so (1, 1) + (1/3, 1/3) = (4/3, 4/3)
 *   class 2: absent, stays (7/2, -1)
 *   center loss: ((0 + 2^2) + (2^2 + 0) + 0) / 3 = 8/3 */
static void mean_moves_centers_as_worked_by_hand(void **state)
{
    (void)state;
    const float first[6] = {3, 0, 2, 2, 0, 6}, second[6] = {1, 3, 3, 1, 0.5f, 1};
    const int32_t first_labels[3] = {0, 2, 0}, second_labels[3] = {1, 1, 0};
    plane p = open_plane(CEN_CENTERS_MEAN, 0.2, 0);
    assert_number("center", step_plane(&p, first, first_labels, 3).center, 65.0 / 3, 1e-7);
    assert_centers(&p, (const double[6]){0.5, 1, 1, 1, 3.5, -1});
    assert_number("center", step_plane(&p, second, second_labels, 3).center, 8.0 / 3, 1e-7);
    assert_centers(&p, (const double[6]){0.5, 1, 4.0 / 3, 4.0 / 3, 3.5, -1});
    close_plane(&p);
}

static void mean_does_not_depend_on_lambda(void **state)
{
    (void)state;
    const float x[6] = {3, 0, 2, 2, 0, 6};
    const int32_t labels[3] = {0, 2, 0};
    plane without = open_plane(CEN_CENTERS_MEAN, 0, 0), with = open_plane(CEN_CENTERS_MEAN, 7, 0);
    step_plane(&without, x, labels, 3);
    step_plane(&with, x, labels, 3);
    assert_memory_equal(without.centers, with.centers, 6 * sizeof(float));
    close_plane(&without);
    close_plane(&with);
}

/* Adam's first step is lr * the gradient's sign, whatever its size: class 0 towards (3, 0) and
 * (0, 6), class 2 from (4, -2) towards (2, 2). */
static void adam_moves_centers_towards_their_features(void **state)
{
    (void)state;
    const float x[6] = {3, 0, 2, 2, 0, 6};
    const int32_t labels[3] = {0, 2, 0};
    const cen_center_mode modes[2] = {CEN_CENTERS_ADAM, CEN_CENTERS_ADAM_DENSE};
    for (int i = 0; i < 2; i++) {
        plane p = open_plane(modes[i], 0.2, 0.125);
        step_plane(&p, x, labels, 3);
        assert_centers(&p, (const double[6]){0.125, 0.125, 1, 1, 3.875, -1.875});
        close_plane(&p);
    }
}

/* Class 2 is in the first batch alone. */
static void absent_rows_rest_in_adam_and_drift_in_adam_dense(void **state)
{
    (void)state;
    const float x[6] = {3, 0, 2, 2, 0, 6};
    const int32_t first[3] = {0, 2, 0}, second[3] = {0, 0, 1};
    plane rests = open_plane(CEN_CENTERS_ADAM, 0.2, 0.01);
    plane drifts = open_plane(CEN_CENTERS_ADAM_DENSE, 0.2, 0.01);
    step_plane(&rests, x, first, 3);
    step_plane(&drifts, x, first, 3);
    assert_memory_equal(rests.centers + 4, drifts.centers + 4, 2 * sizeof(float));
    float row[2];
    memcpy(row, rests.centers + 4, sizeof row);
    for (int i = 0; i < 3; i++) {
        step_plane(&rests, x, second, 3);
        step_plane(&drifts, x, second, 3);
    }
    assert_memory_equal(rests.centers + 4, row, sizeof row);
    assert_true(drifts.centers[4] < row[0] - 0.01f && drifts.centers[5] > row[1] + 0.01f);
    close_plane(&rests);
    close_plane(&drifts);
}

/* What a caller writes between backward and update is what is stepped on. */
static void the_update_follows_a_gradient_that_the_caller_changed(void **state)
{
    (void)state;
    const float x[2] = {3, 0};
    const int32_t label = 0;
    const cen_center_mode modes[2] = {CEN_CENTERS_ADAM, CEN_CENTERS_ADAM_DENSE};
    for (int i = 0; i < 2; i++) {
        plane p = open_plane(modes[i], 0.2, 0.125);
        cen_losses losses;
        cen_error error;
        assert_ok(cen_trainer_backward(p.trainer, x, &label, 1, &losses, &error), &error);
        size_t n;
        float *gradient = cen_trainer_gradient(p.trainer, &n);
        const float *parameters = cen_model_parameters(p.model, &n);
        for (size_t k = 0; k < n; k++) gradient[k] = 0;
        gradient[p.centers - parameters] = 2;
        float *before = golden_memory(n, sizeof *before);
        memcpy(before, parameters, n * sizeof *before);
        cen_trainer_update(p.trainer);
        assert_centers(&p, (const double[6]){-0.125, 0, 1, 1, 4, -2});
        assert_memory_equal(parameters, before, (size_t)(p.centers - parameters) * sizeof(float));
        free(before);
        close_plane(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam_steps_as_SparseAdam_of_torch),
        cmocka_unit_test(adam_dense_steps_as_Adam_of_torch_on_an_embedding),
        cmocka_unit_test(mean_steps_as_the_formula_does_in_torch),
        cmocka_unit_test(mean_moves_centers_as_worked_by_hand),
        cmocka_unit_test(mean_does_not_depend_on_lambda),
        cmocka_unit_test(adam_moves_centers_towards_their_features),
        cmocka_unit_test(absent_rows_rest_in_adam_and_drift_in_adam_dense),
        cmocka_unit_test(the_update_follows_a_gradient_that_the_caller_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
