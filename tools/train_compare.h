/* cl_train compare: one page for several runs. */
#ifndef TOOLS_TRAIN_COMPARE_H
#define TOOLS_TRAIN_COMPARE_H

#include <centerloss_eval.h>

#include "options.h"

extern const command compare_tool;

/* argv[0] is "compare". An exit code. */
int compare_runs(int argc, char **argv);

#endif
