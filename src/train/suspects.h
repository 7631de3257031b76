/* Finds the images that make a batch not finite, and names them for the user. */
#ifndef CEN_TRAIN_SUSPECTS_H
#define CEN_TRAIN_SUSPECTS_H

#include "train/trainer.h"

typedef struct cen__batch {
    cen_trainer *trainer;
    const cen_dataset *dataset;
    const size_t *rows;    /* [n], of the dataset */
    const float *x;        /* [n, c, h, w] */
    const int32_t *labels; /* [n] */
    size_t n;
} cen__batch;

/* NOT_FINITE, after the backward pass of such a batch: names the step, the first of the images that are also refused by
 * themselves (or of all), and the remedy. *error is that of the backward pass. */
cen_status cen__tell_step(const cen__batch *batch, size_t step, size_t epoch,
                          const cen_losses *losses, cen_error *error);

/* The same for images that are measured at the end of an epoch, by their features[n, D]; x and labels are not read. */
cen_status cen__tell_measure(const cen__batch *batch, size_t epoch, const float *features,
                             cen_error *error);

#endif
