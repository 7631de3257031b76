/* The boolean decoder and the header of a VP8 key frame (RFC 6386, sections 7, 9 and 19.2). */
#include "image/webp_lossy.h"

#include <string.h>

#include "base/bytes.h"

/* ---- bits ------------------------------------------------------------------------------------ */

const uint8_t cen__vp8_shifts[128] = {
    7, 6, 6, 5, 5, 5, 5, 4, 4, 4, 4, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 2,
    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0,
};

void cen__vp8_bits_start(cen__vp8_bits *bits, const uint8_t *data, size_t size)
{
    *bits = (cen__vp8_bits){.range = 254, .n_bits = -8, .next = data, .end = data + size};
}

/* Seven bytes if they are there; compilers make one load of them. */
void cen__vp8_bits_fill(cen__vp8_bits *bits)
{
    const uint8_t *p = bits->next;
    if (bits->end - p >= 8) {
        uint64_t more = (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
                        (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
                        (uint64_t)p[6] << 8 | p[7];
        bits->value = bits->value << 56 | more >> 8;
        bits->n_bits += 56;
        bits->next += 7;
    } else if (p < bits->end) {
        bits->value = bits->value << 8 | *bits->next++;
        bits->n_bits += 8;
    } else {
        bits->value <<= 8;
        bits->n_bits += 8;
        bits->ended = true;
    }
}

unsigned cen__vp8_number(cen__vp8_bits *bits, int n)
{
    unsigned value = 0;
    while (n-- > 0) value = value << 1 | (unsigned)cen__vp8_bit(bits, 128);
    return value;
}

static bool flag(cen__vp8_bits *bits)
{
    return cen__vp8_bit(bits, 128) != 0;
}

int cen__vp8_optional(cen__vp8_bits *bits, int n)
{
    if (!flag(bits)) return 0;
    int value = (int)cen__vp8_number(bits, n);
    return flag(bits) ? -value : value;
}

/* ---- the uncompressed part ------------------------------------------------------------------- */

enum { TAG = 3, KEY_HEADER = 10 };

static size_t first_partition(const uint8_t *data)
{
    return cen__le24(data) >> 5;
}

cen_status cen__webp_lossy_size(const cen__webp_chunk *chunk, cen__webp_size *size,
                                cen_error *error)
{
    const uint8_t *data = chunk->data;
    if (chunk->there < KEY_HEADER)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "ends within its header", error);
    if ((data[0] & 1) != 0)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "holds no key frame", error);
    if (memcmp(data + TAG, "\x9d\x01\x2a", 3) != 0)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "does not begin as a VP8 frame does", error);
    if ((data[0] >> 1 & 7) > 3 || (data[0] >> 4 & 1) == 0)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "has an impossible frame header", error);
    if (first_partition(data) >= chunk->size)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "is shorter than its first partition",
                              error);
    *size = (cen__webp_size){.width = (size_t)(data[7] & 63) << 8 | data[6],
                             .height = (size_t)(data[9] & 63) << 8 | data[8]};
    return cen__image_check_sides(size->width, size->height, error);
}

/* ---- the compressed part --------------------------------------------------------------------- */

static void read_segments(cen__vp8 *vp8)
{
    cen__vp8_bits *bits = &vp8->bits;
    vp8->is_absolute = true;
    vp8->has_segments = flag(bits);
    if (!vp8->has_segments) return;
    vp8->has_map = flag(bits);
    if (flag(bits)) {
        vp8->is_absolute = flag(bits);
        for (int i = 0; i < CEN__VP8_N_SEGMENTS; i++)
            vp8->segment_quantizer[i] = cen__vp8_optional(bits, 7);
        for (int i = 0; i < CEN__VP8_N_SEGMENTS; i++)
            vp8->segment_level[i] = cen__vp8_optional(bits, 6);
    }
    for (int i = 0; i < 3 && vp8->has_map; i++)
        vp8->segment_probabilities[i] = flag(bits) ? (uint8_t)cen__vp8_number(bits, 8) : 255;
}

static void read_filter(cen__vp8 *vp8)
{
    cen__vp8_bits *bits = &vp8->bits;
    vp8->is_simple = flag(bits);
    vp8->level = (int)cen__vp8_number(bits, 6);
    vp8->sharpness = (int)cen__vp8_number(bits, 3);
    vp8->has_deltas = flag(bits);
    if (!vp8->has_deltas || !flag(bits)) return;
    int deltas[8]; /* of four reference frames and four modes; a key frame has the first of both */
    for (int i = 0; i < 8; i++) deltas[i] = cen__vp8_optional(bits, 6);
    vp8->delta_intra = deltas[0];
    vp8->delta_blocks = deltas[4];
}

/* The sizes of all partitions but the last stand before them. One that says more than there is has the rest. */
static bool read_partitions(cen__vp8 *vp8, const uint8_t *data, const uint8_t *end)
{
    vp8->n_partitions = (size_t)1 << cen__vp8_number(&vp8->bits, 2);
    size_t n_sizes = vp8->n_partitions - 1, left = (size_t)(end - data);
    if (left < 3 * n_sizes) return false;
    const uint8_t *sizes = data;
    data += 3 * n_sizes;
    left -= 3 * n_sizes;
    for (size_t i = 0; i <= n_sizes; i++) {
        size_t size =
            i < n_sizes && cen__le24(sizes + 3 * i) < left ? cen__le24(sizes + 3 * i) : left;
        cen__vp8_bits_start(&vp8->partitions[i], data, size);
        data += size;
        left -= size;
    }
    return vp8->partitions[n_sizes].next < end;
}

static int within(int value, int most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

static void read_quantizers(cen__vp8 *vp8)
{
    vp8->quantizer = (int)cen__vp8_number(&vp8->bits, 7);
    for (int i = 0; i < 5; i++) vp8->deltas[i] = cen__vp8_optional(&vp8->bits, 4);
    for (int i = 0; i < CEN__VP8_N_SEGMENTS; i++) {
        int q = vp8->quantizer;
        const int *d = vp8->deltas;
        if (vp8->has_segments)
            q = vp8->segment_quantizer[i] + (vp8->is_absolute ? 0 : vp8->quantizer);
        cen__vp8_steps *steps = &vp8->steps[i];
        steps->y[0] = cen__vp8_dc_steps[within(q + d[0], 127)];
        steps->y[1] = cen__vp8_ac_steps[within(q, 127)];
        steps->y2[0] = cen__vp8_dc_steps[within(q + d[1], 127)] * 2;
        steps->y2[1] = cen__vp8_ac_steps[within(q + d[2], 127)] * 155 / 100;
        if (steps->y2[1] < 8) steps->y2[1] = 8;
        steps->uv[0] = cen__vp8_dc_steps[within(q + d[3], 117)];
        steps->uv[1] = cen__vp8_ac_steps[within(q + d[4], 127)];
    }
}

/* Section 9.6 and 15.2: what of the filter depends on the segment and the kind of macroblock. */
static void find_strengths(cen__vp8 *vp8)
{
    for (int i = 0; i < 2 * CEN__VP8_N_SEGMENTS; i++) {
        cen__vp8_filter *filter = &vp8->strengths[i / 2][i % 2];
        int level = vp8->level;
        if (vp8->has_segments)
            level = vp8->segment_level[i / 2] + (vp8->is_absolute ? 0 : vp8->level);
        if (vp8->has_deltas) level += vp8->delta_intra + (i % 2 == 1 ? vp8->delta_blocks : 0);
        level = vp8->level == 0 ? 0 : within(level, 63);
        int inner = vp8->sharpness > 4 ? level >> 2 : vp8->sharpness > 0 ? level >> 1 : level;
        if (vp8->sharpness > 0 && inner > 9 - vp8->sharpness) inner = 9 - vp8->sharpness;
        if (inner < 1) inner = 1;
        filter->inner = (uint8_t)inner;
        filter->limit = (uint8_t)(level == 0 ? 0 : 2 * level + inner);
        filter->high = level >= 40 ? 2 : level >= 15 ? 1 : 0;
        filter->has_blocks = i % 2 == 1;
    }
}

static void read_probabilities(cen__vp8 *vp8)
{
    cen__vp8_bits *bits = &vp8->bits;
    (void)flag(bits); /* whether they are kept for the next frame, which a picture does not have */
    const uint8_t *updates = &cen__vp8_coefficient_updates[0][0][0][0];
    uint8_t *probabilities = &vp8->coefficients[0][0][0][0];
    memcpy(probabilities, cen__vp8_coefficients, sizeof vp8->coefficients);
    for (size_t i = 0; i < sizeof vp8->coefficients; i++)
        if (cen__vp8_bit(bits, updates[i])) probabilities[i] = (uint8_t)cen__vp8_number(bits, 8);
    vp8->skip_probability = flag(bits) ? (int)cen__vp8_number(bits, 8) : -1;
}

cen_status cen__vp8_read_header(cen__vp8 *vp8)
{
    const cen__webp_chunk *chunk = vp8->chunk;
    cen__webp_size size;
    cen_status status = cen__webp_lossy_size(chunk, &size, vp8->error);
    if (status != CEN_OK) return status;
    vp8->width = size.width;
    vp8->height = size.height;
    vp8->n_columns = (size.width + 15) / 16;
    vp8->n_rows = (size.height + 15) / 16;
    const uint8_t *data = chunk->data + KEY_HEADER, *end = chunk->data + chunk->there;
    size_t n = first_partition(chunk->data);
    if ((size_t)(end - data) < n)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "is shorter than its first partition",
                              vp8->error);
    cen__vp8_bits_start(&vp8->bits, data, n);
    (void)cen__vp8_number(&vp8->bits, 2); /* colour space and clamping, which say nothing here */
    read_segments(vp8);
    read_filter(vp8);
    if (!read_partitions(vp8, data + n, end))
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "ends before its last partition",
                              vp8->error);
    read_quantizers(vp8);
    find_strengths(vp8);
    read_probabilities(vp8);
    if (!vp8->bits.ended) return CEN_OK;
    return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "is damaged: its first partition ends too early",
                          vp8->error);
}
