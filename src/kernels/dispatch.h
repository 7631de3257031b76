/* One table of functions for each instruction set, and the choice among them. Each table is compiled
 * from the same templates (micro_, vector_ and norm_template.h) in its own file set_*.c. The
 * choice is made anew at each call (base/instructions.h), so callers ask once a call and small vectors
 * do without (vector.c). */
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

/* The loops of vector.h under the same names. */
typedef struct cen__vectors {
    void (*adam)(size_t n, float *p, float *m, float *v, const float *g,
                 const cen__adam_step *step);
    void (*add_scaled)(size_t n, float a, const float *x, float *y);
    double (*exp_sum)(size_t n, float *x, float shift);
    float (*max)(size_t n, const float *x, size_t *index);
    double (*squared_distance)(size_t n, const float *a, const float *b);
    void (*pool_2x2)(size_t rows, size_t width, size_t w, const float *x, float *y, uint8_t *place);
    double (*sum)(size_t n, const float *x);
    double (*dot)(size_t n, const float *a, const float *b);
} cen__vectors;

/* Those of norm.h. */
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
} cen__kernels;

extern const cen__kernels cen__kernels_baseline;
#if CEN__X86_SETS
extern const cen__kernels cen__kernels_avx2, cen__kernels_avx512;
#elif CEN__FMA_SET
extern const cen__kernels cen__kernels_fma;
#endif

/* That of the instruction set in use. */
const cen__kernels *cen__kernels_select(void);

#endif
