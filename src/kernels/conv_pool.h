/* Convolution and 2x2 max-pooling in one: what lies between them is never written to memory.
 *
 * y[n, k, out_h / 2, out_w / 2] = the maximum of relu(conv(x)), or of conv(x), over windows of 2x2 at
 * stride 2 (an odd last row or column is left out). argmax says which place of its window, 0 .. 3 in
 * row-major order, the maximum came from: the first of equals, and a NaN before any number, as torch
 * has it; or CEN__POOL_CUT where relu made it 0, so that no gradient passes. Since relu and max may be
 * exchanged, this is conv, maxpool, relu as well.
 *
 * Contracts are those of conv.h; dy and y have the pooled shape. */
#ifndef CEN_KERNELS_CONV_POOL_H
#define CEN_KERNELS_CONV_POOL_H

#include <stdint.h>

#include "kernels/conv.h"

enum { CEN__POOL_CUT = 4 };

/* Numbers of scratch that each call below needs. out_h and out_w are at least 2; prepared is what
 * cen__conv_prepare makes. */
size_t cen__conv_pool_scratch_count(const cen__conv *conv);

/* argmax may be NULL. */
void cen__conv_pool_forward(const cen__conv *conv, size_t n, const float *x, const float *w,
                            const float *prepared, const float *bias, bool relu, float *y,
                            uint8_t *argmax, float *scratch);

/* dx = */
void cen__conv_pool_backward_data(const cen__conv *conv, size_t n, const float *dy,
                                  const uint8_t *argmax, const float *w, const float *prepared,
                                  float *dx, float *scratch);

/* dw +=, dbias +=, which is not NULL here. */
void cen__conv_pool_backward_weights(const cen__conv *conv, size_t n, const float *x,
                                     const float *dy, const uint8_t *argmax, float *dw,
                                     float *dbias, float *scratch);

/* The references: conv's own, with a whole output of convolution (n k out_h out_w) at `between`. */
void cen__conv_pool_forward_naive(const cen__conv *conv, size_t n, const float *x, const float *w,
                                  const float *bias, bool relu, float *y, uint8_t *argmax,
                                  float *between);
void cen__conv_pool_backward_data_naive(const cen__conv *conv, size_t n, const float *dy,
                                        const uint8_t *argmax, const float *w, float *dx,
                                        float *between);
void cen__conv_pool_backward_weights_naive(const cen__conv *conv, size_t n, const float *x,
                                           const float *dy, const uint8_t *argmax, float *dw,
                                           float *dbias, float *between);

#endif
