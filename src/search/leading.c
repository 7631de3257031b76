/* Davidson's method without a preconditioner, which is block Lanczos with thick restarts (Davidson 1975; Saad,
 * Numerical Methods for Large Eigenvalue Problems, 8.4). In an orthonormal basis V the matrix V^T A V has
 * Ritz pairs (t, y); their residuals A V y - t V y, made orthogonal to V, extend it until the residuals of the
 * wanted pairs vanish. A block is wider than what is wanted, so that equal eigenvalues are found as often as
 * they occur. A is applied row by row as sum_i x_i (x_i . v) / (n - 1). */
#include "search/leading.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "search/eigen.h"

enum { SPARE = 2, BLOCKS = 10, SMALL = 64, FEW = 8 };

#define TOLERANCE 1e-13 /* of a residual, in units of the largest eigenvalue */
#define DEPENDENT 1e-8  /* a vector of length 1 with a smaller rest adds nothing to the basis */

typedef struct {
    const float *features;
    const double *mean;
    size_t n, d, block, most; /* vectors per step, and in the basis */
    size_t size;              /* vectors in the basis */
    double *basis, *applied;  /* [most, d] V, A V */
    double *next;             /* [block, d] residuals */
    double *kept;             /* [2 block, d] while the basis is replaced */
    double *row;              /* [d] */
    double *small;            /* [most, most] V^T A V, then work for its decomposition: */
    double *copy, *ritz;      /* [most, most] */
    double *values;           /* [most] */
    double *scratch;          /* [2 most] */
    size_t *order;            /* [most] places of the values, falling */
} leading;

/* applied[k, d] = A v for the k vectors of the basis from `first` on. */
static void apply(leading *l, size_t first, size_t k)
{
    const size_t d = l->d;
    memset(l->applied + first * d, 0, k * d * sizeof(double));
    for (size_t i = 0; i < l->n; i++) {
        for (size_t j = 0; j < d; j++) l->row[j] = (double)l->features[i * d + j] - l->mean[j];
        for (size_t v = first; v < first + k; v++) {
            double *sum = l->applied + v * d;
            double factor = cen__dot(d, l->row, l->basis + v * d) / (double)(l->n - 1);
            for (size_t j = 0; j < d; j++) sum[j] += factor * l->row[j];
        }
    }
}

/* Adds x[d] to the basis after making it orthogonal twice; false if it adds nothing. */
static bool add_vector(leading *l, const double *x)
{
    const size_t d = l->d;
    double *v = l->basis + l->size * d, length = sqrt(cen__dot(d, x, x));
    if (!(length > 0)) return false;
    for (size_t j = 0; j < d; j++) v[j] = x[j] / length;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t b = 0; b < l->size; b++) {
            const double *other = l->basis + b * d;
            double part = cen__dot(d, v, other);
            for (size_t j = 0; j < d; j++) v[j] -= part * other[j];
        }
        length = sqrt(cen__dot(d, v, v));
        if (length < DEPENDENT) return false;
        for (size_t j = 0; j < d; j++) v[j] /= length;
    }
    l->size++;
    return true;
}

/* Extends the basis by next[block, d]; returns the number of vectors added. */
static size_t extend(leading *l)
{
    size_t first = l->size, d = l->d;
    for (size_t i = 0; i < l->block; i++) (void)add_vector(l, l->next + i * d);
    apply(l, first, l->size - first);
    for (size_t j = first; j < l->size; j++) {
        for (size_t i = 0; i <= j; i++) {
            double x = cen__dot(d, l->basis + i * d, l->applied + j * d);
            l->small[i * l->most + j] = l->small[j * l->most + i] = x;
        }
    }
    return l->size - first;
}

/* The Ritz pairs of the basis: values and rows of ritz, by falling value in order[]. */
static void decompose(leading *l)
{
    size_t m = l->size;
    for (size_t i = 0; i < m; i++) {
        memcpy(l->copy + i * m, l->small + i * l->most, m * sizeof(double));
    }
    cen__eigen(m, l->copy, l->values, l->ritz, l->scratch);
    for (size_t i = 0; i < m; i++) {
        size_t place = i;
        for (; place > 0 && l->values[l->order[place - 1]] < l->values[i]; place--) {
            l->order[place] = l->order[place - 1];
        }
        l->order[place] = i;
    }
}

/* out[d] = the sum of rows[size, d], each times its part in Ritz vector c. */
static void combine(const leading *l, size_t c, const double *rows, double *out)
{
    const double *part = l->ritz + l->order[c] * l->size;
    memset(out, 0, l->d * sizeof *out);
    for (size_t i = 0; i < l->size; i++) {
        for (size_t j = 0; j < l->d; j++) out[j] += part[i] * rows[i * l->d + j];
    }
}

/* next[block, d] = the residuals; returns the longest of the first n_wanted. */
static double find_residuals(leading *l, size_t n_wanted)
{
    double longest = 0;
    for (size_t c = 0; c < l->block && c < l->size; c++) {
        double *residual = l->next + c * l->d, value = l->values[l->order[c]];
        combine(l, c, l->applied, residual);
        combine(l, c, l->basis, l->row);
        for (size_t j = 0; j < l->d; j++) residual[j] -= value * l->row[j];
        if (c < n_wanted) longest = fmax(longest, sqrt(cen__dot(l->d, residual, residual)));
    }
    return longest;
}

/* Replaces the basis by its 2 block best Ritz vectors. */
static void restart(leading *l)
{
    size_t n_kept = 2 * l->block, d = l->d;
    for (size_t c = 0; c < n_kept; c++) combine(l, c, l->basis, l->kept + c * d);
    memcpy(l->basis, l->kept, n_kept * d * sizeof(double));
    for (size_t c = 0; c < n_kept; c++) combine(l, c, l->applied, l->kept + c * d);
    memcpy(l->applied, l->kept, n_kept * d * sizeof(double));
    for (size_t i = 0; i < n_kept; i++) {
        for (size_t j = 0; j < n_kept; j++) {
            l->small[i * l->most + j] = i == j ? l->values[l->order[i]] : 0;
        }
    }
    l->size = n_kept;
}

static bool search(leading *l, size_t n_wanted)
{
    size_t n_applied = l->block;
    for (size_t i = 0; i < l->block * l->d; i++) {
        l->next[i] = (double)cen__random_float(1, 1, i) - 0.5;
    }
    (void)extend(l);
    for (;;) {
        decompose(l);
        double longest = find_residuals(l, n_wanted);
        if (l->size >= n_wanted && longest <= TOLERANCE * fabs(l->values[l->order[0]])) return true;
        /* About as much work as the covariance matrix takes. */
        if (n_applied > l->d / 2) return false;
        if (l->size + l->block > l->most) restart(l);
        size_t n = extend(l);
        if (n == 0) return l->size >= n_wanted;
        n_applied += n;
    }
}

static bool reserve(cen_context *context, leading *l)
{
    size_t m = l->most, d = l->d, size;
    if (!cen__multiply(m, d, &size)) return false;
    l->basis = cen__alloc(context, size, sizeof *l->basis);
    l->applied = cen__alloc(context, size, sizeof *l->applied);
    l->next = cen__alloc_zeroed(context, l->block * d, sizeof *l->next);
    l->kept = cen__alloc(context, 2 * l->block * d, sizeof *l->kept);
    l->row = cen__alloc(context, d, sizeof *l->row);
    l->small = cen__alloc_zeroed(context, m * m, sizeof *l->small);
    l->copy = cen__alloc(context, m * m, sizeof *l->copy);
    l->ritz = cen__alloc(context, m * m, sizeof *l->ritz);
    l->values = cen__alloc(context, m, sizeof *l->values);
    l->scratch = cen__alloc(context, 2 * m, sizeof *l->scratch);
    l->order = cen__alloc(context, m, sizeof *l->order);
    return l->basis != NULL && l->applied != NULL && l->next != NULL && l->kept != NULL &&
           l->row != NULL && l->small != NULL && l->copy != NULL && l->ritz != NULL &&
           l->values != NULL && l->scratch != NULL && l->order != NULL;
}

static void release(leading *l)
{
    cen__free(l->basis);
    cen__free(l->applied);
    cen__free(l->next);
    cen__free(l->kept);
    cen__free(l->row);
    cen__free(l->small);
    cen__free(l->copy);
    cen__free(l->ritz);
    cen__free(l->values);
    cen__free(l->scratch);
    cen__free(l->order);
}

bool cen__leading_pays(size_t d, size_t n_components)
{
    return d > SMALL && n_components <= FEW && BLOCKS * (n_components + SPARE) <= d;
}

cen_status cen__leading(cen_context *context, const float *features, size_t n, size_t d,
                        const double *mean, size_t n_components, double *values, double *vectors,
                        bool *converged, cen_error *error)
{
    size_t block = n_components + SPARE;
    leading l = {
        .features = features, .mean = mean, .n = n, .d = d, .block = block, .most = BLOCKS * block};
    cen_status status = CEN_OK;
    *converged = false;
    if (reserve(context, &l)) {
        *converged = search(&l, n_components);
        for (size_t c = 0; *converged && c < n_components; c++) {
            values[c] = l.values[l.order[c]];
            combine(&l, c, l.basis, vectors + c * d);
        }
    } else {
        status = cen__fail_memory(error, "the principal components");
    }
    release(&l);
    return status;
}
