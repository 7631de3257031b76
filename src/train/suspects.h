/* Which images of a batch are why it is not finite: their names, for a person to look at. */
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

/* NOT_FINITE, after a backward of the batch that was: names the step, the first of the images that are
 * refused alone, too (or of all), and the remedy. *error is what the backward said. */
cen_status cen__tell_step(const cen__batch *batch, size_t step, size_t epoch,
                          const cen_losses *losses, cen_error *error);

/* The same for images that are measured at an epoch's end, by their features[n, D]; x and labels are not
 * read. */
cen_status cen__tell_measure(const cen__batch *batch, size_t epoch, const float *features,
                             cen_error *error);

#endif
