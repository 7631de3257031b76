/* Softmax cross-entropy with its gradient. */
#ifndef CEN_LOSS_SOFTMAX_H
#define CEN_LOSS_SOFTMAX_H

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
    /* [n]: the largest logit is that of the label (of equal ones, the first counts). NULL: not wanted. */
    bool *row_hits;
    bool has_gradient; /* logits become their gradient, (softmax - target) / n */
    /* target = (1 - smoothing) onehot + smoothing / k (Szegedy et al. 2016, section 7; as
     * torch.nn.CrossEntropyLoss's label_smoothing). 0 to 1. */
    double smoothing;
} cen__softmax;

/* logits[n, k] are overwritten. Fills row_losses with - sum_j target_j log softmax(logits)_j, and
 * row_hits. */
void cen__softmax_cross_entropy(const cen__softmax *softmax, float *logits, const int32_t *labels);

#endif
