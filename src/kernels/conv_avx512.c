/* conv_kernels.h for AVX-512. */
#if defined(__clang__) && defined(__x86_64__)
#pragma STDC FP_CONTRACT ON
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,fma"))),    \
                             apply_to = function)
#elif defined(__GNUC__) && defined(__x86_64__)
#pragma GCC optimize("fp-contract=fast")
#pragma GCC target("avx512f,avx512vl,avx512bw,avx512dq,fma,prefer-vector-width=512")
#endif

#define SET cen__conv_set_avx512
#define LANES 16
#define TILE_ROWS_1 12
#define TILE_ROWS_2 12
#define TILE_ROWS_3 8
#define TILE_ROWS_4 6
#define DOTS_ROWS 5
#include "kernels/conv_kernels.h"

#if defined(__clang__) && defined(__x86_64__)
#pragma clang attribute pop
#pragma clang attribute pop
#endif
