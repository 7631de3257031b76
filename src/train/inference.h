/* A model as its users see it: from normalised images to features. */
#ifndef CEN_TRAIN_INFERENCE_H
#define CEN_TRAIN_INFERENCE_H

#include "nn/work.h"

typedef struct cen__inference {
    const cen_model *model; /* borrowed */
    size_t max_n;           /* images at once */
    cen__work *work;
    /* A model that mirrors: */
    float *mirrored; /* [max_n, input] */
    float *features; /* [max_n, D] */
} cen__inference;

/* On failure nothing is left to free. Errors: LIMIT, MEMORY. */
cen_status cen__inference_create(cen__inference *inference, const cen_model *model, size_t max_n,
                                 int n_threads, cen_error *error);
void cen__inference_free(cen__inference *inference);

/* Takes up the model's numbers as they are; to be said again when they have changed. */
void cen__inference_use(cen__inference *inference);

/* Features [n, D] of x[n, input]; valid until the next. */
const float *cen__infer(cen__inference *inference, const float *x, size_t n);

#endif
