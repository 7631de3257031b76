/* What fit sees of a trainer beside the public functions. */
#ifndef CEN_TRAIN_TRAINER_H
#define CEN_TRAIN_TRAINER_H

#include "nn/work.h"

cen_model *cen__trainer_model(cen_trainer *trainer);
const cen_train_options *cen__trainer_options(const cen_trainer *trainer);
cen__work *cen__trainer_work(cen_trainer *trainer);

#endif
