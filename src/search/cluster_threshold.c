/* A threshold for the classes of a set that no training has seen. A trained net holds the classes of its training
 * apart, and new ones much less, so distances between trained classes would give a threshold that joins strangers.
 * A row of the set and a row of a trained class are of two classes, too, and only one of them was trained. */
#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "kernels/dispatch.h"
#include "search/distance.h"
#include "search/sort.h"

enum { PAIRS_MOST = 1 << 22, TASK_PAIRS = 8192 };

typedef struct {
    cen_labelled set, others;
    size_t d;
    bool cosine;
    const cen__vectors *vectors;
    double *set_squares, *other_squares; /* |x|^2 of the rows */
    size_t n;                            /* pairs that are drawn */
    float *distances;                    /* [n] -1: of one label */
} pairing;

/* The numbers of all pairs are cut into n equal parts, and one is drawn from each. */
static void run_pairs(void *data, size_t task, int worker)
{
    const pairing *p = data;
    const uint64_t n_all = (uint64_t)p->set.n * p->others.n, size = n_all / p->n;
    const uint64_t n_larger = n_all % p->n;
    const size_t first = task * TASK_PAIRS, left = p->n - first;
    for (size_t i = first; i < first + (left < TASK_PAIRS ? left : TASK_PAIRS); i++) {
        const uint64_t part = size + (i < n_larger);
        const uint64_t begin = i * size + (i < n_larger ? i : n_larger);
        const uint64_t u =
            begin + (part > 1 ? cen__random_below(1, CEN__STREAM_CLUSTER, i, part) : 0);
        const size_t a = (size_t)(u / p->others.n), b = (size_t)(u % p->others.n);
        p->distances[i] = -1;
        if (p->set.labels[a] >= 0 && p->set.labels[a] == p->others.labels[b]) continue;
        p->distances[i] = (float)cen__distance(
            p->cosine, cen__order_distance(p->vectors, p->cosine, p->d, p->set.features + a * p->d,
                                           p->others.features + b * p->d, p->set_squares[a],
                                           p->other_squares[b]));
    }
    (void)worker;
}

static cen_status measure_rows(const pairing *p, cen_labelled rows, const char *what,
                               double *squares, cen_error *error)
{
    for (size_t i = 0; i < rows.n; i++) {
        squares[i] = p->vectors->dot(p->d, rows.features + i * p->d, rows.features + i * p->d);
        if (isfinite(squares[i])) continue;
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "row %zu of the %s holds a number that is not finite; leave it out", i,
                         what);
    }
    return CEN_OK;
}

static cen_status choose(pairing *p, float *scratch, double far, double *threshold,
                         cen_error *error)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->distances[i] >= 0) p->distances[n++] = p->distances[i];
    }
    if ((double)n * far < 1) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "there %s only %zu pair%s of different classes, too few to let the share "
                         "%g of them pass: at least %.0f are needed",
                         n == 1 ? "is" : "are", n, cen__plural(n), far, ceil(1 / far));
    }
    cen__sort_distances(p->distances, n, scratch);
    *threshold = (double)p->distances[(size_t)((double)n * far) - 1];
    return CEN_OK;
}

static cen_status measure(cen_context *context, pairing *p, double far, double *threshold,
                          cen_error *error)
{
    float *scratch = cen__alloc(context, p->n, sizeof *scratch);
    p->distances = cen__alloc(context, p->n, sizeof *p->distances);
    p->set_squares = cen__alloc(context, p->set.n, sizeof *p->set_squares);
    p->other_squares = cen__alloc(context, p->others.n, sizeof *p->other_squares);
    cen_status status = CEN_OK;
    if (scratch == NULL || p->distances == NULL || p->set_squares == NULL ||
        p->other_squares == NULL) {
        status = cen__fail_memory(error, "the pairs that calibrate clusters");
    }
    if (status == CEN_OK) status = measure_rows(p, p->set, "set", p->set_squares, error);
    if (status == CEN_OK) status = measure_rows(p, p->others, "others", p->other_squares, error);
    if (status == CEN_OK && p->n > 0) {
        cen__parallel(context, (p->n - 1) / TASK_PAIRS + 1, (double)p->n * (double)p->d, run_pairs,
                      p);
    }
    if (status == CEN_OK) status = choose(p, scratch, far, threshold, error);
    cen__free(scratch);
    cen__free(p->distances);
    cen__free(p->set_squares);
    cen__free(p->other_squares);
    return status;
}

cen_status cen_cluster_calibrate(cen_context *context, const cen_labelled *set,
                                 const cen_labelled *others, size_t d, cen_metric metric,
                                 double false_accepts, double *threshold, cen_error *error)
{
    cen_status status = cen__check_choice("the metric", (long)metric, CEN_METRIC_COSINE, error);
    if (status != CEN_OK) return status;
    if (!(false_accepts > 0 && false_accepts < 1)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the share of strangers that may pass is %g; choose one between 0 and 1",
                         false_accepts);
    }
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    pairing p = {.set = *set, .others = *others, .d = d, .cosine = metric == CEN_METRIC_COSINE};
    p.vectors = &cen__kernels_of(context->instructions)->vectors;
    /* Few pairs are all taken, and a product of rows that overflows is not few. */
    p.n = others->n > 0 && set->n > PAIRS_MOST / others->n ? PAIRS_MOST : set->n * others->n;
    status = measure(context, &p, false_accepts, threshold, error);
    cen_context_free(own);
    return status;
}
