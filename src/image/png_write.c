#include <centerloss_eval.h>

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "image/image.h"
#include "image/inflate.h"
#include "image/png_filter.h"

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Returns what follows the chunk. */
static uint8_t *put_chunk(uint8_t *to, const char *name, const uint8_t *data, size_t size)
{
    put32(to, (uint32_t)size);
    memcpy(to + 4, name, 4);
    if (size > 0) memcpy(to + 8, data, size);
    put32(to + 8 + size, cen__crc32(0, to + 4, 4 + size));
    return to + 8 + size + 4;
}

/* How far the bytes are from zero, taken as signed: the smaller, the better they should pack. */
static uint64_t weight(const uint8_t *bytes, size_t size)
{
    uint64_t total = 0;
    for (size_t i = 0; i < size; i++) total += bytes[i] < 128 ? bytes[i] : 256u - bytes[i];
    return total;
}

/* Each row by the filter that leaves the least, behind its number. out holds height rows of 1 +
 * size bytes, scratch `size` bytes, zeros as many. */
static void filter_rows(const cen_image *image, size_t size, const uint8_t *zeros, uint8_t *scratch,
                        uint8_t *out)
{
    const uint8_t *row = image->pixels, *above = zeros;
    for (size_t y = 0; y < image->height; y++, above = row, row += size, out += 1 + size) {
        uint64_t least = UINT64_MAX;
        for (int filter = 0; filter < CEN__PNG_N_FILTERS; filter++) {
            cen__png_filter(filter, (size_t)image->channels, size, row, above, scratch);
            uint64_t found = weight(scratch, size);
            if (found >= least) continue;
            least = found;
            out[0] = (uint8_t)filter;
            memcpy(out + 1, scratch, size);
        }
    }
}

/* The IDAT data of an image. */
static cen_status pack_image(cen_context *context, const cen_image *image, uint8_t **packed,
                             size_t *packed_size, cen_error *error)
{
    size_t size, total;
    if (!cen__multiply(image->width, (size_t)image->channels, &size) || size > SIZE_MAX - 3 ||
        !cen__multiply(image->height + 2, size + 1, &total))
        return cen__fail_memory(error, "the rows of a PNG");
    uint8_t *filtered = cen__alloc(context, 1, total);
    if (filtered == NULL) return cen__fail_memory(error, "the rows of a PNG");
    uint8_t *zeros = filtered + image->height * (size + 1), *scratch = zeros + size;
    memset(zeros, 0, size);
    filter_rows(image, size, zeros, scratch, filtered);
    cen_status status =
        cen__zlib_pack(context, filtered, image->height * (size + 1), packed, packed_size, error);
    cen__free(filtered);
    return status;
}

cen_status cen__png_pack(cen_context *context, const cen_image *image, uint8_t **bytes,
                         size_t *size, cen_error *error)
{
    static const uint8_t SIGNATURE[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    static const uint8_t COLOR_TYPES[5] = {0, 0, 4, 2, 6}; /* by channels */
    enum { MOST_IN_CHUNK = INT32_MAX, FRAME_SIZE = 12, HEADER_SIZE = 13 };
    uint8_t *packed, header[HEADER_SIZE] = {0};
    size_t packed_size;
    cen_status status = pack_image(context, image, &packed, &packed_size, error);
    if (status != CEN_OK) return status;
    size_t n_chunks = packed_size / MOST_IN_CHUNK + 1;
    *size = sizeof SIGNATURE + 2 * FRAME_SIZE + HEADER_SIZE + n_chunks * FRAME_SIZE + packed_size;
    *bytes = cen__alloc(context, *size, 1);
    if (*bytes == NULL) {
        cen__free(packed);
        return cen__fail_memory(error, "a PNG");
    }
    put32(header, (uint32_t)image->width);
    put32(header + 4, (uint32_t)image->height);
    header[8] = 8;
    header[9] = COLOR_TYPES[image->channels];
    memcpy(*bytes, SIGNATURE, sizeof SIGNATURE);
    uint8_t *to = put_chunk(*bytes + sizeof SIGNATURE, "IHDR", header, sizeof header);
    for (size_t at = 0; at < packed_size;) {
        size_t count = packed_size - at < MOST_IN_CHUNK ? packed_size - at : MOST_IN_CHUNK;
        to = put_chunk(to, "IDAT", packed + at, count);
        at += count;
    }
    to = put_chunk(to, "IEND", NULL, 0);
    *size = (size_t)(to - *bytes);
    cen__free(packed);
    return CEN_OK;
}

cen_status cen_image_write_png(cen_context *context, const cen_image *image, const char *path,
                               cen_error *error)
{
    if (image->pixels == NULL || image->width == 0 || image->height == 0 ||
        image->width > INT32_MAX || image->height > INT32_MAX || image->channels < 1 ||
        image->channels > 4)
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%s: an image of %zu x %zu pixels and %d channels cannot be a PNG; it "
                         "takes 1 to 4 channels and sides from 1 to 2147483647",
                         path, image->width, image->height, image->channels);
    uint8_t *bytes;
    size_t size;
    cen_status status = cen__png_pack(context, image, &bytes, &size, error);
    if (status != CEN_OK) return status;
    cen__writer *writer;
    status = cen__writer_create(context, &writer, path, error);
    if (status == CEN_OK) {
        cen__writer_skip_sync(writer);
        cen__writer_write(writer, bytes, size);
        status = cen__writer_commit(&writer, error);
    }
    cen__free(bytes);
    return status;
}
