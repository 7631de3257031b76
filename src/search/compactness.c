#include <centerloss_eval.h>

#include <centerloss.h>

#include <math.h>

#include "base/memory.h"
#include "base/status.h"

/* means[n_classes, d], zero at first, and counts[n_classes]. */
static void add_means(const float *features, size_t n, size_t d, const int32_t *labels,
                      size_t n_classes, double *means, size_t *counts)
{
    for (size_t i = 0; i < n; i++) {
        double *mean = means + (size_t)labels[i] * d;
        counts[labels[i]]++;
        for (size_t j = 0; j < d; j++) mean[j] += (double)features[i * d + j];
    }
    for (size_t c = 0; c < n_classes; c++) {
        for (size_t j = 0; j < d && counts[c] > 0; j++) means[c * d + j] /= (double)counts[c];
    }
}

/* NAN if no query's class is among the means. */
static double intra_square(cen_labelled queries, size_t d, const double *means,
                           const size_t *counts)
{
    double sum = 0;
    size_t n = 0;
    for (size_t i = 0; i < queries.n; i++) {
        const double *mean = means + (size_t)queries.labels[i] * d;
        if (counts[queries.labels[i]] == 0) continue;
        n++;
        for (size_t j = 0; j < d; j++) {
            double difference = (double)queries.features[i * d + j] - mean[j];
            sum += difference * difference;
        }
    }
    return n > 0 ? sum / (double)n : (double)NAN;
}

/* The mean over pairs of || m_a - m_b ||^2 is 2 / (C - 1) times the sum of || m_a - m ||^2, with m the mean of
 * the C means. So no loop over pairs is needed. NAN with fewer than two classes. */
static double inter_square(const double *means, const size_t *counts, size_t n_classes, size_t d)
{
    size_t n_filled = 0;
    double sum = 0;
    for (size_t c = 0; c < n_classes; c++) n_filled += counts[c] > 0;
    if (n_filled < 2) return (double)NAN;
    for (size_t j = 0; j < d; j++) {
        double middle = 0;
        for (size_t c = 0; c < n_classes; c++) middle += means[c * d + j];
        middle /= (double)n_filled;
        for (size_t c = 0; c < n_classes; c++) {
            double difference = means[c * d + j] - middle;
            if (counts[c] > 0) sum += difference * difference;
        }
    }
    return 2 * sum / (double)(n_filled - 1);
}

static cen_status check_labels(cen_labelled set, size_t n_classes, cen_error *error)
{
    for (size_t i = 0; i < set.n; i++) {
        if (set.labels[i] >= 0 && (size_t)set.labels[i] < n_classes) continue;
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "the label %ld of row %zu is not in 0 .. number of classes - 1 (%zu classes)",
            (long)set.labels[i], i, n_classes);
    }
    return CEN_OK;
}

cen_status cen_intra_inter(cen_context *context, const cen_labelled *queries,
                           const cen_labelled *gallery, size_t d, size_t n_classes, double *ratio,
                           cen_error *error)
{
    size_t count;
    *ratio = (double)NAN;
    cen_status status = check_labels(*queries, n_classes, error);
    if (status == CEN_OK) status = check_labels(*gallery, n_classes, error);
    if (status != CEN_OK) return status;
    double *means = cen__multiply(n_classes, d, &count)
                        ? cen__alloc_zeroed(context, count, sizeof *means)
                        : NULL;
    size_t *counts = cen__alloc_zeroed(context, n_classes, sizeof *counts);
    if (means == NULL || counts == NULL) {
        status = cen__fail_memory(error, "the means of the classes");
    } else {
        add_means(gallery->features, gallery->n, d, gallery->labels, n_classes, means, counts);
        *ratio = sqrt(intra_square(*queries, d, means, counts) /
                      inter_square(means, counts, n_classes, d));
    }
    cen__free(means);
    cen__free(counts);
    return status;
}
