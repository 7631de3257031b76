/* Loops over flat buffers, in vectors on every instruction set, with the same bits on each. */
#ifndef CEN_KERNELS_VECTOR_H
#define CEN_KERNELS_VECTOR_H

#include <stddef.h>
#include <stdint.h>

/* One step of Adam (Kingma and Ba 2015, algorithm 1, as torch.optim.Adam rounds it):
 * m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
 * p = keep p - step_size * m / (sqrt(v) / root_correction + eps)
 * with step_size = lr / (1 - b1^t) and root_correction = sqrt(1 - b2^t). */
typedef struct cen__adam_step {
    float beta1, beta2;
    float rest1, rest2; /* 1 - beta1, 1 - beta2, rounded once: 1 - 0.999f is off by 1e-5 */
    float step_size, root_correction, eps;
    float keep; /* 1 - lr * weight_decay (torch.optim.AdamW), or 1 */
} cen__adam_step;

typedef struct cen__vectors {
    /* g may be NULL: a gradient of zeros. */
    void (*adam)(size_t n, float *p, float *m, float *v, const float *g,
                 const cen__adam_step *step);
    /* y += a x */
    void (*add_scaled)(size_t n, float a, const float *x, float *y);
    /* x[i] = exp(x[i] - shift), and returns the sum in double over fixed lanes. */
    double (*exp_sum)(size_t n, float *x, float shift);
    /* The largest of x[n], n > 0; NaN if there is one. *index (may be NULL): the first place of it. */
    float (*max)(size_t n, const float *x, size_t *index);
    /* sum of (a - b)^2, in double over fixed lanes. */
    double (*squared_distance)(size_t n, const float *a, const float *b);
    /* Maxpool windows of 2x2: `rows` rows of `width` of them, row r over the rows 2r and 2r + 1 of x,
     * which are w numbers long. y[rows, width], and place (may be NULL; 0, 1: top; 2, 3: bottom). The
     * first of equals wins, NaN over all. */
    void (*pool_2x2)(size_t rows, size_t width, size_t w, const float *x, float *y, uint8_t *place);
    /* The sum of x, in double over fixed lanes. */
    double (*sum)(size_t n, const float *x);
    /* sum of a b, in double over fixed lanes. */
    double (*dot)(size_t n, const float *a, const float *b);
    /* sums[rows]: the sum of (a - b)^2 for each row a of x[rows, n], in float over fixed lanes. */
    void (*squared_distances)(size_t rows, size_t n, const float *b, const float *x, float *sums);
    /* dots[rows] and squares[rows]: the sums of a b and of a^2, in the same way. */
    void (*dots)(size_t rows, size_t n, const float *b, const float *x, float *dots,
                 float *squares);
    /* y = x P(x), with P the share of the normal distribution below x; within 1e-6 max(1, |y|) of it. */
    void (*gelu)(size_t n, const float *x, float *y);
    /* dx = dy (P(x) + x p(x)), with p the density. dx may be dy. */
    void (*gelu_backward)(size_t n, const float *x, const float *dy, float *dx);
} cen__vectors;

#endif
