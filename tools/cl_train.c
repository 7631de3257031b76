/* cl_train: a folder of images in; a trained model, its log and its features out. */
#include <centerloss_eval.h>

#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_run.h"
#include "system.h"

/* ---- callbacks ---- */

static volatile sig_atomic_t interrupted; /* the number of the signal */
static volatile sig_atomic_t is_waited_for;

/* A quick batch is waited for, and what it made is kept. Before the first there is nothing to keep, and
 * cen_fit has kept each slow one. */
static void interrupt(int number)
{
    interrupted = number;
    signal(number, SIG_DFL); /* a second Ctrl-C ends at once */
    if (!is_waited_for) raise(number);
}

/* While a training runs, these end it with its state on the disk. A signal that is ignored stays ignored. */
static void catch_signals(bool is_on)
{
    static const int numbers[] = {
#ifdef SIGHUP
        SIGHUP,
#endif
        SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        void (*before)(int) = signal(numbers[i], is_on ? interrupt : SIG_DFL);
        if (before == SIG_IGN) signal(numbers[i], SIG_IGN);
    }
}

static int show_loading(void *user, size_t done, size_t total)
{
    progress_images(user, "reading", done, total);
    return 0;
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
    if (!settle_run(r)) return -1;
    if (r->steps != NULL) {
        const cen_losses *losses = &report->losses;
        fprintf(r->steps, "%zu,%.9g,%.9g,%.9g\n", report->step, losses->total, losses->first,
                losses->center);
        if (fflush(r->steps) != 0) return save_failed(r, s.steps);
    }
    char label[64], text[LOSSES_SIZE + 100], clock[32], terms[LOSSES_SIZE];
    double speed = (double)report->n_images / (report->seconds > 0 ? report->seconds : 1e-9);
    double left = (double)(report->n_epochs - report->epoch) * (double)r->n_train;
    if (report->n_images < r->n_train) left += (double)(r->n_train - report->n_images);
    (void)snprintf(label, sizeof label, "epoch %zu/%zu", report->epoch, report->n_epochs);
    (void)snprintf(text, sizeof text, "%.0f images/s  %s  %s left", speed, losses_text(mean, terms),
                   as_clock(left / speed, clock));
    progress_show(&r->line, label, report->n_images, r->n_train, text);
    is_waited_for = !report->is_slow || !(s.checkpoint_minutes > 0);
    return interrupted != 0;
}

static int on_measure(void *user, size_t done, size_t total)
{
    run *r = user;
    progress_images(&r->line, "measuring", done, total);
    return interrupted != 0;
}

static void on_unreadable(void *user, const char *path, const char *reason)
{
    run *r = user;
    enum { MOST = 20 };
    progress_clear(&r->line);
    if (r->n_unreadable++ < MOST) {
        print_names(stderr, "cl_train: warning: passed over %s: %s\n", path, reason);
    } else if (r->n_unreadable == MOST + 1) {
        print_names(stderr, "cl_train: warning: passed over more, which are not named\n");
    }
}

static int on_epoch(void *user, const cen_epoch_report *report)
{
    run *r = user;
    char path[PATH_SIZE];
    progress_clear(&r->line);
    r->n_gallery = report->n_gallery;
    if (!s.is_quiet) print_epoch(report, r->n_train);
    print_row(r->log, report);
    if (!sync_file(r->log)) return save_failed(r, in_run(r, "log.csv", path));
    if (!s.no_report && !page_add_epoch(r->page, report, r->model)) {
        r->error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the report of this run"};
        return -1;
    }
    if (!report->is_best) return 0;
    r->best_knn = s.balance ? report->knn_macro : report->knn_accuracy;
    r->best_epoch = report->epoch;
    return cen_model_save(r->model, in_run(r, "model.safetensors", path), &r->error) == CEN_OK ? 0
                                                                                               : -1;
}

static int on_resume(void *user, const cen_resume_report *report)
{
    run *r = user;
    r->best_epoch = report->best_epoch;
    r->best_knn = report->best_epoch > 0 ? report->best_knn : NAN;
    if (report->warning != NULL) {
        print_names(stderr, "cl_train: warning: %s; the checkpoint before it is used\n",
                    report->warning);
    }
    const size_t n_begun = report->epoch - (report->batch == 0);
    if (n_begun > s.n_epochs) {
        print_names(
            stderr,
            "cl_train: warning: %zu epochs were begun already, more than --epochs %zu: only "
            "features and report are made anew\n",
            n_begun, s.n_epochs);
    }
    if (!s.is_quiet) {
        printf("resumed   at epoch %zu, batch %zu, after %zu steps\n", report->epoch,
               report->batch + 1, report->step);
        if (strcmp(report->machine, report->machine_before) != 0) {
            print_names(
                stdout,
                "note      begun with %s, goes on with %s: the last bits of its numbers may "
                "differ\n",
                report->machine_before, report->machine);
        }
    }
    return reopen_logs(r, report);
}

/* ---- from options to a model ---- */

static int compare_sizes(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

/* 0 without memory. */
static size_t median_shorter_side(const cen_folder_info *info)
{
    size_t *sides = malloc(info->n_images * sizeof *sides);
    if (sides == NULL) return 0;
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        sides[i] = image->width < image->height ? image->width : image->height;
    }
    qsort(sides, info->n_images, sizeof *sides, compare_sizes);
    size_t median = sides[info->n_images / 2];
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

/* False without memory. */
static bool choose_input(const cen_folder_info *info, cen_input *input)
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
    return input->height > 0;
}

static void choose_normalisation(const cen_folder *folder, cen_input *input)
{
    cen_folder_measure(folder, input->mean, input->std);
    for (size_t c = 0; c < input->channels; c++) {
        if (s.mean.n > 0) input->mean[c] = (float)s.mean.values[s.mean.n > 1 ? c : 0];
        if (s.std.n > 0) input->std[c] = (float)s.std.values[s.std.n > 1 ? c : 0];
    }
}

/* ---- the work ---- */

static cen_status note(cen_model *model, const char *key, cen_error *error, const char *format,
                       double value)
{
    char text[64];
    (void)snprintf(text, sizeof text, format, value);
    return cen_model_set_note(model, key, text, error);
}

static cen_status note_settings(cen_model *model, cen_error *error)
{
    cen_status status = cen_model_set_note(model, "loss", loss_names[s.loss], error);
    if (status == CEN_OK) status = cen_model_set_note(model, "lambda", s.lambda, error);
    if (status == CEN_OK)
        status = cen_model_set_note(model, "centers", center_modes[s.centers], error);
    if (status == CEN_OK && s.centers == CEN_CENTERS_MEAN) {
        status = note(model, "alpha", error, "%.17g", s.alpha);
    }
    if (status == CEN_OK) status = note(model, "epochs", error, "%.0f", (double)s.n_epochs);
    if (status == CEN_OK) status = note(model, "batch_size", error, "%.0f", (double)s.batch_size);
    if (status == CEN_OK) status = note(model, "lr", error, "%.17g", s.lr);
    if (status == CEN_OK) status = note(model, "adam_eps", error, "%.17g", s.adam_eps);
    char seed[32];
    (void)snprintf(seed, sizeof seed, "%llu", (unsigned long long)s.seed);
    return status == CEN_OK ? cen_model_set_note(model, "seed", seed, error) : status;
}

/* Facts about the run for its page: pairs of a name and a value. */
enum { N_FACTS = 12, FACT_SIZE = 300 };

typedef struct facts {
    char text[N_FACTS][FACT_SIZE];
    const char *pairs[2 * N_FACTS];
    size_t n;
} facts;

static void add_fact(facts *list, const char *name, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    (void)vsnprintf(list->text[list->n], FACT_SIZE, format, values);
    va_end(values);
    list->pairs[2 * list->n] = name;
    list->pairs[2 * list->n + 1] = list->text[list->n];
    list->n++;
}

static void fill_facts(facts *list, const run *r, const cen_folder_info *info)
{
    const cen_model_info *model = cen_model_get(r->model);
    size_t n_split[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < info->n_images; i++) n_split[info->images[i].split]++;
    add_fact(list, "classes", "%zu to train, %zu held out", info->n_classes, info->n_held_out);
    add_fact(list, "images", "%zu to train, %zu to validate, %zu held out, %zu skipped",
             n_split[CEN_SPLIT_TRAIN], n_split[CEN_SPLIT_VALIDATION], n_split[CEN_SPLIT_HELD_OUT],
             info->n_skipped);
    add_fact(list, "input", "%zu x %zu x %zu", model->input.channels, model->input.height,
             model->input.width);
    add_fact(list, "net", "%s", model->net);
    add_fact(list, "parameters", "%zu, and %zu of centers", model->n_parameters,
             model->n_center_parameters);
    add_fact(list, "feature", "%zu numbers%s", model->feature_size,
             model->mirror ? ", the mean of a picture's and its mirror image's" : "");
    add_fact(list, "loss", "%s, lambda %s", loss_names[s.loss], s.lambda);
    add_fact(list, "centers", "%s", center_modes[s.centers]);
    add_fact(list, "batch", "%zu", s.batch_size);
    add_fact(list, "learning rate", "%g, %s", s.lr, schedules[s.schedule]);
    add_fact(list, "seed", "%llu", (unsigned long long)s.seed);
    add_fact(list, "version", "libcenterloss %s", cen_version());
}

/* Pictures that were there to train on, and are gone now. */
static void warn_gone(const cen_folder_info *info, size_t n_before)
{
    enum { MOST = 20 };
    for (size_t i = n_before; i < info->n_skipped && i < n_before + MOST; i++) {
        print_names(stderr, "cl_train: warning: no feature of %s: %s\n", info->skipped[i].path,
                    info->skipped[i].reason);
    }
    if (info->n_skipped > n_before + MOST) {
        print_names(stderr, "cl_train: warning: nor of %zu more, which are not named\n",
                    info->n_skipped - n_before - MOST);
    }
}

static void fill_rows(const cen_folder_info *info, cen_feature_row *rows)
{
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        rows[i] = (cen_feature_row){image->path, image->label,
                                    image->label >= 0 ? info->class_names[image->label] : NULL,
                                    cen_split_name(image->split)};
    }
}

/* The features of all images that can still be read, then what is measured on them. */
static cen_status finish(run *r, cen_folder *folder, cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(folder);
    const size_t d = cen_model_get(r->model)->feature_size;
    const size_t n_skipped = info->n_skipped;
    float *features = calloc(info->n_images, d * sizeof *features);
    cen_feature_row *rows = malloc((info->n_images + 1) * sizeof *rows);
    cen_status status = CEN_OK;
    if (features == NULL || rows == NULL) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the list of features"};
    }
    if (status == CEN_OK) {
        status =
            cen_model_folder_features(r->model, folder, features, show_features, &r->line, error);
    }
    progress_clear(&r->line);
    char path[PATH_SIZE];
    if (status == CEN_OK) {
        warn_gone(info, n_skipped);
        fill_rows(info, rows);
        status = cen_features_write(NULL, in_run(r, "features.npy", path), CEN_FEATURES_NPY,
                                    features, info->n_images, d, rows, error);
    }
    if (status == CEN_OK && !(s.is_quiet && s.no_report)) {
        facts list = {.n = 0};
        fill_facts(&list, r, info);
        page_content content = {.context = r->context,
                                .folder = r->folder,
                                .command = r->command,
                                .title = r->folder,
                                .facts = list.pairs,
                                .n_facts = list.n,
                                .model = r->model,
                                .images = info,
                                .features = features,
                                .rows = rows,
                                .seed = s.seed,
                                .is_quiet = s.is_quiet,
                                .has_svg = s.has_svg,
                                .has_page = !s.no_report};
        status = page_finish(r->page, &content, error);
    }
    free(rows);
    free(features);
    return status;
}

static cen_status train(run *r, cen_folder *folder, cen_error *error)
{
    char path[PATH_SIZE];
    cen_train_options train_options = cen_train_options_init();
    train_options.loss = chosen_loss();
    train_options.margin = chosen_margin();
    train_options.lambda = s.lambda_value;
    train_options.lambda_ratio = lambda_ratio();
    train_options.weight_decay = s.weight_decay;
    train_options.clip_norm = s.clip;
    train_options.label_smoothing = s.smoothing;
    train_options.centers = (cen_center_mode)s.centers;
    train_options.alpha = s.alpha;
    train_options.lr = s.lr;
    train_options.adam_eps = s.adam_eps;
    train_options.batch_size = s.batch_size;
    cen_fit_options fit_options = cen_fit_options_init();
    fit_options.n_epochs = s.n_epochs;
    fit_options.stop_after = s.stop_after;
    fit_options.shuffle = !s.keep_order;
    fit_options.balance = s.balance;
    fit_options.seed = s.seed;
    fit_options.per_class = s.per_class;
    fit_options.warmup = s.warmup;
    fit_options.cosine = s.schedule == 0;
    fit_options.lambda_warmup = s.lambda_warmup;
    fit_options.patience = s.patience;
    fit_options.augment = chosen_augment();
    fit_options.on_step = on_step;
    fit_options.on_epoch = on_epoch;
    fit_options.on_resume = on_resume;
    fit_options.on_measure = on_measure;
    fit_options.on_unreadable = on_unreadable;
    fit_options.checkpoint = r->checkpoint;
    fit_options.checkpoint_seconds = 60 * s.checkpoint_minutes;
    fit_options.resume = r->is_resumed;
    fit_options.user = r;
    cen_trainer *trainer;
    cen_status status = cen_trainer_create(&trainer, r->model, &train_options, error);
    if (status != CEN_OK) return status;
    catch_signals(true);
    status = cen_fit(trainer, folder, &fit_options, error);
    catch_signals(false); /* all that is needed to go on is on the disk */
    cen_trainer_free(trainer);
    progress_clear(&r->line);
    /* The file may be of a later epoch than the checkpoint was. */
    if (status == CEN_OK && r->error.status == CEN_OK && r->is_resumed && r->best_epoch > 0) {
        status = cen_model_save(r->model, in_run(r, "model.safetensors", path), error);
    }
    if (status == CEN_OK && close_logs(r) == 0 && r->error.status == CEN_OK) {
        return interrupted != 0 ? CEN_OK : finish(r, folder, error);
    }
    if (r->error.status != CEN_OK) *error = r->error;
    return status != CEN_OK ? status : r->error.status;
}

/* Where numbers have exploded, also what is left to begin with. */
static int fail_training(const run *r, const cen_error *error)
{
    if (error->status != CEN_ERROR_NOT_FINITE || r->best_epoch == 0) {
        return fail(&train_tool, EXIT_FAILED, "%s", error->message);
    }
    return fail(&train_tool, EXIT_FAILED,
                "%s; %s/model.safetensors holds epoch %zu, which a new training can take up by "
                "--init",
                error->message, r->folder, r->best_epoch);
}

static size_t cache_bytes(void)
{
    return s.cache_mb > SIZE_MAX >> 20 ? SIZE_MAX : s.cache_mb << 20;
}

static int train_folder(run *r, cen_folder *folder, const char *path)
{
    cen_error error;
    const cen_model_limits limits = cen_model_limits_init();
    cen_model_options model_options = cen_model_options_init();
    if (!choose_input(cen_folder_get(folder), &model_options.input)) {
        return fail(&train_tool, EXIT_FAILED, "not enough memory for the sizes of the images");
    }
    model_options.net = s.net;
    model_options.feature_size = s.feature_size;
    model_options.seed = s.seed;
    model_options.mirror = s.flips;
    if (r->is_limited) model_options.limits = &limits;
    /* A net that cannot be is told before the images are read. */
    if (cen_model_create(r->context, &r->model, &model_options, &error) != CEN_OK) {
        int code = error.status == CEN_ERROR_MEMORY ? EXIT_FAILED : EXIT_USAGE;
        if (error.status == CEN_ERROR_LIMIT && r->is_limited) {
            return fail(&train_tool, code,
                        "%s/arguments: %s: add --image-size and --net as they stand there",
                        r->folder, error.message);
        }
        return fail(&train_tool, code, "%s", error.message);
    }
    cen_model_free(r->model);
    r->model = NULL;
    if (cen_folder_load(folder, &model_options.input, cache_bytes(), show_loading, &r->line,
                        &error) != CEN_OK) {
        progress_clear(&r->line);
        return fail(&train_tool, EXIT_FAILED, "%s", error.message);
    }
    progress_clear(&r->line);
    const cen_folder_info *info = cen_folder_get(folder);
    choose_normalisation(folder, &model_options.input);
    model_options.n_classes = info->n_classes;
    model_options.class_names = info->class_names;
    if (!s.is_quiet) print_folder(path, info);
    for (size_t i = 0; i < info->n_images; i++) {
        r->n_train += info->images[i].split == CEN_SPLIT_TRAIN;
    }
    choose_by_folder(folder);
    choose_per_class(info->n_classes);
    size_t n_taken = 0;
    if (cen_model_create(r->context, &r->model, &model_options, &error) != CEN_OK ||
        (s.init != NULL && !r->is_resumed &&
         cen_model_load_weights(r->model, s.init, &n_taken, &error) != CEN_OK) ||
        note_settings(r->model, &error) != CEN_OK) {
        return fail(&train_tool, EXIT_FAILED, "%s", error.message);
    }
    if (!s.is_quiet) print_model(r->model);
    int code = begin_run(r);
    if (code != 0) return code;
    if (!s.is_quiet) {
        if (n_taken > 0) print_names(stdout, "weights   %zu tensors from %s\n", n_taken, s.init);
        print_names(
            stdout,
            "training  %zu epochs, batches of %zu, %s loss, lambda %s, centers %s, Adam %g, "
            "augment %s, seed %llu\n",
            s.n_epochs, s.batch_size, loss_names[s.loss], s.lambda, center_modes[s.centers], s.lr,
            augments[s.augment], (unsigned long long)s.seed);
        fflush(stdout);
    }
    r->page = page_create(info, s.n_epochs);
    if (r->page == NULL) return fail(&train_tool, EXIT_FAILED, "not enough memory for this run");
    if (train(r, folder, &error) != CEN_OK) return fail_training(r, &error);
    if (interrupted != 0) {
        if (!s.is_quiet) {
            print_names(stdout,
                        "stopped   the state of the training is saved; cl_train --resume %s goes "
                        "on, and makes the features and the report at its end\n",
                        r->folder);
        }
        return 128 + interrupted;
    }
    if (s.is_quiet) return 0;
    print_names(stdout, "done      %s: model.safetensors (epoch %zu", r->folder, r->best_epoch);
    char knn[96];
    if (!isnan(r->best_knn)) {
        printf(
            ", %s%s", s.balance ? "macro " : "",
            knn_text(r->best_knn, r->n_gallery > 0 ? r->n_gallery : r->n_train, r->n_train, knn));
    }
    printf("), log.csv, features.npy, features.tsv%s\n", s.no_report ? "" : ", report.html");
    return 0;
}

static int train_on(run *r, char *const *paths, size_t n_paths)
{
    cen_folder_options folder_options = cen_folder_options_init();
    folder_options.validation_share = s.validation_share;
    folder_options.validation = s.validation;
    folder_options.group = s.group;
    folder_options.allow_empty = s.allow_empty;
    choose_holdout(&folder_options);
    folder_options.seed = s.seed;
    folder_options.strict = s.is_strict;
    folder_options.exact_decode = s.exact_decode;
    folder_options.max_pixels = s.max_pixels;
    cen_error error;
    cen_folder *folder;
    int code = make_context(&train_tool, s.n_threads, &r->context);
    if (code != 0) return code;
    if (cen_folder_open(r->context, &folder, (const char *const *)paths, n_paths, &folder_options,
                        &error) != CEN_OK) {
        return fail(&train_tool, EXIT_FAILED, "%s", error.message);
    }
    code = train_folder(r, folder, paths[0]);
    (void)close_logs(r);
    page_free(r->page);
    cen_model_free(r->model);
    cen_folder_free(folder);
    return code;
}

/* A path that a run's file names is written to only within the run, and limits stay: that file may be a
 * stranger's. typed: by the user, beside what is usual. */
static int refuse_foreign(run *r, const train_settings *typed, const train_settings *usual)
{
    size_t size = strlen(r->folder);
    r->is_limited = typed->image_size[0] == 0 || typed->net == usual->net;
    if (s.max_pixels > usual->max_pixels && s.max_pixels != typed->max_pixels) {
        return fail(
            &train_tool, EXIT_USAGE,
            "%s/arguments names --max-pixels %zu, more than the usual %zu; if you trust its "
            "maker, add --max-pixels %zu",
            r->folder, s.max_pixels, usual->max_pixels, s.max_pixels);
    }
    if (s.steps == NULL || typed->steps != NULL) return 0;
    bool is_inside = strncmp(s.steps, r->folder, size) == 0 && s.steps[size] == '/' &&
                     strchr(s.steps + size + 1, '/') == NULL && !path_is_special(s.steps) &&
                     !is_run_file(s.steps + size + 1);
    if (is_inside) return 0;
    return fail(&train_tool, EXIT_USAGE,
                "%s/arguments names --steps %s, which is not a file of its own in the run; add "
                "--steps FILE to "
                "write there",
                r->folder, s.steps);
}

/* What only begins a run is no option of one that goes on. */
static int refuse_ignored(void)
{
    const char *name = s.output != NULL ? "output" : s.overwrite ? "overwrite" : "init";
    if (s.output == NULL && !s.overwrite && s.init == NULL) return 0;
    return fail(&train_tool, EXIT_USAGE,
                "--%s begins a run, and --resume %s goes on with one where it stands; leave one of "
                "the two out",
                name, s.resume);
}

/* The command line of a run, then the one that was given. From here on all->argv is as parse_options leaves
 * it. An exit code; *n_paths below 0 after --help. */
static int resume_command(run *r, arguments *all, int *n_paths)
{
    const train_settings typed = s;
    const int n_given = *n_paths;
    int code = refuse_ignored();
    if (code == 0) code = take_old_run(r, typed.resume);
    if (code != 0) return code;
    char path[PATH_SIZE];
    arguments_free(all);
    if (!arguments_load(all, in_run(r, "arguments", path), r->arguments, &r->error)) {
        return fail(&train_tool, EXIT_FAILED, "%s", r->error.message);
    }
    restore_defaults();
    const train_settings usual = s;
    *n_paths = parse_options(&train_tool, all->argc, all->argv);
    if (*n_paths < 0) return parse_exit_code(*n_paths);
    if (n_given > 0) { /* the images have moved */
        memmove(all->argv, all->argv + *n_paths - n_given, (size_t)n_given * sizeof *all->argv);
        *n_paths = n_given;
    }
    s.stop_after = typed.stop_after; /* of this call, not of the one before */
    return refuse_foreign(r, &typed, &usual);
}

static int check_settings(int n_paths)
{
    if (n_paths == 0) {
        return fail(&train_tool, EXIT_USAGE, "name the folder of images; the usage is: %s",
                    train_tool.usage);
    }
    if ((s.steps != NULL && strcmp(s.steps, "-") == 0) ||
        (s.output != NULL && strcmp(s.output, "-") == 0)) {
        return fail(
            &train_tool, EXIT_USAGE,
            "standard output holds what cl_train says; name a file or folder in place of -");
    }
    if (s.channels == 2) return fail(&train_tool, EXIT_USAGE, "--channels takes 1 or 3");
    if (read_lambda()) return 0;
    return fail(&train_tool, EXIT_USAGE,
                "--lambda '%s' cannot be used; it takes a number from 0 to 1e+29, or auto",
                s.lambda);
}

static int check_steps(void)
{
    cen_error error;
    if (s.steps == NULL || cen_path_check_writable(NULL, s.steps, &error) == CEN_OK) return 0;
    return fail(&train_tool, EXIT_FAILED, "%s", error.message);
}

static int run_command(const arguments *given, arguments *all, const char *line)
{
    int n_paths = parse_options(&train_tool, all->argc, all->argv), code = 0;
    if (n_paths < 0) return parse_exit_code(n_paths);
    run r = {.best_knn = NAN, .command = line, .arguments = given};
    bool is_old = s.resume != NULL;
    if (is_old) code = resume_command(&r, all, &n_paths);
    if (code == 0 && n_paths >= 0) code = check_settings(n_paths);
    if (code == 0 && n_paths >= 0 && !is_old) code = take_run_folder(&r);
    if (code == 0 && n_paths >= 0) code = check_steps();
    r.line = progress_start(s.is_quiet, stdout);
    if (code == 0 && n_paths >= 0) code = train_on(&r, all->argv, (size_t)n_paths);
    cen_context_free(r.context);
    leave_run_folder(&r);
    return code;
}

static int work(int argc, char **argv)
{
    char *line = join_command(argc, argv);
    arguments given = {argc, argv, NULL}, all = {0, NULL, NULL};
    if (line == NULL || !arguments_copy(&all, &given)) {
        free(line);
        return fail(&train_tool, EXIT_FAILED, "not enough memory");
    }
    restore_defaults();
    int code = run_command(&given, &all, line);
    arguments_free(&all);
    free(line);
    return code;
}

/* A shell's loop ends by Ctrl-C only if the program ends by it, too. */
int main(int argc, char **argv)
{
    int code = run_tool(&train_tool, work, argc, argv);
    if (code == 128 + interrupted && interrupted != 0) raise(interrupted);
    return code;
}
