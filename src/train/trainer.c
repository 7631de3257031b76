#include <centerloss_eval.h>

#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "base/checks.h"
#include "base/exchange.h"
#include "base/memory.h"
#include "base/context.h"
#include "base/random.h"
#include "loss/loss.h"
#include "loss/muon.h"
#include "train/model.h"
#include "train/sentinel.h"
#include "train/shards.h"

struct cen_trainer {
    cen_model *model;
    unsigned n_changes; /* of the model, when the trainer was made */
    cen_train_options options;
    cen__shards shards;
    cen_predictor *predictor;
    uint64_t seed; /* of dropout */
    cen__adam adam;
    cen__muon muon;  /* its scratch is NULL: Adam trains all */
    float *gradient; /* laid out as the model's parameters; zero in rows of absent centers */
    double squares;  /* sum of squares of the gradient of body and head; only for clipping */
    bool is_shared;  /* the caller may have changed the gradient */
    cen__loss loss;
    float *features;   /* [n_features, D] of the last backward */
    size_t n_features; /* 0: there was none, or it failed */
    float *df;         /* [batch, D] */
    float *state;      /* the running statistics that a step leads to */
    /* As it was before the last backward: */
    double lambda_before;
    bool was_begun;
    bool is_refused; /* it failed, and there is no gradient to apply */
};

static const cen__vectors *vectors_of(const cen_trainer *trainer)
{
    return &trainer->model->net.kernels->vectors;
}

static cen_status check_options(const cen_model *model, const cen_train_options *options,
                                cen_error *error)
{
    const struct {
        const char *name;
        double value, end;
    } numbers[] = {
        {"lambda", options->lambda, CEN__HUGE_RATE},
        {"margin", options->margin, CEN__HUGE_RATE},
        {"scale", options->margin_scale, CEN__HUGE_RATE},
        {"alpha", options->alpha, CEN__HUGE_RATE},
        {"lr", options->lr, CEN__HUGE_RATE},
        {"beta1", options->beta1, 1},
        {"beta2", options->beta2, 1},
        {"Adam's eps", options->adam_eps, CEN__HUGE_RATE},
        {"weight decay", options->weight_decay, CEN__HUGE_RATE},
        {"clip norm", options->clip_norm, CEN__HUGE_RATE},
        {"label smoothing", options->label_smoothing, 1},
        {"lambda's ratio", options->lambda_ratio, CEN__HUGE_RATE},
    };
    cen_status status = CEN_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && status == CEN_OK; i++) {
        status = cen__check_number(numbers[i].name, numbers[i].value, 0, numbers[i].end, error);
    }
    if (status == CEN_OK) status = cen__loss_check(options, error);
    if (status != CEN_OK) return status;
    if (options->adam_form != CEN_ADAM_TORCH && options->adam_form != CEN_ADAM_KERAS) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "there is no form %d of Adam",
                         (int)options->adam_form);
    }
    if (options->optimizer != CEN_OPTIMIZER_ADAM && options->optimizer != CEN_OPTIMIZER_MUON) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "there is no optimizer %d",
                         (int)options->optimizer);
    }
    if (options->batch_size == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "a batch size of 0 trains nothing; use 32");
    }
    if (model->info.n_classes < 2) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a model with fewer than two classes cannot be trained, and this one has "
                         "%zu",
                         model->info.n_classes);
    }
    return cen__shards_check(options, error);
}

/* True if Muon trains the tensor. */
static bool is_matrix(const cen_model *model, const cen__model_tensor *tensor)
{
    return tensor->n_dims > 1 && tensor->offset < model->head_weight;
}

static cen_status create_muon(cen_trainer *trainer, cen_error *error)
{
    const cen_model *model = trainer->model;
    size_t most = 0;
    if (trainer->options.optimizer != CEN_OPTIMIZER_MUON) return CEN_OK;
    trainer->muon = (cen__muon){model->net.kernels, model->context, NULL};
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        if (!is_matrix(model, tensor)) continue;
        size_t count = cen__muon_scratch_count(model->net.kernels, tensor->shape[0],
                                               tensor->count / tensor->shape[0],
                                               cen_context_threads(model->context));
        if (count > most) most = count;
    }
    trainer->muon.scratch = cen__alloc(model->context, most, sizeof(float));
    return trainer->muon.scratch != NULL ? CEN_OK : cen__fail_memory(error, "the steps of Muon");
}

static cen_status allocate(cen_trainer *trainer, cen_error *error)
{
    const cen_model *model = trainer->model;
    size_t batch = trainer->options.batch_size, n_features;
    if (!cen__multiply(batch, model->info.feature_size, &n_features)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", batch);
    }
    cen_status status = cen__shards_create(&trainer->shards, model, &trainer->options, error);
    if (status == CEN_OK) {
        size_t most = cen__shards_largest(&trainer->shards);
        status = cen_predictor_create(&trainer->predictor, model, most, error);
    }
    if (status == CEN_OK) {
        status = cen__adam_create(model->context, &trainer->adam, model->n_parameters, error);
    }
    if (status == CEN_OK) status = create_muon(trainer, error);
    if (status == CEN_OK) {
        const cen__loss_places at = {model->head_weight, model->head_bias, model->centers};
        status =
            cen__loss_create(&trainer->loss, &trainer->options, model->net.kernels, model->context,
                             model->info.feature_size, model->info.n_classes, at, error);
    }
    if (status != CEN_OK) return status;
    trainer->gradient = cen__alloc_zeroed(model->context, model->n_parameters, sizeof(float));
    trainer->df = cen__alloc(model->context, n_features, sizeof(float));
    trainer->features = cen__alloc(model->context, n_features, sizeof(float));
    trainer->state = cen__alloc(model->context, cen__model_n_state(model), sizeof(float));
    bool complete = trainer->gradient != NULL && trainer->df != NULL && trainer->features != NULL &&
                    trainer->state != NULL;
    return complete ? CEN_OK : cen__fail_memory(error, "the training of this net");
}

cen_status cen_trainer_create(cen_trainer **trainer, cen_model *model,
                              const cen_train_options *options, cen_error *error)
{
    *trainer = NULL;
    cen_train_options taken = cen_train_options_init();
    cen_exchange exchange = cen_exchange_init();
    cen_status status = cen__take_options(&taken, options, error);
    if (status == CEN_OK && taken.exchange != NULL) {
        status = cen__take_options(&exchange, taken.exchange, error);
        taken.exchange = &exchange;
    }
    if (status == CEN_OK) status = check_options(model, &taken, error);
    if (status == CEN_OK) status = cen__model_own(model, error);
    if (status != CEN_OK) return status;
    cen_trainer *t = cen__alloc_zeroed(model->context, 1, sizeof *t);
    if (t == NULL) return cen__fail_memory(error, "a trainer");
    t->model = model;
    t->n_changes = model->n_changes;
    t->options = taken;
    if (t->options.n_shards == 0) t->options.n_shards = 1;
    t->seed = taken.seed;
    status = allocate(t, error);
    if (status != CEN_OK) {
        cen_trainer_free(t);
        return status;
    }
    t->adam.lr = taken.lr;
    t->adam.beta1 = taken.beta1;
    t->adam.beta2 = taken.beta2;
    t->adam.eps = taken.adam_eps;
    t->adam.form = taken.adam_form;
    t->adam.context = model->context;
    t->adam.vectors = vectors_of(t);
    t->options.exchange = NULL; /* shards have a copy */
    model->head = cen__loss_head(&t->loss);
    *trainer = t;
    return CEN_OK;
}

void cen_trainer_free(cen_trainer *trainer)
{
    if (trainer == NULL) return;
    cen__shards_free(&trainer->shards);
    cen_predictor_free(trainer->predictor);
    cen__adam_free(&trainer->adam);
    cen__free(trainer->muon.scratch);
    cen__free(trainer->gradient);
    cen__loss_free(&trainer->loss);
    cen__free(trainer->df);
    cen__free(trainer->features);
    cen__free(trainer->state);
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

const cen_exchange *cen__trainer_exchange(const cen_trainer *trainer)
{
    return &trainer->shards.exchange;
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
    return (cen__trainer_state){.m = adam->m,
                                .v = adam->v,
                                .n_steps = &adam->n_steps,
                                .lambda = &trainer->loss.lambda,
                                .is_begun = &trainer->loss.is_begun,
                                .lr = &adam->lr,
                                .seed = &trainer->seed};
}

void cen__trainer_forget(cen_trainer *trainer)
{
    trainer->is_refused = true;
    trainer->n_features = 0;
}

cen_status cen__trainer_check(const cen_trainer *trainer, cen_error *error)
{
    if (trainer->n_changes == trainer->model->n_changes) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "the model has other classes than when the trainer was made; make another");
}

static cen_status check_batch(const cen_trainer *trainer, const int32_t *labels, size_t n,
                              cen_error *error)
{
    cen_status status = cen__trainer_check(trainer, error);
    if (status != CEN_OK) return status;
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

/* Undoes the changes of a backward pass. The model does not have the new running statistics yet. */
static void undo(cen_trainer *trainer)
{
    trainer->loss.lambda = trainer->lambda_before;
    trainer->loss.is_begun = trainer->was_begun;
    cen__trainer_forget(trainer);
}

/* True if everything that a step would write is finite, too. The same pass gives the length of the gradient. */
static bool is_bounded(cen_trainer *trainer, const cen__loss_pass *pass)
{
    const cen_model *model = trainer->model;
    const double most = CEN__LARGEST_GRADIENT;
    double clip_norm = trainer->options.clip_norm;
    double limit = clip_norm > 0 && clip_norm < most ? INFINITY : most;
    bool is_head_known = clip_norm == 0 && cen__loss_bounds_head(&trainer->loss, pass, most);
    return cen__is_below(vectors_of(trainer), trainer->state, cen__model_n_state(model), INFINITY,
                         NULL) &&
           cen__square_sum(vectors_of(trainer), trainer->gradient,
                           is_head_known ? model->head_weight : model->centers, limit,
                           model->context, &trainer->squares) &&
           cen__loss_bounds_centers(&trainer->loss, trainer->gradient, most);
}

/* The values that must be equal in all processes. Sums of squares show if models have become different. */
static uint64_t seen_of(const cen_trainer *trainer, const int32_t *labels, size_t n)
{
    const cen_model *model = trainer->model;
    const cen_train_options *o = &trainer->options;
    const double numbers[] = {
        trainer->loss.lambda,
        trainer->adam.lr,
        o->beta1,
        o->beta2,
        o->adam_eps,
        o->weight_decay,
        o->clip_norm,
        o->label_smoothing,
        o->margin,
        o->margin_scale,
        o->lambda_ratio,
        o->alpha,
        vectors_of(trainer)->dot(model->n_numbers, model->parameters, model->parameters)};
    const uint64_t counts[] = {trainer->adam.n_steps,
                               trainer->seed,
                               o->n_shards,
                               o->batch_size,
                               (uint64_t)o->loss,
                               (uint64_t)o->centers,
                               (uint64_t)o->adam_form,
                               (uint64_t)o->optimizer,
                               o->n_sampled,
                               o->n_frozen,
                               n};
    uint64_t seen = cen__hash_name(model->info.net), bits;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        memcpy(&bits, &numbers[i], sizeof bits);
        seen = cen__substream(seen, bits);
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        seen = cen__substream(seen, counts[i]);
    }
    for (size_t i = 0; i < n; i++) seen = cen__substream(seen, (uint64_t)labels[i]);
    return seen;
}

/* Does not restore lambda. */
static cen_status run_backward(cen_trainer *trainer, const float *x, const int32_t *labels,
                               size_t n, cen_losses *losses, bool *is_fine, cen_error *error)
{
    const cen_model *model = trainer->model;
    cen__shards *shards = &trainer->shards;
    const cen__loss_pass pass = {.n = n,
                                 .f = trainer->features,
                                 .labels = labels,
                                 .w = model->parameters,
                                 .df = trainer->df,
                                 .dw = trainer->gradient,
                                 .seed = trainer->seed,
                                 .step = trainer->adam.n_steps};
    cen_status status = cen__shards_forward(shards, x, n, trainer->features, error);
    if (status != CEN_OK) return status;
    cen__loss_backward(&trainer->loss, &pass, losses);
    status =
        cen__shards_backward(shards, x, n, trainer->df, trainer->gradient, trainer->state, error);
    *is_fine = isfinite(losses->total) && is_bounded(trainer, &pass);
    return status;
}

static void begin(cen_trainer *trainer)
{
    trainer->shards.seed = trainer->seed;
    trainer->shards.step = trainer->adam.n_steps;
    trainer->lambda_before = trainer->loss.lambda;
    trainer->was_begun = trainer->loss.is_begun;
}

cen_status cen_trainer_backward(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, cen_losses *losses, cen_error *error)
{
    const cen_model *model = trainer->model;
    bool is_fine = false;
    begin(trainer);
    cen_status status = check_batch(trainer, labels, n, error), agreed = CEN_OK;
    if (trainer->shards.exchange.n_ranks > 1) {
        uint64_t seen = status == CEN_OK ? seen_of(trainer, labels, n) : 0;
        agreed = cen__shards_agree(&trainer->shards, seen, status != CEN_OK,
                                   status == CEN_OK ? error : NULL);
    }
    if (status == CEN_OK) status = agreed;
    if (status == CEN_OK) {
        status = run_backward(trainer, x, labels, n, losses, &is_fine, error);
    }
    if (status == CEN_OK && is_fine) {
        memcpy(cen__model_state(model), trainer->state, cen__model_n_state(model) * sizeof(float));
        trainer->is_refused = false;
        trainer->n_features = n;
        return CEN_OK;
    }
    undo(trainer);
    if (status != CEN_OK) return status;
    size_t first, count;
    cen_trainer_share(trainer, n, &first, &count);
    return cen__tell_not_finite(model, x, first, count, losses, error);
}

bool cen__trainer_would_refuse(cen_trainer *trainer, const float *x, const int32_t *labels,
                               size_t n)
{
    cen_losses losses;
    bool is_fine = false;
    begin(trainer);
    cen_status status = run_backward(trainer, x, labels, n, &losses, &is_fine, NULL);
    undo(trainer);
    return status == CEN_OK && !is_fine;
}

cen_status cen__trainer_features(cen_trainer *trainer, const float *x, size_t n, float *features,
                                 cen_error *error)
{
    begin(trainer);
    cen_status status = cen__shards_forward(&trainer->shards, x, n, features, error);
    undo(trainer);
    return status;
}

void cen_trainer_share(const cen_trainer *trainer, size_t n, size_t *first, size_t *count)
{
    cen__exchange_share(&trainer->shards.exchange, n, first, count);
}

const float *cen_trainer_features(const cen_trainer *trainer, size_t *n)
{
    *n = trainer->n_features;
    return trainer->features;
}

float *cen_trainer_gradient(cen_trainer *trainer, size_t *n)
{
    *n = cen__trainer_check(trainer, NULL) == CEN_OK ? trainer->model->n_parameters : 0;
    trainer->is_shared = true;
    return trainer->gradient;
}

/* As torch.nn.utils.clip_grad_norm_ on body and head. */
static void clip(cen_trainer *trainer)
{
    size_t n = trainer->model->centers;
    float *g = trainer->gradient;
    if (trainer->is_shared) {
        (void)cen__square_sum(vectors_of(trainer), g, n, INFINITY, trainer->model->context,
                              &trainer->squares);
    }
    double norm = sqrt(trainer->squares);
    if (!(norm > trainer->options.clip_norm)) return;
    float scale = (float)(trainer->options.clip_norm / (norm + 1e-6));
    for (size_t i = 0; i < n; i++) g[i] *= scale;
}

/* Updates body and head; weight decay applies to kernels and matrices. */
static void update_weights(cen_trainer *trainer)
{
    const cen_model *model = trainer->model;
    const bool is_sampled = trainer->loss.sampled.wanted > 0;
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        if (tensor->offset >= (is_sampled ? model->head_weight : model->centers)) continue;
        if (tensor->offset < trainer->shards.n_frozen) continue;
        double decay = tensor->n_dims > 1 ? trainer->options.weight_decay : 0;
        if (trainer->muon.scratch != NULL && is_matrix(model, tensor)) {
            cen__muon_apply(&trainer->muon, &trainer->adam, tensor->offset, tensor->shape[0],
                            tensor->count / tensor->shape[0], decay, model->parameters,
                            trainer->gradient);
            continue;
        }
        cen__adam_apply(&trainer->adam, tensor->offset, tensor->count, decay, model->parameters,
                        trainer->gradient);
    }
}

cen_status cen_trainer_set_rates(cen_trainer *trainer, double lr, double lambda, cen_error *error)
{
    cen_status status = cen__check_number("lr", lr, 0, CEN__HUGE_RATE, error);
    if (status != CEN_OK) return status;
    status = cen__check_number("lambda", lambda, 0, CEN__HUGE_RATE, error);
    if (status != CEN_OK) return status;
    trainer->adam.lr = lr;
    if (trainer->options.lambda_ratio == 0) trainer->loss.lambda = lambda;
    return CEN_OK;
}

void cen_trainer_update(cen_trainer *trainer)
{
    if (trainer->is_refused || cen__trainer_check(trainer, NULL) != CEN_OK) return;
    if (trainer->options.clip_norm > 0) clip(trainer);
    cen__adam_begin(&trainer->adam);
    update_weights(trainer);
    cen__loss_update(&trainer->loss, &trainer->adam, trainer->model->parameters, trainer->gradient);
}

/* features[n, D] of x[n]: a process predicts its share and gets the others', or does all. */
static cen_status predict(cen_trainer *trainer, const float *x, size_t n, bool is_shared,
                          cen_error *error)
{
    const cen_model *model = trainer->model;
    const size_t d = model->info.feature_size, size = cen__shape_count(model->net.in);
    size_t first, count, end;
    float *f = trainer->features;
    trainer->n_features = 0;
    cen__predictor_use(trainer->predictor);
    cen__exchange_share(is_shared ? &trainer->shards.exchange : NULL, n, &first, &count);
    end = first + count;
    for (size_t at = first; at < end; at += count) {
        count = end - at < trainer->predictor->max_n ? end - at : trainer->predictor->max_n;
        memcpy(f + at * d, cen__predict(trainer->predictor, x + at * size, count),
               count * d * sizeof *f);
    }
    return is_shared ? cen__shards_gather(&trainer->shards, n, f, error) : CEN_OK;
}

cen_status cen__trainer_measure(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, bool is_shared, cen_losses *losses, float *features,
                                cen_error *error)
{
    const cen_model *model = trainer->model;
    cen_status status = check_batch(trainer, labels, n, error);
    if (status == CEN_OK) status = predict(trainer, x, n, is_shared, error);
    if (status != CEN_OK) return status;
    const cen__loss_pass pass = {
        .n = n, .f = trainer->features, .labels = labels, .w = model->parameters};
    cen__loss_measure(&trainer->loss, &pass, losses);
    if (features != NULL) {
        memcpy(features, trainer->features, n * model->info.feature_size * sizeof *features);
    }
    if (isfinite(losses->total)) return CEN_OK;
    size_t first = 0, count = n;
    if (is_shared) cen_trainer_share(trainer, n, &first, &count);
    return cen__tell_not_finite(model, x, first, count, losses, error);
}

cen_status cen_trainer_evaluate(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, cen_losses *losses, float *features, cen_error *error)
{
    return cen__trainer_measure(trainer, x, labels, n, false, losses, features, error);
}
