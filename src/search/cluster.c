/* Average linkage: the two groups whose rows are nearest on average become one, as long as the root of the mean
 * square of their distances is at most the threshold (UPGMA: Sokal and Michener 1958, of squared distances).
 *
 * That mean needs no distances of rows. With the mean m of a group and its scatter s, the mean square distance of
 * its rows to m,
 *
 *     D(A, B) = |m_A - m_B|^2 + s_A + s_B
 *
 * A row has s = 0. For cosine, rows are scaled to length 1 and D is twice the mean of the cosine distances; a row of
 * zeros stays and has s = 1, which gives it the distance 1 to every row.
 *
 * The linkage is reducible: D(A + B, C) is at least the smaller of D(A, C) and D(B, C). So two groups that are the
 * nearest to each other can be joined at once, whatever else is joined, and give the same tree (Murtagh 1983).
 * A group whose nearest is beyond the threshold is final. And a list of the nearest groups of C stays useful: all
 * groups outside of it are at least as far as its last, whatever they are joined to. Only groups whose list is used
 * up search again.
 *
 * Groups search among (m, sqrt(s)) with (m, 0). */
#include <centerloss_eval.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "kernels/dispatch.h"
#include "search/search.h"

enum {
    NEAR = 16,       /* length of a list */
    BATCH = 1 << 14, /* queries of a search */
    TASK_GROUPS = 256,
    ROWS_MOST = 0x7fffffff
};

/* What is known of the nearest of a group. */
enum { SEARCHES, STALE, KNOWN, JOINED, FINAL };

/* A group is called after one of its rows. Active groups have a slot. */
typedef struct {
    size_t d, n_active;
    bool cosine;
    double most; /* the largest D of groups that are joined */
    cen_context *context;
    const cen__vectors *vectors;
    float *points;    /* [slots, d + 1] mean, root of the scatter */
    int32_t *groups;  /* [slots] */
    int32_t *slots;   /* [groups] -1: none */
    int32_t *parents; /* [rows] the group that it was joined to, or itself */
    int32_t *sizes;   /* [groups] rows */
    double *scatters; /* [groups] */
    char *states;     /* [groups] */
    int32_t *lists;   /* [groups, NEAR] groups, as they were when it searched */
    double *bounds;   /* [groups] D of all that are not in the list is at least this; -1: no list */
    int32_t *nearest; /* [groups] */
    double *least;    /* [groups] D of the nearest */
    size_t *work;     /* [groups] slots that search, or pairs to join */
    float *queries;   /* [BATCH, d + 1] */
    size_t *found;    /* [BATCH, NEAR] */
    double *exact;    /* [BATCH, NEAR] */
} tree;

static int32_t find(const tree *t, int32_t group)
{
    while (t->parents[group] != group) group = t->parents[group];
    return group;
}

static float *point(const tree *t, size_t slot)
{
    return t->points + slot * (t->d + 1);
}

static double distance(const tree *t, int32_t a, int32_t b)
{
    return t->vectors->squared_distance(t->d, point(t, (size_t)t->slots[a]),
                                        point(t, (size_t)t->slots[b])) +
           (t->scatters[a] + t->scatters[b]);
}

/* ---- the nearest ------------------------------------------------------------------------------- */

/* Equal distances are ordered by chance: by row, all would have the first as their nearest, and few could be joined
 * at once. */
static uint64_t lot(int32_t a, int32_t b)
{
    uint64_t low = (uint64_t)(a < b ? a : b), high = (uint64_t)(a < b ? b : a);
    return cen__random_bits(1, CEN__STREAM_CLUSTER, low << 32 | high);
}

static void choose_nearest(tree *t, int32_t group, bool is_new)
{
    int32_t *list = t->lists + (size_t)group * NEAR, best = -1;
    double least = HUGE_VAL, bound = t->bounds[group];
    size_t n = 0; /* of the list, in which each group is kept once */
    for (size_t j = 0; j < NEAR && list[j] >= 0; j++) {
        const int32_t other = find(t, list[j]);
        size_t same = 0;
        while (same < n && list[same] != other) same++;
        if (t->slots[other] < 0 || same < n) continue;
        list[n++] = other;
        const double far = distance(t, group, other);
        if (far > least || (far == least && lot(group, other) >= lot(group, best))) continue;
        least = far;
        best = other;
    }
    for (; n < NEAR; n++) list[n] = -1;
    t->nearest[group] = best;
    t->least[group] = least;
    t->states[group] = (char)(!is_new && fmin(least, t->most) > bound ? SEARCHES
                              : best < 0 || least > t->most           ? FINAL
                                                                      : KNOWN);
}

/* a has been joined with b. Of a group outside of both lists, D to either is at least its bound, and D to both the
 * mean of these. */
static void unite_lists(tree *t, int32_t a, int32_t b)
{
    int32_t groups[2 * NEAR];
    double far[2 * NEAR];
    size_t n = 0;
    for (size_t i = 0; i < 2 * NEAR; i++) {
        const int32_t listed = t->lists[(size_t)(i < NEAR ? a : b) * NEAR + i % NEAR];
        const int32_t group = listed < 0 ? a : find(t, listed);
        size_t j = 0;
        while (j < n && groups[j] != group) j++;
        if (group == a || t->slots[group] < 0 || j < n) continue;
        const double d = distance(t, a, group);
        for (j = n++; j > 0 && far[j - 1] > d; j--) {
            far[j] = far[j - 1];
            groups[j] = groups[j - 1];
        }
        far[j] = d;
        groups[j] = group;
    }
    for (size_t j = 0; j < NEAR; j++) t->lists[(size_t)a * NEAR + j] = j < n ? groups[j] : -1;
    const double n_all = t->sizes[a], n_b = t->sizes[b];
    t->bounds[a] = (n_all - n_b) / n_all * t->bounds[a] + n_b / n_all * t->bounds[b];
    if (n > NEAR) t->bounds[a] = fmin(t->bounds[a], far[NEAR]);
}

static void run_choices(void *data, size_t task, int worker)
{
    tree *t = data;
    const size_t first = task * TASK_GROUPS, left = t->n_active - first;
    for (size_t slot = first; slot < first + (left < TASK_GROUPS ? left : TASK_GROUPS); slot++) {
        const int32_t group = t->groups[slot];
        if (t->states[group] == JOINED) unite_lists(t, group, t->nearest[group]);
        if (t->states[group] == JOINED || t->states[group] == STALE) {
            choose_nearest(t, group, false);
        }
    }
    (void)worker;
}

static void take_list(tree *t, int32_t group, const size_t *found, size_t k, double farthest)
{
    int32_t *list = t->lists + (size_t)group * NEAR;
    for (size_t j = 0; j < NEAR; j++) list[j] = j < k ? t->groups[found[j]] : -1;
    /* Points are rounded to floats, and the bound must not be too large. */
    t->bounds[group] = k + 1 >= t->n_active ? HUGE_VAL
                                            : (farthest * farthest + t->scatters[group]) *
                                                  (1 - 8 * (double)FLT_EPSILON);
    choose_nearest(t, group, true);
}

/* The groups of slots[n] get new lists. */
static cen_status search_some(tree *t, const size_t *slots, size_t n, cen_error *error)
{
    const size_t width = t->d + 1, k = t->n_active - 1 < NEAR ? t->n_active - 1 : NEAR;
    for (size_t i = 0; i < n; i++) {
        memcpy(t->queries + i * width, point(t, slots[i]), width * sizeof(float));
        t->queries[i * width + t->d] = 0;
    }
    const cen__query query = {.gallery = t->points,
                              .queries = t->queries,
                              .n_gallery = t->n_active,
                              .n_queries = n,
                              .d = width,
                              .k = k,
                              .metric = CEN_METRIC_L2,
                              .leave_one_out = true,
                              .left_out = slots,
                              .context = t->context};
    cen_status status = CEN_OK;
    if (k > 0) {
        status = cen__search(&query, (cen__found){.indices = t->found, .exact = t->exact}, error);
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        take_list(t, t->groups[slots[i]], t->found + i * k, k, k > 0 ? t->exact[i * k + k - 1] : 0);
    }
    return status;
}

static cen_status find_nearest(tree *t, cen_error *error)
{
    const double work = (double)t->n_active * NEAR * (double)t->d;
    cen__parallel(t->context, (t->n_active - 1) / TASK_GROUPS + 1, work, run_choices, t);
    size_t n = 0;
    for (size_t slot = 0; slot < t->n_active; slot++) {
        if (t->states[t->groups[slot]] == SEARCHES) t->work[n++] = slot;
    }
    cen_status status = CEN_OK;
    for (size_t i = 0; i < n && status == CEN_OK; i += BATCH) {
        status = search_some(t, t->work + i, n - i < BATCH ? n - i : BATCH, error);
    }
    return status;
}

/* ---- joining ----------------------------------------------------------------------------------- */

/* The last slot moves into that of the group. */
static void leave_slot(tree *t, int32_t group)
{
    const size_t last = --t->n_active, slot = (size_t)t->slots[group];
    t->slots[group] = -1;
    if (slot == last) return;
    memcpy(point(t, slot), point(t, last), (t->d + 1) * sizeof(float));
    t->groups[slot] = t->groups[last];
    t->slots[t->groups[slot]] = (int32_t)slot;
}

/* Into the larger, so that ways through the parents stay short. */
static void join(tree *t, int32_t a, int32_t b)
{
    if (t->sizes[a] < t->sizes[b] || (t->sizes[a] == t->sizes[b] && a > b)) {
        const int32_t other = a;
        a = b;
        b = other;
    }
    float *x = point(t, (size_t)t->slots[a]);
    const float *y = point(t, (size_t)t->slots[b]);
    const double n_a = t->sizes[a], n_b = t->sizes[b], n = n_a + n_b;
    const double between = t->vectors->squared_distance(t->d, x, y);
    for (size_t j = 0; j < t->d; j++) {
        x[j] = (float)((n_a * (double)x[j] + n_b * (double)y[j]) / n);
    }
    t->scatters[a] =
        (n_a * t->scatters[a] + n_b * t->scatters[b]) / n + n_a / n * (n_b / n) * between;
    x[t->d] = (float)sqrt(t->scatters[a]);
    t->sizes[a] += t->sizes[b];
    t->parents[b] = a;
    t->nearest[a] = b;
    leave_slot(t, b);
}

/* Joins all pairs that are the nearest to each other. The nearest pair of all is one of them. */
static void join_pairs(tree *t)
{
    size_t n = 0;
    for (size_t slot = 0; slot < t->n_active; slot++) {
        const int32_t a = t->groups[slot], b = t->nearest[a];
        if (t->states[a] != KNOWN || t->states[b] != KNOWN || t->least[a] > t->least[b]) continue;
        t->states[a] = t->states[b] = JOINED;
        t->work[n++] = (size_t)a;
    }
    for (size_t slot = 0; slot < t->n_active; slot++) {
        const int32_t group = t->groups[slot];
        if (t->states[group] == KNOWN && t->states[t->nearest[group]] != KNOWN) {
            t->states[group] = STALE;
        }
    }
    for (size_t i = 0; i < n; i++) join(t, (int32_t)t->work[i], t->nearest[t->work[i]]);
}

static void drop_final(tree *t)
{
    for (size_t slot = t->n_active; slot-- > 0;) {
        if (t->states[t->groups[slot]] == FINAL) leave_slot(t, t->groups[slot]);
    }
}

static cen_status build(tree *t, cen_error *error)
{
    cen_status status = CEN_OK;
    while (status == CEN_OK && t->n_active > 0) {
        status = find_nearest(t, error);
        if (status != CEN_OK) break;
        join_pairs(t);
        drop_final(t);
    }
    return status;
}

/* ---- from rows to groups ----------------------------------------------------------------------- */

typedef struct {
    uint64_t hash;
    int32_t row;
} hashed_row;

static int compare_hashes(const void *left, const void *right)
{
    const hashed_row *a = left, *b = right;
    if (a->hash != b->hash) return a->hash < b->hash ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

/* Row i in slot i. False if it is not finite. */
static bool take_row(tree *t, const float *x, size_t i, hashed_row *hashed)
{
    float *row = point(t, i);
    const double square = t->vectors->dot(t->d, x, x);
    const bool is_zero = t->cosine && square == 0;
    const double length = t->cosine && !is_zero ? sqrt(square) : 1;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t j = 0; j < t->d; j++) {
        uint32_t bits;
        row[j] = (float)((double)x[j] / length) + 0.0f; /* no -0 */
        memcpy(&bits, &row[j], sizeof bits);
        hash = (hash ^ bits) * UINT64_C(0x100000001b3);
        hash ^= hash >> 32;
    }
    t->scatters[i] = is_zero;
    row[t->d] = (float)t->scatters[i];
    t->parents[i] = t->groups[i] = t->slots[i] = (int32_t)i;
    t->sizes[i] = 1;
    t->states[i] = SEARCHES;
    *hashed = (hashed_row){hash, (int32_t)i};
    return isfinite(square);
}

/* Equal rows are a group from the beginning; thousands of them would have each other as all their nearest. Rows of zeros
 * are at distance 1 for cosine. */
static void join_equal(tree *t, hashed_row *hashed, size_t n)
{
    qsort(hashed, n, sizeof *hashed, compare_hashes);
    size_t first = 0;
    for (size_t i = 1; i < n; i++) {
        const int32_t a = hashed[first].row, b = hashed[i].row;
        if (hashed[i].hash != hashed[first].hash ||
            memcmp(t->points + (size_t)a * (t->d + 1), t->points + (size_t)b * (t->d + 1),
                   (t->d + 1) * sizeof(float)) != 0 ||
            2 * t->scatters[a] > t->most) {
            first = i;
            continue;
        }
        t->parents[b] = a;
        t->sizes[a]++;
        t->states[b] = FINAL;
    }
    drop_final(t);
}

static cen_status take_rows(tree *t, const float *features, size_t n, cen_error *error)
{
    hashed_row *hashed = cen__alloc(t->context, n, sizeof *hashed);
    cen_status status = hashed != NULL ? CEN_OK : cen__fail_memory(error, "a list of rows");
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        if (take_row(t, features + i * t->d, i, &hashed[i])) continue;
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "row %zu of the features holds a number that is not finite; leave it "
                           "out",
                           i);
    }
    t->n_active = n;
    if (status == CEN_OK) join_equal(t, hashed, n);
    cen__free(hashed);
    return status;
}

static void *allocate(const tree *t, size_t n, size_t width, size_t size)
{
    size_t count;
    return cen__multiply(n, width, &count) ? cen__alloc(t->context, count, size) : NULL;
}

static bool reserve(tree *t, size_t n)
{
    const size_t batch = n < BATCH ? n : BATCH;
    t->points = allocate(t, n, t->d + 1, sizeof *t->points);
    t->groups = allocate(t, n, 1, sizeof *t->groups);
    t->slots = allocate(t, n, 1, sizeof *t->slots);
    t->parents = allocate(t, n, 1, sizeof *t->parents);
    t->sizes = allocate(t, n, 1, sizeof *t->sizes);
    t->scatters = allocate(t, n, 1, sizeof *t->scatters);
    t->states = allocate(t, n, 1, sizeof *t->states);
    t->lists = allocate(t, n, NEAR, sizeof *t->lists);
    t->bounds = allocate(t, n, 1, sizeof *t->bounds);
    t->nearest = allocate(t, n, 1, sizeof *t->nearest);
    t->least = allocate(t, n, 1, sizeof *t->least);
    t->work = allocate(t, n, 1, sizeof *t->work);
    t->queries = allocate(t, batch, t->d + 1, sizeof *t->queries);
    t->found = allocate(t, batch, NEAR, sizeof *t->found);
    t->exact = allocate(t, batch, NEAR, sizeof *t->exact);
    return t->points != NULL && t->groups != NULL && t->slots != NULL && t->parents != NULL &&
           t->sizes != NULL && t->scatters != NULL && t->states != NULL && t->lists != NULL &&
           t->bounds != NULL && t->nearest != NULL && t->least != NULL && t->work != NULL &&
           t->queries != NULL && t->found != NULL && t->exact != NULL;
}

static void release(tree *t)
{
    void *const blocks[] = {t->points,   t->groups, t->slots,   t->parents, t->sizes,
                            t->scatters, t->states, t->lists,   t->bounds,  t->nearest,
                            t->least,    t->work,   t->queries, t->found,   t->exact};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) cen__free(blocks[i]);
}

/* ---- the function of this file ----------------------------------------------------------------- */

typedef struct {
    int32_t size, first; /* first: the group's first row */
} ranked_group;

static int compare_ranks(const void *left, const void *right)
{
    const ranked_group *a = left, *b = right;
    if (a->size != b->size) return a->size > b->size ? -1 : 1;
    return (a->first > b->first) - (a->first < b->first);
}

/* The largest group gets label 0; ties go by their first row. */
static cen_status number_groups(tree *t, size_t n, int32_t *labels, size_t *n_clusters,
                                cen_error *error)
{
    ranked_group *ranked = cen__alloc(t->context, n, sizeof *ranked);
    if (ranked == NULL) return cen__fail_memory(error, "a list of groups");
    int32_t *ranks = t->slots; /* of groups, which have no slots any more */
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t group = find(t, (int32_t)i);
        if (ranks[group] >= 0) continue;
        ranks[group] = 0;
        ranked[count++] = (ranked_group){t->sizes[group], (int32_t)i};
    }
    qsort(ranked, count, sizeof *ranked, compare_ranks);
    for (size_t i = 0; i < count; i++) ranks[find(t, ranked[i].first)] = (int32_t)i;
    for (size_t i = 0; i < n; i++) labels[i] = ranks[find(t, (int32_t)i)];
    *n_clusters = count;
    cen__free(ranked);
    return CEN_OK;
}

static cen_status check(size_t n, size_t d, const cen_cluster_options *o, cen_error *error)
{
    cen_status status = cen__check_choice("the metric", (long)o->metric, CEN_METRIC_COSINE, error);
    if (status == CEN_OK) {
        status = cen__check_number("the threshold of clusters", o->threshold, 0, HUGE_VAL, error);
    }
    if (status != CEN_OK) return status;
    if (d == 0) return cen__fail(error, CEN_ERROR_ARGUMENT, "features need at least one number");
    if (n <= ROWS_MOST) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%zu rows are too many for clusters; give at most %d", n, ROWS_MOST);
}

cen_status cen_cluster(cen_context *context, const float *features, size_t n, size_t d,
                       const cen_cluster_options *options, int32_t *labels, size_t *n_clusters,
                       cen_error *error)
{
    cen_cluster_options o = cen_cluster_options_init();
    cen_status status = cen__take_options(&o, options, error);
    if (status == CEN_OK) status = check(n, d, &o, error);
    if (status != CEN_OK) return status;
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    tree t = {.d = d, .cosine = o.metric == CEN_METRIC_COSINE, .context = context};
    t.most = t.cosine ? 2 * o.threshold : o.threshold * o.threshold;
    t.vectors = &cen__kernels_of(context->instructions)->vectors;
    status = reserve(&t, n) ? CEN_OK : cen__fail_memory(error, "the clusters of features");
    if (status == CEN_OK) status = take_rows(&t, features, n, error);
    if (status == CEN_OK) status = build(&t, error);
    if (status == CEN_OK) status = number_groups(&t, n, labels, n_clusters, error);
    release(&t);
    cen_context_free(own);
    return status;
}
