/* conv_kernels.h for AVX2 and FMA. */
#if defined(__clang__) && defined(__x86_64__)
#pragma STDC FP_CONTRACT ON
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#elif defined(__GNUC__) && defined(__x86_64__)
#pragma GCC optimize("fp-contract=fast")
#pragma GCC target("avx2,fma")
#endif

#define SET cen__conv_set_avx2
#define LANES 8
#define TILE_ROWS_1 6
#define TILE_ROWS_2 6
#define TILE_ROWS_3 4
#define TILE_ROWS_4 2
#define DOTS_ROWS 3
#include "kernels/conv_kernels.h"

#if defined(__clang__) && defined(__x86_64__)
#pragma clang attribute pop
#endif
