/* Softmax, and short features: second = mean || f ||^2. */
#include "loss/kinds.h"

static double second(const cen__loss *loss, const cen__loss_pass *pass)
{
    return loss->kernels->vectors.dot(pass->n * loss->d, pass->f, pass->f) / (double)pass->n;
}

/* The centers have no gradient, but their rule may move those of the batch's classes. */
static void add_second_gradient(cen__loss *loss, const cen__loss_pass *pass)
{
    float scale = (float)(2 * loss->lambda / (double)pass->n);
    for (size_t i = 0; i < pass->n * loss->d; i++) pass->df[i] += scale * pass->f[i];
    cen__group_rows(pass->labels, pass->n, loss->rows);
    loss->n_rows = pass->n;
}

const cen__loss_kind cen__length_kind = {
    .name = "length",
    .first_name = "softmax",
    .head = &cen__affine_head,
    .lambda = 0.1,
    .centers = CEN_CENTERS_MEAN,
    .first = cen__softmax_first,
    .second = second,
    .add_second_gradient = add_second_gradient,
};
