/* BMP: OS/2 and Windows headers, 1 to 32 bits, bitfields, RLE. The layout is that of BITMAPFILEHEADER
 * (14 bytes) followed by one of the BITMAP*HEADER structs, which grew from 12 to 124 bytes. */
#include "image/decoders.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { FIRST_BYTES = 18 }; /* up to the size of the second header */
enum { FILE_HEADER = 14, CORE_HEADER = 12, OS2_SHORT = 16, OS2_HEADER = 64, INFO_HEADER = 40 };
enum { RAW = 0, RLE8 = 1, RLE4 = 2, FIELDS = 3, JPEG = 4, PNG = 5, ALPHA_FIELDS = 6 };

typedef struct {
    size_t width, height;
    bool top_down;
    unsigned bits;
    uint32_t compression;
    uint32_t masks[4]; /* red, green, blue, alpha; of pixels of 16 bits and more */
    uint8_t colors[256][3];
    int channels;
    size_t start; /* of the pixels */
} header;

/* "BM" may begin a text, which has no zeros; a header always has some. */
static bool matches(const uint8_t *bytes, size_t size)
{
    return size > 2 && bytes[0] == 'B' && bytes[1] == 'M' &&
           memchr(bytes + 2, 0, (size < FIRST_BYTES ? size : FIRST_BYTES) - 2) != NULL;
}

static cen_status check_compression(const header *h, size_t info_size, cen_error *error)
{
    uint32_t compression = h->compression;
    if (compression == JPEG || compression == PNG) {
        if (info_size == OS2_HEADER) {
            return cen__fail(
                error, CEN_ERROR_UNSUPPORTED,
                "a BMP of OS/2 with compression %u is not supported; convert it to PNG",
                (unsigned)compression);
        }
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "a BMP that holds a %s is not supported; convert it to PNG",
                         compression == JPEG ? "JPEG" : "PNG");
    }
    if (compression > ALPHA_FIELDS || (info_size == OS2_HEADER && compression >= FIELDS)) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "a BMP with compression %u is not supported; convert it to PNG",
                         (unsigned)compression);
    }
    unsigned bits = h->bits;
    bool fits = bits == 16 || bits == 24 || bits == 32;
    if (compression == RAW) fits = fits || bits == 1 || bits == 4 || bits == 8;
    if (compression == RLE8) fits = bits == 8;
    if (compression == RLE4) fits = bits == 4;
    if (compression == RAW && (bits == 2 || bits == 64)) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "a BMP of %u bits a pixel is not supported; convert it to PNG", bits);
    }
    if (!fits) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the header says %u bits a pixel with compression %u, which do not go "
                         "together",
                         bits, (unsigned)compression);
    }
    return CEN_OK;
}

/* Sizes, depth and compression. *info_size: of the header after the file's. */
static cen_status read_info(const uint8_t *bytes, size_t size, header *h, size_t *info_size,
                            cen_error *error)
{
    *h = (header){.width = 0};
    if (size < FIRST_BYTES) {
        return cen__fail(error, CEN_ERROR_FORMAT, "the file ends at byte %zu, within the header",
                         size);
    }
    *info_size = cen__le32(bytes + FILE_HEADER);
    static const size_t known[] = {CORE_HEADER, OS2_SHORT,  INFO_HEADER, 52,
                                   56,          OS2_HEADER, 108,         124};
    bool is_known = false;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        is_known = is_known || *info_size == known[i];
    }
    if (!is_known) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the header at byte 14 says that it has %zu bytes, and no BMP header has",
                         *info_size);
    }
    if (size < FILE_HEADER + *info_size) {
        return cen__fail(error, CEN_ERROR_FORMAT, "the file ends at byte %zu, within the header",
                         size);
    }
    const uint8_t *info = bytes + FILE_HEADER;
    uint32_t width, height;
    if (*info_size == CORE_HEADER) {
        width = cen__le16(info + 4);
        height = cen__le16(info + 6);
        h->bits = cen__le16(info + 10);
    } else {
        width = cen__le32(info + 4);
        height = cen__le32(info + 8);
        h->bits = cen__le16(info + 14);
        if (*info_size >= INFO_HEADER) h->compression = cen__le32(info + 16);
    }
    if (width > INT32_MAX) {
        return cen__fail(error, CEN_ERROR_FORMAT, "the header says a negative width");
    }
    h->top_down = height > INT32_MAX;
    h->width = width;
    h->height = h->top_down ? 0u - height : height;
    return check_compression(h, *info_size, error);
}

/* Moves *at past the masks that follow a header of 40 bytes. */
static cen_status read_masks(const uint8_t *bytes, size_t size, size_t info_size, header *h,
                             size_t *at, cen_error *error)
{
    if (h->compression == RAW) {
        bool short_pixels = h->bits == 16;
        h->masks[0] = short_pixels ? 0x7c00 : 0xff0000;
        h->masks[1] = short_pixels ? 0x03e0 : 0x00ff00;
        h->masks[2] = short_pixels ? 0x001f : 0x0000ff;
        return CEN_OK;
    }
    size_t n_masks = info_size >= 56 || h->compression == ALPHA_FIELDS ? 4 : 3;
    size_t start = FILE_HEADER + INFO_HEADER, end = start + 4 * n_masks;
    if (size < end) {
        return cen__fail(error, CEN_ERROR_FORMAT, "the file ends at byte %zu, within the header",
                         size);
    }
    uint32_t all = 0;
    for (size_t i = 0; i < n_masks; i++) {
        h->masks[i] = cen__le32(bytes + start + 4 * i);
        all |= h->masks[i];
        uint32_t lowest = h->masks[i] & (~h->masks[i] + 1);
        if ((h->masks[i] & (h->masks[i] + lowest)) != 0) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "the colour mask 0x%08x at byte %zu has a gap", (unsigned)h->masks[i],
                             start + 4 * i);
        }
    }
    if (all == 0) { /* taken by Pillow as blue, green, red, alpha */
        h->masks[0] = 0xff0000;
        h->masks[1] = 0x00ff00;
        h->masks[2] = 0x0000ff;
        h->masks[3] = 0xff000000;
    }
    if (*at < end) *at = end;
    return CEN_OK;
}

/* A file may have fewer colours than its depth allows. An index without a colour is the grey of its
 * number, as in Pillow. */
static cen_status read_palette(const uint8_t *bytes, size_t size, size_t info_size, header *h,
                               size_t at, cen_error *error)
{
    size_t entry_size = info_size == CORE_HEADER ? 3 : 4, most = (size_t)1 << h->bits;
    size_t n_colors = info_size >= INFO_HEADER ? cen__le32(bytes + FILE_HEADER + 32) : 0;
    if (n_colors == 0 || n_colors > most) n_colors = most;
    if (h->start <= at) h->start = at + n_colors * entry_size;
    if (n_colors > (h->start - at) / entry_size) n_colors = (h->start - at) / entry_size;
    if (size < at || (size - at) / entry_size < n_colors) {
        return cen__fail(error, CEN_ERROR_FORMAT, "the file ends at byte %zu, within the palette",
                         size);
    }
    bool grey = true;
    for (size_t i = 0; i < 256; i++) {
        for (size_t j = 0; j < 3; j++) {
            h->colors[i][j] = i < n_colors ? bytes[at + i * entry_size + 2 - j] : (uint8_t)i;
        }
        grey = grey && h->colors[i][0] == h->colors[i][1] && h->colors[i][0] == h->colors[i][2];
    }
    h->channels = grey ? 1 : 3;
    return CEN_OK;
}

static cen_status read_header(const uint8_t *bytes, size_t size, header *h, cen_error *error)
{
    size_t info_size = 0;
    cen_status status = read_info(bytes, size, h, &info_size, error);
    if (status != CEN_OK) return status;
    size_t at = FILE_HEADER + info_size;
    h->start = cen__le32(bytes + 10);
    if (h->bits <= 8) return read_palette(bytes, size, info_size, h, at, error);
    status = read_masks(bytes, size, info_size, h, &at, error);
    if (status != CEN_OK) return status;
    if (h->start < at) h->start = at;
    h->channels = h->masks[3] != 0 ? 4 : 3;
    return CEN_OK;
}

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    header h;
    cen_status status = read_header(bytes, size, &h, error);
    if (status != CEN_OK) return status;
    (void)context;
    *image = (cen_image){.width = h.width, .height = h.height, .channels = h.channels};
    return CEN_OK;
}

/* ---- pixels of 16, 24 and 32 bits ---- */

/* The byte that a mask selects, -1 where it is none. */
static int byte_of(uint32_t mask)
{
    for (int i = 0; i < 4; i++) {
        if (mask == (uint32_t)0xff << (8 * i)) return i;
    }
    return -1;
}

static void copy_bytes(const uint8_t *row, size_t width, size_t pixel_size, const int *places,
                       int channels, uint8_t *out)
{
    const uint8_t *red = row + places[0], *green = row + places[1], *blue = row + places[2];
    if (channels == 3) {
        for (size_t x = 0; x < width; x++, out += 3) {
            out[0] = red[x * pixel_size];
            out[1] = green[x * pixel_size];
            out[2] = blue[x * pixel_size];
        }
        return;
    }
    const uint8_t *alpha = row + places[3];
    for (size_t x = 0; x < width; x++, out += 4) {
        out[0] = red[x * pixel_size];
        out[1] = green[x * pixel_size];
        out[2] = blue[x * pixel_size];
        out[3] = alpha[x * pixel_size];
    }
}

/* A field of n bits becomes value * 255 / (2^n - 1), cut, as in Pillow. */
static void copy_fields(const uint8_t *row, size_t width, size_t pixel_size, const uint32_t *masks,
                        int channels, uint8_t *out)
{
    uint32_t shifts[4] = {0}, tops[4] = {0};
    for (int c = 0; c < channels; c++) {
        while (masks[c] != 0 && (masks[c] >> shifts[c] & 1) == 0) shifts[c]++;
        tops[c] = masks[c] >> shifts[c];
    }
    for (size_t x = 0; x < width; x++, row += pixel_size, out += channels) {
        uint32_t pixel = cen__le16(row);
        if (pixel_size > 2) pixel |= (uint32_t)row[2] << 16;
        if (pixel_size > 3) pixel |= (uint32_t)row[3] << 24;
        for (int c = 0; c < channels; c++) {
            uint64_t value = (pixel & masks[c]) >> shifts[c];
            out[c] = (uint8_t)(tops[c] == 0 ? 0 : value * 255 / tops[c]);
        }
    }
}

/* ---- palettes ----
 * Indices are written where the last channel of a row will be, so that one pass from the left turns
 * them into colours in place. */

static uint8_t *indices_of(const cen_image *image, const header *h, size_t file_row)
{
    size_t y = h->top_down ? file_row : h->height - 1 - file_row;
    size_t channels = (size_t)image->channels;
    return image->pixels + (y * channels + channels - 1) * image->width;
}

static void unpack_indices(const uint8_t *row, size_t width, unsigned bits, uint8_t *indices)
{
    if (bits == 8) {
        memcpy(indices, row, width);
    } else if (bits == 4) {
        for (size_t x = 0; x < width; x++) {
            indices[x] = x % 2 == 0 ? row[x / 2] >> 4 : row[x / 2] & 15;
        }
    } else {
        for (size_t x = 0; x < width; x++) indices[x] = row[x / 8] >> (7 - x % 8) & 1;
    }
}

static void expand_palette(const header *h, cen_image *image)
{
    size_t width = h->width;
    for (size_t y = 0; y < h->height; y++) {
        const uint8_t *indices = indices_of(image, h, y);
        uint8_t *out =
            image->pixels + (h->top_down ? y : h->height - 1 - y) * width * (size_t)image->channels;
        if (image->channels == 1) {
            for (size_t x = 0; x < width; x++) out[x] = h->colors[indices[x]][0];
            continue;
        }
        for (size_t x = 0; x < width; x++) {
            const uint8_t *color = h->colors[indices[x]];
            out[3 * x] = color[0];
            out[3 * x + 1] = color[1];
            out[3 * x + 2] = color[2];
        }
    }
}

/* n pixels of a run (RLE4: two that take turns) or of a literal; what reaches over the row's end is
 * dropped. */
static void put_run(uint8_t *row, size_t room, const uint8_t *from, bool literal, unsigned bits,
                    size_t n)
{
    for (size_t i = 0; i < n && i < room; i++) {
        if (bits == 8) {
            row[i] = from[literal ? i : 0];
        } else {
            uint8_t pair = from[literal ? i / 2 : 0];
            row[i] = i % 2 == 0 ? pair >> 4 : pair & 15;
        }
    }
}

/* Pairs of bytes: (n, value) is a run; (0, 0) ends the row, (0, 1) the picture, (0, 2) moves, and
 * (0, n) is n literal pixels, padded to an even count of bytes. Pixels never reached keep index 0. */
static cen_status decode_runs(const uint8_t *bytes, size_t size, const header *h, cen_image *image,
                              cen_error *error)
{
    memset(image->pixels, 0, h->width * h->height * (size_t)image->channels);
    size_t at = h->start, x = 0, y = 0;
    while (y < h->height && size - at >= 2) {
        size_t n = bytes[at], code = bytes[at + 1];
        uint8_t *row = indices_of(image, h, y) + (x < h->width ? x : 0);
        size_t room = x < h->width ? h->width - x : 0;
        at += 2;
        if (n > 0) {
            put_run(row, room, bytes + at - 1, false, h->bits, n);
            x += n;
        } else if (code == 0) {
            x = 0;
            y++;
        } else if (code == 1) {
            return CEN_OK;
        } else if (code == 2) {
            if (size - at < 2) break;
            x += bytes[at];
            y += bytes[at + 1];
            at += 2;
        } else {
            size_t n_bytes = h->bits == 8 ? code : (code + 1) / 2;
            if (size - at < n_bytes) break;
            put_run(row, room, bytes + at, true, h->bits, code);
            x += code;
            at += n_bytes;
            if (n_bytes % 2 == 1 && at < size) at++;
        }
    }
    if (y + 1 < h->height || (y + 1 == h->height && x < h->width)) {
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "the runs end with the file, in row %zu of %zu, before their end is marked", y + 1,
            h->height);
    }
    return CEN_OK;
}

/* ---- decoding ---- */

static void decode_rows(const uint8_t *rows, size_t row_size, const header *h, cen_image *image)
{
    int places[4] = {0};
    bool bytewise = h->bits >= 24;
    for (int c = 0; c < image->channels; c++) {
        places[c] = byte_of(h->masks[c]);
        bytewise = bytewise && places[c] >= 0 && places[c] < (int)(h->bits / 8);
    }
    for (size_t y = 0; y < h->height; y++) {
        const uint8_t *row = rows + y * row_size;
        size_t out_y = h->top_down ? y : h->height - 1 - y;
        uint8_t *out = image->pixels + out_y * h->width * (size_t)image->channels;
        if (h->bits <= 8) {
            unpack_indices(row, h->width, h->bits, indices_of(image, h, y));
        } else if (bytewise) {
            copy_bytes(row, h->width, h->bits / 8, places, image->channels, out);
        } else {
            copy_fields(row, h->width, h->bits / 8, h->masks, image->channels, out);
        }
    }
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    (void)context;
    header h;
    cen_status status = read_header(bytes, size, &h, error);
    if (status != CEN_OK) return status;
    size_t n_rest = size > h.start ? size - h.start : 0;
    bool runs = h.compression == RLE8 || h.compression == RLE4;
    uint64_t row_bits = (uint64_t)h.width * h.bits, row_size = (row_bits + 31) / 32 * 4;
    if (!runs && h.width > 0 && h.height > 0) {
        /* The last row's padding may be missing. */
        uint64_t last = (row_bits + 7) / 8,
                 n_whole = n_rest < last ? 0 : (n_rest - last) / row_size;
        if (n_rest < last || n_whole + 1 < h.height) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "the file ends at byte %zu, before the end of its %zu x %zu pixels",
                             size, h.width, h.height);
        }
    }
    /* Two bytes are a run of up to 255. */
    if (runs && (uint64_t)h.width * h.height / 255 > n_rest) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "it holds %zu byte%s of runs, too few for %zu x %zu pixels", n_rest,
                         cen__plural(n_rest), h.width, h.height);
    }
    status = cen__image_allocate(context, image, h.width, h.height, h.channels, options, error);
    if (status != CEN_OK) return status;
    if (runs) {
        status = h.start <= size ? decode_runs(bytes, size, &h, image, error)
                                 : cen__fail(error, CEN_ERROR_FORMAT,
                                             "the pixels should begin at byte %zu, but the file "
                                             "ends at byte %zu",
                                             h.start, size);
    } else {
        decode_rows(bytes + h.start, (size_t)row_size, &h, image);
    }
    if (status == CEN_OK && h.bits <= 8) expand_palette(&h, image);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

const cen__image_kind cen__bmp_kind = {"BMP", matches, read_size, decode, NULL};
