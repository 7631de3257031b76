/* The head of CosFace (Wang et al. 2018, eq. 4): only directions count, and the label has a margin,
 *
 *     logits_ij = s (cos(f_i, w_j) - m [j = y_i])
 *
 * A vector is divided by its length, or by 1e-12 if that is larger (torch.nn.functional.normalize). */
#ifndef CEN_LOSS_COSFACE_H
#define CEN_LOSS_COSFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "kernels/dispatch.h"

typedef struct cen__margin {
    size_t n, d, k;
    double scale, margin; /* s > 0, m; m = 0 for only the cosines */
    cen_context *context; /* NULL: the caller works by itself */
    float *scratch; /* [cen__margin_scratch_count], 64-byte aligned; holds the unit vectors between
                       forward and backward */
    const cen__kernels *kernels;
} cen__margin;

size_t cen__margin_scratch_count(const cen__kernels *kernels, size_t n, size_t d, size_t k,
                                 int n_threads);

/* logits[n, k] of f[n, d] and w[k, d]. row_hits[n]: the largest logit without the margin is
 * that of the label (of equal ones, the first counts). With the margin, only rows with a lead of m would be right. */
void cen__margin_forward(const cen__margin *head, const float *f, const float *w,
                         const int32_t *labels, float *logits, bool *row_hits);

/* Logits without labels and therefore without a margin: s cos(f, w). */
void cen__margin_logits(const cen__margin *head, const float *f, const float *w, float *logits);

/* df[n, d] and dw[k, d] = the gradients at f and w of the last forward pass. */
void cen__margin_backward(const cen__margin *head, const float *dlogits, float *df, float *dw);

#endif
