#include "image/tiff.h"

#include <string.h>

#include "base/memory.h"

/* They are read again for each strip or tile, and those of four components have fewer. */
enum { MOST_JPEG_TABLES = 4096 };

typedef struct {
    uint32_t number;
    const char *name;
} meaning;

static const char *find(const meaning *list, size_t n, uint64_t number)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].number == number) return list[i].name;
    return NULL;
}

#define REFUSE(error, ...) cen__fail(error, CEN_ERROR_UNSUPPORTED, "a TIFF with " __VA_ARGS__)
#define REMEDY " is not supported; convert it to PNG (ImageMagick: magick FILE.tif FILE.png)"

static cen_status check_compression(uint64_t compression, cen_error *error)
{
    static const meaning known[] = {{2, "CCITT compression"},
                                    {3, "CCITT Group 3 compression (fax)"},
                                    {4, "CCITT Group 4 compression (fax)"},
                                    {6, "JPEG compression of the old style"},
                                    {32766, "NeXT compression"},
                                    {32771, "CCITT compression"},
                                    {32809, "ThunderScan compression"},
                                    {33003, "JPEG 2000 compression"},
                                    {33004, "JPEG 2000 compression"},
                                    {33005, "JPEG 2000 compression"},
                                    {34661, "JBIG compression"},
                                    {34676, "SGI Log compression"},
                                    {34677, "SGI Log compression"},
                                    {34712, "JPEG 2000 compression"},
                                    {34887, "LERC compression"},
                                    {34892, "JPEG compression of a raw picture"},
                                    {34925, "LZMA compression"},
                                    {50000, "Zstandard compression"},
                                    {50001, "WebP compression"},
                                    {50002, "JPEG XL compression"},
                                    {52546, "JPEG XL compression"}};
    static const uint32_t read[] = {CEN__TIFF_RAW,     CEN__TIFF_LZW,         CEN__TIFF_JPEG,
                                    CEN__TIFF_DEFLATE, CEN__TIFF_OLD_DEFLATE, CEN__TIFF_PACK_BITS};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (read[i] == compression) return CEN_OK;
    const char *name = find(known, sizeof known / sizeof *known, compression);
    if (name != NULL) return REFUSE(error, "%s" REMEDY, name);
    return REFUSE(error, "compression %llu" REMEDY, (unsigned long long)compression);
}

/* The files of many cameras are TIFFs whose first picture is a preview, if it is one that is read. */
static cen_status check_camera(const cen__tiff *tiff, cen_error *error)
{
    if (tiff->fields[CEN__TIFF_DNG_VERSION].count > 0 ||
        (tiff->size > 9 && memcmp(tiff->bytes + 8, "CR", 2) == 0))
        return REFUSE(error, "the raw picture of a camera" REMEDY);
    if ((cen__tiff_value(tiff, CEN__TIFF_SUBFILE, 0, 0) & 1) != 0 &&
        tiff->fields[CEN__TIFF_SUB_DIRECTORIES].count > 0)
        return REFUSE(error, "a preview first, as of the raw picture of a camera," REMEDY);
    return CEN_OK;
}

static cen_status check_photometric(const cen__tiff *tiff, uint64_t photometric, cen_error *error)
{
    static const meaning known[] = {{4, "a transparency mask"},
                                    {8, "CIE L*a*b* colours"},
                                    {9, "CIE L*a*b* colours"},
                                    {10, "CIE L*a*b* colours"},
                                    {32803, "the raw samples of a camera (CFA)"},
                                    {32844, "CIE Log L colours"},
                                    {32845, "CIE Log Luv colours"},
                                    {34892, "the raw samples of a camera"}};
    if (photometric == CEN__TIFF_YCC && tiff->n_samples > 1 &&
        cen__tiff_value(tiff, CEN__TIFF_COMPRESSION, 0, 1) != CEN__TIFF_JPEG)
        return REFUSE(error, "YCbCr colours that are not JPEG" REMEDY);
    if (photometric <= CEN__TIFF_PALETTE || photometric == CEN__TIFF_CMYK ||
        photometric == CEN__TIFF_YCC)
        return CEN_OK;
    const char *name = find(known, sizeof known / sizeof *known, photometric);
    if (name != NULL) return REFUSE(error, "%s" REMEDY, name);
    return REFUSE(error, "photometric interpretation %llu" REMEDY, (unsigned long long)photometric);
}

/* How many extra samples there are must be written down, or else they may be pages or bands; but RGB with one more has
 * long been RGBA. */
static cen_status check_samples(const cen__tiff *tiff, cen_error *error)
{
    const size_t n_extra = tiff->fields[CEN__TIFF_EXTRA_SAMPLES].count;
    if (tiff->n_samples == tiff->n_colors + n_extra) return CEN_OK;
    if (tiff->has_alpha && n_extra == 0) return CEN_OK;
    return REFUSE(
        error, "%zu samples a pixel, of which %zu are colours and %zu are marked as extra," REMEDY,
        tiff->n_samples, tiff->n_colors, n_extra);
}

/* Bits and format of the samples, which must be one for all. */
static cen_status read_sample_kind(cen__tiff *tiff, cen_error *error)
{
    const uint64_t bits = cen__tiff_value(tiff, CEN__TIFF_BITS, 0, 1),
                   format = cen__tiff_value(tiff, CEN__TIFF_SAMPLE_FORMAT, 0, 1);
    for (size_t i = 1; i < tiff->n_samples; i++) {
        if (cen__tiff_value(tiff, CEN__TIFF_BITS, i, bits) != bits ||
            cen__tiff_value(tiff, CEN__TIFF_SAMPLE_FORMAT, i, format) != format)
            return REFUSE(error, "samples of several sizes" REMEDY);
    }
    tiff->bits = bits <= 64 ? (unsigned)bits : 0;
    tiff->is_float = format == 3;
    if (format == 2) return REFUSE(error, "signed samples" REMEDY);
    if (format > 4)
        return REFUSE(error, "samples of format %llu" REMEDY, (unsigned long long)format);
    const uint64_t most = tiff->is_float ? 32 : tiff->photometric == CEN__TIFF_PALETTE ? 8 : 16;
    const uint64_t least = tiff->is_float ? 32 : 1;
    if (bits < least || bits > most || (tiff->is_float && tiff->photometric > CEN__TIFF_RGB))
        return REFUSE(error, "%s of %llu bits" REMEDY,
                      tiff->photometric == CEN__TIFF_PALETTE ? "indices"
                      : tiff->is_float                       ? "floats"
                                                             : "samples",
                      (unsigned long long)bits);
    return CEN_OK;
}

static cen_status check_predictor(const cen__tiff *tiff, cen_error *error)
{
    const bool has_one = tiff->compression == CEN__TIFF_LZW ||
                         tiff->compression == CEN__TIFF_DEFLATE ||
                         tiff->compression == CEN__TIFF_OLD_DEFLATE;
    if (tiff->predictor == 1 || !has_one) return CEN_OK;
    if (tiff->predictor == 2 && (tiff->bits == 8 || tiff->bits == 16 || tiff->bits == 32))
        return CEN_OK;
    if (tiff->predictor == 3 && tiff->is_float) return CEN_OK;
    return REFUSE(error, "predictor %u for samples of %u bits" REMEDY, tiff->predictor, tiff->bits);
}

static cen_status check_jpeg(const cen__tiff *tiff, cen_error *error)
{
    if (tiff->compression != CEN__TIFF_JPEG) return CEN_OK;
    if (tiff->bits != 8)
        return REFUSE(error, "JPEG compression of samples of %u bits" REMEDY, tiff->bits);
    if (tiff->photometric == CEN__TIFF_YCC && tiff->n_samples > 1 && tiff->plane_samples != 3)
        return REFUSE(error, "JPEG compression of YCbCr %s" REMEDY,
                      tiff->is_planar ? "planes" : "with alpha");
    if (tiff->fields[CEN__TIFF_JPEG_TABLES].count > MOST_JPEG_TABLES)
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "the TIFF has JPEG tables of %zu bytes, of at most %d; save it again",
                         tiff->fields[CEN__TIFF_JPEG_TABLES].count, MOST_JPEG_TABLES);
    if (tiff->plane_samples == 1 || tiff->plane_samples == 3 || tiff->plane_samples == 4)
        return CEN_OK;
    return REFUSE(error, "JPEG compression of %zu samples a pixel" REMEDY, tiff->plane_samples);
}

/* Colors of 16 bits, all reds first. */
static cen_status read_palette(cen__tiff *tiff, cen_error *error)
{
    if (tiff->photometric != CEN__TIFF_PALETTE) return CEN_OK;
    const size_t n = (size_t)1 << tiff->bits; /* of indices: of 8 bits at most */
    if (tiff->fields[CEN__TIFF_COLOR_MAP].count < 3 * n)
        return cen__fail(error, CEN_ERROR_FORMAT, "the TIFF lacks the %zu colours of its palette",
                         n);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            tiff->palette[i][c] =
                (uint8_t)(cen__tiff_value(tiff, CEN__TIFF_COLOR_MAP, c * n + i, 0) >> 8);
    return CEN_OK;
}

static cen_status read_segments(cen__tiff *tiff, cen_error *error)
{
    tiff->is_tiled = tiff->fields[CEN__TIFF_STRIP_OFFSETS].count == 0 &&
                     tiff->fields[CEN__TIFF_TILE_WIDTH].count > 0;
    uint64_t width = tiff->width,
             rows = cen__tiff_value(tiff, CEN__TIFF_STRIP_ROWS, 0, tiff->height);
    if (tiff->is_tiled) {
        width = cen__tiff_value(tiff, CEN__TIFF_TILE_WIDTH, 0, 0);
        rows = cen__tiff_value(tiff, CEN__TIFF_TILE_HEIGHT, 0, 0);
    }
    if (width == 0 || rows == 0 || width > UINT32_MAX)
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the TIFF has strips or tiles of %llu x %llu pixels",
                         (unsigned long long)width, (unsigned long long)rows);
    tiff->segment_width = (size_t)width;
    tiff->segment_rows = rows < tiff->height ? (size_t)rows : tiff->height;
    tiff->jpeg_rows = tiff->is_tiled && rows < UINT16_MAX ? (size_t)rows : tiff->segment_rows;
    tiff->across = (tiff->width - 1) / tiff->segment_width + 1;
    tiff->down = (tiff->height - 1) / tiff->segment_rows + 1;
    const uint64_t row_size = (width * tiff->plane_samples * tiff->bits + 7) / 8;
    if (row_size > UINT32_MAX)
        return cen__fail(error, CEN_ERROR_LIMIT, "the rows of the TIFF have more than 2^32 bytes");
    tiff->row_size = (size_t)row_size;
    return CEN_OK;
}

static cen__tiff_tag offsets_of(const cen__tiff *tiff)
{
    return tiff->is_tiled ? CEN__TIFF_TILE_OFFSETS : CEN__TIFF_STRIP_OFFSETS;
}

cen_status cen__tiff_segment(const cen__tiff *tiff, size_t index, const uint8_t **bytes,
                             size_t *size, cen_error *error)
{
    const cen__tiff_tag counts = tiff->is_tiled ? CEN__TIFF_TILE_BYTES : CEN__TIFF_STRIP_BYTES;
    const uint64_t at = cen__tiff_value(tiff, offsets_of(tiff), index, 0);
    if (at >= tiff->size)
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s %zu of the TIFF should begin at byte %llu, but the file ends at byte "
                         "%zu; get the whole file",
                         tiff->is_tiled ? "tile" : "strip", index, (unsigned long long)at,
                         tiff->size);
    const size_t there = tiff->size - (size_t)at;
    const uint64_t count = cen__tiff_value(tiff, counts, index, there);
    *bytes = tiff->bytes + at;
    /* Without compression the picture says how many. */
    *size = count < there && tiff->compression != CEN__TIFF_RAW ? (size_t)count : there;
    return CEN_OK;
}

/* Asked before memory is taken: what all segments need of the file is there, and no byte is read again and again. */
static cen_status check_bytes(const cen__tiff *tiff, cen_error *error)
{
    static const char *const name[] = {"strips", "tiles"};
    /* The most that a byte of it can become. In JPEG a block of 64 samples is two bits at least, of which some are
     * repeated. */
    const uint64_t ratio = tiff->compression == CEN__TIFF_RAW         ? 1
                           : tiff->compression == CEN__TIFF_LZW       ? 2731
                           : tiff->compression == CEN__TIFF_PACK_BITS ? 64
                           : tiff->compression == CEN__TIFF_JPEG      ? 1024
                                                                      : 1032;
    const size_t plane = tiff->across * tiff->down, n = plane * tiff->n_planes;
    const size_t there = tiff->fields[offsets_of(tiff)].count;
    if (there / tiff->n_planes < plane)
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "the TIFF names %zu %s, fewer than its picture needs", there,
                         name[tiff->is_tiled]);
    uint64_t n_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *bytes = NULL;
        size_t size = 0, row = i % plane / tiff->across * tiff->segment_rows;
        const size_t rows =
            tiff->height - row < tiff->segment_rows ? tiff->height - row : tiff->segment_rows;
        cen_status status = cen__tiff_segment(tiff, i, &bytes, &size, error);
        if (status != CEN_OK) return status;
        const uint64_t needed = (uint64_t)rows * tiff->row_size / ratio;
        if (size < needed)
            return cen__fail(
                error, CEN_ERROR_FORMAT,
                "the %s of the TIFF at byte %zu have %zu bytes, too few for their pixels; get "
                "the whole file",
                name[tiff->is_tiled], (size_t)(bytes - tiff->bytes), size);
        n_bytes += tiff->compression == CEN__TIFF_RAW ? needed : size;
    }
    if (n_bytes / 2 <= tiff->size) return CEN_OK;
    return cen__fail(
        error, CEN_ERROR_FORMAT,
        "the %s of the TIFF name %llu bytes of its %zu: they lie one over the other; save it again",
        name[tiff->is_tiled], (unsigned long long)n_bytes, tiff->size);
}

cen_status cen__tiff_read_layout(cen__tiff *tiff, cen_error *error)
{
    const uint64_t compression = cen__tiff_value(tiff, CEN__TIFF_COMPRESSION, 0, CEN__TIFF_RAW),
                   photometric = cen__tiff_value(tiff, CEN__TIFF_PHOTOMETRIC, 0, 0),
                   predictor = cen__tiff_value(tiff, CEN__TIFF_PREDICTOR, 0, 1);
    cen_status status = cen__tiff_check_values(tiff, error);
    if (status == CEN_OK) status = check_camera(tiff, error);
    if (status == CEN_OK) status = check_compression(compression, error);
    if (status == CEN_OK) status = check_photometric(tiff, photometric, error);
    if (status == CEN_OK) status = check_samples(tiff, error);
    if (status != CEN_OK) return status;
    tiff->compression = (unsigned)compression;
    tiff->photometric = (unsigned)photometric;
    tiff->predictor = predictor <= UINT16_MAX ? (unsigned)predictor : UINT16_MAX;
    tiff->is_reversed = cen__tiff_value(tiff, CEN__TIFF_FILL_ORDER, 0, 1) == 2;
    tiff->is_planar = tiff->n_samples > 1 && cen__tiff_value(tiff, CEN__TIFF_PLANAR, 0, 1) == 2;
    tiff->n_planes = tiff->is_planar ? tiff->n_samples : 1;
    tiff->plane_samples = tiff->is_planar ? 1 : tiff->n_samples;
    status = read_sample_kind(tiff, error);
    if (status == CEN_OK) status = check_predictor(tiff, error);
    if (status == CEN_OK) status = check_jpeg(tiff, error);
    if (status == CEN_OK) status = read_palette(tiff, error);
    if (status == CEN_OK) status = read_segments(tiff, error);
    return status == CEN_OK ? check_bytes(tiff, error) : status;
}
