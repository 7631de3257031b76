/* Exact k-nearest neighbours: arguments are checked, one of the two ways of knn.h is taken, and what its parts have
 * found is merged. */
#include "search/knn.h"

#include <centerloss_eval.h>

#include <float.h>
#include <math.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/status.h"
#include "search/distance.h"
#include "search/search.h"

enum { FINISH_TASK = 256 /* queries whose answers are written together */ };

void *cen__knn_alloc(cen_context *context, size_t a, size_t b, size_t c, size_t size)
{
    size_t count;
    if (!cen__multiply(a, b, &count) || !cen__multiply(count, c, &count)) return NULL;
    return cen__alloc(context, count, size);
}

bool cen__knn_start(cen_context *context, cen__knn *knn, size_t n_parts)
{
    knn->n_parts = n_parts;
    knn->items =
        cen__knn_alloc(context, n_parts, knn->n_queries, knn->capacity, sizeof *knn->items);
    knn->nearest = cen__knn_alloc(context, n_parts, knn->n_queries, 1, sizeof *knn->nearest);
    if (knn->items == NULL || knn->nearest == NULL) return false;
    for (size_t i = 0; i < n_parts * knn->n_queries; i++) {
        knn->nearest[i] = cen__nearest_start(knn->items + i * knn->capacity, knn->k);
    }
    return true;
}

static cen_status fail_broken(cen_error *error, const char *what, size_t row)
{
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "row %zu of the %s holds a number that is not finite; leave it out", row,
                     what);
}

static cen_status check(const cen__knn *s, cen_error *error)
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

typedef struct {
    const cen__knn *s;
    cen__found found;
} answers;

/* Merges the parts and writes the answer of query i. */
static void finish(const cen__knn *s, size_t i, cen__found found)
{
    cen__nearest *nearest = &s->nearest[i];
    for (size_t part = 1; part < s->n_parts; part++) {
        const cen__nearest *other = &s->nearest[part * s->n_queries + i];
        for (size_t j = 0; j < other->count; j++) cen__nearest_offer(nearest, other->items[j]);
    }
    cen__nearest_sort(nearest);
    for (size_t j = 0; j < s->k; j++) {
        bool is_found = j < nearest->count;
        double distance =
            is_found ? cen__distance(s->cosine, nearest->items[j].distance) : HUGE_VAL;
        size_t index = is_found ? nearest->items[j].index : SIZE_MAX;
        if (found.indices != NULL) found.indices[i * s->k + j] = index;
        if (found.distances != NULL) found.distances[i * s->k + j] = (float)distance;
        if (found.exact != NULL) found.exact[i * s->k + j] = distance;
    }
}

static void run_finish(void *data, size_t task, int worker)
{
    const answers *a = data;
    size_t end = (task + 1) * FINISH_TASK;
    if (end > a->s->n_queries) end = a->s->n_queries;
    for (size_t i = task * FINISH_TASK; i < end; i++) finish(a->s, i, a->found);
    (void)worker;
}

static cen_status search(cen_context *context, cen__knn *s, cen__found found, cen_error *error)
{
    bool enough = cen__knn_streams(s) ? cen__knn_stream(context, s) : cen__knn_batch(context, s);
    if (!enough) return cen__fail_memory(error, "a search for neighbours");
    if (s->broken_row != SIZE_MAX) return fail_broken(error, "gallery", s->broken_row);
    double work = (double)s->n_queries * (double)s->n_parts * (double)s->k;
    answers a = {s, found};
    cen__parallel(context, (s->n_queries - 1) / FINISH_TASK + 1, work, run_finish, &a);
    return CEN_OK;
}

cen_status cen__search(const cen__query *query, cen__found found, cen_error *error)
{
    cen_context *own, *context = cen__context_use(query->context, &own);
    if (context == NULL) return cen__fail_memory(error, "a context");
    const cen__kernels *kernels = cen__kernels_of(context->instructions);
    double m = ((double)query->d + 8) * (double)FLT_EPSILON / 2;
    cen__knn s = {.gallery = query->gallery,
                  .queries = query->queries,
                  .n_gallery = query->n_gallery,
                  .n_queries = query->n_queries,
                  .d = query->d,
                  .k = query->k,
                  .cosine = query->metric == CEN_METRIC_COSINE,
                  .leave_one_out = query->leave_one_out,
                  .skips = query->skips,
                  .skip_data = query->skip_data,
                  .left_out = query->left_out,
                  .micro = &kernels->micro,
                  .vectors = &kernels->vectors,
                  .gamma = m < 0.5 ? m / (1 - m) : HUGE_VAL,
                  .capacity = cen__nearest_capacity(query->k),
                  .broken_row = SIZE_MAX};
    cen_status status =
        cen__check_choice("the metric", (long)query->metric, CEN_METRIC_COSINE, error);
    if (status == CEN_OK) status = check(&s, error);
    if (status == CEN_OK && s.n_queries > 0) status = search(context, &s, found, error);
    cen__free(s.items);
    cen__free(s.nearest);
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
