/* cl_train --folds: what nets say of the training pictures that they did not train on. */
#ifndef TOOLS_TRAIN_FOLDS_H
#define TOOLS_TRAIN_FOLDS_H

#include "train.h"
#include "train_run.h"

/* The images of a run that can be read: rows[n] are their places in the dataset, names[n] their names, and
 * features[n, D] those of the run's own net. */
typedef struct fold_images {
    const cen_folder *folder;
    const size_t *rows;
    const cen_feature_row *names;
    const float *features;
    size_t n;
} fold_images;

/* Trains s.n_folds nets, each without a part of the training images, and keeps in folds.npy and folds.tsv what they
 * say of it. After a stop it goes on; signal_number() tells of one. */
cen_status train_folds(run *r, const fold_images *images, const training *t, cen_error *error);

#endif
