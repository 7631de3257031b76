/* From the layers of a line to the steps that are run: layers whose numbers in between would only
 * be written to be read again become one. */
#ifndef CEN_NN_FUSE_H
#define CEN_NN_FUSE_H

#include "nn/layer.h"

/* steps[n_layers] of layers[n_layers], whose shapes are set. Returns how many there are. */
size_t cen__fuse(const cen__layer *layers, size_t n_layers, cen__layer *steps);

#endif
