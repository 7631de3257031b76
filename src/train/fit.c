/* Training over a folder: epochs of batches, and after each epoch what a user wants to know. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "search/classify.h"
#include "base/checks.h"
#include "base/memory.h"
#include "base/os.h"
#include "data/augment.h"
#include "data/folder.h"
#include "train/checkpoint.h"
#include "train/collapse.h"
#include "train/extract.h"
#include "train/model.h"
#include "train/reader.h"
#include "train/schedule.h"
#include "train/sentinel.h"
#include "train/suspects.h"
#include "train/trainer.h"

typedef struct fit {
    cen_trainer *trainer;
    cen_model *model;
    const cen_folder *folder;
    const cen_fit_options *options;
    size_t batch_size, n_gallery, n_validation;
    size_t *train, *gallery, *validation; /* indices into the folder */
    float *x;                             /* [batch, input] */
    int32_t *labels;                      /* [batch] */
    cen__reader reader;                   /* of batches */
    bool *is_told;                        /* [n_images] cannot be read, and on_unreadable knows */
    float *gallery_features, *validation_features;
    int32_t *gallery_labels, *validation_labels;
    size_t *neighbours;    /* [n_validation, k] */
    size_t *n_of, *n_hits; /* [n_classes] validation images, and those that k-NN names right */
    float *best;           /* the model's numbers after the best epoch */
    float *centers;        /* [classes, D] at the end of the epoch before */
    cen__progress at;
    cen__sample sample;
    double saved, save_seconds; /* when a checkpoint was written, and how long that took */
    size_t k, first_step;
    bool is_slow;            /* a batch takes a second or more */
    bool is_stopped, is_cut; /* cut: while an epoch was measured */
} fit;

/* sums += losses of n images */
static void add_losses(cen_losses *sums, const cen_losses *losses, size_t n)
{
    sums->total += losses->total * (double)n;
    sums->first += losses->first * (double)n;
    sums->center += losses->center * (double)n;
    sums->accuracy += losses->accuracy * (double)n;
    sums->lambda += losses->lambda * (double)n;
    sums->gradient_ratio += losses->gradient_ratio * (double)n;
}

static cen_losses mean_losses(const cen_losses *sums, size_t n)
{
    double count = (double)n;
    return (cen_losses){sums->total / count,    sums->first / count,  sums->center / count,
                        sums->accuracy / count, sums->lambda / count, sums->gradient_ratio / count};
}

/* ---- an epoch ---- */

/* Of a folder's n training images in an epoch: so many batches, the last may be smaller. */
static size_t count_batches(const fit *f, size_t n)
{
    return (n + f->batch_size - 1) / f->batch_size;
}

static size_t order_images(fit *f, size_t epoch)
{
    const cen_fit_options *options = f->options;
    if (options->balance) {
        return cen_folder_order_per_class(f->folder, 1, 1, options->seed, epoch, f->train);
    }
    if (options->per_class == 0) {
        return cen_folder_order(f->folder, CEN_SPLIT_TRAIN, options->shuffle, options->seed, epoch,
                                f->train);
    }
    return cen_folder_order_per_class(f->folder, f->batch_size / options->per_class,
                                      options->per_class, options->seed, epoch, f->train);
}

/* Rates of the step that comes next. */
static double set_rates(fit *f, size_t n_batches)
{
    const cen_fit_options *options = f->options;
    const cen_train_options *train = cen__trainer_options(f->trainer);
    double step = (double)f->at.n_steps, per_epoch = (double)n_batches;
    double lr = train->lr * cen__schedule_lr(step, per_epoch * (double)options->n_epochs,
                                             per_epoch * options->warmup, options->cosine);
    double ramp = cen__schedule_ramp(step, per_epoch * options->lambda_warmup);
    (void)cen_trainer_set_rates(f->trainer, lr, train->lambda * ramp, NULL);
    return lr;
}

static cen__checkpoint checkpoint_of(fit *f)
{
    return (cen__checkpoint){f->trainer, f->folder, f->options, f->best, f->centers, &f->at};
}

static cen_status save(fit *f, cen_error *error)
{
    cen__checkpoint checkpoint = checkpoint_of(f);
    cen_status status = CEN_OK;
    const double start = cen__os_seconds();
    if (f->options->checkpoint != NULL) status = cen__checkpoint_write(&checkpoint, error);
    f->saved = cen__os_seconds();
    f->save_seconds = f->saved - start;
    return status;
}

/* Within an epoch a checkpoint is due when the last is old, or when training stops here. Who stops it does
 * not wait for a slow batch, and loses only that one. */
static bool is_due(const fit *f)
{
    double most = f->options->checkpoint_seconds, passed = cen__os_seconds() - f->saved;
    if (f->is_stopped) return true;
    if (f->is_slow && most > 8 * f->save_seconds) most = 8 * f->save_seconds;
    return most > 0 && passed >= most;
}

/* What a callback answers. */
static cen_status heed(fit *f, int answer, cen_error *error)
{
    if (answer != 0) f->is_stopped = true;
    if (answer >= 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_STOPPED,
                     "a callback failed, which ended the training; resume it when what failed is "
                     "mended");
}

/* ---- pictures that can no longer be read ---- */

/* cen__unread */
static cen_status pass_over(void *user, size_t index, const cen_error *why, cen_error *error)
{
    fit *f = user;
    const cen_fit_options *options = f->options;
    (void)error;
    if (options->on_unreadable != NULL && !f->is_told[index]) {
        options->on_unreadable(options->user, cen_folder_get(f->folder)->images[index].path,
                               why->message);
    }
    f->is_told[index] = true;
    return CEN_OK;
}

/* *n: the pictures that could be read; without any, no step is taken. */
static cen_status train_batch(fit *f, size_t first, size_t count, size_t n_batches, size_t *n,
                              cen_losses *losses, cen_error *error)
{
    const cen_fit_options *options = f->options;
    size_t *indices = f->train + first;
    cen_status status = cen__reader_read(&f->reader, &options->augment, options->seed, f->at.epoch,
                                         indices, count, f->x, f->labels, n, error);
    if (status != CEN_OK || *n == 0) return status;
    f->at.lr = set_rates(f, n_batches);
    status = cen_trainer_backward(f->trainer, f->x, f->labels, *n, losses, error);
    if (status == CEN_OK) cen_trainer_update(f->trainer);
    if (status != CEN_ERROR_NOT_FINITE) return status;
    cen__batch batch = {f->trainer, f->folder, indices, f->x, f->labels, *n};
    return cen__tell_step(&batch, f->at.n_steps + 1, f->at.epoch, losses, error);
}

static cen_status train_epoch(fit *f, cen_losses *mean, cen_error *error)
{
    const cen_fit_options *options = f->options;
    size_t n = order_images(f, f->at.epoch);
    cen_step_report report = {
        .epoch = f->at.epoch, .n_epochs = options->n_epochs, .n_batches = count_batches(f, n)};
    double start = cen__os_seconds();
    size_t first = f->at.batch * f->batch_size, n_done = first < n ? first : n, n_read = n_done;
    size_t passed = 0; /* images before the first that can be read: its batch stands for them */
    if (n_done > 0) report.mean_losses = mean_losses(&f->at.sums, n_done);
    for (; first < n && !f->is_stopped; first += f->batch_size) {
        size_t count = n - first < f->batch_size ? n - first : f->batch_size, good;
        double step_start = cen__os_seconds();
        cen_status status =
            train_batch(f, first, count, report.n_batches, &good, &report.losses, error);
        if (status != CEN_OK) return status;
        n_read += good;
        if (good == 0) {
            f->at.batch++;
            passed += n_read == 0 ? count : 0;
            if (n_read > 0) add_losses(&f->at.sums, &report.mean_losses, count);
            continue;
        }
        add_losses(&f->at.sums, &report.losses, passed + count);
        passed = 0;
        report.batch = ++f->at.batch;
        report.step = ++f->at.n_steps;
        report.n_images = first + count;
        report.mean_losses = mean_losses(&f->at.sums, report.n_images);
        report.seconds = cen__os_seconds() - start;
        if (count == f->batch_size || n < f->batch_size) {
            f->is_slow = report.seconds - (step_start - start) >= 1;
        }
        report.is_slow = f->is_slow;
        f->is_stopped = f->at.n_steps - f->first_step == options->stop_after;
        if (options->on_step != NULL) {
            status = heed(f, options->on_step(options->user, &report), error);
        }
        if (status == CEN_OK && is_due(f)) status = save(f, error);
        if (status != CEN_OK) return status;
    }
    if (n_read == 0) return cen__reader_fail(&f->reader, "of an epoch", error);
    *mean = report.mean_losses;
    return CEN_OK;
}

/* cen_progress of what an epoch measures. */
static int on_measure(void *user, size_t done, size_t total)
{
    fit *f = user;
    const cen_fit_options *options = f->options;
    if (options->on_measure == NULL || options->on_measure(options->user, done, total) == 0)
        return 0;
    f->is_stopped = f->is_cut = true;
    return 1;
}

static cen_status be_cut(cen_error *error)
{
    return cen__fail(error, CEN_ERROR_STOPPED, "the measuring of an epoch was stopped");
}

/* What cannot be read leaves the list for good. */
static cen_status evaluate_validation(fit *f, cen_losses *mean, cen_error *error)
{
    cen_losses sums = {.total = 0}, losses;
    size_t d = f->model->info.feature_size, n = f->n_validation, n_done = 0, count;
    for (size_t at = 0; at < n; at += f->batch_size) {
        size_t wanted = n - at < f->batch_size ? n - at : f->batch_size;
        size_t *indices = f->validation + at;
        float *features = f->validation_features + n_done * d;
        if (on_measure(f, at, n) != 0) return be_cut(error);
        cen_status status = cen__reader_read(&f->reader, NULL, 0, 0, indices, wanted, f->x,
                                             f->labels, &count, error);
        if (status != CEN_OK) return status;
        if (count == 0) continue;
        status = cen_trainer_evaluate(f->trainer, f->x, f->labels, count, &losses, features, error);
        if (status == CEN_ERROR_NOT_FINITE) {
            cen__batch batch = {f->trainer, f->folder, indices, f->x, f->labels, count};
            return cen__tell_measure(&batch, f->at.epoch, features, error);
        }
        if (status != CEN_OK) return status;
        add_losses(&sums, &losses, count);
        memmove(f->validation + n_done, indices, count * sizeof *indices);
        memcpy(f->validation_labels + n_done, f->labels, count * sizeof *f->labels);
        n_done += count;
    }
    if (n_done == 0) return cen__reader_fail(&f->reader, "to validate", error);
    f->n_validation = n_done;
    *mean = mean_losses(&sums, n_done);
    return CEN_OK;
}

/* Over images, and over classes. */
static void count_hits(fit *f, cen_epoch_report *report)
{
    size_t n_classes = f->model->info.n_classes, n_seen = 0, hits = 0;
    double shares = 0;
    memset(f->n_of, 0, n_classes * sizeof *f->n_of);
    memset(f->n_hits, 0, n_classes * sizeof *f->n_hits);
    for (size_t i = 0; i < f->n_validation; i++) {
        int32_t label = f->validation_labels[i];
        int32_t vote = cen__knn_vote(f->neighbours + i * f->k, f->k, f->gallery_labels);
        f->n_of[label]++;
        f->n_hits[label] += vote == label;
        hits += vote == label;
    }
    for (size_t i = 0; i < n_classes; i++) {
        if (f->n_of[i] == 0) continue;
        shares += (double)f->n_hits[i] / (double)f->n_of[i];
        n_seen++;
    }
    report->knn_accuracy = (double)hits / (double)f->n_validation;
    report->knn_macro = shares / (double)n_seen;
}

/* Queries between two looks at whether to stop: at most so many, of so many multiply-adds. */
enum { KNN_BLOCK = 4096 };
static const double knn_work = 1e10;

static size_t knn_block(const fit *f)
{
    double of_one = (double)f->n_gallery * (double)f->model->info.feature_size;
    return of_one * (double)KNN_BLOCK <= knn_work ? KNN_BLOCK : (size_t)(knn_work / of_one) + 1;
}

/* Validation images among the gallery, in folder order, so that equal distances are decided the same
 * way in each epoch. */
static cen_status measure_knn(fit *f, cen_epoch_report *report, cen_error *error)
{
    size_t d = f->model->info.feature_size;
    cen_status status =
        cen__extract(cen__trainer_predictor(f->trainer), &f->reader, f->gallery, &f->n_gallery,
                     f->x, f->gallery_features, on_measure, f, error);
    if (status != CEN_OK) return status;
    if (f->n_gallery == 0) return cen__reader_fail(&f->reader, "of the k-NN's gallery", error);
    if (f->k > f->n_gallery) f->k = f->n_gallery;
    for (size_t i = 0; i < f->n_gallery; i++) {
        f->gallery_labels[i] = cen_folder_get(f->folder)->images[f->gallery[i]].label;
    }
    if (!cen__is_below(&f->model->net.kernels->vectors, f->gallery_features, f->n_gallery * d,
                       INFINITY, f->model->context)) {
        cen__batch all = {f->trainer, f->folder, f->gallery, NULL, NULL, f->n_gallery};
        return cen__tell_measure(&all, f->at.epoch, f->gallery_features, error);
    }
    const size_t block = knn_block(f);
    for (size_t at = 0; at < f->n_validation; at += block) {
        size_t count = f->n_validation - at < block ? f->n_validation - at : block;
        if (on_measure(f, at, f->n_validation) != 0) return be_cut(error);
        status = cen_knn_search(f->model->context, f->gallery_features, f->n_gallery,
                                f->validation_features + at * d, count, d, f->k, CEN_METRIC_L2,
                                false, f->neighbours + at * f->k, NULL, error);
        if (status != CEN_OK) return status;
    }
    count_hits(f, report);
    return CEN_OK;
}

static double choosing_knn(const fit *f, const cen_epoch_report *report)
{
    return f->options->balance ? report->knn_macro : report->knn_accuracy;
}

static cen_status measure_epoch(fit *f, cen_epoch_report *report, cen_error *error)
{
    if (f->n_validation == 0) {
        report->validation = (cen_losses){NAN, NAN, NAN, NAN, NAN, NAN};
        report->knn_accuracy = report->knn_macro = report->intra_inter = NAN;
        report->is_best = true;
        return CEN_OK;
    }
    cen_status status = evaluate_validation(f, &report->validation, error);
    if (status == CEN_OK) status = measure_knn(f, report, error);
    if (status == CEN_OK) {
        cen_labelled queries = {f->validation_features, f->validation_labels, f->n_validation};
        cen_labelled gallery = {f->gallery_features, f->gallery_labels, f->n_gallery};
        status = cen_intra_inter(f->model->context, &queries, &gallery, f->model->info.feature_size,
                                 f->model->info.n_classes, &report->intra_inter, error);
    }
    report->n_gallery = f->n_gallery;
    report->features = f->validation_features;
    report->n_features = f->n_validation;
    double knn = choosing_knn(f, report);
    report->is_best = report->epoch == 1 || knn > f->at.best_knn ||
                      (knn == f->at.best_knn && report->validation.total < f->at.best_loss);
    return status;
}

/* Root mean square distances: of the centers to their mean, and to `before`. */
static void measure_centers(const fit *f, cen_epoch_report *report)
{
    size_t n = f->model->info.n_classes, d = f->model->info.feature_size;
    const float *centers = f->model->parameters + f->model->centers;
    double spread = 0, step = 0;
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)centers[i * d + j];
        for (size_t i = 0; i < n; i++) {
            double apart = (double)centers[i * d + j] - sum / (double)n;
            double moved = (double)centers[i * d + j] - (double)f->centers[i * d + j];
            spread += apart * apart;
            step += moved * moved;
        }
    }
    memcpy(f->centers, centers, n * d * sizeof *centers);
    report->lr = f->at.lr;
    report->center_spread = sqrt(spread / (double)n);
    report->center_step = sqrt(step / (double)n);
    report->center_distance = sqrt(report->train.center);
}

static cen_status measure_features(fit *f, cen_epoch_report *report, cen_error *error)
{
    if (on_measure(f, 0, f->sample.n) != 0) return be_cut(error);
    cen_status status =
        cen__sample_spread(&f->sample, &f->reader, f->x, &report->feature_spread, error);
    if (status != CEN_OK) return status;
    if (!isfinite(report->feature_spread)) {
        cen__batch batch = {f->trainer, f->folder, f->sample.indices, NULL, NULL, f->sample.n};
        return cen__tell_measure(&batch, f->at.epoch, f->sample.features, error);
    }
    report->feature_spread_before = f->at.spread_before;
    report->is_collapsed = cen__is_collapsed(&f->sample, report->train.first,
                                             report->feature_spread, f->at.spread_before);
    return CEN_OK;
}

static cen_status run_epoch(fit *f, cen_error *error)
{
    const cen_fit_options *options = f->options;
    cen_epoch_report report = {.epoch = f->at.epoch, .n_epochs = options->n_epochs};
    double start = cen__os_seconds();
    cen_status status = train_epoch(f, &report.train, error);
    bool is_whole = !f->is_stopped;
    if (status == CEN_OK) status = measure_features(f, &report, error);
    if (status == CEN_OK) status = measure_epoch(f, &report, error);
    if (f->is_cut) return is_whole ? save(f, error) : CEN_OK;
    if (status != CEN_OK) return status;
    measure_centers(f, &report);
    report.seconds = cen__os_seconds() - start;
    if (report.is_best) {
        memcpy(f->best, f->model->parameters, f->model->n_numbers * sizeof(float));
        f->at.best_knn = choosing_knn(f, &report);
        f->at.best_loss = report.validation.total;
        f->at.best_epoch = f->at.epoch;
    }
    if (options->on_epoch != NULL) {
        status = heed(f, options->on_epoch(options->user, &report), error);
        if (status != CEN_OK) return status;
    }
    f->at.epoch++;
    f->at.batch = 0;
    f->at.sums = (cen_losses){.total = 0};
    return is_whole ? save(f, error) : CEN_OK;
}

/* Goes on where the checkpoint stands, and tells it. */
static cen_status resume(fit *f, cen_error *error)
{
    const cen_fit_options *options = f->options;
    cen__checkpoint checkpoint = checkpoint_of(f);
    cen_error warning;
    if (options->checkpoint == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "there is no checkpoint to resume from");
    }
    cen_status status = cen__checkpoint_read(&checkpoint, &warning, error);
    if (status != CEN_OK || options->on_resume == NULL) return status;
    char machine[64];
    cen__machine_name(f->model->context, machine);
    cen_resume_report report = {.machine = machine,
                                .machine_before = f->at.machine,
                                .epoch = f->at.epoch,
                                .batch = f->at.batch,
                                .step = f->at.n_steps,
                                .best_epoch = f->at.best_epoch,
                                .best_knn = f->at.best_knn,
                                .warning = warning.status != CEN_OK ? warning.message : NULL};
    return heed(f, options->on_resume(options->user, &report), error);
}

static bool is_over(const fit *f)
{
    size_t patience = f->options->patience, done = f->at.epoch - 1;
    return f->is_stopped || f->at.epoch > f->options->n_epochs ||
           (patience > 0 && done - f->at.best_epoch >= patience);
}

static cen_status run_epochs(fit *f, cen_error *error)
{
    const cen_fit_options *options = f->options;
    size_t size = f->model->n_numbers * sizeof(float);
    cen__trainer_seed(f->trainer, options->seed);
    memcpy(f->best, f->model->parameters, size);
    memcpy(f->centers, f->model->parameters + f->model->centers,
           f->model->info.n_center_parameters * sizeof(float));
    f->at.epoch = 1;
    f->saved = cen__os_seconds();
    cen_status status = CEN_OK;
    if (options->resume) {
        status = resume(f, error);
        f->first_step = f->at.n_steps;
    } else {
        status = cen__sample_spread(&f->sample, &f->reader, f->x, &f->at.spread_before, error);
        if (status == CEN_OK) status = save(f, error);
    }
    while (status == CEN_OK && !is_over(f)) status = run_epoch(f, error);
    memcpy(f->model->parameters, f->best, size);
    return status;
}

/* What an epoch's k-NN searches: all training images, or so many of them evenly, so that measuring
 * stays short beside training. */
enum { GALLERY_MOST = 5000, GALLERY_PER_CLASS = 10 };

static size_t choose_gallery(fit *f, size_t n_classes)
{
    size_t n = cen_folder_order(f->folder, CEN_SPLIT_TRAIN, false, 0, 0, f->train);
    size_t most =
        n_classes > GALLERY_MOST / GALLERY_PER_CLASS ? GALLERY_PER_CLASS * n_classes : GALLERY_MOST;
    if (most > n) most = n;
    for (size_t i = 0; i < most; i++) {
        f->gallery[i] = f->train[(size_t)((double)i * (double)n / (double)most)];
    }
    return most;
}

static cen_status prepare(fit *f, cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(f->folder);
    size_t d = f->model->info.feature_size, input = cen__shape_count(f->model->net.in);
    size_t n_order = info->n_images + f->batch_size; /* per_class may fill a last batch */
    f->train = cen__alloc(f->model->context, n_order, sizeof *f->train);
    f->validation = cen__alloc(f->model->context, info->n_images, sizeof *f->validation);
    f->x = cen__alloc(f->model->context, f->batch_size, input * sizeof *f->x);
    f->labels = cen__alloc(f->model->context, f->batch_size, sizeof *f->labels);
    f->best = cen__alloc(f->model->context, f->model->n_numbers, sizeof *f->best);
    f->centers =
        cen__alloc(f->model->context, f->model->info.n_center_parameters, sizeof *f->centers);
    if (f->train == NULL || f->validation == NULL || f->x == NULL || f->labels == NULL ||
        f->best == NULL || f->centers == NULL) {
        return cen__fail_memory(error, "the images of a batch");
    }
    f->gallery = cen__alloc(f->model->context, info->n_images, sizeof *f->gallery);
    f->n_of = cen__alloc(f->model->context, f->model->info.n_classes, sizeof *f->n_of);
    f->n_hits = cen__alloc(f->model->context, f->model->info.n_classes, sizeof *f->n_hits);
    f->is_told = cen__alloc(f->model->context, info->n_images, sizeof *f->is_told);
    if (f->gallery == NULL || f->is_told == NULL || f->n_of == NULL || f->n_hits == NULL) {
        return cen__fail_memory(error, "the images of a batch");
    }
    memset(f->is_told, 0, info->n_images * sizeof *f->is_told);
    f->n_gallery = choose_gallery(f, info->n_classes);
    f->n_validation = cen_folder_order(f->folder, CEN_SPLIT_VALIDATION, false, 0, 0, f->validation);
    if (f->n_gallery == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "there are no training images");
    }
    cen_status status = cen__reader_create(&f->reader, f->folder, &f->model->info.input,
                                           f->batch_size, pass_over, f, error);
    if (status != CEN_OK) return status;
    status = cen__sample_create(&f->sample, f->trainer, f->folder, f->gallery, f->n_gallery,
                                f->options->balance, error);
    if (status != CEN_OK) return status;
    f->k = f->options->k < f->n_gallery ? f->options->k : f->n_gallery;
    f->gallery_features = cen__alloc(f->model->context, f->n_gallery, d * sizeof(float));
    f->validation_features = cen__alloc(f->model->context, f->n_validation, d * sizeof(float));
    f->gallery_labels = cen__alloc(f->model->context, f->n_gallery, sizeof *f->gallery_labels);
    f->validation_labels =
        cen__alloc(f->model->context, f->n_validation, sizeof *f->validation_labels);
    f->neighbours = cen__alloc(f->model->context, f->n_validation, f->k * sizeof *f->neighbours);
    if (f->gallery_features == NULL || f->validation_features == NULL ||
        f->gallery_labels == NULL || f->validation_labels == NULL || f->neighbours == NULL) {
        return cen__fail_memory(error, "the features of this folder");
    }
    return CEN_OK;
}

/* "0", "1" and so on, which cen_model_create gives where it was given none. */
static bool has_numbers_as_names(const cen_model_info *model)
{
    for (size_t i = 0; i < model->n_classes; i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%zu", i);
        if (strcmp(model->class_names[i], number) != 0) return false;
    }
    return true;
}

/* A label is a place in the names of either; so these must be the same. */
static cen_status check_names(const cen_model_info *model, const cen_folder_info *folder,
                              cen_error *error)
{
    if (has_numbers_as_names(model)) return CEN_OK;
    if (model->n_classes != folder->n_classes) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the model has %zu classes, the folder %zu; train on a folder with the "
                         "model's classes, or make a model for this folder",
                         model->n_classes, folder->n_classes);
    }
    for (size_t i = 0; i < model->n_classes; i++) {
        if (strcmp(model->class_names[i], folder->class_names[i]) == 0) continue;
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "class %zu is '%s' in the model, but '%s' in the folder; train on a "
                         "folder with the model's classes, or make a model for this folder",
                         i, model->class_names[i], folder->class_names[i]);
    }
    return CEN_OK;
}

static cen_status check_times(const cen_fit_options *options, cen_error *error)
{
    const double most = 1e15; /* a whole number in a double */
    cen_status status =
        cen__check_number("the warm-up of the rate", options->warmup, 0, most, error);
    if (status != CEN_OK) return status;
    status = cen__check_number("the warm-up of lambda", options->lambda_warmup, 0, most, error);
    if (status != CEN_OK) return status;
    return cen__check_number("the time between checkpoints", options->checkpoint_seconds, 0, most,
                             error);
}

cen_status cen_fit(cen_trainer *trainer, const cen_folder *folder, const cen_fit_options *given,
                   cen_error *error)
{
    cen_fit_options taken = cen_fit_options_init();
    cen_status status = cen__take_options(&taken, given, error);
    const cen_fit_options *options = &taken;
    if (status == CEN_OK) status = cen__trainer_check(trainer, error);
    if (status == CEN_OK) status = check_times(options, error);
    if (status == CEN_OK) {
        status =
            cen__augment_check(&options->augment, &cen__trainer_model(trainer)->info.input, error);
    }
    if (status == CEN_OK) {
        status = check_names(&cen__trainer_model(trainer)->info, cen_folder_get(folder), error);
    }
    if (status != CEN_OK) return status;
    if (options->n_epochs == 0 || options->k == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%s of 0 cannot be used; use at least 1",
                         options->k == 0 ? "k" : "a number of epochs");
    }
    size_t batch_size = cen__trainer_options(trainer)->batch_size, per_class = options->per_class;
    if (per_class > 0 && (per_class > batch_size || batch_size % per_class != 0)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%zu images a class do not divide batches of %zu; choose numbers that do",
                         per_class, batch_size);
    }
    if (per_class > 0 && batch_size / per_class > cen__trainer_model(trainer)->info.n_classes) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "batches of %zu with %zu images a class need %zu classes, there are %zu; "
                         "use smaller batches",
                         batch_size, per_class, batch_size / per_class,
                         cen__trainer_model(trainer)->info.n_classes);
    }
    if (options->balance && per_class > 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "batches with as many images of each class are balanced already; leave "
                         "balance out");
    }
    fit f = {.trainer = trainer,
             .model = cen__trainer_model(trainer),
             .folder = folder,
             .options = options,
             .batch_size = batch_size};
    status = prepare(&f, error);
    if (status == CEN_OK) status = run_epochs(&f, error);
    cen__free(f.train);
    cen__free(f.gallery);
    cen__free(f.validation);
    cen__free(f.x);
    cen__free(f.labels);
    cen__reader_free(&f.reader);
    cen__free(f.is_told);
    cen__free(f.best);
    cen__free(f.centers);
    cen__free(f.gallery_features);
    cen__free(f.validation_features);
    cen__free(f.gallery_labels);
    cen__free(f.validation_labels);
    cen__free(f.neighbours);
    cen__free(f.n_of);
    cen__free(f.n_hits);
    cen__sample_free(&f.sample);
    return status;
}
