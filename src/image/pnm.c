/* PBM, PGM and PPM, plain (P1 P2 P3) and raw (P4 P5 P6), as netpbm's man pages describe them. */
#include "image/decoders.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

typedef struct {
    const uint8_t *bytes;
    size_t size, at;
} reader;

typedef struct {
    bool plain, bits; /* P1 P2 P3; P1 P4 */
    size_t width, height;
    int channels;
    uint32_t maximum;
} header;

static bool is_space(uint8_t byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static bool matches(const uint8_t *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
           (is_space(bytes[2]) || bytes[2] == '#');
}

/* Past white space and comments, which run from # to the end of their line. */
static void skip_space(reader *in)
{
    bool comment = false;
    for (; in->at < in->size; in->at++) {
        uint8_t byte = in->bytes[in->at];
        if (byte == '#') comment = true;
        if (comment) {
            comment = byte != '\n' && byte != '\r';
        } else if (!is_space(byte)) {
            return;
        }
    }
}

static cen_status read_number(reader *in, const char *what, uint32_t *number, cen_error *error)
{
    skip_space(in);
    size_t start = in->at;
    uint32_t value = 0;
    for (; in->at < in->size; in->at++) {
        uint32_t digit = (uint32_t)in->bytes[in->at] - '0';
        if (digit > 9) break;
        if (value > 9999999) {
            return cen__fail(error, CEN_ERROR_FORMAT, "%s at byte %zu has too many digits", what,
                             start);
        }
        value = value * 10 + digit;
    }
    if (in->at == start) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         start == in->size ? "the file ends at byte %zu, before %s"
                                           : "byte %zu is no digit, where %s should stand",
                         start, what);
    }
    *number = value;
    return CEN_OK;
}

static cen_status read_header(reader *in, header *h, cen_error *error)
{
    *h = (header){.plain = false};
    int kind = in->bytes[1] - '0';
    uint32_t width = 0, height = 0, maximum = 1;
    in->at = 2;
    cen_status status = read_number(in, "the width", &width, error);
    if (status == CEN_OK) status = read_number(in, "the height", &height, error);
    bool bits = kind == 1 || kind == 4;
    if (status == CEN_OK && !bits) {
        status = read_number(in, "the largest value", &maximum, error);
    }
    if (status != CEN_OK) return status;
    if (maximum < 1 || maximum > 65535) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the largest value is %u, it has to be 1 to 65535", (unsigned)maximum);
    }
    *h = (header){.plain = kind <= 3,
                  .bits = bits,
                  .width = width,
                  .height = height,
                  .channels = kind % 3 == 0 ? 3 : 1,
                  .maximum = maximum};
    if (!h->plain) {
        /* One byte of white space, or a comment up to the end of its line. */
        if (in->at < in->size && in->bytes[in->at] == '#') {
            while (in->at < in->size && in->bytes[in->at] != '\n') in->at++;
        } else if (in->at < in->size && !is_space(in->bytes[in->at])) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "byte %zu should be the white space after the header", in->at);
        }
        in->at += in->at < in->size;
    }
    return CEN_OK;
}

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    reader in = {bytes, size, 0};
    header h;
    cen_status status = read_header(&in, &h, error);
    if (status != CEN_OK) return status;
    (void)context;
    *image = (cen_image){.width = h.width, .height = h.height, .channels = h.channels};
    return CEN_OK;
}

/* round(value / maximum * 255), in double and half to even, which is what Pillow computes. Values
 * above the maximum become 255. */
static uint8_t scale(uint32_t value, uint32_t maximum)
{
    return value >= maximum ? 255 : (uint8_t)rint((double)value / (double)maximum * 255);
}

static cen_status decode_plain_bits(reader *in, uint8_t *pixels, size_t n, cen_error *error)
{
    for (size_t i = 0; i < n; i++) {
        skip_space(in);
        if (in->at == in->size || (in->bytes[in->at] != '0' && in->bytes[in->at] != '1')) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "pixel %zu of %zu, at byte %zu, is neither 0 nor 1", i + 1, n, in->at);
        }
        pixels[i] = in->bytes[in->at++] == '1' ? 0 : 255;
    }
    return CEN_OK;
}

/* *largest: of the samples. */
static cen_status decode_plain(reader *in, uint32_t maximum, uint8_t *pixels, size_t n,
                               uint32_t *largest, cen_error *error)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t value = 0;
        cen_status status = read_number(in, "a sample", &value, error);
        if (status != CEN_OK) return status;
        if (value > maximum) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "sample %zu of %zu is %u, above the largest value %u", i + 1, n,
                             (unsigned)value, (unsigned)maximum);
        }
        pixels[i] = scale(value, maximum);
        if (value > *largest) *largest = value;
    }
    return CEN_OK;
}

static void unpack_bits(const uint8_t *bytes, size_t width, size_t height, uint8_t *pixels)
{
    size_t row_size = (width + 7) / 8;
    for (size_t y = 0; y < height; y++, bytes += row_size, pixels += width) {
        for (size_t x = 0; x < width; x++) {
            pixels[x] = bytes[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
        }
    }
}

static cen_status unpack_samples(cen_context *context, const uint8_t *bytes, uint32_t maximum,
                                 uint8_t *pixels, size_t n, uint32_t *largest, cen_error *error)
{
    if (maximum == 255) {
        memcpy(pixels, bytes, n);
        return CEN_OK;
    }
    size_t n_values = maximum < 256 ? 256 : 65536;
    uint8_t *scaled = cen__alloc(context, n_values, 1);
    if (scaled == NULL) return cen__fail_memory(error, "a table of sample values");
    for (size_t i = 0; i < n_values; i++) scaled[i] = scale((uint32_t)i, maximum);
    if (n_values == 256) {
        for (size_t i = 0; i < n; i++) pixels[i] = scaled[bytes[i]];
    } else {
        for (size_t i = 0; i < n; i++) {
            uint32_t value = (uint32_t)bytes[2 * i] << 8 | bytes[2 * i + 1];
            pixels[i] = scaled[value];
            if (value > *largest) *largest = value;
        }
    }
    cen__free(scaled);
    return CEN_OK;
}

/* Whether n_rest bytes may hold the pixels: a plain sample is at least a digit. Asked before memory
 * is taken, so that a small file cannot ask for much. */
static bool has_pixels(const header *h, size_t n_rest)
{
    size_t row_size = h->width, needed;
    if (h->bits && !h->plain) {
        row_size = (h->width + 7) / 8;
    } else {
        row_size *= (size_t)h->channels * (!h->plain && h->maximum > 255 ? 2 : 1);
    }
    return cen__multiply(row_size, h->height, &needed) && needed <= n_rest;
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    (void)context;
    reader in = {bytes, size, 0};
    header h;
    cen_status status = read_header(&in, &h, error);
    if (status != CEN_OK) return status;
    if (!has_pixels(&h, size - in.at)) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "it holds %zu byte%s after the header, too few for %zu x %zu pixels",
                         size - in.at, cen__plural(size - in.at), h.width, h.height);
    }
    status = cen__image_allocate(context, image, h.width, h.height, h.channels, options, error);
    if (status != CEN_OK) return status;

    size_t n = h.width * h.height * (size_t)h.channels;
    uint32_t largest = 0;
    if (h.plain && h.bits) {
        status = decode_plain_bits(&in, image->pixels, n, error);
    } else if (h.plain) {
        status = decode_plain(&in, h.maximum, image->pixels, n, &largest, error);
    } else if (h.bits) {
        unpack_bits(bytes + in.at, h.width, h.height, image->pixels);
    } else {
        status =
            unpack_samples(context, bytes + in.at, h.maximum, image->pixels, n, &largest, error);
    }
    if (!h.bits && h.maximum > 255) {
        image->warning = cen__image_dark((unsigned)((uint64_t)largest * 65535 / h.maximum));
    }
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

const cen__image_kind cen__pnm_kind = {"PNM", matches, read_size, decode, NULL};
