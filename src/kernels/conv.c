/* The public three: which method computes which shape. */
#include "kernels/conv.h"

#include "kernels/conv_direct.h"
#include "kernels/conv_set.h"
#include "kernels/conv_winograd.h"

const cen__conv_set *cen__conv_set_of(const cen__conv *v)
{
    const cen__kernels *const kernels = v->kernels;
#if CEN__X86_SETS
    if (kernels == &cen__kernels_avx512) return &cen__conv_set_avx512;
    if (kernels == &cen__kernels_avx2) return &cen__conv_set_avx2;
#elif CEN__FMA_SET
    if (kernels == &cen__kernels_fma) return &cen__conv_set_fma;
#else
    (void)kernels;
#endif
    return &cen__conv_set_baseline;
}

size_t cen__conv_scratch_count(const cen__conv *v, size_t n)
{
    const cen__conv_set *const set = cen__conv_set_of(v);
    (void)n;
    if (cen__winograd_suits(v, set)) return cen__winograd_scratch_count(v, set);
    return cen__direct_scratch_count(v, set);
}

size_t cen__conv_prepared_count(const cen__conv *v)
{
    const cen__conv_set *const set = cen__conv_set_of(v);
    return cen__winograd_suits(v, set) ? cen__winograd_prepared_count(v, set) : 0;
}

size_t cen__conv_parts(const cen__conv *v, bool backward)
{
    const cen__conv_set *const set = cen__conv_set_of(v);
    return cen__winograd_suits(v, set) ? cen__winograd_parts(v, set, backward) : 0;
}

void cen__conv_prepare(const cen__conv *v, const float *w, bool backward, size_t part,
                       float *prepared)
{
    cen__winograd_prepare(v, cen__conv_set_of(v), w, backward, part, prepared);
}

void cen__conv_forward(const cen__conv *v, size_t n, const float *x, const float *w,
                       const float *prepared, const float *bias, float *y, float *scratch)
{
    const cen__conv_set *const set = cen__conv_set_of(v);
    if (cen__winograd_suits(v, set))
        cen__winograd_forward(v, set, n, x, prepared, bias, NULL, y, scratch);
    else
        cen__direct_forward(v, set, n, x, w, bias, y, scratch);
}

void cen__conv_backward_data(const cen__conv *v, size_t n, const float *dy, const float *w,
                             const float *prepared, float *dx, float *scratch)
{
    const cen__conv_set *const set = cen__conv_set_of(v);
    if (cen__winograd_suits(v, set))
        cen__winograd_backward_data(v, set, n, dy, NULL, prepared, dx, scratch);
    else
        cen__direct_backward_data(v, set, n, dy, w, dx, scratch);
}

void cen__conv_backward_weights(const cen__conv *v, size_t n, const float *x, const float *dy,
                                float *dw, float *dbias, float *scratch)
{
    const cen__conv_set *const set = cen__conv_set_of(v);
    const size_t plane = v->out_h * v->out_w;
    for (size_t image = 0; image < n && dbias != NULL; image++)
        for (size_t k = 0; k < v->k; k++)
            dbias[k] += set->sum(plane, dy + (image * v->k + k) * plane);
    if (cen__winograd_suits(v, set))
        cen__winograd_backward_weights(v, set, n, x, dy, NULL, dw, scratch);
    else
        cen__direct_backward_weights(v, set, n, x, dy, dw, scratch);
}
