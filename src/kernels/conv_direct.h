/* Convolution of any shape on flat planes; see conv_direct.c. Same contracts as conv.h. */
#ifndef CEN_KERNELS_CONV_DIRECT_H
#define CEN_KERNELS_CONV_DIRECT_H

#include "kernels/conv.h"
#include "kernels/conv_set.h"

size_t cen__direct_scratch_count(const cen__conv *conv, const cen__conv_set *set);
void cen__direct_forward(const cen__conv *conv, const cen__conv_set *set, size_t n, const float *x,
                         const float *w, const float *bias, float *y, float *scratch);
void cen__direct_backward_data(const cen__conv *conv, const cen__conv_set *set, size_t n,
                               const float *dy, const float *w, float *dx, float *scratch);
void cen__direct_backward_weights(const cen__conv *conv, const cen__conv_set *set, size_t n,
                                  const float *x, const float *dy, float *dw, float *scratch);

#endif
