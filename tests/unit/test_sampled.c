/* The softmax over the classes of the batch and some drawn at random: its loss and gradient by plain sums in double, what
 * a step leaves alone, and what the draw depends on. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/models.h"

enum { N = 6, D = 5, INPUTS = 4, N_CLASSES = 60, N_SAMPLED = 20 };

static const int32_t labels[N] = {3, 59, 3, 17, 0, 41};

typedef struct loop {
    cen_model *model;
    cen_trainer *trainer;
    float x[N * INPUTS];
} loop;

static loop open_loop(const cen_train_options *train, int n_threads)
{
    loop l;
    cen_model_options options = cen_model_options_init();
    cen_error error;
    options.net = "flatten, dense 5";
    options.input.height = options.input.width = 2;
    options.n_classes = N_CLASSES;
    assert_ok(cen_model_create(threads(n_threads), &l.model, &options, &error), &error);
    l.trainer = trainer_create(l.model, train);
    for (size_t i = 0; i < N * INPUTS; i++) l.x[i] = (float)((i * i * 7) % 23) / 11 - 1;
    return l;
}

static void close_loop(loop *l)
{
    cen_trainer_free(l->trainer);
    cen_model_free(l->model);
}

static cen_train_options sampled_options(size_t n_sampled)
{
    cen_train_options options = cen_train_options_init();
    options.batch_size = N;
    options.n_sampled = n_sampled;
    options.lambda = 0;
    return options;
}

static cen_losses backward(const loop *l)
{
    cen_losses losses;
    cen_error error;
    assert_ok(cen_trainer_backward(l->trainer, l->x, labels, N, &losses, &error), &error);
    return losses;
}

/* Where a tensor of the head is in the parameters, and in their gradient. */
static size_t place_of(const loop *l, const char *name)
{
    size_t n;
    return (size_t)(model_tensor(l->model, name).data - cen_model_parameters(l->model, &n));
}

/* The classes that have a gradient at their bias: rising. */
static size_t drawn_classes(const loop *l, size_t classes[N_CLASSES])
{
    size_t all, n = 0;
    const float *bias = cen_trainer_gradient(l->trainer, &all) + place_of(l, "head.bias");
    for (size_t c = 0; c < N_CLASSES; c++) {
        if (bias[c] != 0) classes[n++] = c;
    }
    return n;
}

static bool is_among(size_t class, const size_t *classes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (classes[i] == class) return true;
    }
    return false;
}

/* Fills dweight and dbias of all classes. */
static double softmax_of(const loop *l, const size_t *classes, size_t n_classes,
                         double dweight[N_CLASSES][D], double dbias[N_CLASSES])
{
    float features[N * D];
    cen_error error;
    assert_ok(model_features(l->model, l->x, N, features, &error), &error);
    const float *w = model_tensor(l->model, "head.weight").data;
    const float *b = model_tensor(l->model, "head.bias").data;
    double loss = 0;
    memset(dweight, 0, N_CLASSES * sizeof *dweight);
    memset(dbias, 0, N_CLASSES * sizeof *dbias);
    for (size_t i = 0; i < N; i++) {
        double logits[N_CLASSES] = {0}, sum = 0;
        for (size_t k = 0; k < n_classes; k++) {
            const size_t c = classes[k];
            logits[c] = (double)b[c];
            for (size_t j = 0; j < D; j++) {
                logits[c] += (double)w[c * D + j] * (double)features[i * D + j];
            }
            sum += exp(logits[c]);
        }
        loss += (log(sum) - logits[labels[i]]) / N;
        for (size_t k = 0; k < n_classes; k++) {
            const size_t c = classes[k];
            const double dlogit = (exp(logits[c]) / sum - (c == (size_t)labels[i])) / N;
            dbias[c] += dlogit;
            for (size_t j = 0; j < D; j++) dweight[c][j] += dlogit * (double)features[i * D + j];
        }
    }
    return loss;
}

static void loss_and_gradient_are_those_of_the_drawn_classes(void **state)
{
    (void)state;
    const cen_train_options options = sampled_options(N_SAMPLED);
    loop l = open_loop(&options, 1);
    for (size_t step = 0; step < 5; step++) {
        static double dweight[N_CLASSES][D], dbias[N_CLASSES];
        size_t classes[N_CLASSES], all;
        const cen_losses losses = backward(&l);
        const size_t n = drawn_classes(&l, classes);
        assert_int_equal(n, N_SAMPLED);
        for (size_t i = 0; i < N; i++) assert_true(is_among((size_t)labels[i], classes, n));
        assert_float_equal(losses.first, softmax_of(&l, classes, n, dweight, dbias), 1e-6);
        const float *g = cen_trainer_gradient(l.trainer, &all);
        const float *dw = g + place_of(&l, "head.weight"), *db = g + place_of(&l, "head.bias");
        for (size_t c = 0; c < N_CLASSES; c++) {
            assert_float_equal(db[c], dbias[c], 1e-6);
            for (size_t j = 0; j < D; j++) assert_float_equal(dw[c * D + j], dweight[c][j], 1e-6);
        }
        cen_trainer_update(l.trainer);
    }
    close_loop(&l);
}

static void a_step_moves_the_drawn_rows_only_and_each_step_draws_others(void **state)
{
    (void)state;
    const cen_train_options options = sampled_options(N_SAMPLED);
    loop l = open_loop(&options, 1);
    size_t ever[N_CLASSES] = {0};
    for (size_t step = 0; step < 12; step++) {
        float before[N_CLASSES * D];
        size_t classes[N_CLASSES];
        const float *w = model_tensor(l.model, "head.weight").data;
        memcpy(before, w, sizeof before);
        (void)backward(&l);
        const size_t n = drawn_classes(&l, classes);
        cen_trainer_update(l.trainer);
        for (size_t c = 0; c < N_CLASSES; c++) {
            const bool is_same = memcmp(before + c * D, w + c * D, D * sizeof *w) == 0;
            assert_true(is_same == !is_among(c, classes, n));
            ever[c] += !is_same;
        }
    }
    size_t n_ever = 0;
    for (size_t c = 0; c < N_CLASSES; c++) n_ever += ever[c] > 0;
    assert_true(n_ever >
                N_CLASSES * 9 / 10); /* 15 of 60 a step, 12 steps: 2 % are left on average */
    close_loop(&l);
}

static void check_same_bytes(const cen_train_options *one, int threads_of_one,
                             const cen_train_options *other, int threads_of_other, bool are_same)
{
    loop a = open_loop(one, threads_of_one), b = open_loop(other, threads_of_other);
    size_t n;
    for (size_t step = 0; step < 4; step++) {
        (void)backward(&a);
        (void)backward(&b);
        cen_trainer_update(a.trainer);
        cen_trainer_update(b.trainer);
    }
    const float *p = cen_model_parameters(a.model, &n), *q = cen_model_parameters(b.model, &n);
    assert_true((memcmp(p, q, n * sizeof *p) == 0) == are_same);
    close_loop(&a);
    close_loop(&b);
}

static void the_seed_decides_and_the_threads_do_not(void **state)
{
    (void)state;
    const cen_train_options options = sampled_options(N_SAMPLED);
    cen_train_options other_seed = options;
    other_seed.seed = 2;
    check_same_bytes(&options, 1, &options, 3, true);
    check_same_bytes(&options, 1, &other_seed, 1, false);
}

static void as_many_as_there_are_means_all(void **state)
{
    (void)state;
    const cen_train_options all = sampled_options(0), as_many = sampled_options(N_CLASSES);
    check_same_bytes(&all, 1, &as_many, 1, true);
}

/* The rows of the one before do not stay in the gradient. */
static void a_batch_may_need_more_classes_than_are_sampled(void **state)
{
    (void)state;
    const cen_train_options options = sampled_options(2);
    loop l = open_loop(&options, 1);
    for (size_t step = 0; step < 3; step++) {
        size_t classes[N_CLASSES];
        (void)backward(&l);
        assert_int_equal(drawn_classes(&l, classes), N - 1);
        cen_trainer_update(l.trainer);
    }
    close_loop(&l);
}

static void cosface_and_clipping_see_the_drawn_classes(void **state)
{
    (void)state;
    cen_train_options options = sampled_options(N_SAMPLED);
    options.loss = CEN_LOSS_COSFACE;
    options.clip_norm = 1e-3;
    loop l = open_loop(&options, 1);
    for (size_t step = 0; step < 3; step++) {
        size_t all, n = 0;
        (void)backward(&l);
        const float *dw = cen_trainer_gradient(l.trainer, &all) + place_of(&l, "head.weight");
        for (size_t c = 0; c < N_CLASSES; c++) n += dw[c * D] != 0;
        assert_int_equal(n, N_SAMPLED);
        cen_trainer_update(l.trainer);
    }
    close_loop(&l);
}

static void a_loss_without_a_head_is_refused(void **state)
{
    (void)state;
    cen_train_options options = sampled_options(N_SAMPLED);
    cen_model *model = model_create("flatten, dense 5", 1, 2, 2, N_CLASSES);
    cen_trainer *trainer;
    cen_error error;
    options.loss = CEN_LOSS_TRIPLET_HARD;
    assert_int_equal(cen_trainer_create(&trainer, model, &options, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "no classes to sample"));
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_gradient_are_those_of_the_drawn_classes),
        cmocka_unit_test(a_step_moves_the_drawn_rows_only_and_each_step_draws_others),
        cmocka_unit_test(the_seed_decides_and_the_threads_do_not),
        cmocka_unit_test(as_many_as_there_are_means_all),
        cmocka_unit_test(a_batch_may_need_more_classes_than_are_sampled),
        cmocka_unit_test(cosface_and_clipping_see_the_drawn_classes),
        cmocka_unit_test(a_loss_without_a_head_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
