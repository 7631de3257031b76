/* 2-D convolution (cross-correlation, as every framework has it) of n images, single-threaded: the
 * caller gives each thread its images.
 *
 *     y[n, k, oh, ow] = bias[k] + sum_{c, i, j} w[k, c, i, j] x[n, c, oh * sh + i - ph, ow * sw + j - pw]
 *
 * In groups it is that of each group's channels to its outputs, as torch.nn.Conv2d(groups=groups). */
#ifndef CEN_KERNELS_CONV_H
#define CEN_KERNELS_CONV_H

#include <stdbool.h>
#include <stddef.h>

struct cen__kernels;

typedef struct cen__conv {
    size_t c, h, w; /* of the input: c channels a group */
    size_t k;       /* outputs a group */
    size_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
    size_t out_h, out_w;                /* (h + 2 pad - kernel) / stride + 1 */
    const struct cen__kernels *kernels; /* the same for counts and runs */
    size_t groups;                      /* at least 1 */
} cen__conv;

/* Numbers of one group: of an image, its outputs, the kernels. */
static inline size_t cen__conv_x_count(const cen__conv *conv)
{
    return conv->c * conv->h * conv->w;
}

static inline size_t cen__conv_y_count(const cen__conv *conv)
{
    return conv->k * conv->out_h * conv->out_w;
}

static inline size_t cen__conv_w_count(const cen__conv *conv)
{
    return conv->k * conv->c * conv->kernel_h * conv->kernel_w;
}

/* Numbers of scratch (64-byte aligned) that each call below needs for n images, for one thread. */
size_t cen__conv_scratch_count(const cen__conv *conv, size_t n);

/* What forward, or backward to the data, makes of w alone: made before it, once for the images of all
 * threads, in so many parts, which may be made at once. 0 parts: it takes w as it is. prepared is
 * 64-byte aligned and has numbers for either. */
size_t cen__conv_prepared_count(const cen__conv *conv);
size_t cen__conv_parts(const cen__conv *conv, bool backward);
void cen__conv_prepare(const cen__conv *conv, const float *w, bool backward, size_t part,
                       float *prepared);

/* y[n, k, out_h, out_w] = x[n, c, h, w] * w[k, c, kernel_h, kernel_w] + bias[k], with the k and c of all
 * groups but for w's c. */
void cen__conv_forward(const cen__conv *conv, size_t n, const float *x, const float *w,
                       const float *prepared, const float *bias, float *y, float *scratch);

/* dx[n, c, h, w] = the transpose of the above in x. */
void cen__conv_backward_data(const cen__conv *conv, size_t n, const float *dy, const float *w,
                             const float *prepared, float *dx, float *scratch);

/* dw += sum over n of the transpose in w; dbias += sum of dy, or NULL where nobody asks. */
void cen__conv_backward_weights(const cen__conv *conv, size_t n, const float *x, const float *dy,
                                float *dw, float *dbias, float *scratch);

/* Backward to the weights and, unless dx is NULL, to the data. */
void cen__conv_backward(const cen__conv *conv, size_t n, const float *x, const float *dy,
                        const float *w, const float *prepared, float *dw, float *dbias, float *dx,
                        float *scratch);

/* The references, plain loops in double accumulation. */
void cen__conv_forward_naive(const cen__conv *conv, size_t n, const float *x, const float *w,
                             const float *bias, float *y);
void cen__conv_backward_data_naive(const cen__conv *conv, size_t n, const float *dy, const float *w,
                                   float *dx);
void cen__conv_backward_weights_naive(const cen__conv *conv, size_t n, const float *x,
                                      const float *dy, float *dw, float *dbias);

#endif
