/* The exact search in a gallery, span by span. */
#include "search/gallery.h"

#include <math.h>
#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "base/sizes.h"
#include "search/nearest.h"
#include "search/search.h"

/* The k nearest so far of each query. */
typedef struct {
    const cen_gallery *gallery;
    const float *queries; /* [n, d] */
    size_t n, k, capacity;
    cen__neighbour *items; /* [n, capacity] */
    cen__nearest *nearest; /* [n] */
} gathered;

static cen_status fail_row(const cen_gallery *g, size_t row, cen_error *error)
{
    char text[256];
    cen__gallery_describe(g, row, text, sizeof text);
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "%s of the gallery holds a number that is not finite, so the file is damaged; "
                     "copy it again, or remove the row",
                     text);
}

/* Searches features[n, d], which are the rows first .. first + n - 1 or, if they are given, rows[n]. Those that are not of
 * the wanted kind are skipped; there are at most n_skipped. */
static cen_status search_part(gathered *s, const float *features, size_t n, size_t first,
                              const size_t *rows, size_t n_skipped, cen_error *error)
{
    const cen_gallery *g = s->gallery;
    const size_t wanted = cen__plus(s->k, n_skipped), k = wanted < n ? wanted : n;
    const size_t count = cen__times(s->n, k);
    size_t *indices = cen__alloc(g->context, count, sizeof *indices);
    double *exact = cen__alloc(g->context, count, sizeof *exact);
    cen_error why = {CEN_OK, ""};
    const cen__query query = {.gallery = features,
                              .queries = s->queries,
                              .n_gallery = n,
                              .n_queries = s->n,
                              .d = g->info.d,
                              .k = k,
                              .metric = g->info.metric,
                              .context = g->context};
    const cen__found found = {.indices = indices, .exact = exact};
    cen_status status = indices != NULL && exact != NULL
                            ? cen__search(&query, found, &why)
                            : cen__fail_memory(&why, "a search for neighbours");
    for (size_t i = 0; i < s->n && status == CEN_OK; i++) {
        for (size_t j = 0; j < k; j++) {
            const size_t at = indices[i * k + j], row = rows != NULL ? rows[at] : first + at;
            if (rows == NULL && n_skipped > 0 && cen__gallery_is_negative(g, row)) continue;
            cen__nearest_offer(&s->nearest[i], (cen__neighbour){exact[i * k + j], row});
        }
    }
    cen__free(indices);
    cen__free(exact);
    if (status == CEN_OK) return CEN_OK;
    for (size_t i = 0; i < n * g->info.d && status == CEN_ERROR_ARGUMENT; i++) {
        if (isfinite(features[i])) continue;
        const size_t at = i / g->info.d;
        return fail_row(g, rows != NULL ? rows[at] : first + at, error);
    }
    return cen__fail(error, status, "%s", why.message);
}

/* The number of negatives before row i. */
static size_t negatives_before(const cen_gallery *g, size_t i)
{
    size_t low = 0, high = g->info.n_negatives;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (g->negatives[middle] < i) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static cen_status search_positives(gathered *s, cen_error *error)
{
    const cen_gallery *g = s->gallery;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < g->n_spans && status == CEN_OK; i++) {
        const cen__gallery_span *span = &g->spans[i];
        const size_t n_skipped =
            negatives_before(g, span->first + span->n) - negatives_before(g, span->first);
        if (n_skipped == span->n) continue;
        status = search_part(s, g->blocks[span->block].features + span->place * g->info.d, span->n,
                             span->first, NULL, n_skipped, error);
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
        status = search_part(s, copies, count, 0, g->negatives + first, 0, error);
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

cen_status cen__gallery_search(const cen_gallery *g, const float *queries, size_t n, size_t k,
                               bool negatives, size_t *indices, float *distances, size_t *n_found,
                               cen_error *error)
{
    const size_t n_kind = negatives ? g->info.n_negatives : g->info.n - g->info.n_negatives;
    gathered s = {.gallery = g, .queries = queries, .n = n, .k = k < n_kind ? k : n_kind};
    *n_found = s.k;
    cen_status status = check_queries(g, queries, n, error);
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
        status = negatives ? search_negatives(&s, error) : search_positives(&s, error);
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        cen__nearest_sort(&s.nearest[i]);
        for (size_t j = 0; j < s.k; j++) {
            const cen__neighbour found = s.nearest[i].items[j];
            if (indices != NULL) indices[i * k + j] = found.index;
            if (distances != NULL) distances[i * k + j] = (float)found.distance;
        }
    }
    cen__free(s.items);
    cen__free(s.nearest);
    return status;
}
