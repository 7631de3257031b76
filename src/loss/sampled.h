/* The softmax of a step over some classes: those of the batch, and others drawn at random (An et al. 2021, PartialFC).
 * A step then costs as much as these classes and not as all. Their rows of the head are copied together, so every loss
 * with a head works on them as if there were no others. */
#ifndef CEN_LOSS_SAMPLED_H
#define CEN_LOSS_SAMPLED_H

#include "loss/loss.h"

/* n_sampled: classes of a step; the batch may need more. 0, or all classes: nothing is sampled.
 * Errors: LIMIT, MEMORY. On failure free it, too. */
cen_status cen__sampled_create(cen__sampled *sampled, cen_context *context, size_t n_sampled,
                               size_t batch, size_t d, size_t k, cen_error *error);
void cen__sampled_free(cen__sampled *sampled);

/* Draws the classes of a step, and sets the rows of the last one in the gradient to zero. */
void cen__sampled_draw(cen__loss *loss, const cen__loss_pass *pass);

/* The first loss over the drawn classes. Fills their rows of the gradient. */
double cen__sampled_first(const cen__loss *loss, const cen__loss_pass *pass, double *accuracy);

/* True if the gradients of the drawn rows are below the limit. */
bool cen__sampled_is_below(const cen__loss *loss, const float *dw, double limit);

/* A step of the drawn rows, by cen__adam_apply_sparse. */
void cen__sampled_update(const cen__loss *loss, cen__adam *adam, double weight_decay, float *w,
                         const float *dw);

#endif
