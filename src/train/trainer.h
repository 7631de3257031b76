/* What fit sees of a trainer beside the public functions. */
#ifndef CEN_TRAIN_TRAINER_H
#define CEN_TRAIN_TRAINER_H

#include "train/predictor.h"

cen_model *cen__trainer_model(cen_trainer *trainer);
const cen_train_options *cen__trainer_options(const cen_trainer *trainer);

/* Errors: ARGUMENT if its model has got other classes. */
cen_status cen__trainer_check(const cen_trainer *trainer, cen_error *error);

/* Planned for the largest shard. */
cen_predictor *cen__trainer_predictor(cen_trainer *trainer);

/* True where a backward of these would be refused as not finite. Changes nothing, but that there is no
 * gradient then, as after an error. */
bool cen__trainer_would_refuse(cen_trainer *trainer, const float *x, const int32_t *labels,
                               size_t n);

/* features[n, D] as a training step sees them: by the batch's statistics, after dropout. Leaves things
 * as the function above does. */
void cen__trainer_features(cen_trainer *trainer, const float *x, size_t n, float *features);

/* Of what dropout draws, 1 at first; the step is that of Adam. */
void cen__trainer_seed(cen_trainer *trainer, uint64_t seed);

/* What a step changes beside the model's numbers, and what it takes: Adam's moments, the steps taken, lambda. */
typedef struct cen__trainer_state {
    float *m, *v; /* [model->n_parameters] */
    size_t *n_steps;
    double *lambda;
    bool *is_begun; /* lambda follows a ratio, and has its first value */
    double *lr;
    uint64_t *seed;
} cen__trainer_state;

cen__trainer_state cen__trainer_state_of(cen_trainer *trainer);

/* The last backward: its state has been replaced. */
void cen__trainer_forget(cen_trainer *trainer);

#endif
