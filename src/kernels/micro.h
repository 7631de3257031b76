/* The micro-kernel and its panels: what gemm.c and conv.c are built on. A micro-kernel keeps one tile
 * of C in registers while it walks over k; it is compiled once for each instruction set. */
#ifndef CEN_KERNELS_MICRO_H
#define CEN_KERNELS_MICRO_H

#include <stdbool.h>
#include <stddef.h>

/* No set has a larger tile, so a tile of any set fits float[CEN__MR_MAX * CEN__NR_MAX]. */
enum { CEN__MR_MAX = 8, CEN__NR_MAX = 48 };

/* c[rows, columns] (rows ldc apart) = sum over p < k of a[p * lda + i] * b[p * ldb + j], or += where
 * accumulate. 1 <= rows <= mr, 1 <= columns <= nr, k > 0. Nothing needs to be aligned.
 *   a: `rows` numbers for each p; a packed panel is [k][rows], lda = rows.
 *   b: for each p, columns rounded up to a multiple of `lanes` are READ (what the excess holds does
 *      not matter, it must only be readable); a packed panel is [k][nr], ldb = nr.
 * Columns of c beyond `columns` are neither read nor written. Each sum is one chain of multiply-adds
 * in the order of p, whatever rows and columns are. */
typedef void cen__micro_tile(size_t rows, size_t columns, size_t k, const float *a, size_t lda,
                             const float *b, size_t ldb, float *c, size_t ldc, bool accumulate);

/* Panels of b whose columns are adjacent: to[panel, p, nr] = from[p * stride + panel * nr + j] for
 * p < k, the panels k nr apart. It reads along the rows, as memory likes it. */
typedef void cen__micro_copy(size_t k, size_t n_panels, const float *from, size_t stride,
                             float *to);

typedef struct cen__micro {
    size_t mr, nr, lanes;          /* the largest tile; nr is 3 lanes */
    size_t mc, kc, nc;             /* cache blocks: mc x kc of a in L2, kc x nr of b in L1 */
    cen__micro_tile *tile;         /* a[p * lda + i]: packed */
    cen__micro_tile *tile_along_k; /* a[i * lda + p]: rows of a matrix as they lie */
    cen__micro_copy *copy;
} cen__micro;

/* to[p * to_stride + i] = from[i * from_stride + p] for i < rows, p < k: packs an operand that lies
 * along k. */
void cen__transpose(size_t rows, size_t k, const float *from, size_t from_stride, float *to,
                    size_t to_stride);

#endif
