/* conv_kernels.h for any processor. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT ON
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=fast")
#endif

#define SET cen__conv_set_baseline
#define LANES 4
#define TILE_ROWS_1 6
#define TILE_ROWS_2 5
#define TILE_ROWS_3 3
#define TILE_ROWS_4 2
#define DOTS_ROWS 2
#include "kernels/conv_kernels.h"
