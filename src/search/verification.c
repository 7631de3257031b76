/* Pairs are numbered: genuine ones 0 .. G - 1, impostors 0 .. I - 1, by the class of their row of a. Pair u is
 * found without the pairs before it, so a sample of 1e12 pairs costs only its own size. The numbers are cut into
 * as many equal parts as pairs are wanted, and one is drawn from each part. So no pair comes twice, all are equally
 * likely, and neighbouring numbers share rows that are in the cache. */
#include <centerloss_eval.h>

#include <math.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/context.h"
#include "base/random.h"
#include "base/status.h"
#include "search/classes.h"
#include "search/distance.h"
#include "search/sort.h"

enum { TASK_PAIRS = 8192 };

/* Numbers of pairs fit into 62 bits. */
#define ROWS_MOST 0x7fffffff

typedef struct {
    cen_labelled a, b;
    cen__classes a_classes, b_classes; /* those of b are not filled within one set */
    bool within, cosine;
    size_t d;
    const cen__vectors *vectors;
    double *a_squares, *b_squares;              /* |x|^2 of the rows */
    size_t *partners;                           /* [classes of a] the place of the class in b */
    uint64_t *genuine_starts, *impostor_starts; /* [classes of a + 1] first pair of a class */
    uint64_t seed;
} pairing;

typedef struct {
    const pairing *p;
    bool genuine;
    uint64_t n_all;
    size_t n;
    float *distances; /* [n] */
} pair_list;

typedef struct {
    size_t a, b;
} pair;

/* ---- from a number to a pair ----------------------------------------------------------------- */

/* The class of pair u: the last that starts at or before it. */
static size_t class_of(const uint64_t *starts, size_t n_classes, uint64_t u)
{
    size_t low = 0, high = n_classes;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (starts[middle] <= u) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

/* u = j (j - 1) / 2 + i with i < j. The root of a double may be off by one. */
static void unpack_triangle(uint64_t u, size_t *i, size_t *j)
{
    uint64_t row = (uint64_t)((1 + sqrt(1 + 8 * (double)u)) / 2);
    while (row * (row - 1) / 2 > u) row--;
    while (row * (row + 1) / 2 <= u) row++;
    *j = (size_t)row;
    *i = (size_t)(u - row * (row - 1) / 2);
}

static pair genuine_pair(const pairing *p, size_t class, uint64_t u)
{
    const cen__classes *a = &p->a_classes, *b = &p->b_classes;
    const size_t *rows = a->rows + a->starts[class];
    if (p->within) {
        size_t i, j;
        unpack_triangle(u, &i, &j);
        return (pair){rows[i], rows[j]};
    }
    size_t other = p->partners[class], n = cen__classes_count(b, other);
    return (pair){rows[u / n], b->rows[b->starts[other] + (size_t)(u % n)]};
}

/* Within a set, a row is paired with rows of later classes; else with all rows of b that are not of its class. */
static pair impostor_pair(const pairing *p, size_t class, uint64_t u)
{
    const cen__classes *a = &p->a_classes, *b = &p->b_classes;
    const size_t *rows = a->rows + a->starts[class];
    if (p->within) {
        size_t end = a->starts[class + 1], n = a->n_rows - end;
        return (pair){rows[u / n], a->rows[end + (size_t)(u % n)]};
    }
    size_t own = p->partners[class], n_own = cen__classes_count(b, own);
    size_t n = b->n_rows - n_own, j = (size_t)(u % n);
    if (n_own > 0 && j >= b->starts[own]) j += n_own;
    return (pair){rows[u / n], b->rows[j]};
}

/* The pair that is drawn from part i. The first n_all % n parts hold one number more. */
static uint64_t draw_pair(const pair_list *list, uint64_t stream, size_t i)
{
    uint64_t n_larger = list->n_all % list->n, size = list->n_all / list->n;
    uint64_t first = i * size + (i < n_larger ? i : n_larger);
    size += i < n_larger;
    return size == 1 ? first : first + cen__random_below(list->p->seed, stream, i, size);
}

static void run_pairs(void *data, size_t task, int worker)
{
    const pair_list *list = data;
    const pairing *p = list->p;
    const uint64_t *starts = list->genuine ? p->genuine_starts : p->impostor_starts;
    uint64_t stream = cen__substream(CEN__STREAM_PAIRS, list->genuine);
    size_t first = task * TASK_PAIRS, n_left = list->n - first, class = 0;
    size_t end = first + (n_left < TASK_PAIRS ? n_left : TASK_PAIRS);
    for (size_t i = first; i < end; i++) {
        uint64_t u = draw_pair(list, stream, i);
        if (u < starts[class] || u >= starts[class + 1]) {
            class = class_of(starts, p->a_classes.n_classes, u);
        }
        u -= starts[class];
        pair rows = list->genuine ? genuine_pair(p, class, u) : impostor_pair(p, class, u);
        double distance = cen__order_distance(
            p->vectors, p->cosine, p->d, p->a.features + rows.a * p->d,
            p->b.features + rows.b * p->d, p->a_squares[rows.a], p->b_squares[rows.b]);
        list->distances[i] = (float)cen__distance(p->cosine, distance);
    }
    (void)worker;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static cen_status measure_rows(const pairing *p, cen_labelled set, const char *name,
                               double *squares, cen_error *error)
{
    for (size_t i = 0; i < set.n; i++) {
        const float *x = set.features + i * p->d;
        squares[i] = p->vectors->dot(p->d, x, x);
        if (isfinite(squares[i])) continue;
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "row %zu of %s holds a number that is not finite; leave it out", i, name);
    }
    return CEN_OK;
}

static void count_pairs(pairing *p)
{
    const cen__classes *a = &p->a_classes, *b = &p->b_classes;
    uint64_t genuine = 0, impostor = 0;
    for (size_t c = 0; c < a->n_classes; c++) {
        uint64_t n = cen__classes_count(a, c);
        p->genuine_starts[c] = genuine;
        p->impostor_starts[c] = impostor;
        if (p->within) {
            genuine += n * (n - 1) / 2;
            impostor += n * (a->n_rows - a->starts[c + 1]);
        } else {
            p->partners[c] = cen__classes_find(b, a->labels[c]);
            uint64_t n_other = cen__classes_count(b, p->partners[c]);
            genuine += n * n_other;
            impostor += n * (b->n_rows - n_other);
        }
    }
    p->genuine_starts[a->n_classes] = genuine;
    p->impostor_starts[a->n_classes] = impostor;
}

static bool reserve(cen_context *context, pairing *p)
{
    if (!cen__classes_create(context, &p->a_classes, p->a.labels, p->a.n)) return false;
    if (!p->within && !cen__classes_create(context, &p->b_classes, p->b.labels, p->b.n))
        return false;
    size_t n_starts = p->a_classes.n_classes + 1;
    p->partners = cen__alloc(context, n_starts, sizeof *p->partners);
    p->genuine_starts = cen__alloc(context, n_starts, sizeof *p->genuine_starts);
    p->impostor_starts = cen__alloc(context, n_starts, sizeof *p->impostor_starts);
    p->a_squares = cen__alloc(context, p->a.n, sizeof *p->a_squares);
    p->b_squares = p->within ? p->a_squares : cen__alloc(context, p->b.n, sizeof *p->b_squares);
    return p->partners != NULL && p->genuine_starts != NULL && p->impostor_starts != NULL &&
           p->a_squares != NULL && p->b_squares != NULL;
}

static void release(pairing *p)
{
    cen__classes_free(&p->a_classes);
    cen__classes_free(&p->b_classes);
    cen__free(p->partners);
    cen__free(p->genuine_starts);
    cen__free(p->impostor_starts);
    cen__free(p->a_squares);
    if (!p->within) cen__free(p->b_squares);
}

/* Half of a sample is genuine. If one kind has too few pairs, the other gets the rest. */
static void choose_counts(cen_pairs *pairs, uint64_t n_genuine, uint64_t n_impostor, uint64_t most)
{
    pairs->is_sample = n_genuine > most || n_impostor > most - n_genuine;
    if (pairs->is_sample) {
        uint64_t n_all_genuine = n_genuine;
        if (n_genuine > most / 2) n_genuine = most / 2;
        if (n_impostor > most - n_genuine) n_impostor = most - n_genuine;
        n_genuine = n_all_genuine < most - n_impostor ? n_all_genuine : most - n_impostor;
    }
    pairs->n_genuine = (size_t)n_genuine;
    pairs->n_impostor = (size_t)n_impostor;
}

static void measure_pairs(const pairing *p, bool genuine, uint64_t n_all, size_t n,
                          float *distances, float *scratch, cen_context *context)
{
    pair_list list = {p, genuine, n_all, n, distances};
    cen__parallel(context, (n - 1) / TASK_PAIRS + 1, (double)n * (double)p->d, run_pairs, &list);
    cen__sort_distances(distances, n, scratch);
}

static cen_status create_pairs(cen_context *context, const pairing *p, cen_pairs *pairs,
                               size_t most, cen_error *error)
{
    size_t n_classes = p->a_classes.n_classes;
    uint64_t n_genuine = p->genuine_starts[n_classes];
    uint64_t n_impostor = p->impostor_starts[n_classes];
    if (n_genuine == 0 || n_impostor == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "there is no pair of rows with %s; verification needs both kinds",
                         n_genuine == 0 ? "the same label" : "two labels");
    }
    choose_counts(pairs, n_genuine, n_impostor, most);
    size_t larger = pairs->n_genuine > pairs->n_impostor ? pairs->n_genuine : pairs->n_impostor;
    float *scratch = cen__alloc(context, larger, sizeof *scratch);
    pairs->genuine = cen__alloc(context, pairs->n_genuine, sizeof *pairs->genuine);
    pairs->impostor = cen__alloc(context, pairs->n_impostor, sizeof *pairs->impostor);
    cen_status status = CEN_OK;
    if (scratch != NULL && pairs->genuine != NULL && pairs->impostor != NULL) {
        measure_pairs(p, true, n_genuine, pairs->n_genuine, pairs->genuine, scratch, context);
        measure_pairs(p, false, n_impostor, pairs->n_impostor, pairs->impostor, scratch, context);
    } else {
        status = cen__fail_memory(error, "the distances of pairs");
    }
    cen__free(scratch);
    return status;
}

cen_status cen_pairs_create(cen_context *context, cen_pairs *pairs, const cen_labelled *a,
                            const cen_labelled *b, size_t d, cen_metric metric, size_t most,
                            uint64_t seed, cen_error *error)
{
    const bool is_within = b == NULL || b->n == 0;
    pairing p = {.a = *a,
                 .b = is_within ? *a : *b,
                 .within = is_within,
                 .cosine = metric == CEN_METRIC_COSINE,
                 .d = d,
                 .seed = seed};
    cen_status status = cen__check_choice("the metric", (long)metric, CEN_METRIC_COSINE, error);
    *pairs = (cen_pairs){.n_genuine = 0};
    if (status != CEN_OK) return status;
    if (most < 2) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "at most %zu pairs were asked for; verification needs at least 2", most);
    }
    if (p.a.n > ROWS_MOST || p.b.n > ROWS_MOST) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "pairs are formed of at most %ld rows",
                         (long)ROWS_MOST);
    }
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    p.vectors = &cen__kernels_of(context->instructions)->vectors;
    if (!reserve(context, &p)) status = cen__fail_memory(error, "the classes of pairs");
    if (status == CEN_OK) {
        status = measure_rows(&p, p.a, "the first set", p.a_squares, error);
    }
    if (status == CEN_OK && !p.within) {
        status = measure_rows(&p, p.b, "the second set", p.b_squares, error);
    }
    if (status == CEN_OK) {
        count_pairs(&p);
        status = create_pairs(context, &p, pairs, most, error);
    }
    release(&p);
    cen_context_free(own);
    if (status != CEN_OK) cen_pairs_free(pairs);
    return status;
}

void cen_pairs_free(cen_pairs *pairs)
{
    if (pairs == NULL) return;
    cen__free(pairs->genuine);
    cen__free(pairs->impostor);
    *pairs = (cen_pairs){.n_genuine = 0};
}

/* ---- rates ----------------------------------------------------------------------------------- */

typedef struct {
    double far, tar, threshold;
} roc_point;

/* The next point of the ROC after i genuine and j impostor pairs. Moves both on, over all pairs at the same
 * distance. */
static roc_point next_point(const cen_pairs *pairs, size_t *i, size_t *j)
{
    float distance = INFINITY;
    if (*i < pairs->n_genuine) distance = pairs->genuine[*i];
    if (*j < pairs->n_impostor && pairs->impostor[*j] < distance) distance = pairs->impostor[*j];
    while (*i < pairs->n_genuine && pairs->genuine[*i] <= distance) ++*i;
    while (*j < pairs->n_impostor && pairs->impostor[*j] <= distance) ++*j;
    return (roc_point){(double)*j / (double)pairs->n_impostor,
                       (double)*i / (double)pairs->n_genuine, (double)distance};
}

/* The point at which the line from `from` to `to` meets FAR = 1 - TAR. */
static void cross(roc_point from, roc_point to, cen_verification *v)
{
    double below = 1 - from.far - from.tar, above = to.far + to.tar - 1;
    double share = below / (below + above);
    v->eer = from.far + share * (to.far - from.far);
    v->eer_threshold = from.threshold + share * (to.threshold - from.threshold);
}

void cen_pairs_verify(const cen_pairs *pairs, cen_verification *verification)
{
    static const double fars[3] = {1e-1, 1e-2, 1e-3};
    cen_verification v = {.n_genuine = pairs->n_genuine,
                          .n_impostor = pairs->n_impostor,
                          .is_sample = pairs->is_sample,
                          .auc = (double)NAN,
                          .eer = (double)NAN,
                          .eer_threshold = (double)NAN,
                          .tar = {(double)NAN, (double)NAN, (double)NAN}};
    if (pairs->n_genuine == 0 || pairs->n_impostor == 0) {
        *verification = v;
        return;
    }
    v.auc = v.tar[0] = v.tar[1] = v.tar[2] = 0;
    roc_point last = {0, 0, 0};
    for (size_t i = 0, j = 0; i < pairs->n_genuine || j < pairs->n_impostor;) {
        bool first = i + j == 0;
        roc_point point = next_point(pairs, &i, &j);
        if (first) last.threshold = point.threshold;
        v.auc += (point.far - last.far) * (point.tar + last.tar) / 2;
        if (last.far + last.tar < 1 && point.far + point.tar >= 1) cross(last, point, &v);
        for (size_t f = 0; f < 3; f++) {
            if (point.far <= fars[f]) v.tar[f] = point.tar;
        }
        last = point;
    }
    *verification = v;
}
