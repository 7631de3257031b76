/* Adam over flat buffers (Kingma and Ba 2015, algorithm 1). */
#ifndef CEN_LOSS_ADAM_H
#define CEN_LOSS_ADAM_H

#include <centerloss.h>

#include "base/context.h"
#include "base/status.h"
#include "kernels/vector.h"

typedef struct cen__adam {
    size_t count;
    float *m, *v; /* [count] */
    size_t n_steps;
    double lr, beta1, beta2, eps;
    cen_adam_form form;
    cen_context *context; /* NULL: the caller works by itself */
    const cen__vectors *vectors;
} cen__adam;

/* Errors: MEMORY. Sets m, v, count and n_steps; the caller sets the rest. */
cen_status cen__adam_create(cen_context *context, cen__adam *adam, size_t count, cen_error *error);
void cen__adam_free(cen__adam *adam);

/* Begins the next step: it counts for the bias corrections. */
void cen__adam_begin(cen__adam *adam);

/* Updates the numbers start .. start + count of p, as torch.optim.AdamW with this weight decay, or as torch.optim.Adam
 * without; or as these of Keras. g NULL: their gradient is zero. */
void cen__adam_apply(cen__adam *adam, size_t start, size_t count, double weight_decay, float *p,
                     const float *g);

/* The same for rows of a sparse table, as torch.optim.SparseAdam: the form is that of Keras, and rows that have no gradient
 * keep their moments, too. The step is the same for all rows. */
cen__adam_step cen__adam_sparse_step(const cen__adam *adam, double weight_decay);
void cen__adam_apply_sparse(cen__adam *adam, const cen__adam_step *step, size_t start, size_t count,
                            float *p, const float *g);

#endif
