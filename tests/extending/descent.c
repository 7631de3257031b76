/* Centers of the batch's classes move by gradient descent: c -= alpha dc. */
#include "loss/kinds.h"

static void update(const cen__loss *loss, cen__adam *adam, float *w, const float *dw)
{
    float alpha = (float)loss->options.alpha;
    (void)adam;
    for (size_t i = 0; i < loss->n_rows; i = cen__group_end(loss->rows, loss->n_rows, i)) {
        size_t at = loss->at.centers + (size_t)loss->rows[i].label * loss->d;
        for (size_t j = at; j < at + loss->d; j++) w[j] -= alpha * dw[j];
    }
}

const cen__center_rule cen__descent_rule = {
    .name = "descent", .uses_gradient = true, .update = update};
