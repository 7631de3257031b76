/* The whitening at the end of a training, against scikit-learn and SciPy (tests/golden/whiten.py), and when it is left
 * out. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "golden/whiten.h"
#include "support/models.h"

static const char dense[] = "flatten, dense 5";

/* Rows that are all trained. */
static cen_dataset *rows_create(void)
{
    static const cen_split splits[N] = {CEN_SPLIT_TRAIN};
    cen_arrays arrays = cen_arrays_init();
    cen_dataset *dataset = NULL;
    cen_error error;
    arrays.n = N;
    arrays.channels = arrays.height = 1;
    arrays.width = N_IN;
    arrays.values = whiten_x;
    arrays.labels = whiten_labels;
    arrays.n_classes = N_CLASSES;
    arrays.splits = splits;
    assert_ok(cen_arrays_create(NULL, &dataset, &arrays, &error), &error);
    return dataset;
}

static cen_model *model_of(int n_threads, const char *net)
{
    cen_model *model = model_create_in(threads(n_threads), net, 1, 1, N_IN, N_CLASSES);
    memcpy(model_tensor(model, "body.1.weight").data, whiten_weight, sizeof whiten_weight);
    memcpy(model_tensor(model, "body.1.bias").data, whiten_bias, sizeof whiten_bias);
    return model;
}

/* Trains the model; with a rate of 0 only the centers move. */
static void fit_frozen(cen_model *model, cen_loss loss, double lr, bool whiten, size_t stop_after,
                       size_t n_frozen)
{
    cen_train_options train = plain_train_options();
    cen_fit_options options = plain_fit_options();
    cen_error error;
    train.loss = loss;
    train.lr = lr;
    train.centers = CEN_CENTERS_MEAN;
    train.batch_size = 8;
    train.n_frozen = n_frozen;
    options.n_epochs = 2;
    options.whiten = whiten;
    options.stop_after = stop_after;
    cen_dataset *dataset = rows_create();
    cen_trainer *trainer = trainer_create(model, &train);
    assert_ok(cen_fit(trainer, dataset, &options, &error), &error);
    cen_trainer_free(trainer);
    cen_arrays_free(dataset);
}

static void fit(cen_model *model, cen_loss loss, double lr, bool whiten)
{
    fit_frozen(model, loss, lr, whiten, 0, 0);
}

static void assert_product(const char *what, const float *got, const float *of, size_t n)
{
    for (size_t i = 0; i < n * D; i++) {
        double want = 0;
        for (size_t c = 0; c < D; c++)
            want += whiten_matrix[i % D * D + c] * (double)of[i / D * D + c];
        if (fabs((double)got[i] - want) > 1e-4) {
            fail_msg("%s, number %zu: %g, not %g", what, i, (double)got[i], want);
        }
    }
}

static void features_and_centers_are_whitened_as_scikit_learn_does(void **state)
{
    (void)state;
    float before[N * D], after[N * D];
    cen_error error;
    for (int n_threads = 1; n_threads <= 3; n_threads += 2) {
        cen_model *plain = model_of(n_threads, dense), *model = model_of(n_threads, dense);
        fit(plain, CEN_LOSS_CENTER, 0, false);
        fit(model, CEN_LOSS_CENTER, 0, true);
        assert_ok(model_features(plain, whiten_x, N, before, &error), &error);
        assert_ok(model_features(model, whiten_x, N, after, &error), &error);
        assert_product("features", after, before, N);
        assert_product("centers", model_tensor(model, "centers.weight").data,
                       model_tensor(plain, "centers.weight").data, N_CLASSES);
        cen_model_free(plain);
        cen_model_free(model);
    }
}

static void logits_of(const cen_model *model, float *logits)
{
    float features[N * D];
    cen_error error;
    assert_ok(model_features(model, whiten_x, N, features, &error), &error);
    assert_ok(cen_model_classes(model, features, N, logits, NULL, &error), &error);
}

static void logits_stay(void **state)
{
    (void)state;
    float before[N * N_CLASSES], after[N * N_CLASSES];
    cen_model *plain = model_of(1, dense), *model = model_of(1, dense);
    fit(plain, CEN_LOSS_CENTER, 0.01, false);
    fit(model, CEN_LOSS_CENTER, 0.01, true);
    logits_of(plain, before);
    logits_of(model, after);
    for (size_t i = 0; i < N * N_CLASSES; i++) {
        assert_true(fabs((double)(after[i] - before[i])) < 1e-3);
    }
    cen_model_free(plain);
    cen_model_free(model);
}

static bool changes(const char *net, cen_loss loss, size_t stop_after, size_t n_frozen)
{
    cen_model *plain = model_of(1, net), *model = model_of(1, net);
    fit_frozen(plain, loss, 0.01, false, stop_after, n_frozen);
    fit_frozen(model, loss, 0.01, true, stop_after, n_frozen);
    size_t n;
    const float *all = cen_model_parameters(model, &n);
    const bool differs = memcmp(all, cen_model_parameters(plain, &n), n * sizeof *all) != 0;
    cen_model_free(plain);
    cen_model_free(model);
    return differs;
}

static void only_a_whole_training_of_a_last_dense_layer_is_whitened(void **state)
{
    (void)state;
    assert_true(changes(dense, CEN_LOSS_CENTER, 0, 0));
    assert_false(changes(dense, CEN_LOSS_CENTER, 3, 0)); /* it goes on from its checkpoint */
    assert_false(changes(dense, CEN_LOSS_CENTER, 0, 1)); /* the layer is frozen */
    assert_false(changes("flatten, dense 5, batchnorm", CEN_LOSS_CENTER, 0, 0));
    assert_false(changes(dense, CEN_LOSS_COSFACE, 0, 0));
    assert_false(changes(dense, CEN_LOSS_TRIPLET_HARD, 0, 0));
}

typedef struct spoiling {
    size_t n_steps, best; /* steps of the first epoch, and the best one */
} spoiling;

/* A rate that spoils what the first epoch learned. */
static double spoil(void *user, size_t step, size_t n_steps)
{
    (void)n_steps;
    return step < ((const spoiling *)user)->n_steps ? 0.01 : 10;
}

static int keep_best(void *user, const cen_epoch_report *report)
{
    if (report->is_best) ((spoiling *)user)->best = report->epoch;
    return 0;
}

/* Every third row is validated. */
static void fit_spoiled(cen_model *model, size_t n_epochs)
{
    enum { BATCH = 8, N_TRAINED = N - (N + 2) / 3 };
    cen_train_options train = plain_train_options();
    cen_fit_options options = plain_fit_options();
    spoiling s = {(N_TRAINED + BATCH - 1) / BATCH, 0};
    cen_split splits[N];
    cen_error error;
    cen_dataset *rows = rows_create(), validated = *rows;
    for (size_t i = 0; i < N; i++) splits[i] = i % 3 == 0 ? CEN_SPLIT_VALIDATION : CEN_SPLIT_TRAIN;
    validated.splits = splits;
    train.batch_size = BATCH;
    options.n_epochs = n_epochs;
    options.whiten = true;
    options.rate = spoil;
    options.on_epoch = keep_best;
    options.user = &s;
    cen_trainer *trainer = trainer_create(model, &train);
    assert_ok(cen_fit(trainer, &validated, &options, &error), &error);
    assert_int_equal(s.best, 1);
    cen_trainer_free(trainer);
    cen_arrays_free(rows);
}

/* Also if its features are not those that were measured last. */
static void the_best_epoch_is_whitened(void **state)
{
    (void)state;
    size_t n;
    cen_model *one = model_of(1, dense), *three = model_of(1, dense);
    fit_spoiled(one, 1);
    fit_spoiled(three, 3);
    const float *all = cen_model_parameters(three, &n);
    assert_memory_equal(all, cen_model_parameters(one, &n), n * sizeof *all);
    cen_model_free(one);
    cen_model_free(three);
}

/* Features that are the same within a class leave nothing to whiten. */
static void points_are_left_alone(void **state)
{
    (void)state;
    cen_model *plain = model_of(1, dense), *model = model_of(1, dense);
    memset(model_tensor(plain, "body.1.weight").data, 0, sizeof whiten_weight);
    memset(model_tensor(model, "body.1.weight").data, 0, sizeof whiten_weight);
    fit(plain, CEN_LOSS_CENTER, 0, false);
    fit(model, CEN_LOSS_CENTER, 0, true);
    size_t n;
    const float *all = cen_model_parameters(model, &n);
    assert_memory_equal(all, cen_model_parameters(plain, &n), n * sizeof *all);
    cen_model_free(plain);
    cen_model_free(model);
}

static void the_recipe_whitens_twenty_classes_and_more(void **state)
{
    (void)state;
    enum { MOST = 20 };
    float pixels[MOST] = {0};
    int32_t of[MOST];
    for (int32_t i = 0; i < MOST; i++) of[i] = i;
    for (size_t n = MOST - 1; n <= MOST; n++) {
        cen_arrays arrays = cen_arrays_init();
        cen_model_options model = cen_model_options_init();
        cen_train_options train = cen_train_options_init();
        cen_fit_options fit_options = cen_fit_options_init();
        cen_augment augment = cen_augment_init();
        cen_dataset *dataset;
        cen_error error;
        arrays.values = pixels;
        arrays.labels = of;
        arrays.n = arrays.n_classes = n;
        arrays.channels = arrays.height = arrays.width = 1;
        assert_ok(cen_arrays_create(NULL, &dataset, &arrays, &error), &error);
        assert_ok(cen_recipe_choose(NULL, dataset, &model, &train, &fit_options, &augment, &error),
                  &error);
        assert_int_equal(fit_options.whiten, n == MOST);
        cen_arrays_free(dataset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_and_centers_are_whitened_as_scikit_learn_does),
        cmocka_unit_test(logits_stay),
        cmocka_unit_test(only_a_whole_training_of_a_last_dense_layer_is_whitened),
        cmocka_unit_test(the_best_epoch_is_whitened),
        cmocka_unit_test(points_are_left_alone),
        cmocka_unit_test(the_recipe_whitens_twenty_classes_and_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
