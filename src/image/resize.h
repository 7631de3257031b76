/* The inner loop of resizing, for its test: each instruction set gives the same bytes. */
#ifndef CEN_IMAGE_RESIZE_H
#define CEN_IMAGE_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "base/instructions.h"

enum { CEN__RESIZE_BITS = 22, CEN__RESIZE_LANES = 32 };

/* out[l] = sum_t weights[t] * in[t * stride + l] / 2^CEN__RESIZE_BITS, rounded, for l <
 * CEN__RESIZE_LANES and t < n. */
typedef void cen__lane_sums(const uint8_t *in, size_t stride, const uint32_t *weights, size_t n,
                            uint8_t *out);

cen__lane_sums cen__lane_sums_baseline;

/* That of a set. */
cen__lane_sums *cen__lane_sums_of(cen__instruction_set set);

#endif
