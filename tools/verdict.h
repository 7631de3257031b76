/* A row of folds.npy, as cl_train writes it and cl_knn reads it: what a net says of an image that it did not train
 * on. */
#ifndef TOOLS_VERDICT_H
#define TOOLS_VERDICT_H

#include <math.h>

enum {
    VERDICT_FOLD, /* the fold that left the image out, from 1; 0: the run's own net judged it, which did not train
                        on it; -1: it is not judged, and the rest is 0 */
    VERDICT_FOLDS,   /* how many there are */
    VERDICT_OWN,     /* probability of the class that it has */
    VERDICT_OTHER,   /* of the other class whose mean is nearest */
    VERDICT_EXAMPLE, /* the row of the nearest image of that class */
    VERDICT_NEARER,  /* distance to the mean of its class over that to the other */
    VERDICT_SIZE
};

/* Orders the images that look misplaced, the largest first. The means count little, but where the head is sure of
 * many images they decide. tests/parity/labels.py measures it. */
static inline double verdict_doubt(const float *verdict)
{
    return 0.02 * log((double)verdict[VERDICT_NEARER]) - (double)verdict[VERDICT_OWN];
}

#endif
