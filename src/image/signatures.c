/* Kinds of images that are known by their first bytes but not read, so that an error names them. */
#include "image/decoders.h"

#include <string.h>

#include "base/bytes.h"

typedef struct {
    const char *name;
    size_t offset, size;
    const char *bytes;
    const char *converter; /* NULL: ImageMagick */
} signature;

static const signature signatures[] = {
    {"AVIF", 4, 8, "ftypavif", "avifdec"},
    {"AVIF", 4, 8, "ftypavis", "avifdec"},
    {"HEIC", 4, 8, "ftypheic", "heif-convert"},
    {"HEIC", 4, 8, "ftypheix", "heif-convert"},
    {"HEIC", 4, 8, "ftyphevc", "heif-convert"},
    {"HEIC", 4, 8, "ftypheim", "heif-convert"},
    {"HEIC", 4, 8, "ftypheis", "heif-convert"},
    {"HEIF", 4, 8, "ftypmif1", "heif-convert"},
    {"HEIF", 4, 8, "ftypmsf1", "heif-convert"},
    {"HEIC", 4, 8, "ftyphevx", "heif-convert"},
    {"HEIC", 4, 8, "ftyphevm", "heif-convert"},
    {"HEIC", 4, 8, "ftyphevs", "heif-convert"},
    {"Canon's raw CR3", 4, 8, "ftypcrx ", NULL},
    {"Fujifilm's raw RAF", 0, 15, "FUJIFILMCCD-RAW", NULL},
    {"Olympus's raw ORF", 0, 4, "IIRO", NULL},
    {"Olympus's raw ORF", 0, 4, "IIRS", NULL},
    {"Olympus's raw ORF", 0, 4, "MMOR", NULL},
    {"Panasonic's raw RW2", 0, 4, "IIU\0", NULL},
    {"Sigma's raw X3F", 0, 4, "FOVb", NULL},
    {"JPEG 2000", 0, 12, "\0\0\0\x0cjP  \r\n\x87\n", "opj_decompress"},
    {"JPEG 2000", 0, 4, "\xff\x4f\xff\x51", "opj_decompress"},
    {"JPEG XL", 0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "djxl"},
    {"JPEG XL", 0, 2, "\xff\x0a", "djxl"},
    {"Photoshop's PSD", 0, 4, "8BPS", NULL},
    {"GIMP's XCF", 0, 9, "gimp xcf ", NULL},
    {"JPEG XR", 0, 3, "II\xbc", NULL},
    {"DICOM", 128, 4, "DICM", NULL},
    {"QOI", 0, 4, "qoif", NULL},
    {"PAM (P7)", 0, 3, "P7\n", NULL},
    {"PFM", 0, 3, "PF\n", NULL},
    {"PFM", 0, 3, "Pf\n", NULL},
    {"OpenEXR", 0, 4, "\x76\x2f\x31\x01", NULL},
    {"Radiance HDR", 0, 10, "#?RADIANCE", NULL},
    {"DDS", 0, 8, "DDS \x7c\0\0\0", NULL},
    {"MNG", 0, 8, "\x8aMNG\r\n\x1a\n", NULL},
    {"JNG", 0, 8, "\x8bJNG\r\n\x1a\n", NULL},
    {"FITS", 0, 9, "SIMPLE  =", NULL},
    {"DjVu", 0, 8, "AT&TFORM", NULL},
    {"FLIF", 0, 4, "FLIF", NULL},
    {"BPG", 0, 4, "BPG\xfb", NULL},
    {"farbfeld", 0, 8, "farbfeld", NULL},
    {"Sun raster", 0, 4, "\x59\xa6\x6a\x95", NULL},
    {"PCX", 0, 3, "\x0a\x05\x01", NULL},
    {"XPM", 0, 9, "/* XPM */", NULL},
};

/* What people find in folders of pictures under a picture's name. */
static const signature others[] = {
    {"a PDF document", 0, 5, "%PDF-", NULL},
    {"PostScript", 0, 4, "%!PS", NULL},
    {"a ZIP archive", 0, 4, "PK\3\4", NULL},
    {"a RAR archive", 0, 4, "Rar!", NULL},
    {"gzip data", 0, 3, "\x1f\x8b\x08", NULL},
    {"a video (MP4 or QuickTime)", 4, 4, "ftyp", NULL},
    {"a video (QuickTime)", 4, 4, "moov", NULL},
    {"a video (Matroska or WebM)", 0, 4, "\x1a\x45\xdf\xa3", NULL},
    {"a video (AVI)", 8, 4, "AVI ", NULL},
    {"sound (WAVE)", 8, 4, "WAVE", NULL},
    {"a Git LFS pointer", 0, 12, "version http", NULL},
};

static const signature *find(const signature *list, size_t n, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        const signature *s = &list[i];
        if (size < s->offset + s->size) continue;
        if (memcmp(bytes + s->offset, s->bytes, s->size) == 0) return s;
    }
    return NULL;
}

/* ICO and CUR have no more of a signature than four bytes that begin a TGA, too: the first picture has
 * to lie behind the list of all. */
static const char *icon_name(const uint8_t *bytes, size_t size)
{
    if (size < 22 || bytes[0] != 0 || bytes[1] != 0 || bytes[3] != 0) return NULL;
    if (bytes[2] != 1 && bytes[2] != 2) return NULL;
    size_t n = cen__le16(bytes + 4), at = cen__le32(bytes + 18);
    if (n == 0 || at < 6 + 16 * n) return NULL;
    return bytes[2] == 1 ? "ICO" : "CUR";
}

/* TGA has no signature at all, but a header of which each field must be possible. */
static bool is_tga(const uint8_t *bytes, size_t size)
{
    if (size < 18 || bytes[1] > 1 || (bytes[17] & 0xc0) != 0 || (bytes[17] & 15) > 8) return false;
    unsigned kind = bytes[2] & 0xf7u, bits = bytes[16]; /* 8 is run lengths */
    bool has_map = bytes[1] == 1;
    static const uint8_t none[5] = {0};
    if (cen__le16(bytes + 12) == 0 || cen__le16(bytes + 14) == 0) return false;
    if (!has_map && memcmp(bytes + 3, none, 5) != 0) return false;
    if (has_map && (cen__le16(bytes + 5) == 0 || bytes[7] < 15 || bytes[7] > 32)) return false;
    if (kind == 1) return has_map && (bits == 8 || bits == 16);
    if (kind == 2) return bits == 15 || bits == 16 || bits == 24 || bits == 32;
    return kind == 3 && (bits == 8 || bits == 16);
}

const char *cen__image_unsupported(const uint8_t *bytes, size_t size, const char **converter)
{
    *converter = "ImageMagick's magick";
    const signature *s = find(signatures, sizeof signatures / sizeof signatures[0], bytes, size);
    if (s != NULL && s->converter != NULL) *converter = s->converter;
    if (s != NULL) return s->name;
    const char *name = icon_name(bytes, size);
    return name == NULL && is_tga(bytes, size) ? "TGA" : name;
}

/* Whether a text begins with a word in small letters, in any case. */
static bool begins(const uint8_t *text, size_t size, const char *word)
{
    for (; *word != '\0'; word++, text++, size--) {
        if (size == 0) return false;
        uint8_t c = *text >= 'A' && *text <= 'Z' ? (uint8_t)(*text | 32) : *text;
        if (c != (uint8_t)*word) return false;
    }
    return true;
}

const char *cen__image_other(const uint8_t *bytes, size_t size)
{
    const signature *s = find(others, sizeof others / sizeof others[0], bytes, size);
    if (s != NULL) return s->name;
    if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3;
        size -= 3;
    }
    while (size > 0 && (*bytes == ' ' || (*bytes >= '\t' && *bytes <= '\r'))) {
        bytes++;
        size--;
    }
    if (begins(bytes, size, "<!doctype html") || begins(bytes, size, "<html"))
        return "a web page (HTML)";
    if (begins(bytes, size, "<svg")) return "a drawing (SVG)";
    return begins(bytes, size, "<?xml") ? "XML, perhaps a drawing (SVG)" : NULL;
}
