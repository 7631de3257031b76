/* cl_train: what is made when a training is over. */
#ifndef TOOLS_TRAIN_FINISH_H
#define TOOLS_TRAIN_FINISH_H

#include "train_run.h"

/* The features of all images that can still be read, then what is measured on them. */
cen_status finish_run(run *r, const cen_folder *folder, cen_error *error);

#endif
