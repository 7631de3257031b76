/* Computes features, logits and probabilities of images with a model. */
#ifndef CEN_TRAIN_PREDICTOR_H
#define CEN_TRAIN_PREDICTOR_H

#include "loss/head.h"
#include "nn/run.h"

struct cen_predictor {
    const cen_model *model;     /* borrowed */
    size_t max_n;               /* images at once */
    unsigned n_changes;         /* of the model, when it was made */
    const cen__head_kind *head; /* the same; NULL: none */
    cen__run *run;
    /* A model that mirrors: */
    float *mirrored; /* [max_n, input] */
    float *features; /* [max_n, D] */
    /* A model that has classes and a head: */
    float *logits;  /* [max_n, classes] */
    float *scratch; /* of the head */
};

/* Prepares the current numbers of the model; cen_predictor_create does it, too. */
void cen__predictor_use(cen_predictor *predictor);

/* Features [n, D] of x[n, input]; valid until the next call. */
const float *cen__predict(cen_predictor *predictor, const float *x, size_t n);

#endif
