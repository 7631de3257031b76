#ifndef CEN_SEARCH_RETRIEVAL_H
#define CEN_SEARCH_RETRIEVAL_H

#include <centerloss_eval.h>

#include "search/classes.h"

/* The answers to each query, in arrays of the caller. */
typedef struct cen__answers {
    int32_t *predicted; /* [n_queries] */
    size_t *neighbours; /* [n_queries, k], nearest first */
    float *distances;   /* [n_queries, k] */
} cen__answers;

/* Fills answers and measures from one search, which is as deep for each query as its R or k needs. options->k is
 * at most the number of rows. Queries without a label (negative) are answered and not measured. A share of no
 * queries is NAN. Errors: as cen_knn_search. */
cen_status cen__retrieve(cen_context *context, cen_labelled gallery, const cen__classes *classes,
                         cen_labelled queries, size_t d, const cen_knn_options *options,
                         cen__answers answers, cen_retrieval *retrieval, cen_error *error);

#endif
