/* One search gives the k neighbours that vote and the R that retrieval needs. R differs from query to query, so
 * queries are ordered by depth max(k, R) and searched in blocks of similar depth, whose neighbours fit into
 * bounded memory. Queries of very large classes come last: only their k neighbours are searched for, and their
 * hits are counted. */
#include "search/retrieval.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "search/classify.h"
#include "search/hits.h"
#include "search/search.h"

enum { QUERIES_MOST = 16384, NEIGHBOURS_MOST = 1 << 22 }; /* of a block */

typedef struct {
    cen_context *context;
    cen_labelled gallery, queries;
    size_t d;
    const cen_knn_options *options;
    cen__place
        *places; /* [queries.n] by depth, then by query; those whose hits are counted come last */
    /* of one block */
    float *features;   /* [block, d] */
    size_t *left_out;  /* [block] */
    size_t *indices;   /* [block, depth] */
    double *distances; /* [block, depth] */
    cen__hits *hits;   /* [block] */
    cen__answers answers;
    size_t n_labelled, n_lone, n_right;
    double at_1, r_precision, map_at_r; /* sums */
} retrieve;

static int compare_places(const void *left, const void *right)
{
    const cen__place *a = left, *b = right;
    if (a->depth != b->depth) return a->depth < b->depth ? -1 : 1;
    return (a->query > b->query) - (a->query < b->query);
}

static size_t search_depth(const retrieve *r, const cen__place *p)
{
    return p->counted ? r->options->k : p->depth;
}

static void plan(retrieve *r, const cen__classes *classes)
{
    size_t k = r->options->k;
    for (size_t i = 0; i < r->queries.n; i++) {
        size_t n_partners =
            cen__classes_count(classes, cen__classes_find(classes, r->queries.labels[i]));
        if (r->options->leave_one_out && n_partners > 0) n_partners--;
        bool counted = n_partners > k && cen__hits_countable(n_partners, r->gallery.n);
        r->places[i] = (cen__place){i, n_partners, n_partners > k ? n_partners : k, counted};
    }
    qsort(r->places, r->queries.n, sizeof *r->places, compare_places);
}

/* The end of the block that begins at first. The whole block is searched as deep as its last query. */
static size_t block_end(const retrieve *r, size_t first)
{
    size_t end = first + 1;
    while (end < r->queries.n && end - first < QUERIES_MOST) {
        size_t depth = search_depth(r, &r->places[end]);
        if (r->places[end].counted != r->places[first].counted) break;
        if (depth / 2 > search_depth(r, &r->places[first])) break;
        if (depth > NEIGHBOURS_MOST / (end - first + 1)) break;
        end++;
    }
    return end;
}

/* Memory for the largest block. */
static bool reserve(retrieve *r)
{
    size_t n_most = 0, most = 0, count;
    for (size_t first = 0, end; first < r->queries.n; first = end) {
        end = block_end(r, first);
        size_t n = end - first, n_neighbours = n * search_depth(r, &r->places[end - 1]);
        if (n > n_most) n_most = n;
        if (n_neighbours > most) most = n_neighbours;
    }
    if (!cen__multiply(n_most, r->d, &count)) return false;
    r->features = cen__alloc(r->context, count, sizeof *r->features);
    r->left_out = cen__alloc(r->context, n_most, sizeof *r->left_out);
    r->hits = cen__alloc(r->context, n_most, sizeof *r->hits);
    r->indices = cen__alloc(r->context, most, sizeof *r->indices);
    r->distances = cen__alloc(r->context, most, sizeof *r->distances);
    return r->features != NULL && r->left_out != NULL && r->hits != NULL && r->indices != NULL &&
           r->distances != NULL;
}

/* Answers a query from its k neighbours, or more. */
static void answer(retrieve *r, size_t query, const size_t *indices, const double *distances)
{
    size_t k = r->options->k;
    r->answers.predicted[query] = cen__vote(indices, distances, r->options, r->gallery.labels);
    memcpy(r->answers.neighbours + query * k, indices, k * sizeof *indices);
    for (size_t j = 0; j < k; j++) r->answers.distances[query * k + j] = (float)distances[j];
}

/* Musgrave et al. 2020, section 3: with hit_i 1 if the i-th of R neighbours has the label and p_i the
 * share of hits among the first i, R-precision = p_R and MAP@R = 1/R sum_i hit_i p_i. */
static void score(retrieve *r, const cen__place *p, size_t nearest, cen__hits hits)
{
    int32_t label = r->queries.labels[p->query];
    if (label < 0) return;
    r->n_labelled++;
    r->n_right += r->answers.predicted[p->query] == label;
    if (p->n_partners == 0) {
        r->n_lone++;
        return;
    }
    r->at_1 += r->gallery.labels[nearest] == label;
    r->r_precision += hits.n / (double)p->n_partners;
    r->map_at_r += hits.sum / (double)p->n_partners;
}

static cen_status search_block(const retrieve *r, size_t first, size_t end, size_t depth,
                               cen_error *error)
{
    for (size_t i = first; i < end; i++) {
        size_t query = r->places[i].query;
        memcpy(r->features + (i - first) * r->d, r->queries.features + query * r->d,
               r->d * sizeof *r->features);
        r->left_out[i - first] = query;
    }
    const cen__query query = {.gallery = r->gallery.features,
                              .queries = r->features,
                              .n_gallery = r->gallery.n,
                              .n_queries = end - first,
                              .d = r->d,
                              .k = depth,
                              .metric = r->options->metric,
                              .leave_one_out = r->options->leave_one_out,
                              .left_out = r->left_out,
                              .context = r->context};
    const cen__found found = {.indices = r->indices, .exact = r->distances};
    return cen__search(&query, found, error);
}

static cen_status run_block(retrieve *r, const cen__classes *classes, size_t first, size_t end,
                            cen_error *error)
{
    size_t depth = search_depth(r, &r->places[end - 1]);
    cen_status status = search_block(r, first, end, depth, error);
    if (status == CEN_OK && r->places[first].counted) {
        status = cen__hits_count(r->context, r->gallery, classes, r->queries, r->d, r->options,
                                 r->places + first, end - first, r->hits, error);
    }
    for (size_t i = first; i < end && status == CEN_OK; i++) {
        const cen__place *p = &r->places[i];
        const size_t *indices = r->indices + (i - first) * depth;
        cen__hits hits =
            p->counted ? r->hits[i - first]
                       : cen__hits_of_neighbours(indices, p->n_partners,
                                                 r->queries.labels[p->query], r->gallery.labels);
        answer(r, p->query, indices, r->distances + (i - first) * depth);
        score(r, p, indices[0], hits);
    }
    return status;
}

/* Wilson, Probable inference, the law of succession, and statistical inference, 1927. */
static void set_interval(double n_right, double n, double interval[2])
{
    const double z = 1.959963984540054;
    double middle = (n_right + z * z / 2) / (n + z * z);
    double half = z / (n + z * z) * sqrt(n_right * (n - n_right) / n + z * z / 4);
    interval[0] = n_right > 0 ? middle - half : 0;
    interval[1] = n_right < n ? middle + half : 1;
    if (!(n > 0)) interval[0] = interval[1] = (double)NAN;
}

static double macro_accuracy(const retrieve *r, const cen__classes *classes)
{
    double sum = 0;
    for (size_t c = 0; c < classes->n_classes; c++) {
        size_t n_right = 0;
        for (size_t i = classes->starts[c]; i < classes->starts[c + 1]; i++) {
            n_right += r->answers.predicted[classes->rows[i]] == classes->labels[c];
        }
        sum += (double)n_right / (double)cen__classes_count(classes, c);
    }
    return classes->n_classes > 0 ? sum / (double)classes->n_classes : (double)NAN;
}

static cen_status summarise(const retrieve *r, cen_retrieval *retrieval, cen_error *error)
{
    cen__classes classes; /* of the queries */
    double n = (double)r->n_labelled, n_scored = (double)(r->n_labelled - r->n_lone);
    if (!cen__classes_create(r->context, &classes, r->queries.labels, r->queries.n)) {
        return cen__fail_memory(error, "the classes of the queries");
    }
    *retrieval = (cen_retrieval){.n_queries = r->n_labelled, .n_lone = r->n_lone};
    retrieval->knn_accuracy = n > 0 ? (double)r->n_right / n : (double)NAN;
    retrieval->precision_at_1 = n_scored > 0 ? r->at_1 / n_scored : (double)NAN;
    retrieval->r_precision = n_scored > 0 ? r->r_precision / n_scored : (double)NAN;
    retrieval->map_at_r = n_scored > 0 ? r->map_at_r / n_scored : (double)NAN;
    retrieval->knn_macro = macro_accuracy(r, &classes);
    set_interval((double)r->n_right, n, retrieval->knn_interval);
    set_interval(r->at_1, n_scored, retrieval->at_1_interval);
    cen__classes_free(&classes);
    return CEN_OK;
}

cen_status cen__retrieve(cen_context *context, cen_labelled gallery, const cen__classes *classes,
                         cen_labelled queries, size_t d, const cen_knn_options *options,
                         cen__answers answers, cen_retrieval *retrieval, cen_error *error)
{
    retrieve r = {.context = context,
                  .gallery = gallery,
                  .queries = queries,
                  .d = d,
                  .options = options,
                  .answers = answers};
    cen_status status = CEN_OK;
    r.places = cen__alloc(context, queries.n, sizeof *r.places);
    if (r.places != NULL) plan(&r, classes);
    if (r.places == NULL || !reserve(&r)) {
        status = cen__fail_memory(error, "the neighbours of a block of queries");
    }
    for (size_t first = 0, end; first < queries.n && status == CEN_OK; first = end) {
        end = block_end(&r, first);
        status = run_block(&r, classes, first, end, error);
    }
    if (status == CEN_OK) status = summarise(&r, retrieval, error);
    cen__free(r.places);
    cen__free(r.features);
    cen__free(r.left_out);
    cen__free(r.hits);
    cen__free(r.indices);
    cen__free(r.distances);
    return status;
}
