/* cl_train: the model that is about to be trained. */
#ifndef TOOLS_TRAIN_MODEL_H
#define TOOLS_TRAIN_MODEL_H

#include "train.h"
#include "train_run.h"

/* What cannot be is reported before the images are read: a net, weights that do not fit it, frozen layers that it
 * does not have. An exit code. */
int check_net(const run *r, const cen_model_options *options);

/* From a loaded folder to r->model, with the settings of the recipe and those that were typed. With --minutes the
 * number of epochs comes from a trial of the model, which is then made anew. *n_taken: tensors from --init. */
cen_status make_timed_model(run *r, const cen_folder *folder, training *t, size_t *n_taken,
                            cen_error *error);

#endif
