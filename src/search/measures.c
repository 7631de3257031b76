#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/status.h"
#include "search/classes.h"
#include "search/classify.h"
#include "search/retrieval.h"

enum { WAYS = 20, QUERIES_A_CLASS = 15 };

typedef struct {
    cen_context *context;
    cen_labelled gallery, queries;
    size_t d;
    const cen_measure_options *options;
    cen__classes classes; /* of the gallery */
    cen_measures *m;
} measuring;

static cen_status check(const measuring *g, cen_error *error)
{
    const cen_knn_options *knn = g->options->knn;
    bool leave_one_out = knn->leave_one_out;
    cen_status status =
        cen__check_choice("the metric", (long)knn->metric, CEN_METRIC_COSINE, error);
    if (status == CEN_OK) {
        status = cen__check_weights(knn->weights, error);
    }
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < g->gallery.n; i++) {
        if (g->gallery.labels[i] >= 0) continue;
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "row %zu of the gallery has no label (%ld); leave it out", i,
                         (long)g->gallery.labels[i]);
    }
    if (leave_one_out && g->queries.n != g->gallery.n) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "to leave one out the %zu queries must be the %zu rows of the gallery",
                         g->queries.n, g->gallery.n);
    }
    status = cen__check_most_distance(knn, error);
    if (status != CEN_OK) return status;
    if (g->options->knn->k == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "k is 0; choose 1 or more");
    }
    if (g->gallery.n <= (size_t)leave_one_out) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a gallery of %zu row%s has no neighbour for a query; add labelled rows",
                         g->gallery.n, cen__plural(g->gallery.n));
    }
    return CEN_OK;
}

static cen_status measure_neighbours(measuring *g, cen_error *error)
{
    cen_measures *m = g->m;
    cen_knn_options knn = *g->options->knn;
    size_t most = g->gallery.n - (size_t)knn.leave_one_out, count;
    if (knn.k > most) knn.k = most;
    m->k = knn.k;
    m->n_queries = g->queries.n;
    bool fits = cen__multiply(m->n_queries, m->k, &count);
    m->predicted = cen__alloc(g->context, m->n_queries, sizeof *m->predicted);
    m->neighbours = fits ? cen__alloc(g->context, count, sizeof *m->neighbours) : NULL;
    m->distances = fits ? cen__alloc(g->context, count, sizeof *m->distances) : NULL;
    if (m->predicted == NULL || m->neighbours == NULL || m->distances == NULL ||
        !cen__classes_create(g->context, &g->classes, g->gallery.labels, g->gallery.n)) {
        return cen__fail_memory(error, "the neighbours of the queries");
    }
    cen__answers answers = {m->predicted, m->neighbours, m->distances};
    return cen__retrieve(g->context, g->gallery, &g->classes, g->queries, g->d, &knn, answers,
                         &m->retrieval, error);
}

/* ---- what a set may be too small for --------------------------------------------------------- */

/* ARGUMENT here means that there are no pairs of a kind: that rows are finite was checked earlier. */
static cen_status measure_pairs(measuring *g, cen_error *error)
{
    const cen_measure_options *o = g->options;
    cen_error reason = {CEN_OK, ""};
    bool leave_one_out = o->knn->leave_one_out;
    cen_status status = CEN_OK;
    if (leave_one_out || g->queries.n > 0) {
        status =
            cen_pairs_create(g->context, &g->m->pairs, leave_one_out ? &g->gallery : &g->queries,
                             leave_one_out ? NULL : &g->gallery, g->d, o->knn->metric,
                             o->most_pairs, o->seed, &reason);
    }
    cen_pairs_verify(&g->m->pairs, &g->m->verification);
    if (status == CEN_OK || status == CEN_ERROR_ARGUMENT) return CEN_OK;
    return cen__fail(error, status, "%s", reason.message);
}

/* The classes with more than n_shots rows: all, or those of the largest group. */
static size_t count_ways(const cen__classes *classes, size_t n_shots, const int32_t *groups)
{
    size_t most = 0;
    for (size_t c = 0; c < classes->n_classes; c++) {
        size_t n = 0;
        if (most >= WAYS) break;
        for (size_t i = c; i < classes->n_classes; i++) {
            bool is_same =
                groups == NULL || groups[classes->labels[i]] == groups[classes->labels[c]];
            n += is_same && cen__classes_count(classes, i) > n_shots;
        }
        if (n > most) most = n;
        if (groups == NULL) break;
    }
    return most < WAYS ? most : WAYS;
}

static cen_status measure_episodes(measuring *g, const cen__classes *classes, size_t n_shots,
                                   cen_episodes *measured, cen_error *error)
{
    size_t n_ways = count_ways(classes, n_shots, g->options->groups);
    *measured = (cen_episodes){n_ways, n_shots, 0, (double)NAN, (double)NAN};
    if (n_ways < 2 || g->options->n_episodes == 0) return CEN_OK;
    const cen_episode_options options = {.size = sizeof options,
                                         .n_ways = n_ways,
                                         .n_shots = n_shots,
                                         .n_queries = QUERIES_A_CLASS,
                                         .n_episodes = g->options->n_episodes,
                                         .seed = g->options->seed,
                                         .metric = g->options->knn->metric,
                                         .groups = g->options->groups};
    return cen_episodes_measure(g->context, &g->queries, g->d, &options, measured, error);
}

static cen_status measure_few_shot(measuring *g, cen_error *error)
{
    cen__classes classes;
    if (!cen__classes_create(g->context, &classes, g->queries.labels, g->queries.n)) {
        return cen__fail_memory(error, "the classes of the queries");
    }
    cen_status status = measure_episodes(g, &classes, 1, &g->m->few_shot[0], error);
    if (status == CEN_OK) {
        status = measure_episodes(g, &classes, 5, &g->m->few_shot[1], error);
    }
    cen__classes_free(&classes);
    return status;
}

/* ---- compactness ----------------------------------------------------------------------------- */

/* Labels as places among those of the gallery. A label that is not there gets the place after them, which
 * cen_intra_inter does not count. */
static void renumber(const cen__classes *classes, cen_labelled set, int32_t *places)
{
    for (size_t i = 0; i < set.n; i++) {
        places[i] = (int32_t)cen__classes_find(classes, set.labels[i]);
    }
}

static cen_status measure_compactness(measuring *g, cen_error *error)
{
    cen_status status;
    cen_labelled queries = g->queries, gallery = g->gallery;
    int32_t *query_places = cen__alloc(g->context, queries.n, sizeof *query_places);
    int32_t *gallery_places = cen__alloc(g->context, gallery.n, sizeof *gallery_places);
    if (query_places != NULL && gallery_places != NULL) {
        renumber(&g->classes, queries, query_places);
        renumber(&g->classes, gallery, gallery_places);
        queries.labels = query_places;
        gallery.labels = gallery_places;
        status = cen_intra_inter(g->context, &queries, &gallery, g->d, g->classes.n_classes + 1,
                                 &g->m->intra_inter, error);
    } else {
        status = cen__fail_memory(error, "the labels of the classes");
    }
    cen__free(query_places);
    cen__free(gallery_places);
    return status;
}

/* ---- confusions ------------------------------------------------------------------------------ */

static int compare_labels(const void *left, const void *right)
{
    const cen_confusion *a = left, *b = right;
    if (a->label != b->label) return a->label < b->label ? -1 : 1;
    return (a->predicted > b->predicted) - (a->predicted < b->predicted);
}

static int compare_counts(const void *left, const void *right)
{
    const cen_confusion *a = left, *b = right;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    return compare_labels(left, right);
}

static cen_status list_confusions(measuring *g, cen_error *error)
{
    cen_measures *m = g->m;
    size_t n = 0;
    for (size_t i = 0; i < m->n_queries; i++) {
        n += g->queries.labels[i] >= 0 && g->queries.labels[i] != m->predicted[i];
    }
    m->confusions = cen__alloc(g->context, n, sizeof *m->confusions);
    if (m->confusions == NULL) return cen__fail_memory(error, "the confusions");
    n = 0;
    for (size_t i = 0; i < m->n_queries; i++) {
        int32_t label = g->queries.labels[i];
        if (label < 0 || label == m->predicted[i]) continue;
        m->confusions[n++] = (cen_confusion){label, m->predicted[i], 1};
    }
    qsort(m->confusions, n, sizeof *m->confusions, compare_labels);
    for (size_t i = 0; i < n; i++) {
        cen_confusion *last = &m->confusions[m->n_confusions];
        if (m->n_confusions > 0 && compare_labels(last - 1, &m->confusions[i]) == 0) {
            last[-1].count++;
        } else {
            *last = m->confusions[i];
            m->n_confusions++;
        }
    }
    qsort(m->confusions, m->n_confusions, sizeof *m->confusions, compare_counts);
    return CEN_OK;
}

cen_status cen_measures_create(cen_context *context, cen_measures *measures,
                               const cen_labelled *gallery, const cen_labelled *queries, size_t d,
                               const cen_measure_options *options, cen_error *error)
{
    cen_measure_options o = cen_measure_options_init();
    cen_knn_options knn = cen_knn_options_init();
    cen_status status = cen__take_options(&o, options, error);
    if (status == CEN_OK) status = cen__take_options(&knn, o.knn, error);
    if (status != CEN_OK) return status;
    o.knn = &knn;
    cen_context *own;
    context = cen__context_use(context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    measuring g = {.context = context,
                   .gallery = *gallery,
                   .queries = *queries,
                   .d = d,
                   .options = &o,
                   .m = measures};
    *measures = (cen_measures){.n_queries = 0};
    status = check(&g, error);
    if (status == CEN_OK) status = measure_neighbours(&g, error);
    if (status == CEN_OK) status = measure_pairs(&g, error);
    if (status == CEN_OK) status = measure_few_shot(&g, error);
    if (status == CEN_OK) status = measure_compactness(&g, error);
    if (status == CEN_OK) status = list_confusions(&g, error);
    cen__classes_free(&g.classes);
    cen_context_free(own);
    if (status != CEN_OK) cen_measures_free(measures);
    return status;
}

void cen_measures_free(cen_measures *measures)
{
    if (measures == NULL) return;
    cen_pairs_free(&measures->pairs);
    cen__free(measures->predicted);
    cen__free(measures->neighbours);
    cen__free(measures->distances);
    cen__free(measures->confusions);
    *measures = (cen_measures){.n_queries = 0};
}
