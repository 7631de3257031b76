/* Who is it, or unknown. A question is decided by the rows of a gallery in this order:
 *
 *   1. The k nearest within the threshold vote; none: unknown. A tie goes to the name that is first by bytes.
 *   2. If a negative of any name is nearer than the nearest row of the name that won: unknown.
 *      A visitor who was taken for Ada once is no better known as Ben. A picture of Ben that was taken for Ada may be a
 *      negative of Ada and a row of Ben: the two are equally near, and Ben is found.
 *
 * In place of a vote, a claim needs a row of its name within the threshold. Several pictures of one visitor become one
 * question: the mean of their directions, with their mean length. A mean alone would be shorter, so nearer to all.
 *
 * The margin needs the nearest row of another name. Most often it is among the rows that are found with the k nearest;
 * for the other questions one more search leaves out the rows of their names. */
#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/sizes.h"
#include "base/status.h"
#include "kernels/dispatch.h"
#include "search/classify.h"
#include "search/cohort.h"
#include "search/gallery.h"

enum {
    BLOCK = 4096, /* questions that are answered at once */
    MORE = 16     /* rows that are found beyond the k nearest */
};

/* A block of questions. */
typedef struct {
    const cen_gallery *gallery;
    cen_ask_options options;
    size_t claim;         /* the label of options.claim */
    double base;          /* the threshold before it is normalised */
    cen__cohort cohort;   /* n is 0: thresholds are not normalised */
    const float *queries; /* [n, d] */
    size_t n, n_found;    /* rows found of each */
    size_t *rows;         /* [n, n_found] */
    double *exact;        /* [n, n_found] */
    float *distances;     /* [n, n_found] */
    size_t *labels;       /* [n, n_found] */
    double *thresholds;   /* [n] */
    size_t *own;          /* [n] the label that won, or of the nearest row */
    double *own_distance; /* [n] of its nearest row */
    double *other;        /* [n] distance of the nearest row of another name; infinity: none */
    bool *is_known;       /* [n] */
    double *shares;       /* [n] of the votes for own */
    /* of some questions */
    size_t *some, *some_labels; /* [n] */
    double *some_exact;         /* [n] */
    float *some_queries;        /* [n, d] */
    /* of one question */
    size_t *places;     /* [k] 0, 1, 2 ... */
    int32_t *ranks;     /* [k] labels, numbered by name */
    const char **names; /* [k] */
} asked;

/* ---- the vote -------------------------------------------------------------------------------------- */

/* Ranks the labels of the first k rows of question i by name. names is scratch. */
static cen_status rank_names(asked *a, size_t i, size_t k, cen_error *error)
{
    const size_t *labels = a->labels + i * a->n_found;
    for (size_t j = 0; j < k; j++) {
        cen_status status = cen__gallery_name(a->gallery, labels[j], &a->names[j], error);
        if (status != CEN_OK) return status;
    }
    for (size_t j = 0; j < k; j++) {
        a->ranks[j] = 0; /* the names before it; equal names have equal ranks */
        for (size_t other = 0; other < k; other++) {
            a->ranks[j] += labels[other] != labels[j] && strcmp(a->names[other], a->names[j]) < 0;
        }
    }
    return CEN_OK;
}

/* The share of the votes within the threshold that a label has. */
static double share_of(const asked *a, size_t i, size_t k, size_t label)
{
    const size_t first = i * a->n_found;
    double own = 0, all = 0;
    for (size_t j = 0; j < k && (double)a->distances[first + j] <= a->thresholds[i]; j++) {
        const double weight =
            cen__vote_weight(a->exact + first, j, a->options.weights, a->gallery->info.metric);
        all += weight;
        if (a->labels[first + j] == label) own += weight;
    }
    return all > 0 ? own / all : 0;
}

/* Sets own to the name that wins, or else to that of the nearest row. */
static cen_status vote(asked *a, size_t i, size_t k, cen_error *error)
{
    const size_t first = i * a->n_found;
    cen_knn_options options = cen_knn_options_init();
    options.k = k;
    options.weights = a->options.weights;
    options.metric = a->gallery->info.metric;
    options.most_distance = a->thresholds[i];
    cen_status status = rank_names(a, i, k, error);
    if (status != CEN_OK) return status;
    const int32_t rank = cen__vote(a->places, a->exact + first, &options, a->ranks);
    size_t won = 0;
    while (rank >= 0 && a->ranks[won] != rank) won++;
    a->is_known[i] = rank >= 0;
    a->own[i] = a->labels[first + won];
    a->own_distance[i] = a->exact[first + won];
    return CEN_OK;
}

/* ---- searches for some of the questions ------------------------------------------------------------ */

/* Finds the nearest row of questions some[n_some] among those of the name some_labels, or of other names: some_exact. */
static cen_status search_some(asked *a, size_t n_some, bool negatives, cen__gallery_names names,
                              cen_error *error)
{
    const size_t d = a->gallery->info.d;
    size_t n_found;
    for (size_t i = 0; i < n_some; i++) {
        memcpy(a->some_queries + i * d, a->queries + a->some[i] * d, d * sizeof(float));
        a->some_labels[i] = a->own[a->some[i]];
        a->some_exact[i] = INFINITY;
    }
    if (n_some == 0) return CEN_OK;
    const cen__gallery_query query = {a->some_queries, n_some, 1, negatives, names, a->some_labels};
    return cen__gallery_search(a->gallery, &query, (cen__found){.exact = a->some_exact}, &n_found,
                               error);
}

static cen_status find_others(asked *a, cen_error *error)
{
    size_t n_some = 0;
    const bool has_more = a->n_found < a->gallery->info.n - a->gallery->info.n_negatives;
    for (size_t i = 0; i < a->n; i++) {
        const size_t *labels = a->labels + i * a->n_found;
        size_t j = 0;
        while (j < a->n_found && labels[j] == a->own[i]) j++;
        a->other[i] = j < a->n_found ? a->exact[i * a->n_found + j] : INFINITY;
        if (j == a->n_found && has_more) a->some[n_some++] = i;
    }
    cen_status status = search_some(a, n_some, false, CEN__OTHER_NAMES, error);
    for (size_t i = 0; i < n_some && status == CEN_OK; i++) {
        a->other[a->some[i]] = a->some_exact[i];
    }
    return status;
}

/* The name that won question i is out. */
static void forget(asked *a, size_t i)
{
    a->is_known[i] = false;
    if (a->options.claim != NULL) return;
    a->own[i] = a->labels[i * a->n_found];
    a->own_distance[i] = a->exact[i * a->n_found];
}

static cen_status ask_negatives(asked *a, cen_error *error)
{
    size_t n_some = 0;
    for (size_t i = 0; i < a->n && a->gallery->info.n_negatives > 0; i++) {
        if (a->is_known[i]) a->some[n_some++] = i;
    }
    cen_status status = search_some(a, n_some, true, CEN__ALL_NAMES, error);
    for (size_t i = 0; i < n_some && status == CEN_OK; i++) {
        const float own = (float)a->own_distance[a->some[i]]; /* equal ones are equal as floats */
        if ((float)a->some_exact[i] < own) forget(a, a->some[i]);
    }
    return status;
}

/* ---- one block ------------------------------------------------------------------------------------- */

static cen_status set_thresholds(asked *a, cen_error *error)
{
    cen_status status = CEN_OK;
    if (a->cohort.n > 0) {
        status = cen__cohort_measure(a->gallery, &a->cohort, a->queries, a->n, NULL, NULL,
                                     a->thresholds, error);
    }
    for (size_t i = 0; i < a->n && status == CEN_OK; i++) {
        const double factor =
            a->cohort.n > 0 ? cen__cohort_factor(&a->cohort, a->thresholds[i]) : 1;
        a->thresholds[i] = a->base * factor;
    }
    return status;
}

static cen_status find_nearest(asked *a, cen_error *error)
{
    const cen__gallery_query query = {.queries = a->queries, .n = a->n, .k = a->n_found};
    const cen__found found = {a->rows, a->distances, a->exact};
    size_t n_found;
    cen_status status = cen__gallery_search(a->gallery, &query, found, &n_found, error);
    for (size_t i = 0; i < a->n * a->n_found && status == CEN_OK; i++) {
        status = cen__gallery_label(a->gallery, a->rows[i], &a->labels[i], error);
    }
    return status;
}

static cen_status hear_claim(asked *a, cen_error *error)
{
    for (size_t i = 0; i < a->n; i++) {
        a->some[i] = i;
        a->own[i] = a->claim;
    }
    cen_status status = search_some(a, a->n, false, CEN__THIS_NAME, error);
    for (size_t i = 0; i < a->n && status == CEN_OK; i++) {
        a->own_distance[i] = a->some_exact[i];
        a->is_known[i] = (double)(float)a->own_distance[i] <= a->thresholds[i];
    }
    return status;
}

static cen_status decide(asked *a, cen_error *error)
{
    const size_t k = a->options.k < a->n_found ? a->options.k : a->n_found;
    cen_status status = find_nearest(a, error);
    if (status == CEN_OK) status = set_thresholds(a, error);
    if (status == CEN_OK && a->options.claim != NULL) status = hear_claim(a, error);
    for (size_t i = 0; i < a->n && status == CEN_OK && a->options.claim == NULL; i++) {
        status = vote(a, i, k, error);
    }
    if (status == CEN_OK) status = ask_negatives(a, error);
    if (status == CEN_OK) status = find_others(a, error);
    for (size_t i = 0; i < a->n && status == CEN_OK; i++) {
        a->shares[i] = a->is_known[i] ? share_of(a, i, k, a->own[i]) : 0;
    }
    return status;
}

static cen_status give(const asked *a, size_t i, cen_answer *answer, size_t *rows, float *distances,
                       cen_error *error)
{
    const size_t first = i * a->n_found;
    const float own = (float)a->own_distance[i], other = (float)a->other[i];
    const char *name = NULL, *nearest;
    cen_status status = cen__gallery_name(a->gallery, a->labels[first], &nearest, error);
    if (status == CEN_OK) status = cen__gallery_name(a->gallery, a->own[i], &name, error);
    if (status != CEN_OK) return status;
    *answer = (cen_answer){.name = a->is_known[i] ? name : NULL,
                           .nearest = nearest,
                           .distance = (double)own,
                           .margin = isfinite(other) ? (double)other - (double)own : INFINITY,
                           .share = a->shares[i],
                           .threshold = a->thresholds[i],
                           .n_nearest = a->options.k < a->n_found ? a->options.k : a->n_found};
    for (size_t j = 0; j < answer->n_nearest; j++) {
        if (rows != NULL) rows[j] = a->rows[first + j];
        if (distances != NULL) distances[j] = a->distances[first + j];
    }
    return CEN_OK;
}

/* ---- the questions --------------------------------------------------------------------------------- */

static bool reserve(asked *a, size_t n)
{
    const cen_context *context = a->gallery->context;
    const size_t d = a->gallery->info.d, found = cen__times(n, a->n_found);
    const size_t k = a->options.k < a->n_found ? a->options.k : a->n_found;
    a->rows = cen__alloc(context, found, sizeof *a->rows);
    a->exact = cen__alloc(context, found, sizeof *a->exact);
    a->distances = cen__alloc(context, found, sizeof *a->distances);
    a->labels = cen__alloc(context, found, sizeof *a->labels);
    a->thresholds = cen__alloc(context, n, sizeof *a->thresholds);
    a->own = cen__alloc(context, n, sizeof *a->own);
    a->own_distance = cen__alloc(context, n, sizeof *a->own_distance);
    a->other = cen__alloc(context, n, sizeof *a->other);
    a->is_known = cen__alloc(context, n, sizeof *a->is_known);
    a->shares = cen__alloc(context, n, sizeof *a->shares);
    a->some = cen__alloc(context, n, sizeof *a->some);
    a->some_labels = cen__alloc(context, n, sizeof *a->some_labels);
    a->some_exact = cen__alloc(context, n, sizeof *a->some_exact);
    a->some_queries = cen__alloc(context, cen__times(n, d), sizeof *a->some_queries);
    a->places = cen__alloc(context, k, sizeof *a->places);
    a->ranks = cen__alloc(context, k, sizeof *a->ranks);
    a->names = cen__alloc(context, k, sizeof *a->names);
    for (size_t j = 0; j < k && a->places != NULL; j++) a->places[j] = j;
    return a->rows != NULL && a->exact != NULL && a->distances != NULL && a->labels != NULL &&
           a->thresholds != NULL && a->own != NULL && a->own_distance != NULL && a->other != NULL &&
           a->is_known != NULL && a->shares != NULL && a->some != NULL && a->some_labels != NULL &&
           a->some_exact != NULL && a->some_queries != NULL && a->places != NULL &&
           a->ranks != NULL && a->names != NULL;
}

static void release(asked *a)
{
    void *const all[] = {
        a->rows,  a->exact,        a->distances,      a->labels,       a->thresholds,
        a->own,   a->own_distance, a->other,          a->is_known,     a->shares,
        a->some,  a->some_labels,  a->some_exact,     a->some_queries, a->places,
        a->ranks, a->names,        a->cohort.features};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) cen__free(all[i]);
}

/* All questions, block by block. */
static cen_status answer_all(asked *a, const float *queries, size_t n, cen_answer *answers,
                             size_t *rows, float *distances, cen_error *error)
{
    cen_status status = reserve(a, n < BLOCK ? n : BLOCK)
                            ? CEN_OK
                            : cen__fail_memory(error, "the answers of a gallery");
    for (size_t first = 0; first < n && status == CEN_OK; first += BLOCK) {
        a->queries = queries + first * a->gallery->info.d;
        a->n = n - first < BLOCK ? n - first : BLOCK;
        status = decide(a, error);
        for (size_t i = 0; i < a->n && status == CEN_OK; i++) {
            const size_t at = (first + i) * a->options.k;
            status = give(a, i, &answers[first + i], rows != NULL ? rows + at : NULL,
                          distances != NULL ? distances + at : NULL, error);
        }
    }
    return status;
}

/* One question of n pictures: [d]. */
static void put_together(const cen_gallery *g, const float *features, size_t n, double *sum,
                         float *mean)
{
    const size_t d = g->info.d;
    const cen__vectors *vectors = &cen__kernels_of(g->context->instructions)->vectors;
    double lengths = 0;
    for (size_t j = 0; j < d; j++) sum[j] = 0;
    for (size_t i = 0; i < n; i++) {
        const float *x = features + i * d;
        const double length = sqrt(vectors->dot(d, x, x));
        lengths += length;
        for (size_t j = 0; j < d && length > 0; j++) sum[j] += (double)x[j] / length;
    }
    double square = 0;
    for (size_t j = 0; j < d; j++) square += sum[j] * sum[j];
    const double scale = square > 0 ? lengths / (double)n / sqrt(square) : 0;
    for (size_t j = 0; j < d; j++) mean[j] = (float)(sum[j] * scale);
}

static cen_status answer_together(asked *a, const float *features, size_t n, cen_answer *answer,
                                  size_t *rows, float *distances, cen_error *error)
{
    const size_t d = a->gallery->info.d;
    double *sum = cen__alloc(a->gallery->context, d, sizeof *sum);
    float *mean = cen__alloc(a->gallery->context, d, sizeof *mean);
    cen_status status = CEN_ERROR_MEMORY;
    if (sum != NULL && mean != NULL) {
        put_together(a->gallery, features, n, sum, mean);
        status = answer_all(a, n == 1 ? features : mean, 1, answer, rows, distances, error);
    } else {
        (void)cen__fail_memory(error, "the mean of several pictures");
    }
    cen__free(sum);
    cen__free(mean);
    return status;
}

static cen_status check(asked *a, const float *features, size_t n, cen_error *error)
{
    const cen_ask_options *o = &a->options;
    cen_status status = cen__check_weights(o->weights, error);
    if (status != CEN_OK) return status;
    if (o->k == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "k is 0; at least one neighbour has to vote");
    }
    if (!(o->threshold >= 0 || o->threshold == -1)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the threshold is %g; choose one of at least 0, or -1 for that of the "
                         "gallery",
                         o->threshold);
    }
    for (size_t i = 0; i < n * a->gallery->info.d; i++) {
        if (isfinite(features[i])) continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "question %zu has a number that is not finite; leave it out",
                         i / a->gallery->info.d);
    }
    return CEN_OK;
}

/* Sets the threshold before it is normalised, and what normalises it. */
static cen_status choose_threshold(asked *a, cen_error *error)
{
    const cen_gallery_info *info = &a->gallery->info;
    const cen_threshold *kept = a->options.claim != NULL ? &info->same : &info->known;
    a->base = a->options.threshold;
    if (a->base >= 0) return CEN_OK;
    a->base = kept->n_pictures > 0 ? kept->distance : INFINITY;
    if (kept->n_pictures > 0) return cen__cohort_read(a->gallery, &a->cohort, error);
    if (a->options.claim == NULL) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "a claim needs a threshold, and the gallery is not calibrated; calibrate it, "
                     "or give a threshold");
}

/* Finds the label of a claim, and that it has a row. */
static cen_status choose_claim(asked *a, cen_error *error)
{
    const char *claim = a->options.claim;
    if (claim == NULL) return CEN_OK;
    bool is_there = cen__gallery_find_label(a->gallery, claim, &a->claim), has_row = false;
    for (size_t i = 0; i < a->gallery->info.n && is_there && !has_row; i++) {
        size_t label;
        cen_status status = cen__gallery_label(a->gallery, i, &label, error);
        if (status != CEN_OK) return status;
        has_row = label == a->claim && !cen__gallery_is_negative(a->gallery, i);
    }
    if (has_row) return CEN_OK;
    return cen__fail(
        error, CEN_ERROR_ARGUMENT,
        "the gallery has no picture of %s, so nobody can be compared with it; add one, "
        "or name another",
        claim);
}

cen_status cen_gallery_ask(const cen_gallery *gallery, const float *features, size_t n,
                           const cen_ask_options *options, cen_answer *answers, size_t *rows,
                           float *distances, cen_error *error)
{
    asked a = {.gallery = gallery, .options = cen_ask_options_init()};
    const size_t n_rows = gallery->info.n - gallery->info.n_negatives;
    cen_status status = cen__take_options(&a.options, options, error);
    if (status == CEN_OK) status = check(&a, features, n, error);
    if (status == CEN_OK) status = choose_claim(&a, error);
    if (status == CEN_OK) status = choose_threshold(&a, error);
    a.n_found = cen__plus(a.options.k, MORE);
    if (a.n_found > n_rows) a.n_found = n_rows;
    const size_t n_questions = a.options.together && n > 0 ? 1 : n;
    if (status == CEN_OK && n_rows == 0) {
        for (size_t i = 0; i < n_questions; i++) {
            answers[i] =
                (cen_answer){.distance = INFINITY, .margin = INFINITY, .threshold = a.base};
        }
    } else if (status == CEN_OK && n > 0) {
        status = a.options.together
                     ? answer_together(&a, features, n, answers, rows, distances, error)
                     : answer_all(&a, features, n, answers, rows, distances, error);
    }
    release(&a);
    return status;
}
