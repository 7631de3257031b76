/* The layers, each defined in the file of its name. */
#ifndef CEN_NN_LAYERS_H
#define CEN_NN_LAYERS_H

#include "nn/layer.h"

extern const cen__layer_kind cen__conv_layer, cen__maxpool_layer, cen__flatten_layer,
    cen__dense_layer, cen__relu_layer, cen__prelu_layer, cen__batchnorm_layer, cen__gap_layer,
    cen__dropout_layer, cen__l2norm_layer, cen__avgpool_layer, cen__relu6_layer, cen__gelu_layer;

/* A maxpool of 2x2 without overlap and padding, as other kinds take along. */
bool cen__layer_halves(const cen__layer *layer);

/* The sum at the end of a residual. */
extern const cen__layer_kind cen__residual_layer;

/* These stand in no line: what fuse.c makes of a convolution and the layers behind it, and of
 * batchnorm in training: two steps, the second alone or with a maxpool of 2x2. */
extern const cen__layer_kind cen__conv_pool_layer, cen__residual_relu_layer, cen__batchnorm_measure,
    cen__batchnorm_apply, cen__batchnorm_measure_pool, cen__batchnorm_pool;

/* to[conv->count] = the parameters with which the convolution alone is convolution and its
 * batchnorm with running statistics. w and state are the net's. */
void cen__batchnorm_fold(const cen__layer *conv, const float *w, const float *state, float *to);

#endif
