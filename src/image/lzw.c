#include "image/lzw.h"

#include <string.h>

void cen__lzw_start(cen__lzw *lzw, unsigned literal_bits, uint8_t *out, size_t size)
{
    lzw->out = out;
    lzw->at = 0;
    lzw->size = size;
    lzw->has_ended = false;
    lzw->literal_bits = literal_bits;
    lzw->width = literal_bits + 1;
    lzw->next = (1u << literal_bits) + 2;
    lzw->last_at = lzw->last_length = 0;
    lzw->bits = 0;
    lzw->n_bits = 0;
}

/* Copies forward; the last byte may be the first one that is written here. At once eight bytes, of which some are
 * written again later, if there is room. */
static inline void copy_string(uint8_t *to, const uint8_t *from, size_t length, size_t room)
{
    if (room < length + 8 || to - from < 8) {
        for (size_t i = 0; i < length; i++) to[i] = from[i];
        return;
    }
    for (size_t i = 0; i < length; i += 8) memcpy(to + i, from + i, 8);
}

/* The next bytes as far as eight fit. */
static inline const uint8_t *fill(cen__lzw *lzw, const uint8_t *in, const uint8_t *end,
                                  bool is_tiff)
{
    uint64_t bits = lzw->bits;
    unsigned n_bits = lzw->n_bits;
    for (; n_bits <= 56 && in < end; n_bits += 8) {
        const uint64_t byte = *in++;
        bits = is_tiff ? bits << 8 | byte : bits | byte << n_bits;
    }
    lzw->bits = bits;
    lzw->n_bits = n_bits;
    return in;
}

static inline bool run(cen__lzw *lzw, const uint8_t *in, size_t n, bool is_tiff)
{
    const uint8_t *end = in + n;
    const uint32_t clear = 1u << lzw->literal_bits;
    while (lzw->at < lzw->size) {
        if (lzw->n_bits < lzw->width) in = fill(lzw, in, end, is_tiff);
        if (lzw->n_bits < lzw->width) return true;
        lzw->n_bits -= lzw->width;
        const uint64_t first = is_tiff ? lzw->bits >> lzw->n_bits : lzw->bits;
        const uint32_t code = (uint32_t)first & ((1u << lzw->width) - 1);
        if (!is_tiff) lzw->bits >>= lzw->width;
        if (code == clear) {
            lzw->width = lzw->literal_bits + 1;
            lzw->next = clear + 2;
            lzw->last_length = 0;
            continue;
        }
        if (code == clear + 1) {
            lzw->has_ended = true;
            return true;
        }
        if (lzw->last_length > 0 && lzw->next < CEN__LZW_CODES) {
            /* The last string and the first byte of this one, which follows it in the output. */
            lzw->starts[lzw->next] = (uint32_t)lzw->last_at;
            lzw->lengths[lzw->next] = (uint16_t)(lzw->last_length + 1);
            lzw->next++;
        }
        if (lzw->next + is_tiff >= 1u << lzw->width && lzw->width < CEN__LZW_BITS) lzw->width++;
        size_t length = 1, room = lzw->size - lzw->at;
        uint8_t *to = lzw->out + lzw->at;
        if (code < clear) {
            *to = (uint8_t)code;
        } else {
            if (code >= lzw->next) return false;
            length = lzw->lengths[code] < room ? lzw->lengths[code] : room;
            copy_string(to, lzw->out + lzw->starts[code], length, room);
        }
        lzw->last_at = lzw->at;
        lzw->last_length = length;
        lzw->at += length;
    }
    return true;
}

bool cen__lzw_run_gif(cen__lzw *lzw, const uint8_t *in, size_t n)
{
    return run(lzw, in, n, false);
}

bool cen__lzw_run_tiff(cen__lzw *lzw, const uint8_t *in, size_t n)
{
    return run(lzw, in, n, true);
}
