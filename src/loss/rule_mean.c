/* The centers of classes in the batch move towards the mean of their features (Wen et al. 2016, eq. 4), independent of
 * lambda. */
#include "loss/kinds.h"

static void prepare(cen__loss *loss, const cen__loss_pass *pass)
{
    cen__center_delta(pass->n, loss->d, pass->f, pass->w + loss->at.centers, loss->rows,
                      loss->delta);
}

static double most(const cen_train_options *options)
{
    return options->alpha;
}

static void update(const cen__loss *loss, cen__adam *adam, float *w, const float *dw)
{
    (void)adam, (void)dw;
    size_t d = loss->d;
    float alpha = (float)loss->options.alpha;
    const float *delta = loss->delta;
    for (size_t i = 0; i < loss->n_rows; i = cen__group_end(loss->rows, loss->n_rows, i)) {
        float *center = w + loss->at.centers + (size_t)loss->rows[i].label * d;
        for (size_t j = 0; j < d; j++) center[j] -= alpha * delta[j];
        delta += d;
    }
}

const cen__center_rule cen__mean_rule = {
    .name = "mean", .prepare = prepare, .most = most, .update = update};
