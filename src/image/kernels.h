/* The inner loops of JPEG and of resizing: one table for each instruction set, and all give the same bytes. */
#ifndef CEN_IMAGE_KERNELS_H
#define CEN_IMAGE_KERNELS_H

#include "image/jpeg.h"

enum { CEN__RESIZE_BITS = 22, CEN__RESIZE_LANES = 32 };

typedef void cen__lane_sums(const uint8_t *in, size_t stride, const uint32_t *weights, size_t n,
                            uint8_t *out);

typedef struct cen__image_kernels {
    const char *name; /* the instruction set */
    /* One sequential block: Huffman decoding, dequantisation, inverse DCT to `out`. */
    void (*decode_to_pixels)(cen__jpeg_bits *bits, cen__jpeg_component *component, uint8_t *out,
                             size_t stride);
    /* The same without the inverse DCT: coefficients[64] in natural order, and in *used a bit for
     * each place of the zigzag that may not be zero (DC aside). */
    void (*decode_to_coefficients)(cen__jpeg_bits *bits, cen__jpeg_component *component,
                                   int16_t *coefficients, uint64_t *used);
    void (*coefficients_to_pixels)(const int16_t *coefficients, uint64_t used,
                                   const cen__jpeg_component *component, uint8_t *out,
                                   size_t stride);
    /* A row of n samples to 2 n, n > 2. near is the row, far its neighbour above or below, `below`
     * says which. */
    void (*upsample_h2)(const uint8_t *near, size_t n, uint8_t *out);
    void (*upsample_v2)(const uint8_t *near, const uint8_t *far, bool below, size_t n,
                        uint8_t *out);
    void (*upsample_h2v2)(const uint8_t *near, const uint8_t *far, size_t n, uint16_t *sums,
                          uint8_t *out);
    /* Planes of n samples to n pixels of 3 bytes. */
    void (*ycc_to_rgb)(const uint8_t *y, const uint8_t *cb, const uint8_t *cr, size_t n,
                       uint8_t *out);
    void (*interleave)(const uint8_t *r, const uint8_t *g, const uint8_t *b, size_t n,
                       uint8_t *out);
    /* Resizing: out[l] = sum_t weights[t] * in[t * stride + l] / 2^CEN__RESIZE_BITS, rounded, for l <
     * CEN__RESIZE_LANES and t < n. */
    cen__lane_sums *lane_sums;
} cen__image_kernels;

/* The sets that this machine has, the fastest last. Returns how many. */
size_t cen__image_kernels_list(const cen__image_kernels *list[3]);

/* Those of a set, or of the highest below it that this machine has. */
const cen__image_kernels *cen__image_kernels_of(cen__instruction_set set);

#endif
