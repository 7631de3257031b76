/* What the files of the VP8 decoder share. Names and section numbers are those of RFC 6386. */
#ifndef CEN_IMAGE_WEBP_LOSSY_H
#define CEN_IMAGE_WEBP_LOSSY_H

#include "image/webp.h"

/* ---- constants ------------------------------------------------------------------------------- */

enum { CEN__VP8_N_BLOCK_MODES = 10, CEN__VP8_MOST_PARTITIONS = 8, CEN__VP8_N_SEGMENTS = 4 };

/* Modes of 4 x 4 pixels, in the order of the tree's leaves (section 11.2). A 16 x 16 or chroma mode is one of the
 * first four. */
enum {
    CEN__DC_PRED,
    CEN__TM_PRED,
    CEN__V_PRED,
    CEN__H_PRED,
    CEN__RD_PRED,
    CEN__VR_PRED,
    CEN__LD_PRED,
    CEN__VL_PRED,
    CEN__HD_PRED,
    CEN__HU_PRED
};

extern const uint8_t cen__vp8_coefficient_updates[4][8][3][11];
extern const uint8_t cen__vp8_coefficients[4][8][3][11];
extern const uint8_t cen__vp8_block_modes[CEN__VP8_N_BLOCK_MODES][CEN__VP8_N_BLOCK_MODES]
                                         [9]; /* [above][left] */
extern const uint8_t cen__vp8_dc_steps[128];
extern const uint16_t cen__vp8_ac_steps[128];

/* ---- the boolean decoder (section 7) --------------------------------------------------------- */

typedef struct cen__vp8_bits {
    uint64_t value;
    uint32_t range; /* less 1 */
    int n_bits;     /* of value below the 8 that are compared with the range; below 0: read on */
    const uint8_t *next, *end;
    bool ended; /* bits were wanted that the data do not have */
} cen__vp8_bits;

extern const uint8_t cen__vp8_shifts[128]; /* that bring a range back to 128 and above */

void cen__vp8_bits_start(cen__vp8_bits *bits, const uint8_t *data, size_t size);

/* Eight bits more; after the end zeros. */
void cen__vp8_bits_fill(cen__vp8_bits *bits);

static inline int cen__vp8_bit(cen__vp8_bits *bits, unsigned probability)
{
    if (bits->n_bits < 0) cen__vp8_bits_fill(bits);
    uint32_t range = bits->range, split = range * probability >> 8;
    uint32_t value = (uint32_t)(bits->value >> bits->n_bits);
    int bit = value > split;
    if (bit) {
        range -= split + 1;
        bits->value -= (uint64_t)(split + 1) << bits->n_bits;
    } else {
        range = split;
    }
    if (range < 127) {
        unsigned shift = cen__vp8_shifts[range];
        range = ((range + 1) << shift) - 1;
        bits->n_bits -= (int)shift;
    }
    bits->range = range;
    return bit;
}

unsigned cen__vp8_number(cen__vp8_bits *bits, int n);

/* A flag, and if it is set n bits and a sign; else 0. */
int cen__vp8_optional(cen__vp8_bits *bits, int n);

/* ---- the frame ------------------------------------------------------------------------------- */

/* Steps of the quantizer: [0] of DC, [1] of the rest. */
typedef struct cen__vp8_steps {
    int y[2], y2[2], uv[2];
} cen__vp8_steps;

typedef struct cen__vp8_filter {
    uint8_t limit;   /* of the whole difference; 0: the macroblock is not filtered */
    uint8_t inner;   /* of a difference of neighbours */
    uint8_t high;    /* above it an edge is one of the picture */
    bool has_blocks; /* the edges within the macroblock are filtered */
} cen__vp8_filter;

/* What a macroblock tells its neighbours. */
typedef struct cen__vp8_edge {
    uint8_t nonzero; /* bits 0-3: Y blocks; 4, 5: U; 6, 7: V */
    uint8_t nonzero_dc;
    uint8_t modes[4];
} cen__vp8_edge;

typedef struct cen__vp8_macroblock {
    uint8_t segment;
    bool is_skipped, has_blocks; /* of 4 x 4, each with a mode of its own */
    uint8_t modes[16], chroma_mode;
    uint8_t filled[24]; /* of a block: 0 no coefficient, 1 DC only, 2 the first three, 3 all */
    int16_t coefficients[384]; /* 16 blocks of Y, 4 of U, 4 of V */
} cen__vp8_macroblock;

typedef struct cen__vp8_plane {
    uint8_t *
        first; /* pixel; a row above, a column before it and 4 pixels after its width are there, too */
    size_t stride;
} cen__vp8_plane;

typedef struct cen__vp8 {
    const cen__webp_chunk *chunk;
    cen_error *error;
    size_t width, height, n_columns, n_rows; /* the last two in macroblocks */
    cen__vp8_bits bits;                      /* of the first partition */
    cen__vp8_bits partitions[CEN__VP8_MOST_PARTITIONS];
    size_t n_partitions;
    bool has_segments, has_map, is_absolute;
    int segment_quantizer[CEN__VP8_N_SEGMENTS], segment_level[CEN__VP8_N_SEGMENTS];
    uint8_t segment_probabilities[3];
    bool is_simple, has_deltas; /* of the loop filter */
    int level, sharpness, delta_intra, delta_blocks;
    int quantizer, deltas[5]; /* of y DC, y2 DC, y2 AC, uv DC, uv AC */
    cen__vp8_steps steps[CEN__VP8_N_SEGMENTS];
    cen__vp8_filter strengths[CEN__VP8_N_SEGMENTS][2]; /* [.][has_blocks] */
    uint8_t coefficients[4][8][3][11];
    int skip_probability; /* -1: no macroblock is skipped */
    cen__vp8_edge *above; /* of each column */
    cen__vp8_edge left;
    cen__vp8_filter *filters; /* of each macroblock */
    cen__vp8_plane planes[3];
    cen__vp8_macroblock block; /* that is being decoded */
} cen__vp8;

/* Everything before the first macroblock. Errors: FORMAT. */
cen_status cen__vp8_read_header(cen__vp8 *vp8);

/* The coefficients of vp8->block, and what the neighbours have to know of them. False if there are none. */
bool cen__vp8_read_coefficients(cen__vp8 *vp8, cen__vp8_bits *bits, cen__vp8_edge *above);

/* Predicts vp8->block and adds its coefficients. */
void cen__vp8_reconstruct(cen__vp8 *vp8, size_t column, size_t row);

/* The loop filter on the whole frame. */
void cen__vp8_filter_frame(cen__vp8 *vp8);

/* The frame's colours. line: [4 * (width + 1)] for the chroma of a row. */
void cen__vp8_write(const cen__vp8 *vp8, uint8_t *line, const cen__webp_target *target);

#endif
