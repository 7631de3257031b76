#include "image/lzw.h"

#include <string.h>

void cen__lzw_start(cen__lzw *lzw, unsigned literal_bits, uint8_t *out, size_t size)
{
    lzw->out = out;
    lzw->size = size;
    lzw->has_ended = false;
    lzw->literal_bits = literal_bits;
    lzw->state = (cen__lzw_state){.width = literal_bits + 1, .next = (1u << literal_bits) + 2};
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

/* The members that change with each code are kept in a copy, which compilers hold in registers. */
static inline bool run(cen__lzw *lzw, const uint8_t *in, size_t n, bool is_tiff)
{
    const uint8_t *end = in + n;
    const uint32_t clear = 1u << lzw->literal_bits;
    cen__lzw_state s = lzw->state;
    bool is_good = true;
    while (lzw->size > s.at) {
        for (; s.n_bits < s.width && in < end; s.n_bits += 8) {
            const uint64_t byte = *in++;
            s.bits = is_tiff ? s.bits << 8 | byte : s.bits | byte << s.n_bits;
        }
        if (s.n_bits < s.width) break;
        s.n_bits -= s.width;
        const uint32_t first = (uint32_t)(is_tiff ? s.bits >> s.n_bits : s.bits);
        const uint32_t code = first & ((1u << s.width) - 1);
        if (!is_tiff) s.bits >>= s.width;
        if (code == clear) {
            s.width = lzw->literal_bits + 1;
            s.next = clear + 2;
            s.last_length = 0;
            continue;
        }
        lzw->has_ended = code == clear + 1;
        if (lzw->has_ended) break;
        if (s.last_length > 0 && s.next < CEN__LZW_CODES) {
            /* The last string and the first byte of this one, which follows it in the output. */
            lzw->starts[s.next] = (uint32_t)s.last_at;
            lzw->lengths[s.next] = (uint16_t)(s.last_length + 1);
            s.next++;
        }
        if (s.next + is_tiff >= 1u << s.width && s.width < CEN__LZW_BITS) s.width++;
        is_good = code < clear || code < s.next;
        if (!is_good) break;
        size_t length = 1, room = lzw->size - s.at;
        uint8_t *to = lzw->out + s.at;
        if (code < clear) {
            *to = (uint8_t)code;
        } else {
            length = lzw->lengths[code] < room ? lzw->lengths[code] : room;
            copy_string(to, lzw->out + lzw->starts[code], length, room);
        }
        s.last_at = s.at;
        s.last_length = length;
        s.at += length;
    }
    lzw->state = s;
    return is_good;
}

bool cen__lzw_run_gif(cen__lzw *lzw, const uint8_t *in, size_t n)
{
    return run(lzw, in, n, false);
}

bool cen__lzw_run_tiff(cen__lzw *lzw, const uint8_t *in, size_t n)
{
    return run(lzw, in, n, true);
}
