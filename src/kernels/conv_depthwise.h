/* Convolution of each channel by itself, to one output or two; see conv_depthwise.c. Same contracts as
 * conv.h, over all groups. */
#ifndef CEN_KERNELS_CONV_DEPTHWISE_H
#define CEN_KERNELS_CONV_DEPTHWISE_H

#include "kernels/conv.h"
#include "kernels/conv_set.h"

bool cen__depthwise_suits(const cen__conv *conv);

size_t cen__depthwise_scratch_count(const cen__conv *conv, const cen__conv_set *set);
size_t cen__depthwise_data_count(const cen__conv *conv,
                                 const cen__conv_set *set); /* backward to the data */
void cen__depthwise_forward(const cen__conv *conv, const cen__conv_set *set, size_t n,
                            const float *x, const float *w, const float *bias, float *y,
                            float *scratch);
void cen__depthwise_backward_data(const cen__conv *conv, const cen__conv_set *set, size_t n,
                                  const float *dy, const float *w, float *dx, float *scratch);
void cen__depthwise_backward_weights(const cen__conv *conv, const cen__conv_set *set, size_t n,
                                     const float *x, const float *dy, float *dw, float *dbias,
                                     float *scratch);

#endif
