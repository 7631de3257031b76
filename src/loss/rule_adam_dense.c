/* All centers move by Adam. Those of absent classes have a gradient of zero, which is not read. */
#include "loss/kinds.h"

static void update(const cen__loss *loss, cen__adam *adam, float *w, const float *dw)
{
    size_t d = loss->d, at = loss->at.centers, end = at + loss->k * d;
    for (size_t i = 0; i < loss->n_rows; i = cen__group_end(loss->rows, loss->n_rows, i)) {
        size_t start = loss->at.centers + (size_t)loss->rows[i].label * d;
        cen__adam_apply(adam, at, start - at, 0, w, NULL);
        cen__adam_apply(adam, start, d, 0, w, dw);
        at = start + d;
    }
    cen__adam_apply(adam, at, end - at, 0, w, NULL);
}

const cen__center_rule cen__adam_dense_rule = {
    .name = "adam-dense", .uses_gradient = true, .update = update};
