/* The inner loops of convolution for AVX2 and FMA. */
#include "kernels/conv_set.h"

#if CEN__X86_SETS

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define SET cen__conv_set_avx2
#define LANES 8
#define TILE_ROWS_1 6
#define TILE_ROWS_2 6
#define TILE_ROWS_3 4
#define TILE_ROWS_4 2
#define WINOGRAD_VECTORS 2
#define WINOGRAD_FITS 1
#define DOTS_ROWS 3
#define CONTRACT 1
#include "kernels/conv_kernels.h"

#if defined(__clang__)
#pragma clang attribute pop
#endif

#else
typedef int cen__no_conv_avx2;
#endif
