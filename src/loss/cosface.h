/* The head of CosFace (Wang et al. 2018, eq. 4): directions alone, and a margin for the label,
 *
 *     logits_ij = s (cos(f_i, w_j) - m [j = y_i])
 *
 * A vector is divided by its length, or by 1e-12 where that is larger (torch.nn.functional.normalize). */
#ifndef CEN_LOSS_COSFACE_H
#define CEN_LOSS_COSFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "kernels/dispatch.h"

typedef struct cen__margin {
    size_t n, d, k;
    double scale, margin; /* s > 0, m; m = 0 for the cosines alone */
    cen_context *context; /* NULL: the caller works by itself */
    float *scratch; /* [cen__margin_scratch_count], 64-byte aligned; holds the unit vectors between
                       forward and backward */
    const cen__kernels *kernels;
} cen__margin;

size_t cen__margin_scratch_count(const cen__kernels *kernels, size_t n, size_t d, size_t k,
                                 int n_threads);

/* logits[n, k] of f[n, d] and w[k, d]. row_hits[n]: without the margin the largest logit is the
 * label's (the first of equals counts). With it no row would be right whose cosine is not ahead by
 * m. */
void cen__margin_forward(const cen__margin *head, const float *f, const float *w,
                         const int32_t *labels, float *logits, bool *row_hits);

/* The logits without labels, so without the margin: s cos(f, w). */
void cen__margin_logits(const cen__margin *head, const float *f, const float *w, float *logits);

/* df[n, d] and dw[k, d] = the gradients at the last forward's f and w. */
void cen__margin_backward(const cen__margin *head, const float *dlogits, float *df, float *dw);

#endif
