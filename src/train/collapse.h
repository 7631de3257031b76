/* Detects features that have collapsed to one point, so that no classifier can separate the images. */
#ifndef CEN_TRAIN_COLLAPSE_H
#define CEN_TRAIN_COLLAPSE_H

#include "data/reader.h"
#include "train/trainer.h"

/* Training images whose features are measured before training and after each epoch. */
enum { CEN__SAMPLE_MOST = 128 };

typedef struct cen__sample {
    cen_trainer *trainer;
    size_t rows[CEN__SAMPLE_MOST], n;
    float *features; /* [n, D], of the last measurement */
    double chance;   /* the first loss if all features are the same */
} cen__sample;

/* Takes some of the training rows[n], evenly. is_balanced: batches draw each class equally often. Errors: MEMORY. On
 * failure there is nothing to free. */
cen_status cen__sample_create(cen__sample *sample, cen_trainer *trainer, const cen_dataset *dataset,
                              const size_t *rows, size_t n, bool is_balanced, cen_error *error);
void cen__sample_free(cen__sample *sample);

/* Root mean square distance of the features to their mean, as a training step sees them. x: room for a batch.
 * Images that cannot be read leave the sample. Errors: as cen__reader_read; no image is left. */
cen_status cen__sample_spread(cen__sample *sample, const cen__reader *reader, float *x,
                              double *spread, cen_error *error);

/* True if the first loss is at least 99 % of that of guessing, and the spread is at most a fifth of that before training.
 * (Runs that guessed for a while and then learned kept more than half of the spread.) */
bool cen__is_collapsed(const cen__sample *sample, double loss, double spread, double spread_before);

#endif
