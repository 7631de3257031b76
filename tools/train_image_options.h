/* The rest of the command line of cl_train: images, validation, augmentation, the run. */
#ifndef TOOLS_TRAIN_IMAGE_OPTIONS_H
#define TOOLS_TRAIN_IMAGE_OPTIONS_H

#include "options.h"

enum { N_IMAGE_OPTIONS = 36 };
extern const option image_options[N_IMAGE_OPTIONS];

#endif
