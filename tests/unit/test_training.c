/* 50 steps of training against PyTorch and Keras in float64: the losses at every step and the weights at the
 * end. tests/golden/train.py and keras.py; for nets of full size tests/parity/parity.py and keras_article.py. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/compare.h"
#include "support/golden.h"
#include "support/models.h"

typedef struct run {
    golden *all;
    const char *of;
    cen_model *model;
    cen_trainer *trainer;
    float *x;
    int32_t *labels;
    size_t n_images, image_size, batch;
} run;

static cen_center_mode mode_of(const char *name)
{
    if (strcmp(name, "mean") == 0) return CEN_CENTERS_MEAN;
    return strcmp(name, "adam") == 0 ? CEN_CENTERS_ADAM : CEN_CENTERS_ADAM_DENSE;
}

static run open_run_with(golden *all, const char *of, int n_threads, cen_train_options options)
{
    const golden_array *pixels = golden_get(all, of, "pixels");
    run r = {.all = all, .of = of, .n_images = pixels->shape[0]};
    r.image_size = pixels->count / r.n_images;
    r.batch = (size_t)golden_get(all, of, "batch")->values[0];
    r.model = model_of_golden(threads(n_threads), all, of, "pixels");
    r.x = golden_memory(pixels->count, sizeof *r.x);
    for (size_t i = 0; i < pixels->count; i++) r.x[i] = (float)(pixels->values[i] - 128) / 64;
    r.labels = golden_labels(golden_get(all, of, "labels"));
    options.lambda = golden_get(all, of, "lambda")->values[0];
    options.centers = mode_of(golden_get(all, of, "mode")->text);
    options.batch_size = r.batch;
    r.trainer = trainer_create(r.model, &options);
    return r;
}

static run open_run(golden *all, const char *of, int n_threads)
{
    return open_run_with(all, of, n_threads, plain_train_options());
}

static void close_run(run *r)
{
    cen_trainer_free(r->trainer);
    cen_model_free(r->model);
    free(r->x);
    free(r->labels);
}

/* The images come round and round in their order. */
static cen_losses step_run(run *r, size_t step)
{
    const size_t begin = step * r->batch % r->n_images;
    cen_losses losses;
    cen_error error;
    assert_ok(cen_trainer_backward(r->trainer, r->x + begin * r->image_size, r->labels + begin,
                                   r->batch, &losses, &error),
              &error);
    cen_trainer_update(r->trainer);
    return losses;
}

static void check_final(run *r)
{
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(r->model, i, &name, &view); i++) {
        char full[128], what[256];
        snprintf(full, sizeof full, "final/%s", name);
        snprintf(what, sizeof what, "%s: %s at the end", r->of, name);
        const golden_array *want = golden_get(r->all, r->of, full);
        double *got = doubles(view.data, want->count);
        assert_close(what, got, want->values, want->count, largest(want->values, want->count),
                     (closeness){0, 1e-4, 1e-5});
        free(got);
    }
}

static void check_losses(run *r)
{
    const golden_array *curve = golden_get(r->all, r->of, "losses");
    for (size_t step = 0; step < curve->shape[0]; step++) {
        const cen_losses losses = step_run(r, step);
        const double got[3] = {losses.total, losses.first, losses.center};
        for (size_t i = 0; i < 3; i++) {
            static const char *const names[3] = {"total", "softmax", "center"};
            char what[128];
            snprintf(what, sizeof what, "%s: %s at step %zu", r->of, names[i], step + 1);
            assert_number(what, got[i], curve->values[step * 3 + i], 2e-5);
        }
    }
}

static void check_run_of(const char *file, const char *of)
{
    golden *all = golden_open(file);
    run r = open_run(all, of, 2);
    check_losses(&r);
    check_final(&r);
    close_run(&r);
    golden_free(all);
}

static void check_run(const char *of)
{
    check_run_of("training.bin", of);
}

static void the_articles_net_trains_as_in_torch(void **state)
{
    (void)state;
    check_run("article");
}

static void the_articles_net_with_dense_centers_trains_as_in_torch(void **state)
{
    (void)state;
    check_run("article_dense");
}

static void a_small_lenetpp_with_mean_centers_trains_as_in_torch(void **state)
{
    (void)state;
    check_run("lenetpp");
}

static void strides_pads_and_slopes_train_as_in_torch(void **state)
{
    (void)state;
    check_run("strides");
}

static void a_small_resnet_trains_as_in_torch(void **state)
{
    (void)state;
    check_run_of("training_residual.bin", "resnet");
}

/* With the epsilon of Keras, and with a large one, of which the form shows more. */
static void the_articles_program_trains_as_in_keras(void **state)
{
    (void)state;
    static const char *const cases[] = {"keras", "keras_large_eps"};
    golden *all = golden_open("keras.bin");
    for (size_t i = 0; i < 2; i++) {
        cen_train_options options = plain_train_options();
        options.adam_form = CEN_ADAM_KERAS;
        options.adam_eps = golden_get(all, cases[i], "eps")->values[0];
        run r = open_run_with(all, cases[i], 2, options);
        check_losses(&r);
        check_final(&r);
        close_run(&r);
    }
    golden_free(all);
}

/* Also if the last frozen layer is within a residual, or the whole body is frozen. */
static void frozen_layers_are_those_of_torch_without_gradients_in_eval(void **state)
{
    (void)state;
    static const char *const cases[] = {"freeze_1", "freeze_2", "freeze_all",
                                        "freeze_in_a_residual", "freeze_before_a_shortcut"};
    golden *all = golden_open("freeze.bin");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen_train_options options = plain_train_options();
        options.n_frozen = (size_t)golden_get(all, cases[i], "n_frozen")->values[0];
        run r = open_run_with(all, cases[i], 2, options);
        check_losses(&r);
        check_final(&r);
        close_run(&r);
    }
    golden_free(all);
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    golden *all = golden_open("training.bin");
    const char *cases[4] = {"article", "article_dense", "lenetpp", "strides"};
    for (size_t i = 0; i < 4; i++) {
        run one = open_run(all, cases[i], 1), more = open_run(all, cases[i], 3);
        for (size_t step = 0; step < 8; step++) {
            const cen_losses a = step_run(&one, step), b = step_run(&more, step);
            assert_memory_equal(&a.total, &b.total, sizeof a.total);
        }
        size_t n;
        const float *a = cen_model_parameters(one.model, &n);
        assert_memory_equal(a, cen_model_parameters(more.model, &n), n * sizeof *a);
        close_run(&one);
        close_run(&more);
    }
    golden_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_articles_net_trains_as_in_torch),
        cmocka_unit_test(the_articles_net_with_dense_centers_trains_as_in_torch),
        cmocka_unit_test(a_small_lenetpp_with_mean_centers_trains_as_in_torch),
        cmocka_unit_test(strides_pads_and_slopes_train_as_in_torch),
        cmocka_unit_test(a_small_resnet_trains_as_in_torch),
        cmocka_unit_test(the_articles_program_trains_as_in_keras),
        cmocka_unit_test(frozen_layers_are_those_of_torch_without_gradients_in_eval),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
