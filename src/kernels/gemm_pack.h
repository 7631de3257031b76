/* Packing: copies a block of an operand into the panels that the micro-kernel reads, see micro.h. */
#ifndef CEN_KERNELS_GEMM_PACK_H
#define CEN_KERNELS_GEMM_PACK_H

#include "kernels/gemm.h"
#include "kernels/micro.h"

/* Splits 0 .. total - 1 into n_parts as even as multiples of unit allow; part i begins here and ends
 * where i + 1 begins. */
size_t cen__part_start(size_t total, size_t n_parts, size_t unit, size_t i);

/* Panels of mr rows, to[panel, p, mr] = a[panel * mr + i, p], i < rows, p < k. A last panel of fewer
 * rows has no gaps: it is [k, rows % mr]. */
void cen__pack_a(const cen__micro *micro, size_t rows, size_t k, cen__matrix a, float *to);

/* Panels of nr columns, to[panel, p, nr] = b[p, panel * nr + j], j < columns, p < k; 0 for the columns
 * that the last panel lacks. */
void cen__pack_b(const cen__micro *micro, size_t columns, size_t k, cen__matrix b, float *to);

#endif
