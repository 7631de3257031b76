#include "image/tiff.h"

#include <string.h>

/* Whether sample i of those of a plane is a colour, whose range may be remarked on. */
static bool is_color(const cen__tiff *tiff, size_t plane, size_t i)
{
    return (tiff->is_planar ? plane : i % tiff->n_samples) < tiff->n_colors;
}

/* The upper bytes. */
static void expand_words(cen__tiff *tiff, const uint8_t *row, size_t n, size_t plane, size_t step,
                         uint8_t *samples)
{
    row += tiff->is_big_endian ? 0 : 1;
    for (size_t i = 0; i < n; i++, samples += step) {
        *samples = row[2 * i];
        if (*samples != 0 && tiff->joined < 16 && is_color(tiff, plane, i))
            tiff->joined |= *samples;
    }
}

/* 0 to 1 become 0 to 255, rounded, in double, whose products are exact whatever registers a machine has. What is no
 * number becomes 0. */
static void expand_floats(cen__tiff *tiff, const uint8_t *row, size_t n, size_t step,
                          uint8_t *samples)
{
    for (size_t i = 0; i < n; i++, row += 4, samples += step) {
        uint32_t bits = 0;
        float value;
        for (size_t k = 0; k < 4; k++) bits = bits << 8 | row[tiff->is_big_endian ? k : 3 - k];
        memcpy(&value, &bits, sizeof value);
        const bool is_in_range = value >= 0 && value <= 1;
        if (!is_in_range) tiff->is_out_of_range = true;
        *samples = is_in_range ? (uint8_t)((double)value * 255 + 0.5) : value > 1 ? 255 : 0;
    }
}

/* Samples of 1 to 15 bits one after the other, the highest bit first, spread over 0 to 255; indices stay as they are. */
static void expand_bits(const cen__tiff *tiff, const uint8_t *row, size_t n, size_t step,
                        uint8_t *samples)
{
    const unsigned bits = tiff->bits, most = (1u << bits) - 1;
    uint32_t held = 0;
    unsigned n_held = 0;
    for (size_t i = 0; i < n; i++, samples += step) {
        for (; n_held < bits; n_held += 8) held = held << 8 | *row++;
        n_held -= bits;
        const unsigned value = held >> n_held & most;
        if (tiff->photometric == CEN__TIFF_PALETTE)
            *samples = (uint8_t)value;
        else if (bits > 8)
            *samples = (uint8_t)(value >> (bits - 8));
        else
            *samples = (uint8_t)((value * 255 + most / 2) / most);
    }
}

void cen__tiff_expand(cen__tiff *tiff, const uint8_t *row, size_t n, size_t plane, uint8_t *samples)
{
    const size_t step = tiff->n_planes, n_samples = n * tiff->plane_samples;
    samples += plane;
    if (tiff->is_float) {
        expand_floats(tiff, row, n_samples, step, samples);
    } else if (tiff->bits == 16) {
        expand_words(tiff, row, n_samples, plane, step, samples);
    } else if (tiff->bits != 8) {
        expand_bits(tiff, row, n_samples, step, samples);
    } else if (step == 1) {
        memcpy(samples, row, n_samples);
    } else {
        for (size_t i = 0; i < n_samples; i++) samples[i * step] = row[i];
    }
}

/* ---- pixels ---- */

/* a * b / 255, rounded, as Pillow does it. */
static uint8_t multiply(unsigned a, unsigned b)
{
    unsigned product = a * b + 128;
    return (uint8_t)(((product >> 8) + product) >> 8);
}

static void put_color(const cen__tiff *tiff, const uint8_t *samples, uint8_t *out)
{
    switch (tiff->photometric) {
    case CEN__TIFF_WHITE_IS_ZERO: out[0] = (uint8_t)(255 - samples[0]); break;
    case CEN__TIFF_PALETTE: memcpy(out, tiff->palette[samples[0]], 3); break;
    case CEN__TIFF_CMYK:
        for (size_t c = 0; c < 3; c++) {
            const unsigned paper = 255u - samples[3];
            out[c] = (uint8_t)(paper - multiply(samples[c], paper));
        }
        break;
    default: memcpy(out, samples, tiff->n_colors); break;
    }
}

/* Colours that were multiplied by alpha. */
static void divide(uint8_t *color, size_t n, unsigned alpha)
{
    for (size_t c = 0; c < n && alpha < 255; c++) {
        const unsigned value = alpha == 0 ? 0 : color[c] * 255u / alpha;
        color[c] = (uint8_t)(value > 255 ? 255 : value);
    }
}

void cen__tiff_color(const cen__tiff *tiff, const uint8_t *samples, size_t n, uint8_t *out)
{
    const size_t channels = (size_t)tiff->channels, n_colors = channels - tiff->has_alpha;
    const bool is_plain = tiff->photometric == CEN__TIFF_GREY ||
                          tiff->photometric == CEN__TIFF_RGB || tiff->photometric == CEN__TIFF_YCC;
    if (is_plain && channels == tiff->n_samples && !(tiff->has_alpha && tiff->is_premultiplied)) {
        memcpy(out, samples, n * channels);
        return;
    }
    for (size_t i = 0; i < n; i++, samples += tiff->n_samples, out += channels) {
        put_color(tiff, samples, out);
        if (!tiff->has_alpha) continue;
        out[n_colors] = samples[tiff->n_colors];
        if (tiff->is_premultiplied) divide(out, n_colors, out[n_colors]);
    }
}
