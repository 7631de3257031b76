/* Winograd's minimal filtering for square kernels of 3 and 5 at stride 1; see conv_winograd.c. Same
 * contracts as conv.h. */
#ifndef CEN_KERNELS_CONV_WINOGRAD_H
#define CEN_KERNELS_CONV_WINOGRAD_H

#include "kernels/conv.h"
#include "kernels/conv_set.h"

/* True where it is expected to win over the direct method, and may be called. Its unrolled transforms are most of
 * the code of a program that computes features only, so CEN_SMALL does without. */
#if defined(CEN_SMALL)
static inline bool cen__winograd_suits(const cen__conv *conv, const cen__conv_set *set)
{
    (void)conv, (void)set;
    return false;
}
#else
bool cen__winograd_suits(const cen__conv *conv, const cen__conv_set *set);
#endif

/* Of a side of a tile, m in conv_winograd.c. */
size_t cen__winograd_outputs(const cen__conv *conv, const cen__conv_set *set);

/* Pooling after the convolution, as in conv_pool.h. */
typedef struct cen__pooling {
    bool relu;
    uint8_t *argmax; /* may be NULL */
} cen__pooling;

/* pooling and argmax are NULL where the convolution's own output is y, and its gradient dy. */
size_t cen__winograd_scratch_count(const cen__conv *conv, const cen__conv_set *set);
size_t cen__winograd_prepared_count(const cen__conv *conv, const cen__conv_set *set);
size_t cen__winograd_parts(const cen__conv *conv, const cen__conv_set *set, bool backward);
void cen__winograd_prepare(const cen__conv *conv, const cen__conv_set *set, const float *w,
                           bool backward, size_t part, float *prepared);
void cen__winograd_forward(const cen__conv *conv, const cen__conv_set *set, size_t n,
                           const float *x, const float *prepared, const float *bias,
                           const cen__pooling *pooling, float *y, float *scratch);
void cen__winograd_backward_data(const cen__conv *conv, const cen__conv_set *set, size_t n,
                                 const float *dy, const uint8_t *argmax, const float *prepared,
                                 float *dx, float *scratch);
void cen__winograd_backward_weights(const cen__conv *conv, const cen__conv_set *set, size_t n,
                                    const float *x, const float *dy, const uint8_t *argmax,
                                    float *dw, float *scratch);

#endif
