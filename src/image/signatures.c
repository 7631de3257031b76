/* Kinds of images that are known by their first bytes but not read, so that an error names them. */
#include "image/decoders.h"

#include <string.h>

typedef struct {
    const char *name;
    size_t offset, size;
    const char *bytes;
} signature;

static const signature signatures[] = {
    {"WebP", 8, 4, "WEBP"},
    {"GIF", 0, 4, "GIF8"},
    {"TIFF", 0, 4, "II*\0"},
    {"TIFF", 0, 4, "MM\0*"},
    {"BigTIFF", 0, 4, "II+\0"},
    {"BigTIFF", 0, 4, "MM\0+"},
    {"AVIF", 4, 8, "ftypavif"},
    {"AVIF", 4, 8, "ftypavis"},
    {"HEIC", 4, 8, "ftypheic"},
    {"HEIC", 4, 8, "ftypheix"},
    {"HEIC", 4, 8, "ftyphevc"},
    {"HEIC", 4, 8, "ftypheim"},
    {"HEIC", 4, 8, "ftypheis"},
    {"HEIF", 4, 8, "ftypmif1"},
    {"HEIF", 4, 8, "ftypmsf1"},
    {"JPEG 2000", 0, 12, "\0\0\0\x0cjP  \r\n\x87\n"},
    {"JPEG 2000", 0, 4, "\xff\x4f\xff\x51"},
    {"JPEG XL", 0, 12, "\0\0\0\x0cJXL \r\n\x87\n"},
    {"JPEG XL", 0, 2, "\xff\x0a"},
    {"Photoshop's PSD", 0, 4, "8BPS"},
    {"GIMP's XCF", 0, 9, "gimp xcf "},
    {"ICO", 0, 4, "\0\0\1\0"},
    {"CUR", 0, 4, "\0\0\2\0"},
    {"QOI", 0, 4, "qoif"},
    {"PAM (P7)", 0, 3, "P7\n"},
    {"PFM", 0, 3, "PF\n"},
    {"PFM", 0, 3, "Pf\n"},
    {"OpenEXR", 0, 4, "\x76\x2f\x31\x01"},
    {"Radiance HDR", 0, 10, "#?RADIANCE"},
    {"DDS", 0, 8, "DDS \x7c\0\0\0"},
    {"MNG", 0, 8, "\x8aMNG\r\n\x1a\n"},
    {"JNG", 0, 8, "\x8bJNG\r\n\x1a\n"},
    {"FITS", 0, 9, "SIMPLE  ="},
    {"DjVu", 0, 8, "AT&TFORM"},
    {"FLIF", 0, 4, "FLIF"},
    {"BPG", 0, 4, "BPG\xfb"},
    {"farbfeld", 0, 8, "farbfeld"},
    {"Sun raster", 0, 4, "\x59\xa6\x6a\x95"},
    {"PCX", 0, 3, "\x0a\x05\x01"},
    {"XPM", 0, 9, "/* XPM */"},
};

const char *cen__image_unsupported(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof signatures / sizeof signatures[0]; i++) {
        const signature *s = &signatures[i];
        if (size < s->offset + s->size) continue;
        if (memcmp(bytes + s->offset, s->bytes, s->size) == 0) return s->name;
    }
    return NULL;
}
