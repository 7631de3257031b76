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

typedef struct bias_sum {
    const cen__affine *affine;
    const float *dy;
    float *dbias;
} bias_sum;

enum { BIAS_BLOCK = 1024 };

/* Of some outputs, image by image: the same bits however many there are in a block. */
static void sum_bias(void *data, size_t task, int worker)
{
    (void)worker;
    const bias_sum *sum = data;
    const size_t out = sum->affine->out, start = task * BIAS_BLOCK;
    const size_t count = out - start < BIAS_BLOCK ? out - start : BIAS_BLOCK;
    memcpy(sum->dbias + start, sum->dy + start, count * sizeof *sum->dy);
    for (size_t i = 1; i < sum->affine->n; i++) {
        sum->affine->kernels->vectors.add_scaled(count, 1, sum->dy + i * out + start,
                                                 sum->dbias + start);
    }
}

void cen__affine_backward(const cen__affine *affine, const float *x, const float *w,
                          const float *dy, float *dw, float *dbias, float *dx)
{
    size_t n = affine->n, in = affine->in, out = affine->out;
    cen__gemm(&affine->kernels->micro, out, in, n, (cen__matrix){dy, 1, out},
              (cen__matrix){x, in, 1}, NULL, dw, in, affine->scratch, affine->context);
    bias_sum sum = {affine, dy, dbias};
    cen__parallel(affine->context, (out + BIAS_BLOCK - 1) / BIAS_BLOCK, (double)n * (double)out,
                  sum_bias, &sum);
    if (dx == NULL) return;
    cen__gemm(&affine->kernels->micro, n, in, out, (cen__matrix){dy, out, 1},
              (cen__matrix){w, in, 1}, NULL, dx, in, affine->scratch, affine->context);
}
