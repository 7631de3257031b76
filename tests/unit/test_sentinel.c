/* A step that is not finite is refused: nothing of it is applied, and its cause is told. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/context.h"
#include "support/models.h"
#include "train/sentinel.h"
#include "train/trainer.h"
#include "format/safetensors.h"

enum { N = 4, IMAGE = 36 };

/* All that has a state: running statistics, moments, centers, lambda that follows a ratio. */
static const char net[] = "conv 3 3x3 pad 1, batchnorm, relu, flatten, dense 5";

typedef struct setup {
    cen_model *model;
    cen_trainer *trainer;
    float x[N * IMAGE];
    int32_t labels[N];
    float *numbers, *m, *v; /* copies */
    double lambda;
    size_t n_numbers, n_parameters, n_steps;
} setup;

static float *copy_of(const float *from, size_t n)
{
    float *copy = malloc(n * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, from, n * sizeof *copy);
    return copy;
}

static void remember(setup *s)
{
    cen__trainer_state state = cen__trainer_state_of(s->trainer);
    free(s->numbers);
    free(s->m);
    free(s->v);
    s->numbers = copy_of(s->model->parameters, s->n_numbers);
    s->m = copy_of(state.m, s->n_parameters);
    s->v = copy_of(state.v, s->n_parameters);
    s->n_steps = *state.n_steps;
    s->lambda = *state.lambda;
}

static void check_unchanged(setup *s)
{
    cen__trainer_state state = cen__trainer_state_of(s->trainer);
    assert_memory_equal(s->model->parameters, s->numbers, s->n_numbers * sizeof(float));
    assert_memory_equal(state.m, s->m, s->n_parameters * sizeof(float));
    assert_memory_equal(state.v, s->v, s->n_parameters * sizeof(float));
    assert_int_equal(*state.n_steps, s->n_steps);
    assert_memory_equal(state.lambda, &s->lambda, sizeof s->lambda);
}

static cen_train_options train_options(void)
{
    cen_train_options options = plain_train_options();
    options.batch_size = N;
    return options;
}

static setup *open_setup(const char *line, const cen_train_options *options)
{
    setup *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->model = model_create(line, 1, 6, 6, 3);
    s->trainer = trainer_create(s->model, options);
    s->n_numbers = s->model->n_numbers;
    s->n_parameters = s->model->n_parameters;
    for (size_t i = 0; i < N * IMAGE; i++) s->x[i] = (float)(i * 7 % 11) / 5 - 1;
    for (size_t i = 0; i < N; i++) s->labels[i] = (int32_t)(i % 3);
    return s;
}

static void close_setup(setup *s)
{
    cen_trainer_free(s->trainer);
    cen_model_free(s->model);
    free(s->numbers);
    free(s->m);
    free(s->v);
    free(s);
}

static void take_steps(setup *s, size_t n)
{
    cen_losses losses;
    cen_error error;
    for (size_t i = 0; i < n; i++) {
        assert_ok(cen_trainer_backward(s->trainer, s->x, s->labels, N, &losses, &error), &error);
        cen_trainer_update(s->trainer);
    }
}

/* The batch is refused with these words, and nothing has changed, also after an update. */
static void check_refused(setup *s, const char *words)
{
    cen_losses losses;
    cen_error error;
    remember(s);
    assert_int_equal(cen_trainer_backward(s->trainer, s->x, s->labels, N, &losses, &error),
                     CEN_ERROR_NOT_FINITE);
    assert_int_equal(error.status, CEN_ERROR_NOT_FINITE);
    if (strstr(error.message, words) == NULL) fail_msg("'%s' not in: %s", words, error.message);
    check_unchanged(s);
    cen_trainer_update(s->trainer);
    check_unchanged(s);
    assert_int_equal(cen_trainer_backward(s->trainer, s->x, s->labels, N, &losses, NULL),
                     CEN_ERROR_NOT_FINITE);
}

static void an_image_that_is_not_finite_is_named_and_nothing_changes(void **state)
{
    (void)state;
    const float broken[] = {NAN, INFINITY, -INFINITY};
    const cen_center_mode modes[] = {CEN_CENTERS_ADAM, CEN_CENTERS_ADAM_DENSE, CEN_CENTERS_MEAN};
    for (size_t i = 0; i < 3; i++) {
        cen_train_options options = train_options();
        options.centers = modes[i];
        options.lambda_ratio = 0.4;
        setup *s = open_setup(net, &options), *twin = open_setup(net, &options);
        take_steps(s, 3);
        take_steps(twin, 4);
        float kept = s->x[2 * IMAGE + 5];
        s->x[2 * IMAGE + 5] = broken[i];
        check_refused(s, "image 2 of this batch");
        s->x[2 * IMAGE + 5] = kept;
        take_steps(s, 1); /* as if nothing had happened */
        remember(twin);
        assert_memory_equal(s->model->parameters, twin->numbers, s->n_numbers * sizeof(float));
        close_setup(s);
        close_setup(twin);
    }
}

static void a_forward_alone_tells_it_too(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    setup *s = open_setup(net, &options);
    cen_losses losses;
    cen_error error;
    s->x[IMAGE] = NAN;
    assert_int_equal(cen_trainer_evaluate(s->trainer, s->x, s->labels, N, &losses, NULL, &error),
                     CEN_ERROR_NOT_FINITE);
    assert_non_null(strstr(error.message, "image 1 of this batch"));
    close_setup(s);
}

static void a_tensor_that_is_not_finite_is_named(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    const char *const names[] = {"body.0.weight", "head.bias", "centers.weight"};
    for (size_t i = 0; i < 3; i++) {
        setup *s = open_setup(net, &options);
        model_tensor(s->model, names[i]).data[1] = NAN;
        check_refused(s, names[i]);
        close_setup(s);
    }
}

static void a_loss_that_overflows_is_refused(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    setup *s = open_setup("flatten, dense 5", &options);
    for (size_t i = 0; i < s->n_parameters; i++) s->model->parameters[i] *= 1e30f;
    check_refused(s, "the loss is not finite");
    close_setup(s);
}

/* A body of zeros gives features and a loss that know nothing of x, and a gradient that x is in. */
static void make_blind(setup *s, float x, float head)
{
    const cen_tensor weight = model_tensor(s->model, "body.1.weight");
    memset(weight.data, 0, cen__tensor_count(&weight) * sizeof(float));
    for (size_t i = 0; i < N * IMAGE; i++) s->x[i] = x;
    model_tensor(s->model, "head.weight").data[2] = head;
}

static void a_gradient_that_overflows_under_a_finite_loss_is_refused(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    setup *s = open_setup("flatten, dense 5", &options);
    make_blind(s, 1e38f, 1000);
    check_refused(s, "the square of the gradient is not finite");
    cen_losses losses;
    (void)cen_trainer_backward(s->trainer, s->x, s->labels, N, &losses, NULL);
    assert_true(isfinite(losses.total));
    close_setup(s);
}

/* Adam's second moment would be infinite, and its weight would never move again. */
static void a_gradient_whose_square_overflows_is_refused_unless_it_is_clipped(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    setup *s = open_setup("flatten, dense 5", &options);
    make_blind(s, 1e25f, 1);
    check_refused(s, "the square of the gradient is not finite");
    close_setup(s);
    options.clip_norm = 1;
    s = open_setup("flatten, dense 5", &options);
    make_blind(s, 1e25f, 1);
    take_steps(s, 1);
    remember(s);
    for (size_t i = 0; i < s->n_parameters; i++) {
        assert_true(isfinite(s->numbers[i]) && isfinite(s->m[i]) && isfinite(s->v[i]));
    }
    close_setup(s);
}

/* Features of f, and a head of zeros, whose gradient is then up to f / 3. */
static setup *open_large(float f)
{
    cen_train_options options = train_options();
    options.lambda = 0;
    setup *s = open_setup("flatten, dense 5", &options);
    const cen_tensor bias = model_tensor(s->model, "body.1.bias");
    const cen_tensor head = model_tensor(s->model, "head.weight");
    for (size_t i = 0; i < 5; i++) bias.data[i] = f;
    memset(head.data, 0, cen__tensor_count(&head) * sizeof(float));
    return s;
}

static void a_head_is_held_against_its_own_gradient_where_features_are_large(void **state)
{
    (void)state;
    setup *s = open_large(5e18f);
    take_steps(s, 1);
    close_setup(s);
    s = open_large(1e20f);
    check_refused(s, "the square of the gradient is not finite");
    close_setup(s);
}

static void a_center_that_would_leap_to_infinity_is_refused(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    options.centers = CEN_CENTERS_MEAN;
    options.alpha = 9e29;
    setup *s = open_setup(net, &options);
    for (size_t i = 0; i < N * IMAGE; i++) s->x[i] *= 10;
    check_refused(s, "the square of the gradient is not finite");
    close_setup(s);
    options = train_options();
    options.loss = CEN_LOSS_CONTRASTIVE_CENTER;
    options.lambda = 1e25;
    s = open_setup(net, &options);
    check_refused(s, "the square of the gradient is not finite");
    close_setup(s);
}

/* Its sums are in double: activations of 1e20 have a variance that no float holds. */
static void running_statistics_that_overflow_are_refused(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    setup *s = open_setup(net, &options);
    for (size_t i = 0; i < N * IMAGE; i++) s->x[i] *= 1e20f;
    check_refused(s, "not finite");
    close_setup(s);
}

static void what_failed_before_any_computing_is_not_applied_either(void **state)
{
    (void)state;
    cen_train_options options = train_options();
    setup *s = open_setup(net, &options);
    cen_losses losses;
    take_steps(s, 2);
    remember(s);
    assert_int_equal(cen_trainer_backward(s->trainer, s->x, s->labels, N + 1, &losses, NULL),
                     CEN_ERROR_ARGUMENT);
    cen_trainer_update(s->trainer);
    check_unchanged(s);
    take_steps(s, 1);
    assert_int_equal(*cen__trainer_state_of(s->trainer).n_steps, 3);
    close_setup(s);
}

/* Long enough for parts and threads, with the odd one at each place where a loop may end. */
static void one_number_among_many_is_found_at_any_number_of_threads(void **state)
{
    (void)state;
    enum { MANY = 100003 };
    const size_t places[] = {0, 15, 3125, MANY / 2, MANY - 2, MANY - 1};
    float *x = malloc(MANY * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < MANY; i++) x[i] = -1e-3f;
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        assert_true(cen__is_below(&kernels_now()->vectors, x, MANY, 1, threads(n_threads)));
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            const float odd[] = {NAN, -INFINITY, 2};
            for (size_t j = 0; j < 3; j++) {
                x[places[i]] = odd[j];
                assert_false(
                    cen__is_below(&kernels_now()->vectors, x, MANY, 1, threads(n_threads)));
                assert_int_equal(
                    cen__is_below(&kernels_now()->vectors, x, MANY, INFINITY, threads(n_threads)),
                    j == 2);
            }
            x[places[i]] = -FLT_MAX;
            assert_true(
                cen__is_below(&kernels_now()->vectors, x, MANY, INFINITY, threads(n_threads)));
            x[places[i]] = 0;
        }
    }
    assert_true(cen__is_below(&kernels_now()->vectors, x, 0, 1, threads(2)));
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_that_is_not_finite_is_named_and_nothing_changes),
        cmocka_unit_test(a_forward_alone_tells_it_too),
        cmocka_unit_test(a_tensor_that_is_not_finite_is_named),
        cmocka_unit_test(a_loss_that_overflows_is_refused),
        cmocka_unit_test(a_gradient_that_overflows_under_a_finite_loss_is_refused),
        cmocka_unit_test(a_gradient_whose_square_overflows_is_refused_unless_it_is_clipped),
        cmocka_unit_test(a_head_is_held_against_its_own_gradient_where_features_are_large),
        cmocka_unit_test(a_center_that_would_leap_to_infinity_is_refused),
        cmocka_unit_test(running_statistics_that_overflow_are_refused),
        cmocka_unit_test(what_failed_before_any_computing_is_not_applied_either),
        cmocka_unit_test(one_number_among_many_is_found_at_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
