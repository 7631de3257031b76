#include <centerloss_eval.h>

#include "search/classify.h"

#include <math.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/status.h"
#include "search/search.h"

/* Neighbours are ordered nearest first, so some are at distance 0 only if the first is. */
double cen__vote_weight(const double *distances, size_t i, cen_weights weights, cen_metric metric)
{
    if (weights == CEN_WEIGHTS_UNIFORM) return 1;
    if (distances[0] == 0) return distances[i] == 0 ? 1 : 0;
    if (weights == CEN_WEIGHTS_DISTANCE) return 1 / distances[i];
    double share = distances[0] / distances[i]; /* a cosine distance is half a square of a length */
    for (int doubling = metric == CEN_METRIC_COSINE; doubling < 4; doubling++) share *= share;
    return share;
}

cen_status cen__check_weights(cen_weights weights, cen_error *error)
{
    return cen__check_choice("the weighting", (long)weights, CEN_WEIGHTS_STEEP, error);
}

/* distances may be NULL if the weights are uniform. */
static int32_t vote(const size_t *indices, const double *distances, size_t k, cen_weights weights,
                    cen_metric metric, const int32_t *gallery_labels)
{
    int32_t best = -1;
    double most = -1;
    for (size_t i = 0; i < k; i++) {
        int32_t label = gallery_labels[indices[i]];
        double sum = 0;
        size_t first = 0;
        while (gallery_labels[indices[first]] != label) first++;
        if (first < i) continue; /* counted already */
        for (size_t j = i; j < k; j++) {
            if (gallery_labels[indices[j]] != label) continue;
            sum += cen__vote_weight(distances, j, weights, metric);
        }
        if (sum > most || (sum == most && label < best)) {
            most = sum;
            best = label;
        }
    }
    return best;
}

int32_t cen__knn_vote(const size_t *indices, size_t k, const int32_t *gallery_labels)
{
    return vote(indices, NULL, k, CEN_WEIGHTS_UNIFORM, CEN_METRIC_L2, gallery_labels);
}

int32_t cen__vote(const size_t *indices, const double *distances, const cen_knn_options *options,
                  const int32_t *gallery_labels)
{
    size_t k = 0; /* compared as floats, so that a threshold equal to a distance includes it */
    while (k < options->k && (double)(float)distances[k] <= options->most_distance) k++;
    return vote(indices, distances, k, options->weights, options->metric, gallery_labels);
}

cen_status cen__check_most_distance(const cen_knn_options *options, cen_error *error)
{
    if (options->most_distance >= 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "neighbours cannot vote within a distance of %g; choose one of at least 0",
                     options->most_distance);
}

cen_status cen_knn_classify(cen_context *context, const cen_labelled *gallery,
                            const cen_labelled *queries, size_t d, const cen_knn_options *options,
                            int32_t *predicted, size_t *indices, float *distances, cen_error *error)
{
    cen_knn_options o = cen_knn_options_init();
    cen_status status = cen__take_options(&o, options, error);
    const cen__query query = {.gallery = gallery->features,
                              .queries = queries->features,
                              .n_gallery = gallery->n,
                              .n_queries = queries->n,
                              .d = d,
                              .k = o.k,
                              .metric = o.metric,
                              .leave_one_out = o.leave_one_out,
                              .context = context};
    if (status == CEN_OK) status = cen__check_weights(o.weights, error);
    if (status == CEN_OK) status = cen__check_most_distance(&o, error);
    if (status != CEN_OK) return status;
    size_t count, k = o.k < gallery->n ? o.k : gallery->n; /* more is refused below */
    bool fits = cen__multiply(queries->n, k, &count);
    size_t *own = fits && indices == NULL ? cen__alloc(context, count, sizeof *own) : NULL;
    double *exact = fits ? cen__alloc(context, count, sizeof *exact) : NULL;
    if (indices == NULL) indices = own;
    if (indices != NULL && exact != NULL) {
        const cen__found found = {.indices = indices, .distances = distances, .exact = exact};
        status = cen__search(&query, found, error);
    } else {
        status = cen__fail_memory(error, "the neighbours of the queries");
    }
    for (size_t i = 0; i < queries->n && status == CEN_OK; i++) {
        predicted[i] = cen__vote(indices + i * k, exact + i * k, &o, gallery->labels);
    }
    cen__free(own);
    cen__free(exact);
    return status;
}
