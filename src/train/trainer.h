/* The functions of a trainer that only fit uses. */
#ifndef CEN_TRAIN_TRAINER_H
#define CEN_TRAIN_TRAINER_H

#include "train/predictor.h"

cen_model *cen__trainer_model(cen_trainer *trainer);
const cen_train_options *cen__trainer_options(const cen_trainer *trainer);

/* Errors: ARGUMENT if the classes of its model have changed. */
cen_status cen__trainer_check(const cen_trainer *trainer, cen_error *error);

/* Planned for the largest shard. */
cen_predictor *cen__trainer_predictor(cen_trainer *trainer);

/* True if a backward pass of these images would be refused as not finite. Afterwards there is no gradient, as after an
 * error; nothing else changes. */
bool cen__trainer_would_refuse(cen_trainer *trainer, const float *x, const int32_t *labels,
                               size_t n);

/* features[n, D] as in a training step: with the statistics of the batch, after dropout. Has the same side effect.
 * Errors: IO of the exchange. */
cen_status cen__trainer_features(cen_trainer *trainer, const float *x, size_t n, float *features,
                                 cen_error *error);

/* cen_trainer_evaluate. is_shared: every process calls it, with its share of x, and gets all features. */
cen_status cen__trainer_measure(cen_trainer *trainer, const float *x, const int32_t *labels,
                                size_t n, bool is_shared, cen_losses *losses, float *features,
                                cen_error *error);

/* Of the options. */
const cen_exchange *cen__trainer_exchange(const cen_trainer *trainer);

/* Sets the seed of dropout, which is 1 at first. The step of its draws is that of Adam. */
void cen__trainer_seed(cen_trainer *trainer, uint64_t seed);

/* The state of a trainer beside the numbers of the model: Adam's moments, the steps taken, lambda. */
typedef struct cen__trainer_state {
    float *m, *v; /* [model->n_parameters] */
    size_t *n_steps;
    double *lambda;
    bool *is_begun; /* lambda follows a ratio, and has its first value */
    double *lr;
    uint64_t *seed;
} cen__trainer_state;

cen__trainer_state cen__trainer_state_of(cen_trainer *trainer);

/* Discards the last backward pass, since the state was replaced. */
void cen__trainer_forget(cen_trainer *trainer);

#endif
