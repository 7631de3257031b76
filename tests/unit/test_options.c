/* Every enum and number of every struct of options is checked where it comes in: one that makes no sense
 * is an ARGUMENT error, and nothing is made of it. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/context.h"
#include "support/models.h"
#include "support/tree.h"

static const double bad_numbers[] = {NAN, INFINITY, -INFINITY, -1, 1e300};
enum { N_BAD = sizeof bad_numbers / sizeof *bad_numbers };

static void assert_no_trainer(cen_model *model, const cen_train_options *options)
{
    cen_trainer *trainer;
    assert_int_equal(cen_trainer_create(&trainer, model, options, NULL), CEN_ERROR_ARGUMENT);
    assert_null(trainer);
}

static void bad_train_options_are_refused(void **state)
{
    (void)state;
    cen_model *model = model_create("flatten, dense 4", 1, 4, 4, 2);
    const cen_train_options good = cen_train_options_init();
    cen_train_options options = good;
    double *const numbers[] = {
        &options.lambda,       &options.margin,    &options.margin_scale, &options.alpha,
        &options.lr,           &options.beta1,     &options.beta2,        &options.adam_eps,
        &options.weight_decay, &options.clip_norm, &options.lambda_ratio, &options.label_smoothing,
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (size_t j = 0; j < N_BAD; j++) {
            *numbers[i] = bad_numbers[j];
            assert_no_trainer(model, &options);
            options = good;
        }
    }
    for (int value = -1; value < 100; value += value < 10 ? 1 : 17) {
        options.loss = (cen_loss)value;
        if (value < 0 || value > CEN_LOSS_COSFACE) assert_no_trainer(model, &options);
        options = good;
        options.centers = (cen_center_mode)value;
        if (value < 0 || value > CEN_CENTERS_MEAN) assert_no_trainer(model, &options);
        options = good;
        options.adam_form = (cen_adam_form)value;
        if (value < 0 || value > CEN_ADAM_KERAS) assert_no_trainer(model, &options);
        options = good;
        options.optimizer = (cen_optimizer)value;
        if (value < 0 || value > CEN_OPTIMIZER_MUON) assert_no_trainer(model, &options);
        options = good;
    }
    options.batch_size = 0;
    assert_no_trainer(model, &options);
    cen_model_free(model);
}

static void bad_model_options_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"a", NULL};
    const cen_model_options good = cen_model_options_init();
    for (int i = 0; i < 9; i++) {
        cen_model_options options = good;
        options.n_classes = 2;
        if (i == 0) options.input.resize = (cen_resize)2;
        if (i == 1) options.input.resize = (cen_resize)-1;
        if (i == 2) options.input.channels = 0;
        if (i == 3) options.input.height = 0;
        if (i == 4) options.input.mean[0] = NAN;
        if (i == 5) options.input.std[0] = 0;
        if (i == 6) options.input.std[0] = INFINITY;
        if (i == 7) options.class_names = names;
        if (i == 8) options.net = "flatten, dense 0";
        cen_model *model;
        cen_error error;
        assert_int_equal(cen_model_create(NULL, &model, &options, &error), CEN_ERROR_ARGUMENT);
        assert_null(model);
    }
}

static void bad_rates_are_refused_with_a_sentence_and_both_stay(void **state)
{
    (void)state;
    cen_model *models[2];
    cen_train_options options = cen_train_options_init();
    cen_losses losses[2];
    float x[32];
    const int32_t labels[2] = {0, 1};
    for (size_t i = 0; i < 32; i++) x[i] = (float)(i % 7) / 7;
    for (int i = 0; i < 2; i++) {
        models[i] = model_create("flatten, dense 4", 1, 4, 4, 2);
        cen_trainer *trainer = trainer_create(models[i], &options);
        for (size_t j = 0; j < N_BAD && i == 1; j++) {
            cen_error error;
            assert_int_equal(cen_trainer_set_rates(trainer, bad_numbers[j], 0.1, &error),
                             CEN_ERROR_ARGUMENT);
            assert_non_null(strstr(error.message, "lr "));
            assert_int_equal(cen_trainer_set_rates(trainer, 0.1, bad_numbers[j], &error),
                             CEN_ERROR_ARGUMENT);
            assert_non_null(strstr(error.message, "lambda "));
        }
        assert_int_equal(cen_trainer_backward(trainer, x, labels, 2, &losses[i], NULL), CEN_OK);
        cen_trainer_update(trainer);
        cen_trainer_free(trainer);
    }
    size_t n;
    const float *a = cen_model_parameters(models[0], &n), *b = cen_model_parameters(models[1], &n);
    assert_memory_equal(a, b, n * sizeof *a);
    assert_memory_equal(&losses[0], &losses[1], sizeof losses[0]);
    cen_model_free(models[0]);
    cen_model_free(models[1]);
}

static void bad_search_options_are_refused(void **state)
{
    (void)state;
    static const float f[8] = {0, 0, 1, 0, 5, 5, 6, 5};
    static const int32_t labels[4] = {0, 0, 1, 1};
    const cen_labelled set = {f, labels, 4};
    for (int value = -1; value <= 3; value += 4) {
        cen_metric metric = (cen_metric)value;
        cen_knn_options knn = cen_knn_options_init();
        int32_t predicted[4];
        size_t indices[4];
        knn.k = 1;
        knn.metric = metric;
        assert_int_equal(
            cen_knn_search(threads(1), f, 4, f, 4, 2, 1, metric, false, indices, NULL, NULL),
            CEN_ERROR_ARGUMENT);
        assert_int_equal(cen_knn_classify(NULL, &set, &set, 2, &knn, predicted, NULL, NULL, NULL),
                         CEN_ERROR_ARGUMENT);
        knn.metric = CEN_METRIC_L2;
        knn.weights = (cen_weights)value;
        assert_int_equal(cen_knn_classify(NULL, &set, &set, 2, &knn, predicted, NULL, NULL, NULL),
                         CEN_ERROR_ARGUMENT);
        cen_measure_options measure = cen_measure_options_init();
        cen_knn_options measure_knn = cen_knn_options_init();
        measure.knn = &measure_knn;
        cen_measures measures;
        measure_knn = knn;
        assert_int_equal(cen_measures_create(NULL, &measures, &set, &set, 2, &measure, NULL),
                         CEN_ERROR_ARGUMENT);
        measure_knn = cen_knn_options_init();
        measure_knn.metric = metric;
        assert_int_equal(cen_measures_create(NULL, &measures, &set, &set, 2, &measure, NULL),
                         CEN_ERROR_ARGUMENT);
        cen_pairs pairs;
        assert_int_equal(cen_pairs_create(threads(1), &pairs, &set, &(cen_labelled){NULL, NULL, 0},
                                          2, metric, 10, 1, NULL),
                         CEN_ERROR_ARGUMENT);
        cen_episode_options episodes = cen_episode_options_init();
        cen_episodes measured;
        episodes.n_ways = 2;
        episodes.metric = metric;
        assert_int_equal(cen_episodes_measure(NULL, &set, 2, &episodes, &measured, NULL),
                         CEN_ERROR_ARGUMENT);
        cen_threshold threshold;
        assert_int_equal(
            cen_threshold_calibrate(threads(1), &set, &set, 2, metric, 0.5, &threshold, NULL),
            CEN_ERROR_ARGUMENT);
        assert_int_equal(cen_features_write(NULL, "bad.npy",
                                            (cen_features_format)(value + 3 * (value > 0)), f, 4, 2,
                                            NULL, NULL),
                         CEN_ERROR_ARGUMENT);
    }
}

static void bad_image_and_folder_options_are_refused(void **state)
{
    (void)state;
    uint8_t pixels[4] = {0};
    const cen_image image = {.width = 2, .height = 2, .channels = 1, .pixels = pixels};
    cen_image resized;
    for (int value = -1; value <= 2; value += 3) {
        assert_int_equal(cen_image_resize(NULL, &image, 1, 1, (cen_resize)value, &resized, NULL),
                         CEN_ERROR_ARGUMENT);
    }
    for (int channels = -1; channels <= 5; channels++) {
        if (channels == 0 || channels == 1 || channels == 3 || channels == 4) continue;
        cen_image_options options = cen_image_options_init();
        options.channels = channels;
        assert_int_equal(cen_image_decode(NULL, "x", 1, &options, &resized, NULL),
                         CEN_ERROR_ARGUMENT);
    }
    for (size_t i = 0; i < N_BAD; i++) {
        const char *const path = ".";
        cen_folder *folder;
        cen_folder_options options = cen_folder_options_init();
        options.validation_share = bad_numbers[i];
        assert_int_equal(cen_folder_open(NULL, &folder, &path, 1, &options, NULL),
                         CEN_ERROR_ARGUMENT);
        options = cen_folder_options_init();
        options.holdout_share = bad_numbers[i];
        assert_int_equal(cen_folder_open(NULL, &folder, &path, 1, &options, NULL),
                         CEN_ERROR_ARGUMENT);
        assert_null(folder);
    }
}

/* ... before anything is done: a checkpoint that stands there stays. */
static void bad_augmentation_is_refused_before_a_training_begins(void **state)
{
    (void)state;
    const char *const root = "options";
    char path[64];
    tree_remove(root);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "options/%d/%d.pgm", i % 2, i);
        tree_grey(path, 4, 4, 60 * i);
    }
    tree_write("options/checkpoint", "precious", 8);
    cen_folder *folder;
    cen_folder_options folder_options = cen_folder_options_init();
    folder_options.validation_share = 0;
    assert_int_equal(cen_folder_open(threads(1), &folder, &root, 1, &folder_options, NULL), CEN_OK);
    cen_model *model = model_create("flatten, dense 4", 1, 4, 4, 2);
    assert_int_equal(
        cen_folder_load(folder, &cen_model_get(model)->input, 1 << 20, NULL, NULL, NULL), CEN_OK);
    const cen_train_options train = cen_train_options_init();
    cen_trainer *trainer = trainer_create(model, &train);
    cen_fit_options options = cen_fit_options_init();
    options.checkpoint = "options/checkpoint";
    const cen_augment good = cen_augment_init();
    cen_augment augment = good;
    options.augment = &augment;
    double *const numbers[] = {&augment.shift,      &augment.rotation, &augment.scale,
                               &augment.brightness, &augment.contrast, &augment.erase};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (size_t j = 0; j < N_BAD; j++) {
            cen_error error;
            *numbers[i] = bad_numbers[j];
            assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &options, &error),
                             CEN_ERROR_ARGUMENT);
            assert_non_null(strstr(error.message, "augmentation: "));
            augment = good;
        }
    }
    cen_error error;
    augment.flip = true; /* of a model that knows one side */
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &options, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "set mirror"));
    augment = good;
    char kept[9] = "";
    FILE *file = fopen("options/checkpoint", "rb");
    assert_non_null(file);
    assert_int_equal(fread(kept, 1, 9, file), 8);
    assert_memory_equal(kept, "precious", 8);
    (void)fclose(file);
    options.n_epochs = 1;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &options, NULL), CEN_OK);
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_folder_free(folder);
}

/* As if the struct were shorter: what is behind size is not read. */
static void options_of_an_older_header_are_read_as_far_as_they_go(void **state)
{
    (void)state;
    cen_model *model;
    cen_model_options options = cen_model_options_init();
    options.net = "flatten, dense 3";
    options.n_classes = 7;
    options.mirror = true;
    options.size = offsetof(cen_model_options, mirror);
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_model_get(model)->feature_size, 3);
    assert_int_equal(cen_model_get(model)->n_classes, 0);
    assert_false(cen_model_get(model)->mirror);
    cen_model_free(model);
    static const float f[] = {0, 1, 5, 6};
    static const int32_t labels[] = {0, 0, 1, 1};
    const cen_labelled set = {f, labels, 4};
    cen_knn_options knn = cen_knn_options_init();
    int32_t predicted[4];
    knn.k = 1;
    knn.most_distance = 0;
    knn.leave_one_out = true;
    knn.size = offsetof(cen_knn_options, most_distance);
    assert_int_equal(cen_knn_classify(NULL, &set, &set, 1, &knn, predicted, NULL, NULL, NULL),
                     CEN_OK);
    for (size_t i = 0; i < 4; i++) assert_int_equal(predicted[i], labels[i]);
}

#define REFUSES(call)                                                                              \
    do {                                                                                           \
        cen_error error = {CEN_OK, ""};                                                            \
        assert_int_equal(call, CEN_ERROR_ARGUMENT);                                                \
        assert_non_null(strstr(error.message, "no size"));                                         \
    } while (0)

static void options_without_their_size_are_refused_everywhere(void **state)
{
    (void)state;
    static const float f[] = {0, 1, 5, 6};
    static const int32_t labels[] = {0, 0, 1, 1};
    const char *const path = ".";
    const cen_labelled set = {f, labels, 4};
    int32_t predicted[4];
    cen_model *model = model_create("flatten, dense 4", 1, 4, 4, 2), *none;
    cen_context *context;
    cen_folder *folder;
    cen_trainer *trainer;
    cen_image image;
    cen_measures measures;
    cen_episodes episodes;
    cen_dataset *dataset;
    REFUSES(cen_context_create(&context, &(cen_context_options){0}, &error));
    REFUSES(cen_image_decode(NULL, "x", 1, &(cen_image_options){0}, &image, &error));
    REFUSES(cen_image_read(NULL, path, &(cen_image_options){0}, &image, &error));
    REFUSES(cen_folder_open(NULL, &folder, &path, 1, &(cen_folder_options){0}, &error));
    REFUSES(cen_model_create(NULL, &none, &(cen_model_options){0}, &error));
    REFUSES(cen_model_load(NULL, &none, path, &(cen_model_limits){0}, &error));
    REFUSES(cen_trainer_create(&trainer, model, &(cen_train_options){0}, &error));
    trainer = trainer_create(model, NULL);
    REFUSES(cen_fit(trainer, NULL, &(cen_fit_options){0}, &error));
    REFUSES(cen_fit(trainer, &(cen_dataset){0}, NULL, &error));
    REFUSES(cen_arrays_create(NULL, &dataset, &(cen_arrays){0}, &error));
    REFUSES(cen_knn_classify(NULL, &set, &set, 1, &(cen_knn_options){0}, predicted, NULL, NULL,
                             &error));
    REFUSES(cen_measures_create(NULL, &measures, &set, &set, 1, &(cen_measure_options){0}, &error));
    REFUSES(cen_episodes_measure(NULL, &set, 1, &(cen_episode_options){0}, &episodes, &error));
    REFUSES(cen_report_write_html(NULL, &(cen_report){0}, "none.html", &error));
    cen_measure_options inner = cen_measure_options_init();
    inner.knn = &(cen_knn_options){0};
    REFUSES(cen_measures_create(NULL, &measures, &set, &set, 1, &inner, &error));
    cen_model_options limited = cen_model_options_init();
    limited.limits = &(cen_model_limits){0};
    REFUSES(cen_model_create(NULL, &none, &limited, &error));
    cen_trainer_free(trainer);
    cen_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_train_options_are_refused),
        cmocka_unit_test(bad_model_options_are_refused),
        cmocka_unit_test(bad_rates_are_refused_with_a_sentence_and_both_stay),
        cmocka_unit_test(bad_search_options_are_refused),
        cmocka_unit_test(bad_image_and_folder_options_are_refused),
        cmocka_unit_test(options_of_an_older_header_are_read_as_far_as_they_go),
        cmocka_unit_test(options_without_their_size_are_refused_everywhere),
        cmocka_unit_test(bad_augmentation_is_refused_before_a_training_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
