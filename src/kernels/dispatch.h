/* One table of functions for each instruction set. Each is compiled from the same templates (micro_, vector_
 * and norm_template.h) in its own file set_*.c, its convolution from conv_kernels.h in conv_*.c. A context
 * knows its set; a net keeps the table that it was made with, because its plans depend on it. */
#ifndef CEN_KERNELS_DISPATCH_H
#define CEN_KERNELS_DISPATCH_H

#include <float.h>

#include "base/instructions.h"
#include "kernels/micro.h"
#include "kernels/norm.h"
#include "kernels/vector.h"

#if FLT_EVAL_METHOD == 1 || FLT_EVAL_METHOD == 2
#error                                                                                             \
    "float must not be computed as double: add -fexcess-precision=fast, on i386 -msse2 -mfpmath=sse"
#endif

/* The loops of norm.h under the same names. */
typedef struct cen__norms {
    void (*measure)(const cen__norm *norm, const float *x, double *sums);
    void (*forward)(const cen__norm *norm, const float *x, float *y);
    void (*measure_backward)(const cen__norm *norm, const float *x, const float *dy, double *sums);
    void (*backward)(const cen__norm *norm, const float *x, const float *dy, float *dx);
    void (*pool_forward)(const cen__norm *norm, const float *x, float *y, float *kept,
                         uint8_t *argmax);
    void (*pool_measure_backward)(const cen__norm *norm, const float *kept, const uint8_t *argmax,
                                  const float *dy, double *sums);
    void (*pool_backward)(const cen__norm *norm, const float *x, const uint8_t *argmax,
                          const float *dy, float *dx);
} cen__norms;

typedef struct cen__kernels {
    const char *name;
    cen__micro micro;
    cen__vectors vectors;
    cen__norms norms;
    const struct cen__conv_set *conv; /* conv_set.h */
} cen__kernels;

extern const cen__kernels cen__kernels_baseline;
#if CEN__X86_SETS
extern const cen__kernels cen__kernels_avx2, cen__kernels_avx512;
#elif CEN__FMA_SET
extern const cen__kernels cen__kernels_fma;
#endif

const cen__kernels *cen__kernels_of(cen__instruction_set set);

#endif
