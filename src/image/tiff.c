#include "image/tiff.h"

#include "base/memory.h"
#include "image/decoders.h"
#include "image/jpeg.h"

/* What a decoding holds. */
typedef struct {
    cen_context *context;
    const cen_image_options *options;
    cen__tiff tiff;
    cen__tiff_unpacker *unpacker;
    uint8_t *rows;                           /* of a segment, plane after plane, if it is packed */
    uint8_t *scratch;                        /* two rows: as they are packed, and as bytes */
    cen_image parts[CEN__TIFF_MOST_SAMPLES]; /* of JPEG: a segment of each plane */
    uint64_t jpeg_most; /* bytes that decoding one may take beside its pixels */
    const char *warning;
} decoder;

static bool is_jpeg(const decoder *d)
{
    return d->tiff.compression == CEN__TIFF_JPEG;
}

/* Rows as they are in the file are not copied. */
static bool is_in_place(const decoder *d)
{
    return d->tiff.compression == CEN__TIFF_RAW && !d->tiff.is_reversed;
}

/* Memory for a segment has to be in proportion to the picture: a tile may be far larger. */
static cen_status take_memory(decoder *d, cen_error *error)
{
    const cen__tiff *tiff = &d->tiff;
    const uint64_t most =
        ((uint64_t)600 << 10) + 12 * ((uint64_t)tiff->width + 32) * (tiff->height + 32);
    const uint64_t plane = (uint64_t)tiff->row_size * tiff->segment_rows;
    uint64_t needed = tiff->n_planes * plane;
    if (is_jpeg(d)) needed = tiff->n_planes * (uint64_t)tiff->row_size * tiff->jpeg_rows;
    if (is_in_place(d)) needed = 0;
    const uint64_t row = (uint64_t)tiff->row_size + (uint64_t)tiff->segment_width * tiff->n_samples;
    if (plane > UINT32_MAX || row > UINT32_MAX || needed + row > most)
        return cen__fail(
            error, CEN_ERROR_LIMIT,
            "a strip or tile of the TIFF has %zu x %zu pixels, too many to unpack for a "
            "picture of %zu x %zu; save it with smaller ones",
            tiff->segment_width, tiff->segment_rows, tiff->width, tiff->height);
    d->jpeg_most = most - needed - row;
    d->scratch = cen__alloc(d->context, 1, (size_t)row);
    d->unpacker = cen__alloc(d->context, 1, sizeof *d->unpacker);
    bool is_enough = d->scratch != NULL && d->unpacker != NULL;
    if (is_enough && needed > 0 && !is_jpeg(d)) {
        d->rows = cen__alloc(d->context, tiff->n_planes, (size_t)plane);
        is_enough = d->rows != NULL;
    }
    return is_enough ? CEN_OK : cen__fail_memory(error, "the strips of a TIFF");
}

/* Decodes a segment of JPEG, which may have more rows than are needed. */
static cen_status decode_part(decoder *d, size_t index, size_t n_rows, cen_image *part,
                              cen_error *error)
{
    const cen__tiff *tiff = &d->tiff;
    const cen__tiff_field *tables = &tiff->fields[CEN__TIFF_JPEG_TABLES];
    const uint8_t *bytes;
    size_t size;
    cen_image header;
    cen_status status = cen__tiff_segment(tiff, index, &bytes, &size, error);
    if (status == CEN_OK)
        status = cen__jpeg_kind.read_size(d->context, bytes, size, &header, error);
    if (status != CEN_OK) return status;
    if (header.width != tiff->segment_width || header.height < n_rows ||
        header.height > tiff->jpeg_rows)
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "strip or tile %zu of the TIFF is a JPEG of %zu x %zu pixels, and should be one "
            "of %zu x %zu",
            index, header.width, header.height, tiff->segment_width, n_rows);
    const bool has_tables = tables->count > 0 && tables->type == 7;
    status = cen__jpeg_decode_part(d->context, has_tables ? tiff->bytes + tables->at : NULL,
                                   has_tables ? tables->count : 0, bytes, size, tiff->plane_samples,
                                   tiff->photometric == CEN__TIFF_YCC, d->jpeg_most, part, error);
    if (status == CEN_OK && part->warning != NULL) d->warning = part->warning;
    return status;
}

/* The rows of a plane of a segment. */
static cen_status unpack_plane(decoder *d, size_t index, size_t plane, size_t n_rows,
                               const uint8_t **rows, cen_error *error)
{
    const cen__tiff *tiff = &d->tiff;
    index += plane * tiff->across * tiff->down;
    if (is_jpeg(d)) {
        cen_image *part = &d->parts[plane];
        cen_image_free(part);
        cen_status status = decode_part(d, index, n_rows, part, error);
        *rows = part->pixels;
        return status;
    }
    if (is_in_place(d)) {
        size_t size;
        return cen__tiff_segment(tiff, index, rows, &size, error);
    }
    uint8_t *out = d->rows + plane * tiff->segment_rows * tiff->row_size;
    *rows = out;
    return cen__tiff_unpack(tiff, d->unpacker, index, n_rows, out, d->scratch, error);
}

/* Segment (row, column) of all planes to the image. */
static cen_status decode_segment(decoder *d, size_t row, size_t column, cen_image *image,
                                 cen_error *error)
{
    cen__tiff *tiff = &d->tiff;
    const size_t left = column * tiff->segment_width, top = row * tiff->segment_rows;
    const size_t n =
        tiff->width - left < tiff->segment_width ? tiff->width - left : tiff->segment_width;
    const size_t n_rows =
        tiff->height - top < tiff->segment_rows ? tiff->height - top : tiff->segment_rows;
    const uint8_t *planes[CEN__TIFF_MOST_SAMPLES];
    uint8_t *samples = d->scratch + tiff->row_size;
    for (size_t p = 0; p < tiff->n_planes; p++) {
        cen_status status =
            unpack_plane(d, row * tiff->across + column, p, n_rows, &planes[p], error);
        if (status != CEN_OK) return status;
    }
    for (size_t y = 0; y < n_rows; y++) {
        uint8_t *out = image->pixels + ((top + y) * tiff->width + left) * (size_t)tiff->channels;
        const uint8_t *pixels = planes[0] + y * tiff->row_size;
        if (tiff->bits != 8 || tiff->n_planes > 1) {
            for (size_t p = 0; p < tiff->n_planes; p++)
                cen__tiff_expand(tiff, planes[p] + y * tiff->row_size, n, p, samples);
            pixels = samples;
        }
        cen__tiff_color(tiff, pixels, n, out);
    }
    return CEN_OK;
}

static const char *warning(const decoder *d)
{
    if (d->warning != NULL) return d->warning;
    if (d->tiff.is_float && d->tiff.is_out_of_range)
        return "floats are read from 0 (black) to 1 (white), and what the picture has beyond is "
               "cut "
               "off; scale its values to that range and save it again";
    return d->tiff.bits == 16 ? cen__image_dark(d->tiff.joined << 8 | 0xff) : NULL;
}

static cen_status decode_segments(decoder *d, cen_image *image, cen_error *error)
{
    const cen__tiff *tiff = &d->tiff;
    cen_status status = take_memory(d, error);
    if (status == CEN_OK)
        status = cen__image_allocate(d->context, image, tiff->width, tiff->height, tiff->channels,
                                     d->options, error);
    for (size_t i = 0; i < tiff->across * tiff->down && status == CEN_OK; i++)
        status = decode_segment(d, i / tiff->across, i % tiff->across, image, error);
    if (status == CEN_OK) image->warning = warning(d);
    for (size_t p = 0; p < CEN__TIFF_MOST_SAMPLES; p++) cen_image_free(&d->parts[p]);
    cen__free(d->unpacker);
    cen__free(d->scratch);
    cen__free(d->rows);
    return status;
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    decoder d = {.context = context, .options = options};
    *image = (cen_image){0};
    cen_status status = cen__tiff_read_directory(&d.tiff, bytes, size, error);
    if (status == CEN_OK)
        status = cen__image_check_pixels(d.tiff.width, d.tiff.height, options, error);
    if (status == CEN_OK) status = cen__tiff_read_layout(&d.tiff, error);
    if (status == CEN_OK) status = decode_segments(&d, image, error);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

/* ---- the kind ---- */

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    (void)context;
    cen__tiff tiff;
    cen_status status = cen__tiff_read_directory(&tiff, bytes, size, error);
    if (status != CEN_OK) return status;
    *image = (cen_image){.width = tiff.width, .height = tiff.height, .channels = tiff.channels};
    return CEN_OK;
}

const cen__image_kind cen__tiff_kind = {"TIFF", cen__tiff_matches, read_size, decode,
                                        cen__tiff_read_notes};
