/* EXIF orientation: the one tag of a JPEG's, PNG's or WebP's metadata that changes pixels. It is looked for
 * where Pillow's exif_transpose does: in EXIF, and in XMP if EXIF does not have it. */
#include "image/decoders.h"

#include <string.h>

#include "base/bytes.h"
#include "image/inflate.h"

enum { NONE = 0 }; /* no orientation is there */
enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_SIZE = 12 };

static uint32_t number16(const uint8_t *p, bool big)
{
    return big ? cen__be16(p) : cen__le16(p);
}

static uint32_t number32(const uint8_t *p, bool big)
{
    return big ? cen__be32(p) : cen__le32(p);
}

/* The first directory of a TIFF header. Offsets come from the file: each is checked before use. */
static int tiff_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8) return NONE;
    bool big = memcmp(tiff, "MM\0*", 4) == 0;
    if (!big && memcmp(tiff, "II*\0", 4) != 0) return NONE;
    size_t directory = number32(tiff + 4, big);
    if (directory > size - 2) return NONE;
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
    return NONE;
}

/* As Pillow finds it in XMP: the digit after the first tiff:Orientation=" or tiff:Orientation>. */
static int xmp_orientation(const uint8_t *text, size_t size)
{
    static const char name[] = "tiff:Orientation";
    const size_t length = sizeof name - 1;
    for (size_t at = 0; at + length + 2 <= size; at++) {
        const uint8_t *found = memchr(text + at, 't', size - at - length - 1);
        if (found == NULL) break;
        at = (size_t)(found - text);
        if (memcmp(found, name, length) != 0) continue;
        size_t digit = at + length + (found[length] == '=' ? 2 : 1);
        bool opens = found[length] == '>' || (found[length] == '=' && found[length + 1] == '"');
        if (!opens || digit >= size || text[digit] < '0' || text[digit] > '9') continue;
        return text[digit] - '0';
    }
    return NONE;
}

/* A TIFF header, before which its name in a JPEG may stand. */
static int exif_orientation(const uint8_t *exif, size_t size)
{
    if (size >= 6 && memcmp(exif, "Exif\0\0", 6) == 0) return tiff_orientation(exif + 6, size - 6);
    return tiff_orientation(exif, size);
}

/* ---- JPEG -------------------------------------------------------------------------------------- */

/* The first EXIF segment decides, and XMP if it has no orientation. */
static int jpeg_orientation(const uint8_t *bytes, size_t size)
{
    static const char xmp_name[] = "http://ns.adobe.com/xap/1.0/"; /* and its zero */
    int exif = NONE, xmp = NONE;
    bool has_exif = false;
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
        if (marker == 0xd9 || marker == 0xda) break;
        size_t segment = (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (segment < 2 || segment > size - at - 2) break;
        const uint8_t *data = bytes + at + 4;
        size_t n = segment - 2;
        if (marker == 0xe1 && !has_exif && n >= 6 && memcmp(data, "Exif\0", 5) == 0) {
            exif = tiff_orientation(data + 6, n - 6);
            has_exif = true;
        } else if (marker == 0xe1 && n >= sizeof xmp_name &&
                   memcmp(data, xmp_name, sizeof xmp_name) == 0) {
            xmp = xmp_orientation(data + sizeof xmp_name, n - sizeof xmp_name);
        }
        at += 2 + segment;
    }
    return exif != NONE ? exif : xmp;
}

/* ---- PNG --------------------------------------------------------------------------------------- */

enum { TEXT_MOST = 1 << 14 }; /* unpacked of a text: the first directory comes early */

/* What follows the keyword of a text chunk and its zero, NULL for another keyword. */
static const uint8_t *text_of(const uint8_t *data, size_t *size, const char *keyword)
{
    size_t length = strlen(keyword) + 1;
    if (*size < length || memcmp(data, keyword, length) != 0) return NULL;
    *size -= length;
    return data + length;
}

/* The text of a zTXt chunk, as far as TEXT_MOST. Returns its size. */
static size_t unpack_text(const uint8_t *packed, size_t size, uint8_t *text)
{
    cen__inflate inflate;
    if (size < 3 || packed[0] != 0) return 0;
    cen__inflate_start(&inflate);
    inflate.in = packed + 3; /* the method and zlib's two bytes */
    inflate.in_end = packed + size;
    inflate.in_is_last = true;
    inflate.out = text;
    inflate.out_at = 0;
    inflate.out_size = TEXT_MOST;
    (void)cen__inflate_run(&inflate);
    return inflate.out_at;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ImageMagick's form: a line feed, "exif", the number of bytes, and the bytes in hexadecimal. */
static int profile_orientation(const uint8_t *text, size_t size)
{
    uint8_t bytes[TEXT_MOST / 2];
    size_t at = 0, n = 0;
    for (int lines = 0; lines < 3; lines++) {
        const uint8_t *end = at < size ? memchr(text + at, '\n', size - at) : NULL;
        if (end == NULL) return NONE;
        at = (size_t)(end - text) + 1;
    }
    for (int high = -1; at < size && n < sizeof bytes; at++) {
        int digit = hex_digit(text[at]);
        if (digit < 0 && text[at] != '\n') break;
        if (digit < 0) continue;
        if (high >= 0) bytes[n++] = (uint8_t)(high << 4 | digit);
        high = high >= 0 ? -1 : digit;
    }
    return exif_orientation(bytes, n);
}

/* Of a tEXt or zTXt chunk; *seen if it holds an EXIF profile. */
static int text_orientation(const uint8_t *data, size_t size, bool packed, bool *seen)
{
    static const char *const keywords[] = {"Raw profile type exif", "Raw profile type APP1"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = size;
        const uint8_t *text = text_of(data, &n, keywords[i]);
        if (text == NULL) continue;
        *seen = true;
        if (!packed) return profile_orientation(text, n);
        uint8_t unpacked[TEXT_MOST];
        n = unpack_text(text, n, unpacked);
        return profile_orientation(unpacked, n);
    }
    return NONE;
}

static int itxt_orientation(const uint8_t *data, size_t size)
{
    const uint8_t *text = text_of(data, &size, "XML:com.adobe.xmp");
    return text == NULL ? NONE : xmp_orientation(text, size);
}

/* eXIf decides, then a profile in a text, then XMP. Only the first profile is unpacked. */
static int png_orientation(const uint8_t *bytes, size_t size)
{
    int profile = NONE, xmp = NONE;
    bool has_profile = false;
    size_t at = 8;
    while (size - at >= 12) {
        size_t length = cen__be32(bytes + at);
        const uint8_t *name = bytes + at + 4, *data = bytes + at + 8;
        if (length > size - at - 12 || memcmp(name, "IEND", 4) == 0) break;
        if (memcmp(name, "eXIf", 4) == 0) {
            int exif = exif_orientation(data, length);
            if (exif != NONE) return exif;
        }
        bool packed = memcmp(name, "zTXt", 4) == 0;
        if (!has_profile && (packed || memcmp(name, "tEXt", 4) == 0))
            profile = text_orientation(data, length, packed, &has_profile);
        if (xmp == NONE && memcmp(name, "iTXt", 4) == 0) xmp = itxt_orientation(data, length);
        at += 12 + length;
    }
    return profile != NONE ? profile : xmp;
}

/* ---- WebP -------------------------------------------------------------------------------------- */

enum { RIFF_HEADER = 12, VP8X_FLAGS = 20, HAS_EXIF = 8, HAS_XMP = 4 };

/* As in libwebp, the first chunk of each, if chunk VP8X says that it is there. */
static int webp_orientation(const uint8_t *bytes, size_t size)
{
    int exif = NONE, xmp = NONE;
    if (size <= VP8X_FLAGS || memcmp(bytes + RIFF_HEADER, "VP8X", 4) != 0) return NONE;
    bool wants_exif = (bytes[VP8X_FLAGS] & HAS_EXIF) != 0;
    bool wants_xmp = (bytes[VP8X_FLAGS] & HAS_XMP) != 0;
    for (size_t at = RIFF_HEADER; size - at >= 8;) {
        const uint8_t *name = bytes + at, *data = name + 8;
        size_t length = number32(name + 4, false);
        if (length > size - at - 8) break;
        if (wants_exif && memcmp(name, "EXIF", 4) == 0) {
            exif = exif_orientation(data, length);
            wants_exif = false;
        } else if (wants_xmp && memcmp(name, "XMP ", 4) == 0) {
            xmp = xmp_orientation(data, length);
            wants_xmp = false;
        }
        at += 8 + length;
        if (length % 2 == 1 && at < size) at++;
    }
    return exif != NONE ? exif : xmp;
}

int cen__exif_orientation(const uint8_t *bytes, size_t size)
{
    int orientation = NONE;
    if (size >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8)
        orientation = jpeg_orientation(bytes, size);
    else if (size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        orientation = png_orientation(bytes, size);
    else if (cen__tiff_kind.matches(bytes, size))
        orientation = cen__tiff_orientation(bytes, size);
    else if (size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0)
        orientation = webp_orientation(bytes, size);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
