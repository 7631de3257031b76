/* The search that cen_knn_search uses, for the other files of this folder: any query may leave out any row. */
#ifndef CEN_SEARCH_SEARCH_H
#define CEN_SEARCH_SEARCH_H

#include <centerloss_eval.h>

/* As the arguments of cen_knn_search. */
typedef struct cen__query {
    const float *gallery, *queries; /* [n_gallery, d], [n_queries, d] */
    size_t n_gallery, n_queries, d, k;
    cen_metric metric;
    bool leave_one_out;
    const size_t
        *left_out; /* [n_queries] with leave_one_out: the row of the gallery that each query
                               is; NULL: the queries are the gallery */
    /* NULL, or: true if a row of the gallery is no answer to a query. Threads ask at the same time, and only about rows
     * that would be among the answers. */
    bool (*skips)(const void *skip_data, size_t query, size_t row);
    const void *skip_data;
    cen_context *context;
} cen__query;

/* [n_queries, k], each may be NULL. If rows are skipped and too few are left, the last answers are row SIZE_MAX at
 * infinity. */
typedef struct cen__found {
    size_t *indices;
    float *distances;
    double *exact; /* the distances before they were rounded to float */
} cen__found;

/* Errors: as cen_knn_search. */
cen_status cen__search(const cen__query *query, cen__found found, cen_error *error);

#endif
