/* cl_train: what is heard while a training runs. */
#ifndef TOOLS_TRAIN_WATCH_H
#define TOOLS_TRAIN_WATCH_H

#include "train_run.h"

/* Sets the callbacks, which show and log what happens. */
void watch(cen_fit_options *fit, run *r);

/* While it is on, SIGINT, SIGTERM and SIGHUP end a training with its state on the disk. A signal that is ignored
 * stays ignored. */
void catch_signals(bool is_on);

/* The signal that ended it; 0: none. */
int signal_number(void);

#endif
