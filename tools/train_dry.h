/* cl_train --dry-run. */
#ifndef TOOLS_TRAIN_DRY_H
#define TOOLS_TRAIN_DRY_H

#include "train.h"
#include "train_json.h"

/* Trains a few steps and measures a few images, writes nothing, and says how long all takes and with how much
 * memory. An exit code. */
int dry_run(run *r, const cen_folder *folder, training *t);

#endif
