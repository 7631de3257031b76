/* The exact search in a gallery, span by span. */
#include "search/gallery.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/sizes.h"
#include "search/nearest.h"
#include "search/search.h"

/* The k nearest so far of each question. */
typedef struct {
    const cen_gallery *gallery;
    const cen__gallery_query *query;
    size_t k, capacity;
    cen__neighbour *items; /* [n, capacity] */
    cen__nearest *nearest; /* [n] */
} gathered;

/* The rows of one search: first .. or, if they are given, rows[]. */
typedef struct {
    const cen_gallery *gallery;
    const cen__gallery_query *query;
    size_t first;
    const size_t *rows;
    bool has_negatives; /* some of them are, and do not answer */
} part;

static size_t row_of(const part *p, size_t at)
{
    return p->rows != NULL ? p->rows[at] : p->first + at;
}

/* A damaged row answers, and is found to be damaged when its name is read. */
static bool skips(const void *data, size_t question, size_t at)
{
    const part *p = data;
    const size_t row = row_of(p, at);
    size_t label;
    if (p->has_negatives && cen__gallery_is_negative(p->gallery, row)) return true;
    if (p->query->names == CEN__ALL_NAMES) return false;
    if (cen__gallery_label(p->gallery, row, &label, NULL) != CEN_OK) return false;
    return (label == p->query->labels[question]) != (p->query->names == CEN__THIS_NAME);
}

static cen_status fail_row(const cen_gallery *g, size_t row, cen_error *error)
{
    char text[CEN__GALLERY_DESCRIBED];
    cen__gallery_describe(g, row, text, sizeof text);
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "%s of the gallery holds a number that is not finite, so the file is damaged; "
                     "copy it again, or remove the row",
                     text);
}

/* Searches features[n, d], the rows of p. */
static cen_status search_part(gathered *s, const part *p, const float *features, size_t n,
                              cen_error *error)
{
    const cen_gallery *g = s->gallery;
    const size_t k = s->k < n ? s->k : n, count = cen__times(s->query->n, k);
    const bool filters = p->has_negatives || s->query->names != CEN__ALL_NAMES;
    size_t *indices = cen__alloc(g->context, count, sizeof *indices);
    double *exact = cen__alloc(g->context, count, sizeof *exact);
    cen_error why = {CEN_OK, ""};
    const cen__query query = {.gallery = features,
                              .queries = s->query->queries,
                              .n_gallery = n,
                              .n_queries = s->query->n,
                              .d = g->info.d,
                              .k = k,
                              .metric = g->info.metric,
                              .skips = filters ? skips : NULL,
                              .skip_data = p,
                              .context = g->context};
    const cen__found found = {.indices = indices, .exact = exact};
    cen_status status = indices != NULL && exact != NULL
                            ? cen__search(&query, found, &why)
                            : cen__fail_memory(&why, "a search for neighbours");
    for (size_t i = 0; i < s->query->n && status == CEN_OK; i++) {
        for (size_t j = i * k; j < (i + 1) * k && indices[j] != SIZE_MAX; j++) {
            const cen__neighbour row = {exact[j], row_of(p, indices[j])};
            cen__nearest_offer(&s->nearest[i], row);
        }
    }
    cen__free(indices);
    cen__free(exact);
    if (status == CEN_OK) return CEN_OK;
    for (size_t i = 0; i < n * g->info.d && status == CEN_ERROR_ARGUMENT; i++) {
        if (!isfinite(features[i])) return fail_row(g, row_of(p, i / g->info.d), error);
    }
    return cen__fail(error, status, "%s", why.message);
}

static cen_status search_positives(gathered *s, cen_error *error)
{
    const cen_gallery *g = s->gallery;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < g->n_spans && status == CEN_OK; i++) {
        const cen__gallery_span *span = &g->spans[i];
        const size_t n_skipped = cen__gallery_negatives_before(g, span->first + span->n) -
                                 cen__gallery_negatives_before(g, span->first);
        if (n_skipped == span->n) continue;
        const part p = {g, s->query, span->first, NULL, n_skipped > 0};
        status = search_part(s, &p, g->blocks[span->block].features + span->place * g->info.d,
                             span->n, error);
    }
    return status;
}

/* Negatives are few, and are copied. */
static cen_status search_negatives(gathered *s, cen_error *error)
{
    enum { MOST = 4096 };
    const cen_gallery *g = s->gallery;
    const size_t n = g->info.n_negatives, d = g->info.d, chunk = n < MOST ? n : MOST;
    float *copies = cen__alloc(g->context, cen__times(chunk, d), sizeof *copies);
    cen_status status =
        copies != NULL ? CEN_OK : cen__fail_memory(error, "a search for neighbours");
    for (size_t first = 0; first < n && status == CEN_OK; first += chunk) {
        const size_t count = n - first < chunk ? n - first : chunk;
        for (size_t i = 0; i < count; i++) {
            memcpy(copies + i * d, cen__gallery_feature(g, g->negatives[first + i]),
                   d * sizeof *copies);
        }
        const part p = {g, s->query, 0, g->negatives + first, false};
        status = search_part(s, &p, copies, count, error);
    }
    cen__free(copies);
    return status;
}

static cen_status check_queries(const cen_gallery *g, const float *queries, size_t n,
                                cen_error *error)
{
    for (size_t i = 0; i < n * g->info.d; i++) {
        if (isfinite(queries[i])) continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "question %zu has a number that is not finite; leave it out",
                         i / g->info.d);
    }
    return CEN_OK;
}

/* Writes the k nearest of question i. */
static void finish(const gathered *s, size_t i, cen__found found)
{
    const size_t k = s->query->k;
    cen__nearest_sort(&s->nearest[i]);
    for (size_t j = 0; j < s->k; j++) {
        const cen__neighbour none = {INFINITY, SIZE_MAX};
        const cen__neighbour row = j < s->nearest[i].count ? s->nearest[i].items[j] : none;
        if (found.indices != NULL) found.indices[i * k + j] = row.index;
        if (found.distances != NULL) found.distances[i * k + j] = (float)row.distance;
        if (found.exact != NULL) found.exact[i * k + j] = row.distance;
    }
}

cen_status cen__gallery_search(const cen_gallery *g, const cen__gallery_query *query,
                               cen__found found, size_t *n_found, cen_error *error)
{
    const size_t n_kind = query->negatives ? g->info.n_negatives : g->info.n - g->info.n_negatives;
    gathered s = {.gallery = g, .query = query, .k = query->k < n_kind ? query->k : n_kind};
    const size_t n = query->n;
    *n_found = s.k;
    cen_status status = check_queries(g, query->queries, n, error);
    if (status != CEN_OK || s.k == 0 || n == 0) return status;
    s.capacity = cen__nearest_capacity(s.k);
    s.items = cen__alloc(g->context, cen__times(n, s.capacity), sizeof *s.items);
    s.nearest = cen__alloc(g->context, n, sizeof *s.nearest);
    if (s.items == NULL || s.nearest == NULL) {
        status = cen__fail_memory(error, "a search for neighbours");
    } else {
        for (size_t i = 0; i < n; i++) {
            s.nearest[i] = cen__nearest_start(s.items + i * s.capacity, s.k);
        }
        status = query->negatives ? search_negatives(&s, error) : search_positives(&s, error);
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) finish(&s, i, found);
    cen__free(s.items);
    cen__free(s.nearest);
    return status;
}
