/* Models whose feature is the mean of a picture's and its mirror image's. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/random.h"
#include "support/context.h"
#include "support/limited_memory.h"
#include "support/models.h"

/* More images than the library takes at once. */
enum { C = 3, H = 6, W = 7, IMAGE = C * H * W, N = 70, CLASSES = 3, D = 5, BATCH = 32 };

static const char line[] = "conv 4 3x3 pad 1, batchnorm, relu, maxpool 2, flatten, dense 5";
static const char with_length[] = "conv 4 3x3 pad 1, relu, flatten, dense 5, l2norm scale 3";

static float x[N * IMAGE], mirrored[N * IMAGE];
static int32_t labels[N];

static int draw_images(void **state)
{
    (void)state;
    for (size_t i = 0; i < N * IMAGE; i++) {
        size_t column = i % W;
        x[i] = 2 * cen__random_float(1, 50, i) - 1;
        mirrored[i - column + (W - 1 - column)] = x[i];
    }
    for (size_t i = 0; i < N; i++) labels[i] = (int32_t)(i % CLASSES);
    return 0;
}

static cen_model *make_in(cen_context *context, const char *net, bool mirror)
{
    cen_model_options options = cen_model_options_init();
    options.net = net;
    options.input = (cen_input){C, H, W, CEN_RESIZE_CROP, {0}, {1, 1, 1}};
    options.mirror = mirror;
    options.n_classes = CLASSES;
    cen_model *model;
    cen_error error;
    assert_ok(cen_model_create(context, &model, &options, &error), &error);
    return model;
}

static cen_model *make(const char *net, bool mirror)
{
    return make_in(threads(1), net, mirror);
}

static void find(const cen_model *model, const float *images, float features[N * D])
{
    assert_int_equal(model_features(model, images, N, features, NULL), CEN_OK);
}

static void a_feature_is_the_mean_of_both_at_any_thread_count(void **state)
{
    (void)state;
    cen_model *one = make(line, false), *both = make(line, true);
    cen_model *more = make_in(threads(4), line, true);
    float a[N * D], b[N * D], mean[N * D], again[N * D];
    find(one, x, a);
    find(one, mirrored, b);
    find(both, x, mean);
    for (size_t i = 0; i < N * D; i++) assert_true(mean[i] == (a[i] + b[i]) / 2);
    assert_memory_not_equal(a, b, sizeof a);
    find(both, mirrored, again);
    assert_memory_equal(mean, again, sizeof mean);
    find(more, x, again);
    assert_memory_equal(mean, again, sizeof mean);
    cen_model_free(more);
    cen_model_free(one);
    cen_model_free(both);
}

static void features_of_one_length_keep_it(void **state)
{
    (void)state;
    cen_model *one = make(with_length, false), *both = make(with_length, true);
    float a[N * D], b[N * D], mean[N * D];
    find(one, x, a);
    find(one, mirrored, b);
    find(both, x, mean);
    for (size_t i = 0; i < N; i++) {
        double square = 0, sum_square = 0;
        for (size_t j = i * D; j < (i + 1) * D; j++) {
            square += (double)mean[j] * (double)mean[j];
            sum_square += ((double)a[j] + (double)b[j]) * ((double)a[j] + (double)b[j]);
        }
        assert_true(fabs(sqrt(square) - 3) < 1e-5);
        for (size_t j = i * D; j < (i + 1) * D; j++) {
            double wanted = 3 * ((double)a[j] + (double)b[j]) / sqrt(sum_square);
            assert_true(fabs((double)mean[j] - wanted) < 1e-5);
        }
    }
    cen_model_free(one);
    cen_model_free(both);
}

/* Where the feature is zero there is no direction to stretch. */
static void zeros_stay_zeros(void **state)
{
    (void)state;
    cen_model *both = make(with_length, true);
    size_t n;
    float *w = cen_model_parameters(both, &n);
    memset(w, 0, n * sizeof *w);
    float features[N * D];
    find(both, x, features);
    for (size_t i = 0; i < N * D; i++) assert_true(features[i] == 0);
    cen_model_free(both);
}

/* A step takes images as they come; evaluating after it shows what users of the model get. */
static void training_takes_images_as_they_come_and_evaluating_gives_the_mean(void **state)
{
    (void)state;
    cen_model *one = make(line, false), *both = make(line, true);
    cen_train_options options = cen_train_options_init();
    options.batch_size = BATCH;
    cen_trainer *plain = trainer_create(one, &options), *mirroring = trainer_create(both, &options);
    cen_losses a, b;
    for (int step = 0; step < 3; step++) {
        assert_int_equal(cen_trainer_backward(plain, x, labels, BATCH, &a, NULL), CEN_OK);
        assert_int_equal(cen_trainer_backward(mirroring, x, labels, BATCH, &b, NULL), CEN_OK);
        assert_true(a.total == b.total);
        cen_trainer_update(plain);
        cen_trainer_update(mirroring);
    }
    float evaluated[BATCH * D], features[N * D];
    assert_int_equal(cen_trainer_evaluate(plain, x, labels, BATCH, &a, NULL, NULL), CEN_OK);
    assert_int_equal(cen_trainer_evaluate(mirroring, x, labels, BATCH, &b, evaluated, NULL),
                     CEN_OK);
    find(both, x, features);
    assert_memory_equal(evaluated, features, sizeof evaluated);
    assert_true(a.first != b.first);
    cen_trainer_free(plain);
    cen_trainer_free(mirroring);
    cen_model_free(one);
    cen_model_free(both);
}

static void a_model_file_says_whether_it_mirrors(void **state)
{
    (void)state;
    for (int mirror = 0; mirror < 2; mirror++) {
        cen_model *model = make(line, mirror != 0), *loaded;
        assert_int_equal(cen_model_save(model, "mirror.safetensors", NULL), CEN_OK);
        assert_int_equal(cen_model_load(threads(1), &loaded, "mirror.safetensors", NULL, NULL),
                         CEN_OK);
        assert_int_equal(cen_model_get(loaded)->mirror, mirror != 0);
        float a[N * D], b[N * D];
        find(model, x, a);
        find(loaded, x, b);
        assert_memory_equal(a, b, sizeof a);
        cen_model_free(model);
        cen_model_free(loaded);
    }
}

/* A trainer and features, one allocation fewer each time. */
static int run_with_less_memory(void *user)
{
    cen_model *both = user;
    cen_trainer *trainer;
    cen_error error;
    cen_train_options options = cen_train_options_init();
    float features[N * D];
    cen_status status = cen_trainer_create(&trainer, both, &options, &error);
    if (status == CEN_OK) {
        status = model_features(both, x, N, features, &error);
        cen_trainer_free(trainer);
    }
    if (status == CEN_OK) return 1;
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "memory"));
    return 0;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    cen_model *both = make(line, true);
    assert_true(fail_each_allocation(run_with_less_memory, both) > 20);
    cen_model_free(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feature_is_the_mean_of_both_at_any_thread_count),
        cmocka_unit_test(features_of_one_length_keep_it),
        cmocka_unit_test(zeros_stay_zeros),
        cmocka_unit_test(training_takes_images_as_they_come_and_evaluating_gives_the_mean),
        cmocka_unit_test(a_model_file_says_whether_it_mirrors),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, draw_images, NULL);
}
