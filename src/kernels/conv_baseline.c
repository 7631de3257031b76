/* The inner loops of convolution for every processor of the architecture: SSE2 on x86-64. */
#include "kernels/conv_set.h"

#define SET cen__conv_set_baseline
#define LANES 4
#define WINOGRAD_VECTORS 2
#define WINOGRAD_FITS 0 /* a C file of cl_export computes the same, and has tiles of four only */
#if defined(CEN_SMALL)  /* no result depends on them, the code's size does */
#define TILE_ROWS_1 1
#define TILE_ROWS_2 1
#define TILE_ROWS_3 1
#define TILE_ROWS_4 1
#define DOTS_ROWS 1
#else
#define TILE_ROWS_1 6
#define TILE_ROWS_2 5
#define TILE_ROWS_3 3
#define TILE_ROWS_4 2
#define DOTS_ROWS 2
#endif
#define CONTRACT 0
#include "kernels/conv_kernels.h"
