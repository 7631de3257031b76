/* For retrieval: which of the first R neighbours of a query are hits. R is the number of rows with its label. */
#ifndef CEN_SEARCH_HITS_H
#define CEN_SEARCH_HITS_H

#include <centerloss_eval.h>

#include "search/classes.h"

typedef struct cen__hits {
    double n;   /* hits among the first R */
    double sum; /* over the hits: hits up to this one, divided by its rank */
} cen__hits;

typedef struct cen__place {
    size_t query, n_partners, depth; /* n_partners: R; depth: max(k, R) */
    bool counted;                    /* by cen__hits_count */
} cen__place;

/* From the first R neighbours. */
cen__hits cen__hits_of_neighbours(const size_t *indices, size_t n_partners, int32_t label,
                                  const int32_t *gallery_labels);

/* True if cen__hits_count is faster than a search for n_partners neighbours. */
bool cen__hits_countable(size_t n_partners, size_t n_gallery);

/* The hits of the queries places[n], whose labels the gallery has. It sorts only the other rows, and counts the
 * partners before each. classes are those of the gallery; all features are finite. Errors: MEMORY. */
cen_status cen__hits_count(cen_context *context, cen_labelled gallery, const cen__classes *classes,
                           cen_labelled queries, size_t d, const cen_knn_options *options,
                           const cen__place *places, size_t n, cen__hits *hits, cen_error *error);

#endif
