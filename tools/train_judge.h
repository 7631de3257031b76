/* cl_train: how likely the class of a picture is to a net that did not train on it. */
#ifndef TOOLS_TRAIN_JUDGE_H
#define TOOLS_TRAIN_JUDGE_H

#include <centerloss_eval.h>

/* A row of folds.npy. */
enum {
    VERDICT_FOLD, /* the fold that left the picture out, from 1; 0: the run's own net judged it, which did not
                        train on it; -1: it is not judged, and the rest is 0 */
    VERDICT_FOLDS,   /* how many there are */
    VERDICT_OWN,     /* probability of the class that it has */
    VERDICT_OTHER,   /* of the other class whose mean is nearest */
    VERDICT_EXAMPLE, /* the row of the nearest picture of that class */
    VERDICT_NEARER,  /* distance to the mean of its class over that to the other */
    VERDICT_SIZE
};

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
