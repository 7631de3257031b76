/* Processes that train together come to the bytes of one that works on all shards. */
#define _POSIX_C_SOURCE 200809L
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include "support/bytes.h"
#include "support/models.h"
#include "support/ranks.h"

enum { N_STEPS = 60, BATCH = 22, SIDE = 6, IMAGE = SIDE * SIDE, N_CLASSES = 5 };

static const char net[] =
    "conv 4 3x3 pad 1, batchnorm, relu, maxpool 2, dropout 0.25, flatten, dense 6";

/* ---- a training ---- */

typedef struct training {
    cen_loss loss;
    cen_center_mode centers;
    size_t n_shards;
    size_t broken_step, broken_image; /* this image of this step is NaN */
    const char *path;                 /* of the state after it, with the rank at its end */
} training;

static float number_of(size_t step, size_t i)
{
    return (float)((step * 31 + i * 7 + i * i % 13) % 23) / 11 - 1;
}

/* An image that is not this rank's must not be read. */
static void fill(const cen_trainer *trainer, const training *t, size_t step, size_t n, float *x,
                 int32_t *labels)
{
    size_t first, count;
    cen_trainer_share(trainer, n, &first, &count);
    for (size_t i = 0; i < BATCH * IMAGE; i++) x[i] = NAN;
    for (size_t i = first * IMAGE; i < (first + count) * IMAGE; i++) x[i] = number_of(step, i);
    for (size_t i = 0; i < n; i++) labels[i] = (int32_t)((step + i * 3) % N_CLASSES);
    if (t->broken_step == step) x[t->broken_image * IMAGE + 3] = NAN;
}

static cen_trainer *begin(const cen_exchange *exchange, const training *t, cen_model **model)
{
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer = NULL;
    *model = model_create_in(NULL, net, 1, SIDE, SIDE, N_CLASSES);
    options.loss = t->loss;
    options.centers = t->centers;
    options.batch_size = BATCH;
    options.clip_norm = 0.5;
    options.label_smoothing = 0.1;
    if (t->loss == CEN_LOSS_CENTER) options.lambda_ratio = 0.4;
    options.n_shards = t->n_shards;
    options.exchange = exchange;
    options.seed = 9;
    return cen_trainer_create(&trainer, *model, &options, NULL) == CEN_OK ? trainer : NULL;
}

/* Batches of 3 to BATCH images, so that shards differ in size, and some are empty. The state before and after a
 * step that is refused must be the same. */
static int train(const cen_exchange *exchange, const void *how)
{
    const training *t = how;
    static float x[BATCH * IMAGE];
    int32_t labels[BATCH];
    char path[64];
    cen_model *model;
    cen_trainer *trainer = begin(exchange, t, &model);
    if (trainer == NULL) return 2;
    snprintf(path, sizeof path, "%s.%zu", t->path, exchange != NULL ? exchange->rank : 0);
    for (size_t step = 1; step <= N_STEPS; step++) {
        size_t n = step % 5 == 0 ? 3 : BATCH - step % 3;
        cen_losses losses;
        cen_error error;
        fill(trainer, t, step, n, x, labels);
        cen_status status = cen_trainer_backward(trainer, x, labels, n, &losses, &error);
        cen_trainer_update(trainer);
        if (status != (step == t->broken_step ? CEN_ERROR_NOT_FINITE : CEN_OK)) {
            fprintf(stderr, "step %zu: %s\n", step, status != CEN_OK ? error.message : "taken");
            return 3;
        }
    }
    if (cen_trainer_save(trainer, path, NULL) != CEN_OK) return 4;
    cen_trainer_free(trainer);
    cen_model_free(model);
    return 0;
}

static void compare_processes(training t)
{
    t.path = "exchange_one";
    assert_int_equal(train(NULL, &t), 0);
    for (size_t n_ranks = 2; n_ranks <= t.n_shards; n_ranks *= 2) {
        t.path = "exchange_more";
        assert_true(run_ranks(n_ranks, train, &t));
        for (size_t rank = 0; rank < n_ranks; rank++) {
            char path[64];
            snprintf(path, sizeof path, "exchange_more.%zu", rank);
            assert_same_files("exchange_one.0", path);
        }
    }
}

static void one_two_and_four_processes_with_four_shards_give_the_same_bytes(void **state)
{
    (void)state;
    compare_processes(
        (training){.loss = CEN_LOSS_CENTER, .centers = CEN_CENTERS_MEAN, .n_shards = 4});
    compare_processes(
        (training){.loss = CEN_LOSS_CENTER, .centers = CEN_CENTERS_ADAM, .n_shards = 4});
    compare_processes(
        (training){.loss = CEN_LOSS_COSFACE, .centers = CEN_CENTERS_ADAM_DENSE, .n_shards = 4});
    compare_processes(
        (training){.loss = CEN_LOSS_TRIPLET_HARD, .centers = CEN_CENTERS_MEAN, .n_shards = 4});
    compare_processes((training){
        .loss = CEN_LOSS_CONTRASTIVE_CENTER, .centers = CEN_CENTERS_ADAM, .n_shards = 4});
}

/* Also processes whose shards are no node of the tree over all. */
static void every_divisor_of_the_shards_gives_the_same_bytes(void **state)
{
    (void)state;
    const size_t shards[] = {3, 5, 6, 12};
    training t = {.loss = CEN_LOSS_CENTER, .centers = CEN_CENTERS_MEAN};
    for (size_t i = 0; i < 4; i++) {
        t.n_shards = shards[i];
        t.path = "exchange_one";
        assert_int_equal(train(NULL, &t), 0);
        t.path = "exchange_more";
        for (size_t n_ranks = 2; n_ranks <= MOST_RANKS; n_ranks++) {
            if (t.n_shards % n_ranks != 0) continue;
            assert_true(run_ranks(n_ranks, train, &t));
            assert_same_files("exchange_one.0", "exchange_more.1");
            assert_true(run_ranks_by(swap, n_ranks, train, &t));
            assert_same_files("exchange_one.0", "exchange_more.0");
            assert_same_files("exchange_one.0", "exchange_more.1");
        }
    }
}

/* The step of the other shards is refused, too, and all that follow are as those of one process. */
static void what_is_not_finite_in_one_process_stops_all(void **state)
{
    (void)state;
    for (size_t image = 0; image < BATCH; image += 7) {
        compare_processes((training){.loss = CEN_LOSS_CENTER,
                                     .centers = CEN_CENTERS_MEAN,
                                     .n_shards = 4,
                                     .broken_step = 12,
                                     .broken_image = image});
    }
}

/* ---- processes that do not go together ---- */

typedef struct difference {
    int32_t label; /* of rank 1's first image, */
    size_t n;      /* its images, */
    double lr;     /* its rate, */
    float weight;  /* and what is added to a parameter */
} difference;

/* 0 if the step is refused with a sentence. */
static int differ(const cen_exchange *exchange, const void *how)
{
    static float x[BATCH * IMAGE];
    const difference *d = how;
    const training t = {.loss = CEN_LOSS_CENTER, .centers = CEN_CENTERS_MEAN, .n_shards = 2};
    int32_t labels[BATCH];
    cen_model *model;
    cen_losses losses;
    cen_error error;
    cen_trainer *trainer = begin(exchange, &t, &model);
    size_t n, n_images = 8;
    if (trainer == NULL) return 2;
    fill(trainer, &t, 1, 8, x, labels);
    if (exchange->rank == 1) {
        labels[0] = d->label;
        n_images = d->n;
        if (cen_trainer_set_rates(trainer, d->lr, 0, NULL) != CEN_OK) return 2;
        cen_model_parameters(model, &n)[5] += d->weight;
    }
    cen_status status = cen_trainer_backward(trainer, x, labels, n_images, &losses, &error);
    cen_trainer_free(trainer);
    cen_model_free(model);
    if (status != CEN_ERROR_ARGUMENT) return 1;
    return strstr(error.message, "process") != NULL || exchange->rank == 1 ? 0 : 1;
}

static void processes_that_differ_are_refused(void **state)
{
    (void)state;
    const difference same = {1, 8, 2e-3, 0};
    const difference others[] = {{4, 8, 2e-3, 0},   {N_CLASSES, 8, 2e-3, 0}, {1, 7, 2e-3, 0},
                                 {1, 0, 2e-3, 0},   {1, BATCH + 1, 2e-3, 0}, {1, 8, 1e-3, 0},
                                 {1, 8, 2e-3, 0.5f}};
    assert_false(run_ranks(2, differ, &same)); /* it is not refused, which is no 0 */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_true(run_ranks(2, differ, &others[i]));
    }
}

/* The other rank sees and has what this one does; the call that is due fails. */
static int failing_gather(void *user, const void *own, size_t size, void *all)
{
    size_t *n_left = user;
    if ((*n_left)-- == 0) return 1;
    memcpy(all, own, size);
    memcpy((char *)all + size, own, size);
    return 0;
}

static void a_hook_that_fails_changes_nothing(void **state)
{
    (void)state;
    static float x[BATCH * IMAGE];
    const training t = {.loss = CEN_LOSS_CENTER, .centers = CEN_CENTERS_MEAN, .n_shards = 2};
    int32_t labels[BATCH];
    size_t n_left = SIZE_MAX,
           n_calls = 3; /* a look at each other, features, gradients with statistics */
    const cen_exchange exchange = exchange_of(0, 2, &n_left, failing_gather);
    cen_model *model;
    cen_losses losses;
    cen_error error;
    cen_trainer *trainer = begin(&exchange, &t, &model);
    assert_non_null(trainer);
    for (size_t call = 0; call <= n_calls; call++) {
        fill(trainer, &t, 1, BATCH, x, labels);
        n_left = call;
        assert_ok(cen_trainer_save(trainer, "exchange_before", &error), &error);
        cen_status status = cen_trainer_backward(trainer, x, labels, BATCH, &losses, &error);
        if (call == n_calls) {
            assert_ok(status, &error);
            break;
        }
        assert_int_equal(status, CEN_ERROR_IO);
        assert_non_null(strstr(error.message, "the exchange with the other 1 processes failed"));
        cen_trainer_update(trainer);
        assert_ok(cen_trainer_save(trainer, "exchange_after", &error), &error);
        assert_same_files("exchange_before", "exchange_after");
    }
    cen_trainer_free(trainer);
    cen_model_free(model);
}

static void processes_that_cannot_share_the_shards_are_refused(void **state)
{
    (void)state;
    const struct {
        size_t rank, n_ranks, n_shards;
        bool has_gather;
    } cases[] = {{0, 2, 1, true}, {0, 2, 3, true},  {0, 4, 6, true},        {2, 2, 4, true},
                 {0, 0, 4, true}, {0, 2, 4, false}, {0, 1, BATCH + 1, true}};
    cen_model *model = model_create(net, 1, SIDE, SIDE, N_CLASSES);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const cen_exchange exchange =
            exchange_of(cases[i].rank, cases[i].n_ranks, NULL, cases[i].has_gather ? gather : NULL);
        cen_train_options options = cen_train_options_init();
        cen_trainer *trainer;
        cen_error error;
        options.n_shards = cases[i].n_shards;
        options.batch_size = BATCH;
        options.exchange = &exchange;
        assert_int_equal(cen_trainer_create(&trainer, model, &options, &error), CEN_ERROR_ARGUMENT);
        assert_true(strstr(error.message, "shards") != NULL ||
                    strstr(error.message, "an exchange needs") != NULL);
        assert_null(trainer);
    }
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_two_and_four_processes_with_four_shards_give_the_same_bytes),
        cmocka_unit_test(every_divisor_of_the_shards_gives_the_same_bytes),
        cmocka_unit_test(what_is_not_finite_in_one_process_stops_all),
        cmocka_unit_test(processes_that_differ_are_refused),
        cmocka_unit_test(a_hook_that_fails_changes_nothing),
        cmocka_unit_test(processes_that_cannot_share_the_shards_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
