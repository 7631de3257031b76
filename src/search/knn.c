/* Exact k-nearest neighbours: a float32 matrix product excludes rows that are surely too far, and the others are
 * measured in double. So the answer does not depend on the rounding of the product, on threads or on
 * instruction sets.
 *
 * With the square |q - g|^2 = |q|^2 + (|g|^2 - 2 q.g), the product gives s = |g|^2 - 2 q.g as a . b of
 *
 *     a = (-2 q, 1)       b = (g, |g|^2)      L2:     distance = |q|^2 + s    (squared until the end)
 *     a = (-q / |q|, 1)   b = (g / |g|, 0)    cosine: distance = 1 + s
 *
 * The filter. Let u = 2^-24 and D the numbers of a feature. A chain of D + 1 multiply-adds, fused or
 * not, of numbers that carry a few roundings already (|g|^2: one; q / |q|: one, on both sides), is off
 * by at most gamma * sum |a_i b_i|, gamma = m u / (1 - m u), m = D + 8 (Higham 2002, 3.1; D + 5 would
 * do). By Cauchy-Schwarz sum |a_i b_i| <= M = |a'| |b'| + |b_last|, with a'
 * and b' the first D numbers. Underflow, also if the program flushes denormals to zero, adds at most
 * FLT_MIN (1 + |a'| + |b'|) for each of the D + 1. If M is so large that floats could overflow, the filter
 * excludes nothing. The exact distances and |q|^2 are sums of doubles with a relative error of at most
 * (D + 8) 2^-52, which matters if gallery rows are tiny beside a query. */
#include <centerloss_eval.h>

#include <float.h>
#include <math.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/context.h"
#include "base/status.h"
#include "kernels/dispatch.h"
#include "search/distance.h"
#include "search/nearest.h"
#include "search/search.h"

/* Queries are packed in blocks that fit into the second-level cache, gallery rows in groups (a whole number of
 * panels) that fit into the first. */
enum {
    BLOCK_MOST = 1024,
    GROUP_MOST = CEN__NR_MAX,
    CHUNK_LEAST = 1024,
    DIRECT_MOST = 1, /* so few queries are measured directly: packing would cost more */
    PANEL_MOST = (int)CEN__MR_MAX + (int)CEN__NR_MAX, /* no panel is wider */
    FINISH_TASK = 256 /* queries whose answers are written together */
};

/* With M below the first, no float of a product overflows. The second is larger than all such products, and
 * still a float. */
#define SAFE_MOST 1e37
#define NO_BOUND 1e38

typedef struct {
    const float *gallery, *queries;
    size_t n_gallery, n_queries, d, k;
    bool cosine, leave_one_out;
    const size_t *left_out; /* [n_queries], or NULL: query i is row i */
    double gamma;
    const cen__micro *micro;
    const cen__vectors *vectors;
    /* A task is one block of queries against one chunk of the gallery. */
    size_t block_size, n_blocks, chunk_size, n_chunks, group_size;
    size_t capacity;       /* items of a query */
    cen__neighbour *items; /* [n_chunks, n_queries, capacity] */
    cen__nearest *nearest; /* [n_chunks, n_queries] */
    size_t *broken_rows;   /* [tasks] the first gallery row that is not finite, or SIZE_MAX */
    float *floats;         /* [workers, floats_size] */
    double *doubles;       /* [workers, doubles_size] */
    size_t floats_size, doubles_size;
} search;

/* The scratch of one worker, and its block. p runs over 0 .. d: d + 1 numbers. */
typedef struct {
    float *query_panels;   /* [panels][p][mr] the block's queries */
    float *gallery_panels; /* [panels][p][nr] the group's gallery rows */
    float *rows;           /* [mr or nr][d] scaled, before the transpose */
    float *limits;         /* [block] a row with a larger s is surely too far */
    double
        *bounds; /* [block] largest distance of the k nearest, without the part that s leaves out */
    double *lengths;             /* [block] |a'| */
    double longest;              /* of lengths */
    double *query_squares;       /* [block] |q|^2 */
    double *gallery_squares;     /* [group] |g|^2 */
    double margin, margin_slope; /* of the group: limit = bound + margin + margin_slope * length */
    size_t first_query, n_queries;
    cen__nearest *nearest; /* [n_queries] */
} block;

/* ---- packing --------------------------------------------------------------------------------- */

static void scale_row(const search *s, const float *x, double length, bool is_query, float *scaled)
{
    double factor = is_query ? -2 : 1;
    if (s->cosine) factor = length == 0 ? 0 : (is_query ? -1 : 1) / length;
    for (size_t j = 0; j < s->d; j++) scaled[j] = (float)((double)x[j] * factor);
}

/* Panels [d + 1][width] of x[n, d]: the a or b of each row, as at the top of this file. */
static void pack(const search *s, const float *x, size_t n, const double *squares, bool is_query,
                 float *rows, float *panels)
{
    size_t width = is_query ? s->micro->mr : s->micro->nr, d = s->d;
    for (size_t first = 0; first < n; first += width, panels += width * (d + 1)) {
        size_t count = n - first < width ? n - first : width;
        const float *from = x + first * d;
        if (is_query || s->cosine) {
            for (size_t i = 0; i < count; i++) {
                scale_row(s, from + i * d, sqrt(squares[first + i]), is_query, rows + i * d);
            }
            from = rows;
        }
        cen__transpose(count, d, from, d, panels, width);
        float *last = panels + d * width;
        for (size_t i = 0; i < count; i++) {
            last[i] = is_query ? 1 : s->cosine ? 0 : (float)squares[first + i];
        }
    }
}

/* ---- one group of the gallery against one block of queries ----------------------------------- */

/* An upper bound of s for a neighbour that query i still wants: the largest distance of the k, without the part
 * that s leaves out, plus the margin. Rounded up. */
static float filter_limit(const block *b, size_t i)
{
    double limit = b->bounds[i] + b->margin + b->margin_slope * b->lengths[i];
    return (float)(limit + fabs(limit) * (double)FLT_EPSILON);
}

/* The margin gamma M + FLT_MIN (D + 1) (1 + |a'| + |b'|) for |b'| up to length, b_last up to last. */
static void set_limits(const search *s, block *b, double length, double last)
{
    double underflow = (double)FLT_MIN * (double)(s->d + 1);
    bool safe = s->gamma < 1 && b->longest * length + last < SAFE_MOST;
    b->margin = safe ? s->gamma * last + underflow * (1 + length) : HUGE_VAL;
    b->margin_slope = safe ? s->gamma * length + underflow : 0;
    for (size_t i = 0; i < b->n_queries; i++) b->limits[i] = filter_limit(b, i);
}

static void update_bound(const search *s, block *b, size_t i)
{
    double farthest = b->nearest[i].bound, rest = s->cosine ? 1 : b->query_squares[i];
    double bound = farthest - rest + ((double)s->d + 8) * DBL_EPSILON * (farthest + rest);
    b->bounds[i] = bound > NO_BOUND ? NO_BOUND : bound < -NO_BOUND ? -NO_BOUND : bound;
    b->limits[i] = filter_limit(b, i);
}

/* False if each of c[GROUP_MOST] is above limit. It counts, because a count becomes vectors. */
static bool any_near(const float *c, float limit)
{
    int n_near = 0;
    for (size_t j = 0; j < GROUP_MOST; j++) n_near += !(c[j] > limit);
    return n_near > 0;
}

/* Compares row i of the block with gallery rows first .. first + n - 1. c[n] holds their s; NULL: all are
 * measured. */
static void select_row(const search *s, block *b, size_t i, size_t first, size_t n, const float *c)
{
    size_t query = b->first_query + i, left_out = SIZE_MAX;
    const float *q = s->queries + query * s->d;
    if (s->leave_one_out) left_out = s->left_out == NULL ? query : s->left_out[query];
    for (size_t j = 0; j < n; j++) {
        size_t index = first + j;
        if (c != NULL && c[j] > b->limits[i]) continue;
        if (index == left_out) continue;
        double distance =
            cen__order_distance(s->vectors, s->cosine, s->d, q, s->gallery + index * s->d,
                                b->query_squares[i], b->gallery_squares[j]);
        double bound = b->nearest[i].bound;
        cen__nearest_offer(&b->nearest[i], (cen__neighbour){distance, index});
        if (b->nearest[i].bound < bound) update_bound(s, b, i);
    }
}

/* Returns the first row of the group that is not finite; n if all are. */
static size_t measure_group(const search *s, block *b, size_t first, size_t n, double *largest)
{
    *largest = 0;
    for (size_t j = 0; j < n; j++) {
        const float *g = s->gallery + (first + j) * s->d;
        double square = s->vectors->dot(s->d, g, g);
        if (!isfinite(square)) return j;
        b->gallery_squares[j] = square;
        if (square > *largest) *largest = square;
    }
    return n;
}

static void search_group(const search *s, block *b, size_t first, size_t n, double largest)
{
    float c[CEN__MR_MAX * GROUP_MOST];
    const cen__micro *micro = s->micro;
    size_t depth = s->d + 1;
    double length = s->cosine ? 1 : sqrt(largest), last = s->cosine ? 0 : largest;
    for (size_t j = 0; j < sizeof c / sizeof c[0]; j++) c[j] = INFINITY; /* beyond n it stays */
    set_limits(s, b, length, last);
    pack(s, s->gallery + first * s->d, n, b->gallery_squares, false, b->rows, b->gallery_panels);
    for (size_t i = 0; i < b->n_queries; i += micro->mr) {
        size_t n_rows = b->n_queries - i < micro->mr ? b->n_queries - i : micro->mr;
        for (size_t j = 0; j < n; j += micro->nr) {
            size_t n_columns = n - j < micro->nr ? n - j : micro->nr;
            micro->tile(n_rows, n_columns, depth, b->query_panels + i * depth, micro->mr,
                        b->gallery_panels + j * depth, micro->nr, c + j, GROUP_MOST, false);
        }
        for (size_t row = 0; row < n_rows; row++) {
            const float *near = c + row * GROUP_MOST;
            if (any_near(near, b->limits[i + row])) select_row(s, b, i + row, first, n, near);
        }
    }
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void start_block(const search *s, block *b, size_t chunk, size_t first_query, int worker)
{
    size_t panels_size = round_up(s->block_size, s->micro->mr) * (s->d + 1);
    b->query_panels = s->floats + (size_t)worker * s->floats_size;
    b->gallery_panels = b->query_panels + panels_size;
    b->rows = b->gallery_panels + s->group_size * (s->d + 1);
    b->limits = b->rows + PANEL_MOST * s->d;
    b->bounds = s->doubles + (size_t)worker * s->doubles_size;
    b->lengths = b->bounds + s->block_size;
    b->query_squares = b->lengths + s->block_size;
    b->gallery_squares = b->query_squares + s->block_size;
    b->first_query = first_query;
    b->longest = b->margin = b->margin_slope = 0;
    b->n_queries = smaller(s->block_size, s->n_queries - first_query);
    b->nearest = s->nearest + chunk * s->n_queries + first_query;
    const float *queries = s->queries + first_query * s->d;
    for (size_t i = 0; i < b->n_queries; i++) {
        double square = s->vectors->dot(s->d, queries + i * s->d, queries + i * s->d);
        b->query_squares[i] = square;
        b->lengths[i] = s->cosine ? 1 : 2 * sqrt(square);
        size_t place = chunk * s->n_queries + first_query + i;
        b->nearest[i] = cen__nearest_start(s->items + place * s->capacity, s->k);
        b->bounds[i] = NO_BOUND;
        if (b->lengths[i] > b->longest) b->longest = b->lengths[i];
    }
    pack(s, queries, b->n_queries, b->query_squares, true, b->rows, b->query_panels);
}

static void run_task(void *data, size_t task, int worker)
{
    const search *s = data;
    block b;
    size_t chunk = task / s->n_blocks, first = chunk * s->chunk_size;
    size_t end = smaller(first + s->chunk_size, s->n_gallery);
    start_block(s, &b, chunk, task % s->n_blocks * s->block_size, worker);
    s->broken_rows[task] = SIZE_MAX;
    for (; first < end; first += s->group_size) {
        double largest; /* |g|^2 of the group */
        size_t n = smaller(s->group_size, end - first);
        size_t n_finite = measure_group(s, &b, first, n, &largest);
        if (n_finite < n) {
            s->broken_rows[task] = first + n_finite;
            return;
        }
        if (b.n_queries > DIRECT_MOST) {
            search_group(s, &b, first, n, largest);
        } else {
            for (size_t i = 0; i < b.n_queries; i++) select_row(s, &b, i, first, n, NULL);
        }
    }
}

/* Whole blocks of queries are best: each packs the gallery once. The gallery is cut into chunks only if there are
 * fewer blocks than threads. */
static void plan(search *s, int n_threads)
{
    size_t threads = (size_t)n_threads;
    s->capacity = cen__nearest_capacity(s->k);
    s->group_size = GROUP_MOST / s->micro->nr * s->micro->nr;
    s->n_blocks = (s->n_queries - 1) / BLOCK_MOST + 1;
    if (s->n_blocks > threads) s->n_blocks = smaller(round_up(s->n_blocks, threads), s->n_queries);
    s->block_size = (s->n_queries - 1) / s->n_blocks + 1;
    s->n_blocks = (s->n_queries - 1) / s->block_size + 1;
    s->n_chunks = smaller((threads - 1) / s->n_blocks + 1, (s->n_gallery - 1) / CHUNK_LEAST + 1);
    s->chunk_size = (s->n_gallery - 1) / s->n_chunks + 1;
    s->n_chunks = (s->n_gallery - 1) / s->chunk_size + 1;
    double m = ((double)s->d + 8) * (double)FLT_EPSILON / 2;
    s->gamma = m < 0.5 ? m / (1 - m) : HUGE_VAL;
}

static void *allocate(cen_context *context, size_t a, size_t b, size_t c, size_t size)
{
    size_t count;
    if (!cen__multiply(a, b, &count) || !cen__multiply(count, c, &count)) return NULL;
    return cen__alloc(context, count, size);
}

/* The floats start as zeros, since the padding of a panel is multiplied, too. */
static bool reserve(cen_context *context, search *s, int n_workers)
{
    size_t workers = (size_t)n_workers;
    size_t n_rows = round_up(s->block_size, s->micro->mr) + s->group_size + PANEL_MOST;
    if (!cen__multiply(n_rows, s->d + 1, &s->floats_size)) return false;
    s->floats_size = round_up(s->floats_size + s->block_size, 16);
    s->doubles_size = round_up(3 * s->block_size + s->group_size, 8);
    size_t n_floats;
    if (!cen__multiply(workers, s->floats_size, &n_floats)) return false;
    s->floats = cen__alloc_zeroed(context, n_floats, sizeof *s->floats);
    s->doubles = allocate(context, workers, s->doubles_size, 1, sizeof *s->doubles);
    s->items = allocate(context, s->n_chunks, s->n_queries, s->capacity, sizeof *s->items);
    s->nearest = allocate(context, s->n_chunks, s->n_queries, 1, sizeof *s->nearest);
    s->broken_rows = allocate(context, s->n_chunks, s->n_blocks, 1, sizeof *s->broken_rows);
    return s->floats != NULL && s->doubles != NULL && s->items != NULL && s->nearest != NULL &&
           s->broken_rows != NULL;
}

static void release(search *s)
{
    cen__free(s->floats);
    cen__free(s->doubles);
    cen__free(s->items);
    cen__free(s->nearest);
    cen__free(s->broken_rows);
}

/* ---- the functions of this file -------------------------------------------------------------------- */

static cen_status fail_broken(cen_error *error, const char *what, size_t row)
{
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "row %zu of the %s holds a number that is not finite; leave it out", row,
                     what);
}

static cen_status check(const search *s, cen_error *error)
{
    size_t most = s->n_gallery - (s->leave_one_out && s->n_gallery > 0);
    if (s->d == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "features need at least one number");
    }
    if (s->leave_one_out && s->left_out == NULL && s->n_queries != s->n_gallery) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "to leave one out the %zu queries must be the %zu rows of the gallery",
                         s->n_queries, s->n_gallery);
    }
    if (s->k == 0 || s->k > most) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "k is %zu; choose 1 to %zu, there are no more "
                         "neighbours",
                         s->k, most);
    }
    for (size_t i = 0; i < s->n_queries; i++) {
        const float *q = s->queries + i * s->d;
        if (!isfinite(s->vectors->dot(s->d, q, q))) return fail_broken(error, "queries", i);
    }
    return CEN_OK;
}

static cen_status check_gallery(const search *s, cen_error *error)
{
    size_t broken = SIZE_MAX;
    for (size_t task = 0; task < s->n_chunks * s->n_blocks; task++) {
        broken = smaller(broken, s->broken_rows[task]);
    }
    return broken == SIZE_MAX ? CEN_OK : fail_broken(error, "gallery", broken);
}

typedef struct {
    const search *s;
    cen__found found;
} answers;

/* Merges the chunks and writes the answer of query i. */
static void finish(const search *s, size_t i, cen__found found)
{
    cen__nearest *nearest = &s->nearest[i];
    for (size_t chunk = 1; chunk < s->n_chunks; chunk++) {
        const cen__nearest *other = &s->nearest[chunk * s->n_queries + i];
        for (size_t j = 0; j < other->count; j++) cen__nearest_offer(nearest, other->items[j]);
    }
    cen__nearest_sort(nearest);
    for (size_t j = 0; j < s->k; j++) {
        double distance = cen__distance(s->cosine, nearest->items[j].distance);
        if (found.indices != NULL) found.indices[i * s->k + j] = nearest->items[j].index;
        if (found.distances != NULL) found.distances[i * s->k + j] = (float)distance;
        if (found.exact != NULL) found.exact[i * s->k + j] = distance;
    }
}

static void run_finish(void *data, size_t task, int worker)
{
    const answers *a = data;
    size_t end = smaller((task + 1) * FINISH_TASK, a->s->n_queries);
    for (size_t i = task * FINISH_TASK; i < end; i++) finish(a->s, i, a->found);
    (void)worker;
}

/* Searches in the memory of a plan for this number of threads. */
static cen_status search_in(cen_context *context, search *s, cen__found found, cen_error *error)
{
    plan(s, context->n_threads);
    if (!reserve(context, s, context->n_threads))
        return cen__fail_memory(error, "a search for neighbours");
    double work = (double)s->n_gallery * (double)s->n_queries * (double)s->d;
    cen__parallel(context, s->n_chunks * s->n_blocks, work, run_task, s);
    cen_status status = check_gallery(s, error);
    if (status != CEN_OK) return status;
    answers a = {s, found};
    cen__parallel(context, (s->n_queries - 1) / FINISH_TASK + 1, work, run_finish, &a);
    return CEN_OK;
}

cen_status cen__search(const cen__query *query, cen__found found, cen_error *error)
{
    cen_context *own, *context = cen__context_use(query->context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    const cen__kernels *kernels = cen__kernels_of(context->instructions);
    search s = {.gallery = query->gallery,
                .queries = query->queries,
                .n_gallery = query->n_gallery,
                .n_queries = query->n_queries,
                .d = query->d,
                .k = query->k,
                .cosine = query->metric == CEN_METRIC_COSINE,
                .leave_one_out = query->leave_one_out,
                .left_out = query->left_out,
                .micro = &kernels->micro,
                .vectors = &kernels->vectors};
    cen_status status =
        cen__check_choice("the metric", (long)query->metric, CEN_METRIC_COSINE, error);
    if (status == CEN_OK) status = check(&s, error);
    if (status == CEN_OK && s.n_queries > 0) status = search_in(context, &s, found, error);
    release(&s);
    cen_context_free(own);
    return status;
}

cen_status cen_knn_search(cen_context *context, const float *gallery, size_t n_gallery,
                          const float *queries, size_t n_queries, size_t d, size_t k,
                          cen_metric metric, bool leave_one_out, size_t *indices, float *distances,
                          cen_error *error)
{
    const cen__query query = {.gallery = gallery,
                              .queries = queries,
                              .n_gallery = n_gallery,
                              .n_queries = n_queries,
                              .d = d,
                              .k = k,
                              .metric = metric,
                              .leave_one_out = leave_one_out,
                              .context = context};
    return cen__search(&query, (cen__found){.indices = indices, .distances = distances}, error);
}
