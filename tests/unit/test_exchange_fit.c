/* cen_fit in several processes comes to the bytes of one that works on all shards. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "support/bytes.h"
#include "support/models.h"
#include "support/ranks.h"

/* Epochs of 58 training rows: batches of 16, 16, 16 and 10. */
enum {
    N_SHARDS = 4,
    BATCH = 16,
    SIDE = 6,
    IMAGE = SIDE * SIDE,
    N_CLASSES = 4,
    N_ROWS = 72,
    N_EPOCHS = 4,
    STOP = 6
};

static const char net[] =
    "conv 4 3x3 pad 1, batchnorm, relu, maxpool 2, dropout 0.25, flatten, dense 6";

static cen_status read_rows(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    const size_t *broken = user;
    (void)error;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < IMAGE; j++) {
            size_t value = rows[i] * 31 + j * (rows[i] % N_CLASSES + 2);
            x[i * IMAGE + j] = (float)(value % 23) / 23;
        }
        if (rows[i] == *broken) x[i * IMAGE] = NAN;
    }
    return CEN_OK;
}

typedef struct fitting {
    const char *name;  /* of the files, with the rank at their end */
    size_t stop_after; /* 0: to the end */
    bool resume;
    size_t broken; /* a row with a NaN; N_ROWS: none */
} fitting;

static void path_of(char path[64], const char *name, size_t rank, const char *what)
{
    snprintf(path, 64, "%s.%zu.%s", name, rank, what);
}

/* Leaves the model and the checkpoint in files. 10: refused as not finite, and names the broken row. */
static int fit(const cen_exchange *exchange, const void *how)
{
    const fitting *f = how;
    int32_t labels[N_ROWS];
    cen_split splits[N_ROWS];
    size_t rank = exchange != NULL ? exchange->rank : 0, broken = f->broken;
    for (size_t i = 0; i < N_ROWS; i++) {
        labels[i] = (int32_t)(i % N_CLASSES);
        splits[i] = i % 5 == 4 ? CEN_SPLIT_VALIDATION : CEN_SPLIT_TRAIN;
    }
    cen_dataset dataset = cen_dataset_init();
    dataset.n = N_ROWS;
    dataset.n_classes = N_CLASSES;
    dataset.channels = 1;
    dataset.height = dataset.width = SIDE;
    dataset.labels = labels;
    dataset.splits = splits;
    dataset.digest = 7;
    dataset.user = &broken;
    dataset.read = read_rows;

    cen_model *model = model_create_in(NULL, net, 1, SIDE, SIDE, N_CLASSES);
    cen_train_options train = cen_train_options_init();
    train.batch_size = BATCH;
    train.n_shards = N_SHARDS;
    train.exchange = exchange;
    train.lambda_ratio = 0.4;
    train.seed = 9;
    cen_trainer *trainer = NULL;
    cen_error error;
    if (cen_trainer_create(&trainer, model, &train, &error) != CEN_OK) return 2;

    char path[64], saved[64], names[24];
    path_of(path, f->name, rank, "checkpoint");
    path_of(saved, f->name, rank, "model");
    cen_augment augment = cen_augment_light();
    cen_fit_options options = cen_fit_options_init();
    options.n_epochs = N_EPOCHS;
    options.stop_after = f->stop_after;
    options.augment = &augment;
    options.checkpoint = path;
    options.resume = f->resume;
    cen_status status = cen_fit(trainer, &dataset, &options, &error);
    snprintf(names, sizeof names, "row %zu", f->broken);
    int code = 0;
    if (status == CEN_ERROR_NOT_FINITE && strstr(error.message, names) != NULL) {
        code = 10;
    } else if (status != CEN_OK) {
        fprintf(stderr, "rank %zu: %s\n", rank, error.message);
        code = 3;
    } else if (cen_model_save(model, saved, NULL) != CEN_OK) {
        code = 4;
    }
    cen_trainer_free(trainer);
    cen_model_free(model);
    return code;
}

/* Both files of all ranks are those of one process. */
static void assert_same_as_one(const char *one, const char *more, size_t n_ranks)
{
    static const char *const files[] = {"model", "checkpoint"};
    char of_one[64], of_more[64];
    for (size_t rank = 0; rank < n_ranks; rank++) {
        for (size_t i = 0; i < 2; i++) {
            path_of(of_one, one, 0, files[i]);
            path_of(of_more, more, rank, files[i]);
            assert_same_files(of_one, of_more);
        }
    }
}

static void two_and_four_processes_fit_to_the_bytes_of_one(void **state)
{
    (void)state;
    const fitting one = {.name = "fit_one", .broken = N_ROWS};
    const fitting more = {.name = "fit_more", .broken = N_ROWS};
    assert_int_equal(fit(NULL, &one), 0);
    for (size_t n_ranks = 2; n_ranks <= N_SHARDS; n_ranks *= 2) {
        assert_true(run_ranks(n_ranks, fit, &more));
        assert_same_as_one("fit_one", "fit_more", n_ranks);
    }
}

static void stopped_and_resumed_they_come_to_the_same(void **state)
{
    (void)state;
    const fitting whole = {.name = "fit_one", .broken = N_ROWS};
    const fitting one = {.name = "cut_one", .broken = N_ROWS, .stop_after = STOP};
    const fitting more = {.name = "cut_more", .broken = N_ROWS, .stop_after = STOP};
    const fitting on = {.name = "cut_more", .broken = N_ROWS, .resume = true};
    assert_int_equal(fit(NULL, &whole), 0);
    assert_int_equal(fit(NULL, &one), 0);
    for (size_t n_ranks = 2; n_ranks <= N_SHARDS; n_ranks *= 2) {
        assert_true(run_ranks(n_ranks, fit, &more));
        assert_same_as_one("cut_one", "cut_more", n_ranks);
        assert_true(run_ranks(n_ranks, fit, &on));
        assert_same_as_one("fit_one", "cut_more", n_ranks);
    }
}

static int is_refused(const cen_exchange *exchange, const void *how)
{
    return fit(exchange, how) != 10;
}

static void all_processes_end_at_a_row_that_is_not_finite(void **state)
{
    (void)state;
    const fitting f = {.name = "broken", .broken = 21};
    assert_int_equal(fit(NULL, &f), 10);
    assert_true(run_ranks(2, is_refused, &f));
    assert_true(run_ranks(4, is_refused, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_and_four_processes_fit_to_the_bytes_of_one),
        cmocka_unit_test(stopped_and_resumed_they_come_to_the_same),
        cmocka_unit_test(all_processes_end_at_a_row_that_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
