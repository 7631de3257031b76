/* cl_train: what is refused before the images are read. */
#ifndef TOOLS_TRAIN_CHECK_H
#define TOOLS_TRAIN_CHECK_H

#include "train_run.h"

/* Exit codes, 0 if all is well: the settings; the file of --steps; the files that are read before the first step. A
 * run that goes on has its weights. */
int check_settings(int n_paths);
int check_steps(void);
int check_files(const run *r);

#endif
