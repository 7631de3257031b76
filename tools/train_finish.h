/* cl_train: what is made when a training is over. */
#ifndef TOOLS_TRAIN_FINISH_H
#define TOOLS_TRAIN_FINISH_H

#include "train.h"
#include "train_run.h"

/* The features of all images that can still be read, then the folds, and what is measured. After a signal among the folds
 * the rest is left to --resume. */
cen_status finish_run(run *r, const cen_folder *folder, const training *t, cen_error *error);

/* Of features. */
int show_features(void *user, size_t done, size_t total);

#endif
