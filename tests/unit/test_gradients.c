/* Gradients of every parameter against central differences of support/reference.h, a second forward
 * in double. A gradient that fits its own wrong forward is not enough, so the forwards are compared
 * too. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/compare.h"
#include "support/golden.h"
#include "support/models.h"
#include "support/reference.h"
#include "format/safetensors.h"

/* An entry may be off by 0.1 % and a millionth of its tensor's largest. check_slopes makes sure
 * that 1 % is more than that for every single entry. */
static const closeness SLOPE = {1e-3, 1e-6, 1e-4};

enum { N_CLASSES = 4, BATCH = 4 };

typedef struct example {
    const char *net;
    size_t c, h, w, n;
    double lambda;
    uint64_t seed;
    cen_model *model;
    cen_trainer *trainer;
    reference reference;
    size_t n_parameters;
    double *parameters, *x;
    float *x32;
    int32_t labels[BATCH];
} example;

/* Uniform in -1 .. 1 with 16 bits: the generator of ANSI C's example of rand. */
static double next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(int)(*seed >> 48) / 32768 - 1;
}

/* Weights large enough to matter, slopes between -0.25 and 0.75, biases of all signs. */
static void fill_parameters(example *e)
{
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(e->model, i, &name, &view); i++) {
        const size_t n = cen__tensor_count(&view), n_out = view.shape[0];
        if (strstr(name, "running_")) continue;
        const double limit = view.n_dims == 1 ? 0.5 : 1.7 / sqrt((double)(n / n_out));
        const double middle = strstr(name, "bias") ? 0 : view.n_dims == 1 ? 0.25 : 0;
        for (size_t k = 0; k < n; k++)
            view.data[k] = (float)(middle + limit * next_random(&e->seed));
    }
}

/* The parameters in the order of the reference: by tensor, which is that of the line. */
static void gather_parameters(example *e)
{
    const float *parameters = cen_model_parameters(e->model, &e->n_parameters);
    e->parameters = doubles(parameters, e->n_parameters);
}

static void open_example(example *e, cen_center_mode centers)
{
    e->model = model_create(e->net, e->c, e->h, e->w, N_CLASSES);
    fill_parameters(e);
    gather_parameters(e);
    e->reference = reference_of(e->net, e->c, e->h, e->w, N_CLASSES, e->lambda);
    const size_t n_pixels = e->n * e->c * e->h * e->w;
    e->x = golden_memory(n_pixels, sizeof *e->x);
    e->x32 = golden_memory(n_pixels, sizeof *e->x32);
    for (size_t i = 0; i < n_pixels; i++) {
        e->x[i] = next_random(&e->seed);
        e->x32[i] = (float)e->x[i]; /* exact: 16 bits */
    }
    const int32_t labels[BATCH] = {2, 0, 2, 1}; /* one twice, one absent */
    memcpy(e->labels, labels, sizeof labels);
    cen_train_options options = cen_train_options_init();
    options.lambda = e->lambda;
    options.centers = centers;
    options.batch_size = BATCH;
    e->trainer = trainer_create(e->model, &options);
}

static void close_example(example *e)
{
    cen_trainer_free(e->trainer);
    cen_model_free(e->model);
    free(e->parameters);
    free(e->x);
    free(e->x32);
}

static void check_forward(example *e, const cen_losses *losses)
{
    cen_error error;
    const size_t n = e->n * e->reference.d;
    double *want = golden_memory(n, sizeof *want);
    float *features = golden_memory(n, sizeof *features);
    const reference_losses expected =
        reference_forward(&e->reference, e->parameters, e->x, e->labels, e->n, want);
    assert_number(e->net, losses->first, expected.softmax, 2e-6);
    assert_number(e->net, losses->center, expected.center, 2e-6);
    assert_number(e->net, losses->total, expected.total, 2e-6);
    if (strstr(e->net, "batchnorm")) { /* has other features by its running statistics */
        free(features);
        free(want);
        return;
    }
    assert_ok(model_features(e->model, e->x32, e->n, features, &error), &error);
    double *got = doubles(features, n);
    assert_close(e->net, got, want, n, largest(want, n), FLOAT32);
    free(got);
    free(features);
    free(want);
}

/* The slopes of one tensor, which begins at parameters[at], against the gradient. */
static void check_slopes(example *e, const char *name, const cen_tensor *view, size_t at,
                         const float *gradient)
{
    const size_t n = cen__tensor_count(view);
    double *slopes = golden_memory(n, sizeof *slopes), *got = part_of(e->model, view, gradient);
    bool kink = false;
    for (size_t i = 0; i < n; i++)
        slopes[i] =
            reference_slope(&e->reference, e->parameters, at + i, e->x, e->labels, e->n, &kink);
    if (kink) fail_msg("%s: %s: a kink within the step, choose another seed", e->net, name);
    const double scale = largest(slopes, n);
    if (scale < 1e-8) { /* a bias that a batchnorm takes away */
        for (size_t i = 0; i < n; i++) assert_true(fabs(got[i]) < 1e-8);
        free(slopes);
        free(got);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (fabs(slopes[i]) < 1e-9 * scale) slopes[i] = 0; /* rounding: a centre that is absent */
        if (fabs(slopes[i]) > 0 && 0.009 * fabs(slopes[i]) < SLOPE.absolute * scale)
            fail_msg("%s: %s: slope %zu is too small (%g of %g) to see 1 %%, choose another seed",
                     e->net, name, i, slopes[i], scale);
    }
    char what[256];
    snprintf(what, sizeof what, "%s: gradient of %s", e->net, name);
    assert_close(what, got, slopes, n, scale, SLOPE);
    for (size_t i = 0; i < n; i++) {
        const double right = got[i];
        size_t worst;
        if (slopes[i] < 0 || slopes[i] > 0) {
            got[i] = slopes[i] * 1.01;
            assert_false(is_close(got, slopes, n, scale, SLOPE, &worst));
            got[i] = slopes[i] * 0.99;
            assert_false(is_close(got, slopes, n, scale, SLOPE, &worst));
        }
        got[i] = right;
    }
    free(slopes);
    free(got);
}

/* In mode MEAN the gradient of the centers is nobody's, and not compared. */
static void check_example(example e, cen_center_mode mode)
{
    cen_losses losses;
    cen_error error;
    open_example(&e, mode);
    assert_ok(cen_trainer_backward(e.trainer, e.x32, e.labels, e.n, &losses, &error), &error);
    check_forward(&e, &losses);
    size_t n_gradient, at = 0;
    const float *gradient = cen_trainer_gradient(e.trainer, &n_gradient);
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(e.model, i, &name, &view); i++) {
        if (strstr(name, "running_")) continue;
        if (mode != CEN_CENTERS_MEAN || strcmp(name, "centers.weight") != 0)
            check_slopes(&e, name, &view, at, gradient);
        at += cen__tensor_count(&view);
    }
    assert_int_equal(at, e.n_parameters);
    close_example(&e);
}

static void check_net(const char *net, size_t c, size_t h, size_t w, uint64_t seed)
{
    const example e = {.net = net, .c = c, .h = h, .w = w, .n = BATCH, .lambda = 0.3, .seed = seed};
    check_example(e, CEN_CENTERS_ADAM_DENSE);
}

static void conv_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("conv 3 2x2, flatten", 3, 4, 3, 1);
    check_net("conv 2 3x3 pad 1, flatten", 1, 3, 5, 1);
    check_net("conv 3 3x2 stride 2x1 pad 1x0, flatten", 3, 5, 4, 1);
    check_net("conv 2 3x2 stride 3 pad 2x1, conv 3 2x1, flatten", 3, 6, 7, 1);
    check_net("conv 2 1x1, conv 3 2x4 stride 1x2 pad 0x2, flatten", 1, 3, 5, 1);
}

static void maxpool_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("conv 2 2x2, maxpool 2, flatten", 3, 6, 5, 1);
    check_net("conv 2 2x2, maxpool 3 stride 1, conv 2 1x2, flatten", 1, 6, 5, 1);
    check_net("conv 2 1x2, maxpool 2x3 stride 3x2, flatten", 3, 8, 8, 1);
}

static void dense_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("flatten, dense 5", 3, 2, 3, 1);
    check_net("flatten, dense 4, dense 3", 1, 3, 3, 1);
    check_net("conv 2 2x2, flatten, dense 3", 1, 3, 4, 1);
}

static void conv_in_groups_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("conv 6 2x2, conv 6 3x3 pad 1 groups 6, flatten", 1, 4, 5, 1);
    check_net("conv 3 3x3 pad 1 groups 3, conv 6 3x3 stride 2 pad 1 groups 3, flatten", 3, 5, 4, 1);
    check_net("conv 6 2x2, conv 4 2x3 stride 2x1 pad 1x2 groups 2, flatten", 1, 5, 4, 1);
    check_net(
        "conv 4 1x1, batchnorm, relu, conv 4 3x3 pad 1 groups 4, batchnorm, relu, maxpool 2, gap",
        3, 4, 6, 1);
}

static void pools_with_padding_have_the_slopes_of_their_forward(void **state)
{
    (void)state;
    check_net("conv 2 2x2, maxpool 3 stride 2 pad 1, flatten", 1, 7, 6, 1);
    check_net("conv 2 2x2, avgpool 2, conv 2 2x1, flatten", 1, 7, 6, 1);
    check_net("conv 2 1x1, avgpool 3x2 stride 2x1 pad 1, conv 2 2x2, flatten", 3, 5, 4, 1);
    check_net("conv 3 1x1, avgpool 3, gap", 1, 7, 6, 1);
}

static void relu6_and_gelu_have_the_slopes_of_their_forward(void **state)
{
    (void)state;
    check_net("conv 3 2x2, relu6, flatten, dense 4, relu6, dense 3", 1, 4, 4, 1);
    check_net("conv 3 2x2, gelu, flatten, dense 4, gelu, dense 3", 1, 4, 4, 1);
    check_net("conv 4 1x1, batchnorm, relu6, conv 4 3x3 pad 1 groups 4, batchnorm, gelu, gap", 3, 4,
              5, 1);
}

static void relu_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("conv 3 2x2, relu, flatten, dense 4, relu, dense 3", 1, 4, 4, 1);
    check_net("flatten, dense 6, relu", 1, 3, 3, 1);
}

static void prelu_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("conv 3 2x2, prelu, flatten, dense 4, prelu", 1, 4, 4, 1);
    check_net("prelu, conv 2 2x2 stride 2, prelu, conv 2 2x1, flatten", 3, 5, 4, 1);
}

static void batchnorm_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("conv 3 2x2, batchnorm, flatten", 1, 4, 4, 1);
    check_net("conv 3 2x2, batchnorm, relu, flatten, dense 4, batchnorm, dense 3", 1, 4, 4, 1);
    check_net("conv 3 2x2, batchnorm, relu, maxpool 2, conv 2 2x2, flatten", 3, 8, 6, 1);
    check_net("conv 3 2x2, batchnorm, maxpool 2, flatten", 3, 6, 8, 1);
    check_net("batchnorm, conv 2 2x1, prelu, batchnorm, conv 2 2x2, gap", 3, 5, 4, 1);
}

static void gap_and_l2norm_have_the_slopes_of_their_forward(void **state)
{
    (void)state;
    check_net("conv 3 2x2, gap", 3, 5, 4, 1);
    check_net("conv 3 2x2, prelu, gap, dense 4, l2norm", 1, 5, 4, 1);
    check_net("flatten, dense 5, l2norm scale 3, dense 3", 1, 3, 3, 1);
}

static void residual_has_the_slopes_of_its_forward(void **state)
{
    (void)state;
    check_net("conv 3 2x2, residual {conv 3 3x3 pad 1, prelu, conv 3 1x1}, flatten", 1, 4, 4, 1);
    check_net("conv 3 2x2, residual {relu, conv 3 1x1, relu}, relu, flatten, dense 3", 1, 4, 4, 1);
    check_net("conv 3 2x2, prelu, residual {conv 4 3x3 stride 2 pad 1 | conv 4 1x1 stride 2}, gap",
              1, 6, 5, 1);
    check_net("conv 2 2x2, residual {residual {prelu} | residual {conv 2 1x1, prelu | prelu}}, gap",
              1, 4, 4, 1);
    check_net("conv 3 2x2, prelu, residual {batchnorm, relu, conv 3 1x1}, relu, gap", 1, 4, 4, 2);
    check_net("conv 3 2x2, prelu, residual {conv 4 2x2 stride 2, batchnorm | maxpool 2, conv 4 "
              "1x1, batchnorm}, "
              "relu, gap",
              1, 5, 5, 1);
    check_net("flatten, dense 4, residual {dense 3, prelu, dense 4}, residual {dense 2 | dense 2}",
              1, 3, 3, 1);
}

static void whole_nets_have_the_slopes_of_their_forward(void **state)
{
    (void)state;
    check_net("conv 5 2x2, maxpool 2, flatten, dense 6, relu", 3, 6, 6, 1);
    check_net("conv 2 5x5 pad 2, prelu, conv 3 5x5 pad 2, prelu, maxpool 2, flatten, dense 2", 1, 4,
              4, 1);
    check_net("conv 3 3x5 stride 2 pad 1, prelu, conv 2 2x2, prelu, flatten, dense 3", 1, 7, 8, 1);
}

/* lambda 0 leaves the softmax, a large one the center loss. */
static void each_loss_alone_has_its_slopes(void **state)
{
    (void)state;
    example e = {.net = "conv 2 2x2, prelu, flatten, dense 3",
                 .c = 1,
                 .h = 4,
                 .w = 3,
                 .n = BATCH,
                 .seed = 1};
    check_example(e, CEN_CENTERS_ADAM_DENSE);
    e.lambda = 50;
    check_example(e, CEN_CENTERS_ADAM_DENSE);
    e.n = 1;
    check_example(e, CEN_CENTERS_ADAM_DENSE);
}

static void every_center_mode_has_the_slopes_of_the_loss(void **state)
{
    (void)state;
    const example e = {.net = "conv 2 2x2, maxpool 2, flatten, dense 3",
                       .c = 1,
                       .h = 5,
                       .w = 5,
                       .n = BATCH,
                       .lambda = 0.2,
                       .seed = 1};
    check_example(e, CEN_CENTERS_ADAM);
    check_example(e, CEN_CENTERS_ADAM_DENSE);
    check_example(e, CEN_CENTERS_MEAN); /* moves the centers otherwise: body and head alone */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_has_the_slopes_of_its_forward),
        cmocka_unit_test(maxpool_has_the_slopes_of_its_forward),
        cmocka_unit_test(conv_in_groups_has_the_slopes_of_its_forward),
        cmocka_unit_test(pools_with_padding_have_the_slopes_of_their_forward),
        cmocka_unit_test(relu6_and_gelu_have_the_slopes_of_their_forward),
        cmocka_unit_test(dense_has_the_slopes_of_its_forward),
        cmocka_unit_test(relu_has_the_slopes_of_its_forward),
        cmocka_unit_test(prelu_has_the_slopes_of_its_forward),
        cmocka_unit_test(batchnorm_has_the_slopes_of_its_forward),
        cmocka_unit_test(gap_and_l2norm_have_the_slopes_of_their_forward),
        cmocka_unit_test(residual_has_the_slopes_of_its_forward),
        cmocka_unit_test(whole_nets_have_the_slopes_of_their_forward),
        cmocka_unit_test(each_loss_alone_has_its_slopes),
        cmocka_unit_test(every_center_mode_has_the_slopes_of_the_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
