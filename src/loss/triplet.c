#include "loss/triplet.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/context.h"
#include "base/sizes.h"
#include "loss/kinds.h"

typedef struct triplet_batch {
    const cen__triplet *triplet;
    const float *f;
    const int32_t *labels;
    double *distances;  /* [n_threads, n]: from one anchor to all rows */
    double *pulls;      /* [n, n]: anchor i's d loss / d |f_i - f_j|, over |f_i - f_j| */
    double *row_losses; /* [n]: sum over the anchor's triplets */
    double *row_counts; /* [n]: of them */
    double share;       /* 1 / the number of triplets */
    float *df;
} triplet_batch;

size_t cen__triplet_scratch_count(size_t n, int n_threads)
{
    return cen__times(n, cen__plus(n, (size_t)n_threads + 2));
}

/* One anchor. */
typedef struct triplet_anchor {
    size_t n, row;
    const int32_t *labels;
    const double *distances; /* [n] */
    double *pulls;           /* [n]: still those to the distances */
    double margin, loss, count;
} triplet_anchor;

static void add_triplet(triplet_anchor *anchor, size_t positive, size_t negative)
{
    double hinge = anchor->margin + anchor->distances[positive] - anchor->distances[negative];
    anchor->count++;
    if (hinge <= 0) return;
    anchor->loss += hinge;
    anchor->pulls[positive]++;
    anchor->pulls[negative]--;
}

static void add_hardest(triplet_anchor *anchor)
{
    size_t none = anchor->n, positive = none, negative = none;
    const double *distances = anchor->distances;
    for (size_t j = 0; j < anchor->n; j++) {
        if (j == anchor->row) continue;
        if (anchor->labels[j] == anchor->labels[anchor->row]) {
            if (positive == none || distances[j] > distances[positive]) positive = j;
        } else if (negative == none || distances[j] < distances[negative]) {
            negative = j;
        }
    }
    if (positive != none && negative != none) add_triplet(anchor, positive, negative);
}

static void add_semi_hard(triplet_anchor *anchor)
{
    size_t none = anchor->n, farthest = none;
    const double *distances = anchor->distances;
    int32_t label = anchor->labels[anchor->row];
    for (size_t j = 0; j < anchor->n; j++) {
        if (anchor->labels[j] == label) continue;
        if (farthest == none || distances[j] > distances[farthest]) farthest = j;
    }
    if (farthest == none) return;
    for (size_t i = 0; i < anchor->n; i++) {
        if (i == anchor->row || anchor->labels[i] != label) continue;
        size_t negative = farthest;
        for (size_t j = 0; j < anchor->n; j++) {
            bool is_outside = anchor->labels[j] != label && distances[j] > distances[i];
            if (is_outside && distances[j] < distances[negative]) negative = j;
        }
        add_triplet(anchor, i, negative);
    }
}

static void anchor_row(void *data, size_t i, int worker)
{
    const triplet_batch *batch = data;
    const cen__triplet *triplet = batch->triplet;
    size_t n = triplet->n, d = triplet->d;
    double *distances = batch->distances + (size_t)worker * n, *pulls = batch->pulls + i * n;
    const float *own = batch->f + i * d;
    for (size_t j = 0; j < n; j++) {
        distances[j] = sqrt(triplet->kernels->vectors.squared_distance(d, own, batch->f + j * d));
        pulls[j] = 0;
    }
    triplet_anchor anchor = {n, i, batch->labels, distances, pulls, triplet->margin, 0, 0};
    if (triplet->kind == CEN__TRIPLET_BATCH_HARD) {
        add_hardest(&anchor);
    } else {
        add_semi_hard(&anchor);
    }
    for (size_t j = 0; j < n; j++) pulls[j] = distances[j] == 0 ? 0 : pulls[j] / distances[j];
    batch->row_losses[i] = anchor.loss;
    batch->row_counts[i] = anchor.count;
}

/* df_i = sum_j (pull of anchor i on j + pull of anchor j on i) (f_i - f_j) / number of triplets */
static void gradient_row(void *data, size_t i, int worker)
{
    (void)worker;
    const triplet_batch *batch = data;
    size_t n = batch->triplet->n, d = batch->triplet->d;
    const float *own = batch->f + i * d;
    float *df = batch->df + i * d;
    memset(df, 0, d * sizeof *df);
    for (size_t j = 0; j < n; j++) {
        double pull = batch->pulls[i * n + j] + batch->pulls[j * n + i];
        if (pull == 0) continue;
        const float *other = batch->f + j * d;
        float a = (float)(batch->share * pull);
        for (size_t c = 0; c < d; c++) df[c] += a * (own[c] - other[c]);
    }
}

double cen__triplet_loss(const cen__triplet *triplet, const float *f, const int32_t *labels,
                         float *df)
{
    size_t n = triplet->n;
    double *losses = triplet->scratch, *counts = losses + n, *pulls = counts + n;
    triplet_batch batch = {.triplet = triplet,
                           .f = f,
                           .labels = labels,
                           .distances = pulls + n * n,
                           .pulls = pulls,
                           .row_losses = losses,
                           .row_counts = counts,
                           .df = df};
    double work = (double)n * (double)n * (double)triplet->d;
    cen__parallel(triplet->context, n, work, anchor_row, &batch);
    double loss = 0, count = 0;
    for (size_t i = 0; i < n; i++) {
        loss += losses[i];
        count += counts[i];
    }
    batch.share = count > 0 ? 1 / count : 0;
    if (df != NULL) cen__parallel(triplet->context, n, work, gradient_row, &batch);
    return loss * batch.share;
}

/* ---- the losses ---- */

static double first_of(const cen__loss *loss, const cen__loss_pass *pass, cen__triplet_kind kind,
                       double *accuracy)
{
    cen__triplet triplet = {.n = pass->n,
                            .d = loss->d,
                            .kind = kind,
                            .margin = loss->options.margin,
                            .context = loss->context,
                            .scratch = loss->doubles,
                            .kernels = loss->kernels};
    *accuracy = NAN; /* the head is not used, and its gradient stays 0 */
    return cen__triplet_loss(&triplet, pass->f, pass->labels, pass->df);
}

static double first_hard(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy)
{
    return first_of(loss, pass, CEN__TRIPLET_BATCH_HARD, accuracy);
}

static double first_semi_hard(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy)
{
    return first_of(loss, pass, CEN__TRIPLET_SEMI_HARD, accuracy);
}

static size_t n_doubles(size_t n, size_t d, size_t k, int n_threads)
{
    (void)d, (void)k;
    return cen__triplet_scratch_count(n, n_threads);
}

/* All distances are 0. */
static double chance(const cen_train_options *options)
{
    return options->margin;
}

const cen__loss_kind cen__triplet_hard_kind = {
    .name = "triplet",
    .first_name = "triplet",
    .margin = 0.2,
    .centers = CEN_CENTERS_MEAN,
    .needs_pairs = true,
    .n_doubles = n_doubles,
    .chance = chance,
    .first = first_hard,
    .second = cen__pull,
    .second_norm = cen__pull_norm,
    .add_second_gradient = cen__pull_gradient,
};

const cen__loss_kind cen__triplet_semi_hard_kind = {
    .name = "triplet-semi",
    .first_name = "triplet",
    .margin = 0.2,
    .centers = CEN_CENTERS_MEAN,
    .needs_pairs = true,
    .n_doubles = n_doubles,
    .chance = chance,
    .first = first_semi_hard,
    .second = cen__pull,
    .second_norm = cen__pull_norm,
    .add_second_gradient = cen__pull_gradient,
};
