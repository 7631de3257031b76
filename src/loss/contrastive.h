/* Contrastive-center loss (Qi and Su 2017, with the mean over the batch instead of their sum):
 * the squared distance to the own center over those to all others,
 *
 *     mean_i 1/2 |f_i - c_{y_i}|^2 / (sum_{j != y_i} |f_i - c_j|^2 + delta)
 */
#ifndef CEN_LOSS_CONTRASTIVE_H
#define CEN_LOSS_CONTRASTIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/context.h"
#include "kernels/dispatch.h"

typedef struct cen__contrastive {
    size_t n, d, k;
    double delta;         /* > 0; 1 in the article */
    double scale;         /* factor of the gradients: lambda */
    cen_context *context; /* NULL: the caller works by itself */
    double *scratch;      /* [cen__contrastive_scratch_count] */
    const cen__kernels *kernels;
} cen__contrastive;

size_t cen__contrastive_scratch_count(size_t n, size_t d);

/* The loss, without scale, of f[n, d] and centers[k, d]. Costs O((n + k) d). */
double cen__contrastive_loss(const cen__contrastive *contrastive, const float *f,
                             const float *centers, const int32_t *labels);

/* After it, with the same arguments: df[n, d] += and dcenters[k, d] = scale times its gradients. Every center has one, also
 * those of absent classes. */
void cen__contrastive_gradient(const cen__contrastive *contrastive, const float *f,
                               const float *centers, const int32_t *labels, float *df,
                               float *dcenters);

#endif
