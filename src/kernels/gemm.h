/* Matrix products: C = A B, or with a bias in every row; any strides, float32.
 *
 * The order in which the k products of one number of C are added depends on n and k alone, so a row is the
 * same bits at any number of threads, and whatever other rows there are. It may depend on the instruction
 * set. */
#ifndef CEN_KERNELS_GEMM_H
#define CEN_KERNELS_GEMM_H

#include "base/context.h"
#include "kernels/micro.h"

/* Element (i, j) is data[i * row_stride + j * column_stride]; a transpose is a swap of strides. */
typedef struct cen__matrix {
    const float *data;
    size_t row_stride, column_stride;
} cen__matrix;

/* Numbers of scratch that cen__gemm needs for any product of at most this size on n_threads, with the
 * same micro. */
size_t cen__gemm_scratch_count(const cen__micro *micro, size_t m, size_t n, size_t k,
                               int n_threads);

/* c[m, n] (rows ldc apart, columns adjacent) = a[m, k] b[k, n] + bias[n] in every row (NULL: 0).
 * scratch is 64-byte aligned. Allocates nothing. */
void cen__gemm(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a, cen__matrix b,
               const float *bias, float *c, size_t ldc, float *scratch, cen_context *context);

/* The same with a B that many products share and that is packed once, [cen__gemm_packed_count]: by parts, none of
 * which needs another. 0 numbers and parts: of so few columns it would be mostly zeros. */
size_t cen__gemm_packed_count(const cen__micro *micro, size_t n, size_t k);
size_t cen__gemm_packed_parts(const cen__micro *micro, size_t n);
void cen__gemm_pack(const cen__micro *micro, size_t n, size_t k, cen__matrix b, size_t part,
                    float *packed);
void cen__gemm_packed(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                      const float *packed, const float *bias, float *c, size_t ldc, float *scratch,
                      cen_context *context);

/* In how many parts a sum of k products is computed for n columns. */
size_t cen__gemm_parts(size_t n, size_t k);

/* The reference that it is tested against. */
void cen__gemm_naive(size_t m, size_t n, size_t k, cen__matrix a, cen__matrix b, const float *bias,
                     float *c, size_t ldc);

#endif
