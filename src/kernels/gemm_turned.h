/* Products of few rows with a matrix that lies along k, as weights do: C^T = B^T A^T reads it where it is. Packing it
 * would take as long as the product. */
#ifndef CEN_KERNELS_GEMM_TURNED_H
#define CEN_KERNELS_GEMM_TURNED_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/gemm.h"

bool cen__gemm_is_turned(const cen__micro *micro, size_t m, size_t n, cen__matrix b);

/* C[m, n] = or, if accumulate, += A B, with each sum as the tiles of gemm.c make it. k is at most micro->kc. panel has
 * room for k rows of micro->nr. */
void cen__gemm_turned(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                      cen__matrix b, float *c, size_t ldc, bool accumulate, float *panel);

#endif
