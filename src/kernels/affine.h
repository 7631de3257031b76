/* y = x W^T + b, the map behind the dense layer and the head. */
#ifndef CEN_KERNELS_AFFINE_H
#define CEN_KERNELS_AFFINE_H

#include "base/context.h"
#include "kernels/dispatch.h"

typedef struct cen__affine {
    const cen__kernels *kernels;
    size_t n, in, out;
    cen_context *context; /* NULL: the caller works by itself */
    float *scratch;       /* [cen__affine_scratch_count] */
} cen__affine;

size_t cen__affine_scratch_count(const cen__kernels *kernels, size_t n, size_t in, size_t out,
                                 int n_threads);

/* y[n, out] = x[n, in] w[out, in]^T + bias[out] */
void cen__affine_forward(const cen__affine *affine, const float *x, const float *w,
                         const float *bias, float *y);

/* dw[out, in] = dy^T x; dbias[out] = sum over n of dy; dx[n, in] = dy w, unless dx is NULL. */
void cen__affine_backward(const cen__affine *affine, const float *x, const float *w,
                          const float *dy, float *dw, float *dbias, float *dx);

#endif
