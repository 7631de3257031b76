/* The coefficients of a macroblock (RFC 6386, sections 13 and 14.1). */
#include "image/webp_lossy.h"

#include <string.h>

typedef const uint8_t probabilities[11];

static const uint8_t zigzag[16] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15};
static const uint8_t band_of[17] = {0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0};

/* Bits beyond the first of a category, by their probabilities. */
static const uint8_t extra_bits[4][12] = {{173, 148, 140, 0},
                                          {176, 155, 140, 135, 0},
                                          {180, 157, 141, 134, 130, 0},
                                          {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}};

/* Of a value above 1. */
static int read_large(cen__vp8_bits *bits, const uint8_t *p)
{
    if (!cen__vp8_bit(bits, p[3])) {
        if (!cen__vp8_bit(bits, p[4])) return 2;
        return 3 + cen__vp8_bit(bits, p[5]);
    }
    if (!cen__vp8_bit(bits, p[6])) {
        if (!cen__vp8_bit(bits, p[7])) return 5 + cen__vp8_bit(bits, 159);
        int value = 7 + 2 * cen__vp8_bit(bits, 165);
        return value + cen__vp8_bit(bits, 145);
    }
    int high = cen__vp8_bit(bits, p[8]);
    int category = 2 * high + cen__vp8_bit(bits, p[9 + high]), value = 0;
    for (const uint8_t *extra = extra_bits[category]; *extra != 0; extra++)
        value = 2 * value + cen__vp8_bit(bits, *extra);
    return value + 3 + (8 << category);
}

/* Coefficients from place n of the zigzag on, times their steps, into out[16]. Returns the place after the last.
 * A product that wraps is one of a damaged file. */
static int read_block(cen__vp8_bits *shared, probabilities (*bands)[3], int context,
                      const int *steps, int n, int16_t *out)
{
    cen__vp8_bits bits = *shared; /* in registers */
    const uint8_t *p = bands[band_of[n]][context];
    while (n < 16 && cen__vp8_bit(&bits, p[0])) {
        while (!cen__vp8_bit(&bits, p[1])) {
            p = bands[band_of[++n]][0];
            if (n == 16) goto end;
        }
        int value = 1;
        const uint8_t(*next)[11] = bands[band_of[n + 1]];
        if (!cen__vp8_bit(&bits, p[2])) {
            p = next[1];
        } else {
            value = read_large(&bits, p);
            p = next[2];
        }
        if (cen__vp8_bit(&bits, 128)) value = -value;
        out[zigzag[n]] = (int16_t)(value * steps[n > 0]);
        n++;
    }
end:
    *shared = bits;
    return n;
}

/* The inverse Walsh-Hadamard transform (section 14.3): DC of the 16 blocks of Y. */
static void spread_dc(const int16_t *in, int16_t *out)
{
    int t[16];
    for (int i = 0; i < 4; i++) {
        int a = in[i] + in[12 + i], b = in[4 + i] + in[8 + i];
        int c = in[4 + i] - in[8 + i], d = in[i] - in[12 + i];
        t[i] = a + b;
        t[4 + i] = d + c;
        t[8 + i] = a - b;
        t[12 + i] = d - c;
    }
    for (int i = 0; i < 4; i++, out += 64) {
        int dc = t[4 * i] + 3;
        int a = dc + t[4 * i + 3], b = t[4 * i + 1] + t[4 * i + 2];
        int c = t[4 * i + 1] - t[4 * i + 2], d = dc - t[4 * i + 3];
        out[0] = (int16_t)((a + b) >> 3);
        out[16] = (int16_t)((d + c) >> 3);
        out[32] = (int16_t)((a - b) >> 3);
        out[48] = (int16_t)((d - c) >> 3);
    }
}

/* A square of n x n blocks. above and left: the bits that say which neighbours have coefficients. */
static bool read_blocks(cen__vp8_bits *bits, probabilities (*bands)[3], const int *steps, int first,
                        int n, uint8_t *above, uint8_t *left, int16_t *out, uint8_t *filled)
{
    bool any = false;
    for (int y = 0; y < n; y++) {
        for (int x = 0; x < n; x++, out += 16, filled++) {
            int context = (*above >> x & 1) + (*left >> y & 1);
            int end = read_block(bits, bands, context, steps, first, out);
            unsigned nonzero = end > first;
            *above = (uint8_t)((*above & ~(1u << x)) | nonzero << x);
            *left = (uint8_t)((*left & ~(1u << y)) | nonzero << y);
            *filled = end > 3 ? 3 : end > 1 ? 2 : out[0] != 0 ? 1 : 0;
            any = any || *filled != 0;
        }
    }
    return any;
}

bool cen__vp8_read_coefficients(cen__vp8 *vp8, cen__vp8_bits *bits, cen__vp8_edge *above)
{
    cen__vp8_macroblock *block = &vp8->block;
    cen__vp8_edge *left = &vp8->left;
    const cen__vp8_steps *steps = &vp8->steps[block->segment];
    int16_t *out = block->coefficients;
    int first = 0, kind = 3;
    memset(out, 0, sizeof block->coefficients);
    if (!block->has_blocks) {
        int16_t dc[16] = {0};
        int end = read_block(bits, (probabilities(*)[3])vp8->coefficients[1],
                             above->nonzero_dc + left->nonzero_dc, steps->y2, 0, dc);
        above->nonzero_dc = left->nonzero_dc = end > 0;
        spread_dc(dc, out);
        first = 1;
        kind = 0;
    }
    uint8_t a[3] = {above->nonzero & 15, above->nonzero >> 4 & 3, above->nonzero >> 6};
    uint8_t l[3] = {left->nonzero & 15, left->nonzero >> 4 & 3, left->nonzero >> 6};
    probabilities(*chroma)[3] = (probabilities(*)[3])vp8->coefficients[2];
    bool any = read_blocks(bits, (probabilities(*)[3])vp8->coefficients[kind], steps->y, first, 4,
                           &a[0], &l[0], out, block->filled);
    for (int i = 1; i < 3; i++)
        any |= read_blocks(bits, chroma, steps->uv, 0, 2, &a[i], &l[i], out + 192 + 64 * i,
                           block->filled + 12 + 4 * i);
    above->nonzero = (uint8_t)(a[0] | a[1] << 4 | a[2] << 6);
    left->nonzero = (uint8_t)(l[0] | l[1] << 4 | l[2] << 6);
    return any;
}
