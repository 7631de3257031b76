/* The layers, each defined in the file of its name. */
#ifndef CEN_NN_LAYERS_H
#define CEN_NN_LAYERS_H

#include "kernels/conv.h"
#include "nn/layer.h"

#define CEN__LAYER(name) extern const cen__layer_kind cen__##name##_layer;
#include "nn/layer_list.h"
#undef CEN__LAYER

/* What a convolution's kernels work on. */
cen__conv cen__conv_of(const cen__layer *layer);

/* A maxpool of 2x2 without overlap and padding, as other kinds take along. */
bool cen__layer_halves(const cen__layer *layer);

/* The sum at the end of a residual. */
extern const cen__layer_kind cen__residual_layer;

/* These stand in no line: what fuse.c makes of a convolution and the layers behind it, and of
 * batchnorm in training: two ops, the second alone or with a maxpool of 2x2. */
extern const cen__layer_kind cen__conv_pool_layer, cen__residual_relu_layer, cen__batchnorm_measure,
    cen__batchnorm_apply, cen__batchnorm_measure_pool, cen__batchnorm_pool;

/* to[conv->count] = the parameters with which the convolution alone is convolution and its
 * batchnorm with running statistics. w and state are the net's. */
void cen__batchnorm_fold(const cen__layer *conv, const float *w, const float *state, float *to);

#endif
