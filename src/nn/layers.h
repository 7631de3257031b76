/* The layers, each defined in the file of its name. */
#ifndef CEN_NN_LAYERS_H
#define CEN_NN_LAYERS_H

#include "nn/layer.h"

extern const cen__layer_kind cen__conv_layer, cen__maxpool_layer, cen__flatten_layer,
    cen__dense_layer, cen__relu_layer, cen__prelu_layer;

/* Stands in no line: what fuse.c makes of a convolution and the layers behind it. */
extern const cen__layer_kind cen__conv_pool_layer;

#endif
