/* A layer that comes first passes no gradient on to the images; those of its own parameters, and of what
 * follows, are what they are behind a relu that lets all pass. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>

#include "support/models.h"

enum { N = 5, SIDE = 6, N_CLASSES = 3 };

typedef struct taken {
    cen_model *model;
    cen_trainer *trainer;
    cen_losses losses;
} taken;

/* One backward with the parameters of `like`, where it is not NULL. */
static taken take_step(const char *net, cen_model *like, const float *x)
{
    static const int32_t labels[N] = {0, 1, 2, 1, 0};
    cen_train_options options = cen_train_options_init();
    cen_error error;
    size_t n;
    taken t = {.model = model_create(net, 1, SIDE, SIDE, N_CLASSES)};
    float *w = cen_model_parameters(t.model, &n);
    if (like != NULL) memcpy(w, cen_model_parameters(like, &n), n * sizeof *w);
    options.batch_size = N;
    options.lambda = 0.1;
    t.trainer = trainer_create(t.model, &options);
    assert_ok(cen_trainer_backward(t.trainer, x, labels, N, &t.losses, &error), &error);
    return t;
}

static void gradients_do_not_depend_on_being_first(void **state)
{
    (void)state;
    static const char *const nets[] = {
        "batchnorm, flatten, dense 4", "batchnorm, relu, maxpool 2, flatten, dense 4",
        "maxpool 2, flatten, dense 4", "maxpool 2x1 stride 2x1, flatten, dense 4",
        "flatten, l2norm, dense 4",    "flatten, l2norm scale 3, dense 4",
    };
    float x[N * SIDE * SIDE];
    for (size_t i = 0; i < N * SIDE * SIDE; i++) { /* the last image is black */
        x[i] = i < (N - 1) * SIDE * SIDE ? (float)(i * i % 23 + 1) / 23 : 0;
    }
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        char behind[96];
        size_t n, n_other;
        (void)snprintf(behind, sizeof behind, "relu, %s", nets[i]);
        taken first = take_step(nets[i], NULL, x), second = take_step(behind, first.model, x);
        assert_true(fabs(first.losses.total - second.losses.total) < 1e-6);
        const float *g = cen_trainer_gradient(first.trainer, &n),
                    *other = cen_trainer_gradient(second.trainer, &n_other);
        double most = 0, largest_apart = 0;
        assert_int_equal(n, n_other);
        for (size_t j = 0; j < n; j++) { /* not fmax: gcc 12 for ARM dies */
            double size = fabs((double)g[j]), apart = fabs((double)g[j] - (double)other[j]);
            most = size > most ? size : most;
            largest_apart = apart > largest_apart ? apart : largest_apart;
        }
        assert_true(most > 0);
        if (largest_apart > 1e-6 * most) fail_msg("%s: %g of %g", nets[i], largest_apart, most);
        cen_trainer_free(first.trainer);
        cen_trainer_free(second.trainer);
        cen_model_free(first.model);
        cen_model_free(second.model);
    }
}

/* Where nothing is handed on, a few images at a time go backward through the layers; behind a prelu, all
 * of a chunk do. Of positive pixels prelu changes none. */
static void a_first_convolution_of_large_images_has_the_gradients_of_a_second(void **state)
{
    (void)state;
    enum { COUNT = 24, HEIGHT = 66, WIDTH = 50 };
    static float x[COUNT * HEIGHT * WIDTH];
    static const char *const nets[] = {
        "conv 48 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 4",
        "conv 16 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 4",
        "conv 15 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 4", /* an odd number of maxima */
        "conv 16 3x3 pad 1, prelu, maxpool 2, flatten, dense 4",
        "conv 15 3x3 pad 1, relu, maxpool 2, flatten, dense 4",
        "conv 15 3x3 pad 1, prelu, maxpool 2, flatten, dense 4",
        "conv 47 3x3 pad 1, relu, maxpool 2, flatten, dense 4",
    };
    int32_t labels[COUNT];
    for (size_t i = 0; i < COUNT * HEIGHT * WIDTH; i++) {
        x[i] = (float)(i * i % 977 + i / 501 % 13 + 1) / 977;
    }
    for (size_t i = 0; i < COUNT; i++) labels[i] = (int32_t)(i % N_CLASSES);
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        char behind[96];
        size_t n, n_other;
        (void)snprintf(behind, sizeof behind, "prelu, %s", nets[i]);
        cen_model *models[2] = {model_create(nets[i], 1, HEIGHT, WIDTH, N_CLASSES),
                                model_create(behind, 1, HEIGHT, WIDTH, N_CLASSES)};
        const float *w = cen_model_parameters(models[0], &n);
        float *other_w = cen_model_parameters(models[1], &n_other);
        assert_int_equal(n_other, n + 1);
        memcpy(other_w + 1, w, n * sizeof *w);
        cen_train_options options = cen_train_options_init();
        options.batch_size = COUNT;
        cen_trainer *trainers[2];
        for (size_t j = 0; j < 2; j++) {
            cen_losses losses;
            trainers[j] = trainer_create(models[j], &options);
            assert_int_equal(cen_trainer_backward(trainers[j], x, labels, COUNT, &losses, NULL),
                             CEN_OK);
        }
        const float *g = cen_trainer_gradient(trainers[0], &n),
                    *other = cen_trainer_gradient(trainers[1], &n_other) + 1;
        double most = 0, largest_apart = 0;
        for (size_t j = 0; j < n; j++) {
            double size = fabs((double)g[j]), apart = fabs((double)g[j] - (double)other[j]);
            most = size > most ? size : most;
            largest_apart = apart > largest_apart ? apart : largest_apart;
        }
        assert_true(most > 0);
        if (largest_apart > 1e-5 * most) fail_msg("%s: %g of %g", nets[i], largest_apart, most);
        for (size_t j = 0; j < 2; j++) {
            cen_trainer_free(trainers[j]);
            cen_model_free(models[j]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_do_not_depend_on_being_first),
        cmocka_unit_test(a_first_convolution_of_large_images_has_the_gradients_of_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
