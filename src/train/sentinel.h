/* Finds out if a step is finite before it is taken. */
#ifndef CEN_TRAIN_SENTINEL_H
#define CEN_TRAIN_SENTINEL_H

#include "kernels/bound.h"
#include "train/model.h"

/* Below this, the square of a number is a finite float, as Adam's second moment must be. */
#define CEN__LARGEST_GRADIENT 1.8e19

/* The name of the model's first tensor with a number that is not finite; NULL: there is none. */
const char *cen__broken_tensor(const cen_model *model);

/* NOT_FINITE, with the cause as far as it is visible here: one of `count` images of x from `first` on, a tensor of the
 * model, the loss, or else the gradient. */
cen_status cen__tell_not_finite(const cen_model *model, const float *x, size_t first, size_t count,
                                const cen_losses *losses, cen_error *error);

#endif
