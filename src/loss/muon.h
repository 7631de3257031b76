/* Muon (Jordan et al. 2024): the step of a matrix is its momentum with all singular values near 1, so that rare
 * directions move as fast as frequent ones. As torch.optim.Muon with adjust_lr_fn="match_rms_adamw" at four times the
 * rate, so that one rate suits both. */
#ifndef CEN_LOSS_MUON_H
#define CEN_LOSS_MUON_H

#include "kernels/dispatch.h"
#include "loss/adam.h"

typedef struct cen__muon {
    const cen__kernels *kernels;
    cen_context *context;
    float *scratch; /* cen__muon_scratch_count of the largest matrix */
} cen__muon;

size_t cen__muon_scratch_count(const cen__kernels *kernels, size_t rows, size_t columns,
                               int n_threads);

/* Updates the matrix p[start ..] of adam's buffers with its rate and its m; v is not used. g: the gradient. */
void cen__muon_apply(const cen__muon *muon, const cen__adam *adam, size_t start, size_t rows,
                     size_t columns, double weight_decay, float *p, const float *g);

#endif
