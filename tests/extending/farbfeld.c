/* farbfeld: "farbfeld", width and height in 32 bits, then RGBA of 16 bits each, all big-endian
 * (https://tools.suckless.org/farbfeld/). */
#include <string.h>

#include "image/decoders.h"

enum { HEADER_SIZE = 16, PIXEL_SIZE = 8 };

static bool matches(const uint8_t *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "farbfeld", 8) == 0;
}

static size_t side(const uint8_t *b)
{
    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    (void)context;
    if (size < HEADER_SIZE) return cen__fail(error, CEN_ERROR_FORMAT, "it ends in its header");
    image->width = side(bytes + 8);
    image->height = side(bytes + 12);
    image->channels = 4;
    return CEN_OK;
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    cen_image header;
    cen_status status = read_size(context, bytes, size, &header, error);
    if (status != CEN_OK) return status;
    if (header.height > 0 && header.width > (size - HEADER_SIZE) / PIXEL_SIZE / header.height) {
        return cen__fail(error, CEN_ERROR_FORMAT, "it ends before its last pixel");
    }
    status = cen__image_allocate(context, image, header.width, header.height, 4, options, error);
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < 4 * image->width * image->height; i++) {
        image->pixels[i] = bytes[HEADER_SIZE + 2 * i];
    }
    return CEN_OK;
}

const cen__image_kind cen__farbfeld_kind = {"farbfeld", matches, read_size, decode, NULL};
