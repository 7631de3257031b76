/* From the planes of a VP8 frame to colours, as libwebp makes them: chroma between samples is a weighted mean of the
 * four around it, with the same roundings. */
#include "image/webp_lossy.h"

enum { STRIP = 64 }; /* pixels that are worked on at a time */

/* width samples of a row from those of the nearer and the further row of chroma. */
static void upsample(const uint8_t *closer, const uint8_t *further, size_t width, uint8_t *out)
{
    size_t last = (width - 1) / 2;
    out[0] = (uint8_t)((3 * closer[0] + further[0] + 2) >> 2);
    for (size_t x = 1; x <= last; x++) {
        unsigned sum = 8u + closer[x - 1] + closer[x] + further[x - 1] + further[x];
        unsigned falling = (sum + 2u * closer[x] + 2u * further[x - 1]) >> 3;
        unsigned rising = (sum + 2u * closer[x - 1] + 2u * further[x]) >> 3;
        out[2 * x - 1] = (uint8_t)((falling + closer[x - 1]) >> 1);
        out[2 * x] = (uint8_t)((rising + closer[x]) >> 1);
    }
    if (width % 2 == 0) out[width - 1] = (uint8_t)((3 * closer[last] + further[last] + 2) >> 2);
}

/* value * factor / 256: the upper half of a product of 16 bits. */
static inline uint16_t times(uint8_t value, uint16_t factor)
{
    return (uint16_t)((uint32_t)(uint16_t)(value << 8) * factor >> 16);
}

static inline uint8_t clamp(int16_t value)
{
    value = (int16_t)(value >> 6);
    value = value < 0 ? 0 : value;
    return (uint8_t)(value > 255 ? 255 : value);
}

/* n <= STRIP pixels. The factors are 1.164, 1.596, 0.391, 0.813 and 2.018 times 2^14. */
static inline void strip_to_rgb(const uint8_t *y, const uint8_t *u, const uint8_t *v, size_t n,
                                uint8_t *r, uint8_t *g, uint8_t *b)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t light = times(y[i], 19077);
        r[i] = clamp((int16_t)(light + times(v[i], 26149) - 14234));
        g[i] = clamp((int16_t)(light - times(u[i], 6419) - times(v[i], 13320) + 8708));
        uint16_t blue =
            (uint16_t)(light + times(u[i], 33050)); /* less 17685 does not fit int16_t */
        blue = (uint16_t)((uint16_t)(blue < 17685 ? 0 : blue - 17685) >> 6);
        b[i] = (uint8_t)(blue > 255 ? 255 : blue);
    }
}

static void write_row(const uint8_t *y, const uint8_t *u, const uint8_t *v, size_t width,
                      size_t channels, uint8_t *out)
{
    uint8_t r[STRIP], g[STRIP], b[STRIP];
    for (size_t at = 0; at < width; at += STRIP) {
        size_t n = width - at < STRIP ? width - at : STRIP;
        if (n == STRIP)
            strip_to_rgb(y + at, u + at, v + at, STRIP, r, g, b);
        else
            strip_to_rgb(y + at, u + at, v + at, n, r, g, b);
        if (channels == 3) {
            for (size_t i = 0; i < n; i++, out += 3) {
                out[0] = r[i];
                out[1] = g[i];
                out[2] = b[i];
            }
        } else {
            for (size_t i = 0; i < n; i++, out += 4) {
                out[0] = r[i];
                out[1] = g[i];
                out[2] = b[i];
                out[3] = 255;
            }
        }
    }
}

void cen__vp8_write(const cen__vp8 *vp8, uint8_t *line, const cen__webp_target *target)
{
    const cen__vp8_plane *planes = vp8->planes;
    uint8_t *u = line, *v = line + vp8->width;
    size_t last = (vp8->height - 1) / 2;
    for (size_t y = 0; y < vp8->height; y++) {
        size_t closer = y / 2, further = y % 2 == 1 ? closer + 1 : closer > 0 ? closer - 1 : 0;
        if (further > last) further = last;
        for (size_t p = 1; p < 3; p++)
            upsample(planes[p].first + closer * planes[p].stride,
                     planes[p].first + further * planes[p].stride, vp8->width, p == 1 ? u : v);
        write_row(planes[0].first + y * planes[0].stride, u, v, vp8->width, target->channels,
                  target->pixels + y * target->stride);
    }
}
