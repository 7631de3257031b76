/* The inverse transforms of VP8L. */
#include "image/webp_lossless.h"

#include <string.h>

enum { OPAQUE_BYTE = 0xff };
static const uint32_t BLACK = (uint32_t)OPAQUE_BYTE << 24;

/* ---- arithmetic of four bytes ---------------------------------------------------------------- */

static inline uint32_t add(uint32_t a, uint32_t b)
{
    return (((a & 0xff00ff00) + (b & 0xff00ff00)) & 0xff00ff00) |
           (((a & 0x00ff00ff) + (b & 0x00ff00ff)) & 0x00ff00ff);
}

static inline uint32_t mean(uint32_t a, uint32_t b)
{
    return (((a ^ b) & 0xfefefefe) >> 1) + (a & b);
}

static inline int byte_of(uint32_t color, int i)
{
    return (int)(color >> 8 * i & 0xff);
}

static inline int distance(uint32_t a, uint32_t b)
{
    int sum = 0;
    for (int i = 0; i < 4; i++) {
        int difference = byte_of(a, i) - byte_of(b, i);
        sum += difference < 0 ? -difference : difference;
    }
    return sum;
}

static inline uint32_t clamp(int value)
{
    return (uint32_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Of left and top the one that is nearer to left + top - corner. */
static inline uint32_t choose(uint32_t left, uint32_t top, uint32_t corner)
{
    return distance(left, corner) <= distance(top, corner) ? top : left;
}

static inline uint32_t gradient(uint32_t left, uint32_t top, uint32_t corner)
{
    uint32_t color = 0;
    for (int i = 0; i < 4; i++)
        color |= clamp(byte_of(left, i) + byte_of(top, i) - byte_of(corner, i)) << 8 * i;
    return color;
}

static inline uint32_t half_gradient(uint32_t from, uint32_t corner)
{
    uint32_t color = 0;
    for (int i = 0; i < 4; i++) {
        int value = byte_of(from, i);
        color |= clamp(value + (value - byte_of(corner, i)) / 2) << 8 * i;
    }
    return color;
}

/* ---- the predictor --------------------------------------------------------------------------- */

/* n pixels of a row, of which at least one is before them, by the mode of their block. above[n] exists, too. */
static void predict(unsigned mode, const uint32_t *above, uint32_t *row, size_t n)
{
#define EACH(prediction)                                                                           \
    for (ptrdiff_t x = 0; x < (ptrdiff_t)n; x++) row[x] = add(row[x], prediction);                 \
    break
#define LEFT row[x - 1]
#define TOP above[x]
#define CORNER above[x - 1]
#define RIGHT above[x + 1]
    switch (mode) {
    case 1: EACH(LEFT);
    case 2: EACH(TOP);
    case 3: EACH(RIGHT);
    case 4: EACH(CORNER);
    case 5: EACH(mean(mean(LEFT, RIGHT), TOP));
    case 6: EACH(mean(LEFT, CORNER));
    case 7: EACH(mean(LEFT, TOP));
    case 8: EACH(mean(CORNER, TOP));
    case 9: EACH(mean(TOP, RIGHT));
    case 10: EACH(mean(mean(LEFT, CORNER), mean(TOP, RIGHT)));
    case 11: EACH(choose(LEFT, TOP, CORNER));
    case 12: EACH(gradient(LEFT, TOP, CORNER));
    case 13: EACH(half_gradient(mean(LEFT, TOP), CORNER));
    default: EACH(BLACK);
    }
#undef EACH
#undef LEFT
#undef TOP
#undef CORNER
#undef RIGHT
}

/* The pixel above and to the right of a row's last is the first of the row itself. */
static void invert_predictor(const cen__vp8l_transform *t, size_t height, uint32_t *pixels)
{
    size_t width = t->width, side = (size_t)1 << t->bits,
           per_row = cen__vp8l_blocks(width, t->bits);
    pixels[0] = add(pixels[0], BLACK);
    predict(1, pixels, pixels + 1, width - 1);
    for (size_t y = 1; y < height; y++) {
        const uint32_t *block = t->data + (y >> t->bits) * per_row;
        uint32_t *row = pixels + y * width;
        const uint32_t *above = row - width;
        row[0] = add(row[0], above[0]);
        for (size_t x = 1, end; x < width; x = end, block++) {
            end = (x & ~(side - 1)) + side;
            if (end > width) end = width;
            predict(*block >> 8 & 15, above + x, row + x, end - x);
        }
    }
}

/* ---- colours --------------------------------------------------------------------------------- */

static inline int32_t signed_byte(uint32_t value)
{
    return (int32_t)((value & 0xff) ^ 0x80) - 0x80;
}

static void unmix(uint32_t factors, uint32_t *row, size_t n)
{
    const int32_t green_to_red = signed_byte(factors), green_to_blue = signed_byte(factors >> 8);
    const int32_t red_to_blue = signed_byte(factors >> 16);
    for (size_t x = 0; x < n; x++) {
        uint32_t color = row[x];
        int32_t green = signed_byte(color >> 8);
        uint32_t red = (color >> 16) + (uint32_t)(green_to_red * green >> 5);
        uint32_t blue = color + (uint32_t)(green_to_blue * green >> 5) +
                        (uint32_t)(red_to_blue * signed_byte(red) >> 5);
        row[x] = (color & 0xff00ff00) | (red & 0xff) << 16 | (blue & 0xff);
    }
}

static void invert_color(const cen__vp8l_transform *t, size_t height, uint32_t *pixels)
{
    size_t side = (size_t)1 << t->bits, per_row = cen__vp8l_blocks(t->width, t->bits);
    for (size_t y = 0; y < height; y++) {
        const uint32_t *block = t->data + (y >> t->bits) * per_row;
        uint32_t *row = pixels + y * t->width;
        for (size_t x = 0; x < t->width; x += side)
            unmix(*block++, row + x, t->width - x < side ? t->width - x : side);
    }
}

static void add_green(uint32_t *pixels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t green = pixels[i] >> 8 & 0xff;
        uint32_t others = (pixels[i] & 0x00ff00ff) + (green << 16 | green);
        pixels[i] = (pixels[i] & 0xff00ff00) | (others & 0x00ff00ff);
    }
}

/* From the last pixel on, so that none is overwritten before it is read. */
static void invert_indexing(const cen__vp8l_transform *t, size_t height, uint32_t *pixels)
{
    const size_t packed = cen__vp8l_blocks(t->width, t->bits);
    const unsigned index_bits = 8u >> t->bits, mask = (1u << index_bits) - 1;
    const size_t place_mask = ((size_t)1 << t->bits) - 1;
    for (size_t y = height; y-- > 0;) {
        const uint32_t *from = pixels + y * packed;
        uint32_t *to = pixels + y * t->width;
        for (size_t x = t->width; x-- > 0;) {
            unsigned indices = from[x >> t->bits] >> 8 & 0xff;
            to[x] = t->data[indices >> (x & place_mask) * index_bits & mask];
        }
    }
}

void cen__vp8l_invert(const cen__vp8l_transform *transform, size_t height, uint32_t *pixels)
{
    switch (transform->kind) {
    case CEN__VP8L_PREDICTOR: invert_predictor(transform, height, pixels); break;
    case CEN__VP8L_COLOR: invert_color(transform, height, pixels); break;
    case CEN__VP8L_SUBTRACT_GREEN: add_green(pixels, transform->width * height); break;
    default: invert_indexing(transform, height, pixels); break;
    }
}
