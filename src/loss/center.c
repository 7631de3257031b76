#include "loss/center.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "loss/kinds.h"

static int compare_rows(const void *a, const void *b)
{
    const cen__labelled_row *left = a, *right = b;
    if (left->label != right->label) return left->label < right->label ? -1 : 1;
    return left->row < right->row ? -1 : left->row > right->row;
}

void cen__group_rows(const int32_t *labels, size_t n, cen__labelled_row *rows)
{
    for (size_t i = 0; i < n; i++) rows[i] = (cen__labelled_row){labels[i], i};
    qsort(rows, n, sizeof *rows, compare_rows);
}

size_t cen__group_end(const cen__labelled_row *rows, size_t n, size_t first)
{
    size_t end = first + 1;
    while (end < n && rows[end].label == rows[first].label) end++;
    return end;
}

double cen__center_loss(const cen__vectors *vectors, size_t n, size_t d, const float *f,
                        const float *centers, const int32_t *labels)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += vectors->squared_distance(d, f + i * d, centers + (size_t)labels[i] * d);
    }
    return sum / (double)n;
}

void cen__center_loss_gradient(size_t n, size_t d, float scale, const float *f,
                               const float *centers, const cen__labelled_row *rows, float *df,
                               float *dcenters)
{
    for (size_t i = 0; i < n; i++) {
        size_t row = rows[i].row, offset = (size_t)rows[i].label * d;
        const float *feature = f + row * d, *center = centers + offset;
        float *dfeature = df + row * d, *dcenter = dcenters + offset;
        bool is_first = i == 0 || rows[i].label != rows[i - 1].label;
        for (size_t j = 0; j < d; j++) {
            float pull = scale * (feature[j] - center[j]);
            dfeature[j] += pull;
            dcenter[j] = is_first ? -pull : dcenter[j] - pull;
        }
    }
}

void cen__center_delta(size_t n, size_t d, const float *f, const float *centers,
                       const cen__labelled_row *rows, float *delta)
{
    for (size_t first = 0, end; first < n; first = end, delta += d) {
        end = cen__group_end(rows, n, first);
        const float *center = centers + (size_t)rows[first].label * d;
        float share = 1 / (1 + (float)(end - first));
        memset(delta, 0, d * sizeof *delta);
        for (size_t i = first; i < end; i++) {
            const float *feature = f + rows[i].row * d;
            for (size_t j = 0; j < d; j++) delta[j] += (center[j] - feature[j]) * share;
        }
    }
}

/* ---- the second loss of several kinds ---- */

double cen__pull(const cen__loss *loss, const cen__loss_pass *pass)
{
    return cen__center_loss(&loss->kernels->vectors, pass->n, loss->d, pass->f,
                            pass->w + loss->at.centers, pass->labels);
}

/* 2 / n sqrt(sum || f - c ||^2) */
double cen__pull_norm(double second, size_t n)
{
    return 2 * sqrt(second / (double)n);
}

/* Sets the rows of the last batch to zero, and those of this batch to their gradient. */
void cen__pull_gradient(cen__loss *loss, const cen__loss_pass *pass)
{
    size_t n = pass->n, d = loss->d;
    float *dcenters = pass->dw + loss->at.centers;
    for (size_t i = 0; i < loss->n_rows; i++) {
        memset(dcenters + (size_t)loss->rows[i].label * d, 0, d * sizeof *dcenters);
    }
    cen__group_rows(pass->labels, n, loss->rows);
    loss->n_rows = n;
    float scale = (float)(2 * loss->lambda / (double)n);
    cen__center_loss_gradient(n, d, scale, pass->f, pass->w + loss->at.centers, loss->rows,
                              pass->df, dcenters);
}

const cen__loss_kind cen__center_kind = {
    .name = "center",
    .first_name = "softmax",
    .head = &cen__affine_head,
    .lambda = 0.02,
    .centers = CEN_CENTERS_MEAN,
    .follows_ratio = true,
    .bounds_head = true,
    .first = cen__softmax_first,
    .second = cen__pull,
    .second_norm = cen__pull_norm,
    .add_second_gradient = cen__pull_gradient,
};
