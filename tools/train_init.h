/* cl_train: what a training takes from the model that --init names. */
#ifndef TOOLS_TRAIN_INIT_H
#define TOOLS_TRAIN_INIT_H

#include "train_run.h"

/* Settings of net and input that were not typed become those of that model, if there is one. An exit code. */
int take_init(run *r);

#endif
