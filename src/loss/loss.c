#include <centerloss_eval.h>

#include "loss/loss.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/sizes.h"
#include "kernels/bound.h"
#include "loss/kinds.h"
#include "loss/sampled.h"

cen_status cen__loss_create(cen__loss *loss, const cen_train_options *options,
                            const cen__kernels *kernels, cen_context *context, size_t d, size_t k,
                            cen__loss_places at, cen_error *error)
{
    const cen__loss_kind *kind = cen__loss_kind_of(options->loss);
    *loss = (cen__loss){.kind = kind,
                        .rule = cen__center_rule_of(options->centers),
                        .options = *options,
                        .kernels = kernels,
                        .context = context,
                        .d = d,
                        .k = k,
                        .at = at,
                        .lambda = options->lambda};
    size_t batch = options->batch_size, n_logits, n_features, scratch = 0, n_doubles = 0;
    int n_threads = cen_context_threads(context);
    if (!cen__multiply(batch, k, &n_logits) || !cen__multiply(batch, d, &n_features)) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "a batch of %zu does not fit into memory; use smaller batches", batch);
    }
    if (kind->head != NULL) {
        scratch = kind->head->scratch_count(kernels, batch, d, k, n_threads);
    } else {
        n_logits = 0;
    }
    if (kind->n_doubles != NULL) n_doubles = kind->n_doubles(batch, d, k, n_threads);
    if (loss->rule->prepare == NULL) n_features = 0;
    loss->logits = cen__alloc(context, n_logits, sizeof *loss->logits);
    loss->scratch = cen__alloc(context, scratch, sizeof *loss->scratch);
    loss->doubles = cen__alloc(context, n_doubles, sizeof *loss->doubles);
    loss->row_losses = cen__alloc(context, batch, sizeof *loss->row_losses);
    loss->row_hits = cen__alloc(context, batch, sizeof *loss->row_hits);
    loss->rows = cen__alloc(context, batch, sizeof *loss->rows);
    loss->delta = cen__alloc(context, n_features, sizeof *loss->delta);
    bool complete = loss->logits != NULL && loss->scratch != NULL && loss->doubles != NULL &&
                    loss->row_losses != NULL && loss->row_hits != NULL && loss->rows != NULL &&
                    loss->delta != NULL;
    if (!complete) return cen__fail_memory(error, "the losses of this net");
    return cen__sampled_create(&loss->sampled, context, options->n_sampled, batch, d, k, error);
}

void cen__loss_free(cen__loss *loss)
{
    cen__free(loss->logits);
    cen__free(loss->scratch);
    cen__free(loss->doubles);
    cen__free(loss->row_losses);
    cen__free(loss->row_hits);
    cen__free(loss->rows);
    cen__free(loss->delta);
    cen__sampled_free(&loss->sampled);
}

cen__head cen__loss_head(const cen__loss *loss)
{
    return (cen__head){loss->kind->head, loss->options.margin_scale};
}

/* Sets losses->gradient_ratio; df holds the first loss's gradient at the feature. */
static void follow_ratio(cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses)
{
    const double keep = 0.95;
    if (loss->kind->second_norm == NULL) return;
    double first = sqrt(loss->kernels->vectors.dot(pass->n * loss->d, pass->df, pass->df));
    double second = loss->kind->second_norm(losses->center, pass->n);
    double target = loss->options.lambda_ratio;
    if (target > 0 && second > 0) {
        double lambda = target * first / second;
        if (loss->is_begun) lambda = keep * loss->lambda + (1 - keep) * lambda;
        loss->lambda = lambda;
        loss->is_begun = true;
    }
    losses->gradient_ratio = first > 0 ? loss->lambda * second / first : 0;
}

static void add_up(const cen__loss *loss, cen_losses *losses)
{
    losses->lambda = loss->lambda;
    losses->total = losses->first + loss->lambda * losses->center;
}

void cen__loss_measure(const cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses)
{
    *losses = (cen_losses){.total = 0};
    const bool is_sampled = pass->df != NULL && loss->sampled.wanted > 0;
    losses->first = is_sampled ? cen__sampled_first(loss, pass, &losses->accuracy)
                               : loss->kind->first(loss, pass, &losses->accuracy);
    losses->center = loss->kind->second(loss, pass);
    add_up(loss, losses);
}

void cen__loss_backward(cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses)
{
    if (loss->sampled.wanted > 0) cen__sampled_draw(loss, pass);
    cen__loss_measure(loss, pass, losses);
    follow_ratio(loss, pass, losses);
    loss->kind->add_second_gradient(loss, pass);
    if (loss->rule->prepare != NULL) loss->rule->prepare(loss, pass);
    add_up(loss, losses);
}

/* No gradient of the head's weights is larger than the largest feature. So checking n * D numbers replaces checking
 * classes * D. */
bool cen__loss_bounds_head(const cen__loss *loss, const cen__loss_pass *pass, double limit)
{
    if (loss->sampled.wanted > 0) return cen__sampled_is_below(loss, pass->dw, limit);
    return loss->kind->bounds_head &&
           cen__is_below(&loss->kernels->vectors, pass->f, pass->n * loss->d, limit / 2, NULL);
}

bool cen__loss_bounds_centers(const cen__loss *loss, const float *dw, double limit)
{
    const cen__vectors *vectors = &loss->kernels->vectors;
    const float *dcenters = dw + loss->at.centers;
    size_t d = loss->d, n_groups = 0;
    bool is_bounded = true;
    if (loss->kind->moves_all_centers) {
        return cen__is_below(vectors, dcenters, loss->k * d, limit, loss->context);
    }
    for (size_t i = 0; i < loss->n_rows; i = cen__group_end(loss->rows, loss->n_rows, i)) {
        const float *row = dcenters + (size_t)loss->rows[i].label * d;
        is_bounded = is_bounded && cen__is_below(vectors, row, d, limit, NULL);
        n_groups++;
    }
    if (loss->rule->prepare == NULL) return is_bounded;
    double most = loss->rule->most(&loss->options);
    return is_bounded &&
           cen__is_below(vectors, loss->delta, n_groups * d, limit / (most > 1 ? most : 1), NULL);
}

void cen__loss_update(const cen__loss *loss, cen__adam *adam, float *w, const float *dw)
{
    if (loss->sampled.wanted > 0) {
        cen__sampled_update(loss, adam, loss->options.weight_decay, w, dw);
    }
    if (loss->kind->moves_all_centers) {
        cen__adam_apply(adam, loss->at.centers, loss->k * loss->d, 0, w, dw);
    } else {
        loss->rule->update(loss, adam, w, dw);
    }
}
