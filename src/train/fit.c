/* Training over a folder: epochs of batches, and after each epoch what a user wants to know. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"
#include "train/extract.h"
#include "train/model.h"
#include "train/trainer.h"

typedef struct fit {
    cen_trainer *trainer;
    cen_model *model;
    const cen_folder *folder;
    const cen_fit_options *options;
    size_t batch_size, n_train, n_validation, n_steps;
    size_t *train, *validation; /* indices into the folder */
    float *x;                   /* [batch, input] */
    int32_t *labels;            /* [batch] */
    float *train_features, *validation_features;
    int32_t *train_labels, *validation_labels;
    size_t *neighbours; /* [n_validation, k] */
    float *best;        /* parameters of the best epoch */
    double best_knn, best_loss;
    size_t k;
    bool is_stopped;
} fit;

cen_fit_options cen_fit_options_default(void)
{
    return (cen_fit_options){.n_epochs = 30, .shuffle = true, .seed = 1, .k = 5};
}

/* sums += losses of n images */
static void add_losses(cen_losses *sums, const cen_losses *losses, size_t n)
{
    sums->total += losses->total * (double)n;
    sums->softmax += losses->softmax * (double)n;
    sums->center += losses->center * (double)n;
    sums->accuracy += losses->accuracy * (double)n;
}

static cen_losses mean_losses(const cen_losses *sums, size_t n)
{
    double count = (double)n;
    return (cen_losses){sums->total / count, sums->softmax / count, sums->center / count,
                        sums->accuracy / count};
}

static cen_status train_epoch(fit *f, size_t epoch, cen_losses *mean, cen_error *error)
{
    const cen_fit_options *options = f->options;
    const cen_input *input = &f->model->info.input;
    size_t n = cen_folder_order(f->folder, CEN_SPLIT_TRAIN, options->shuffle, options->seed, epoch,
                                f->train);
    cen_step_report report = {.epoch = epoch,
                              .n_epochs = options->n_epochs,
                              .n_batches = (n + f->batch_size - 1) / f->batch_size};
    cen_losses sums = {0, 0, 0, 0};
    double start = cen__os_seconds();
    for (size_t at = 0; at < n && !f->is_stopped; at += f->batch_size) {
        size_t count = n - at < f->batch_size ? n - at : f->batch_size;
        cen_status status =
            cen_folder_read(f->folder, input, f->train + at, count, f->x, f->labels, error);
        if (status != CEN_OK) return status;
        status = cen_trainer_backward(f->trainer, f->x, f->labels, count, &report.losses, error);
        if (status == CEN_OK && !isfinite(report.losses.total)) {
            status = cen__fail(error, CEN_ERROR_ARGUMENT,
                               "the loss is no longer finite at step %zu; train with a smaller "
                               "learning rate or lambda",
                               f->n_steps + 1);
        }
        if (status != CEN_OK) return status;
        cen_trainer_update(f->trainer);
        add_losses(&sums, &report.losses, count);
        report.batch++;
        report.step = ++f->n_steps;
        report.n_images = at + count;
        report.mean_losses = mean_losses(&sums, report.n_images);
        report.seconds = cen__os_seconds() - start;
        f->is_stopped = f->n_steps == options->stop_after;
        if (options->on_step != NULL && options->on_step(options->user, &report) != 0) {
            f->is_stopped = true;
        }
    }
    *mean = report.mean_losses;
    return CEN_OK;
}

static cen_status evaluate_validation(fit *f, cen_losses *mean, cen_error *error)
{
    cen_losses sums = {0, 0, 0, 0}, losses;
    size_t d = f->model->info.feature_size;
    for (size_t at = 0; at < f->n_validation; at += f->batch_size) {
        size_t count = f->n_validation - at;
        if (count > f->batch_size) count = f->batch_size;
        cen_status status = cen_folder_read(f->folder, &f->model->info.input, f->validation + at,
                                            count, f->x, f->labels, error);
        if (status != CEN_OK) return status;
        status = cen_trainer_evaluate(f->trainer, f->x, f->labels, count, &losses,
                                      f->validation_features + at * d, error);
        if (status != CEN_OK) return status;
        add_losses(&sums, &losses, count);
    }
    *mean = mean_losses(&sums, f->n_validation);
    return CEN_OK;
}

/* Validation images among the training images, in folder order, so that equal distances are decided
 * the same way in each epoch. */
static cen_status measure_knn(fit *f, double *accuracy, cen_error *error)
{
    size_t d = f->model->info.feature_size, hits = 0;
    (void)cen_folder_order(f->folder, CEN_SPLIT_TRAIN, false, 0, 0, f->train);
    cen_status status =
        cen__extract(f->model, cen__trainer_work(f->trainer), f->batch_size, f->folder, f->train,
                     f->n_train, f->x, f->train_features, NULL, NULL, error);
    if (status != CEN_OK) return status;
    status = cen_knn_search(f->train_features, f->n_train, f->validation_features, f->n_validation,
                            d, f->k, CEN_METRIC_L2, false, f->neighbours, NULL,
                            cen__trainer_options(f->trainer)->n_threads, error);
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < f->n_validation; i++) {
        int32_t vote = cen_knn_vote(f->neighbours + i * f->k, f->k, f->train_labels);
        hits += vote == f->validation_labels[i];
    }
    *accuracy = (double)hits / (double)f->n_validation;
    return CEN_OK;
}

static cen_status measure_epoch(fit *f, cen_epoch_report *report, cen_error *error)
{
    if (f->n_validation == 0) {
        report->validation = (cen_losses){NAN, NAN, NAN, NAN};
        report->knn_accuracy = report->intra_inter = NAN;
        report->is_best = true;
        return CEN_OK;
    }
    cen_status status = evaluate_validation(f, &report->validation, error);
    if (status == CEN_OK) status = measure_knn(f, &report->knn_accuracy, error);
    if (status == CEN_OK) {
        cen_labelled queries = {f->validation_features, f->validation_labels, f->n_validation};
        cen_labelled gallery = {f->train_features, f->train_labels, f->n_train};
        status = cen_intra_inter(queries, gallery, f->model->info.feature_size,
                                 f->model->info.n_classes, &report->intra_inter, error);
    }
    report->is_best =
        report->epoch == 1 || report->knn_accuracy > f->best_knn ||
        (report->knn_accuracy == f->best_knn && report->validation.total < f->best_loss);
    return status;
}

static cen_status run_epochs(fit *f, cen_error *error)
{
    const cen_fit_options *options = f->options;
    size_t size = f->model->n_parameters * sizeof(float);
    cen_status status = CEN_OK;
    memcpy(f->best, f->model->parameters, size);
    for (size_t epoch = 1; epoch <= options->n_epochs && !f->is_stopped; epoch++) {
        cen_epoch_report report = {.epoch = epoch, .n_epochs = options->n_epochs};
        double start = cen__os_seconds();
        status = train_epoch(f, epoch, &report.train, error);
        if (status == CEN_OK) status = measure_epoch(f, &report, error);
        if (status != CEN_OK) break;
        report.seconds = cen__os_seconds() - start;
        if (report.is_best) {
            memcpy(f->best, f->model->parameters, size);
            f->best_knn = report.knn_accuracy;
            f->best_loss = report.validation.total;
        }
        if (options->on_epoch != NULL && options->on_epoch(options->user, &report) != 0) {
            f->is_stopped = true;
        }
    }
    memcpy(f->model->parameters, f->best, size);
    return status;
}

static cen_status prepare(fit *f, cen_error *error)
{
    const cen_folder_info *info = cen_folder_get(f->folder);
    size_t d = f->model->info.feature_size, input = cen__shape_count(f->model->net.in);
    f->train = cen__alloc(info->n_images, sizeof *f->train);
    f->validation = cen__alloc(info->n_images, sizeof *f->validation);
    f->x = cen__alloc(f->batch_size, input * sizeof *f->x);
    f->labels = cen__alloc(f->batch_size, sizeof *f->labels);
    f->best = cen__alloc(f->model->n_parameters, sizeof *f->best);
    if (f->train == NULL || f->validation == NULL || f->x == NULL || f->labels == NULL ||
        f->best == NULL) {
        return cen__fail_memory(error, "the images of a batch");
    }
    f->n_train = cen_folder_order(f->folder, CEN_SPLIT_TRAIN, false, 0, 0, f->train);
    f->n_validation = cen_folder_order(f->folder, CEN_SPLIT_VALIDATION, false, 0, 0, f->validation);
    if (f->n_train == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "there are no training images");
    }
    f->k = f->options->k < f->n_train ? f->options->k : f->n_train;
    f->train_features = cen__alloc(f->n_train, d * sizeof(float));
    f->validation_features = cen__alloc(f->n_validation, d * sizeof(float));
    f->train_labels = cen__alloc(f->n_train, sizeof *f->train_labels);
    f->validation_labels = cen__alloc(f->n_validation, sizeof *f->validation_labels);
    f->neighbours = cen__alloc(f->n_validation, f->k * sizeof *f->neighbours);
    if (f->train_features == NULL || f->validation_features == NULL || f->train_labels == NULL ||
        f->validation_labels == NULL || f->neighbours == NULL) {
        return cen__fail_memory(error, "the features of this folder");
    }
    for (size_t i = 0; i < f->n_train; i++) f->train_labels[i] = info->images[f->train[i]].label;
    for (size_t i = 0; i < f->n_validation; i++) {
        f->validation_labels[i] = info->images[f->validation[i]].label;
    }
    return CEN_OK;
}

cen_status cen_fit(cen_trainer *trainer, const cen_folder *folder, const cen_fit_options *options,
                   cen_error *error)
{
    if (options->n_epochs == 0 || options->k == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%s of 0 cannot be used; use at least 1",
                         options->k == 0 ? "k" : "a number of epochs");
    }
    fit f = {.trainer = trainer,
             .model = cen__trainer_model(trainer),
             .folder = folder,
             .options = options,
             .batch_size = cen__trainer_options(trainer)->batch_size};
    cen_status status = prepare(&f, error);
    if (status == CEN_OK) status = run_epochs(&f, error);
    cen__free(f.train);
    cen__free(f.validation);
    cen__free(f.x);
    cen__free(f.labels);
    cen__free(f.best);
    cen__free(f.train_features);
    cen__free(f.validation_features);
    cen__free(f.train_labels);
    cen__free(f.validation_labels);
    cen__free(f.neighbours);
    return status;
}
