/* cl_knn eval: what is measured of a set against a gallery. */
#ifndef TOOLS_KNN_EVAL_H
#define TOOLS_KNN_EVAL_H

#include "knn.h"

enum { KNN_N_OTHERS = 2 };

typedef struct knn_evaluation {
    knn_set gallery, queries; /* queries is empty if one set is measured by leave-one-out */
    const char *gallery_split, *query_split; /* NULL: all */
    bool leave_one_out, is_same;             /* is_same: two sets were named, with the same rows */
    size_t n_left_out[KNN_N_OTHERS];         /* rows of splits other than train and val */
    size_t n_in_gallery;                     /* queries that are rows of the gallery, too */
    cen_measures measures;
} knn_evaluation;

extern const char *const knn_others[KNN_N_OTHERS];

/* The set whose rows are looked up. */
const knn_set *knn_queries_of(const knn_evaluation *e);

/* names: of the classes of the queries. */
void knn_eval_text(const knn *s, const knn_evaluation *e, const char *const *names);
void knn_eval_json(const knn *s, const knn_evaluation *e, const char *const *names);

#endif
