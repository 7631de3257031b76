#include "kernels/norm.h"

#include "kernels/dispatch.h"

static const cen__norms *norms_of(const cen__norm *norm)
{
    return &norm->kernels->norms;
}

void cen__norm_measure(const cen__norm *norm, const float *x, double *sums)
{
    norms_of(norm)->measure(norm, x, sums);
}

void cen__norm_forward(const cen__norm *norm, const float *x, float *y)
{
    norms_of(norm)->forward(norm, x, y);
}

void cen__norm_measure_backward(const cen__norm *norm, const float *x, const float *dy,
                                double *sums)
{
    norms_of(norm)->measure_backward(norm, x, dy, sums);
}

void cen__norm_backward(const cen__norm *norm, const float *x, const float *dy, float *dx)
{
    norms_of(norm)->backward(norm, x, dy, dx);
}

void cen__norm_pool_forward(const cen__norm *norm, const float *x, float *y, float *kept,
                            uint8_t *argmax)
{
    norms_of(norm)->pool_forward(norm, x, y, kept, argmax);
}

void cen__norm_pool_measure_backward(const cen__norm *norm, const float *kept,
                                     const uint8_t *argmax, const float *dy, double *sums)
{
    norms_of(norm)->pool_measure_backward(norm, kept, argmax, dy, sums);
}

void cen__norm_pool_backward(const cen__norm *norm, const float *x, const uint8_t *argmax,
                             const float *dy, float *dx)
{
    norms_of(norm)->pool_backward(norm, x, argmax, dy, dx);
}
