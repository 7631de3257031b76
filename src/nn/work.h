/* Running a net on a batch: all memory planned once, then forward and backward that cannot fail.
 *
 * Layers run in stages. A stage of IMAGE layers takes the batch in chunks of images; each chunk
 * goes through all its layers on one thread, so that what one layer writes is still in the cache
 * for the next. A BATCH layer is a stage of its own. The number of chunks depends on the batch
 * alone; each chunk sums its own parameter gradients, and these are added in the order of the
 * chunks. */
#ifndef CEN_NN_WORK_H
#define CEN_NN_WORK_H

#include "nn/net.h"

typedef struct cen__work cen__work;

/* For at most max_n images. Without `training` it keeps no activations and has no backward. The net
 * is borrowed. Errors: LIMIT, MEMORY. */
cen_status cen__work_create(cen__work **work, const cen__net *net, size_t max_n, int n_threads,
                            bool training, cen_error *error);
void cen__work_free(cen__work *work);

/* Features [n, out] of x[n, in]; valid until the next forward. w[n_parameters]. */
const float *cen__work_forward(cen__work *work, const float *w, const float *x, size_t n);

/* dw[n_parameters] = the gradient, after a forward of the same x and n. df[n, out] is lost. */
void cen__work_backward(cen__work *work, const float *w, const float *x, size_t n, float *df,
                        float *dw);

#endif
