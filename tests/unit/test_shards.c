/* A batch that one process cuts into shards. Several processes: test_exchange.c. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/golden_case.h"
#include "support/models.h"

static void shards_equal_processes_of_torch(void **state)
{
    (void)state;
    golden *all = golden_open("shards.bin");
    size_t n_checked = 0;
    for (size_t i = 0; i < all->n_arrays; i++) {
        const char *file_name = all->arrays[i].name, *end = strstr(file_name, "/net"), *name;
        char of[96], what[160];
        if (end == NULL) continue;
        snprintf(of, sizeof of, "%.*s", (int)(end - file_name), file_name);
        cen_model *model = model_of_golden(threads(2), all, of, "x");
        const golden_array *images = golden_get(all, of, "x");
        float *x = golden_floats(images);
        int32_t *labels = golden_labels(golden_get(all, of, "labels"));
        cen_train_options options = cen_train_options_init();
        options.lambda = golden_get(all, of, "lambda")->values[0];
        options.n_shards = (size_t)golden_get(all, of, "n_shards")->values[0];
        options.batch_size = images->shape[0];
        cen_trainer *trainer = trainer_create(model, &options);
        cen_losses losses;
        cen_error error;
        cen_tensor view;
        size_t n;
        assert_ok(cen_trainer_backward(trainer, x, labels, images->shape[0], &losses, &error),
                  &error);
        check_losses(of, &losses, golden_get(all, of, "losses"));
        check_gradient(all, of, model, cen_trainer_gradient(trainer, &n));
        for (size_t t = 0; cen_model_tensor(model, t, &name, &view); t++) {
            if (strstr(name, "running_") == NULL) continue;
            snprintf(what, sizeof what, "states/%s", name);
            const golden_array *want = golden_get(all, of, what);
            double *got = doubles(view.data, want->count);
            assert_close(what, got, want->values, want->count, largest(want->values, want->count),
                         FLOAT32);
            free(got);
        }
        cen_trainer_free(trainer);
        cen_model_free(model);
        free(x);
        free(labels);
        n_checked++;
    }
    golden_free(all);
    assert_int_equal(n_checked, 4);
}

enum { N = 13, SIDE = 8, IMAGE = SIDE * SIDE, N_CLASSES = 4, D = 6 };

typedef struct result {
    float features[N * D];
    float *gradient;
    size_t n_gradient;
    cen_losses losses;
} result;

static result backward_in(const char *net, size_t n_shards, size_t n)
{
    float x[N * IMAGE];
    int32_t labels[N];
    result r;
    cen_model *model = model_create(net, 1, SIDE, SIDE, N_CLASSES);
    cen_train_options options = cen_train_options_init();
    cen_error error;
    size_t n_features;
    options.n_shards = n_shards;
    options.batch_size = N;
    cen_trainer *trainer = trainer_create(model, &options);
    for (size_t i = 0; i < N * IMAGE; i++) x[i] = (float)(i * i % 31) / 15 - 1;
    for (size_t i = 0; i < N; i++) labels[i] = (int32_t)(i * i % N_CLASSES);
    assert_ok(cen_trainer_backward(trainer, x, labels, n, &r.losses, &error), &error);
    const float *features = cen_trainer_features(trainer, &n_features);
    assert_int_equal(n_features, n);
    memcpy(r.features, features, n * D * sizeof *features);
    const float *gradient = cen_trainer_gradient(trainer, &r.n_gradient);
    r.gradient = golden_memory(r.n_gradient, sizeof *r.gradient);
    memcpy(r.gradient, gradient, r.n_gradient * sizeof *gradient);
    labels[0] = N_CLASSES;
    assert_int_equal(cen_trainer_backward(trainer, x, labels, n, &r.losses, NULL),
                     CEN_ERROR_ARGUMENT);
    (void)cen_trainer_features(trainer, &n_features);
    assert_int_equal(n_features, 0);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return r;
}

/* Without batch statistics an image knows nothing of its shard, and dropout draws by its place in the batch: the
 * features and losses have the same bits, and the gradient is rounded in another order. Also with fewer images
 * than shards. */
static void without_batch_statistics_shards_change_nothing(void **state)
{
    (void)state;
    static const char net[] = "conv 4 3x3 pad 1, relu, dropout 0.3, maxpool 2, flatten, dense 6, "
                              "dropout 0.2";
    const size_t shards[] = {2, 3, 5, N};
    for (size_t n = 2; n <= N; n += 11) {
        result one = backward_in(net, 1, n);
        double *want = doubles(one.gradient, one.n_gradient);
        for (size_t i = 0; i < 4; i++) {
            result more = backward_in(net, shards[i], n);
            double *got = doubles(more.gradient, more.n_gradient);
            assert_memory_equal(more.features, one.features, n * D * sizeof(float));
            assert_memory_equal(&more.losses, &one.losses, sizeof one.losses);
            assert_close("gradient", got, want, one.n_gradient, largest(want, one.n_gradient),
                         FLOAT32);
            free(got);
            free(more.gradient);
        }
        free(want);
        free(one.gradient);
    }
}

/* Two images in shards of one, and in five shards of which three are empty. */
static void empty_shards_have_no_part_in_gradients_and_statistics(void **state)
{
    (void)state;
    float x[2 * IMAGE];
    const int32_t labels[2] = {3, 1};
    const size_t shards[2] = {2, 5};
    cen_model *models[2];
    cen_error error;
    const char *name, *same_name;
    cen_tensor view, same;
    for (size_t i = 0; i < 2 * IMAGE; i++) x[i] = (float)(i * i % 31) / 15 - 1;
    for (size_t i = 0; i < 2; i++) {
        cen_train_options options = cen_train_options_init();
        cen_losses losses;
        options.n_shards = shards[i];
        models[i] =
            model_create("conv 4 3x3, batchnorm, relu, flatten, dense 6", 1, SIDE, SIDE, N_CLASSES);
        cen_trainer *trainer = trainer_create(models[i], &options);
        assert_ok(cen_trainer_backward(trainer, x, labels, 2, &losses, &error), &error);
        cen_trainer_update(trainer);
        cen_trainer_free(trainer);
    }
    for (size_t t = 0; cen_model_tensor(models[0], t, &name, &view); t++) {
        assert_true(cen_model_tensor(models[1], t, &same_name, &same));
        assert_memory_equal(view.data, same.data, cen__tensor_count(&view) * sizeof(float));
    }
    cen_model_free(models[0]);
    cen_model_free(models[1]);
}

/* ---- memory ---- */

typedef struct count {
    size_t held, most;
} count;

static void *allocate(void *user, size_t size)
{
    count *c = user;
    size_t *block = malloc(64 + size);
    if (block == NULL) return NULL;
    *block = size;
    c->held += size;
    if (c->held > c->most) c->most = c->held;
    return (char *)block + 64;
}

static void release(void *user, void *block)
{
    count *c = user;
    size_t *start = (void *)((char *)block - 64);
    c->held -= *start;
    free(start);
}

/* Of a trainer for batches of 256, with the steps that it takes. */
static size_t memory_of(size_t n_shards)
{
    enum { BATCH = 256 };
    static float x[BATCH * IMAGE];
    static int32_t labels[BATCH];
    count c = {0, 0};
    cen_context_options how = cen_context_options_init();
    cen_context *context;
    cen_error error;
    cen_losses losses;
    how.n_threads = 1;
    how.allocate = allocate;
    how.release = release;
    how.allocator_user = &c;
    assert_ok(cen_context_create(&context, &how, &error), &error);
    cen_model *model = model_create_in(context,
                                       "conv 32 3x3 pad 1, batchnorm, relu, conv 32 3x3, "
                                       "batchnorm, relu, flatten, dense 8",
                                       1, SIDE, SIDE, 2);
    cen_train_options options = cen_train_options_init();
    options.batch_size = BATCH;
    options.n_shards = n_shards;
    const size_t before = c.held;
    cen_trainer *trainer = trainer_create(model, &options);
    for (size_t i = 0; i < BATCH; i++) labels[i] = (int32_t)(i % 2);
    assert_ok(cen_trainer_backward(trainer, x, labels, BATCH, &losses, &error), &error);
    cen_trainer_update(trainer);
    const size_t most = c.most - before;
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_context_free(context);
    return most;
}

static void sixteen_shards_need_the_memory_of_one(void **state)
{
    (void)state;
    const size_t one = memory_of(1), sixteen = memory_of(16);
    if (sixteen * 4 > one) fail_msg("%zu bytes, %zu in shards", one, sixteen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_equal_processes_of_torch),
        cmocka_unit_test(without_batch_statistics_shards_change_nothing),
        cmocka_unit_test(empty_shards_have_no_part_in_gradients_and_statistics),
        cmocka_unit_test(sixteen_shards_need_the_memory_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
