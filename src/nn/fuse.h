/* From the layers of a net to the ops that are run: layers whose numbers in between would only
 * be written to be read again become one. */
#ifndef CEN_NN_FUSE_H
#define CEN_NN_FUSE_H

#include "nn/layer.h"

typedef struct cen__ops {
    cen__layer *ops; /* their inputs are ops */
    size_t n;
} cen__ops;

/* Of layers[n_layers], whose shapes are set. The first n_frozen are as in inference, where dropout is no op. In
 * training batchnorm is two: one that measures the batch and ends a stage, one that begins the next. Then the
 * patterns of fuse.c become one op each; an op may point at a layer, so the layers must stay. What was
 * allocated is the caller's to free, also on failure. Errors: MEMORY. */
cen_status cen__fuse(cen_context *context, const cen__layer *layers, size_t n_layers,
                     size_t n_frozen, cen__ops *ops, cen_error *error);

#endif
