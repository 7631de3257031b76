/* The inner loops of convolution for AVX-512. */
#include "kernels/conv_set.h"

#if CEN__X86_SETS

#if defined(__clang__)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#pragma clang attribute push(                                                                      \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif

#define SET cen__conv_set_avx512
#define LANES 16
#define TILE_ROWS_1 12
#define TILE_ROWS_2 12
#define TILE_ROWS_3 8
#define TILE_ROWS_4 6
#define WINOGRAD_VECTORS 4
#define WINOGRAD_FITS 1
#define DOTS_ROWS 5
#define CONTRACT 1
#define DEPTHWISE cen__conv_set_avx2
#include "kernels/conv_kernels.h"

#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute pop
#endif

#else
typedef int cen__no_conv_avx512;
#endif
