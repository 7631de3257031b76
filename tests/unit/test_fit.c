/* Training over a folder: callbacks, stopping, the best epoch, and every failed allocation. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/datasets.h"
#include "support/context.h"
#include "support/limited_memory.h"
#include "support/plain_options.h"
#include "support/tree.h"

#include <centerloss_eval.h>

static const cen_input input = {1, 4, 4, CEN_RESIZE_STRETCH, {0.5f, 0, 0}, {0.3f, 1, 1}};

/* Two classes that brightness tells apart, `n` images each. */
static void make_folder(const char *root, int n)
{
    tree_remove(root);
    for (int i = 0; i < n; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/dark/%02d.pgm", root, i);
        tree_grey(path, 5, 4, 20 + 3 * i);
        (void)snprintf(path, sizeof path, "%s/light/%02d.pgm", root, i);
        tree_grey(path, 5, 4, 220 - 3 * i);
    }
}

static cen_folder *open_folder(const char *root, double share)
{
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = share;
    cen_folder *folder = NULL;
    assert_int_equal(cen_folder_open(threads(1), &folder, &root, 1, &options, NULL), CEN_OK);
    assert_int_equal(cen_folder_load(folder, &input, 1 << 20, NULL, NULL, NULL), CEN_OK);
    return folder;
}

static cen_model_options model_options(const cen_folder_info *info)
{
    cen_model_options options = cen_model_options_init();
    options.net = "conv 2 3x3 pad 1, relu, maxpool 2, flatten, dense 3";
    options.input = input;
    options.n_classes = info->n_classes;
    options.class_names = info->class_names;
    return options;
}

static cen_train_options train_options(void)
{
    cen_train_options options = plain_train_options();
    options.batch_size = 5;
    return options;
}

typedef struct seen {
    size_t n_steps, n_epochs, stop_step, stop_epoch;
    cen_step_report step;
    cen_epoch_report epoch;
} seen;

static int see_step(void *user, const cen_step_report *report)
{
    seen *s = user;
    assert_int_equal(report->step, ++s->n_steps);
    s->step = *report;
    return s->n_steps == s->stop_step;
}

static int see_epoch(void *user, const cen_epoch_report *report)
{
    seen *s = user;
    assert_int_equal(report->epoch, ++s->n_epochs);
    s->epoch = *report;
    return s->n_epochs == s->stop_epoch;
}

static cen_status fit_once(const cen_folder *folder, size_t n_epochs, size_t stop_after, seen *s,
                           cen_model **model, cen_error *error)
{
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_status status = cen_model_create(threads(1), model, &options, error);
    if (status != CEN_OK) return status;
    cen_train_options training = train_options();
    cen_trainer *trainer;
    status = cen_trainer_create(&trainer, *model, &training, error);
    if (status == CEN_OK) {
        cen_fit_options fit = plain_fit_options();
        fit.n_epochs = n_epochs;
        fit.stop_after = stop_after;
        fit.on_step = see_step;
        fit.on_epoch = see_epoch;
        fit.user = s;
        status = cen_fit(trainer, cen_folder_dataset(folder), &fit, error);
        cen_trainer_free(trainer);
    }
    if (status != CEN_OK) {
        cen_model_free(*model);
        *model = NULL;
    }
    return status;
}

static void each_step_and_epoch_is_reported(void **state)
{
    (void)state;
    make_folder("fit", 10);
    cen_folder *folder = open_folder("fit", 0.2);
    cen_model *model;
    seen s = {0};
    assert_int_equal(fit_once(folder, 3, 0, &s, &model, NULL), CEN_OK);
    assert_int_equal(s.n_steps, 12); /* 16 images in batches of 5, 5, 5, 1 */
    assert_int_equal(s.n_epochs, 3);
    assert_int_equal(s.step.batch, 4);
    assert_int_equal(s.step.n_batches, 4);
    assert_int_equal(s.step.n_images, 16);
    assert_true(s.epoch.knn_accuracy >= 0 && s.epoch.knn_accuracy <= 1);
    assert_true(s.epoch.validation.first > 0 && s.epoch.intra_inter > 0);
    assert_true(fabs(s.step.losses.total - (s.step.losses.first + 0.2 * s.step.losses.center)) <
                1e-12);
    cen_model_free(model);
    cen_folder_free(folder);
}

static void a_stop_ends_after_the_batch_and_still_measures(void **state)
{
    (void)state;
    make_folder("fit", 10);
    cen_folder *folder = open_folder("fit", 0.2);
    cen_model *model;
    seen s = {.stop_step = 6};
    assert_int_equal(fit_once(folder, 9, 0, &s, &model, NULL), CEN_OK);
    assert_int_equal(s.n_steps, 6);
    assert_int_equal(s.n_epochs, 2);
    cen_model_free(model);
    s = (seen){0};
    assert_int_equal(fit_once(folder, 9, 5, &s, &model, NULL), CEN_OK);
    assert_int_equal(s.n_steps, 5);
    cen_model_free(model);
    s = (seen){.stop_epoch = 2};
    assert_int_equal(fit_once(folder, 9, 0, &s, &model, NULL), CEN_OK);
    assert_int_equal(s.n_epochs, 2);
    cen_model_free(model);
    cen_folder_free(folder);
}

static void without_validation_the_last_epoch_is_the_best(void **state)
{
    (void)state;
    make_folder("fit", 4);
    cen_folder *folder = open_folder("fit", 0);
    cen_model *model;
    seen s = {0};
    assert_int_equal(fit_once(folder, 2, 0, &s, &model, NULL), CEN_OK);
    assert_true(isnan(s.epoch.knn_accuracy) && isnan(s.epoch.validation.total));
    assert_true(s.epoch.is_best);
    cen_model_free(model);
    cen_folder_free(folder);
}

/* A training that has a checkpoint and ends in CEN_ERROR_NOT_FINITE. */
static void fit_until_refused(const cen_folder *folder, const cen_input *x_of, double lr,
                              bool resume, seen *s, cen_error *error)
{
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_train_options training = train_options();
    options.input = *x_of;
    training.lr = lr;
    cen_model *model;
    cen_trainer *trainer;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, model, &training, NULL), CEN_OK);
    cen_fit_options fit = plain_fit_options();
    fit.checkpoint = "refused.checkpoint";
    fit.resume = resume;
    fit.on_step = s != NULL ? see_step : NULL;
    fit.on_epoch = s != NULL ? see_epoch : NULL;
    fit.user = s;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, error),
                     CEN_ERROR_NOT_FINITE);
    size_t n;
    const float *w = cen_model_parameters(model, &n);
    for (size_t i = 0; i < n; i++) assert_true(fabsf(w[i]) < 10); /* as it began */
    cen_trainer_free(trainer);
    cen_model_free(model);
}

static void check_says(const cen_error *error, const char *words)
{
    if (strstr(error->message, words) == NULL) fail_msg("'%s' not in: %s", words, error->message);
}

static void a_step_that_explodes_is_told_and_the_checkpoint_leads_to_it_again(void **state)
{
    (void)state;
    make_folder("fit", 10);
    cen_folder *folder = open_folder("fit", 0.2);
    cen_error error, again;
    seen s = {0};
    fit_until_refused(folder, &input, 1e25, false, &s, &error);
    assert_int_equal(s.n_steps, 1);
    assert_int_equal(s.n_epochs, 0);
    check_says(&error, "step 2 (epoch 1) is not taken: the loss is not finite");
    check_says(&error, ".pgm and 2 more)");
    check_says(&error, "smaller learning rate");
    fit_until_refused(folder, &input, 1e25, true, NULL, &again);
    assert_string_equal(error.message, again.message);
    fit_until_refused(folder, &input, 1e25, true, NULL, NULL);
    cen_folder_free(folder);
}

/* Normalised with a tiny deviation a picture is huge, unless it is black. */
static const cen_input steep = {1, 4, 4, CEN_RESIZE_STRETCH, {0}, {1e-30f, 1, 1}};

static void make_black_folder(const char *root, const char *split, int n)
{
    for (int i = 0; i < n; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s/one/%02d.pgm", root, split, i);
        tree_grey(path, 4, 4, 0);
        (void)snprintf(path, sizeof path, "%s/%s/two/%02d.pgm", root, split, i);
        tree_grey(path, 4, 4, 0);
    }
}

/* One alone first, then five; one path is longer than a sentence can bear. */
static void the_images_that_are_the_cause_are_named(void **state)
{
    (void)state;
    char deep[256] = "fit/train/one/";
    for (int i = 0; i < 50; i++) strcat(deep, "\xC3\xA4");
    strcat(deep, ".pgm");
    tree_remove("fit");
    make_black_folder("fit", "train", 2);
    make_black_folder("fit", "val", 1);
    tree_grey(deep, 4, 4, 255);
    cen_folder *folder = open_folder("fit", 0);
    cen_error error;
    fit_until_refused(folder, &steep, 1e-3, false, NULL, &error);
    check_says(&error, "step 1 (epoch 1) is not taken");
    check_says(&error, "not finite for ...\xC3\xA4"); /* not cut within a character */
    check_says(&error, "\xC3\xA4.pgm, 1 of a batch of 5; look at ");
    cen_folder_free(folder);
    tree_grey("fit/train/two/90.pgm", 4, 4, 255);
    folder = open_folder("fit", 0);
    fit_until_refused(folder, &steep, 1e-3, false, NULL, &error);
    check_says(&error, " of a batch of ");
    cen_folder_free(folder);
}

static void an_image_that_cannot_be_measured_is_named(void **state)
{
    (void)state;
    cen_input steeper = steep;
    steeper.std[0] = 3e-39f;
    tree_remove("fit");
    make_black_folder("fit", "train", 2);
    make_black_folder("fit", "val", 2);
    tree_grey("fit/val/two/white.pgm", 4, 4, 255);
    cen_folder *folder = open_folder("fit", 0);
    cen_error error;
    fit_until_refused(folder, &steeper, 1e-3, false, NULL, &error);
    check_says(&error, "epoch 1 cannot be measured: the features or the loss of "
                       "fit/val/two/white.pgm are not finite");
    cen_folder_free(folder);
}

static int break_a_weight(void *user, const cen_step_report *report)
{
    size_t n;
    (void)report;
    cen_model_parameters(user, &n)[0] = INFINITY;
    return 0;
}

static void a_weight_that_a_callback_breaks_is_named(void **state)
{
    (void)state;
    make_folder("fit", 4);
    cen_folder *folder = open_folder("fit", 0);
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_train_options training = train_options();
    cen_fit_options fit = plain_fit_options();
    cen_model *model;
    cen_trainer *trainer;
    cen_error error;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, model, &training, NULL), CEN_OK);
    fit.on_step = break_a_weight;
    fit.user = model;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, &error),
                     CEN_ERROR_NOT_FINITE);
    check_says(&error, "step 2 (epoch 1) is not taken: ");
    check_says(&error, "body.0.weight");
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_folder_free(folder);
}

typedef struct best {
    cen_model *model;
    float *parameters;
    size_t n;
} best;

static int keep_best(void *user, const cen_epoch_report *report)
{
    best *b = user;
    const float *w = cen_model_parameters(b->model, &b->n);
    if (report->is_best) memcpy(b->parameters, w, b->n * sizeof *w);
    return 0;
}

static void the_model_ends_with_the_parameters_of_the_best_epoch(void **state)
{
    (void)state;
    make_folder("fit", 10);
    cen_folder *folder = open_folder("fit", 0.3);
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_train_options training = train_options();
    training.lr = 0.3; /* wild, so that the last epoch is not the best */
    best b = {.parameters = malloc(10000)};
    cen_trainer *trainer;
    assert_int_equal(cen_model_create(threads(1), &b.model, &options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, b.model, &training, NULL), CEN_OK);
    cen_fit_options fit = plain_fit_options();
    fit.n_epochs = 12;
    fit.on_epoch = keep_best;
    fit.user = &b;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, NULL), CEN_OK);
    assert_memory_equal(b.parameters, cen_model_parameters(b.model, &b.n), b.n * sizeof(float));
    free(b.parameters);
    cen_trainer_free(trainer);
    cen_model_free(b.model);
    cen_folder_free(folder);
}

static void wrong_batches_and_options_are_refused(void **state)
{
    (void)state;
    make_folder("fit", 4);
    cen_folder *folder = open_folder("fit", 0);
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_train_options training = train_options();
    cen_model *model;
    cen_trainer *trainer;
    cen_error error;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    training.lambda = NAN;
    assert_int_equal(cen_trainer_create(&trainer, model, &training, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "lambda nan"));
    training.lambda = -1;
    assert_int_equal(cen_trainer_create(&trainer, model, &training, &error), CEN_ERROR_ARGUMENT);
    training = train_options();
    training.batch_size = 0;
    assert_int_equal(cen_trainer_create(&trainer, model, &training, &error), CEN_ERROR_ARGUMENT);
    training = train_options();
    training.beta2 = 1;
    assert_int_equal(cen_trainer_create(&trainer, model, &training, &error), CEN_ERROR_ARGUMENT);
    training = train_options();
    assert_int_equal(cen_trainer_create(&trainer, model, &training, &error), CEN_OK);
    float x[6 * 16] = {0};
    int32_t labels[6] = {0, 1, 2, 0, 0, 0};
    cen_losses losses;
    assert_int_equal(cen_trainer_backward(trainer, x, labels, 3, &losses, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "label 2 of image 2"));
    labels[2] = -1;
    assert_int_equal(cen_trainer_evaluate(trainer, x, labels, 3, &losses, NULL, &error),
                     CEN_ERROR_ARGUMENT);
    labels[2] = 0;
    assert_int_equal(cen_trainer_backward(trainer, x, labels, 6, &losses, &error),
                     CEN_ERROR_ARGUMENT);
    assert_int_equal(cen_trainer_backward(trainer, x, labels, 0, &losses, &error),
                     CEN_ERROR_ARGUMENT);
    cen_fit_options fit = plain_fit_options();
    fit.n_epochs = 0;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "a number of epochs of 0"));
    fit = plain_fit_options();
    fit.k = 0;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "k of 0"));
    const double bad[] = {NAN, INFINITY, -1};
    for (size_t i = 0; i < 9; i++) {
        fit = plain_fit_options();
        double *const numbers[] = {&fit.warmup, &fit.lambda_warmup, &fit.checkpoint_seconds};
        *numbers[i / 3] = bad[i % 3];
        assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, &error),
                         CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "cannot be used"));
    }
    fit = plain_fit_options();
    fit.resume = true;
    assert_int_equal(cen_fit(trainer, cen_folder_dataset(folder), &fit, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "no checkpoint to resume from"));
    cen_trainer_free(trainer);
    cen_trainer_free(NULL);
    cen_model_free(model);
    cen_folder_free(folder);
}

/* What a training with callbacks saw, and how many calls of on_measure it lets pass. */
static struct {
    size_t n_steps, measures_left, n_unreadable;
    char unreadable[200];
} watched;

static int watch_step(void *user, const cen_step_report *report)
{
    (void)user, (void)report;
    watched.n_steps++;
    return 0;
}

static int watch_measure(void *user, size_t done, size_t total)
{
    (void)user, (void)done, (void)total;
    return watched.measures_left > 0 && --watched.measures_left == 0;
}

static void watch_unreadable(void *user, const char *path, const char *reason)
{
    (void)user;
    assert_non_null(strstr(reason, path));
    (void)snprintf(watched.unreadable, sizeof watched.unreadable, "%s", path);
    watched.n_unreadable++;
}

static cen_status fit_with_names(const cen_folder *folder, size_t n, const char *const *names,
                                 cen_error *error)
{
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_train_options train = train_options();
    cen_fit_options fit = plain_fit_options();
    cen_model *model;
    options.n_classes = n;
    options.class_names = names;
    fit.n_epochs = 1;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    cen_trainer *trainer;
    assert_int_equal(cen_trainer_create(&trainer, model, &train, NULL), CEN_OK);
    cen_status status = cen_fit(trainer, cen_folder_dataset(folder), &fit, error);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return status;
}

static void a_folder_of_other_classes_than_the_model_is_refused(void **state)
{
    (void)state;
    make_folder("fit", 5);
    cen_folder *folder = open_folder("fit", 0.2);
    const cen_folder_info *info = cen_folder_get(folder);
    const char *const names[] = {info->class_names[0], "else", "more"};
    cen_error error;
    assert_int_equal(fit_with_names(folder, 2, names, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "the model has no class '"));
    assert_non_null(strstr(error.message, info->class_names[1]));
    const char *const turned[] = {info->class_names[1], info->class_names[0]};
    assert_int_equal(fit_with_names(folder, 2, turned, &error), CEN_OK);
    const char *const one_more[] = {info->class_names[1], "more", info->class_names[0]};
    assert_int_equal(fit_with_names(folder, 3, one_more, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "the dataset has no class 'more'"));
    assert_int_equal(fit_with_names(folder, 3, names, &error), CEN_ERROR_ARGUMENT);
    assert_int_equal(fit_with_names(folder, 2, info->class_names, &error), CEN_OK);
    assert_int_equal(fit_with_names(folder, 2, NULL, &error), CEN_OK); /* numbers */
    cen_folder_free(folder);
}

/* Three epochs with all that has a state: running statistics, dropout, lambda that follows a ratio. */
static cen_status fit_resumable(const cen_folder *folder, size_t stop_after, bool resume,
                                int n_threads, cen_model **model, cen_error *error)
{
    cen_model_options options = model_options(cen_folder_get(folder));
    options.net = "conv 4 3x3 pad 1, batchnorm, relu, residual {conv 4 1x1, batchnorm}, relu, "
                  "flatten, dropout 0.3, dense 3";
    cen_status status = cen_model_create(threads(n_threads), model, &options, error);
    if (status != CEN_OK) return status;
    cen_train_options training = train_options();
    training.lambda_ratio = 0.3;
    cen_trainer *trainer;
    status = cen_trainer_create(&trainer, *model, &training, error);
    if (status == CEN_OK) {
        cen_fit_options fit = plain_fit_options();
        fit.whiten = true;
        fit.n_epochs = 3;
        fit.stop_after = stop_after;
        fit.cosine = true;
        const cen_augment light = cen_augment_light();
        fit.augment = &light;
        fit.checkpoint = "fit.checkpoint";
        fit.resume = resume;
        fit.on_step = watch_step;
        fit.on_measure = watch_measure;
        fit.on_unreadable = watch_unreadable;
        status = cen_fit(trainer, cen_folder_dataset(folder), &fit, error);
        cen_trainer_free(trainer);
    }
    if (status == CEN_OK) return CEN_OK;
    cen_model_free(*model);
    *model = NULL;
    return status;
}

static void check_same_model(cen_model *a, cen_model *b)
{
    const char *name;
    cen_tensor left, right;
    for (size_t i = 0; cen_model_tensor(a, i, &name, &left); i++) {
        assert_true(cen_model_tensor(b, i, &name, &right));
        size_t count = 1;
        for (size_t j = 0; j < left.n_dims; j++) count *= left.shape[j];
        assert_memory_equal(left.data, right.data, count * sizeof *left.data);
    }
}

static void a_training_resumed_after_any_step_ends_with_the_same_bits(void **state)
{
    (void)state;
    make_folder("fit", 8);
    cen_folder *folder = open_folder("fit", 0.25);
    cen_model *whole, *part;
    assert_int_equal(fit_resumable(folder, 0, false, 1, &whole, NULL), CEN_OK);
    for (size_t stop = 1; stop <= 12; stop++) {
        assert_int_equal(fit_resumable(folder, stop, false, 2, &part, NULL), CEN_OK);
        cen_model_free(part);
        assert_int_equal(fit_resumable(folder, 0, true, 1 + (int)(stop % 3), &part, NULL), CEN_OK);
        check_same_model(whole, part);
        cen_model_free(part);
    }
    cen_model_free(whole);
    cen_folder_free(folder);
}

static void a_resumed_training_counts_stop_after_from_where_it_stands(void **state)
{
    (void)state;
    make_folder("fit", 8);
    cen_folder *folder = open_folder("fit", 0.25);
    cen_model *model;
    for (int i = 0; i < 3; i++) {
        watched.n_steps = 0;
        assert_int_equal(fit_resumable(folder, 2, i > 0, 1, &model, NULL), CEN_OK);
        assert_int_equal(watched.n_steps, 2);
        cen_model_free(model);
    }
    cen_folder_free(folder);
}

static void a_training_stopped_while_it_measures_is_resumed_to_the_same_bits(void **state)
{
    (void)state;
    make_folder("fit", 8);
    cen_folder *folder = open_folder("fit", 0.25);
    cen_model *whole, *part;
    assert_int_equal(fit_resumable(folder, 0, false, 1, &whole, NULL), CEN_OK);
    size_t n_steps = 0, n_cuts = 0;
    for (bool is_done = false; !is_done; n_cuts++) {
        watched.measures_left = n_cuts + 1;
        assert_int_equal(fit_resumable(folder, 0, false, 1, &part, NULL), CEN_OK);
        is_done = watched.measures_left > 0;
        watched.measures_left = 0;
        cen_model_free(part);
        watched.n_steps = 0;
        assert_int_equal(fit_resumable(folder, 0, true, 2, &part, NULL), CEN_OK);
        check_same_model(whole, part);
        cen_model_free(part);
        n_steps += watched.n_steps;
    }
    assert_true(n_cuts > 6 && n_steps > 0);
    cen_model_free(whole);
    cen_folder_free(folder);
}

static void pictures_that_can_no_longer_be_read_are_passed_over_and_named(void **state)
{
    (void)state;
    make_folder("fit", 8);
    cen_folder *folder = open_folder("fit", 0.25);
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, NULL), CEN_OK);
    const cen_folder_info *info = cen_folder_get(folder);
    cen_model *model;
    cen_error error;
    for (int split = 0; split < 2; split++) {
        size_t i = 0;
        while (info->images[i].split != (split == 0 ? CEN_SPLIT_TRAIN : CEN_SPLIT_VALIDATION)) i++;
        assert_int_equal(remove(info->images[i].path), 0);
        watched.n_unreadable = 0;
        assert_int_equal(fit_resumable(folder, 0, false, 2, &model, &error), CEN_OK);
        cen_model_free(model);
        assert_int_equal(watched.n_unreadable, split + 1); /* once each, not in each epoch */
        if (split == 0) assert_string_equal(watched.unreadable, info->images[i].path);
    }
    for (size_t i = 0; i < info->n_images; i++) (void)remove(info->images[i].path);
    assert_int_equal(fit_resumable(folder, 0, false, 2, &model, &error), CEN_ERROR_IO);
    cen_folder_free(folder);
}

/* on_measure: at each of the first calls one picture more goes. */
typedef struct vanishing {
    const cen_folder_info *info;
    size_t n_gone, n_unreadable;
    cen_split next;
} vanishing;

static int take_away(void *user, size_t done, size_t total)
{
    vanishing *v = user;
    (void)done;
    (void)total;
    for (size_t i = v->info->n_images; i-- > 0 && v->n_gone < 8;) {
        if (v->info->images[i].split != v->next || remove(v->info->images[i].path) != 0) continue;
        v->n_gone++;
        v->next = v->next == CEN_SPLIT_TRAIN ? CEN_SPLIT_VALIDATION : CEN_SPLIT_TRAIN;
        break;
    }
    return 0;
}

static void count_unreadable(void *user, const char *path, const char *reason)
{
    vanishing *v = user;
    assert_non_null(strstr(reason, path));
    v->n_unreadable++;
}

static void pictures_that_vanish_while_an_epoch_is_measured_are_passed_over(void **state)
{
    (void)state;
    make_folder("fit", 20);
    cen_folder *folder = open_folder("fit", 0.25);
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, NULL), CEN_OK);
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_train_options training = train_options();
    cen_model *model;
    cen_trainer *trainer;
    cen_error error = {CEN_OK, ""};
    vanishing v = {.info = cen_folder_get(folder)};
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, model, &training, NULL), CEN_OK);
    cen_fit_options fit = plain_fit_options();
    fit.n_epochs = 3;
    fit.on_measure = take_away;
    fit.on_unreadable = count_unreadable;
    fit.user = &v;
    if (cen_fit(trainer, cen_folder_dataset(folder), &fit, &error) != CEN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(v.n_gone, 8);
    assert_int_equal(v.n_unreadable, 8);
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_folder_free(folder);
}

/* Like a log that cannot be written: answers -1 at one step or one epoch, and counts what it saw. */
typedef struct logged {
    size_t bad_step, bad_epoch, n_steps, n_epochs, resumed_step;
} logged;

static int log_step(void *user, const cen_step_report *report)
{
    logged *l = user;
    if (report->step == l->bad_step) return -1;
    l->n_steps++;
    return 0;
}

static int log_epoch(void *user, const cen_epoch_report *report)
{
    logged *l = user;
    if (report->epoch == l->bad_epoch) return -1;
    l->n_epochs++;
    return 0;
}

static int log_resume(void *user, const cen_resume_report *report)
{
    ((logged *)user)->resumed_step = report->step;
    return 0;
}

static cen_status fit_logged(const cen_folder *folder, logged *l, bool resume, cen_error *error)
{
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_train_options training = train_options();
    cen_model *model;
    cen_trainer *trainer;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, model, &training, NULL), CEN_OK);
    cen_fit_options fit = plain_fit_options();
    fit.n_epochs = 3;
    fit.checkpoint = "fit.checkpoint";
    fit.resume = resume;
    fit.on_step = log_step;
    fit.on_epoch = log_epoch;
    fit.on_resume = log_resume;
    fit.user = l;
    cen_status status = cen_fit(trainer, cen_folder_dataset(folder), &fit, error);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return status;
}

/* 12 images to train in batches of 5: 3 steps an epoch. */
static void a_callback_that_fails_comes_by_the_same_place_again_when_resumed(void **state)
{
    (void)state;
    make_folder("fit", 8);
    cen_folder *folder = open_folder("fit", 0.25);
    cen_error error;
    logged l = {.bad_step = 5};
    assert_int_equal(fit_logged(folder, &l, false, &error), CEN_ERROR_STOPPED);
    assert_non_null(strstr(error.message, "callback"));
    assert_int_equal(l.n_steps, 4);
    assert_int_equal(l.n_epochs, 1);
    l = (logged){.bad_epoch = 2};
    assert_int_equal(fit_logged(folder, &l, true, &error), CEN_ERROR_STOPPED);
    assert_int_equal(l.resumed_step, 3); /* the end of epoch 1, before the step that failed */
    assert_int_equal(l.n_steps, 3);
    l = (logged){0};
    assert_int_equal(fit_logged(folder, &l, true, &error), CEN_OK);
    assert_int_equal(l.resumed_step, 3); /* not the end of the epoch that failed */
    assert_int_equal(l.n_epochs, 2);
    cen_folder_free(folder);
}

static int stop_at_64(void *user, size_t done, size_t total)
{
    *(size_t *)user += 1;
    return done == 64 && total == 70;
}

static void features_of_a_folder_are_told_batch_by_batch_and_can_be_stopped(void **state)
{
    (void)state;
    make_folder("fit", 35);
    cen_folder *folder = open_folder("fit", 0);
    cen_model_options options = model_options(cen_folder_get(folder));
    cen_model *model;
    cen_error error;
    float features[70 * 3];
    size_t n_calls = 0;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    for (size_t i = 0; i < 70 * 3; i++) features[i] = -7;
    assert_int_equal(folder_features(model, folder, features, stop_at_64, &n_calls, &error),
                     CEN_ERROR_STOPPED);
    assert_int_equal(n_calls, 1);
    assert_true(features[64 * 3 - 1] != -7 && features[64 * 3] == -7);
    cen_model_free(model);
    cen_folder_free(folder);
}

/* Train, save, load, extract, resume: each with its errors passed on. */
static cen_status all_of_it(cen_folder *folder, cen_error *error)
{
    cen_model *model, *loaded = NULL;
    seen s = {0};
    cen_status status = fit_once(folder, 1, 0, &s, &model, error);
    if (status != CEN_OK) return status;
    status = cen_model_set_note(model, "key", "value", error);
    if (status == CEN_OK) status = cen_model_save(model, "limited.safetensors", error);
    if (status == CEN_OK)
        status = cen_model_load(threads(1), &loaded, "limited.safetensors", NULL, error);
    if (status == CEN_OK)
        status = cen_model_load_weights(loaded, "limited.safetensors", NULL, error);
    float features[20 * 3];
    if (status == CEN_OK) {
        status = folder_features(loaded, folder, features, NULL, NULL, error);
    }
    if (status == CEN_OK) {
        const float x[16] = {0};
        cen_predictor *predictor;
        status = cen_predictor_create(&predictor, loaded, 1, error);
        if (status == CEN_OK) status = cen_predictor_features(predictor, x, 1, features, error);
        cen_predictor_free(predictor);
    }
    cen_model_free(loaded);
    cen_model_free(model);
    model = NULL;
    if (status == CEN_OK) status = fit_resumable(folder, 2, false, 1, &model, error);
    cen_model_free(model);
    model = NULL;
    if (status == CEN_OK) status = fit_resumable(folder, 3, true, 1, &model, error);
    cen_model_free(model);
    return status;
}

static int run_with_less_memory(void *user)
{
    cen_error error;
    cen_status status = all_of_it(user, &error);
    if (status == CEN_OK) return 1;
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_non_null(strstr(error.message, "memory"));
    return 0;
}

enum { N_MANY = 12100, N_MANY_TRAIN = 100 };

typedef struct many {
    const float *values; /* [N_MANY] */
    size_t n_epochs;
} many;

static int see_evenly(void *user, const cen_epoch_report *report)
{
    many *m = user;
    m->n_epochs++;
    assert_int_equal(report->n_features, CEN_MEASURED_QUERIES);
    const size_t n = N_MANY - N_MANY_TRAIN;
    for (size_t i = 0; i < report->n_features; i++) {
        const size_t place = i * n / report->n_features;
        assert_true(report->features[i] == m->values[N_MANY_TRAIN + place]);
    }
    return 0;
}

/* The net hands its input on, so that a feature says which row it is of. */
static void of_many_validation_images_so_many_are_measured_evenly(void **state)
{
    (void)state;
    static float values[N_MANY];
    static int32_t labels[N_MANY];
    static cen_split splits[N_MANY];
    for (size_t i = 0; i < N_MANY; i++) {
        values[i] = (float)i;
        labels[i] = (int32_t)(i % 2);
        splits[i] = i < N_MANY_TRAIN ? CEN_SPLIT_TRAIN : CEN_SPLIT_VALIDATION;
    }
    cen_arrays arrays = cen_arrays_init();
    arrays.n = N_MANY;
    arrays.n_classes = 2;
    arrays.channels = arrays.height = arrays.width = 1;
    arrays.values = values;
    arrays.labels = labels;
    arrays.splits = splits;
    cen_dataset *dataset;
    assert_int_equal(cen_arrays_create(threads(1), &dataset, &arrays, NULL), CEN_OK);
    cen_model_options options = cen_model_options_init();
    options.net = "flatten";
    options.input = (cen_input){1, 1, 1, CEN_RESIZE_CROP, {0}, {1, 1, 1}};
    options.n_classes = 2;
    cen_train_options training = train_options();
    cen_model *model;
    cen_trainer *trainer;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    assert_int_equal(cen_trainer_create(&trainer, model, &training, NULL), CEN_OK);
    cen_fit_options fit = plain_fit_options();
    many m = {values, 0};
    fit.n_epochs = 1;
    fit.on_epoch = see_evenly;
    fit.user = &m;
    assert_int_equal(cen_fit(trainer, dataset, &fit, NULL), CEN_OK);
    assert_int_equal(m.n_epochs, 1);
    cen_trainer_free(trainer);
    cen_model_free(model);
    cen_arrays_free(dataset);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    make_folder("fit", 4);
    cen_folder *folder = open_folder("fit", 0.25);
    assert_true(fail_each_allocation(run_with_less_memory, folder) > 100);
    cen_folder_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_step_and_epoch_is_reported),
        cmocka_unit_test(a_stop_ends_after_the_batch_and_still_measures),
        cmocka_unit_test(without_validation_the_last_epoch_is_the_best),
        cmocka_unit_test(a_step_that_explodes_is_told_and_the_checkpoint_leads_to_it_again),
        cmocka_unit_test(the_images_that_are_the_cause_are_named),
        cmocka_unit_test(an_image_that_cannot_be_measured_is_named),
        cmocka_unit_test(a_weight_that_a_callback_breaks_is_named),
        cmocka_unit_test(the_model_ends_with_the_parameters_of_the_best_epoch),
        cmocka_unit_test(wrong_batches_and_options_are_refused),
        cmocka_unit_test(a_folder_of_other_classes_than_the_model_is_refused),
        cmocka_unit_test(a_training_resumed_after_any_step_ends_with_the_same_bits),
        cmocka_unit_test(a_resumed_training_counts_stop_after_from_where_it_stands),
        cmocka_unit_test(a_training_stopped_while_it_measures_is_resumed_to_the_same_bits),
        cmocka_unit_test(pictures_that_can_no_longer_be_read_are_passed_over_and_named),
        cmocka_unit_test(pictures_that_vanish_while_an_epoch_is_measured_are_passed_over),
        cmocka_unit_test(a_callback_that_fails_comes_by_the_same_place_again_when_resumed),
        cmocka_unit_test(features_of_a_folder_are_told_batch_by_batch_and_can_be_stopped),
        cmocka_unit_test(of_many_validation_images_so_many_are_measured_evenly),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
