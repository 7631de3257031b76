/* cl_train: a folder of images in; a trained model, its log and its features out. */
#include <centerloss.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "progress.h"

typedef struct settings {
    double lambda, lr, adam_eps, alpha, validation_share;
    const char *net, *init, *steps, *output;
    size_t image_size[2], channels, feature_size, n_epochs, batch_size, seed, n_threads;
    size_t max_pixels, cache_mb, stop_after;
    int centers, resize;
    real_list mean, std;
    bool keep_order, is_strict, exact_decode, overwrite, is_quiet;
} settings;

static settings s = {.lambda = 0.2,
                     .lr = 1e-3,
                     .adam_eps = 1e-8,
                     .alpha = 0.5,
                     .validation_share = 0.1,
                     .net = "small",
                     .n_epochs = 30,
                     .batch_size = 32,
                     .seed = 1,
                     .max_pixels = (size_t)1 << 28,
                     .cache_mb = 2048};

static const char *const center_modes[] = {"adam", "adam-dense", "mean", NULL};
static const char *const resizes[] = {"crop", "stretch", NULL};

static const option options[] = {
    {"lambda", 'l', OPTION_REAL, &s.lambda, "X", "weight of the center loss (0.2)", 0, 1e30, NULL},
    {"net", 'n', OPTION_TEXT, &s.net, "LINE|PRESET",
     "the body: small (default), article, lenet++, or a line as\n"
     "'conv 10 2x2, maxpool 2, flatten, dense 32, relu'",
     0, 0, NULL},
    {"image-size", 's', OPTION_SIZE, s.image_size, "N|HxW",
     "size that images get (the preset's, else the median\nshorter side, at most 64)", 0, 0, NULL},
    {"channels", 'c', OPTION_COUNT, &s.channels, "1|3",
     "grey or colour (1 when every image is grey)", 1, 3, NULL},
    {"feature-size", 'd', OPTION_COUNT, &s.feature_size, "D",
     "numbers in a feature: replaces OUT of the last dense", 1, 1 << 24, NULL},
    {"epochs", 'e', OPTION_COUNT, &s.n_epochs, "N", "passes over the training images (30)", 1, 1e9,
     NULL},
    {"batch-size", 'b', OPTION_COUNT, &s.batch_size, "N", "images a step (32)", 1, 1 << 20, NULL},
    {"lr", 'r', OPTION_REAL, &s.lr, "X", "Adam's learning rate (0.001)", 0, 1e30, NULL},
    {"adam-eps", '\0', OPTION_REAL, &s.adam_eps, "X", "Adam's epsilon (1e-8)", 0, 1e30, NULL},
    {"centers", '\0', OPTION_CHOICE, &s.centers, "adam|adam-dense|mean",
     "how centers move: Adam on the batch's classes (default),\n"
     "Adam on all, or Wen et al.'s eq. 4",
     0, 0, center_modes},
    {"alpha", '\0', OPTION_REAL, &s.alpha, "X", "step of --centers mean (0.5)", 0, 1e30, NULL},
    {"val-split", '\0', OPTION_REAL, &s.validation_share, "X",
     "share of each class kept for validation (0.1); unused\nwhere DIR has train/ and val/", 0, 0.9,
     NULL},
    {"resize", '\0', OPTION_CHOICE, &s.resize, "crop|stretch",
     "shorter side then center crop (default), or both sides", 0, 0, resizes},
    {"mean", '\0', OPTION_REALS, &s.mean, "X[,X,X]",
     "subtracted from pixel / 255, a channel (measured)", -1e30, 0, NULL},
    {"std", '\0', OPTION_REALS, &s.std, "X[,X,X]", "and divided by (measured)", 1e-30, 0, NULL},
    {"no-shuffle", '\0', OPTION_FLAG, &s.keep_order, NULL,
     "train in folder order: bytewise by class, then file name", 0, 0, NULL},
    {"seed", '\0', OPTION_COUNT, &s.seed, "N", "of split, weights and order (1)", 0, 1e18, NULL},
    {"threads", 't', OPTION_COUNT, &s.n_threads, "N",
     "processors to use (all); never changes a result", 1, 1024, NULL},
    {"init", 'i', OPTION_TEXT, &s.init, "FILE", "weights by name from a safetensors file", 0, 0,
     NULL},
    {"strict", '\0', OPTION_FLAG, &s.is_strict, NULL, "a broken image is an error, not skipped", 0,
     0, NULL},
    {"max-pixels", '\0', OPTION_COUNT, &s.max_pixels, "N",
     "images of more pixels are refused (268435456)", 1, 1e15, NULL},
    {"exact-decode", '\0', OPTION_FLAG, &s.exact_decode, NULL,
     "decode large JPEGs at full size before they are resized,\n"
     "not at 1/2, 1/4 or 1/8 (slower, within a few levels)",
     0, 0, NULL},
    {"cache-mb", '\0', OPTION_COUNT, &s.cache_mb, "N",
     "decoded images kept in memory, in MB (2048); the others\nare decoded anew in each epoch", 0,
     1e9, NULL},
    {"steps", '\0', OPTION_TEXT, &s.steps, "FILE",
     "the losses of every step as CSV: step,total,softmax,center", 0, 0, NULL},
    {"stop-after", '\0', OPTION_COUNT, &s.stop_after, "N", "steps", 1, 1e15, NULL},
    {"output", 'o', OPTION_TEXT, &s.output, "DIR", "the run folder (runs/1, runs/2, ...)", 0, 0,
     NULL},
    {"overwrite", '\0', OPTION_FLAG, &s.overwrite, NULL, "write into a run folder that exists", 0,
     0, NULL},
    {"quiet", 'q', OPTION_FLAG, &s.is_quiet, NULL, "print errors alone", 0, 0, NULL},
};

static const command tool = {
    "cl_train",
    "cl_train [OPTIONS] DIR",
    "Trains a net on DIR/CLASS/IMAGE (or DIR/train/CLASS/IMAGE and DIR/val/CLASS/IMAGE) with\n"
    "softmax cross-entropy + lambda * center loss, with Adam. The run folder gets "
    "model.safetensors\n"
    "(of the epoch with the best k-NN accuracy on validation images), log.csv, features.npy and\n"
    "features.tsv. Ctrl-C ends after the current batch and saves.",
    "lambda weighs the mean over the batch of ||f - c||^2, summed over the feature, without 1/2.\n"
    "The same pull as elsewhere:  Keras (sum, batch mean) w: lambda w;  Wen et al. and caffe-face\n"
    "(1/2 sum) w: w / 2;  KaiyangZhou w: w;  jxgu1016 w: w / 2;  louis-she and facenet (mean over\n"
    "D too) w: w / D.\n\n"
    "Exit codes: 0 done, 1 failed, 2 the command line cannot be used.",
    options,
    sizeof options / sizeof *options};

/* ---- the run's files ---- */

typedef struct run {
    cen_model *model;
    progress line;
    char folder[4096];
    FILE *log, *steps;
    const char *steps_path;
    cen_error error; /* of a file that could not be written in a callback */
    size_t n_train;
    double best_knn;
    size_t best_epoch;
} run;

static const char *in_run(const run *r, const char *name, char path[4200])
{
    (void)snprintf(path, 4200, "%s/%s", r->folder, name);
    return path;
}

static int save_failed(run *r, const char *path)
{
    r->error.status = CEN_ERROR_IO;
    (void)snprintf(r->error.message, sizeof r->error.message,
                   "%.400s: writing failed; free some space or choose another place", path);
    return 1;
}

static int make_run_folder(run *r)
{
    cen_error error;
    if (s.output != NULL) {
        if (strlen(s.output) >= sizeof r->folder) {
            return fail(&tool, EXIT_USAGE, "--output is longer than a path can be");
        }
        strcpy(r->folder, s.output);
        char path[4200];
        if (cen_path_exists(in_run(r, "model.safetensors", path)) && !s.overwrite) {
            return fail(&tool, EXIT_FAILED,
                        "%s: a run stands here already; choose another -o, or add --overwrite",
                        s.output);
        }
    } else {
        size_t number = 1;
        do {
            (void)snprintf(r->folder, sizeof r->folder, "runs/%zu", number++);
        } while (cen_path_exists(r->folder));
    }
    if (cen_make_folder(r->folder, &error) != CEN_OK) {
        return fail(&tool, EXIT_FAILED, "%s", error.message);
    }
    return 0;
}

/* Both files are opened before anything is trained, so that a folder that cannot be written is told
 * at once. */
static int open_logs(run *r)
{
    char path[4200];
    r->log = fopen(in_run(r, "log.csv", path), "w");
    if (r->log == NULL) {
        return fail(&tool, EXIT_FAILED, "%s: cannot write here; choose another -o", path);
    }
    fprintf(r->log, "epoch,train_total,train_softmax,train_center,train_accuracy,val_total,"
                    "val_softmax,val_center,val_accuracy,knn_accuracy,intra_inter,seconds,best\n");
    if (fflush(r->log) != 0) {
        (void)save_failed(r, path);
        return fail(&tool, EXIT_FAILED, "%s", r->error.message);
    }
    if (s.steps == NULL) return 0;
    r->steps = fopen(s.steps, "w");
    if (r->steps == NULL) {
        return fail(&tool, EXIT_FAILED, "%s: cannot write here; choose another --steps", s.steps);
    }
    fprintf(r->steps, "step,total,softmax,center\n");
    return 0;
}

static int close_logs(run *r)
{
    FILE *steps = r->steps, *log = r->log;
    r->steps = r->log = NULL;
    bool failed = log != NULL && fclose(log) != 0;
    if (failed) return save_failed(r, "log.csv");
    if (steps != NULL && (ferror(steps) | fclose(steps)) != 0) return save_failed(r, s.steps);
    return 0;
}

/* ---- callbacks ---- */

static volatile sig_atomic_t is_interrupted;

static void interrupt(int number)
{
    is_interrupted = 1;
    signal(number, SIG_DFL); /* a second Ctrl-C ends at once */
}

static int show_loading(void *user, size_t done, size_t total)
{
    progress_images(user, "reading", done, total);
    return is_interrupted;
}

static int show_features(void *user, size_t done, size_t total)
{
    progress_images(user, "features", done, total);
    return 0;
}

static int on_step(void *user, const cen_step_report *report)
{
    run *r = user;
    const cen_losses *mean = &report->mean_losses;
    if (r->steps != NULL) {
        const cen_losses *losses = &report->losses;
        fprintf(r->steps, "%zu,%.9g,%.9g,%.9g\n", report->step, losses->total, losses->softmax,
                losses->center);
        if (ferror(r->steps)) return save_failed(r, s.steps);
    }
    char label[64], text[256], clock[32];
    double speed = (double)report->n_images / (report->seconds > 0 ? report->seconds : 1e-9);
    size_t left = r->n_train - report->n_images + (report->n_epochs - report->epoch) * r->n_train;
    (void)snprintf(label, sizeof label, "epoch %zu/%zu", report->epoch, report->n_epochs);
    (void)snprintf(text, sizeof text,
                   "%.0f images/s  softmax %.4f  center %.4f  accuracy %.1f %%  %s left", speed,
                   mean->softmax, mean->center, 100 * mean->accuracy,
                   as_clock((double)left / speed, clock));
    progress_show(&r->line, label, report->n_images, r->n_train, text);
    return is_interrupted;
}

static void print_epoch(run *r, const cen_epoch_report *report)
{
    if (s.is_quiet) return;
    const cen_losses *train = &report->train, *val = &report->validation;
    progress_clear(&r->line);
    printf("epoch %zu/%zu  train: softmax %.4f  center %.4f  accuracy %.2f %%", report->epoch,
           report->n_epochs, train->softmax, train->center, 100 * train->accuracy);
    if (!isnan(report->knn_accuracy)) {
        printf(
            " | val: softmax %.4f  center %.4f  accuracy %.2f %%  k-NN %.2f %%  intra/inter %.3f",
            val->softmax, val->center, 100 * val->accuracy, 100 * report->knn_accuracy,
            report->intra_inter);
        if (report->is_best) printf("  best");
    }
    printf("\n");
    fflush(stdout);
}

static int on_epoch(void *user, const cen_epoch_report *report)
{
    run *r = user;
    const cen_losses *train = &report->train, *val = &report->validation;
    char path[4200];
    print_epoch(r, report);
    fprintf(r->log, "%zu,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.3f,%d\n",
            report->epoch, train->total, train->softmax, train->center, train->accuracy, val->total,
            val->softmax, val->center, val->accuracy, report->knn_accuracy, report->intra_inter,
            report->seconds, report->is_best);
    if (fflush(r->log) != 0) return save_failed(r, in_run(r, "log.csv", path));
    if (!report->is_best) return 0;
    r->best_knn = report->knn_accuracy;
    r->best_epoch = report->epoch;
    return cen_model_save(r->model, in_run(r, "model.safetensors", path), &r->error) != CEN_OK;
}

/* ---- from options to a model ---- */

static int compare_sizes(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

static size_t median_shorter_side(const cen_folder_info *info)
{
    size_t *sides = malloc(info->n_images * sizeof *sides), median = 32;
    if (sides == NULL) return median;
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        sides[i] = image->width < image->height ? image->width : image->height;
    }
    qsort(sides, info->n_images, sizeof *sides, compare_sizes);
    median = sides[info->n_images / 2];
    free(sides);
    return median;
}

static const cen_preset *find_preset(void)
{
    size_t n;
    const cen_preset *presets = cen_presets(&n);
    for (size_t i = 0; i < n; i++) {
        if (strcmp(presets[i].name, s.net) == 0) return &presets[i];
    }
    return NULL;
}

static void choose_input(const cen_folder_info *info, cen_input *input)
{
    const cen_preset *preset = find_preset();
    input->height = s.image_size[0];
    input->width = s.image_size[1];
    if (input->height == 0 && preset != NULL) {
        input->height = preset->height;
        input->width = preset->width;
    }
    if (input->height == 0) {
        size_t side = median_shorter_side(info);
        input->height = input->width = side < 64 ? side : 64;
    }
    input->channels = s.channels;
    if (input->channels == 0 && preset != NULL) input->channels = preset->channels;
    if (input->channels == 0) {
        input->channels = 1;
        for (size_t i = 0; i < info->n_images; i++) {
            if (info->images[i].channels > 2) input->channels = 3;
        }
    }
    input->resize = s.resize == 0 ? CEN_RESIZE_CROP : CEN_RESIZE_STRETCH;
}

static void choose_normalisation(const cen_folder *folder, cen_input *input)
{
    cen_folder_measure(folder, input->mean, input->std);
    for (size_t c = 0; c < input->channels; c++) {
        if (s.mean.n > 0) input->mean[c] = (float)s.mean.values[s.mean.n > 1 ? c : 0];
        if (s.std.n > 0) input->std[c] = (float)s.std.values[s.std.n > 1 ? c : 0];
    }
}

/* ---- what was found, what will be trained ---- */

static void print_sizes(const cen_folder_info *info)
{
    size_t least[2] = {SIZE_MAX, SIZE_MAX}, most[2] = {0, 0}, n_grey = 0;
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        size_t sides[2] = {image->width, image->height};
        for (size_t j = 0; j < 2; j++) {
            if (sides[j] < least[j]) least[j] = sides[j];
            if (sides[j] > most[j]) most[j] = sides[j];
        }
        n_grey += image->channels < 3;
    }
    printf("sizes     %zux%zu", least[0], least[1]);
    if (least[0] != most[0] || least[1] != most[1]) printf(" to %zux%zu", most[0], most[1]);
    printf(" (width x height), %s\n", n_grey == info->n_images ? "grey"
                                      : n_grey == 0            ? "colour"
                                                               : "grey and colour");
}

static void print_notes(const char *what, const cen_file_note *notes, size_t n)
{
    enum { MOST = 20 };
    char text[32];
    if (n > 0) printf("%-9s %s images:\n", what, with_commas(n, text));
    for (size_t i = 0; i < n && i < MOST; i++) {
        printf("          %s: %s\n", notes[i].path, notes[i].reason);
    }
    if (n > MOST) printf("          and %s more\n", with_commas(n - MOST, text));
}

static void print_folder(const char *path, const cen_folder_info *info)
{
    size_t n_split[3] = {0, 0, 0};
    char a[32], b[32], c[32], d[32];
    for (size_t i = 0; i < info->n_images; i++) n_split[info->images[i].split]++;
    printf("folder    %s: %s classes, %s images: %s to train, %s to validate", path,
           with_commas(info->n_classes, a), with_commas(info->n_images, b),
           with_commas(n_split[CEN_SPLIT_TRAIN], c), with_commas(n_split[CEN_SPLIT_VALIDATION], d));
    if (n_split[CEN_SPLIT_TEST] > 0)
        printf(", %s to test", with_commas(n_split[CEN_SPLIT_TEST], a));
    printf("%s\n", info->has_own_split ? " (the folder's own split)" : "");
    print_sizes(info);
    if (info->n_passed_over > 0) {
        printf("passed    %s files that are no images\n", with_commas(info->n_passed_over, a));
    }
    print_notes("skipped", info->skipped, info->n_skipped);
    print_notes("damaged", info->damaged, info->n_damaged);
}

static void print_model(const cen_model *model)
{
    const cen_model_info *info = cen_model_get(model);
    const cen_input *input = &info->input;
    char a[32], b[32];
    printf("input     %zux%zux%zu (channels x height x width), mean", input->channels,
           input->height, input->width);
    for (size_t c = 0; c < input->channels; c++) printf(" %.4g", (double)input->mean[c]);
    printf(", std");
    for (size_t c = 0; c < input->channels; c++) printf(" %.4g", (double)input->std[c]);
    printf("\nnet       %s parameters, and %s of centers\n", with_commas(info->n_parameters, a),
           with_commas(info->n_center_parameters, b));
    for (size_t i = 0; i < info->n_layers; i++) {
        const cen_layer_info *layer = &info->layers[i];
        char shape[64];
        (void)snprintf(shape, sizeof shape, "%zux%zux%zu", layer->channels, layer->height,
                       layer->width);
        printf("          %2zu  %-32s %-14s", i, layer->text, shape);
        if (layer->n_parameters > 0) printf(" %12s", with_commas(layer->n_parameters, a));
        printf("\n");
    }
    printf("          head: %zu -> %zu classes\n", info->feature_size, info->n_classes);
}

/* ---- the work ---- */

static cen_status note(cen_model *model, const char *key, cen_error *error, const char *format,
                       double value)
{
    char text[64];
    (void)snprintf(text, sizeof text, format, value);
    return cen_model_note(model, key, text, error);
}

static cen_status note_settings(cen_model *model, cen_error *error)
{
    cen_status status = note(model, "lambda", error, "%.17g", s.lambda);
    if (status == CEN_OK) status = cen_model_note(model, "centers", center_modes[s.centers], error);
    if (status == CEN_OK && s.centers == CEN_CENTERS_MEAN) {
        status = note(model, "alpha", error, "%.17g", s.alpha);
    }
    if (status == CEN_OK) status = note(model, "epochs", error, "%.0f", (double)s.n_epochs);
    if (status == CEN_OK) status = note(model, "batch_size", error, "%.0f", (double)s.batch_size);
    if (status == CEN_OK) status = note(model, "lr", error, "%.17g", s.lr);
    if (status == CEN_OK) status = note(model, "adam_eps", error, "%.17g", s.adam_eps);
    if (status == CEN_OK) status = note(model, "seed", error, "%.0f", (double)s.seed);
    return status;
}

static cen_status write_features(run *r, const cen_folder *folder, cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(folder);
    const cen_model_info *model = cen_model_get(r->model);
    const size_t shape[2] = {info->n_images, model->feature_size};
    cen_tensor features;
    cen_status status = cen_tensor_create(&features, 2, shape, error);
    cen_feature_row *rows = malloc((info->n_images + 1) * sizeof *rows);
    if (status == CEN_OK && rows == NULL) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the list of features"};
    }
    for (size_t i = 0; status == CEN_OK && i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        rows[i] = (cen_feature_row){image->path, image->label, info->class_names[image->label],
                                    cen_split_name(image->split)};
    }
    if (status == CEN_OK) {
        status = cen_model_folder_features(r->model, folder, features.data, (int)s.n_threads,
                                           show_features, &r->line, error);
    }
    char path[4200];
    if (status == CEN_OK) {
        status = cen_features_write(in_run(r, "features.npy", path), CEN_FEATURES_NPY,
                                    features.data, shape[0], shape[1], rows, error);
    }
    free(rows);
    cen_tensor_free(&features);
    progress_clear(&r->line);
    return status;
}

static cen_status train(run *r, const cen_folder *folder, cen_error *error)
{
    cen_train_options train_options = cen_train_options_default();
    train_options.lambda = s.lambda;
    train_options.centers = (cen_center_mode)s.centers;
    train_options.alpha = s.alpha;
    train_options.lr = s.lr;
    train_options.adam_eps = s.adam_eps;
    train_options.batch_size = s.batch_size;
    train_options.n_threads = (int)s.n_threads;
    cen_fit_options fit_options = cen_fit_options_default();
    fit_options.n_epochs = s.n_epochs;
    fit_options.stop_after = s.stop_after;
    fit_options.shuffle = !s.keep_order;
    fit_options.seed = s.seed;
    fit_options.on_step = on_step;
    fit_options.on_epoch = on_epoch;
    fit_options.user = r;
    cen_trainer *trainer;
    cen_status status = cen_trainer_create(&trainer, r->model, &train_options, error);
    if (status != CEN_OK) return status;
    signal(SIGINT, interrupt);
    status = cen_fit(trainer, folder, &fit_options, error);
    cen_trainer_free(trainer);
    progress_clear(&r->line);
    if (status == CEN_OK && close_logs(r) == 0 && r->error.status == CEN_OK) {
        return write_features(r, folder, error);
    }
    if (r->error.status != CEN_OK) *error = r->error;
    return status != CEN_OK ? status : r->error.status;
}

static int train_folder(run *r, cen_folder *folder, const char *path)
{
    cen_error error;
    cen_model_options model_options = cen_model_options_default();
    choose_input(cen_folder_get(folder), &model_options.input);
    model_options.net = s.net;
    model_options.feature_size = s.feature_size;
    model_options.seed = s.seed;
    /* A net that cannot be is told before the images are read. */
    if (cen_model_create(&r->model, &model_options, &error) != CEN_OK) {
        return fail(&tool, EXIT_USAGE, "%s", error.message);
    }
    cen_model_free(r->model);
    r->model = NULL;
    if (cen_folder_load(folder, &model_options.input, s.cache_mb << 20, show_loading, &r->line,
                        &error) != CEN_OK) {
        progress_clear(&r->line);
        return fail(&tool, EXIT_FAILED, "%s", error.message);
    }
    progress_clear(&r->line);
    const cen_folder_info *info = cen_folder_get(folder);
    choose_normalisation(folder, &model_options.input);
    model_options.n_classes = info->n_classes;
    model_options.class_names = info->class_names;
    if (!s.is_quiet) print_folder(path, info);
    size_t n_taken = 0;
    if (cen_model_create(&r->model, &model_options, &error) != CEN_OK ||
        (s.init != NULL && cen_model_init(r->model, s.init, &n_taken, &error) != CEN_OK) ||
        note_settings(r->model, &error) != CEN_OK) {
        return fail(&tool, EXIT_FAILED, "%s", error.message);
    }
    if (!s.is_quiet) print_model(r->model);
    int code = make_run_folder(r);
    if (code == 0) code = open_logs(r);
    if (code != 0) return code;
    for (size_t i = 0; i < info->n_images; i++) {
        r->n_train += info->images[i].split == CEN_SPLIT_TRAIN;
    }
    if (!s.is_quiet) {
        if (s.init != NULL) printf("weights   %zu tensors from %s\n", n_taken, s.init);
        printf("training  %zu epochs, batches of %zu, lambda %g, centers %s, Adam %g, seed %zu\n",
               s.n_epochs, s.batch_size, s.lambda, center_modes[s.centers], s.lr, s.seed);
        fflush(stdout);
    }
    if (train(r, folder, &error) != CEN_OK) return fail(&tool, EXIT_FAILED, "%s", error.message);
    if (s.is_quiet) return 0;
    if (is_interrupted) printf("stopped   by Ctrl-C; what was trained is saved\n");
    printf("done      %s: model.safetensors (epoch %zu", r->folder, r->best_epoch);
    if (!isnan(r->best_knn)) printf(", k-NN %.2f %%", 100 * r->best_knn);
    printf("), log.csv, features.npy, features.tsv\n");
    return 0;
}

int main(int argc, char **argv)
{
    int n_paths = parse_options(&tool, argc, argv);
    if (n_paths < 0) return parse_exit_code(n_paths);
    if (n_paths != 1) {
        return fail(&tool, EXIT_USAGE, "%s; the usage is: %s",
                    n_paths == 0 ? "name the folder of images" : "name one folder alone",
                    tool.usage);
    }
    if (s.channels == 2) return fail(&tool, EXIT_USAGE, "--channels takes 1 or 3");
    const char *path = argv[0];
    cen_folder_options folder_options = cen_folder_options_default();
    folder_options.validation_share = s.validation_share;
    folder_options.seed = s.seed;
    folder_options.strict = s.is_strict;
    folder_options.exact_decode = s.exact_decode;
    folder_options.max_pixels = s.max_pixels;
    folder_options.n_threads = (int)s.n_threads;
    cen_error error;
    cen_folder *folder;
    if (cen_folder_open(&folder, &path, 1, &folder_options, &error) != CEN_OK) {
        return fail(&tool, EXIT_FAILED, "%s", error.message);
    }
    run r = {.line = progress_start(s.is_quiet), .best_knn = NAN};
    int code = train_folder(&r, folder, path);
    (void)close_logs(&r);
    cen_model_free(r.model);
    cen_folder_free(folder);
    return code;
}
