/* The inputs of a strided convolution by their place modulo the stride. */
#ifndef CEN_KERNELS_CONV_PHASE_H
#define CEN_KERNELS_CONV_PHASE_H

#include <stdbool.h>
#include <stddef.h>

/* The inputs of one place. Input row first + t * stride reads row base + t - u of dy through kernel row
 * tap + u * stride, u < n_taps; the same for columns. */
typedef struct phase {
    size_t first, count, tap, n_taps;
    ptrdiff_t base;
} phase;

static inline phase make_phase(size_t tap, size_t size, size_t stride, size_t pad, size_t kernel)
{
    phase p = {.first = (tap + stride - pad % stride) % stride, .tap = tap};
    p.count = p.first < size ? (size - 1 - p.first) / stride + 1 : 0;
    p.n_taps = tap < kernel ? (kernel - 1 - tap) / stride + 1 : 0;
    p.base = (ptrdiff_t)((p.first + pad - tap) / stride);
    return p;
}

static inline bool is_used(const phase *p)
{
    return p->count > 0 && p->n_taps > 0;
}

#endif
