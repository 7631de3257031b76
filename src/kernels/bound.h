/* Whether numbers are finite and below a limit, by sums of their squares: one read gives both this and their
 * length. */
#ifndef CEN_KERNELS_BOUND_H
#define CEN_KERNELS_BOUND_H

#include "base/context.h"
#include "kernels/vector.h"

/* *sum (may be NULL) = that of the squares of x[n], in double. True if all of x are finite; a finite limit is
 * above each of them, too. (It is held against the root of sums of squares, which is exact enough a measure
 * of a gradient that has long exploded.) The same bits at any number of threads. */
bool cen__square_sum(const cen__vectors *vectors, const float *x, size_t n, double limit,
                     cen_context *context, double *sum);

/* The same without the sum. */
bool cen__is_below(const cen__vectors *vectors, const float *x, size_t n, double limit,
                   cen_context *context);

#endif
