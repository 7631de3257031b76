/* Softmax cross-entropy and center loss, each with its gradient. */
#ifndef CEN_NN_LOSSES_H
#define CEN_NN_LOSSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "kernels/dispatch.h"

typedef struct cen__softmax {
    const cen__kernels *kernels;
    size_t n, k;          /* rows, classes */
    cen_context *context; /* NULL: the caller works by itself */
    double *row_losses;   /* [n] */
    /* [n]: the largest logit is the label's (the first of equals counts). NULL: not asked for. */
    bool *row_hits;
    bool has_gradient; /* logits become their gradient, (softmax - target) / n */
    /* target = (1 - smoothing) onehot + smoothing / k (Szegedy et al. 2016, section 7; as
     * torch.nn.CrossEntropyLoss's label_smoothing). 0 to 1. */
    double smoothing;
} cen__softmax;

/* logits[n, k] are overwritten. Fills row_losses with - sum_j target_j log softmax(logits)_j, and
 * row_hits. */
void cen__softmax_cross_entropy(const cen__softmax *softmax, float *logits, const int32_t *labels);

/* One row of the batch, to be sorted by label. */
typedef struct cen__labelled_row {
    int32_t label;
    size_t row;
} cen__labelled_row;

/* rows[n] sorted by label, then row: equal labels are neighbours. */
void cen__group_rows(const int32_t *labels, size_t n, cen__labelled_row *rows);

/* The end of the group that begins at rows[first]. */
size_t cen__group_end(const cen__labelled_row *rows, size_t n, size_t first);

/* mean_i || f_i - c_{y_i} ||^2 of f[n, d], centers[classes, d]. */
double cen__center_loss(const cen__vectors *vectors, size_t n, size_t d, const float *f,
                        const float *centers, const int32_t *labels);

/* df[n, d] += scale (f_i - c_{y_i}), scale = 2 lambda / n; and dcenters[j] = -scale * sum_{y_i = j}
 * (f_i - c_j) for the classes of the batch alone. */
void cen__center_loss_gradient(size_t n, size_t d, float scale, const float *f,
                               const float *centers, const cen__labelled_row *rows, float *df,
                               float *dcenters);

/* delta[g, d], one row a group: sum_{y_i = j} (c_j - f_i) / (1 + n_j) (Wen et al. 2016, eq. 4). */
void cen__center_delta(size_t n, size_t d, const float *f, const float *centers,
                       const cen__labelled_row *rows, float *delta);

#endif
