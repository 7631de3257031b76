/* cl_train --dry-run and --minutes: a trial of a few steps. */
#ifndef TOOLS_TRAIN_DRY_H
#define TOOLS_TRAIN_DRY_H

#include "train.h"
#include "train_json.h"

/* Trains a few steps and measures a few images, writes nothing, and says how long all takes and with how much
 * memory. An exit code. */
int dry_run(run *r, const cen_folder *folder, training *t);

/* Sets s.n_epochs to as many as --minutes allow, of which the folds have their parts. The trial changes the model. */
cen_status choose_epochs(run *r, const cen_folder *folder, const training *t, cen_error *error);

#endif
