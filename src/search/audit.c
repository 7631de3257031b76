#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/status.h"
#include "search/classes.h"
#include "search/distance.h"
#include "search/sort.h"

/* Neighbours that are searched for duplicates. Equal distances are ordered by row, so each of thousands of equal
 * rows has the first of them among its neighbours. */
enum { NEIGHBOURS_MOST = 4 };

/* Two rows are the same if their distance is below this share of the median distance to the nearest row. */
static const double same_share = 1e-4;

typedef struct {
    const cen_feature_set *set;
    cen_metric metric;
    double ratio;
    cen_context *context;
    const cen__vectors *vectors;
    cen_finding *findings;
    size_t n_findings, capacity;
    cen_error *error;
} audit;

static double distance_between(const audit *a, const float *x, const float *y)
{
    bool cosine = a->metric == CEN_METRIC_COSINE;
    size_t d = a->set->d;
    double order = cen__order_distance(a->vectors, cosine, d, x, y, a->vectors->dot(d, x, x),
                                       a->vectors->dot(d, y, y));
    return cen__distance(cosine, order);
}

static bool add(audit *a, cen_finding finding)
{
    if (!cen__grow(a->context, &a->findings, &a->capacity, a->n_findings + 1, sizeof finding))
        return false;
    a->findings[a->n_findings++] = finding;
    return true;
}

/* ---- misplaced rows ---------------------------------------------------------------------------- */

typedef struct {
    cen__classes classes;
    double *sums;     /* [n_classes, d] */
    float *means;     /* [n_classes, d] */
    float *rest;      /* [d] the mean of a class without one row */
    size_t *nearest;  /* [n, 2] places of the two nearest means */
    float *distances; /* [n, 2] */
} class_means;

static bool reserve_means(cen_context *context, class_means *m, const cen_feature_set *set)
{
    size_t count;
    if (!cen__multiply(m->classes.n_classes, set->d, &count)) return false;
    m->sums = cen__alloc_zeroed(context, count, sizeof *m->sums);
    m->means = cen__alloc(context, count, sizeof *m->means);
    m->rest = cen__alloc(context, set->d, sizeof *m->rest);
    m->nearest = cen__alloc(context, set->n, 2 * sizeof *m->nearest);
    m->distances = cen__alloc(context, set->n, 2 * sizeof *m->distances);
    return m->sums != NULL && m->means != NULL && m->rest != NULL && m->nearest != NULL &&
           m->distances != NULL;
}

static void add_up(class_means *m, const cen_feature_set *set)
{
    size_t d = set->d;
    for (size_t c = 0; c < m->classes.n_classes; c++) {
        double *sum = m->sums + c * d, count = (double)cen__classes_count(&m->classes, c);
        for (size_t i = m->classes.starts[c]; i < m->classes.starts[c + 1]; i++) {
            const float *row = set->features + m->classes.rows[i] * d;
            for (size_t j = 0; j < d; j++) sum[j] += (double)row[j];
        }
        for (size_t j = 0; j < d; j++) m->means[c * d + j] = (float)(sum[j] / count);
    }
}

/* Row i of the class at place c, which has `count` rows. */
static bool judge(audit *a, const class_means *m, size_t c, size_t count, size_t i)
{
    size_t d = a->set->d, second = m->nearest[2 * i] == c;
    const float *row = a->set->features + i * d;
    for (size_t j = 0; j < d; j++) {
        m->rest[j] = (float)((m->sums[c * d + j] - (double)row[j]) / (double)(count - 1));
    }
    double other = (double)m->distances[2 * i + second], own = distance_between(a, row, m->rest);
    if (own <= a->ratio * other && a->ratio > 0) return true;
    int32_t label = m->classes.labels[m->nearest[2 * i + second]];
    return add(a, (cen_finding){CEN_FINDING_MISPLACED, i, i, label, other, own});
}

static cen_status find_misplaced(audit *a, class_means *m)
{
    const cen_feature_set *set = a->set;
    if (m->classes.n_classes < 2) return CEN_OK;
    if (!reserve_means(a->context, m, set))
        return cen__fail_memory(a->error, "the means of the classes");
    add_up(m, set);
    cen_status status =
        cen_knn_search(a->context, m->means, m->classes.n_classes, set->features, set->n, set->d, 2,
                       a->metric, false, m->nearest, m->distances, a->error);
    for (size_t c = 0; c < m->classes.n_classes && status == CEN_OK; c++) {
        size_t count = cen__classes_count(&m->classes, c);
        for (size_t i = m->classes.starts[c]; i < m->classes.starts[c + 1] && count > 1; i++) {
            if (!judge(a, m, c, count, m->classes.rows[i])) {
                return cen__fail_memory(a->error, "findings");
            }
        }
    }
    return status;
}

static cen_status audit_classes(audit *a)
{
    class_means m = {{0, 0, NULL, NULL, NULL}, NULL, NULL, NULL, NULL, NULL};
    int32_t *labels = cen__alloc(a->context, a->set->n, sizeof *labels);
    bool ok = labels != NULL;
    for (size_t i = 0; i < a->set->n && ok; i++) labels[i] = a->set->rows[i].label;
    ok = ok && cen__classes_create(a->context, &m.classes, labels, a->set->n);
    cen__free(labels);
    cen_status status = ok ? find_misplaced(a, &m) : cen__fail_memory(a->error, "classes");
    cen__classes_free(&m.classes);
    cen__free(m.sums);
    cen__free(m.means);
    cen__free(m.rest);
    cen__free(m.nearest);
    cen__free(m.distances);
    return status;
}

/* ---- the same picture twice -------------------------------------------------------------------- */

typedef struct {
    size_t k;
    size_t *neighbours; /* [n, k] */
    float *distances;   /* [n, k] */
    float *sorted;      /* [2, n] */
    size_t *first;      /* [n] an earlier row of the group; the row itself if it is the first */
} duplicates;

/* The first row of the group of row i. All rows on the way to it now name it directly. */
static size_t find_first(size_t *first, size_t i)
{
    size_t root = i;
    while (first[root] != root) root = first[root];
    while (first[i] != root) {
        size_t next = first[i];
        first[i] = root;
        i = next;
    }
    return root;
}

static void join(size_t *first, size_t i, size_t j)
{
    i = find_first(first, i);
    j = find_first(first, j);
    if (i < j) {
        first[j] = i;
    } else {
        first[i] = j;
    }
}

static void group(duplicates *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        s->sorted[i] = s->distances[i * s->k];
        s->first[i] = i;
    }
    cen__sort_distances(s->sorted, n, s->sorted + n);
    double most = same_share * (double)s->sorted[(n - 1) / 2];
    for (size_t i = 0; i < n * s->k; i++) {
        if ((double)s->distances[i] <= most) join(s->first, i / s->k, s->neighbours[i]);
    }
}

/* Reports each row of a group once, with the first row of the group. */
static cen_status list_groups(audit *a, duplicates *s)
{
    const cen_feature_set *set = a->set;
    for (size_t i = 0; i < set->n; i++) {
        size_t first = find_first(s->first, i);
        if (first == i) continue;
        const char *x = set->rows[first].split, *y = set->rows[i].split;
        bool is_leak = x != NULL && y != NULL && strcmp(x, y) != 0;
        double distance =
            distance_between(a, set->features + first * set->d, set->features + i * set->d);
        if (!add(a, (cen_finding){is_leak ? CEN_FINDING_LEAK : CEN_FINDING_DUPLICATE, first, i, -1,
                                  distance, 0})) {
            return cen__fail_memory(a->error, "findings");
        }
    }
    return CEN_OK;
}

static cen_status audit_duplicates(audit *a)
{
    const cen_feature_set *set = a->set;
    duplicates s = {NEIGHBOURS_MOST, NULL, NULL, NULL, NULL};
    if (set->n < 2) return CEN_OK;
    if (set->n - 1 < s.k) s.k = set->n - 1;
    s.neighbours = cen__alloc(a->context, set->n, s.k * sizeof *s.neighbours);
    s.distances = cen__alloc(a->context, set->n, s.k * sizeof *s.distances);
    s.sorted = cen__alloc(a->context, set->n, 2 * sizeof *s.sorted);
    s.first = cen__alloc(a->context, set->n, sizeof *s.first);
    cen_status status;
    if (s.neighbours == NULL || s.distances == NULL || s.sorted == NULL || s.first == NULL) {
        status = cen__fail_memory(a->error, "the neighbours of the rows");
    } else {
        status = cen_knn_search(a->context, set->features, set->n, set->features, set->n, set->d,
                                s.k, a->metric, true, s.neighbours, s.distances, a->error);
    }
    if (status == CEN_OK) {
        group(&s, set->n);
        status = list_groups(a, &s);
    }
    cen__free(s.neighbours);
    cen__free(s.distances);
    cen__free(s.sorted);
    cen__free(s.first);
    return status;
}

/* ---- the public functions ---------------------------------------------------------------------- */

/* A larger value means a weaker finding of its kind. */
static double weakness(const cen_finding *finding)
{
    if (finding->kind != CEN_FINDING_MISPLACED) return finding->distance;
    return finding->own > 0 ? finding->distance / finding->own : INFINITY;
}

static int compare_findings(const void *left, const void *right)
{
    const cen_finding *a = left, *b = right;
    if (a->kind != b->kind) return a->kind < b->kind ? -1 : 1;
    double x = weakness(a), y = weakness(b);
    if (x != y) return x < y ? -1 : 1;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    return (a->other > b->other) - (a->other < b->other);
}

cen_status cen_audit(cen_context *context, const cen_feature_set *set, cen_metric metric,
                     double ratio, cen_finding **findings, size_t *n_findings, cen_error *error)
{
    *findings = NULL;
    *n_findings = 0;
    cen_status status = cen__check_choice("the metric", (long)metric, CEN_METRIC_COSINE, error);
    if (status != CEN_OK) return status;
    if (!(ratio >= 0)) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "rows cannot be called misplaced at the ratio %g; choose 0 or more, 1.5 is "
            "a good start",
            ratio);
    }
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    audit a = {set,  metric, ratio, context, &cen__kernels_of(context->instructions)->vectors,
               NULL, 0,      0,     error};
    status = audit_classes(&a);
    if (status == CEN_OK) status = audit_duplicates(&a);
    cen_context_free(own);
    if (status != CEN_OK) {
        cen__free(a.findings);
        return status;
    }
    if (a.n_findings > 0) qsort(a.findings, a.n_findings, sizeof *a.findings, compare_findings);
    *findings = a.findings;
    *n_findings = a.n_findings;
    return CEN_OK;
}

void cen_audit_free(cen_finding *findings)
{
    cen__free(findings);
}
