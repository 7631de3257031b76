/* The texts of cl_train beside its options. */
#ifndef TOOLS_TRAIN_MANUAL_H
#define TOOLS_TRAIN_MANUAL_H

#include "options.h"

extern const entry train_commands[], train_examples[], train_files[];
extern const char train_about[];

#endif
