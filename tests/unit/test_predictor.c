/* A predictor: the same bits in a batch of any size and in any thread, pictures as a folder is read, and no
 * allocation once it is made. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/random.h"
#include "support/datasets.h"
#include "support/context.h"
#include "support/limited_memory.h"
#include "support/models.h"

enum { SIDE = 12, N = 64, D = 6, COUNT = SIDE * SIDE };

static const char *const nets[] = {
    "conv 16 3x3 pad 1, batchnorm, relu, maxpool 2, conv 12 3x3 pad 1, prelu, flatten, dense 6",
    "conv 5 3x3 stride 2, maxpool 2, flatten, dense 40, relu, dense 6, l2norm",
    "flatten, dense 300, batchnorm, relu, dropout 0.5, dense 6",
    "conv 8 3x3, relu, gap, dense 6, batchnorm",
    "conv 8 3x3 pad 1, batchnorm, relu6, conv 16 3x3 pad 1 groups 8, gelu, conv 12 1x1 groups 2, "
    "batchnorm, relu6, conv 12 5x5 stride 2 pad 2 groups 12, batchnorm, gelu, "
    "maxpool 3 stride 2 pad 1, avgpool 2 stride 1, flatten, dense 6",
    "conv 32 3x3 pad 1, flatten, dense 600, dense 6", /* sums of 4608 */
};
enum { N_NETS = sizeof nets / sizeof *nets };

static float x[N * COUNT];

static cen_model *make(const char *net, bool mirror, size_t channels)
{
    cen_model_options options = cen_model_options_init();
    options.net = net;
    options.input =
        (cen_input){channels, SIDE, SIDE, CEN_RESIZE_CROP, {0.4f, 0.5f, 0.6f}, {0.2f, 0.3f, 0.4f}};
    options.mirror = mirror;
    cen_model *model;
    cen_error error;
    assert_ok(cen_model_create(threads(3), &model, &options, &error), &error);
    return model;
}

static void an_image_alone_has_the_bits_that_it_has_in_a_batch(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * N_NETS; i++) {
        cen_model *model = make(nets[i / 2], i % 2, 1);
        cen_predictor *many, *one;
        float together[N * D], alone[D];
        cen_error error;
        assert_ok(cen_predictor_create(&many, model, N, &error), &error);
        assert_ok(cen_predictor_create(&one, model, 1, &error), &error);
        assert_ok(cen_predictor_features(many, x, N, together, &error), &error);
        for (size_t j = 0; j < N; j++) {
            assert_ok(cen_predictor_features(one, x + j * COUNT, 1, alone, &error), &error);
            assert_memory_equal(alone, together + j * D, sizeof alone);
            if (j % 16 != 0) continue;
            assert_ok(cen_predictor_features(many, x + j * COUNT, 1, alone, &error), &error);
            assert_memory_equal(alone, together + j * D, sizeof alone);
        }
        cen_predictor_free(many);
        cen_predictor_free(one);
        cen_model_free(model);
    }
}

static void a_call_allocates_nothing(void **state)
{
    (void)state;
    float features[N * D];
    for (size_t i = 0; i < 2 * N_NETS; i++) {
        cen_model *model = make(nets[i / 2], i % 2, 1);
        cen_predictor *predictor;
        cen_error error;
        assert_ok(cen_predictor_create(&predictor, model, N, &error), &error);
        assert_ok(cen_predictor_features(predictor, x, N, features, &error),
                  &error); /* threads start */
        allocations_left = 0;
        cen_status status = cen_predictor_features(predictor, x, N, features, &error);
        allocations_left = SIZE_MAX;
        assert_ok(status, &error);
        cen_predictor_free(predictor);
        cen_model_free(model);
    }
}

/* ---- pictures ------------------------------------------------------------------------------------- */

static uint8_t bytes[1 << 20];

static size_t read_bytes(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    assert_true(size > 0 && size < sizeof bytes);
    assert_int_equal(fclose(file), 0);
    return size;
}

static void a_picture_becomes_the_input_that_a_folder_makes_of_it(void **state)
{
    (void)state;
    static const char *const corpora[] = {"jpeg", "png", "bmp", "pnm"};
    size_t n_compared = 0;
    for (size_t channels = 1; channels <= 3; channels += 2) {
        cen_model *model = make("gap", false, channels);
        cen_predictor *predictor;
        cen_error error;
        assert_ok(cen_predictor_create(&predictor, model, 1, &error), &error);
        for (size_t i = 0; i < sizeof corpora / sizeof *corpora; i++) {
            char root[512];
            const char *path = root;
            snprintf(root, sizeof root, "%s/fuzz/corpus/%s", CEN_TESTS_FOLDER, corpora[i]);
            cen_folder_options options = cen_folder_options_init();
            options.unlabelled = true;
            cen_folder *folder;
            assert_ok(cen_folder_open(threads(2), &folder, &path, 1, &options, &error), &error);
            const cen_input *input = &cen_model_get(model)->input;
            assert_ok(cen_folder_load(folder, input, 1 << 24, NULL, NULL, &error), &error);
            const cen_folder_info *info = cen_folder_get(folder);
            for (size_t j = 0; j < info->n_images; j++, n_compared++) {
                float expected[3 * COUNT], got[3 * COUNT];
                cen_image image;
                assert_ok(folder_read(folder, input, &j, 1, expected, NULL, &error), &error);
                const size_t size = read_bytes(info->images[j].path);
                memset(got, 0xff, sizeof got);
                assert_ok(cen_predictor_decode(predictor, bytes, size, got, &error), &error);
                assert_memory_equal(got, expected, channels * COUNT * sizeof *got);
                /* decoded by the caller, with the channels of the file */
                cen_image_options whole = cen_image_options_init();
                whole.target_height = whole.target_width = SIDE;
                assert_ok(cen_image_decode(NULL, bytes, size, &whole, &image, &error), &error);
                memset(got, 0xff, sizeof got);
                assert_ok(cen_predictor_input(predictor, &image, got, &error), &error);
                assert_memory_equal(got, expected, channels * COUNT * sizeof *got);
                cen_image_free(&image);
            }
            cen_folder_free(folder);
        }
        cen_predictor_free(predictor);
        cen_model_free(model);
    }
    assert_true(n_compared > 100);
}

/* ---- errors --------------------------------------------------------------------------------------- */

static int create_or_fail(void *user)
{
    cen_model *model = user;
    cen_predictor *predictor;
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_predictor_create(&predictor, model, 4, &error);
    if (status == CEN_OK) {
        cen_predictor_free(predictor);
        return 1;
    }
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_int_equal(error.status, CEN_ERROR_MEMORY);
    assert_null(predictor);
    return 0;
}

/* A logit by the definition: f W^T + b, or scale cos(f, w). */
static double naive_logit(const float *f, const float *w, float bias, double scale)
{
    double dot = 0, ff = 0, ww = 0;
    for (size_t j = 0; j < D; j++) {
        dot += (double)f[j] * (double)w[j];
        ff += (double)f[j] * (double)f[j];
        ww += (double)w[j] * (double)w[j];
    }
    return scale > 0 ? scale * dot / sqrt(ff * ww) : dot + (double)bias;
}

static int classes_or_fail(void *user)
{
    float logits[8], f[D] = {0};
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_model_classes(user, f, 1, logits, NULL, &error);
    assert_true(status == CEN_OK || status == CEN_ERROR_MEMORY);
    assert_int_equal(error.status, status);
    return status == CEN_OK;
}

static void logits_and_probabilities_are_those_of_the_head_and_of_any_batch(void **state)
{
    (void)state;
    enum { CLASSES = 5 };
    for (int is_cosine = 0; is_cosine < 2; is_cosine++) {
        cen_model *model =
            model_create("conv 4 3x3, relu, flatten, dense 6", 1, SIDE, SIDE, CLASSES);
        cen_train_options options = cen_train_options_init();
        options.loss = is_cosine ? CEN_LOSS_COSFACE : CEN_LOSS_CENTER;
        options.margin_scale = 12;
        cen_trainer_free(trainer_create(model, &options)); /* it gives the model its head */
        const char *name;
        cen_tensor weight, bias;
        size_t at = 0;
        while (cen_model_tensor(model, at, &name, &weight) && strcmp(name, "head.weight") != 0)
            at++;
        assert_true(cen_model_tensor(model, at + 1, &name, &bias));
        for (size_t k = 0; k < CLASSES; k++) bias.data[k] = 0.3f * (float)k;
        cen_predictor *many, *one;
        float f[N * D], logits[N * CLASSES], p[N * CLASSES], alone[CLASSES];
        assert_int_equal(cen_predictor_create(&many, model, N, NULL), CEN_OK);
        assert_int_equal(cen_predictor_create(&one, model, 1, NULL), CEN_OK);
        assert_int_equal(cen_predictor_features(many, x, N, f, NULL), CEN_OK);
        assert_int_equal(cen_predictor_classes(many, x, N, logits, p, NULL), CEN_OK);
        for (size_t i = 0; i < N; i++) {
            double sum = 0, exps = 0;
            for (size_t k = 0; k < CLASSES; k++) {
                double due =
                    naive_logit(f + i * D, weight.data + k * D, bias.data[k], is_cosine ? 12 : 0);
                assert_true(fabs((double)logits[i * CLASSES + k] - due) < 1e-4);
                exps += exp(due);
                sum += (double)p[i * CLASSES + k];
            }
            assert_true(fabs(sum - 1) < 1e-6);
            for (size_t k = 0; k < CLASSES; k++) {
                assert_true(fabs((double)p[i * CLASSES + k] -
                                 exp((double)logits[i * CLASSES + k]) / exps) < 1e-4);
            }
            assert_int_equal(cen_predictor_classes(one, x + i * COUNT, 1, alone, NULL, NULL),
                             CEN_OK);
            assert_memory_equal(alone, logits + i * CLASSES, sizeof alone);
            assert_int_equal(cen_predictor_classes(one, x + i * COUNT, 1, NULL, alone, NULL),
                             CEN_OK);
            assert_memory_equal(alone, p + i * CLASSES, sizeof alone);
        }
        /* The same of features that are there, also of more than the library takes at once. */
        enum { ROWS = 2 * N + 3 };
        float rows[ROWS * D], got[ROWS * CLASSES], shares[ROWS * CLASSES];
        for (size_t i = 0; i < ROWS; i++) memcpy(rows + i * D, f + i % N * D, D * sizeof *f);
        assert_int_equal(cen_model_classes(model, rows, ROWS, got, shares, NULL), CEN_OK);
        for (size_t i = 0; i < ROWS; i++) {
            const size_t k = i % N * CLASSES;
            assert_memory_equal(got + i * CLASSES, logits + k, CLASSES * sizeof *got);
            assert_memory_equal(shares + i * CLASSES, p + k, CLASSES * sizeof *p);
        }
        assert_true(fail_each_allocation(classes_or_fail, model) > 1);
        cen_predictor_free(many);
        cen_predictor_free(one);
        cen_model_free(model);
    }
}

static void a_model_without_classes_or_head_has_no_logits(void **state)
{
    (void)state;
    for (size_t classes = 0; classes < 4; classes += 3) {
        cen_model *model = model_create("flatten, dense 6", 1, SIDE, SIDE, classes);
        if (classes > 0) {
            cen_train_options options = cen_train_options_init();
            options.loss = CEN_LOSS_TRIPLET_HARD;
            cen_trainer_free(trainer_create(model, &options));
        }
        cen_predictor *predictor;
        cen_error error;
        float logits[3];
        assert_int_equal(cen_predictor_create(&predictor, model, 1, NULL), CEN_OK);
        assert_int_equal(cen_predictor_classes(predictor, x, 1, logits, NULL, &error),
                         CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, classes > 0 ? "without a head" : "no classes"));
        assert_int_equal(cen_model_classes(model, logits, 1, logits, NULL, &error),
                         CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, classes > 0 ? "without a head" : "no classes"));
        cen_predictor_free(predictor);
        cen_model_free(model);
    }
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    cen_model *model = make(nets[0], true, 1);
    cen_predictor *predictor;
    cen_error error;
    float features[D], input[COUNT];
    const cen_image none = {0};
    assert_int_equal(cen_predictor_create(&predictor, model, 0, &error), CEN_ERROR_ARGUMENT);
    assert_null(predictor);
    assert_true(fail_each_allocation(create_or_fail, model) > 5);
    assert_ok(cen_predictor_create(&predictor, model, 1, &error), &error);
    assert_int_equal(cen_predictor_features(predictor, x, 2, features, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "2 images"));
    assert_ok(cen_predictor_features(predictor, x, 0, features, &error), &error);
    assert_int_equal(cen_predictor_input(predictor, &none, input, &error), CEN_ERROR_ARGUMENT);
    const int wrong[] = {-1, 0, 5};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const cen_image image = {.width = 2, .height = 2, .channels = wrong[i], .pixels = bytes};
        assert_int_equal(cen_predictor_input(predictor, &image, input, &error), CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "channels"));
    }
    assert_int_equal(cen_predictor_decode(predictor, "\0\0\0\030ftypheic", 12, input, &error),
                     CEN_ERROR_UNSUPPORTED);
    cen_predictor_free(predictor);
    cen_predictor_free(NULL);
    cen_model_free(model);
}

static int draw(void **state)
{
    (void)state;
    for (size_t i = 0; i < N * COUNT; i++) x[i] = 2 * cen__random_float(6, 1, i) - 1;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_alone_has_the_bits_that_it_has_in_a_batch),
        cmocka_unit_test(a_call_allocates_nothing),
        cmocka_unit_test(a_picture_becomes_the_input_that_a_folder_makes_of_it),
        cmocka_unit_test(logits_and_probabilities_are_those_of_the_head_and_of_any_batch),
        cmocka_unit_test(a_model_without_classes_or_head_has_no_logits),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
