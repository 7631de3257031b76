/* The alpha of a lossy WebP picture: chunk ALPH. */
#include "image/webp.h"

#include <string.h>

#include "base/memory.h"

enum { RAW, LOSSLESS };                              /* how it is packed */
enum { UNFILTERED, HORIZONTAL, VERTICAL, GRADIENT }; /* what a value is the difference to */

static uint8_t gradient(int left, int above, int corner)
{
    int value = left + above - corner;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* In place. above NULL: the first row. */
static void unfilter(int filter, const uint8_t *above, uint8_t *row, size_t width)
{
    if (filter == UNFILTERED) return;
    if (above == NULL || filter == HORIZONTAL) {
        uint8_t left = above == NULL ? 0 : above[0];
        for (size_t x = 0; x < width; x++) left = row[x] = (uint8_t)(row[x] + left);
    } else if (filter == VERTICAL) {
        for (size_t x = 0; x < width; x++) row[x] = (uint8_t)(row[x] + above[x]);
    } else {
        uint8_t left = above[0], corner = above[0];
        for (size_t x = 0; x < width; x++) {
            left = row[x] = (uint8_t)(row[x] + gradient(left, above[x], corner));
            corner = above[x];
        }
    }
}

/* The green of a lossless picture. */
static cen_status unpack(cen_context *context, const cen__webp_chunk *chunk, size_t width,
                         size_t height, uint8_t *alpha, cen_error *error)
{
    uint32_t *pixels;
    cen_status status = cen__webp_lossless_pixels(context, chunk, 1, width, height, &pixels, error);
    if (status != CEN_OK) return status;
    for (size_t i = 0; i < width * height; i++) alpha[i] = (uint8_t)(pixels[i] >> 8);
    cen__free(pixels);
    return CEN_OK;
}

static cen_status read_values(cen_context *context, const cen__webp_chunk *chunk, size_t width,
                              size_t height, uint8_t *alpha, cen_error *error)
{
    if ((chunk->data[0] & 3) == LOSSLESS)
        return unpack(context, chunk, width, height, alpha, error);
    if (chunk->there - 1 < width * height)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "is too short for its picture", error);
    memcpy(alpha, chunk->data + 1, width * height);
    return CEN_OK;
}

cen_status cen__webp_alpha_decode(cen_context *context, const cen__webp_chunk *chunk, size_t width,
                                  size_t height, const cen__webp_target *target, cen_error *error)
{
    if (chunk->there < 2)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "ends within its header", error);
    unsigned packing = chunk->data[0] & 3, filter = chunk->data[0] >> 2 & 3;
    if (packing > LOSSLESS || chunk->data[0] >> 4 > 1)
        return cen__webp_fail(chunk, CEN_ERROR_FORMAT, "is packed in a way that nobody knows",
                              error);
    uint8_t *alpha = cen__alloc(context, width * height, 1);
    if (alpha == NULL) return cen__fail_memory(error, "the alpha of a WebP picture");
    cen_status status = read_values(context, chunk, width, height, alpha, error);
    for (size_t y = 0; y < height && status == CEN_OK; y++) {
        uint8_t *row = alpha + y * width, *out = target->pixels + y * target->stride + 3;
        unfilter((int)filter, y == 0 ? NULL : row - width, row, width);
        for (size_t x = 0; x < width; x++) out[4 * x] = row[x];
    }
    cen__free(alpha);
    return status;
}
