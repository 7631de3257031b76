/* The whole state of a training in a file, so that it goes on as if it had never stopped. */
#ifndef CEN_TRAIN_CHECKPOINT_H
#define CEN_TRAIN_CHECKPOINT_H

#include "train/trainer.h"

/* Where a training stands: before step n_steps + 1. */
typedef struct cen__progress {
    size_t epoch, batch; /* of the next step, counted from 1 and from 0 */
    size_t n_steps, best_epoch;
    double best_knn, best_loss, lr; /* lr: of the last step */
    double spread_before;           /* of the features, before the first step */
    cen_losses sums;                /* of the images of this epoch so far */
    char machine[64]; /* what computed the checkpoint that was read: compiler and instruction set */
    bool is_newer_bad; /* the newer checkpoint could not be read, so the one before it must stay */
} cen__progress;

/* What a checkpoint holds beside the model's numbers and the trainer's. */
typedef struct cen__checkpoint {
    cen_trainer *trainer;
    const cen_dataset *dataset;
    const cen_fit_options *options;
    float *best;    /* [model->n_numbers] */
    float *centers; /* [classes, D] at the end of the epoch before */
    cen__progress *progress;
} cen__checkpoint;

/* Writes a new options->checkpoint and keeps the old one under its name with ".previous"; at any moment
 * one of the two is whole. Errors: IO, MEMORY. */
cen_status cen__checkpoint_write(const cen__checkpoint *checkpoint, cen_error *error);

/* The compiler of this library and the instruction set that is used, which decide on last bits. */
void cen__machine_name(const cen_context *context, char name[64]);

/* Reads options->checkpoint, or where that fails the one before. warning: empty, or why the newer one
 * could not be used. Errors: IO, FORMAT, ARGUMENT (it was begun with other options or images, which
 * are named), MEMORY; after one of them the trainer is not to be used. */
cen_status cen__checkpoint_read(const cen__checkpoint *checkpoint, cen_error *warning,
                                cen_error *error);

#endif
