#include "train/schedule.h"

#include <math.h>

double cen__schedule_ramp(double step, double warmup)
{
    return step + 1 < warmup ? (step + 1) / warmup : 1;
}

double cen__schedule_lr(double step, double n_steps, double warmup, bool cosine)
{
    const double pi = 3.14159265358979323846;
    if (step < warmup) return cen__schedule_ramp(step, warmup);
    if (!cosine || n_steps <= warmup) return 1;
    return (1 + cos(pi * (step - warmup) / (n_steps - warmup))) / 2;
}
