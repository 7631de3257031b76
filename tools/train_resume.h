/* cl_train --resume: the run that it names. */
#ifndef TOOLS_TRAIN_RESUME_H
#define TOOLS_TRAIN_RESUME_H

#include "train_run.h"

/* The command line of a run, then the one that was given. From here on all->argv is as parse_options leaves
 * it. An exit code; *n_paths below 0 after --help. */
int resume_command(run *r, arguments *all, int *n_paths);

#endif
