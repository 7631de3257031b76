/* The loops of batch normalisation (Ioffe and Szegedy 2015), with a relu and a maximum over windows of
 * 2x2 behind it where these are asked for:
 *
 *     z = (x - mean) scale + bias, y = z, relu(z), pool(z) or relu(pool(z))
 *
 * with four numbers a channel. Sums are in double over fixed lanes; all instruction sets give the same
 * bits. x is [n, c, h, w]; y and dy are too, or [n, c, h / 2, w / 2] behind a maximum. */
#ifndef CEN_KERNELS_NORM_H
#define CEN_KERNELS_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/conv_pool.h"

typedef struct cen__norm {
    size_t n, c, h, w;
    bool relu;
    const float *mean, *scale, *bias; /* [c] */
    const float *dbias,
        *dslope; /* [c]: dx = scale (dz - dbias - (x - mean) dslope), dz the gradient
                                    of z; for the backwards that assign dx */
    const struct cen__kernels *kernels;
} cen__norm;

/* sums[2, c] = the sums of x and of x^2. Needs no numbers of the channels. */
void cen__norm_measure(const cen__norm *norm, const float *x, double *sums);

void cen__norm_forward(const cen__norm *norm, const float *x, float *y);

/* sums[2, c] = the sums of dz and of dz (x - mean). */
void cen__norm_measure_backward(const cen__norm *norm, const float *x, const float *dy,
                                double *sums);
void cen__norm_backward(const cen__norm *norm, const float *x, const float *dy, float *dx);

/* With a maximum, which may have no window where h or w is 1. argmax and the rule for equals and NaN
 * are those of conv_pool.h; kept is the x - mean from which each maximum came. */
void cen__norm_pool_forward(const cen__norm *norm, const float *x, float *y, float *kept,
                            uint8_t *argmax);
void cen__norm_pool_measure_backward(const cen__norm *norm, const float *kept,
                                     const uint8_t *argmax, const float *dy, double *sums);
void cen__norm_pool_backward(const cen__norm *norm, const float *x, const uint8_t *argmax,
                             const float *dy, float *dx);

#endif
