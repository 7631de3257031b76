/* Held-out rows choose the best epoch of cen_fit by how well their features tell classes apart. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/context.h"
#include "support/limited_memory.h"
#include "support/models.h"

enum { SIDE = 6, SIZE = SIDE * SIDE, SEEN = 4, UNSEEN = 5, EACH = 8, EPOCHS = 6, D = 4 };
enum { N = (SEEN + UNSEEN) * EACH };

static float pictures[N][SIZE];
static int32_t labels[N];
static cen_split splits[N];

/* Noise around a pattern of the class. Classes from SEEN on are held out; a quarter of the others validates. */
static void make_rows(size_t n_unseen, bool is_validated)
{
    srand(5);
    for (size_t i = 0; i < N; i++) {
        size_t class = i / EACH;
        for (size_t j = 0; j < SIZE; j++) {
            double noise = (double)rand() / RAND_MAX;
            pictures[i][j] = (float)(((class * 37 + j * (class + 3)) % 11 < 4) + 2 * noise);
        }
        labels[i] = (int32_t) class;
        splits[i] = class >= SEEN                  ? CEN_SPLIT_HELD_OUT
                    : is_validated && i % EACH < 2 ? CEN_SPLIT_VALIDATION
                                                   : CEN_SPLIT_TRAIN;
        if (class >= SEEN + n_unseen) labels[i] = -1;
    }
}

static cen_status read_rows(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    (void)user;
    (void)error;
    for (size_t i = 0; i < n; i++) memcpy(x + i * SIZE, pictures[rows[i]], sizeof pictures[0]);
    return CEN_OK;
}

static cen_dataset own_dataset(void)
{
    cen_dataset dataset = cen_dataset_init();
    dataset.n = N;
    dataset.n_classes = SEEN;
    dataset.channels = 1;
    dataset.height = dataset.width = SIDE;
    dataset.labels = labels;
    dataset.splits = splits;
    dataset.read = read_rows;
    return dataset;
}

typedef struct {
    cen_model *model;
    double auc[EPOCHS], knn[EPOCHS], expected[EPOCHS];
    bool is_best[EPOCHS];
    size_t n;
} log_of;

/* Pair by pair: how often a pair of one class is nearer than one of two. */
static double naive_auc(const cen_model *model)
{
    static float f[UNSEEN * EACH][D];
    static double genuine[N * N], impostor[N * N];
    size_t n_genuine = 0, n_impostor = 0, first = SEEN * EACH;
    double better = 0;
    cen_error error;
    assert_ok(model_features(model, pictures[first], UNSEEN * EACH, f[0], &error), &error);
    for (size_t i = 0; i < UNSEEN * EACH; i++) {
        for (size_t j = 0; j < i; j++) {
            double dot = 0, a = 0, b = 0;
            for (size_t k = 0; k < D; k++) {
                dot += (double)f[i][k] * (double)f[j][k];
                a += (double)f[i][k] * (double)f[i][k];
                b += (double)f[j][k] * (double)f[j][k];
            }
            double distance = 1 - dot / sqrt(a * b);
            if (labels[first + i] < 0 || labels[first + j] < 0) continue;
            if (labels[first + i] == labels[first + j]) genuine[n_genuine++] = distance;
            if (labels[first + i] != labels[first + j]) impostor[n_impostor++] = distance;
        }
    }
    for (size_t i = 0; i < n_genuine; i++) {
        for (size_t j = 0; j < n_impostor; j++) {
            double apart = impostor[j] - genuine[i];
            better += fabs(apart) < 1e-6 ? 0.5 : apart > 0; /* rectifiers make equal features */
        }
    }
    return better / (double)(n_genuine * n_impostor);
}

static int see(void *user, const cen_epoch_report *report)
{
    log_of *log = user;
    log->auc[log->n] = report->unseen_auc;
    log->knn[log->n] = report->knn_accuracy;
    log->is_best[log->n] = report->is_best;
    if (!isnan(report->unseen_auc)) log->expected[log->n] = naive_auc(log->model);
    log->n++;
    return 0;
}

/* Trains; a rate that does not fall makes epochs that differ. The model is the caller's. */
static cen_status train(log_of *log, const char *checkpoint, size_t stop_after, bool resume,
                        cen_error *error)
{
    cen_dataset dataset = own_dataset();
    cen_train_options train = plain_train_options();
    cen_fit_options fit = cen_fit_options_init();
    cen_model_options options = cen_model_options_init();
    cen_trainer *trainer = NULL;
    *log = (log_of){.model = NULL};
    options.net = "flatten, dense 24, relu, dense 4";
    options.input.height = options.input.width = SIDE;
    options.n_classes = SEEN;
    train.lr = 0.03;
    train.batch_size = 8;
    fit.n_epochs = EPOCHS;
    fit.cosine = false;
    fit.checkpoint = checkpoint;
    fit.stop_after = stop_after;
    fit.resume = resume;
    fit.on_epoch = see;
    fit.user = log;
    cen_status status = cen_model_create(threads(1), &log->model, &options, error);
    if (status == CEN_OK) status = cen_trainer_create(&trainer, log->model, &train, error);
    if (status == CEN_OK) status = cen_fit(trainer, &dataset, &fit, error);
    cen_trainer_free(trainer);
    return status;
}

static size_t best_of(const log_of *log)
{
    size_t best = 0;
    for (size_t i = 1; i < log->n; i++) {
        if (log->auc[i] > log->auc[best]) best = i;
    }
    return best;
}

static void held_out_rows_choose_the_best_epoch(void **state)
{
    (void)state;
    for (int is_validated = 0; is_validated < 2; is_validated++) {
        log_of log;
        cen_error error;
        make_rows(UNSEEN, is_validated);
        assert_ok(train(&log, NULL, 0, false, &error), &error);
        assert_int_equal(log.n, EPOCHS);
        double best = -1;
        for (size_t i = 0; i < EPOCHS; i++) {
            assert_true(fabs(log.auc[i] - log.expected[i]) < 1e-3);
            assert_int_equal(isnan(log.knn[i]), !is_validated);
            assert_int_equal(log.is_best[i], log.auc[i] > best);
            if (log.is_best[i]) best = log.auc[i];
        }
        assert_true(best_of(&log) < EPOCHS - 1); /* else the last epoch would do */
        assert_true(fabs(naive_auc(log.model) - log.expected[best_of(&log)]) < 1e-12);
        cen_model_free(log.model);
    }
}

static void a_resumed_training_ends_with_the_same_best_epoch(void **state)
{
    (void)state;
    log_of whole, part, rest;
    cen_error error;
    make_rows(UNSEEN, true);
    assert_ok(train(&whole, NULL, 0, false, &error), &error);
    assert_ok(train(&part, "unseen.checkpoint", 9, false, &error), &error);
    cen_model_free(part.model);
    assert_ok(train(&rest, "unseen.checkpoint", 0, true, &error), &error);
    assert_true(naive_auc(whole.model) == naive_auc(rest.model));
    cen_model_free(whole.model);
    cen_model_free(rest.model);
    (void)remove("unseen.checkpoint");
    (void)remove("unseen.checkpoint.previous");
}

/* One class has no pair of two classes; then validation rows choose, as without held-out rows. */
static void without_pairs_validation_chooses(void **state)
{
    (void)state;
    for (size_t n_unseen = 0; n_unseen < 2; n_unseen++) {
        log_of log;
        cen_error error;
        double best = -1;
        make_rows(n_unseen, true);
        assert_ok(train(&log, NULL, 0, false, &error), &error);
        for (size_t i = 0; i < EPOCHS; i++) {
            assert_true(isnan(log.auc[i]));
            if (log.knn[i] > best) assert_true(log.is_best[i]);
            if (log.knn[i] > best) best = log.knn[i];
        }
        cen_model_free(log.model);
    }
}

static int trains(void *user)
{
    log_of log;
    cen_error error;
    (void)user;
    cen_dataset dataset = own_dataset();
    cen_train_options options = plain_train_options();
    cen_fit_options fit = cen_fit_options_init();
    cen_trainer *trainer = NULL;
    options.batch_size = 8;
    fit.n_epochs = 1;
    log.model = NULL;
    cen_model_options model = cen_model_options_init();
    model.net = "flatten, dense 4";
    model.input.height = model.input.width = SIDE;
    model.n_classes = SEEN;
    cen_status status = cen_model_create(threads(1), &log.model, &model, &error);
    if (status == CEN_OK) status = cen_trainer_create(&trainer, log.model, &options, &error);
    if (status == CEN_OK) status = cen_fit(trainer, &dataset, &fit, &error);
    cen_trainer_free(trainer);
    cen_model_free(log.model);
    assert_true(status == CEN_OK || status == CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    make_rows(UNSEEN, true);
    assert_true(fail_each_allocation(trains, NULL) > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(held_out_rows_choose_the_best_epoch),
        cmocka_unit_test(a_resumed_training_ends_with_the_same_best_epoch),
        cmocka_unit_test(without_pairs_validation_chooses),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
