/* gzip files (RFC 1952). */
#include "image/inflate.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"

enum { HAS_CRC = 2, HAS_EXTRA = 4, HAS_NAME = 8, HAS_COMMENT = 16, RESERVED = 0xe0 };
enum { HEADER_SIZE = 10, TRAILER_SIZE = 8 };

/* Behind the zero that ends a name or comment; size + 1 where there is none. */
static size_t skip_string(const uint8_t *bytes, size_t size, size_t at)
{
    const uint8_t *zero = at < size ? memchr(bytes + at, 0, size - at) : NULL;
    return zero == NULL ? size + 1 : (size_t)(zero - bytes) + 1;
}

/* Moves *at from the beginning of a member to that of its data. */
static cen_status skip_header(const uint8_t *bytes, size_t size, size_t *at, cen_error *error)
{
    const uint8_t *header = bytes + *at;
    if (size - *at < HEADER_SIZE || header[0] != 0x1f || header[1] != 0x8b || header[2] != 8 ||
        (header[3] & RESERVED) != 0)
        return cen__fail(error, CEN_ERROR_FORMAT, "at byte %zu no gzip data begin", *at);
    size_t end = *at + HEADER_SIZE;
    int flags = header[3];
    if ((flags & HAS_EXTRA) != 0)
        end = size - end < 2 ? size + 1 : end + 2 + (size_t)(bytes[end] | bytes[end + 1] << 8);
    if ((flags & HAS_NAME) != 0) end = skip_string(bytes, size, end);
    if ((flags & HAS_COMMENT) != 0) end = skip_string(bytes, size, end);
    if ((flags & HAS_CRC) != 0) end += 2;
    if (end > size)
        return cen__fail(error, CEN_ERROR_FORMAT, "the gzip header at byte %zu is cut short", *at);
    *at = end;
    return CEN_OK;
}

/* Bytes unpacked so far, in memory that grows up to most_size. */
typedef struct output {
    uint8_t *bytes;
    size_t size, capacity, most_size;
} output;

/* Appends one member, from *at to behind its trailer. */
static cen_status unpack_member(cen_context *context, const uint8_t *bytes, size_t size, size_t *at,
                                output *to, cen__inflate *inflate, cen_error *error)
{
    size_t begin = *at, member = to->size;
    cen_status status = skip_header(bytes, size, at, error);
    if (status != CEN_OK) return status;
    cen__inflate_start(inflate);
    inflate->in = bytes + *at;
    inflate->in_end = bytes + size;
    inflate->in_is_last = true;
    inflate->out_at = 0;
    for (;;) {
        inflate->out = to->bytes + member;
        inflate->out_size = (to->capacity < to->most_size ? to->capacity : to->most_size) - member;
        cen__inflate_event event = cen__inflate_run(inflate);
        to->size = member + inflate->out_at;
        if (event == CEN__INFLATE_END) break;
        *at = (size_t)(inflate->in - bytes);
        if (event == CEN__INFLATE_BROKEN)
            return cen__fail(error, CEN_ERROR_FORMAT, "the gzip data are damaged at byte %zu: %s",
                             *at, inflate->reason);
        if (event != CEN__INFLATE_WANTS_OUTPUT)
            return cen__fail(error, CEN_ERROR_FORMAT, "the gzip data are cut short at byte %zu",
                             size);
        if (to->size == to->most_size)
            return cen__fail(error, CEN_ERROR_LIMIT, "the gzip data hold more than %zu bytes",
                             to->most_size);
        if (!cen__grow(context, &to->bytes, &to->capacity, to->size + 1, 1))
            return cen__fail_memory(error, "the unpacked gzip data");
    }
    *at = (size_t)(inflate->in - bytes);
    if (size - *at < TRAILER_SIZE)
        return cen__fail(error, CEN_ERROR_FORMAT, "the gzip data are cut short at byte %zu", size);
    if (cen__le32(bytes + *at) != cen__crc32(0, to->bytes + member, inflate->out_at) ||
        cen__le32(bytes + *at + 4) != (uint32_t)inflate->out_at)
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "the gzip data that begin at byte %zu are damaged: their checksum is wrong", begin);
    *at += TRAILER_SIZE;
    return CEN_OK;
}

cen_status cen__gzip_unpack(cen_context *context, const uint8_t *bytes, size_t size,
                            size_t most_size, uint8_t **out, size_t *out_size, cen_error *error)
{
    *out = NULL;
    *out_size = 0;
    /* The last four bytes say how much there is. That is a first guess, and not believed beyond
     * what DEFLATE can pack: 1032 bytes into one. */
    size_t guess = size < 4 ? 0 : cen__le32(bytes + size - 4);
    if (guess / 1032 > size) guess = size;
    output to = {NULL, 0, guess < most_size ? guess : most_size, most_size};
    cen__inflate *inflate = cen__alloc(context, 1, sizeof *inflate);
    to.bytes = cen__alloc(context, 1, to.capacity);
    cen_status status = CEN_OK;
    if (inflate == NULL || to.bytes == NULL)
        status = cen__fail_memory(error, "the unpacked gzip data");
    size_t at = 0;
    do {
        if (status == CEN_OK)
            status = unpack_member(context, bytes, size, &at, &to, inflate, error);
    } while (status == CEN_OK && at < size);
    cen__free(inflate);
    if (status != CEN_OK) {
        cen__free(to.bytes);
        return status;
    }
    *out = to.bytes;
    *out_size = to.size;
    return CEN_OK;
}
