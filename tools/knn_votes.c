/* How sure an answer is: the votes of the neighbours. */
#include <centerloss_eval.h>

#include "knn.h"

#include <stdlib.h>
#include <string.h>

static int compare_labels(const void *a, const void *b)
{
    const knn_vote *one = a, *other = b;
    return (one->label > other->label) - (one->label < other->label);
}

static int compare_shares(const void *a, const void *b)
{
    const knn_vote *one = a, *other = b;
    if (one->share != other->share) return one->share > other->share ? -1 : 1;
    return compare_labels(a, b);
}

size_t knn_count_votes(const cen_knn_options *options, const int32_t *labels, const size_t *indices,
                       const float *distances, knn_vote *votes)
{
    size_t n_voters = 0, n = 0;
    double sum = 0;
    while (n_voters < options->k && (double)distances[n_voters] <= options->most_distance) {
        n_voters++;
    }
    /* Neighbours at distance 0 are the only ones that count by 1 / distance. */
    const bool by_distance = options->weights == CEN_WEIGHTS_DISTANCE;
    const bool has_zero = by_distance && n_voters > 0 && !(distances[0] > 0);
    for (size_t j = 0; j < n_voters; j++) {
        const double distance = (double)distances[j];
        const double weight = !by_distance ? 1 : has_zero ? !(distance > 0) : 1 / distance;
        votes[j] = (knn_vote){labels[indices[j]], weight};
        sum += weight;
    }
    if (n_voters == 0) return 0;
    qsort(votes, n_voters, sizeof *votes, compare_labels);
    for (size_t j = 0; j < n_voters; j++) {
        const bool is_same = n > 0 && votes[n - 1].label == votes[j].label;
        const double share = votes[j].share / sum;
        if (is_same) {
            votes[n - 1].share += share;
        } else {
            votes[n++] = (knn_vote){votes[j].label, share};
        }
    }
    qsort(votes, n, sizeof *votes, compare_shares);
    while (n > 1 && !(votes[n - 1].share > 0)) n--;
    return n;
}
