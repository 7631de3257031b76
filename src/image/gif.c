/* GIF, 87a and 89a: the first picture of the file on its canvas. Pixels that it leaves out are transparent, or have
 * the first colour if nothing is, as Pillow has it. */
#include "image/decoders.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "image/lzw.h"

enum { SCREEN = 13, DESCRIPTOR = 9, CONTROL = 0xf9, HAS_PALETTE = 0x80, INTERLACED = 0x40 };
/* A code of 12 bits stands for fewer than 4,096 pixels. */
enum { MOST_PIXELS_OF_A_BYTE = 4096 * 8 / 12 + 1 };

typedef struct {
    size_t width, height;                        /* of the canvas, which the picture may widen */
    size_t left, top, frame_width, frame_height; /* of the picture */
    bool interlaced, has_transparency;
    unsigned transparent; /* index */
    uint8_t colors[256][4];
    int channels;
    size_t start; /* of the picture's data */
} header;

static bool matches(const uint8_t *bytes, size_t size)
{
    return size >= 6 && (memcmp(bytes, "GIF87a", 6) == 0 || memcmp(bytes, "GIF89a", 6) == 0);
}

static cen_status cut_short(size_t size, const char *what, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_FORMAT, "the GIF ends at byte %zu, %s; get the whole file",
                     size, what);
}

/* An index without a colour is black, or the grey of its number if there is no palette. Moves *at behind the palette. */
static cen_status read_palette(const uint8_t *bytes, size_t size, unsigned flags, size_t *at,
                               header *h, cen_error *error)
{
    const size_t n = (flags & HAS_PALETTE) != 0 ? (size_t)2 << (flags & 7) : 0;
    if (size - *at < 3 * n) return cut_short(size, "within a palette", error);
    for (size_t i = 0; i < 256; i++) {
        for (size_t j = 0; j < 3; j++)
            h->colors[i][j] = i < n ? bytes[*at + 3 * i + j] : n > 0 ? 0 : (uint8_t)i;
    }
    *at += 3 * n;
    return CEN_OK;
}

/* From the size of the first one on. False if the bytes end before they do. */
static bool skip_blocks(const uint8_t *bytes, size_t size, size_t *at)
{
    while (*at < size && bytes[*at] != 0) {
        if (size - *at <= bytes[*at]) return false;
        *at += 1u + bytes[*at];
    }
    return (*at)++ < size;
}

/* Goes to the descriptor of the first picture; a control block before it may name the transparent index. */
static cen_status find_picture(const uint8_t *bytes, size_t size, size_t *at, header *h,
                               cen_error *error)
{
    while (*at < size && bytes[*at] != ',' && bytes[*at] != ';') {
        if (bytes[(*at)++] != '!') continue;
        if (size - *at < 2) break;
        const uint8_t *block = bytes + *at + 1;
        if (bytes[*at] == CONTROL && block[0] >= 4 && size - *at > 5 && (block[1] & 1) != 0) {
            h->has_transparency = true;
            h->transparent = block[4];
        }
        (*at)++;
        if (!skip_blocks(bytes, size, at)) return cut_short(size, "before its picture", error);
    }
    if (*at < size && bytes[*at] == ';')
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the GIF has no picture: its end is marked at byte %zu", *at);
    if (size < *at || size - *at < 1 + DESCRIPTOR)
        return cut_short(size, "before its picture", error);
    (*at)++;
    return CEN_OK;
}

/* Grey if all colours are; alpha if an index is transparent. */
static void settle_channels(header *h)
{
    bool is_grey = true;
    for (size_t i = 0; i < 256; i++) {
        const uint8_t *color = h->colors[i];
        is_grey = is_grey && color[0] == color[1] && color[0] == color[2];
    }
    h->channels = (is_grey ? 1 : 3) + h->has_transparency;
    for (size_t i = 0; i < 256 && h->has_transparency; i++)
        h->colors[i][h->channels - 1] = i == h->transparent ? 0 : 255;
}

static cen_status read_header(const uint8_t *bytes, size_t size, header *h, cen_error *error)
{
    *h = (header){.width = 0};
    if (size < SCREEN) return cut_short(size, "within its header", error);
    size_t at = SCREEN;
    cen_status status = read_palette(bytes, size, bytes[10], &at, h, error);
    if (status == CEN_OK) status = find_picture(bytes, size, &at, h, error);
    if (status != CEN_OK) return status;
    const uint8_t *descriptor = bytes + at;
    at += DESCRIPTOR;
    h->left = cen__le16(descriptor);
    h->top = cen__le16(descriptor + 2);
    h->frame_width = cen__le16(descriptor + 4);
    h->frame_height = cen__le16(descriptor + 6);
    h->width = cen__le16(bytes + 6);
    h->height = cen__le16(bytes + 8);
    if (h->width < h->left + h->frame_width) h->width = h->left + h->frame_width;
    if (h->height < h->top + h->frame_height) h->height = h->top + h->frame_height;
    h->interlaced = (descriptor[8] & INTERLACED) != 0;
    if ((descriptor[8] & HAS_PALETTE) != 0) {
        status = read_palette(bytes, size, descriptor[8], &at, h, error);
        if (status != CEN_OK) return status;
    }
    settle_channels(h);
    h->start = at;
    return cen__image_check_sides(h->frame_width, h->frame_height, error);
}

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    (void)context;
    header h;
    cen_status status = read_header(bytes, size, &h, error);
    if (status != CEN_OK) return status;
    *image = (cen_image){.width = h.width, .height = h.height, .channels = h.channels};
    return CEN_OK;
}

/* indices: of all pixels, in the order of the file. */
static cen_status unpack(const uint8_t *bytes, size_t size, const header *h, cen__lzw *lzw,
                         uint8_t *indices, cen_error *error)
{
    size_t at = h->start;
    if (at >= size) return cut_short(size, "before its picture", error);
    const unsigned bits = bytes[at++];
    if (bits < 1 || bits > 8)
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the picture of the GIF has indices of %u bits (byte %zu), of 1 to 8",
                         bits, at - 1);
    cen__lzw_start(lzw, bits, indices, h->frame_width * h->frame_height);
    while (at < size && bytes[at] != 0 && lzw->state.at < lzw->size && !lzw->has_ended) {
        const size_t n = size - at - 1 < bytes[at] ? size - at - 1 : bytes[at];
        if (!cen__lzw_run_gif(lzw, bytes + at + 1, n))
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "the GIF is damaged: its picture has an impossible code in the block "
                             "at byte %zu",
                             at);
        at += 1 + n;
    }
    if (lzw->state.at == lzw->size) return CEN_OK;
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the picture of the GIF ends in row %zu of %zu, at byte %zu; get the whole "
                     "file",
                     lzw->state.at / h->frame_width + 1, h->frame_height, at < size ? at : size);
}

static inline void put(const header *h, const uint8_t *indices, size_t n, size_t channels,
                       uint8_t *out)
{
    for (size_t x = 0; x < n; x++, out += channels)
        for (size_t c = 0; c < channels; c++) out[c] = h->colors[indices[x]][c];
}

static void put_row(const header *h, const uint8_t *indices, uint8_t *out)
{
    if (h->channels == 1) put(h, indices, h->frame_width, 1, out);
    if (h->channels == 2) put(h, indices, h->frame_width, 2, out);
    if (h->channels == 3) put(h, indices, h->frame_width, 3, out);
    if (h->channels == 4) put(h, indices, h->frame_width, 4, out);
}

static void fill_canvas(const header *h, cen_image *image)
{
    const size_t channels = (size_t)h->channels, n = h->width * h->height * channels;
    const uint8_t *color = h->colors[h->has_transparency ? h->transparent : 0];
    if (h->frame_width == h->width && h->frame_height == h->height) return;
    for (size_t i = 0; i < n; i += channels) memcpy(image->pixels + i, color, channels);
}

static void put_rows(const header *h, const uint8_t *indices, cen_image *image)
{
    static const uint8_t first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    const size_t n_passes = h->interlaced ? 4 : 1, channels = (size_t)h->channels;
    fill_canvas(h, image);
    for (size_t pass = 0; pass < n_passes; pass++) {
        for (size_t y = first[pass]; y < h->frame_height; y += h->interlaced ? step[pass] : 1) {
            put_row(h, indices, image->pixels + ((h->top + y) * h->width + h->left) * channels);
            indices += h->frame_width;
        }
    }
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    header h;
    cen_status status = read_header(bytes, size, &h, error);
    if (status != CEN_OK) return status;
    const uint64_t n_pixels = (uint64_t)h.frame_width * h.frame_height;
    if (n_pixels / MOST_PIXELS_OF_A_BYTE > size - h.start)
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "it holds %zu byte%s, too few for %zu x %zu pixels", size - h.start,
                         cen__plural(size - h.start), h.frame_width, h.frame_height);
    status = cen__image_allocate(context, image, h.width, h.height, h.channels, options, error);
    if (status != CEN_OK) return status;
    uint8_t *indices = cen__alloc(context, h.frame_width, h.frame_height);
    cen__lzw *lzw = cen__alloc(context, 1, sizeof *lzw);
    status = indices != NULL && lzw != NULL ? unpack(bytes, size, &h, lzw, indices, error)
                                            : cen__fail_memory(error, "the picture of a GIF");
    if (status == CEN_OK) put_rows(&h, indices, image);
    cen__free(lzw);
    cen__free(indices);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

const cen__image_kind cen__gif_kind = {"GIF", matches, read_size, decode, NULL};
