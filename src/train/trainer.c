#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/context.h"
#include "nn/adam.h"
#include "nn/losses.h"
#include "train/model.h"
#include "train/objective.h"
#include "train/sentinel.h"

struct cen_trainer {
    cen_model *model;
    cen_train_options options;
    cen__work *work;
    cen_predictor *predictor;
    uint64_t seed; /* of dropout */
    cen__adam adam;
    float *gradient; /* as the model's parameters; zero in rows of absent centers */
    cen__objective objective;
    float *df;               /* [batch, D] */
    float *delta;            /* [batch, D]: eq. 4's step of each class of the batch */
    cen__labelled_row *rows; /* [batch], of the last backward */
    size_t n_rows;
    double lambda; /* of this step */
    bool is_begun; /* lambda_ratio: lambda has a first value */
    /* What a backward changes, as it was before the last: */
    float *state_before; /* the running statistics */
    double lambda_before;
    bool was_begun;
    bool is_refused; /* it failed, and there is no gradient to be applied */
};

static const cen__vectors *vectors_of(const cen_trainer *trainer)
{
    return &trainer->model->net.kernels->vectors;
}

/* Beyond all sense, and so far from infinity that products stay finite. */
#define HUGE_RATE 1e30

static cen_status check_options(const cen_model *model, const cen_train_options *options,
                                cen_error *error)
{
    const struct {
        const char *name;
        double value, end;
    } numbers[] = {
        {"lambda", options->lambda, HUGE_RATE},
        {"margin", options->margin, HUGE_RATE},
        {"scale", options->margin_scale, HUGE_RATE},
        {"alpha", options->alpha, HUGE_RATE},
        {"lr", options->lr, HUGE_RATE},
        {"beta1", options->beta1, 1},
        {"beta2", options->beta2, 1},
        {"Adam's eps", options->adam_eps, HUGE_RATE},
        {"weight decay", options->weight_decay, HUGE_RATE},
        {"clip norm", options->clip_norm, HUGE_RATE},
        {"label smoothing", options->label_smoothing, 1},
        {"lambda's ratio", options->lambda_ratio, HUGE_RATE},
    };
    cen_status status = cen__check_choice("loss", (long)options->loss, CEN_LOSS_COSFACE, error);
    if (status == CEN_OK) {
        status = cen__check_choice("the way of centers", (long)options->centers, CEN_CENTERS_MEAN,
                                   error);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == CEN_OK; i++) {
        status = cen__check_number(numbers[i].name, numbers[i].value, 0, numbers[i].end, error);
    }
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
    size_t batch = trainer->options.batch_size, n_features;
    if (!cen__multiply(batch, model->info.feature_size, &n_features)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", batch);
    }
    cen_status status =
        cen__work_create(&trainer->work, &model->net, batch, trainer->model->context, true, error);
    if (status == CEN_OK) {
        status = cen_predictor_create(&trainer->predictor, model, batch, error);
    }
    if (status == CEN_OK)
        status =
            cen__adam_create(trainer->model->context, &trainer->adam, model->n_parameters, error);
    if (status == CEN_OK) {
        status = cen__objective_create(&trainer->objective, model, &trainer->options,
                                       trainer->model->context, error);
    }
    if (status != CEN_OK) return status;
    trainer->gradient =
        cen__alloc_zeroed(trainer->model->context, model->n_parameters, sizeof(float));
    trainer->df = cen__alloc(trainer->model->context, n_features, sizeof(float));
    trainer->delta = cen__alloc(trainer->model->context, n_features, sizeof(float));
    trainer->rows = cen__alloc(trainer->model->context, batch, sizeof *trainer->rows);
    trainer->state_before =
        cen__alloc(trainer->model->context, model->n_numbers - model->n_parameters, sizeof(float));
    bool complete = trainer->gradient != NULL && trainer->df != NULL && trainer->delta != NULL &&
                    trainer->rows != NULL && trainer->state_before != NULL;
    return complete ? CEN_OK : cen__fail_memory(error, "the training of this net");
}

cen_status cen_trainer_create(cen_trainer **trainer, cen_model *model,
                              const cen_train_options *options, cen_error *error)
{
    *trainer = NULL;
    cen_train_options taken = cen_train_options_init();
    cen_status status = cen__take_options(&taken, options, error);
    if (status == CEN_OK) status = check_options(model, &taken, error);
    if (status != CEN_OK) return status;
    cen_trainer *t = cen__alloc_zeroed(model->context, 1, sizeof *t);
    if (t == NULL) return cen__fail_memory(error, "a trainer");
    t->model = model;
    t->options = taken;
    t->seed = 1;
    status = allocate(t, error);
    if (status != CEN_OK) {
        cen_trainer_free(t);
        return status;
    }
    t->lambda = taken.lambda;
    t->adam.lr = taken.lr;
    t->adam.beta1 = taken.beta1;
    t->adam.beta2 = taken.beta2;
    t->adam.eps = taken.adam_eps;
    t->adam.context = model->context;
    t->adam.vectors = vectors_of(t);
    *trainer = t;
    return CEN_OK;
}

void cen_trainer_free(cen_trainer *trainer)
{
    if (trainer == NULL) return;
    cen__work_free(trainer->work);
    cen_predictor_free(trainer->predictor);
    cen__adam_free(&trainer->adam);
    cen__free(trainer->gradient);
    cen__objective_free(&trainer->objective);
    cen__free(trainer->df);
    cen__free(trainer->delta);
    cen__free(trainer->rows);
    cen__free(trainer->state_before);
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

cen_predictor *cen__trainer_predictor(cen_trainer *trainer)
{
    return trainer->predictor;
}

void cen__trainer_seed(cen_trainer *trainer, uint64_t seed)
{
    trainer->seed = seed;
}

cen__trainer_state cen__trainer_state_of(cen_trainer *trainer)
{
    cen__adam *adam = &trainer->adam;
    return (cen__trainer_state){adam->m, adam->v, &adam->n_steps, &trainer->lambda,
                                &trainer->is_begun};
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

/* df holds the softmax loss's gradient at the feature; that of the center loss has the norm 2 / n
 * sqrt(sum || f - c ||^2). */
static void follow_ratio(cen_trainer *trainer, size_t n, cen_losses *losses)
{
    if (trainer->options.loss == CEN_LOSS_CONTRASTIVE_CENTER) return;
    const double keep = 0.95;
    size_t count = n * trainer->model->info.feature_size;
    double softmax = sqrt(vectors_of(trainer)->dot(count, trainer->df, trainer->df));
    double center = 2 * sqrt(losses->center / (double)n);
    double target = trainer->options.lambda_ratio;
    if (target > 0 && center > 0) {
        double lambda = target * softmax / center;
        if (trainer->is_begun) lambda = keep * trainer->lambda + (1 - keep) * lambda;
        trainer->lambda = lambda;
        trainer->is_begun = true;
    }
    losses->gradient_ratio = softmax > 0 ? trainer->lambda * center / softmax : 0;
}

static void add_up(const cen_trainer *trainer, cen_losses *losses)
{
    losses->lambda = trainer->lambda;
    losses->total = losses->softmax + trainer->lambda * losses->center;
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
    float scale = (float)(2 * trainer->lambda / (double)n);
    cen__center_loss_gradient(n, d, scale, f, centers, trainer->rows, trainer->df, dcenters);
    if (trainer->options.centers == CEN_CENTERS_MEAN) {
        cen__center_delta(n, d, f, centers, trainer->rows, trainer->delta);
    }
}

static size_t state_size(const cen_model *model)
{
    return (model->n_numbers - model->n_parameters) * sizeof(float);
}

static void remember(cen_trainer *trainer)
{
    memcpy(trainer->state_before, cen__model_state(trainer->model), state_size(trainer->model));
    trainer->lambda_before = trainer->lambda;
    trainer->was_begun = trainer->is_begun;
}

static void undo(cen_trainer *trainer)
{
    memcpy(cen__model_state(trainer->model), trainer->state_before, state_size(trainer->model));
    trainer->lambda = trainer->lambda_before;
    trainer->is_begun = trainer->was_begun;
    trainer->is_refused = true;
}

/* A finite softmax loss leaves gradients of at most 1 / n at the logits, so that those of the head's
 * weights are at most as large as the largest feature: n * D numbers speak for classes * D. */
static bool is_head_bounded(const cen_trainer *trainer, const float *f, size_t n, double limit)
{
    cen_loss loss = trainer->options.loss;
    return (loss == CEN_LOSS_CENTER || loss == CEN_LOSS_CONTRASTIVE_CENTER) &&
           cen__is_below(vectors_of(trainer), f, n * trainer->model->info.feature_size, limit / 2,
                         NULL);
}

/* The gradients and steps of the centers of the batch. */
static bool are_centers_bounded(const cen_trainer *trainer, double limit)
{
    const cen_model *model = trainer->model;
    const float *dcenters = trainer->gradient + model->centers;
    size_t d = model->info.feature_size, n_groups = 0;
    bool is_bounded = true;
    if (trainer->options.loss == CEN_LOSS_CONTRASTIVE_CENTER) {
        return cen__is_below(vectors_of(trainer), dcenters, model->info.n_center_parameters, limit,
                             trainer->model->context);
    }
    for (size_t i = 0; i < trainer->n_rows; i = cen__group_end(trainer->rows, trainer->n_rows, i)) {
        const float *row = dcenters + (size_t)trainer->rows[i].label * d;
        is_bounded = is_bounded && cen__is_below(vectors_of(trainer), row, d, limit, NULL);
        n_groups++;
    }
    if (trainer->options.centers != CEN_CENTERS_MEAN) return is_bounded;
    double alpha = trainer->options.alpha;
    return is_bounded && cen__is_below(vectors_of(trainer), trainer->delta, n_groups * d,
                                       limit / (alpha > 1 ? alpha : 1), NULL);
}

/* Whether all that a step would write is finite, too. */
static bool is_bounded(const cen_trainer *trainer, const float *f, size_t n)
{
    const cen_model *model = trainer->model;
    const float *g = trainer->gradient;
    const double most = CEN__LARGEST_GRADIENT;
    double clip_norm = trainer->options.clip_norm;
    double limit = clip_norm > 0 && clip_norm < most ? INFINITY : most;
    cen_context *context = trainer->model->context;
    bool is_head_known = is_head_bounded(trainer, f, n, most);
    return cen__is_below(vectors_of(trainer), cen__model_state(model),
                         model->n_numbers - model->n_parameters, INFINITY, NULL) &&
           cen__is_below(vectors_of(trainer), g,
                         is_head_known ? model->head_weight : model->centers, limit, context) &&
           are_centers_bounded(trainer, most);
}

static const float *run_forward(cen_trainer *trainer, const float *x, size_t n)
{
    const cen_model *model = trainer->model;
    cen__work_use(trainer->work, model->parameters, cen__model_state(model));
    cen__work_draw(trainer->work, trainer->seed, trainer->adam.n_steps);
    return cen__work_forward(trainer->work, x, n);
}

/* Leaves state and lambda as they come. */
static bool run_backward(cen_trainer *trainer, const float *x, const int32_t *labels, size_t n,
                         cen_losses *losses)
{
    const cen_model *model = trainer->model;
    float *dw = trainer->gradient;
    const float *f = run_forward(trainer, x, n);
    cen__objective_backward(&trainer->objective, f, labels, n, losses, trainer->df, dw);
    follow_ratio(trainer, n, losses);
    if (trainer->options.loss == CEN_LOSS_CONTRASTIVE_CENTER) {
        losses->center = cen__objective_contrast(&trainer->objective, f, labels, n, trainer->lambda,
                                                 trainer->df, dw + model->centers);
    } else {
        center_gradient(trainer, f, labels, n);
    }
    add_up(trainer, losses);
    cen__work_backward(trainer->work, x, n, trainer->df, dw);
    return isfinite(losses->total) && is_bounded(trainer, f, n);
}

cen_status cen_trainer_backward(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, cen_losses *losses, cen_error *error)
{
    remember(trainer);
    cen_status status = check_batch(trainer, labels, n, error);
    trainer->is_refused = status != CEN_OK;
    if (status != CEN_OK || run_backward(trainer, x, labels, n, losses)) return status;
    undo(trainer);
    return cen__tell_not_finite(trainer->model, x, n, losses, error);
}

bool cen__trainer_would_refuse(cen_trainer *trainer, const float *x, const int32_t *labels,
                               size_t n)
{
    cen_losses losses;
    remember(trainer);
    bool is_fine = run_backward(trainer, x, labels, n, &losses);
    undo(trainer);
    return !is_fine;
}

void cen__trainer_features(cen_trainer *trainer, const float *x, size_t n, float *features)
{
    remember(trainer);
    const float *f = run_forward(trainer, x, n);
    memcpy(features, f, n * trainer->model->info.feature_size * sizeof *f);
    undo(trainer);
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

/* Those of absent classes have a gradient of zero, which is not read. */
static void update_all_centers(cen_trainer *trainer)
{
    const cen_model *model = trainer->model;
    cen__adam *adam = &trainer->adam;
    float *p = model->parameters;
    size_t d = model->info.feature_size, at = model->centers;
    for (size_t i = 0; i < trainer->n_rows; i = cen__group_end(trainer->rows, trainer->n_rows, i)) {
        size_t start = model->centers + (size_t)trainer->rows[i].label * d;
        cen__adam_apply(adam, at, start - at, 0, p, NULL);
        cen__adam_apply(adam, start, d, 0, p, trainer->gradient);
        at = start + d;
    }
    cen__adam_apply(adam, at, model->n_parameters - at, 0, p, NULL);
}

/* As torch.nn.utils.clip_grad_norm_ on body and head. */
static void clip(cen_trainer *trainer)
{
    size_t n = trainer->model->centers;
    float *g = trainer->gradient;
    double norm = sqrt(vectors_of(trainer)->dot(n, g, g));
    if (!(norm > trainer->options.clip_norm)) return;
    float scale = (float)(trainer->options.clip_norm / (norm + 1e-6));
    for (size_t i = 0; i < n; i++) g[i] *= scale;
}

/* Body and head; their kernels and matrices decay. */
static void update_weights(cen_trainer *trainer)
{
    const cen_model *model = trainer->model;
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        if (tensor->offset >= model->centers) continue;
        double decay = tensor->n_dims > 1 ? trainer->options.weight_decay : 0;
        cen__adam_apply(&trainer->adam, tensor->offset, tensor->count, decay, model->parameters,
                        trainer->gradient);
    }
}

void cen_trainer_set_rates(cen_trainer *trainer, double lr, double lambda)
{
    bool follows = trainer->options.lambda_ratio > 0;
    if (lr >= 0 && lr < HUGE_RATE) trainer->adam.lr = lr;
    if (!follows && lambda >= 0 && lambda < HUGE_RATE) trainer->lambda = lambda;
}

void cen_trainer_update(cen_trainer *trainer)
{
    const cen_model *model = trainer->model;
    if (trainer->is_refused) return;
    if (trainer->options.clip_norm > 0) clip(trainer);
    cen__adam_begin(&trainer->adam);
    update_weights(trainer);
    if (trainer->options.loss == CEN_LOSS_CONTRASTIVE_CENTER) {
        cen__adam_apply(&trainer->adam, model->centers, model->n_parameters - model->centers, 0,
                        model->parameters, trainer->gradient);
    } else if (trainer->options.centers == CEN_CENTERS_ADAM_DENSE) {
        update_all_centers(trainer);
    } else {
        update_present_centers(trainer);
    }
}

cen_status cen_trainer_evaluate(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, cen_losses *losses, float *features, cen_error *error)
{
    cen_status status = check_batch(trainer, labels, n, error);
    if (status != CEN_OK) return status;
    const cen_model *model = trainer->model;
    cen__predictor_use(trainer->predictor);
    const float *f = cen__predict(trainer->predictor, x, n);
    cen__objective_measure(&trainer->objective, f, labels, n, losses);
    add_up(trainer, losses);
    if (features != NULL) memcpy(features, f, n * model->info.feature_size * sizeof *f);
    return isfinite(losses->total) ? CEN_OK : cen__tell_not_finite(model, x, n, losses, error);
}
