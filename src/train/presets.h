#ifndef CEN_TRAIN_PRESETS_H
#define CEN_TRAIN_PRESETS_H

#include <centerloss_eval.h>

/* NULL if there is none of that name. */
const cen_preset *cen__preset_find(const char *name);

#endif
