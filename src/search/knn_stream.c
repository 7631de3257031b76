/* Exact k-nearest neighbours of a few queries, for which packing would cost more than it saves. Each row of the gallery
 * is read once, where it lies. One pass over its numbers, in float32, excludes it or not, and shows whether they are
 * finite. What is not excluded is measured in double.
 *
 * L2: the sum of (q - g)^2 has only positive terms, so it is off by at most gamma (knn.h) of itself.
 * Cosine: with a = q / |q|, the pass gives p = a . g and r = |g|^2, so p / sqrt(r) is the cosine, off by at most
 * 3 gamma. Since x |x| grows with x, p / sqrt(r) < t is the same as p |p| < t |t| r.
 * Underflow, also if the program flushes denormals to zero, adds less than D FLT_MIN to each sum; of a square r above
 * LEAST_SQUARE that is no share to mention. What is smaller, or not finite in float, is measured. */
#include <float.h>
#include <math.h>

#include "base/context.h"
#include "base/memory.h"
#include "search/distance.h"
#include "search/knn.h"

enum {
    GROUP_MOST = 64,       /* rows of one pass ... */
    GROUP_NUMBERS = 4096,  /* ... which stay in the first-level cache for the next query */
    TASK_NUMBERS = 1 << 18 /* of the gallery, for one task */
};

#define LEAST_SQUARE 1e-20F

/* What is known of a query before the gallery is read. */
typedef struct {
    const float *direction; /* [d] cosine: q / |q| */
    double square;          /* |q|^2 */
} query;

typedef struct {
    cen__knn *in; /* its parts are the workers */
    size_t group_size, task_size;
    query *queries;      /* [n_queries] */
    float *directions;   /* [n_queries, d] for cosine */
    size_t *broken_rows; /* [workers] */
} stream;

/* L2: a row whose sum is above it is surely too far. */
static float l2_limit(const cen__knn *in, double bound)
{
    double limit = bound * (1 + 2 * in->gamma) + 8 * ((double)in->d + 1) * (double)FLT_MIN;
    return limit < (double)FLT_MAX ? (float)(limit * (1 + (double)FLT_EPSILON)) : INFINITY;
}

/* Cosine: t |t|, where a row whose cosine is below t is surely too far. */
static double cosine_limit(const cen__knn *in, double bound)
{
    double t = in->gamma < 0.1 ? 1 - bound - 3 * in->gamma : -HUGE_VAL;
    return t * fabs(t);
}

/* near[n]: whether row j cannot be excluded. Returns whether any is. */
static bool filter_l2(const cen__knn *in, const float *q, const float *rows, size_t n, double bound,
                      bool *near)
{
    float sums[GROUP_MOST], limit = l2_limit(in, bound);
    in->vectors->squared_distances(n, in->d, q, rows, sums);
    int n_near = 0;
    for (size_t j = 0; j < n; j++) {
        near[j] = !(sums[j] > limit) | !(sums[j] <= FLT_MAX);
        n_near += near[j];
    }
    return n_near > 0;
}

static bool filter_cosine(const cen__knn *in, const float *direction, const float *rows, size_t n,
                          double bound, bool *near)
{
    float dots[GROUP_MOST], squares[GROUP_MOST];
    double limit = cosine_limit(in, bound);
    in->vectors->dots(n, in->d, direction, rows, dots, squares);
    int n_near = 0;
    for (size_t j = 0; j < n; j++) {
        double dot = (double)dots[j];
        bool safe = (squares[j] >= LEAST_SQUARE) & (squares[j] <= FLT_MAX);
        near[j] = !safe | !(dot * fabs(dot) < limit * (double)squares[j]);
        n_near += near[j];
    }
    return n_near > 0;
}

/* Offers the rows first .. first + n - 1 that are near to query i. Returns the first that is not finite, or SIZE_MAX:
 * the filters exclude no such row. */
static size_t offer(const stream *s, size_t i, size_t first, size_t n, const bool *near,
                    cen__nearest *nearest)
{
    const cen__knn *in = s->in;
    const float *q = in->queries + i * in->d;
    for (size_t j = 0; j < n; j++) {
        if (!near[j]) continue;
        const float *row = in->gallery + (first + j) * in->d;
        double square = in->vectors->dot(in->d, row, row);
        if (!isfinite(square)) return first + j;
        if (!cen__knn_allows(in, i, first + j)) continue;
        double distance = cen__order_distance(in->vectors, in->cosine, in->d, q, row,
                                              s->queries[i].square, square);
        cen__knn_offer(in, i, nearest, (cen__neighbour){distance, first + j});
    }
    return SIZE_MAX;
}

static size_t search_group(const stream *s, size_t first, size_t n, cen__nearest *nearest)
{
    const cen__knn *in = s->in;
    const float *rows = in->gallery + first * in->d;
    for (size_t i = 0; i < in->n_queries; i++) {
        bool near[GROUP_MOST];
        double bound = nearest[i].bound;
        bool any = in->cosine ? filter_cosine(in, s->queries[i].direction, rows, n, bound, near)
                              : filter_l2(in, in->queries + i * in->d, rows, n, bound, near);
        if (!any) continue;
        size_t broken = offer(s, i, first, n, near, &nearest[i]);
        if (broken != SIZE_MAX) return broken;
    }
    return SIZE_MAX;
}

static void run_task(void *data, size_t task, int worker)
{
    const stream *s = data;
    size_t first = task * s->task_size, end = first + s->task_size;
    if (end > s->in->n_gallery) end = s->in->n_gallery;
    cen__nearest *nearest = s->in->nearest + (size_t)worker * s->in->n_queries;
    size_t *broken = &s->broken_rows[worker];
    for (; first < end && first < *broken; first += s->group_size) {
        size_t n = end - first < s->group_size ? end - first : s->group_size;
        size_t row = search_group(s, first, n, nearest);
        if (row < *broken) *broken = row;
    }
}

static void start_queries(stream *s)
{
    const cen__knn *in = s->in;
    for (size_t i = 0; i < in->n_queries; i++) {
        const float *q = in->queries + i * in->d;
        float *direction = s->directions + i * in->d;
        double square = in->vectors->dot(in->d, q, q), length = sqrt(square);
        s->queries[i] = (query){direction, square};
        for (size_t j = 0; in->cosine && j < in->d; j++) {
            direction[j] = length == 0 ? 0 : (float)((double)q[j] / length);
        }
    }
}

static bool reserve(cen_context *context, stream *s)
{
    const cen__knn *in = s->in;
    size_t n_workers = (size_t)context->n_threads, group = GROUP_NUMBERS / in->d;
    s->group_size = group < 1 ? 1 : group > GROUP_MOST ? GROUP_MOST : group;
    s->task_size = (TASK_NUMBERS / in->d / s->group_size + 1) * s->group_size;
    s->queries = cen__alloc(context, in->n_queries, sizeof *s->queries);
    s->directions =
        cen__knn_alloc(context, in->cosine ? in->n_queries : 0, in->d, 1, sizeof *s->directions);
    s->broken_rows = cen__alloc(context, n_workers, sizeof *s->broken_rows);
    return s->queries != NULL && s->directions != NULL && s->broken_rows != NULL &&
           cen__knn_start(context, s->in, n_workers);
}

bool cen__knn_streams(const cen__knn *knn)
{
    enum { QUERIES_MOST = 6 }; /* measured at 128 numbers; packing takes as long as four readings */
    return knn->n_queries <= QUERIES_MOST;
}

bool cen__knn_stream(cen_context *context, cen__knn *knn)
{
    stream s = {.in = knn};
    bool enough = reserve(context, &s);
    if (enough) {
        start_queries(&s);
        for (size_t w = 0; w < knn->n_parts; w++) s.broken_rows[w] = SIZE_MAX;
        double work = (double)knn->n_gallery * (double)knn->n_queries * (double)knn->d;
        cen__parallel(context, (knn->n_gallery - 1) / s.task_size + 1, work, run_task, &s);
        for (size_t w = 0; w < knn->n_parts; w++) {
            if (s.broken_rows[w] < knn->broken_row) knn->broken_row = s.broken_rows[w];
        }
    }
    cen__free(s.queries);
    cen__free(s.directions);
    cen__free(s.broken_rows);
    return enough;
}
