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

typedef struct rows_read {
    size_t broken, unreadable; /* a row with a NaN, one that is an error; N_ROWS: none */
    size_t n;                  /* read so far */
} rows_read;

static cen_status read_rows(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    rows_read *r = user;
    r->n += n;
    for (size_t i = 0; i < n; i++) {
        if (rows[i] == r->unreadable) {
            *error = (cen_error){CEN_ERROR_IO, "it is gone"};
            return CEN_ERROR_IO;
        }
        for (size_t j = 0; j < IMAGE; j++) {
            size_t value = rows[i] * 31 + j * (rows[i] % N_CLASSES + 2);
            x[i * IMAGE + j] = (float)(value % 23) / 23;
        }
        if (rows[i] == r->broken) x[i * IMAGE] = NAN;
    }
    return CEN_OK;
}

typedef struct fitting {
    const char *name;  /* of the files, with the rank at their end */
    size_t stop_after; /* 0: to the end */
    bool resume;
    size_t broken, unreadable;
    size_t stopper; /* the rank whose callback asks to stop at step STOP; SIZE_MAX: none */
} fitting;

/* A whole training. */
static fitting called(const char *name)
{
    return (fitting){.name = name, .broken = N_ROWS, .unreadable = N_ROWS, .stopper = SIZE_MAX};
}

static int stop_there(void *user, const cen_step_report *report)
{
    (void)user;
    return report->step == STOP;
}

static void on_unreadable(void *user, const char *name, const char *reason)
{
    (void)user;
    assert_string_equal(reason, "it is gone");
    assert_non_null(strstr(name, "row "));
}

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
    size_t rank = exchange != NULL ? exchange->rank : 0;
    rows_read rows = {f->broken, f->unreadable, 0};
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
    dataset.user = &rows;
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
    options.whiten = true;
    options.on_step = rank == f->stopper ? stop_there : NULL;
    options.on_unreadable = on_unreadable;
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
    path_of(saved, f->name, rank, "rows");
    FILE *count = fopen(saved, "w");
    if (count == NULL || fprintf(count, "%zu", rows.n) < 0 || fclose(count) != 0) code = 5;
    cen_trainer_free(trainer);
    cen_model_free(model);
    return code;
}

/* The models of all ranks and the checkpoint of rank 0 are those of one process. */
static void assert_same_as_one(const char *one, const char *more, size_t n_ranks)
{
    char of_one[64], of_more[64];
    path_of(of_one, one, 0, "checkpoint");
    path_of(of_more, more, 0, "checkpoint");
    assert_same_files(of_one, of_more);
    path_of(of_one, one, 0, "model");
    for (size_t rank = 0; rank < n_ranks; rank++) {
        path_of(of_more, more, rank, "model");
        assert_same_files(of_one, of_more);
    }
}

/* That rank 0 writes a checkpoint is seen by what stands after it. */
static void remove_checkpoints(const char *name, size_t n_ranks)
{
    char path[64];
    for (size_t rank = 0; rank < n_ranks; rank++) {
        path_of(path, name, rank, "checkpoint");
        (void)remove(path);
    }
}

static size_t rows_of(const char *name, size_t rank)
{
    char path[64];
    size_t n = 0;
    path_of(path, name, rank, "rows");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &n), 1);
    fclose(file);
    return n;
}

/* The cost of a rank is its share: all ranks together read the rows that one process reads. */
static void two_and_four_processes_fit_to_the_bytes_of_one_and_read_a_share_each(void **state)
{
    (void)state;
    const fitting one = called("fit_one"), more = called("fit_more");
    assert_int_equal(fit(NULL, &one), 0);
    for (size_t n_ranks = 2; n_ranks <= N_SHARDS; n_ranks *= 2) {
        size_t n = 0;
        remove_checkpoints("fit_more", n_ranks);
        assert_true(run_ranks(n_ranks, fit, &more));
        assert_same_as_one("fit_one", "fit_more", n_ranks);
        for (size_t rank = 0; rank < n_ranks; rank++) n += rows_of("fit_more", rank);
        assert_int_equal(n, rows_of("fit_one", 0));
    }
}

static void stopped_and_resumed_on_another_number_they_come_to_the_same(void **state)
{
    (void)state;
    fitting whole = called("fit_one"), one = called("cut_one"), more = called("cut_more");
    one.stop_after = more.stop_after = STOP;
    fitting on = called("cut_more");
    on.resume = true;
    assert_int_equal(fit(NULL, &whole), 0);
    assert_int_equal(fit(NULL, &one), 0);
    for (size_t n_ranks = 2; n_ranks <= N_SHARDS; n_ranks *= 2) {
        remove_checkpoints("cut_more", n_ranks);
        assert_true(run_ranks(n_ranks, fit, &more));
        assert_same_as_one("cut_one", "cut_more", n_ranks);
        assert_true(run_ranks(N_SHARDS / n_ranks * 2, fit, &on));
        assert_same_as_one("fit_one", "cut_more", N_SHARDS / n_ranks * 2);
    }
}

/* One rank's callback, or its broken disk, is of all. */
static void all_processes_stop_where_the_callback_of_one_asks(void **state)
{
    (void)state;
    fitting one = called("cut_one"), more = called("cut_more");
    one.stop_after = STOP;
    more.stopper = 2;
    assert_int_equal(fit(NULL, &one), 0);
    remove_checkpoints("cut_more", 4);
    assert_true(run_ranks(4, fit, &more));
    assert_same_as_one("cut_one", "cut_more", 4);
}

/* The images after it move up, and so change their ranks. */
static void a_row_that_cannot_be_read_is_left_out_in_all_processes(void **state)
{
    (void)state;
    const size_t rows[] = {0, 21, 34, 71}; /* of training, and of validation */
    for (size_t i = 0; i < 4; i++) {
        fitting one = called("gone_one"), more = called("gone_more");
        one.unreadable = more.unreadable = rows[i];
        assert_int_equal(fit(NULL, &one), 0);
        remove_checkpoints("gone_more", 4);
        assert_true(run_ranks(4, fit, &more));
        assert_same_as_one("gone_one", "gone_more", 4);
    }
}

static int is_refused(const cen_exchange *exchange, const void *how)
{
    return fit(exchange, how) != 10;
}

static void all_processes_end_at_a_row_that_is_not_finite(void **state)
{
    (void)state;
    fitting f = called("broken");
    f.broken = 21;
    assert_int_equal(fit(NULL, &f), 10);
    assert_true(run_ranks(2, is_refused, &f));
    assert_true(run_ranks(4, is_refused, &f));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_and_four_processes_fit_to_the_bytes_of_one_and_read_a_share_each),
        cmocka_unit_test(stopped_and_resumed_on_another_number_they_come_to_the_same),
        cmocka_unit_test(all_processes_stop_where_the_callback_of_one_asks),
        cmocka_unit_test(a_row_that_cannot_be_read_is_left_out_in_all_processes),
        cmocka_unit_test(all_processes_end_at_a_row_that_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
