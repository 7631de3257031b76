/* cl_train: how likely the class of a picture is to a net that did not train on it. */
#ifndef TOOLS_TRAIN_JUDGE_H
#define TOOLS_TRAIN_JUDGE_H

#include <centerloss_eval.h>

#include "verdict.h"

/* A net, and the features that it gives to all pictures. */
typedef struct witness {
    cen_context *context;
    const cen_model *model;
    const float *features; /* [n, D] */
    const int32_t *labels; /* [n] */
    const bool *is_known;  /* [n] the net trained on it */
    const bool *is_judged; /* [n] its class has a picture that is known */
    size_t n;
} witness;

/* Fills OWN to NEARER in the rows of verdicts[n, VERDICT_SIZE] that are judged; *n_right: how many of
 * them are nearest to the mean of their own class. */
cen_status judge_pictures(const witness *w, float *verdicts, size_t *n_right, cen_error *error);

#endif
