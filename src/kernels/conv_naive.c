/* Convolution as it is defined: one loop a letter, sums in double. The references of conv.h. */
#include "kernels/conv.h"

/* Where output row (or column) `out` and kernel row `i` read the input; false in the padding. */
static bool input_place(size_t out, size_t stride, size_t i, size_t pad, size_t size, size_t *in)
{
    *in = out * stride + i - pad; /* wraps far above size where it is negative */
    return out * stride + i >= pad && *in < size;
}

/* sum_{c, i, j} w[c, i, j] x[c, oh * sh + i - ph, ow * sw + j - pw] */
static double output(const cen__conv *v, const float *x, const float *w, size_t oh, size_t ow)
{
    double sum = 0;
    for (size_t c = 0; c < v->c; c++)
        for (size_t i = 0; i < v->kernel_h; i++)
            for (size_t j = 0; j < v->kernel_w; j++) {
                size_t row, column;
                if (input_place(oh, v->stride_h, i, v->pad_h, v->h, &row) &&
                    input_place(ow, v->stride_w, j, v->pad_w, v->w, &column))
                    sum += (double)w[(c * v->kernel_h + i) * v->kernel_w + j] *
                           (double)x[(c * v->h + row) * v->w + column];
            }
    return sum;
}

void cen__conv_forward_naive(const cen__conv *v, size_t n, const float *x, const float *w,
                             const float *bias, float *y)
{
    const size_t taps = v->c * v->kernel_h * v->kernel_w;
    for (size_t image = 0; image < n; image++)
        for (size_t k = 0; k < v->groups * v->k; k++) {
            const float *const from = x + (image * v->groups + k / v->k) * cen__conv_x_count(v);
            for (size_t oh = 0; oh < v->out_h; oh++)
                for (size_t ow = 0; ow < v->out_w; ow++)
                    *y++ = (float)((double)bias[k] + output(v, from, w + k * taps, oh, ow));
        }
}

/* sum of w dy over the outputs that read x[c, row, column]. */
static double input_gradient(const cen__conv *v, const float *dy, const float *w, size_t c,
                             size_t row, size_t column)
{
    double sum = 0;
    for (size_t k = 0; k < v->k; k++)
        for (size_t i = 0; i < v->kernel_h; i++)
            for (size_t j = 0; j < v->kernel_w; j++) {
                if (row + v->pad_h < i || (row + v->pad_h - i) % v->stride_h != 0) continue;
                if (column + v->pad_w < j || (column + v->pad_w - j) % v->stride_w != 0) continue;
                const size_t oh = (row + v->pad_h - i) / v->stride_h;
                const size_t ow = (column + v->pad_w - j) / v->stride_w;
                if (oh < v->out_h && ow < v->out_w)
                    sum += (double)w[((k * v->c + c) * v->kernel_h + i) * v->kernel_w + j] *
                           (double)dy[(k * v->out_h + oh) * v->out_w + ow];
            }
    return sum;
}

void cen__conv_backward_data_naive(const cen__conv *v, size_t n, const float *dy, const float *w,
                                   float *dx)
{
    for (size_t i = 0; i < n * v->groups; i++, dy += cen__conv_y_count(v))
        for (size_t c = 0; c < v->c; c++)
            for (size_t row = 0; row < v->h; row++)
                for (size_t column = 0; column < v->w; column++)
                    *dx++ = (float)input_gradient(v, dy, w + i % v->groups * cen__conv_w_count(v),
                                                  c, row, column);
}

/* sum over the images and outputs of one k of dy x[c, oh * sh + i - ph, ow * sw + j - pw] */
static double weight_gradient(const cen__conv *v, size_t n, const float *x, const float *dy,
                              size_t c, size_t i, size_t j)
{
    double sum = 0;
    for (size_t image = 0; image < n; image++)
        for (size_t oh = 0; oh < v->out_h; oh++)
            for (size_t ow = 0; ow < v->out_w; ow++) {
                size_t row, column;
                if (input_place(oh, v->stride_h, i, v->pad_h, v->h, &row) &&
                    input_place(ow, v->stride_w, j, v->pad_w, v->w, &column))
                    sum += (double)dy[(image * v->groups * v->k * v->out_h + oh) * v->out_w + ow] *
                           (double)x[((image * v->groups * v->c + c) * v->h + row) * v->w + column];
            }
    return sum;
}

void cen__conv_backward_weights_naive(const cen__conv *v, size_t n, const float *x, const float *dy,
                                      float *dw, float *dbias)
{
    const size_t plane = v->out_h * v->out_w;
    for (size_t k = 0; k < v->groups * v->k; k++) {
        const float *const from = x + k / v->k * cen__conv_x_count(v);
        for (size_t c = 0; c < v->c; c++)
            for (size_t i = 0; i < v->kernel_h; i++)
                for (size_t j = 0; j < v->kernel_w; j++)
                    *dw++ += (float)weight_gradient(v, n, from, dy + k * plane, c, i, j);
        double sum = 0;
        for (size_t image = 0; image < n; image++)
            for (size_t o = 0; o < plane; o++)
                sum += (double)dy[(image * v->groups * v->k + k) * plane + o];
        dbias[k] += (float)sum;
    }
}
