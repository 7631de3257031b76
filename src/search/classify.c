#include "search/classify.h"

#include "base/checks.h"
#include "base/memory.h"
#include "base/status.h"
#include "search/search.h"

cen_knn_options cen_knn_options_default(void)
{
    return (cen_knn_options){.metric = CEN_METRIC_L2, .k = 5, .weights = CEN_WEIGHTS_UNIFORM};
}

/* Neighbours are nearest first, so that some are at distance 0 where the first is. */
static double weight_of(const double *distances, size_t i, cen_weights weights)
{
    if (weights == CEN_WEIGHTS_UNIFORM) return 1;
    if (distances[0] == 0) return distances[i] == 0 ? 1 : 0;
    return 1 / distances[i];
}

int32_t cen__vote(const size_t *indices, const double *distances, size_t k, cen_weights weights,
                  const int32_t *gallery_labels)
{
    int32_t best = 0;
    double most = -1;
    for (size_t i = 0; i < k; i++) {
        int32_t label = gallery_labels[indices[i]];
        double sum = 0;
        size_t first = 0;
        while (gallery_labels[indices[first]] != label) first++;
        if (first < i) continue; /* counted already */
        for (size_t j = i; j < k; j++) {
            if (gallery_labels[indices[j]] == label) sum += weight_of(distances, j, weights);
        }
        if (sum > most || (sum == most && label < best)) {
            most = sum;
            best = label;
        }
    }
    return best;
}

int32_t cen_knn_vote(const size_t *indices, size_t k, const int32_t *gallery_labels)
{
    return cen__vote(indices, NULL, k, CEN_WEIGHTS_UNIFORM, gallery_labels);
}

cen_status cen_knn_classify(cen_labelled gallery, cen_labelled queries, size_t d,
                            const cen_knn_options *options, int32_t *predicted, cen_error *error)
{
    const cen__query query = {.gallery = gallery.features,
                              .queries = queries.features,
                              .n_gallery = gallery.n,
                              .n_queries = queries.n,
                              .d = d,
                              .k = options->k,
                              .metric = options->metric,
                              .leave_one_out = options->leave_one_out,
                              .n_threads = options->n_threads};
    cen_status status =
        cen__check_choice("the weighting", (long)options->weights, CEN_WEIGHTS_DISTANCE, error);
    if (status != CEN_OK) return status;
    size_t count, k = options->k < gallery.n ? options->k : gallery.n; /* more is refused below */
    bool fits = cen__multiply(queries.n, k, &count);
    size_t *indices = fits ? cen__alloc(count, sizeof *indices) : NULL;
    double *distances = fits ? cen__alloc(count, sizeof *distances) : NULL;
    if (indices != NULL && distances != NULL) {
        status = cen__search(&query, (cen__found){.indices = indices, .exact = distances}, error);
    } else {
        status = cen__fail_memory(error, "the neighbours of the queries");
    }
    for (size_t i = 0; i < queries.n && status == CEN_OK; i++) {
        predicted[i] =
            cen__vote(indices + i * k, distances + i * k, k, options->weights, gallery.labels);
    }
    cen__free(indices);
    cen__free(distances);
    return status;
}
