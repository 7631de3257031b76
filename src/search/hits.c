#include <centerloss_eval.h>

#include "search/hits.h"

#include <float.h>
#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/status.h"
#include "search/distance.h"
#include "search/nearest.h"

enum {
    TASK = 16, /* queries that are counted together */
    N_BUCKETS = 2048
};

cen__hits cen__hits_of_neighbours(const size_t *indices, size_t n_partners, int32_t label,
                                  const int32_t *gallery_labels)
{
    cen__hits hits = {0, 0};
    for (size_t i = 0; i < n_partners; i++) {
        if (gallery_labels[indices[i]] != label) continue;
        hits.n++;
        hits.sum += hits.n / (double)(i + 1);
    }
    return hits;
}

/* Counting measures every row, a search leaves out far ones. They take equally long at about two fifths of the rows. */
bool cen__hits_countable(size_t n_partners, size_t n_gallery)
{
    return n_partners > n_gallery / 5 * 2;
}

typedef struct {
    cen_labelled gallery, queries;
    const cen__classes *classes;
    size_t d;
    bool cosine, leave_one_out;
    const cen__vectors *vectors;
    const cen__place *places;
    size_t n;
    size_t most_others;     /* rows of other classes, of any query */
    size_t capacity;        /* items of a worker */
    double *squares;        /* [gallery.n] */
    cen__neighbour *others; /* [workers, capacity] */
    size_t *counts;         /* [workers, most_others + 1] */
    cen__hits *hits;
} counting;

/* Sorted neighbours, and buckets by distance to find the place of another one. */
typedef struct {
    const cen__neighbour *items; /* [n] */
    size_t n;
    double least, scale;
    size_t starts[N_BUCKETS + 1];
} ranked;

static size_t bucket_of(const ranked *r, double distance)
{
    double place = (distance - r->least) * r->scale; /* grows with the distance, or stays */
    return place >= (double)N_BUCKETS ? N_BUCKETS - 1 : place > 0 ? (size_t)place : 0;
}

static void rank(ranked *r, const cen__neighbour *items, size_t n)
{
    double range = n > 0 ? items[n - 1].distance - items[0].distance : 0;
    double scale = (double)N_BUCKETS / range;
    r->items = items;
    r->n = n;
    r->least = n > 0 ? items[0].distance : 0;
    r->scale = scale > 0 && scale <= DBL_MAX ? scale : 0;
    for (size_t b = 0, i = 0; b <= N_BUCKETS; b++) {
        while (i < n && bucket_of(r, items[i].distance) < b) i++;
        r->starts[b] = i;
    }
}

/* The number of neighbours before x. No branch of the loop depends on a comparison, since half of them would be
 * mispredicted. */
static size_t count_before(const ranked *r, cen__neighbour x)
{
    size_t b = bucket_of(r, x.distance), n = r->starts[b + 1] - r->starts[b];
    const cen__neighbour *first = r->items + r->starts[b];
    for (; n > 1; n -= n / 2) first += n / 2 * cen__comes_before(first[n / 2 - 1], x);
    return (size_t)(first - r->items) + (n == 1 && cen__comes_before(*first, x));
}

/* counts[j]: partners between the other rows j - 1 and j. Up to the first other row the share of hits is 1. */
static cen__hits walk(const size_t *counts, size_t n_others, size_t n_partners)
{
    size_t rank = n_others > 0 && counts[0] < n_partners ? counts[0] : n_partners;
    cen__hits hits = {(double)rank, (double)rank};
    for (size_t j = 1; j <= n_others; j++) {
        rank++; /* the other row j - 1 */
        for (size_t i = 0; i < counts[j] && rank < n_partners; i++) {
            hits.n++;
            hits.sum += hits.n / (double)++rank;
        }
    }
    return hits;
}

typedef struct {
    const float *features;
    double square;
    size_t left_out;
} query;

static cen__neighbour measure(const counting *c, const query *q, size_t row)
{
    const float *g = c->gallery.features + row * c->d;
    double distance = cen__order_distance(c->vectors, c->cosine, c->d, q->features, g, q->square,
                                          c->squares[row]);
    return (cen__neighbour){distance, row};
}

/* The rows of the classes first .. end - 1. */
static void offer(const counting *c, const query *q, size_t first, size_t end,
                  cen__nearest *nearest)
{
    for (size_t i = first; i < end; i++) {
        size_t row = c->classes->rows[i];
        if (row != q->left_out) cen__nearest_offer(nearest, measure(c, q, row));
    }
}

static cen__hits count(const counting *c, const cen__place *place, cen__neighbour *items,
                       size_t *counts)
{
    const float *features = c->queries.features + place->query * c->d;
    const query q = {features, c->vectors->dot(c->d, features, features),
                     c->leave_one_out ? place->query : SIZE_MAX};
    size_t own = cen__classes_find(c->classes, c->queries.labels[place->query]);
    size_t first = c->classes->starts[own], end = c->classes->starts[own + 1];
    cen__nearest others = cen__nearest_start(items, c->most_others);
    offer(c, &q, 0, first, &others);
    offer(c, &q, end, c->classes->n_rows, &others);
    cen__nearest_sort(&others);
    ranked r;
    rank(&r, items, others.count);
    memset(counts, 0, (others.count + 1) * sizeof *counts);
    for (size_t i = first; i < end && others.count > 0; i++) {
        size_t row = c->classes->rows[i];
        if (row == q.left_out) continue;
        counts[count_before(&r, measure(c, &q, row))]++;
    }
    return walk(counts, others.count, place->n_partners);
}

static void run_task(void *data, size_t task, int worker)
{
    const counting *c = data;
    size_t end = (task + 1) * TASK < c->n ? (task + 1) * TASK : c->n;
    for (size_t i = task * TASK; i < end; i++) {
        c->hits[i] = count(c, &c->places[i], c->others + (size_t)worker * c->capacity,
                           c->counts + (size_t)worker * (c->most_others + 1));
    }
}

static bool reserve(cen_context *context, counting *c, size_t n_workers)
{
    size_t n_others, n_counts;
    for (size_t i = 0; i < c->n; i++) {
        size_t own = cen__classes_find(c->classes, c->queries.labels[c->places[i].query]);
        size_t n = c->gallery.n - cen__classes_count(c->classes, own);
        if (n > c->most_others) c->most_others = n;
    }
    c->capacity = cen__nearest_capacity(c->most_others);
    if (!cen__multiply(n_workers, c->capacity, &n_others) ||
        !cen__multiply(n_workers, c->most_others + 1, &n_counts)) {
        return false;
    }
    c->squares = cen__alloc(context, c->gallery.n, sizeof *c->squares);
    c->others = cen__alloc(context, n_others, sizeof *c->others);
    c->counts = cen__alloc(context, n_counts, sizeof *c->counts);
    return c->squares != NULL && c->others != NULL && c->counts != NULL;
}

cen_status cen__hits_count(cen_context *context, cen_labelled gallery, const cen__classes *classes,
                           cen_labelled queries, size_t d, const cen_knn_options *options,
                           const cen__place *places, size_t n, cen__hits *hits, cen_error *error)
{
    counting c = {.gallery = gallery,
                  .queries = queries,
                  .classes = classes,
                  .d = d,
                  .cosine = options->metric == CEN_METRIC_COSINE,
                  .leave_one_out = options->leave_one_out,
                  .vectors = &cen__kernels_of(context->instructions)->vectors,
                  .places = places,
                  .n = n,
                  .hits = hits};
    bool done = reserve(context, &c, (size_t)context->n_threads);
    if (done) {
        for (size_t i = 0; i < gallery.n; i++) {
            const float *g = gallery.features + i * d;
            c.squares[i] = c.vectors->dot(d, g, g);
        }
        double work = (double)n * (double)gallery.n * (double)d;
        cen__parallel(context, (n + TASK - 1) / TASK, work, run_task, &c);
    }
    cen__free(c.squares);
    cen__free(c.others);
    cen__free(c.counts);
    return done ? CEN_OK : cen__fail_memory(error, "the ranks of a large class");
}
