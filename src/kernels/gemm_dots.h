/* Products of operands that both lie along k, where C is so small that transposing either of them
 * would take longer than the product: the dense layer of a large image is one. */
#ifndef CEN_KERNELS_GEMM_DOTS_H
#define CEN_KERNELS_GEMM_DOTS_H

#include "kernels/gemm.h"
#include "kernels/micro.h"

bool cen__gemm_dots_fit(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                        cen__matrix b);

/* Numbers of scratch for any product of at most this size that fits. */
size_t cen__gemm_dots_count(const cen__micro *micro, size_t m, size_t n);

/* c[m, n] = or += a[m, k] b[k, n], on this thread. */
void cen__gemm_dots(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                    cen__matrix b, float *c, size_t ldc, bool accumulate, float *scratch);

#endif
