/* What n_frozen promises. That it trains as PyTorch does is in test_training.c. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/compare.h"
#include "support/models.h"

enum { N = 14, N_SHARDS = 7, SIDE = 8, CLASSES = 3, STEPS = 5 };

/* The second conv layer is within the residual. */
static const char *const net =
    "conv 4 3x3 pad 1, batchnorm, relu, residual {conv 4 3x3 pad 1, batchnorm, relu, "
    "conv 4 3x3 pad 1, batchnorm}, relu, dropout 0.3, flatten, dense 5";

/* The modules of all layers that can be frozen, and how many of these the first n conv and dense layers are. */
static const char *const modules[] = {"body.0.",        "body.1.",        "body.3.main.0.",
                                      "body.3.main.1.", "body.3.main.3.", "body.3.main.4.",
                                      "body.7."};
static const size_t n_modules[] = {0, 2, 4, 6, 7};

static bool is_of_first(const char *name, size_t n)
{
    for (size_t i = 0; i < n_modules[n]; i++) {
        if (strncmp(name, modules[i], strlen(modules[i])) == 0) return true;
    }
    return false;
}

/* The bias of a convolution, which the batchnorm after it takes away. */
static bool is_lost(const char *name)
{
    return strcmp(name, "body.0.bias") == 0 || strcmp(name, "body.3.main.0.bias") == 0 ||
           strcmp(name, "body.3.main.3.bias") == 0;
}

static void draw(float *x, int32_t *labels)
{
    uint32_t bits = 1;
    for (size_t i = 0; i < N * SIDE * SIDE; i++) {
        bits = bits * 1664525 + 1013904223;
        x[i] = (float)(bits >> 16) / 32768 - 1;
    }
    for (size_t i = 0; i < N; i++) labels[i] = (int32_t)(i % CLASSES);
}

/* Running statistics that are not 0 and 1. */
static void start_statistics(cen_model *model)
{
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        for (size_t k = 0; strstr(name, "running") != NULL && k < view.shape[0]; k++) {
            view.data[k] = 0.1f + 0.3f * (float)k;
        }
    }
}

static cen_model *trained(const cen_train_options *options, int n_threads, size_t n_steps)
{
    float x[N * SIDE * SIDE];
    int32_t labels[N];
    cen_losses losses;
    cen_error error;
    cen_model *model = model_create_in(threads(n_threads), net, 1, SIDE, SIDE, CLASSES);
    cen_trainer *trainer = trainer_create(model, options);
    start_statistics(model);
    draw(x, labels);
    for (size_t step = 0; step < n_steps; step++) {
        assert_ok(cen_trainer_backward(trainer, x, labels, N, &losses, &error), &error);
        cen_trainer_update(trainer);
    }
    cen_trainer_free(trainer);
    return model;
}

static bool is_same(const cen_tensor *a, const cen_tensor *b)
{
    size_t count = 1;
    for (size_t i = 0; i < a->n_dims; i++) count *= a->shape[i];
    return memcmp(a->data, b->data, count * sizeof *a->data) == 0;
}

/* With seven shards, the mean of which would be rounded, and weight decay. */
static void the_first_layers_stay_to_the_bit_and_all_others_move(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof n_modules / sizeof *n_modules; n++) {
        cen_train_options options = plain_train_options();
        options.n_frozen = n;
        options.n_shards = N_SHARDS;
        options.optimizer = n % 2 == 0 ? CEN_OPTIMIZER_MUON : CEN_OPTIMIZER_ADAM;
        options.weight_decay = 0.1;
        cen_model *before = trained(&options, 1, 0), *after = trained(&options, 2, STEPS);
        const char *name;
        cen_tensor view;
        for (size_t i = 0; cen_model_tensor(after, i, &name, &view); i++) {
            const cen_tensor was = model_tensor(before, name);
            bool stays = is_of_first(name, n);
            if (stays != is_same(&view, &was) && (stays || !is_lost(name))) {
                fail_msg("%zu frozen: %s %s", n, name, stays ? "moves" : "stays");
            }
        }
        cen_model_free(before);
        cen_model_free(after);
    }
}

static void frozen_layers_have_no_gradient(void **state)
{
    (void)state;
    float x[N * SIDE * SIDE];
    int32_t labels[N];
    cen_losses losses;
    cen_error error;
    cen_train_options options = plain_train_options();
    options.n_frozen = 2;
    options.n_shards = N_SHARDS;
    cen_model *model = model_create(net, 1, SIDE, SIDE, CLASSES);
    cen_trainer *trainer = trainer_create(model, &options);
    draw(x, labels);
    assert_ok(cen_trainer_backward(trainer, x, labels, N, &losses, &error), &error);
    size_t n, n_parameters;
    const float *gradient = cen_trainer_gradient(trainer, &n);
    const float *first = cen_model_parameters(model, &n_parameters);
    const size_t end = (size_t)(model_tensor(model, "body.3.main.3.weight").data - first);
    for (size_t i = 0; i < end; i++) assert_true(gradient[i] == 0);
    assert_true(gradient[end] != 0);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    cen_train_options options = plain_train_options();
    options.n_frozen = 2;
    cen_model *one = trained(&options, 1, STEPS), *more = trained(&options, 3, STEPS);
    size_t n;
    const float *a = cen_model_parameters(one, &n);
    assert_memory_equal(a, cen_model_parameters(more, &n), n * sizeof *a);
    cen_model_free(one);
    cen_model_free(more);
}

static void more_layers_than_there_are_are_refused(void **state)
{
    (void)state;
    const size_t many[] = {5, SIZE_MAX};
    cen_model *model = model_create(net, 1, SIDE, SIDE, CLASSES);
    for (size_t i = 0; i < 2; i++) {
        cen_train_options options = plain_train_options();
        cen_trainer *trainer;
        cen_error error;
        options.n_frozen = many[i];
        assert_int_equal(cen_trainer_create(&trainer, model, &options, &error), CEN_ERROR_ARGUMENT);
        assert_null(trainer);
        assert_non_null(strstr(error.message, "the net has 4 of conv and dense; freeze fewer"));
    }
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_layers_stay_to_the_bit_and_all_others_move),
        cmocka_unit_test(frozen_layers_have_no_gradient),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(more_layers_than_there_are_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
