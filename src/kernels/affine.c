#include "kernels/affine.h"

#include <string.h>

#include "kernels/gemm.h"

size_t cen__affine_scratch_count(const cen__kernels *kernels, size_t n, size_t in, size_t out,
                                 int n_threads)
{
    size_t forward = cen__gemm_scratch_count(&kernels->micro, n, out, in, n_threads);
    size_t weights = cen__gemm_scratch_count(&kernels->micro, out, in, n, n_threads);
    size_t data = cen__gemm_scratch_count(&kernels->micro, n, in, out, n_threads);
    size_t most = forward > weights ? forward : weights;
    return most > data ? most : data;
}

void cen__affine_forward(const cen__affine *affine, const float *x, const float *w,
                         const float *bias, float *y)
{
    size_t n = affine->n, in = affine->in, out = affine->out;
    cen__gemm(&affine->kernels->micro, n, out, in, (cen__matrix){x, in, 1}, (cen__matrix){w, 1, in},
              bias, y, out, affine->scratch, affine->context);
}

void cen__affine_backward(const cen__affine *affine, const float *x, const float *w,
                          const float *dy, float *dw, float *dbias, float *dx)
{
    size_t n = affine->n, in = affine->in, out = affine->out;
    cen__gemm(&affine->kernels->micro, out, in, n, (cen__matrix){dy, 1, out},
              (cen__matrix){x, in, 1}, NULL, dw, in, affine->scratch, affine->context);
    memcpy(dbias, dy, out * sizeof *dy);
    for (size_t i = 1; i < n; i++) affine->kernels->vectors.add_scaled(out, 1, dy + i * out, dbias);
    if (dx == NULL) return;
    cen__gemm(&affine->kernels->micro, n, in, out, (cen__matrix){dy, out, 1},
              (cen__matrix){w, in, 1}, NULL, dx, in, affine->scratch, affine->context);
}
