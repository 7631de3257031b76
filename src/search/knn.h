/* One exact search, and the two ways to it. Both offer rows with the distances of distance.h, measured in double, so
 * they give the same answer. knn_batch.c packs many queries and the gallery for a matrix product. knn_stream.c reads
 * each row of the gallery once, where it lies, for one or a few queries. */
#ifndef CEN_SEARCH_KNN_H
#define CEN_SEARCH_KNN_H

#include <stdbool.h>
#include <stddef.h>

#include <centerloss.h>

#include "kernels/dispatch.h"
#include "search/nearest.h"

typedef struct cen__knn {
    const float *gallery, *queries;
    size_t n_gallery, n_queries, d, k;
    bool cosine, leave_one_out;
    const size_t *left_out; /* [n_queries], or NULL: query i is row i */
    bool (*skips)(const void *skip_data, size_t query, size_t row); /* or NULL; as in cen__query */
    const void *skip_data;
    const cen__micro *micro;
    const cen__vectors *vectors;
    /* A sum of D float products is off by at most this share of the sum of their magnitudes, also if both factors
     * carry a few roundings: gamma = m u / (1 - m u), m = D + 8, u = 2^-24 (Higham 2002, 3.1). */
    double gamma;
    /* What the ways find, and leave to the caller to merge: each part has seen some rows of the gallery. */
    size_t n_parts, capacity; /* capacity: items of a query */
    cen__neighbour *items;    /* [n_parts, n_queries, capacity] */
    cen__nearest *nearest;    /* [n_parts, n_queries] */
    size_t broken_row;        /* the first of the gallery that is not finite, or SIZE_MAX */
} cen__knn;

/* Takes the memory of n_parts, and starts them. False: no memory is left. */
bool cen__knn_start(cen_context *context, cen__knn *knn, size_t n_parts);

/* Each fills the parts, which it starts. False: no memory is left. */
bool cen__knn_batch(cen_context *context, cen__knn *knn);
bool cen__knn_stream(cen_context *context, cen__knn *knn);

/* True if the stream is the faster way. */
bool cen__knn_streams(const cen__knn *knn);

/* True if a row may be an answer to query i. */
static inline bool cen__knn_allows(const cen__knn *knn, size_t i, size_t row)
{
    if (!knn->leave_one_out) return true;
    return row != (knn->left_out == NULL ? i : knn->left_out[i]);
}

/* Offers query i a row that is allowed, unless it is skipped. */
static inline void cen__knn_offer(const cen__knn *knn, size_t i, cen__nearest *nearest,
                                  cen__neighbour row)
{
    if (row.distance > nearest->bound) return;
    if (knn->skips == NULL || !knn->skips(knn->skip_data, i, row.index))
        cen__nearest_offer(nearest, row);
}

/* Memory for a b c items of size bytes; NULL also if that overflows. */
void *cen__knn_alloc(cen_context *context, size_t a, size_t b, size_t c, size_t size);

#endif
