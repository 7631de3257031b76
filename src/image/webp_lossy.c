/* Lossy WebP: a VP8 key frame (RFC 6386), macroblock by macroblock. */
#include "image/webp_lossy.h"

#include <string.h>

#include "base/memory.h"

/* ---- modes (section 11) ---------------------------------------------------------------------- */

static uint8_t read_block_mode(cen__vp8_bits *bits, const uint8_t *p)
{
    if (!cen__vp8_bit(bits, p[0])) return CEN__DC_PRED;
    if (!cen__vp8_bit(bits, p[1])) return CEN__TM_PRED;
    if (!cen__vp8_bit(bits, p[2])) return CEN__V_PRED;
    if (!cen__vp8_bit(bits, p[3])) {
        if (!cen__vp8_bit(bits, p[4])) return CEN__H_PRED;
        return cen__vp8_bit(bits, p[5]) ? CEN__VR_PRED : CEN__RD_PRED;
    }
    if (!cen__vp8_bit(bits, p[6])) return CEN__LD_PRED;
    if (!cen__vp8_bit(bits, p[7])) return CEN__VL_PRED;
    return cen__vp8_bit(bits, p[8]) ? CEN__HU_PRED : CEN__HD_PRED;
}

static void read_block_modes(cen__vp8 *vp8, cen__vp8_edge *above)
{
    for (size_t i = 0; i < 16; i++) {
        uint8_t *top = &above->modes[i % 4], *left = &vp8->left.modes[i / 4];
        *top = *left = vp8->block.modes[i] =
            read_block_mode(&vp8->bits, cen__vp8_block_modes[*top][*left]);
    }
}

static uint8_t read_luma_mode(cen__vp8_bits *bits)
{
    if (cen__vp8_bit(bits, 156)) return cen__vp8_bit(bits, 128) ? CEN__TM_PRED : CEN__H_PRED;
    return cen__vp8_bit(bits, 163) ? CEN__V_PRED : CEN__DC_PRED;
}

static uint8_t read_chroma_mode(cen__vp8_bits *bits)
{
    if (!cen__vp8_bit(bits, 142)) return CEN__DC_PRED;
    if (!cen__vp8_bit(bits, 114)) return CEN__V_PRED;
    return cen__vp8_bit(bits, 183) ? CEN__TM_PRED : CEN__H_PRED;
}

static void read_modes(cen__vp8 *vp8, cen__vp8_edge *above)
{
    cen__vp8_macroblock *block = &vp8->block;
    cen__vp8_bits *bits = &vp8->bits;
    block->segment = 0;
    if (vp8->has_map) {
        const uint8_t *p = vp8->segment_probabilities;
        int high = cen__vp8_bit(bits, p[0]);
        block->segment = (uint8_t)(2 * high + cen__vp8_bit(bits, p[1 + high]));
    }
    block->is_skipped =
        vp8->skip_probability >= 0 && cen__vp8_bit(bits, (unsigned)vp8->skip_probability) != 0;
    block->has_blocks = !cen__vp8_bit(bits, 145);
    if (block->has_blocks) {
        read_block_modes(vp8, above);
    } else {
        block->modes[0] = read_luma_mode(bits);
        memset(above->modes, block->modes[0], sizeof above->modes);
        memset(vp8->left.modes, block->modes[0], sizeof vp8->left.modes);
    }
    block->chroma_mode = read_chroma_mode(bits);
}

/* ---- the frame ------------------------------------------------------------------------------- */

static void decode_macroblock(cen__vp8 *vp8, cen__vp8_bits *bits, size_t column, size_t row)
{
    cen__vp8_macroblock *block = &vp8->block;
    cen__vp8_edge *above = &vp8->above[column];
    read_modes(vp8, above);
    bool is_empty = block->is_skipped;
    if (!is_empty) {
        is_empty = !cen__vp8_read_coefficients(vp8, bits, above);
    } else {
        memset(block->filled, 0, sizeof block->filled);
        above->nonzero = vp8->left.nonzero = 0;
        if (!block->has_blocks) above->nonzero_dc = vp8->left.nonzero_dc = 0;
    }
    cen__vp8_filter *filter = &vp8->filters[row * vp8->n_columns + column];
    *filter = vp8->strengths[block->segment][block->has_blocks];
    if (!is_empty) filter->has_blocks = true;
    cen__vp8_reconstruct(vp8, column, row);
}

static cen_status decode_frame(cen__vp8 *vp8)
{
    for (size_t row = 0; row < vp8->n_rows; row++) {
        cen__vp8_bits *bits = &vp8->partitions[row % vp8->n_partitions];
        memset(&vp8->left, 0, sizeof vp8->left);
        for (size_t column = 0; column < vp8->n_columns; column++) {
            decode_macroblock(vp8, bits, column, row);
            if (!bits->ended && !vp8->bits.ended) continue;
            return cen__fail(vp8->error, CEN_ERROR_FORMAT,
                             "WebP chunk %s at byte %zu ends too early: macroblock %zu of row %zu "
                             "is not there; get the whole file",
                             vp8->chunk->name, vp8->chunk->at, column + 1, row + 1);
        }
    }
    return CEN_OK;
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Pixels that a plane has around its macroblocks, and what they are before anything is decoded (section 12.2). */
enum { BEFORE = 16, AFTER = 16, ABOVE_VALUE = 127, LEFT_VALUE = 129 };

static void start_plane(cen__vp8_plane *plane, uint8_t *memory, size_t width, size_t height)
{
    plane->stride = BEFORE + width + AFTER;
    plane->first = memory + plane->stride + BEFORE;
    memset(memory, ABOVE_VALUE, plane->stride);
    for (size_t y = 0; y < height; y++) (plane->first - 1)[y * plane->stride] = LEFT_VALUE;
}

static size_t plane_size(size_t width, size_t height)
{
    return (BEFORE + width + AFTER) * (height + 1);
}

/* All memory of the decoder in one block; a side of at most 2^14 pixels cannot overflow. */
static cen_status take_memory(cen_context *context, cen__vp8 *vp8, uint8_t **memory)
{
    size_t n = vp8->n_columns * vp8->n_rows, width = 16 * vp8->n_columns, height = 16 * vp8->n_rows;
    size_t luma = plane_size(width, height), chroma = plane_size(width / 2, height / 2);
    size_t edges = vp8->n_columns * sizeof *vp8->above, filters = n * sizeof *vp8->filters;
    *memory = cen__alloc(context, 1, luma + 2 * chroma + edges + filters + 4 * (vp8->width + 1));
    if (*memory == NULL) return cen__fail_memory(vp8->error, "the planes of a WebP picture");
    start_plane(&vp8->planes[0], *memory, width, height);
    start_plane(&vp8->planes[1], *memory + luma, width / 2, height / 2);
    start_plane(&vp8->planes[2], *memory + luma + chroma, width / 2, height / 2);
    uint8_t *rest = *memory + luma + 2 * chroma;
    vp8->above = (cen__vp8_edge *)rest;
    memset(rest, 0, edges);
    vp8->filters = (cen__vp8_filter *)(rest + edges);
    return CEN_OK;
}

cen_status cen__webp_lossy_decode(cen_context *context, const cen__webp_chunk *chunk,
                                  const cen__webp_target *target, cen_error *error)
{
    cen__vp8 *vp8 = cen__alloc_zeroed(context, 1, sizeof *vp8);
    uint8_t *memory = NULL;
    if (vp8 == NULL) return cen__fail_memory(error, "decoding a WebP picture");
    vp8->chunk = chunk;
    vp8->error = error;
    cen_status status = cen__vp8_read_header(vp8);
    if (status == CEN_OK) status = take_memory(context, vp8, &memory);
    if (status == CEN_OK) status = decode_frame(vp8);
    if (status == CEN_OK) {
        cen__vp8_filter_frame(vp8);
        cen__vp8_write(vp8, (uint8_t *)(vp8->filters + vp8->n_columns * vp8->n_rows), target);
    }
    cen__free(memory);
    cen__free(vp8);
    return status;
}
