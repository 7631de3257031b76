/* The changes of learning rate and lambda during a training. */
#ifndef CEN_TRAIN_SCHEDULE_H
#define CEN_TRAIN_SCHEDULE_H

#include <stdbool.h>

/* The share of lr at a step (from 0): (step + 1) / warmup while it warms up, then 1, or with cosine
 * (1 + cos(pi (step - warmup) / (n_steps - warmup))) / 2. warmup in steps. */
double cen__schedule_lr(double step, double n_steps, double warmup, bool cosine);

/* The share of lambda: min(1, (step + 1) / warmup). */
double cen__schedule_ramp(double step, double warmup);

#endif
