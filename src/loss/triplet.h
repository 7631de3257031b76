/* Triplet loss over the triplets of a batch, with Euclidean distances:
 *
 *     mean over triplets of max(0, margin + |f_a - f_p| - |f_a - f_q|),  y_a = y_p != y_q
 *
 * If |f_a - f_p| or |f_a - f_q| is 0, its gradient counts as 0. */
#ifndef CEN_LOSS_TRIPLET_H
#define CEN_LOSS_TRIPLET_H

#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "kernels/dispatch.h"

typedef enum {
    /* One triplet for each anchor that has a positive and a negative in the batch: the farthest
     * positive and the nearest negative (Hermans et al. 2017, eq. 5). */
    CEN__TRIPLET_BATCH_HARD,
    /* One triplet for each anchor with a negative and each of its positives: the nearest negative
     * that is farther than the positive, or the farthest of all if there is none (Schroff et al. 2015,
     * section 3.2; the farthest as in TensorFlow Addons). */
    CEN__TRIPLET_SEMI_HARD
} cen__triplet_kind;

/* If distances are equal, the first row counts. */
typedef struct cen__triplet {
    size_t n, d;
    cen__triplet_kind kind;
    double margin;
    cen_context *context; /* NULL: the caller works by itself */
    double *scratch;      /* [cen__triplet_scratch_count] */
    const cen__kernels *kernels;
} cen__triplet;

size_t cen__triplet_scratch_count(size_t n, int n_threads);

/* The loss of f[n, d]; 0 if the batch has no triplet. df[n, d] = its gradient, unless df is NULL. */
double cen__triplet_loss(const cen__triplet *triplet, const float *f, const int32_t *labels,
                         float *df);

#endif
