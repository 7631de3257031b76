#include "train/objective.h"

#include <math.h>

#include "base/memory.h"
#include "nn/affine.h"
#include "nn/contrastive.h"
#include "nn/losses.h"
#include "nn/margin.h"
#include "nn/triplet.h"

static bool is_triplet(const cen_train_options *options)
{
    return options->loss == CEN_LOSS_TRIPLET_HARD || options->loss == CEN_LOSS_TRIPLET_SEMI_HARD;
}

static cen_status check(const cen_train_options *options, cen_error *error)
{
    bool pulls_all = options->loss == CEN_LOSS_CONTRASTIVE_CENTER;
    if (options->lambda_ratio > 0 && (pulls_all || is_triplet(options))) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "lambda can follow the ratio of the gradients only where the losses are "
                         "softmax or CosFace and center; choose a number");
    }
    if (pulls_all && options->centers == CEN_CENTERS_MEAN) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "the contrastive-center loss has gradients of its own; choose centers that "
            "move by Adam");
    }
    return CEN_OK;
}

cen_status cen__objective_create(cen__objective *o, const cen_model *model,
                                 const cen_train_options *options, cen_context *context,
                                 cen_error *error)
{
    *o = (cen__objective){.model = model, .options = *options, .context = context};
    cen_status status = check(options, error);
    if (status != CEN_OK) return status;
    size_t batch = options->batch_size, classes = model->info.n_classes, n_logits;
    size_t d = model->info.feature_size, n_doubles = 1;
    if (!cen__multiply(batch, classes, &n_logits)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", batch);
    }
    bool has_margin = options->loss == CEN_LOSS_COSFACE;
    const cen__kernels *kernels = model->net.kernels;
    size_t scratch =
        has_margin
            ? cen__margin_scratch_count(kernels, batch, d, classes, cen_context_threads(context))
            : cen__affine_scratch_count(kernels, batch, d, classes, cen_context_threads(context));
    o->logits = cen__alloc(context, n_logits, sizeof *o->logits);
    o->scratch = cen__alloc(context, scratch, sizeof *o->scratch);
    if (is_triplet(options))
        n_doubles = cen__triplet_scratch_count(batch, cen_context_threads(context));
    if (options->loss == CEN_LOSS_CONTRASTIVE_CENTER) {
        n_doubles = cen__contrastive_scratch_count(batch, d);
    }
    o->double_scratch = cen__alloc(context, n_doubles, sizeof *o->double_scratch);
    o->row_losses = cen__alloc(context, batch, sizeof *o->row_losses);
    o->row_hits = cen__alloc(context, batch, sizeof *o->row_hits);
    bool complete = o->logits != NULL && o->scratch != NULL && o->double_scratch != NULL &&
                    o->row_losses != NULL && o->row_hits != NULL;
    return complete ? CEN_OK : cen__fail_memory(error, "the losses of this net");
}

void cen__objective_free(cen__objective *o)
{
    cen__free(o->logits);
    cen__free(o->scratch);
    cen__free(o->double_scratch);
    cen__free(o->row_losses);
    cen__free(o->row_hits);
}

static cen__margin margin_of(const cen__objective *o, size_t n)
{
    return (cen__margin){.kernels = o->model->net.kernels,
                         .n = n,
                         .d = o->model->info.feature_size,
                         .k = o->model->info.n_classes,
                         .scale = o->options.margin_scale,
                         .margin = o->options.margin,
                         .context = o->context,
                         .scratch = o->scratch};
}

static cen__affine head_of(const cen__objective *o, size_t n)
{
    return (cen__affine){o->model->net.kernels,    n,          o->model->info.feature_size,
                         o->model->info.n_classes, o->context, o->scratch};
}

/* Logits and their losses; with a gradient, the logits become theirs. */
static void classify(const cen__objective *o, const float *f, const int32_t *labels, size_t n,
                     bool has_gradient, cen_losses *losses)
{
    const float *w = o->model->parameters;
    bool has_margin = o->options.loss == CEN_LOSS_COSFACE;
    cen__softmax softmax = {.kernels = o->model->net.kernels,
                            .n = n,
                            .k = o->model->info.n_classes,
                            .context = o->context,
                            .row_losses = o->row_losses,
                            .row_hits = has_margin ? NULL : o->row_hits,
                            .has_gradient = has_gradient,
                            .smoothing = has_gradient ? o->options.label_smoothing : 0};
    cen__margin margin = margin_of(o, n);
    cen__affine head = head_of(o, n);
    if (has_margin) {
        cen__margin_forward(&margin, f, w + o->model->head_weight, labels, o->logits, o->row_hits);
    } else {
        cen__affine_forward(&head, f, w + o->model->head_weight, w + o->model->head_bias,
                            o->logits);
    }
    double sum = 0, hits = 0;
    cen__softmax_cross_entropy(&softmax, o->logits, labels);
    for (size_t i = 0; i < n; i++) {
        sum += o->row_losses[i];
        hits += o->row_hits[i];
    }
    losses->softmax = sum / (double)n;
    losses->accuracy = hits / (double)n;
}

static double triplets(const cen__objective *o, const float *f, const int32_t *labels, size_t n,
                       float *df)
{
    cen__triplet triplet = {.kernels = o->model->net.kernels,
                            .n = n,
                            .d = o->model->info.feature_size,
                            .kind = o->options.loss == CEN_LOSS_TRIPLET_HARD
                                        ? CEN__TRIPLET_BATCH_HARD
                                        : CEN__TRIPLET_SEMI_HARD,
                            .margin = o->options.margin,
                            .context = o->context,
                            .scratch = o->double_scratch};
    return cen__triplet_loss(&triplet, f, labels, df);
}

double cen__objective_contrast(const cen__objective *o, const float *f, const int32_t *labels,
                               size_t n, double lambda, float *df, float *dcenters)
{
    cen__contrastive contrastive = {.kernels = o->model->net.kernels,
                                    .n = n,
                                    .d = o->model->info.feature_size,
                                    .k = o->model->info.n_classes,
                                    .delta = 1,
                                    .scale = lambda,
                                    .context = o->context,
                                    .scratch = o->double_scratch};
    return cen__contrastive_loss(&contrastive, f, o->model->parameters + o->model->centers, labels,
                                 df, dcenters);
}

static double pull(const cen__objective *o, const float *f, const int32_t *labels, size_t n)
{
    return cen__center_loss(&o->model->net.kernels->vectors, n, o->model->info.feature_size, f,
                            o->model->parameters + o->model->centers, labels);
}

void cen__objective_measure(const cen__objective *o, const float *f, const int32_t *labels,
                            size_t n, cen_losses *losses)
{
    bool contrasts = o->options.loss == CEN_LOSS_CONTRASTIVE_CENTER;
    *losses =
        (cen_losses){.center = contrasts ? cen__objective_contrast(o, f, labels, n, 0, NULL, NULL)
                                         : pull(o, f, labels, n)};
    if (is_triplet(&o->options)) {
        losses->softmax = triplets(o, f, labels, n, NULL);
        losses->accuracy = NAN;
    } else {
        classify(o, f, labels, n, false, losses);
    }
}

void cen__objective_backward(const cen__objective *o, const float *f, const int32_t *labels,
                             size_t n, cen_losses *losses, float *df, float *gradient)
{
    const cen_model *model = o->model;
    *losses = (cen_losses){.center = 0};
    if (o->options.loss != CEN_LOSS_CONTRASTIVE_CENTER) losses->center = pull(o, f, labels, n);
    if (is_triplet(&o->options)) {
        losses->softmax = triplets(o, f, labels, n, df);
        losses->accuracy = NAN;
        return; /* the head has no part in it, and its gradient stays 0 */
    }
    classify(o, f, labels, n, true, losses);
    if (o->options.loss == CEN_LOSS_COSFACE) {
        cen__margin margin = margin_of(o, n);
        cen__margin_backward(&margin, o->logits, df, gradient + model->head_weight);
        return;
    }
    cen__affine head = head_of(o, n);
    cen__affine_backward(&head, f, model->parameters + model->head_weight, o->logits,
                         gradient + model->head_weight, gradient + model->head_bias, df);
}
