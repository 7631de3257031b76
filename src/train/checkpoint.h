/* The whole state of a training in a file, so that it continues as if it had never stopped. */
#ifndef CEN_TRAIN_CHECKPOINT_H
#define CEN_TRAIN_CHECKPOINT_H

#include "train/trainer.h"

/* The position of a training: before step n_steps + 1. */
typedef struct cen__progress {
    size_t epoch, batch; /* of the next step, counted from 1 and from 0 */
    size_t n_steps, best_epoch;
    double best_knn, best_loss, lr; /* lr: of the last step */
    double spread_before;           /* of the features, before the first step */
    cen_losses sums;                /* sums over the images of this epoch so far */
    char machine[64];  /* compiler and instruction set of the checkpoint that was read */
    bool is_newer_bad; /* the newer checkpoint could not be read, so the previous one must stay */
} cen__progress;

/* The content of a checkpoint beside the numbers of model and trainer. */
typedef struct cen__checkpoint {
    cen_trainer *trainer;
    const cen_dataset *dataset;
    const cen_fit_options *options;
    float *best;    /* [model->n_numbers] */
    float *centers; /* [classes, D] at the end of the previous epoch */
    cen__progress *progress;
} cen__checkpoint;

/* Writes a new options->checkpoint and keeps the old one under its name with ".previous"; at any moment
 * one of the two is complete. Errors: IO, MEMORY. */
cen_status cen__checkpoint_write(const cen__checkpoint *checkpoint, cen_error *error);

/* The compiler of this library and the instruction set, on which the last bits depend. */
void cen__machine_name(const cen_context *context, char name[64]);

/* Reads options->checkpoint, or if that fails the previous one. warning: empty, or why the newer one could not be used.
 * Errors: IO, FORMAT, ARGUMENT (the training was begun with other options or images, which are named), MEMORY. After an
 * error the trainer must not be used. */
cen_status cen__checkpoint_read(const cen__checkpoint *checkpoint, cen_error *warning,
                                cen_error *error);

/* Gives every process what rank 0 has read. Errors: IO, MEMORY. */
cen_status cen__checkpoint_share(const cen__checkpoint *checkpoint, const cen_exchange *exchange,
                                 cen_error *error);

#endif
