/* Dropout: what is dropped, by what it is drawn, and that inference knows nothing of it. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "nn/run.h"
#include "support/context.h"
#include "support/models.h"

#include <math.h>

enum { N = 30, SIDE = 41, D = SIDE * SIDE };

static float ones[N * D];

/* y[n, D] of ones. */
static void run(const char *line, size_t n, int n_threads, uint64_t seed, uint64_t step, float *y)
{
    cen__net net;
    cen__run *work;
    float unused = 0;
    assert_int_equal(
        cen__net_create(NULL, kernels_now(), &net, line, (cen__shape){1, SIDE, SIDE}, 0, NULL),
        CEN_OK);
    assert_int_equal(cen__run_create(&work, &net, N, threads(n_threads), true, NULL), CEN_OK);
    cen__run_use(work, &unused, &unused);
    cen__run_draw(work, seed, step, 0);
    for (size_t i = 0; i < N * D; i++) ones[i] = 1;
    memcpy(y, cen__run_forward(work, ones, n), n * D * sizeof *y);
    cen__run_free(work);
    cen__net_free(&net);
}

static size_t count_zeros(const float *y, size_t n)
{
    size_t zeros = 0;
    for (size_t i = 0; i < n; i++) zeros += y[i] == 0;
    return zeros;
}

static float a[N * D], b[N * D];

static void a_share_of_p_is_dropped_and_the_rest_scaled(void **state)
{
    (void)state;
    static const double chances[] = {0, 0.1, 0.5, 0.93};
    for (size_t k = 0; k < 4; k++) {
        char line[64];
        (void)snprintf(line, sizeof line, "flatten, dropout %g", chances[k]);
        run(line, N, 2, 1, 0, a);
        const double p = chances[k], n = N * D;
        const double deviation = sqrt(p * (1 - p) * n);
        assert_true(fabs((double)count_zeros(a, N * D) - p * n) <= 4 * deviation);
        for (size_t i = 0; i < N * D; i++) {
            assert_true(a[i] == 0 || fabs((double)a[i] - 1 / (1 - p)) < 1e-6 / (1 - p));
        }
    }
}

/* Independent masks of p = 1/2 agree in half of the places. */
static void assert_independent(void)
{
    size_t equal = 0;
    for (size_t i = 0; i < N * D; i++) equal += (a[i] == 0) == (b[i] == 0);
    assert_true(fabs((double)equal - 0.5 * N * D) <= 4 * sqrt(0.25 * N * D));
}

static void seed_step_and_layer_draw_other_masks(void **state)
{
    (void)state;
    run("flatten, dropout 0.5", N, 2, 1, 0, a);
    run("flatten, dropout 0.5", N, 2, 1, 1, b);
    assert_independent();
    run("flatten, dropout 0.5", N, 2, 2, 0, b);
    assert_independent();
    run("flatten, flatten, dropout 0.5", N, 2, 1, 0, b);
    assert_independent();
    memcpy(b, a, D * sizeof *b);
    for (size_t i = 0; i + 1 < N; i++) memcpy(b + i * D, a + (i + 1) * D, D * sizeof *b);
    memcpy(b + (N - 1) * D, a, D * sizeof *b);
    assert_independent(); /* each image has its own */
}

static void threads_and_the_batch_do_not_change_the_mask(void **state)
{
    (void)state;
    run("flatten, dropout 0.3", N, 1, 5, 9, a);
    for (int n_threads = 2; n_threads <= 3; n_threads++) {
        run("flatten, dropout 0.3", N, n_threads, 5, 9, b);
        assert_memory_equal(a, b, sizeof a);
    }
    run("flatten, dropout 0.3", 7, 2, 5, 9, b);
    assert_memory_equal(a, b, 7 * D * sizeof *a);
}

/* d loss / d dense weight is zero where all that goes through it is dropped: the features that forward
 * dropped are those whose gradient is. */
static void backward_drops_what_forward_dropped(void **state)
{
    (void)state;
    enum { OUT = 64 };
    cen_model *model = model_create("flatten, dense 64, dropout 0.5, dense 3", 1, 2, 2, 2);
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer = trainer_create(model, &options);
    const float x[4] = {1, -1, 0.5f, 2};
    const int32_t label = 0;
    cen_losses losses;
    cen_error error;
    size_t n, dropped = 0;
    assert_ok(cen_trainer_backward(trainer, x, &label, 1, &losses, &error), &error);
    const float *gradient = cen_trainer_gradient(trainer, &n);
    cen_tensor first = model_tensor(model, "body.1.weight"),
               last = model_tensor(model, "body.3.weight");
    double *dfirst = part_of(model, &first, gradient), *dlast = part_of(model, &last, gradient);
    for (size_t k = 0; k < OUT; k++) {
        const bool is_dropped = fabs(dlast[k]) <= 0; /* d last = dy * (the dropped number) */
        assert_int_equal(is_dropped, fabs(dfirst[4 * k]) <= 0);
        dropped += is_dropped;
    }
    assert_true(dropped > OUT / 4 && dropped < OUT * 3 / 4);
    free(dfirst);
    free(dlast);
    cen_trainer_free(trainer);
    cen_model_free(model);
}

static void inference_drops_nothing(void **state)
{
    (void)state;
    cen_model *with = model_create("flatten, dropout 0.9, dense 5, dropout 0.5", 1, 3, 3, 2);
    cen_model *without = model_create("flatten, relu, dense 5, relu", 1, 3, 3, 2);
    size_t n;
    float *w = cen_model_parameters(with, &n), *v = cen_model_parameters(without, &n);
    for (size_t i = 0; i < n; i++) w[i] = v[i] = 0.125f * (float)(i % 5);
    float x[18], y[10], z[10];
    for (size_t i = 0; i < 18; i++) x[i] = (float)i;
    cen_error error;
    assert_ok(model_features(with, x, 2, y, &error), &error);
    assert_ok(model_features(without, x, 2, z, &error), &error);
    assert_memory_equal(y, z, sizeof y);
    cen_model_free(with);
    cen_model_free(without);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_p_is_dropped_and_the_rest_scaled),
        cmocka_unit_test(seed_step_and_layer_draw_other_masks),
        cmocka_unit_test(threads_and_the_batch_do_not_change_the_mask),
        cmocka_unit_test(backward_drops_what_forward_dropped),
        cmocka_unit_test(inference_drops_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
