#ifndef CEN_SEARCH_CLASSIFY_H
#define CEN_SEARCH_CLASSIFY_H

#include <centerloss_eval.h>

/* The vote of neighbour i, given the exact distances of all that vote, nearest first. */
double cen__vote_weight(const double *distances, size_t i, cen_weights weights, cen_metric metric);

/* Errors: ARGUMENT. */
cen_status cen__check_weights(cen_weights weights, cen_error *error);

/* The label with the most weight among those of indices[options->k], nearest first, that are within
 * options->most_distance; -1 if none is; a tie goes to the smallest label. */
int32_t cen__vote(const size_t *indices, const double *distances, const cen_knn_options *options,
                  const int32_t *gallery_labels);

/* Errors: ARGUMENT (most_distance). */
cen_status cen__check_most_distance(const cen_knn_options *options, cen_error *error);

/* The label that most of indices[k] have in gallery_labels; a tie goes to the smallest label, as in
 * scikit-learn. */
int32_t cen__knn_vote(const size_t *indices, size_t k, const int32_t *gallery_labels);

#endif
