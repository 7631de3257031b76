/* Exact k-nearest neighbours of many queries: a float32 matrix product excludes rows that are surely too far, and the
 * others are measured in double. So the answer does not depend on the rounding of the product, on threads or on
 * instruction sets.
 *
 * With the square |q - g|^2 = |q|^2 + (|g|^2 - 2 q.g), the product gives s = |g|^2 - 2 q.g as a . b of
 *
 *     a = (-2 q, 1)       b = (g, |g|^2)      L2:     distance = |q|^2 + s    (squared until the end)
 *     a = (-q / |q|, 1)   b = (g / |g|, 0)    cosine: distance = 1 + s
 *
 * The filter. Let D be the numbers of a feature. A chain of D + 1 multiply-adds, fused or not, of numbers
 * that carry a few roundings already (|g|^2: one; q / |q|: one, on both sides), is off by at most
 * gamma * sum |a_i b_i| (knn.h; D + 5 in place of D + 8 would do). By Cauchy-Schwarz sum |a_i b_i| <= M = |a'| |b'| + |b_last|, with a'
 * and b' the first D numbers. Underflow, also if the program flushes denormals to zero, adds at most
 * FLT_MIN (1 + |a'| + |b'|) for each of the D + 1. If M is so large that floats could overflow, the filter
 * excludes nothing. The exact distances and |q|^2 are sums of doubles with a relative error of at most
 * (D + 8) 2^-52, which matters if gallery rows are tiny beside a query. */
#include <float.h>
#include <math.h>

#include "base/context.h"
#include "base/memory.h"
#include "search/distance.h"
#include "search/knn.h"

/* Queries are packed in blocks that fit into the second-level cache, gallery rows in groups (a whole number of
 * panels) that fit into the first. */
enum {
    BLOCK_MOST = 1024,
    GROUP_MOST = CEN__NR_MAX,
    CHUNK_LEAST = 1024,
    PANEL_MOST = (int)CEN__MR_MAX + (int)CEN__NR_MAX /* no panel is wider */
};

/* With M below the first, no float of a product overflows. The second is larger than all such products, and
 * still a float. */
#define SAFE_MOST 1e37
#define NO_BOUND 1e38

typedef struct {
    cen__knn *in; /* its parts are the chunks */
    /* A task is one block of queries against one chunk of the gallery. */
    size_t block_size, n_blocks, chunk_size, n_chunks, group_size;
    size_t *broken_rows; /* [tasks] the first gallery row that is not finite, or SIZE_MAX */
    float *floats;       /* [workers, floats_size] */
    double *doubles;     /* [workers, doubles_size] */
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
    if (s->in->cosine) factor = length == 0 ? 0 : (is_query ? -1 : 1) / length;
    for (size_t j = 0; j < s->in->d; j++) scaled[j] = (float)((double)x[j] * factor);
}

/* Panels [d + 1][width] of x[n, d]: the a or b of each row, as at the top of this file. */
static void pack(const search *s, const float *x, size_t n, const double *squares, bool is_query,
                 float *rows, float *panels)
{
    size_t width = is_query ? s->in->micro->mr : s->in->micro->nr, d = s->in->d;
    for (size_t first = 0; first < n; first += width, panels += width * (d + 1)) {
        size_t count = n - first < width ? n - first : width;
        const float *from = x + first * d;
        if (is_query || s->in->cosine) {
            for (size_t i = 0; i < count; i++) {
                scale_row(s, from + i * d, sqrt(squares[first + i]), is_query, rows + i * d);
            }
            from = rows;
        }
        cen__transpose(count, d, from, d, panels, width);
        float *last = panels + d * width;
        for (size_t i = 0; i < count; i++) {
            last[i] = is_query ? 1 : s->in->cosine ? 0 : (float)squares[first + i];
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
    double underflow = (double)FLT_MIN * (double)(s->in->d + 1);
    bool safe = s->in->gamma < 1 && b->longest * length + last < SAFE_MOST;
    b->margin = safe ? s->in->gamma * last + underflow * (1 + length) : HUGE_VAL;
    b->margin_slope = safe ? s->in->gamma * length + underflow : 0;
    for (size_t i = 0; i < b->n_queries; i++) b->limits[i] = filter_limit(b, i);
}

static void update_bound(const search *s, block *b, size_t i)
{
    double farthest = b->nearest[i].bound, rest = s->in->cosine ? 1 : b->query_squares[i];
    double bound = farthest - rest + ((double)s->in->d + 8) * DBL_EPSILON * (farthest + rest);
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

/* Compares row i of the block with gallery rows first .. first + n - 1, whose s are c[n]. */
static void select_row(const search *s, block *b, size_t i, size_t first, size_t n, const float *c)
{
    size_t query = b->first_query + i;
    const float *q = s->in->queries + query * s->in->d;
    for (size_t j = 0; j < n; j++) {
        size_t index = first + j;
        if (c[j] > b->limits[i] || !cen__knn_allows(s->in, query, index)) continue;
        double distance = cen__order_distance(s->in->vectors, s->in->cosine, s->in->d, q,
                                              s->in->gallery + index * s->in->d,
                                              b->query_squares[i], b->gallery_squares[j]);
        double bound = b->nearest[i].bound;
        cen__knn_offer(s->in, query, &b->nearest[i], (cen__neighbour){distance, index});
        if (b->nearest[i].bound < bound) update_bound(s, b, i);
    }
}

/* Returns the first row of the group that is not finite; n if all are. */
static size_t measure_group(const search *s, block *b, size_t first, size_t n, double *largest)
{
    *largest = 0;
    for (size_t j = 0; j < n; j++) {
        const float *g = s->in->gallery + (first + j) * s->in->d;
        double square = s->in->vectors->dot(s->in->d, g, g);
        if (!isfinite(square)) return j;
        b->gallery_squares[j] = square;
        if (square > *largest) *largest = square;
    }
    return n;
}

static void search_group(const search *s, block *b, size_t first, size_t n, double largest)
{
    float c[CEN__MR_MAX * GROUP_MOST];
    const cen__micro *micro = s->in->micro;
    size_t depth = s->in->d + 1;
    double length = s->in->cosine ? 1 : sqrt(largest), last = s->in->cosine ? 0 : largest;
    for (size_t j = 0; j < sizeof c / sizeof c[0]; j++) c[j] = INFINITY; /* beyond n it stays */
    set_limits(s, b, length, last);
    pack(s, s->in->gallery + first * s->in->d, n, b->gallery_squares, false, b->rows,
         b->gallery_panels);
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
    size_t panels_size = round_up(s->block_size, s->in->micro->mr) * (s->in->d + 1);
    b->query_panels = s->floats + (size_t)worker * s->floats_size;
    b->gallery_panels = b->query_panels + panels_size;
    b->rows = b->gallery_panels + s->group_size * (s->in->d + 1);
    b->limits = b->rows + PANEL_MOST * s->in->d;
    b->bounds = s->doubles + (size_t)worker * s->doubles_size;
    b->lengths = b->bounds + s->block_size;
    b->query_squares = b->lengths + s->block_size;
    b->gallery_squares = b->query_squares + s->block_size;
    b->first_query = first_query;
    b->longest = b->margin = b->margin_slope = 0;
    b->n_queries = smaller(s->block_size, s->in->n_queries - first_query);
    b->nearest = s->in->nearest + chunk * s->in->n_queries + first_query;
    const float *queries = s->in->queries + first_query * s->in->d;
    for (size_t i = 0; i < b->n_queries; i++) {
        double square =
            s->in->vectors->dot(s->in->d, queries + i * s->in->d, queries + i * s->in->d);
        b->query_squares[i] = square;
        b->lengths[i] = s->in->cosine ? 1 : 2 * sqrt(square);
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
    size_t end = smaller(first + s->chunk_size, s->in->n_gallery);
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
        search_group(s, &b, first, n, largest);
    }
}

/* Whole blocks of queries are best: each packs the gallery once. The gallery is cut into chunks only if there are
 * fewer blocks than threads. */
static void plan(search *s, int n_threads)
{
    size_t threads = (size_t)n_threads;
    s->group_size = GROUP_MOST / s->in->micro->nr * s->in->micro->nr;
    s->n_blocks = (s->in->n_queries - 1) / BLOCK_MOST + 1;
    if (s->n_blocks > threads)
        s->n_blocks = smaller(round_up(s->n_blocks, threads), s->in->n_queries);
    s->block_size = (s->in->n_queries - 1) / s->n_blocks + 1;
    s->n_blocks = (s->in->n_queries - 1) / s->block_size + 1;
    s->n_chunks =
        smaller((threads - 1) / s->n_blocks + 1, (s->in->n_gallery - 1) / CHUNK_LEAST + 1);
    s->chunk_size = (s->in->n_gallery - 1) / s->n_chunks + 1;
    s->n_chunks = (s->in->n_gallery - 1) / s->chunk_size + 1;
}

/* The floats start as zeros, since the padding of a panel is multiplied, too. */
static bool reserve(cen_context *context, search *s, int n_workers)
{
    size_t workers = (size_t)n_workers;
    size_t n_rows = round_up(s->block_size, s->in->micro->mr) + s->group_size + PANEL_MOST;
    if (!cen__multiply(n_rows, s->in->d + 1, &s->floats_size)) return false;
    s->floats_size = round_up(s->floats_size + s->block_size, 16);
    s->doubles_size = round_up(3 * s->block_size + s->group_size, 8);
    size_t n_floats;
    if (!cen__multiply(workers, s->floats_size, &n_floats)) return false;
    s->floats = cen__alloc_zeroed(context, n_floats, sizeof *s->floats);
    s->doubles = cen__knn_alloc(context, workers, s->doubles_size, 1, sizeof *s->doubles);
    s->broken_rows = cen__knn_alloc(context, s->n_chunks, s->n_blocks, 1, sizeof *s->broken_rows);
    return s->floats != NULL && s->doubles != NULL && s->broken_rows != NULL &&
           cen__knn_start(context, s->in, s->n_chunks);
}

static void release(search *s)
{
    cen__free(s->floats);
    cen__free(s->doubles);
    cen__free(s->broken_rows);
}

bool cen__knn_batch(cen_context *context, cen__knn *knn)
{
    search s = {.in = knn};
    plan(&s, context->n_threads);
    bool enough = reserve(context, &s, context->n_threads);
    if (enough) {
        double work = (double)knn->n_gallery * (double)knn->n_queries * (double)knn->d;
        size_t n_tasks = s.n_chunks * s.n_blocks;
        cen__parallel(context, n_tasks, work, run_task, &s);
        for (size_t task = 0; task < n_tasks; task++) {
            knn->broken_row = smaller(knn->broken_row, s.broken_rows[task]);
        }
    }
    release(&s);
    return enough;
}
