#include <centerloss_eval.h>

#include <math.h>

#include "base/memory.h"
#include "base/status.h"
#include "search/eigen.h"
#include "search/leading.h"

enum {
    ROWS = 4
}; /* rows that are added to the covariance together, so that it is read and written less often */

static cen_status measure_mean(const float *features, size_t n, size_t d, double *mean,
                               cen_error *error)
{
    for (size_t j = 0; j < d; j++) mean[j] = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++) {
            double x = (double)features[i * d + j];
            if (!isfinite(x)) {
                return cen__fail(error, CEN_ERROR_ARGUMENT,
                                 "row %zu of the features holds a number that is not finite; leave "
                                 "it out",
                                 i);
            }
            mean[j] += x;
        }
    }
    for (size_t j = 0; j < d; j++) mean[j] /= (double)n;
    return CEN_OK;
}

/* covariance[d, d], with rows[ROWS, d] of centered features as scratch. */
static void measure_covariance(const float *features, size_t n, size_t d, const double *mean,
                               double *rows, double *covariance)
{
    for (size_t i = 0; i < d * d; i++) covariance[i] = 0;
    for (size_t first = 0; first < n; first += ROWS) {
        for (size_t r = 0; r < ROWS; r++) {
            for (size_t j = 0; j < d; j++) {
                rows[r * d + j] =
                    first + r < n ? (double)features[(first + r) * d + j] - mean[j] : 0;
            }
        }
        const double *x0 = rows, *x1 = x0 + d, *x2 = x1 + d, *x3 = x2 + d;
        for (size_t i = 0; i < d; i++) {
            double *row = covariance + i * d, a0 = x0[i], a1 = x1[i], a2 = x2[i], a3 = x3[i];
            for (size_t j = 0; j <= i; j++) {
                row[j] += (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j]);
            }
        }
    }
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++) {
            covariance[i * d + j] /= (double)(n - 1);
            covariance[j * d + i] = covariance[i * d + j];
        }
    }
}

/* The index of the largest of values[d] that is not taken; the first of equal ones. */
static size_t take_largest(const double *values, size_t d, bool *taken)
{
    size_t best = d;
    for (size_t i = 0; i < d; i++) {
        if (!taken[i] && (best == d || values[i] > values[best])) best = i;
    }
    taken[best] = true;
    return best;
}

static void write_component(const double *vector, size_t d, float *component)
{
    size_t largest = 0;
    for (size_t j = 1; j < d; j++) {
        if (fabs(vector[j]) > fabs(vector[largest])) largest = j;
    }
    double sign = vector[largest] < 0 ? -1 : 1;
    for (size_t j = 0; j < d; j++) component[j] = (float)(sign * vector[j]);
}

typedef struct {
    double *rows, *covariance, *values, *vectors, *scratch;
    bool *taken;
} work;

static bool reserve(cen_context *context, work *w, size_t d)
{
    size_t square;
    if (!cen__multiply(d, d, &square)) return false;
    w->rows = cen__alloc(context, d, ROWS * sizeof *w->rows);
    w->covariance = cen__alloc(context, square, sizeof *w->covariance);
    w->values = cen__alloc(context, d, sizeof *w->values);
    w->vectors = cen__alloc(context, square, sizeof *w->vectors);
    w->scratch = cen__alloc(context, d, 2 * sizeof *w->scratch);
    w->taken = cen__alloc_zeroed(context, d, sizeof *w->taken);
    return w->rows != NULL && w->covariance != NULL && w->values != NULL && w->vectors != NULL &&
           w->scratch != NULL && w->taken != NULL;
}

static void release(work *w)
{
    cen__free(w->rows);
    cen__free(w->covariance);
    cen__free(w->values);
    cen__free(w->vectors);
    cen__free(w->scratch);
    cen__free(w->taken);
}

static void write_one(const double *vector, double value, size_t c, size_t d, float *components,
                      double *variances)
{
    write_component(vector, d, components + c * d);
    if (variances != NULL) variances[c] = fmax(value, 0);
}

/* From all eigenvectors of the covariance matrix. */
static cen_status decompose(cen_context *context, const float *features, size_t n, size_t d,
                            const double *mean, size_t n_components, float *components,
                            double *variances, cen_error *error)
{
    work w = {NULL, NULL, NULL, NULL, NULL, NULL};
    cen_status status = CEN_OK;
    if (reserve(context, &w, d)) {
        measure_covariance(features, n, d, mean, w.rows, w.covariance);
        cen__eigen(d, w.covariance, w.values, w.vectors, w.scratch);
        for (size_t c = 0; c < n_components; c++) {
            size_t place = take_largest(w.values, d, w.taken);
            write_one(w.vectors + place * d, w.values[place], c, d, components, variances);
        }
    } else {
        status = cen__fail_memory(error, "the covariance of features");
    }
    release(&w);
    return status;
}

/* From the leading ones, if they are found soon. */
static cen_status look_for_few(cen_context *context, const float *features, size_t n, size_t d,
                               const double *mean, size_t n_components, float *components,
                               double *variances, bool *is_done, cen_error *error)
{
    *is_done = false;
    if (n_components == 0 || !cen__leading_pays(d, n_components)) return CEN_OK;
    double *values = cen__alloc(context, n_components, sizeof *values);
    double *vectors = cen__alloc(context, d, n_components * sizeof *vectors);
    cen_status status = CEN_OK;
    if (values != NULL && vectors != NULL) {
        status = cen__leading(context, features, n, d, mean, n_components, values, vectors, is_done,
                              error);
    } else {
        status = cen__fail_memory(error, "the principal components");
    }
    for (size_t c = 0; *is_done && c < n_components; c++) {
        write_one(vectors + c * d, values[c], c, d, components, variances);
    }
    cen__free(values);
    cen__free(vectors);
    return status;
}

cen_status cen_pca(cen_context *context, const float *features, size_t n, size_t d,
                   size_t n_components, float *mean, float *components, double *variances,
                   cen_error *error)
{
    if (n < 2) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "principal components need at least 2 rows, there are %zu", n);
    }
    if (n_components > d) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "features of %zu numbers have no more components than that; %zu were asked "
            "for",
            d, n_components);
    }
    bool is_done = false;
    double *middle = cen__alloc(context, d, sizeof *middle);
    cen_status status = middle != NULL ? measure_mean(features, n, d, middle, error)
                                       : cen__fail_memory(error, "the mean of features");
    if (status == CEN_OK) {
        status = look_for_few(context, features, n, d, middle, n_components, components, variances,
                              &is_done, error);
    }
    if (status == CEN_OK && !is_done) {
        status =
            decompose(context, features, n, d, middle, n_components, components, variances, error);
    }
    for (size_t j = 0; j < d && status == CEN_OK; j++) mean[j] = (float)middle[j];
    cen__free(middle);
    return status;
}

void cen_pca_project(const float *features, size_t n, size_t d, const float *mean,
                     const float *components, size_t n_components, float *projected)
{
    for (size_t i = 0; i < n; i++) {
        const float *x = features + i * d;
        for (size_t c = 0; c < n_components; c++) {
            const float *component = components + c * d;
            double sum = 0;
            for (size_t j = 0; j < d; j++) {
                sum += ((double)x[j] - (double)mean[j]) * (double)component[j];
            }
            projected[i * n_components + c] = (float)sum;
        }
    }
}
