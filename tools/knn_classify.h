/* cl_knn classify: what is answered to pictures. */
#ifndef TOOLS_KNN_CLASSIFY_H
#define TOOLS_KNN_CLASSIFY_H

#include <centerloss_eval.h>

#include "knn_gallery.h"

/* The answers of a gallery to the pictures of a set, or one answer to all of them together. */
typedef struct knn_answers {
    const knn *s;
    const char *path; /* of the gallery */
    cen_gallery *gallery;
    knn_set notes; /* of the pictures of the gallery */
    const knn_set *queries;
    cen_ask_options options;
    size_t n, n_in_gallery;
    cen_answer *answers; /* [n] */
    size_t *rows;        /* [n, options.k] of the gallery, nearest first */
    float *distances;
    const cen_model_info *model; /* of the queries' probabilities, or NULL */
    size_t frame;                /* of a stream, from 1; 0: queries have paths */
} knn_answers;

/* Opens the gallery, calibrates it if --far asks for that, and sets the options. */
int knn_answers_begin(knn *s, char *path, knn_answers *a);
void knn_answers_end(knn_answers *a);

/* Asks for all pictures of a->queries. */
cen_status knn_answers_ask(knn_answers *a, cen_error *error);

/* classify --stream and --frames: answers to what comes on standard input. */
int knn_stream(knn *s, char *path);

/* A line per picture, on a terminal in columns. */
int knn_answers_text(const knn_answers *a);
int knn_answers_json(const knn_answers *a);

/* The answer to picture i as an object. */
int knn_answer_json(const knn_answers *a, size_t i);

#endif
