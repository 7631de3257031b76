/* Center loss with its gradient (Wen et al. 2016). */
#ifndef CEN_LOSS_CENTER_H
#define CEN_LOSS_CENTER_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/dispatch.h"

/* A row of the batch, for sorting by label. */
typedef struct cen__labelled_row {
    int32_t label;
    size_t row;
} cen__labelled_row;

/* rows[n] sorted by label, then row: equal labels are neighbours. */
void cen__group_rows(const int32_t *labels, size_t n, cen__labelled_row *rows);

/* The end of the group that begins at rows[first]. */
size_t cen__group_end(const cen__labelled_row *rows, size_t n, size_t first);

/* mean_i || f_i - c_{y_i} ||^2 of f[n, d], centers[classes, d]. */
double cen__center_loss(const cen__vectors *vectors, size_t n, size_t d, const float *f,
                        const float *centers, const int32_t *labels);

/* df[n, d] += scale (f_i - c_{y_i}), scale = 2 lambda / n; and dcenters[j] = -scale * sum_{y_i = j}
 * (f_i - c_j) for the classes of the batch only. */
void cen__center_loss_gradient(size_t n, size_t d, float scale, const float *f,
                               const float *centers, const cen__labelled_row *rows, float *df,
                               float *dcenters);

/* delta[g, d], one row per group: sum_{y_i = j} (c_j - f_i) / (1 + n_j) (Wen et al. 2016, eq. 4). */
void cen__center_delta(size_t n, size_t d, const float *f, const float *centers,
                       const cen__labelled_row *rows, float *delta);

#endif
