/* The centers of classes in the batch move by Adam, as rows of torch.optim.SparseAdam. */
#include "loss/kinds.h"

static void update(const cen__loss *loss, cen__adam *adam, float *w, const float *dw)
{
    const cen__adam_step step = cen__adam_sparse_step(adam, 0);
    for (size_t i = 0; i < loss->n_rows; i = cen__group_end(loss->rows, loss->n_rows, i)) {
        size_t start = loss->at.centers + (size_t)loss->rows[i].label * loss->d;
        cen__adam_apply_sparse(adam, &step, start, loss->d, w, dw);
    }
}

const cen__center_rule cen__adam_rule = {.name = "adam", .uses_gradient = true, .update = update};
