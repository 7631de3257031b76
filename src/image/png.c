/* PNG, second edition (ISO/IEC 15948): every color type, depth and interlace. */
#include "image/png.h"

#include <string.h>

#include "base/memory.h"
#include "image/decoders.h"
#include "image/png_filter.h"

enum { MOST_IDAT_WASTE = 1 << 20 };

/* ---- from the samples of the file to bytes of the image -------------------------------------- */

/* Samples of 1, 2 or 4 bits, the first one highest, to a byte each. Inlined for each depth. */
static inline void unpack(int depth, const uint8_t *row, size_t n, uint8_t *samples)
{
    size_t n_in_byte = 8 / (size_t)depth, i = 0;
    int mask = (1 << depth) - 1;
    for (; i + n_in_byte <= n; i += n_in_byte, row++)
        for (size_t k = 0; k < n_in_byte; k++)
            samples[i + k] = (uint8_t)(*row >> (8 - depth * (int)(k + 1)) & mask);
    for (size_t k = 0; i < n; i++, k++)
        samples[i] = (uint8_t)(*row >> (8 - depth * (int)(k + 1)) & mask);
}

static void unpack_bits(int depth, const uint8_t *row, size_t n, uint8_t *samples)
{
    if (depth == 1) unpack(1, row, n, samples);
    if (depth == 2) unpack(2, row, n, samples);
    if (depth == 4) unpack(4, row, n, samples);
}

/* Each color is written as four bytes, of which the next one mends the last, but for the last. */
static void expand_palette(const cen__png *png, const uint8_t *indices, size_t n, uint8_t *out)
{
    size_t channels = (size_t)png->channels;
    for (size_t i = 0; i + 1 < n; i++, out += channels) memcpy(out, png->palette[indices[i]], 4);
    memcpy(out, png->palette[indices[n - 1]], channels);
}

/* Samples of up to 8 bits, which become 0..255; the transparent color is compared before that. */
static void expand_bytes(const cen__png *png, const uint8_t *samples, size_t n, uint8_t *out)
{
    size_t n_samples = (size_t)png->n_samples;
    uint8_t scale = (uint8_t)(255 / ((1 << png->depth) - 1));
    if (!png->has_transparency) {
        for (size_t i = 0; i < n * n_samples; i++) out[i] = (uint8_t)(samples[i] * scale);
        return;
    }
    for (size_t i = 0; i < n; i++, samples += n_samples, out += n_samples + 1) {
        bool is_transparent = true;
        for (size_t k = 0; k < n_samples; k++) {
            is_transparent = is_transparent && samples[k] == png->transparent[k];
            out[k] = (uint8_t)(samples[k] * scale);
        }
        out[n_samples] = is_transparent ? 0 : 255;
    }
}

/* The upper bytes of n samples, `step` samples apart, joined by or. */
static unsigned join(const uint8_t *samples, size_t n, size_t step)
{
    unsigned joined = 0;
    for (size_t i = 0; i < n; i++) joined |= samples[2 * i * step];
    return joined;
}

/* Samples of 16 bits, cut to the upper 8. */
static void expand_words(cen__png *png, const uint8_t *samples, size_t n, uint8_t *out)
{
    size_t n_samples = (size_t)png->n_samples, n_colors = n_samples - (n_samples + 1) % 2;
    for (size_t k = 0; k < n_colors && png->joined < 16; k++)
        png->joined |= join(samples + 2 * k, n, n_samples);
    if (!png->has_transparency) {
        for (size_t i = 0; i < n * n_samples; i++) out[i] = samples[2 * i];
        return;
    }
    for (size_t i = 0; i < n; i++, samples += 2 * n_samples, out += n_samples + 1) {
        bool is_transparent = true;
        for (size_t k = 0; k < n_samples; k++) {
            int sample = samples[2 * k] << 8 | samples[2 * k + 1];
            is_transparent = is_transparent && sample == png->transparent[k];
            out[k] = samples[2 * k];
        }
        out[n_samples] = is_transparent ? 0 : 255;
    }
}

/* n pixels; scratch holds n bytes. */
static void expand(cen__png *png, const uint8_t *row, size_t n, uint8_t *scratch, uint8_t *out)
{
    if (png->depth == 16) {
        expand_words(png, row, n, out);
        return;
    }
    if (png->depth < 8) {
        unpack_bits(png->depth, row, n, scratch);
        row = scratch;
    }
    if (png->color_type == CEN__PNG_PALETTE)
        expand_palette(png, row, n, out);
    else
        expand_bytes(png, row, n, out);
}

/* ---- passes ---------------------------------------------------------------------------------- */

/* Pixels x + i * dx, y + j * dy: one of the seven passes of Adam7, or all. */
typedef struct adam7_pass {
    uint8_t x, y, dx, dy;
} adam7_pass;

static const adam7_pass ALL = {0, 0, 1, 1};
static const adam7_pass ADAM7[7] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                    {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};

static size_t pass_width(const cen__png *png, const adam7_pass *pass)
{
    return png->width <= pass->x ? 0 : (png->width - pass->x - 1) / pass->dx + 1;
}

static size_t pass_height(const cen__png *png, const adam7_pass *pass)
{
    return png->height <= pass->y ? 0 : (png->height - pass->y - 1) / pass->dy + 1;
}

static size_t pixel_bits(const cen__png *png)
{
    return (size_t)(png->depth * png->n_samples);
}

static uint64_t row_size(const cen__png *png, size_t width)
{
    return ((uint64_t)width * pixel_bits(png) + 7) / 8;
}

static uint64_t total_size(const cen__png *png, const adam7_pass *passes, size_t n_passes)
{
    uint64_t total = 0;
    for (size_t i = 0; i < n_passes; i++) {
        size_t width = pass_width(png, &passes[i]), height = pass_height(png, &passes[i]);
        if (width > 0) total += height * (1 + row_size(png, width));
    }
    return total;
}

/* ---- decoding -------------------------------------------------------------------------------- */

/* What a decoding holds. The four buffers are in one block, each as long as the longest row in the
 * form that is kept there. */
typedef struct decoder {
    cen__png png;
    cen__png_rows rows;
    uint8_t *memory;
    uint8_t *zeros;    /* above the first row */
    uint8_t *lines[2]; /* unfiltered, the current row and the one above, in turn */
    uint8_t *scratch;  /* samples as bytes */
    uint8_t *expanded; /* pixels of a row of a pass */
} decoder;

/* Unpacks and unfilters row `y` of a pass into line. */
static cen_status read_line(decoder *decoding, size_t y, size_t size, const uint8_t *above,
                            uint8_t *line, cen_error *error)
{
    const uint8_t *filtered;
    cen_status status = cen__png_rows_next(&decoding->rows, size + 1, &filtered, error);
    if (status != CEN_OK) return status;
    if (filtered[0] >= CEN__PNG_N_FILTERS)
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "PNG chunk IDAT at byte %zu is damaged: row %zu names filter %d, and there "
            "are only 0 to 4",
            decoding->rows.chunk.at, y, filtered[0]);
    size_t step = (pixel_bits(&decoding->png) + 7) / 8;
    cen__png_unfilter(filtered[0], step, size, filtered + 1, y == 0 ? decoding->zeros : above,
                      line);
    return CEN_OK;
}

/* Where the bytes of the file are those of the image: rows are unfiltered where they will stay. */
static cen_status decode_in_place(decoder *decoding, cen_image *image, cen_error *error)
{
    size_t size = image->width * (size_t)image->channels;
    cen_status status = CEN_OK;
    uint8_t *line = image->pixels;
    for (size_t y = 0; y < image->height && status == CEN_OK; y++, line += size)
        status = read_line(decoding, y, size, line - (y == 0 ? 0 : size), line, error);
    return status;
}

static cen_status decode_pass(decoder *decoding, const adam7_pass *pass, cen_image *image,
                              cen_error *error)
{
    cen__png *png = &decoding->png;
    size_t width = pass_width(png, pass), height = pass_height(png, pass);
    size_t size = (size_t)row_size(png, width), channels = (size_t)image->channels;
    for (size_t y = 0; y < height && width > 0; y++) {
        uint8_t *line = decoding->lines[y % 2];
        cen_status status = read_line(decoding, y, size, decoding->lines[(y + 1) % 2], line, error);
        if (status != CEN_OK) return status;
        uint8_t *out = image->pixels + (pass->y + y * pass->dy) * image->width * channels;
        if (pass->dx == 1) {
            expand(png, line, width, decoding->scratch, out);
            continue;
        }
        expand(png, line, width, decoding->scratch, decoding->expanded);
        out += pass->x * channels;
        for (size_t x = 0; x < width; x++)
            memcpy(out + x * pass->dx * channels, decoding->expanded + x * channels, channels);
    }
    return CEN_OK;
}

/* Memory for the longest row in every form. */
static cen_status take_memory(cen_context *context, decoder *decoding, cen_error *error)
{
    const cen__png *png = &decoding->png;
    uint64_t longest = row_size(png, png->width), pixels = png->width;
    uint64_t total = 3 * longest + pixels * (1 + (uint64_t)png->channels);
    decoding->memory = total > SIZE_MAX / 2 ? NULL : cen__alloc(context, 1, (size_t)total);
    if (decoding->memory == NULL) return cen__fail_memory(error, "the rows of a PNG");
    size_t size = (size_t)longest;
    decoding->zeros = decoding->memory;
    memset(decoding->zeros, 0, size);
    decoding->lines[0] = decoding->zeros + size;
    decoding->lines[1] = decoding->lines[0] + size;
    decoding->scratch = decoding->lines[1] + size;
    decoding->expanded = decoding->scratch + png->width;
    return CEN_OK;
}

/* Asked before memory is taken: a small file has a small picture. */
static cen_status check_idat(const cen__png *png, uint64_t total, cen_error *error)
{
    /* DEFLATE packs 258 bytes into 2 bits at the best. Empty blocks without end take time, too. */
    if (png->idat_size > 2 * total + MOST_IDAT_WASTE)
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "the IDAT chunks of the PNG hold %llu bytes, far more than %lu x %lu "
                         "pixels need; save it again",
                         (unsigned long long)png->idat_size, (unsigned long)png->width,
                         (unsigned long)png->height);
    if (total / 1032 <= png->idat_size) return CEN_OK;
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the IDAT chunks of the PNG, from byte %zu on, are too short for %lu x %lu "
                     "pixels",
                     png->idat_at, (unsigned long)png->width, (unsigned long)png->height);
}

static cen_status decode_pixels(cen_context *context, decoder *decoding, uint64_t total,
                                cen_image *image, cen_error *error)
{
    cen__png *png = &decoding->png;
    const adam7_pass *passes = png->interlaced ? ADAM7 : &ALL;
    size_t n_passes = png->interlaced ? 7 : 1;
    cen_status status = take_memory(context, decoding, error);
    if (status != CEN_OK) return status;
    status = cen__png_rows_open(context, &decoding->rows, png, total,
                                (size_t)row_size(png, png->width) + 1, error);
    if (status != CEN_OK) return status;
    if (png->depth == 8 && png->color_type != CEN__PNG_PALETTE && !png->has_transparency &&
        !png->interlaced) {
        status = decode_in_place(decoding, image, error);
    } else {
        for (size_t i = 0; i < n_passes && status == CEN_OK; i++)
            status = decode_pass(decoding, &passes[i], image, error);
    }
    if (status == CEN_OK) status = cen__png_rows_finish(&decoding->rows, error);
    cen__png_rows_close(&decoding->rows);
    return status;
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    (void)context;
    decoder decoding;
    cen__png *png = &decoding.png;
    *image = (cen_image){0};
    cen_status status = cen__png_read_header(png, bytes, size, error);
    if (status == CEN_OK) status = cen__png_check_rest(png, error);
    uint64_t total = png->interlaced ? total_size(png, ADAM7, 7) : total_size(png, &ALL, 1);
    if (status == CEN_OK) status = cen__image_check_pixels(png->width, png->height, options, error);
    if (status == CEN_OK) status = check_idat(png, total, error);
    if (status == CEN_OK)
        status = cen__image_allocate(context, image, png->width, png->height, png->channels,
                                     options, error);
    if (status != CEN_OK) return status;
    decoding.memory = NULL;
    status = decode_pixels(context, &decoding, total, image, error);
    cen__free(decoding.memory);
    image->warning = png->warning;
    if (image->warning == NULL && png->depth == 16)
        image->warning = cen__image_dark(png->joined << 8 | 0xff);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

/* ---- the kind -------------------------------------------------------------------------------- */

/* Without the line endings that a transfer as text spoils, so that such a file is told what it is.
 */
static bool matches(const uint8_t *bytes, size_t size)
{
    return size >= 4 && memcmp(bytes, "\x89PNG", 4) == 0;
}

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    cen__png png;
    cen_status status = cen__png_read_header(&png, bytes, size, error);
    /* channels comes from IHDR, and is complete with the chunks before the picture. */
    if (status != CEN_OK && !(png.is_cut_short && png.channels > 0)) return status;
    (void)context;
    *image = (cen_image){.width = png.width, .height = png.height, .channels = png.channels};
    return CEN_OK;
}

const cen__image_kind cen__png_kind = {"PNG", matches, read_size, decode, cen__png_read_notes};
