/* Running a net on a batch: all memory planned once, then forward and backward that cannot fail.
 *
 * Layers run in stages. A stage of IMAGE layers takes the batch in chunks of images; each chunk
 * goes through all its layers on one thread, so that what one layer writes is still in the cache
 * for the next. A BATCH layer is a stage of its own, and a stage ends where the next layer waits for
 * sums over the batch (batchnorm). The number of chunks depends on the batch alone; each chunk sums
 * its own parameter gradients, and these are added in the order of the chunks. */
#ifndef CEN_NN_WORK_H
#define CEN_NN_WORK_H

#include "base/context.h"
#include "nn/net.h"

typedef struct cen__work cen__work;

/* For at most max_n images. With `training` it runs the net's training steps and has a backward;
 * without, it runs those of inference and keeps no activations. The net is borrowed. Errors: LIMIT,
 * MEMORY. */
cen_status cen__work_create(cen__work **work, const cen__net *net, size_t max_n,
                            cen_context *context, bool training, cen_error *error);
void cen__work_free(cen__work *work);

/* Numbers that inference of one image takes on one thread, beside what it makes of the net's parameters;
 * nothing is taken. Errors: MEMORY. */
cen_status cen__work_measure(const cen__net *net, size_t *count, cen_error *error);

/* What forward and backward compute with: w[n_parameters] and state[n_state], both borrowed. In
 * training they may change from batch to batch, and forward moves the state. For inference they are
 * partly copied (batchnorm is folded, kernels are transformed), so call it again after they have changed. */
void cen__work_use(cen__work *work, const float *w, float *state);

/* The numbers that dropout draws by, 0 at first; `first` is the place of the first image in the whole batch. */
void cen__work_draw(cen__work *work, uint64_t seed, uint64_t step, size_t first);

/* Features [n, out] of x[n, in]; valid until the next forward. */
const float *cen__work_forward(cen__work *work, const float *x, size_t n);

/* dw[n_parameters] = the gradient, after a forward of the same x and n. df[n, out] is lost. */
void cen__work_backward(cen__work *work, const float *x, size_t n, float *df, float *dw);

#endif
