/* Running a net on a batch by a plan: memory that is taken once, then forward and backward that cannot fail.
 * Each chunk has a partial parameter gradient, and these are added in a fixed tree over the chunks. */
#ifndef CEN_NN_RUN_H
#define CEN_NN_RUN_H

#include "base/context.h"
#include "nn/net.h"

typedef struct cen__run cen__run;

/* For at most max_n images. With `training` it runs the net's training ops and has a backward;
 * without, it runs those of inference and keeps no activations. The net is borrowed. Errors: LIMIT,
 * MEMORY. */
cen_status cen__run_create(cen__run **run, const cen__net *net, size_t max_n, cen_context *context,
                           bool training, cen_error *error);
void cen__run_free(cen__run *run);

/* Numbers that inference of one image takes on one thread, beside what it makes of the net's parameters;
 * nothing is taken. Errors: MEMORY. */
cen_status cen__run_measure(cen_context *context, const cen__net *net, size_t *count,
                            cen_error *error);

/* What forward and backward compute with: w[n_parameters] and state[n_state], both borrowed. In
 * training they may change from batch to batch, and forward moves the state. For inference they are
 * partly copied (batchnorm is folded, kernels are transformed), so call it again after they have changed. */
void cen__run_use(cen__run *run, const float *w, float *state);

/* The numbers that dropout draws by, 0 at first; `first` is the place of the first image in the whole batch. */
void cen__run_draw(cen__run *run, uint64_t seed, uint64_t step, size_t first);

/* Features [n, out] of x[n, in]; valid until the next forward. */
const float *cen__run_forward(cen__run *run, const float *x, size_t n);

/* dw[n_parameters] = the gradient, after a forward of the same x and n. df[n, out] is lost. */
void cen__run_backward(cen__run *run, const float *x, size_t n, float *df, float *dw);

#endif
