/* The inner loops of convolution for 64-bit ARM and s390x: four floats, fused multiply-add. */
#include "kernels/conv_set.h"

#if CEN__FMA_SET

#define SET cen__conv_set_fma
#define LANES 4
#define TILE_ROWS_1 12
#define TILE_ROWS_2 12
#define TILE_ROWS_3 8
#define TILE_ROWS_4 6
#define WINOGRAD_VECTORS 4
#define WINOGRAD_FITS 1
#define DOTS_ROWS 5
#define CONTRACT 1
#include "kernels/conv_kernels.h"

#else
typedef int cen__no_conv_fma;
#endif
