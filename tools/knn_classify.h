/* cl_knn classify: what is found of each picture. */
#ifndef TOOLS_KNN_CLASSIFY_H
#define TOOLS_KNN_CLASSIFY_H

#include <centerloss_eval.h>

#include "knn.h"

/* What is found of n queries against the gallery. */
typedef struct knn_answers {
    cen_context *context;
    const knn_set *gallery, *queries;
    cen_knn_options options;
    size_t k, n_in_gallery;
    int32_t *classes; /* [n] the class that the neighbours vote for, -1: unknown */
    size_t *indices;  /* [n, k] rows of the gallery, nearest first */
    float *distances; /* [n, k] */
    /* [n] distance of the nearest of that class (of an unknown's: of the nearest's class), and of the nearest
     * of another, NAN until it is found and in a gallery of one class */
    double *own, *others;
    knn_vote *votes;             /* [k] of one query */
    const cen_model_info *model; /* of the queries' probabilities, or NULL */
    size_t *
        trained; /* [classes of the gallery] its place among the classes of the head, SIZE_MAX: none */
    bool is_one_class; /* of the gallery */
} knn_answers;

/* A line per picture, on a terminal in columns. */
void knn_answers_text(const knn_answers *a);
void knn_answers_json(const knn_answers *a, const cen_threshold *limit);

#endif
