#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/parallel.h"
#include "nn/adam.h"
#include "nn/affine.h"
#include "nn/losses.h"
#include "nn/work.h"
#include "train/model.h"

struct cen_trainer {
    cen_model *model;
    cen_train_options options;
    int n_threads;
    cen__work *work;
    cen__adam adam;
    float *gradient;         /* as the model's parameters; zero in rows of absent centers */
    float *logits;           /* [batch, classes] */
    float *df;               /* [batch, D] */
    float *delta;            /* [batch, D]: eq. 4's step of each class of the batch */
    float *scratch;          /* of the head */
    double *row_losses;      /* [batch] */
    bool *row_hits;          /* [batch] */
    cen__labelled_row *rows; /* [batch], of the last backward */
    size_t n_rows;
};

cen_train_options cen_train_options_default(void)
{
    return (cen_train_options){.lambda = 0.2,
                               .centers = CEN_CENTERS_ADAM,
                               .alpha = 0.5,
                               .lr = 1e-3,
                               .beta1 = 0.9,
                               .beta2 = 0.999,
                               .adam_eps = 1e-8,
                               .batch_size = 32};
}

static cen_status check_number(const char *name, double value, double least, double end,
                               cen_error *error)
{
    if (value >= least && value < end) return CEN_OK; /* false for NaN */
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s %g cannot be used; it must be from %g to below %g", name, value, least,
                     end);
}

static cen_status check_options(const cen_model *model, const cen_train_options *options,
                                cen_error *error)
{
    const double huge = 1e30;
    cen_status status = check_number("lambda", options->lambda, 0, huge, error);
    if (status == CEN_OK) status = check_number("alpha", options->alpha, 0, huge, error);
    if (status == CEN_OK) status = check_number("lr", options->lr, 0, huge, error);
    if (status == CEN_OK) status = check_number("beta1", options->beta1, 0, 1, error);
    if (status == CEN_OK) status = check_number("beta2", options->beta2, 0, 1, error);
    if (status == CEN_OK) status = check_number("Adam's eps", options->adam_eps, 0, huge, error);
    if (status != CEN_OK) return status;
    if (options->batch_size == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "a batch size of 0 trains nothing; use 32");
    }
    if (model->info.n_classes < 2) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a model of %zu classes cannot be trained; use at least two",
                         model->info.n_classes);
    }
    return CEN_OK;
}

static cen_status allocate(cen_trainer *trainer, cen_error *error)
{
    const cen_model *model = trainer->model;
    size_t batch = trainer->options.batch_size, classes = model->info.n_classes;
    size_t d = model->info.feature_size, n_logits, n_features;
    if (!cen__multiply(batch, classes, &n_logits) || !cen__multiply(batch, d, &n_features)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", batch);
    }
    cen_status status =
        cen__work_create(&trainer->work, &model->net, batch, trainer->n_threads, true, error);
    if (status == CEN_OK) status = cen__adam_create(&trainer->adam, model->n_parameters, error);
    if (status != CEN_OK) return status;
    size_t scratch = cen__affine_scratch_count(batch, d, classes, trainer->n_threads);
    trainer->gradient = cen__alloc_zeroed(model->n_parameters, sizeof(float));
    trainer->logits = cen__alloc(n_logits, sizeof(float));
    trainer->df = cen__alloc(n_features, sizeof(float));
    trainer->delta = cen__alloc(n_features, sizeof(float));
    trainer->scratch = cen__alloc(scratch, sizeof(float));
    trainer->row_losses = cen__alloc(batch, sizeof *trainer->row_losses);
    trainer->row_hits = cen__alloc(batch, sizeof *trainer->row_hits);
    trainer->rows = cen__alloc(batch, sizeof *trainer->rows);
    bool complete = trainer->gradient != NULL && trainer->logits != NULL && trainer->df != NULL &&
                    trainer->delta != NULL && trainer->scratch != NULL &&
                    trainer->row_losses != NULL && trainer->row_hits != NULL &&
                    trainer->rows != NULL;
    return complete ? CEN_OK : cen__fail_memory(error, "the training of this net");
}

cen_status cen_trainer_create(cen_trainer **trainer, cen_model *model,
                              const cen_train_options *options, cen_error *error)
{
    *trainer = NULL;
    cen_status status = check_options(model, options, error);
    if (status != CEN_OK) return status;
    cen_trainer *t = cen__alloc_zeroed(1, sizeof *t);
    if (t == NULL) return cen__fail_memory(error, "a trainer");
    t->model = model;
    t->options = *options;
    t->n_threads = cen__thread_count(options->n_threads);
    status = allocate(t, error);
    if (status != CEN_OK) {
        cen_trainer_free(t);
        return status;
    }
    t->adam.lr = options->lr;
    t->adam.beta1 = options->beta1;
    t->adam.beta2 = options->beta2;
    t->adam.eps = options->adam_eps;
    t->adam.n_threads = t->n_threads;
    *trainer = t;
    return CEN_OK;
}

void cen_trainer_free(cen_trainer *trainer)
{
    if (trainer == NULL) return;
    cen__work_free(trainer->work);
    cen__adam_free(&trainer->adam);
    cen__free(trainer->gradient);
    cen__free(trainer->logits);
    cen__free(trainer->df);
    cen__free(trainer->delta);
    cen__free(trainer->scratch);
    cen__free(trainer->row_losses);
    cen__free(trainer->row_hits);
    cen__free(trainer->rows);
    cen__free(trainer);
}

cen_model *cen__trainer_model(cen_trainer *trainer)
{
    return trainer->model;
}

const cen_train_options *cen__trainer_options(const cen_trainer *trainer)
{
    return &trainer->options;
}

cen__work *cen__trainer_work(cen_trainer *trainer)
{
    return trainer->work;
}

static cen_status check_batch(const cen_trainer *trainer, const int32_t *labels, size_t n,
                              cen_error *error)
{
    if (n == 0 || n > trainer->options.batch_size) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a batch of %zu images was given to a trainer for 1 to %zu", n,
                         trainer->options.batch_size);
    }
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0 || (size_t)labels[i] >= trainer->model->info.n_classes) {
            return cen__fail(error, CEN_ERROR_ARGUMENT,
                             "label %ld of image %zu is outside of the model's %zu classes",
                             (long)labels[i], i, trainer->model->info.n_classes);
        }
    }
    return CEN_OK;
}

static cen__affine head_of(const cen_trainer *trainer, size_t n)
{
    return (cen__affine){n, trainer->model->info.feature_size, trainer->model->info.n_classes,
                         trainer->n_threads, trainer->scratch};
}

/* f[n, D] -> logits -> losses; with a gradient, the logits become theirs. */
static void measure(cen_trainer *trainer, const float *f, const int32_t *labels, size_t n,
                    bool has_gradient, cen_losses *losses)
{
    const cen_model *model = trainer->model;
    const float *w = model->parameters;
    cen__affine head = head_of(trainer, n);
    cen__affine_forward(&head, f, w + model->head_weight, w + model->head_bias, trainer->logits);
    cen__softmax softmax = {n,
                            model->info.n_classes,
                            trainer->n_threads,
                            trainer->row_losses,
                            trainer->row_hits,
                            has_gradient};
    cen__softmax_cross_entropy(&softmax, trainer->logits, labels);
    double sum = 0, hits = 0;
    for (size_t i = 0; i < n; i++) {
        sum += trainer->row_losses[i];
        hits += trainer->row_hits[i];
    }
    losses->softmax = sum / (double)n;
    losses->accuracy = hits / (double)n;
    losses->center = cen__center_loss(n, model->info.feature_size, f, w + model->centers, labels);
    losses->total = losses->softmax + trainer->options.lambda * losses->center;
}

/* Center rows of the last batch go back to zero; those of this one get their gradient. */
static void center_gradient(cen_trainer *trainer, const float *f, const int32_t *labels, size_t n)
{
    const cen_model *model = trainer->model;
    size_t d = model->info.feature_size;
    const float *centers = model->parameters + model->centers;
    float *dcenters = trainer->gradient + model->centers;
    for (size_t i = 0; i < trainer->n_rows; i++) {
        memset(dcenters + (size_t)trainer->rows[i].label * d, 0, d * sizeof *dcenters);
    }
    cen__group_rows(labels, n, trainer->rows);
    trainer->n_rows = n;
    float scale = (float)(2 * trainer->options.lambda / (double)n);
    cen__center_loss_gradient(n, d, scale, f, centers, trainer->rows, trainer->df, dcenters);
    if (trainer->options.centers == CEN_CENTERS_MEAN) {
        cen__center_delta(n, d, f, centers, trainer->rows, trainer->delta);
    }
}

cen_status cen_trainer_backward(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, cen_losses *losses, cen_error *error)
{
    cen_status status = check_batch(trainer, labels, n, error);
    if (status != CEN_OK) return status;
    const cen_model *model = trainer->model;
    const float *w = model->parameters;
    float *dw = trainer->gradient;
    const float *f = cen__work_forward(trainer->work, w, x, n);
    measure(trainer, f, labels, n, true, losses);
    cen__affine head = head_of(trainer, n);
    cen__affine_backward(&head, f, w + model->head_weight, trainer->logits, dw + model->head_weight,
                         dw + model->head_bias, trainer->df);
    center_gradient(trainer, f, labels, n);
    cen__work_backward(trainer->work, w, x, n, trainer->df, dw);
    return CEN_OK;
}

float *cen_trainer_gradient(cen_trainer *trainer, size_t *n)
{
    *n = trainer->model->n_parameters;
    return trainer->gradient;
}

/* The centers of the batch's classes, each once. */
static void update_present_centers(cen_trainer *trainer)
{
    const cen_model *model = trainer->model;
    size_t d = model->info.feature_size, group = 0;
    for (size_t i = 0, end; i < trainer->n_rows; i = end, group++) {
        end = cen__group_end(trainer->rows, trainer->n_rows, i);
        size_t start = model->centers + (size_t)trainer->rows[i].label * d;
        if (trainer->options.centers == CEN_CENTERS_ADAM) {
            cen__adam_apply_sparse(&trainer->adam, start, d, model->parameters, trainer->gradient);
            continue;
        }
        float alpha = (float)trainer->options.alpha;
        const float *delta = trainer->delta + group * d;
        for (size_t j = 0; j < d; j++) model->parameters[start + j] -= alpha * delta[j];
    }
}

void cen_trainer_update(cen_trainer *trainer)
{
    const cen_model *model = trainer->model;
    bool is_dense = trainer->options.centers == CEN_CENTERS_ADAM_DENSE;
    cen__adam_begin(&trainer->adam);
    cen__adam_apply(&trainer->adam, 0, is_dense ? model->n_parameters : model->centers,
                    model->parameters, trainer->gradient);
    if (!is_dense) update_present_centers(trainer);
}

cen_status cen_trainer_evaluate(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, cen_losses *losses, float *features, cen_error *error)
{
    cen_status status = check_batch(trainer, labels, n, error);
    if (status != CEN_OK) return status;
    const cen_model *model = trainer->model;
    const float *f = cen__work_forward(trainer->work, model->parameters, x, n);
    measure(trainer, f, labels, n, false, losses);
    if (features != NULL) memcpy(features, f, n * model->info.feature_size * sizeof *f);
    return CEN_OK;
}
