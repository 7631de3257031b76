/* PNG: the file as it is, and with its CRCs mended, since no luck finds one; and, where it does not begin
 * as a PNG, rows of samples that are packed into a sound one. */
#include "fuzz.h"

#include <string.h>

#include "image/inflate.h"

enum { SIGNATURE_SIZE = 8, MOST_PNG = 1 << 16 };

static const uint8_t signature[SIGNATURE_SIZE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void mend_crcs(uint8_t *bytes, size_t size)
{
    for (size_t at = SIGNATURE_SIZE; size - at >= 12;) {
        size_t length = get32(bytes + at);
        if (length > size - at - 12) return;
        put32(bytes + at + 8 + length, cen__crc32(0, bytes + at + 4, 4 + length));
        at += 12 + length;
    }
}

static void check_mended(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size);
    FUZZ_CHECK(copy != NULL);
    memcpy(copy, bytes, size);
    mend_crcs(copy, size);
    fuzz_image(copy, size);
    free(copy);
}

/* ---- a PNG around rows ---- */

typedef struct {
    uint8_t bytes[MOST_PNG];
    size_t size;
} png;

static void add(png *to, const void *bytes, size_t size)
{
    FUZZ_CHECK(size <= MOST_PNG - to->size);
    memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
}

static void add_chunk(png *to, const char *name, const uint8_t *data, size_t size)
{
    uint8_t number[4];
    size_t begin = to->size;
    put32(number, (uint32_t)size);
    add(to, number, 4);
    add(to, name, 4);
    if (size > 0) add(to, data, size);
    put32(number, cen__crc32(0, to->bytes + begin + 4, 4 + size));
    add(to, number, 4);
}

/* One stored block. */
static void add_rows(png *to, const uint8_t *rows, uint16_t size)
{
    static uint8_t zlib[1 << 16];
    const uint8_t begin[7] = {0x78,
                              1,
                              1,
                              (uint8_t)(size & 255),
                              (uint8_t)(size >> 8),
                              (uint8_t)(~size & 255),
                              (uint8_t)(~size >> 8)};
    memcpy(zlib, begin, sizeof begin);
    memcpy(zlib + sizeof begin, rows, size);
    put32(zlib + sizeof begin + size, cen__adler32(1, rows, size));
    add_chunk(to, "IDAT", zlib, sizeof begin + size + 4u);
}

/* Five bytes of header; a palette; what is left are rows with their filters. */
static void check_rows(const uint8_t *bytes, size_t size)
{
    static const uint8_t kinds[15][2] = {{0, 1}, {0, 2},  {0, 4},  {0, 8}, {0, 16},
                                         {2, 8}, {2, 16}, {3, 1},  {3, 2}, {3, 4},
                                         {3, 8}, {4, 8},  {4, 16}, {6, 8}, {6, 16}};
    enum { HEADER = 5, MOST_ROWS = 60000 };
    static png made;
    if (size < HEADER || size > MOST_ROWS) return;
    const uint8_t *kind = kinds[bytes[0] % 15];
    uint8_t header[13] = {0}, trns_size = bytes[4];
    put32(header, 1u + bytes[1]);
    put32(header + 4, 1u + bytes[2]);
    header[8] = kind[1];
    header[9] = kind[0];
    header[12] = bytes[3] & 1;
    bytes += HEADER;
    size -= HEADER;
    made.size = 0;
    add(&made, signature, sizeof signature);
    add_chunk(&made, "IHDR", header, sizeof header);
    if (kind[0] == 3) add_chunk(&made, "PLTE", bytes, size / 3 < 256 ? size / 3 * 3 : 768);
    if (trns_size > 0 && size >= trns_size) add_chunk(&made, "tRNS", bytes, trns_size);
    add_rows(&made, bytes, (uint16_t)size);
    add_chunk(&made, "IEND", NULL, 0);
    uint8_t *exact = malloc(made.size);
    FUZZ_CHECK(exact != NULL);
    memcpy(exact, made.bytes, made.size);
    fuzz_image(exact, made.size);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < SIGNATURE_SIZE || memcmp(bytes, signature, SIGNATURE_SIZE) != 0) {
        check_rows(bytes, size);
        return 0;
    }
    fuzz_image(bytes, size);
    check_mended(bytes, size);
    return 0;
}
