/* cl_train: the plane in which a page shows features. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "train_frames.h"

static void describe(const page *p, size_t d, const double variances[2], char text[200])
{
    double all = 0, sum, squares;
    const float *x = p->frames[p->best].features;
    for (size_t j = 0; j < d; j++) {
        sum = squares = 0;
        for (size_t i = 0; i < p->n_points; i++) sum += (double)x[i * d + j];
        for (size_t i = 0; i < p->n_points; i++)
            squares += pow((double)x[i * d + j] - sum / (double)p->n_points, 2);
        all += squares / (double)(p->n_points - 1);
    }
    (void)snprintf(text, 200,
                   "PCA of the %zu-number features of %zu validation pictures after epoch %zu: the "
                   "horizontal axis has %.0f %% of their variance, the vertical one %.0f %%.",
                   d, p->n_points, p->frames[p->best].epoch, 100 * variances[0] / all,
                   100 * variances[1] / all);
}

cen_status page_project(cen_context *context, const page *p, size_t d, cen_report_frame *plane,
                        char text[200], cen_error *error)
{
    double variances[2];
    float *axes = calloc(3 * d, sizeof *axes), *mean = axes + 2 * d;
    if (axes == NULL) return page_no_memory(error);
    cen_status status = CEN_OK;
    if (d <= 2 || p->n_points < 2) {
        axes[0] = 1;
        if (d >= 2) axes[d + 1] = 1;
        (void)snprintf(text, 200,
                       "The first two numbers of the features of the validation pictures.");
    } else {
        status = cen_pca(context, p->frames[p->best].features, p->n_points, d, 2, mean, axes,
                         variances, error);
        if (status == CEN_OK) describe(p, d, variances, text);
    }
    for (size_t i = 0; i < p->n_frames && status == CEN_OK; i++) {
        float *xy = malloc(2 * (p->n_points + p->n_centers) * sizeof *xy);
        if (xy == NULL) {
            status = page_no_memory(error);
            break;
        }
        const frame *f = &p->frames[i];
        cen_pca_project(f->features, p->n_points, d, mean, axes, 2, xy);
        cen_pca_project(f->centers, p->n_centers, d, mean, axes, 2, xy + 2 * p->n_points);
        plane[i] = (cen_report_frame){f->epoch, p->n_points,          p->n_centers,
                                      xy,       xy + 2 * p->n_points, p->labels};
    }
    free(axes);
    return status;
}
