/* One forward and backward against the golden values of a case. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_GOLDEN_CASE_H
#define TESTS_SUPPORT_GOLDEN_CASE_H

#include <centerloss_eval.h>

#include "support/compare.h"
#include "support/golden.h"
#include "support/models.h"

/* What an error in this tensor's gradient is measured against: its largest entry, or where all of
 * it is small against the other tensors' gradients, 1/10000 of theirs. */
static inline double gradient_scale(const golden *all, const golden_array *array)
{
    const size_t length = (size_t)(strstr(array->name, "/gradient/") - array->name) + 10;
    double of_all = 0;
    for (size_t i = 0; i < all->n_arrays; i++) {
        const golden_array *other = &all->arrays[i];
        if (strncmp(other->name, array->name, length) != 0) continue;
        of_all = fmax(of_all, largest(other->values, other->count));
    }
    return fmax(largest(array->values, array->count), 1e-4 * of_all);
}

static inline void check_losses(const char *of, const cen_losses *got, const golden_array *want)
{
    char what[128];
    const double numbers[4] = {got->total, got->first, got->center, got->accuracy};
    const char *names[4] = {"total", "softmax", "center", "accuracy"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(what, sizeof what, "%s: %s", of, names[i]);
        assert_number(what, numbers[i], want->values[i], 2e-6);
    }
}

static inline void check_features(const char *of, const float *got, const golden_array *want)
{
    double *wide = doubles(got, want->count);
    assert_close(of, wide, want->values, want->count, largest(want->values, want->count), FLOAT32);
    free(wide);
}

static inline void check_gradient(const golden *all, const char *of, cen_model *model,
                                  const float *gradient)
{
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        char full[128], what[256];
        if (strstr(name, "running_")) continue; /* has none */
        snprintf(full, sizeof full, "gradient/%s", name);
        snprintf(what, sizeof what, "%s: gradient of %s", of, name);
        const golden_array *want = golden_get(all, of, full);
        double *got = part_of(model, &view, gradient);
        assert_close(what, got, want->values, want->count, gradient_scale(all, want), FLOAT32);
        free(got);
    }
}

/* Features, losses and gradient; with a plan larger than the batch, and again after another batch,
 * so that nothing may be left over from it. */
static inline void check_golden_case(const golden *all, const char *of)
{
    cen_model *model = model_of_golden(threads(2), all, of, "x");
    const golden_array *images = golden_get(all, of, "x"), *want = golden_get(all, of, "features");
    const size_t n = images->shape[0], input_size = images->count / n;
    float *x = golden_floats(images), *features = golden_memory(want->count, sizeof *features);
    int32_t *labels = golden_labels(golden_get(all, of, "labels"));
    cen_train_options options = cen_train_options_init();
    options.lambda = golden_get(all, of, "lambda")->values[0];
    options.batch_size = n + 2;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_error error;
    cen_losses losses;
    size_t n_gradient, n_parameters;
    for (int round = 0; round < 2; round++) {
        assert_ok(cen_trainer_backward(trainer, x, labels, n, &losses, &error), &error);
        check_losses(of, &losses, golden_get(all, of, "losses"));
        const float *gradient = cen_trainer_gradient(trainer, &n_gradient);
        cen_model_parameters(model, &n_parameters);
        assert_int_equal(n_gradient, n_parameters);
        check_gradient(all, of, model, gradient);
        int32_t other = labels[0] == 0 ? 1 : 0;
        assert_ok(
            cen_trainer_backward(trainer, x + (n - 1) * input_size, &other, 1, &losses, &error),
            &error);
    }
    assert_ok(cen_trainer_evaluate(trainer, x, labels, n, &losses, features, &error), &error);
    check_losses(of, &losses, golden_get(all, of, "losses"));
    check_features(of, features, want);
    memset(features, 0, want->count * sizeof *features);
    assert_ok(model_features(model, x, n, features, &error), &error);
    check_features(of, features, want);
    cen_trainer_free(trainer);
    cen_model_free(model);
    free(x);
    free(features);
    free(labels);
}

static inline void check_states(const golden *norms, const char *of, cen_model *model)
{
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        char full[128], what[256];
        if (!strstr(name, "running_")) continue;
        snprintf(full, sizeof full, "states/%s", name);
        snprintf(what, sizeof what, "%s: %s", of, name);
        const golden_array *want = golden_get(norms, of, full);
        double *got = doubles(view.data, want->count);
        assert_close(what, got, want->values, want->count, largest(want->values, want->count),
                     FLOAT32);
        free(got);
    }
}

/* Losses and gradients of three batches, the statistics behind them, and features with these. */
static inline void check_norm_case(const golden *norms, const char *of)
{
    enum { N_BATCHES = 3 };
    cen_model *model = model_of_golden(threads(2), norms, of, "x");
    const golden_array *images = golden_get(norms, of, "x"),
                       *want = golden_get(norms, of, "features");
    const size_t n = images->shape[0] / N_BATCHES, size = images->count / images->shape[0];
    float *x = golden_floats(images), *features = golden_memory(want->count, sizeof *features);
    int32_t *labels = golden_labels(golden_get(norms, of, "labels"));
    cen_train_options options = cen_train_options_init();
    options.lambda = golden_get(norms, of, "lambda")->values[0];
    options.batch_size = n + 2;
    cen_trainer *trainer = trainer_create(model, &options);
    cen_error error;
    cen_losses losses;
    size_t n_gradient;
    for (size_t k = 0; k < N_BATCHES; k++) {
        char batch[96];
        snprintf(batch, sizeof batch, "%.60s/%zu", of, k);
        assert_ok(
            cen_trainer_backward(trainer, x + k * n * size, labels + k * n, n, &losses, &error),
            &error);
        check_losses(batch, &losses, golden_get(norms, batch, "losses"));
        check_gradient(norms, batch, model, cen_trainer_gradient(trainer, &n_gradient));
    }
    check_states(norms, of, model);
    assert_ok(model_features(model, x, images->shape[0], features, &error), &error);
    check_features(of, features, want);
    check_states(norms, of, model);
    cen_trainer_free(trainer);
    cen_model_free(model);
    free(x);
    free(features);
    free(labels);
}

/* Runs `check` on all cases whose name begins so; n says how many there are. */
static inline void check_all(const golden *all, const char *prefix, size_t n,
                             void (*check)(const golden *all, const char *of))
{
    size_t n_checked = 0;
    for (size_t i = 0; i < all->n_arrays; i++) {
        const char *name = all->arrays[i].name, *end = strstr(name, "/net");
        char of[96];
        if (!end || strncmp(name, prefix, strlen(prefix)) != 0) continue;
        snprintf(of, sizeof of, "%.*s", (int)(end - name), name);
        check(all, of);
        n_checked++;
    }
    assert_int_equal(n_checked, n);
}

static inline void check_golden_cases(const golden *all, const char *prefix, size_t n)
{
    check_all(all, prefix, n, check_golden_case);
}

static inline void check_norm_cases(const golden *norms, const char *prefix, size_t n)
{
    check_all(norms, prefix, n, check_norm_case);
}

#endif
