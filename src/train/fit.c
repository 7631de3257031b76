/* Training over a dataset: epochs of batches, and measures after each epoch. */
#include <stdio.h>
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/os.h"
#include "data/augment.h"
#include "train/fit.h"
#include "train/model.h"

static cen_status run_epoch(cen__fit *f, cen_error *error)
{
    const cen_fit_options *options = f->options;
    cen_epoch_report report = {.epoch = f->at.epoch, .n_epochs = options->n_epochs};
    double start = cen__os_seconds();
    cen_status status = cen__fit_train(f, &report.train, error);
    bool is_whole = !f->is_stopped;
    if (status == CEN_OK) status = cen__fit_measure(f, &report, error);
    if (f->is_cut) return is_whole ? cen__fit_save(f, error) : CEN_OK;
    if (status != CEN_OK) return status;
    report.seconds = cen__os_seconds() - start;
    if (report.is_best) {
        memcpy(f->best, f->model->parameters, f->model->n_numbers * sizeof(float));
        f->at.best_knn = cen__fit_score(f, &report);
        f->at.best_loss = report.validation.total;
        f->at.best_epoch = f->at.epoch;
    }
    const int answer = options->on_epoch != NULL ? options->on_epoch(options->user, &report) : 0;
    status = cen__fit_heed(f, answer, error);
    if (status != CEN_OK) return status;
    f->at.epoch++;
    f->at.batch = 0;
    f->at.sums = (cen_losses){.total = 0};
    return is_whole ? cen__fit_save(f, error) : CEN_OK;
}

static bool is_over(const cen__fit *f)
{
    size_t patience = f->options->patience, done = f->at.epoch - 1;
    return f->is_stopped || f->at.epoch > f->options->n_epochs ||
           (patience > 0 && done - f->at.best_epoch >= patience && cen__fit_is_measured(f, done));
}

static cen_status run_epochs(cen__fit *f, cen_error *error)
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
        status = cen__fit_resume(f, error);
        f->first_step = f->at.n_steps;
    } else {
        status = cen__sample_spread(&f->sample, &f->reader, f->x, &f->at.spread_before, error);
        if (status == CEN_OK) status = cen__fit_save(f, error);
    }
    while (status == CEN_OK && !is_over(f)) status = run_epoch(f, error);
    memcpy(f->model->parameters, f->best, size);
    if (status == CEN_OK && options->whiten && !f->is_stopped) status = cen__fit_whiten(f, error);
    return status;
}

/* True for the names "0", "1" and so on, which cen_model_create gives by default. */
static bool has_numbers_as_names(const cen_model_info *model)
{
    for (size_t i = 0; i < model->n_classes; i++) {
        char number[24];
        (void)snprintf(number, sizeof number, "%zu", i);
        if (strcmp(model->class_names[i], number) != 0) return false;
    }
    return true;
}

/* label_of[n_classes of the dataset]: matches the names of both. */
static cen_status match_names(cen_context *context, const cen_model_info *model,
                              const cen_dataset *dataset, int32_t *label_of, cen_error *error)
{
    if (!has_numbers_as_names(model) || dataset->class_names == NULL) {
        return cen__dataset_match(context, dataset, model->class_names, model->n_classes, label_of,
                                  error);
    }
    if (model->n_classes != dataset->n_classes) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "the model has %zu classes, the dataset %zu; train on as many as the model "
            "has, or make a model for this dataset",
            model->n_classes, dataset->n_classes);
    }
    for (size_t c = 0; c < dataset->n_classes; c++) label_of[c] = (int32_t)c;
    return CEN_OK;
}

static cen_status reserve(cen__fit *f, cen_error *error)
{
    size_t n = f->dataset->n, n_classes = f->model->info.n_classes;
    f->train = cen__alloc(f->model->context, n + f->batch_size,
                          sizeof *f->train); /* per_class can fill up the last batch */
    f->gallery = cen__alloc(f->model->context, n, sizeof *f->gallery);
    f->validation = cen__alloc(f->model->context, n, sizeof *f->validation);
    f->is_told = cen__alloc_zeroed(f->model->context, n, sizeof *f->is_told);
    f->x = cen__alloc(f->model->context, f->batch_size,
                      cen__shape_count(f->model->net.in) * sizeof *f->x);
    f->labels = cen__alloc(f->model->context, f->batch_size, sizeof *f->labels);
    f->label_of = cen__alloc(f->model->context, f->dataset->n_classes, sizeof *f->label_of);
    f->best = cen__alloc(f->model->context, f->model->n_numbers, sizeof *f->best);
    f->centers =
        cen__alloc(f->model->context, f->model->info.n_center_parameters, sizeof *f->centers);
    f->n_of = cen__alloc(f->model->context, n_classes, sizeof *f->n_of);
    f->n_hits = cen__alloc(f->model->context, n_classes, sizeof *f->n_hits);
    f->answers = cen__alloc(f->model->context, cen__trainer_exchange(f->trainer)->n_ranks,
                            sizeof *f->answers);
    const void *const all[] = {f->train,   f->gallery, f->validation, f->is_told,
                               f->x,       f->labels,  f->label_of,   f->best,
                               f->centers, f->n_of,    f->n_hits,     f->answers};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] == NULL) return cen__fail_memory(error, "the rows of a batch");
    }
    return CEN_OK;
}

/* Allocates for the rows to search and to validate. */
static cen_status reserve_measures(cen__fit *f, cen_error *error)
{
    size_t d = f->model->info.feature_size;
    f->k = f->options->k < f->n_gallery ? f->options->k : f->n_gallery;
    f->gallery_features = cen__alloc(f->model->context, f->n_gallery, d * sizeof(float));
    f->validation_features = cen__alloc(f->model->context, f->n_validation, d * sizeof(float));
    f->gallery_labels = cen__alloc(f->model->context, f->n_gallery, sizeof *f->gallery_labels);
    f->validation_labels =
        cen__alloc(f->model->context, f->n_validation, sizeof *f->validation_labels);
    f->neighbours = cen__alloc(f->model->context, f->n_validation, f->k * sizeof *f->neighbours);
    if (f->gallery_features != NULL && f->validation_features != NULL &&
        f->gallery_labels != NULL && f->validation_labels != NULL && f->neighbours != NULL) {
        return CEN_OK;
    }
    return cen__fail_memory(error, "the features of this dataset");
}

static cen_status prepare(cen__fit *f, cen_error *error)
{
    cen_status status = reserve(f, error);
    if (status == CEN_OK)
        status = match_names(f->model->context, &f->model->info, f->dataset, f->label_of, error);
    if (status != CEN_OK) return status;
    cen__fit_choose_measured(f);
    if (f->n_gallery == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the dataset has no row to train on; give it some");
    }
    if (f->options->balance || f->options->per_class > 0) {
        status = cen__by_class_create(f->model->context, &f->by_class, f->dataset, error);
        if (status != CEN_OK) return status;
    }
    f->reader = (cen__reader){.context = f->model->context,
                              .dataset = f->dataset,
                              .input = &f->model->info.input,
                              .labels = f->label_of,
                              .size = f->batch_size,
                              .exchange = cen__trainer_exchange(f->trainer),
                              .unread = cen__fit_pass_over,
                              .user = f};
    status = cen__reader_prepare(&f->reader, error);
    if (status != CEN_OK) return status;
    status = cen__sample_create(&f->sample, f->trainer, f->dataset, f->gallery, f->n_gallery,
                                f->options->balance, error);
    if (status == CEN_OK) status = cen__fit_prepare_unseen(f, error);
    return status == CEN_OK ? reserve_measures(f, error) : status;
}

static void leave(cen__fit *f)
{
    void *const all[] = {f->train,
                         f->gallery,
                         f->validation,
                         f->is_told,
                         f->x,
                         f->labels,
                         f->label_of,
                         f->best,
                         f->centers,
                         f->n_of,
                         f->n_hits,
                         f->answers,
                         f->gallery_features,
                         f->neighbours,
                         f->gallery_labels,
                         f->validation_features,
                         f->validation_labels,
                         f->unseen,
                         f->unseen_labels,
                         f->unseen_features};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) cen__free(all[i]);
    cen__reader_free(&f->reader);
    cen__by_class_free(&f->by_class);
    cen__sample_free(&f->sample);
}

/* ---- public -------------------------------------------------------------------------------- */

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

static cen_status check_batches(const cen_fit_options *options, size_t batch_size, size_t n_classes,
                                cen_error *error)
{
    size_t per_class = options->per_class;
    if (options->n_epochs == 0 || options->k == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%s of 0 cannot be used; use at least 1",
                         options->k == 0 ? "k" : "a number of epochs");
    }
    if (per_class == 0) return CEN_OK;
    if (per_class > batch_size || batch_size % per_class != 0) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "%zu images per class do not divide batches of %zu; choose numbers that do", per_class,
            batch_size);
    }
    if (batch_size / per_class > n_classes) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "batches of %zu with %zu image%s per class need %zu classes, there are %zu; "
            "make batches of %zu",
            batch_size, per_class, cen__plural(per_class), batch_size / per_class, n_classes,
            n_classes * per_class);
    }
    if (!options->balance) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "batches with as many images of each class are balanced already; leave "
                     "balance out");
}

/* The model decides if rows are mirrored, since its features are then the mean over both sides. */
static cen_status decide_flip(const cen_model *model, cen_augment *augment, cen_error *error)
{
    if (augment->flip && !model->info.mirror) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "augmentation: flip asks for a model that mirrors; set mirror in "
                         "cen_model_options instead");
    }
    augment->flip = model->info.mirror;
    return CEN_OK;
}

cen_status cen_fit(cen_trainer *trainer, const cen_dataset *dataset, const cen_fit_options *given,
                   cen_error *error)
{
    cen_fit_options o = cen_fit_options_init();
    const cen_fit_options *options = &o;
    cen_model *model = cen__trainer_model(trainer);
    const cen_input *input = &model->info.input;
    size_t batch_size = cen__trainer_options(trainer)->batch_size;
    cen_augment augment;
    cen_dataset taken;
    cen_status status = cen__take_options(&o, given, error);
    if (status == CEN_OK) status = cen__trainer_check(trainer, error);
    if (status == CEN_OK) status = check_times(options, error);
    if (status == CEN_OK) status = cen__augment_take(o.augment, input, &augment, error);
    if (status == CEN_OK) status = decide_flip(model, &augment, error);
    o.augment = &augment;
    if (status == CEN_OK) status = cen__dataset_take(dataset, &taken, error);
    if (status == CEN_OK) status = cen__dataset_check_size(&taken, input, error);
    if (status == CEN_OK) status = cen__dataset_check_labels(&taken, error);
    if (status == CEN_OK) {
        status = check_batches(options, batch_size, model->info.n_classes, error);
    }
    if (status != CEN_OK) return status;
    cen__fit f = {.trainer = trainer,
                  .model = model,
                  .dataset = &taken,
                  .options = options,
                  .batch_size = batch_size};
    status = prepare(&f, error);
    if (status == CEN_OK) status = run_epochs(&f, error);
    leave(&f);
    return status;
}
