/* What a plan adds up and multiplies fits no memory: it is refused, and never wraps to what does. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "support/models.h"

enum { ON_64_BITS = SIZE_MAX > UINT32_MAX };

static cen_model *make(const char *net, size_t height, size_t width)
{
    cen_model_options options = cen_model_options_init();
    cen_model *model;
    cen_error error;
    options.net = net;
    options.input.height = height;
    options.input.width = width;
    options.n_classes = 2;
    assert_ok(cen_model_create(NULL, &model, &options, &error), &error);
    return model;
}

static void assert_refused(cen_model *model, size_t batch_size)
{
    cen_train_options options = cen_train_options_init();
    cen_trainer *trainer;
    cen_error error;
    options.batch_size = batch_size;
    cen_status status = cen_trainer_create(&trainer, model, &options, &error);
    assert_true(status == CEN_ERROR_LIMIT || status == CEN_ERROR_MEMORY);
    assert_null(trainer);
}

/* 256 outputs of 2^24, or 2^56, numbers: 2^32, or 2^64, in all. */
static void outputs_of_all_layers_do_not_wrap(void **state)
{
    (void)state;
    char net[4096] = "prelu";
    for (int i = 1; i < 256; i++) strcat(net, ", prelu");
    strcat(net, ", gap");
    size_t side = (size_t)1 << (ON_64_BITS ? 28 : 12);
    cen_model *model = make(net, side, side);
    assert_refused(model, 1);
    assert_refused(model, 2);
    cen_model_free(model);
}

static void batches_of_every_size_do_not_wrap(void **state)
{
    (void)state;
    static const char *const nets[] = {
        "flatten, dense 8",
        "conv 16 3x3 pad 1, batchnorm, relu, maxpool 2, conv 16 3x3, prelu, flatten, dense 8",
        "conv 3 5x5 stride 2, maxpool 2, gap, dropout 0.5, l2norm",
    };
    const int shifts = ON_64_BITS ? 24 : 2; /* 2^32 >> 8 images fit into memory */
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        cen_model *model = make(nets[i], 16, 16);
        for (int shift = 0; shift < shifts; shift++) {
            assert_refused(model, SIZE_MAX >> shift);
            assert_refused(model, (SIZE_MAX >> shift) / 16 + 1);
        }
        cen_model_free(model);
    }
}

static void every_loss_refuses_a_batch_that_does_not_fit(void **state)
{
    (void)state;
    cen_model *model = make("flatten, dense 8", 4, 4);
    for (int loss = CEN_LOSS_CENTER; loss <= CEN_LOSS_COSFACE; loss++) {
        cen_train_options options = cen_train_options_init();
        cen_trainer *trainer;
        options.loss = (cen_loss)loss;
        options.centers = CEN_CENTERS_ADAM;
        options.batch_size = SIZE_MAX / 16 + 1;
        cen_status status = cen_trainer_create(&trainer, model, &options, NULL);
        assert_true(status == CEN_ERROR_LIMIT || status == CEN_ERROR_MEMORY);
    }
    cen_model_free(model);
}

static void inference_of_images_that_do_not_fit_is_refused(void **state)
{
    (void)state;
    static const char *const nets[] = {"prelu, prelu, gap", "conv 1 3x3, conv 1 3x3, gap",
                                       "conv 2 3x3, maxpool 2, gap"};
    /* Of the last a few of the largest images do fit where addresses have 32 bits. */
    size_t side = ON_64_BITS ? (size_t)1 << 27 : 8191, n_nets = ON_64_BITS ? 3 : 2;
    for (size_t i = 0; i < n_nets; i++) {
        cen_model *model = make(nets[i], side, side);
        float x = 0, features[16];
        cen_status status = model_features(model, &x, (size_t)1 << 20, features, NULL);
        assert_true(status == CEN_ERROR_LIMIT || status == CEN_ERROR_MEMORY);
        cen_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_of_all_layers_do_not_wrap),
        cmocka_unit_test(batches_of_every_size_do_not_wrap),
        cmocka_unit_test(every_loss_refuses_a_batch_that_does_not_fit),
        cmocka_unit_test(inference_of_images_that_do_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
