/* Convolution and pooling of few channels; see conv_pool_direct.c. Same contracts as conv_pool.h. */
#ifndef CEN_KERNELS_CONV_POOL_DIRECT_H
#define CEN_KERNELS_CONV_POOL_DIRECT_H

#include "kernels/conv_pool.h"
#include "kernels/conv_set.h"

/* True where it may be called and wins over one layer after the other. */
bool cen__pool_direct_suits(const cen__conv *conv, const cen__conv_set *set);

size_t cen__pool_direct_scratch_count(const cen__conv *conv, const cen__conv_set *set);
void cen__pool_direct_forward(const cen__conv *conv, const cen__conv_set *set, size_t n,
                              const float *x, const float *w, const float *bias, bool relu,
                              float *y, uint8_t *argmax, float *scratch);
void cen__pool_direct_backward_weights(const cen__conv *conv, const cen__conv_set *set, size_t n,
                                       const float *x, const float *dy, const uint8_t *argmax,
                                       float *dw, float *scratch);

#endif
