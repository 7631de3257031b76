/* What is minimised, from the features on: the first term (softmax cross-entropy, CosFace or a
 * triplet loss) and the second, lambda times that of the centers. */
#ifndef CEN_TRAIN_OBJECTIVE_H
#define CEN_TRAIN_OBJECTIVE_H

#include "train/model.h"

typedef struct cen__objective {
    const cen_model *model;
    cen_train_options options;
    cen_context *context;
    float *logits;          /* [batch, classes] */
    float *scratch;         /* of the head */
    double *double_scratch; /* of triplets and contrastive centers */
    double *row_losses;     /* [batch] */
    bool *row_hits;         /* [batch] */
} cen__objective;

/* Errors: ARGUMENT (options that do not go together), LIMIT, MEMORY. On failure free it, too. */
cen_status cen__objective_create(cen__objective *objective, const cen_model *model,
                                 const cen_train_options *options, cen_context *context,
                                 cen_error *error);
void cen__objective_free(cen__objective *objective);

/* Fills softmax, center, accuracy of f[n, D] (lambda and total are the trainer's), for validation. */
void cen__objective_measure(const cen__objective *objective, const float *f, const int32_t *labels,
                            size_t n, cen_losses *losses);

/* The contrastive-center loss. Unless df is NULL: df[n, D] += and dcenters[classes, D] = lambda times
 * its gradients. */
double cen__objective_contrast(const cen__objective *objective, const float *f,
                               const int32_t *labels, size_t n, double lambda, float *df,
                               float *dcenters);

/* The same in training (but for contrastive centers, which cen__objective_contrast adds), with df[n, D] and the head's part of gradient = those of the first term. */
void cen__objective_backward(const cen__objective *objective, const float *f, const int32_t *labels,
                             size_t n, cen_losses *losses, float *df, float *gradient);

#endif
