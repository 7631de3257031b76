#include "image/png.h"

#include <string.h>

#include "base/bytes.h"

/* Which damage is an error and which is passed over follows libpng: an ancillary chunk that is
 * damaged or out of place is ignored, a critical one is an error. */

/* ---- chunks ---------------------------------------------------------------------------------- */

cen_status cen__png_fail(const cen__png_chunk *chunk, cen_status status, const char *what,
                         cen_error *error)
{
    return cen__fail(error, status, "PNG chunk %s at byte %zu %s", chunk->name, chunk->at, what);
}

static cen_status damaged(const cen__png_chunk *chunk, const char *what, cen_error *error)
{
    return cen__png_fail(chunk, CEN_ERROR_FORMAT, what, error);
}

bool cen__png_is(const cen__png_chunk *chunk, const char *name)
{
    return memcmp(chunk->name, name, 4) == 0;
}

static bool is_critical(const cen__png_chunk *chunk)
{
    return (chunk->name[0] & 32) == 0;
}

static bool is_letter(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

cen_status cen__png_chunk_at(cen__png *png, size_t at, cen__png_chunk *chunk, cen_error *error)
{
    size_t left = png->size - at;
    if (left < 8) {
        png->is_cut_short = true;
        chunk->name[0] = '\0';
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the PNG is cut short at byte %zu, where a chunk should begin; get the "
                         "whole file",
                         png->size);
    }
    const uint8_t *begin = png->bytes + at;
    for (size_t i = 4; i < 8; i++)
        if (!is_letter(begin[i]))
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "the PNG is damaged at byte %zu, where the name of a chunk should be",
                             at + 4);
    chunk->at = at;
    memcpy(chunk->name, begin + 4, 4);
    chunk->name[4] = '\0';
    uint32_t size = cen__be32(begin);
    if (size > INT32_MAX) return damaged(chunk, "has an impossible length", error);
    if (left - 8 < 4 || size > left - 12) {
        png->is_cut_short = true;
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the PNG is cut short in the chunk %s at byte %zu: of %zu bytes only %zu "
                         "are there; get the whole file",
                         chunk->name, at, (size_t)size + 4, left - 8);
    }
    chunk->data = begin + 8;
    chunk->size = size;
    chunk->next_at = at + 12 + size;
    return CEN_OK;
}

static bool crc_is_right(const cen__png_chunk *chunk)
{
    return cen__crc32(0, chunk->data - 4, chunk->size + 4) == cen__be32(chunk->data + chunk->size);
}

static cen_status unknown_critical(const cen__png_chunk *chunk, cen_error *error)
{
    if (cen__png_is(chunk, "CgBI"))
        return cen__png_fail(
            chunk, CEN_ERROR_UNSUPPORTED,
            "marks Apple's variant for iPhones, which is not PNG; convert the file", error);
    return cen__png_fail(chunk, CEN_ERROR_UNSUPPORTED,
                         "is needed to understand the picture, but of a kind that is not known",
                         error);
}

/* ---- what stands before the picture ---------------------------------------------------------- */

static cen_status read_ihdr(cen__png *png, cen__png_chunk *chunk, cen_error *error)
{
    /* Bit d: depth d is allowed (PNG specification, 11.2.2). */
    static const uint32_t DEPTHS[7] = {1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16,
                                       0,
                                       1u << 8 | 1u << 16,
                                       1u << 1 | 1u << 2 | 1u << 4 | 1u << 8,
                                       1u << 8 | 1u << 16,
                                       0,
                                       1u << 8 | 1u << 16};
    static const int N_SAMPLES[7] = {1, 0, 3, 1, 2, 0, 4};
    if (!cen__png_is(chunk, "IHDR")) return damaged(chunk, "stands where IHDR must be", error);
    if (chunk->size != 13) return damaged(chunk, "is not 13 bytes long", error);
    if (!crc_is_right(chunk)) return damaged(chunk, "is damaged: its CRC is wrong", error);
    const uint8_t *data = chunk->data;
    png->width = cen__be32(data);
    png->height = cen__be32(data + 4);
    if (png->width == 0 || png->height == 0 || png->width > INT32_MAX || png->height > INT32_MAX)
        return damaged(chunk, "gives an impossible width or height", error);
    png->depth = data[8];
    png->color_type = data[9];
    if (data[9] > 6 || data[8] > 16 || (DEPTHS[data[9]] >> data[8] & 1) == 0)
        return damaged(chunk, "gives a color type and bit depth that do not exist", error);
    if (data[10] != 0) return damaged(chunk, "gives an unknown compression method", error);
    if (data[11] != 0) return damaged(chunk, "gives an unknown filter method", error);
    if (data[12] > 1) return damaged(chunk, "gives an unknown interlace method", error);
    png->interlaced = data[12] == 1;
    png->n_samples = N_SAMPLES[data[9]];
    return CEN_OK;
}

/* In RGB it is only a hint for displays, in grey it should not be there. */
static cen_status read_plte(cen__png *png, const cen__png_chunk *chunk, cen_error *error)
{
    if (png->has_palette) return damaged(chunk, "is a second palette", error);
    png->has_palette = true;
    if (png->color_type != CEN__PNG_PALETTE) return CEN_OK;
    if (chunk->size == 0 || chunk->size % 3 != 0 || chunk->size > sizeof png->palette / 4 * 3)
        return damaged(chunk, "is no palette of 1 to 256 colors", error);
    size_t n_colors = chunk->size / 3, most = (size_t)1 << png->depth;
    if (n_colors > most) n_colors = most;
    for (size_t i = 0; i < n_colors; i++) memcpy(png->palette[i], chunk->data + 3 * i, 3);
    png->n_colors = n_colors;
    return CEN_OK;
}

static void read_trns(cen__png *png, const cen__png_chunk *chunk)
{
    uint16_t mask = (uint16_t)(((uint32_t)1 << png->depth) - 1);
    if (png->has_transparency || !crc_is_right(chunk)) return;
    if (png->color_type == CEN__PNG_PALETTE) {
        if (chunk->size == 0 || chunk->size > png->n_colors) return;
        for (size_t i = 0; i < chunk->size; i++) png->palette[i][3] = chunk->data[i];
    } else if (png->color_type == CEN__PNG_GREY || png->color_type == CEN__PNG_RGB) {
        if (chunk->size != 2 * (size_t)png->n_samples) return;
        for (int i = 0; i < png->n_samples; i++)
            png->transparent[i] = (uint16_t)(cen__be16(chunk->data + 2 * i) & mask);
    } else {
        return;
    }
    png->has_transparency = true;
}

/* One of the chunks between IHDR and IDAT. */
static cen_status read_chunk(cen__png *png, const cen__png_chunk *chunk, cen_error *error)
{
    if (cen__png_is(chunk, "tRNS")) read_trns(png, chunk);
    if (!is_critical(chunk)) return CEN_OK;
    if (!crc_is_right(chunk)) return damaged(chunk, "is damaged: its CRC is wrong", error);
    if (cen__png_is(chunk, "PLTE")) return read_plte(png, chunk, error);
    if (cen__png_is(chunk, "IHDR")) return damaged(chunk, "is a second header", error);
    if (cen__png_is(chunk, "IEND"))
        return damaged(chunk, "ends the file before any picture", error);
    return unknown_critical(chunk, error);
}

static void count_channels(cen__png *png)
{
    png->channels = png->color_type == CEN__PNG_PALETTE ? 3 : png->n_samples;
    if (png->has_transparency) png->channels++;
}

cen_status cen__png_read_header(cen__png *png, const uint8_t *bytes, size_t size, cen_error *error)
{
    memset(png, 0, sizeof *png);
    for (size_t i = 0; i < 256; i++) png->palette[i][3] = 255;
    png->bytes = bytes;
    png->size = size;
    if (size < 8 || memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) != 0)
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the PNG signature is damaged; was the file sent as text?");
    cen__png_chunk chunk;
    cen_status status = cen__png_chunk_at(png, 8, &chunk, error);
    if (status != CEN_OK) return status;
    if (cen__png_is(&chunk, "CgBI")) return unknown_critical(&chunk, error);
    status = read_ihdr(png, &chunk, error);
    while (status == CEN_OK) {
        count_channels(png);
        status = cen__png_chunk_at(png, chunk.next_at, &chunk, error);
        if (status != CEN_OK) break;
        if (cen__png_is(&chunk, "IDAT")) {
            png->idat_at = chunk.at;
            break;
        }
        status = read_chunk(png, &chunk, error);
    }
    if (status != CEN_OK) return status;
    if (png->color_type == CEN__PNG_PALETTE && !png->has_palette)
        return damaged(&chunk, "comes before the palette (PLTE)", error);
    return CEN_OK;
}

/* ---- what stands behind it ------------------------------------------------------------------- */

cen_status cen__png_check_rest(cen__png *png, cen_error *error)
{
    cen__png_chunk chunk = {.next_at = png->idat_at};
    bool is_picture = true;
    do {
        cen_status status = cen__png_chunk_at(png, chunk.next_at, &chunk, error);
        if (status != CEN_OK && png->is_cut_short && !cen__png_is(&chunk, "IDAT")) {
            png->warning = "the PNG ends early, behind its picture";
            return CEN_OK;
        }
        if (status != CEN_OK) return status;
        bool is_idat = cen__png_is(&chunk, "IDAT");
        if (!is_idat) is_picture = false;
        if (is_picture) {
            png->idat_size += chunk.size; /* its CRC is looked at when it is read */
            continue;
        }
        if (!is_critical(&chunk)) continue;
        if (!crc_is_right(&chunk)) return damaged(&chunk, "is damaged: its CRC is wrong", error);
        if (cen__png_is(&chunk, "IHDR")) return damaged(&chunk, "is a second header", error);
        if (cen__png_is(&chunk, "PLTE") && png->has_palette)
            return damaged(&chunk, "is a second palette", error);
        if (!is_idat && !cen__png_is(&chunk, "PLTE") && !cen__png_is(&chunk, "IEND"))
            return unknown_critical(&chunk, error);
    } while (!cen__png_is(&chunk, "IEND"));
    return CEN_OK;
}
