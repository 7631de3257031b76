/* EXIF orientation: the one tag of a JPEG's or PNG's metadata that changes pixels. */
#include "image/decoders.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_SIZE = 12 };

static uint32_t big32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t number16(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t number32(const uint8_t *p, bool big)
{
    return big ? number16(p, big) << 16 | number16(p + 2, big)
               : number16(p + 2, big) << 16 | number16(p, big);
}

/* The first directory of a TIFF header. Offsets come from the file: each is checked before use. */
static int tiff_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8) return 1;
    bool big = memcmp(tiff, "MM\0*", 4) == 0;
    if (!big && memcmp(tiff, "II*\0", 4) != 0) return 1;
    size_t directory = number32(tiff + 4, big);
    if (directory > size - 2) return 1;
    size_t n_entries = number16(tiff + directory, big), at = directory + 2;
    for (size_t i = 0; i < n_entries && size - at >= ENTRY_SIZE; i++, at += ENTRY_SIZE) {
        const uint8_t *entry = tiff + at;
        if (number16(entry, big) != TAG_ORIENTATION) continue;
        uint32_t type = number16(entry + 2, big), value = 0;
        if (number32(entry + 4, big) != 1) return 1;
        if (type == TYPE_SHORT) value = number16(entry + 8, big);
        if (type == TYPE_LONG) value = number32(entry + 8, big);
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static int jpeg_orientation(const uint8_t *bytes, size_t size)
{
    size_t at = 2;
    while (size - at >= 4) {
        if (bytes[at] != 0xff) {
            at++; /* junk between segments, which decoders skip too */
            continue;
        }
        unsigned marker = bytes[at + 1];
        if (marker == 0xff) {
            at++;
            continue;
        }
        if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8)) {
            at += 2;
            continue;
        }
        if (marker == 0xd9 || marker == 0xda) return 1;
        size_t segment = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (segment < 2 || segment > size - at - 2) return 1;
        if (marker == 0xe1 && segment >= 8 && memcmp(bytes + at + 4, "Exif\0", 5) == 0) {
            return tiff_orientation(bytes + at + 10, segment - 8);
        }
        at += 2 + segment;
    }
    return 1;
}

static int png_orientation(const uint8_t *bytes, size_t size)
{
    size_t at = 8;
    while (size - at >= 12) {
        size_t length = big32(bytes + at);
        if (length > size - at - 12) return 1;
        if (memcmp(bytes + at + 4, "eXIf", 4) == 0) {
            return tiff_orientation(bytes + at + 8, length);
        }
        if (memcmp(bytes + at + 4, "IEND", 4) == 0) return 1;
        at += 12 + length;
    }
    return 1;
}

int cen__exif_orientation(const uint8_t *bytes, size_t size)
{
    if (size >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8) return jpeg_orientation(bytes, size);
    if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0) {
        return png_orientation(bytes, size);
    }
    return 1;
}
