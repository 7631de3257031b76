#include "image/kernels.h"

#include <string.h>

#include "base/context.h"
#include "base/memory.h"
#include "image/decoders.h"

enum { MOST_SCANS = 100 }; /* real files have up to about 20; more only keeps the machine busy */

/* ---- frame --------------------------------------------------------------------------------- */

static size_t divide_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static cen_status no_picture(const cen__jpeg *jpeg, cen__jpeg_stop stop)
{
    if (stop == CEN__JPEG_AT_END)
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "the JPEG file has an end marker before any picture; it is damaged");
    return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                     "the JPEG file ends after %zu bytes, within its header; it is cut short",
                     jpeg->size);
}

/* The colours of the components, told as libjpeg tells them. */
static cen__jpeg_colour find_colour(const cen__jpeg *jpeg)
{
    const cen__jpeg_component *c = jpeg->components;
    if (jpeg->n_components == 1) return CEN__JPEG_GREY;
    if (jpeg->in_tiff && jpeg->n_components == 4) return CEN__JPEG_AS_IS;
    if (jpeg->in_tiff) return jpeg->is_ycc ? CEN__JPEG_YCC : CEN__JPEG_RGB;
    if (jpeg->n_components == 4)
        return !jpeg->adobe || jpeg->adobe_transform == 0 ? CEN__JPEG_CMYK : CEN__JPEG_YCCK;
    if (jpeg->jfif) return CEN__JPEG_YCC;
    if (jpeg->adobe) return jpeg->adobe_transform == 0 ? CEN__JPEG_RGB : CEN__JPEG_YCC;
    return c[0].id == 'R' && c[1].id == 'G' && c[2].id == 'B' ? CEN__JPEG_RGB : CEN__JPEG_YCC;
}

/* The smallest of 1, 2, 4 and 8 eighths at which both sides stay at least twice the target's. */
static size_t find_scale(const cen__jpeg *jpeg, const cen_image_options *options)
{
    size_t target_width = options->target_width, target_height = options->target_height;
    if (target_width == 0 || target_height == 0) return 8;
    size_t scale = 1;
    while (scale < 8 && (divide_up(jpeg->frame_width * scale, 8) / 2 < target_width ||
                         divide_up(jpeg->frame_height * scale, 8) / 2 < target_height))
        scale *= 2;
    return scale;
}

/* Every block of a whole file takes a bit at least, that of its DC coefficient. Asked before memory
 * is taken: what has less is nearly all missing, and a small file cannot ask for much. */
static cen_status check_bytes(const cen__jpeg *jpeg)
{
    size_t n_blocks = 0;
    for (size_t i = 0; i < jpeg->n_components; i++)
        n_blocks += jpeg->components[i].width_in_blocks * jpeg->components[i].height_in_blocks;
    if (n_blocks / 8 <= jpeg->size) return CEN_OK;
    return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                     "the JPEG file has only %zu bytes for %zu x %zu pixels; nearly all of the "
                     "picture is missing, get the whole file",
                     jpeg->size, jpeg->frame_width, jpeg->frame_height);
}

static void plan_component(const cen__jpeg *jpeg, cen__jpeg_component *c)
{
    c->width_in_blocks = divide_up(jpeg->frame_width * c->h, jpeg->max_h * 8);
    c->height_in_blocks = divide_up(jpeg->frame_height * c->v, jpeg->max_v * 8);
    c->blocks_per_row = jpeg->mcus_per_row * c->h;
    c->blocks_per_column = jpeg->mcus_per_column * c->v;
    /* A subsampled component keeps more of its blocks' detail, up to the size of the others. */
    c->dct_size = jpeg->scale;
    while (c->dct_size < 8 && jpeg->max_h * jpeg->scale % (c->h * c->dct_size * 2) == 0 &&
           jpeg->max_v * jpeg->scale % (c->v * c->dct_size * 2) == 0)
        c->dct_size *= 2;
    c->width = divide_up(jpeg->frame_width * c->h * c->dct_size, jpeg->max_h * 8);
    c->height = divide_up(jpeg->frame_height * c->v * c->dct_size, jpeg->max_v * 8);
}

static cen_status plan(cen__jpeg *jpeg, const cen_image_options *options)
{
    jpeg->scale = find_scale(jpeg, options);
    jpeg->width = divide_up(jpeg->frame_width * jpeg->scale, 8);
    jpeg->height = divide_up(jpeg->frame_height * jpeg->scale, 8);
    jpeg->mcus_per_row = divide_up(jpeg->frame_width, jpeg->max_h * 8);
    jpeg->mcus_per_column = divide_up(jpeg->frame_height, jpeg->max_v * 8);
    for (size_t i = 0; i < jpeg->n_components; i++) plan_component(jpeg, &jpeg->components[i]);
    jpeg->colour = find_colour(jpeg);
    jpeg->multi_scan = jpeg->progressive || jpeg->scan.n_components < jpeg->n_components;
    if (!jpeg->progressive) cen__jpeg_default_codes(jpeg);
    cen_status status = check_bytes(jpeg);
    return status == CEN_OK ? cen__jpeg_plan_rows(jpeg) : status;
}

/* A strip or tile of a TIFF must be in proportion to the whole picture, of which it may lie outside. */
static cen_status check_part(const cen__jpeg *jpeg)
{
    if (!jpeg->in_tiff) return CEN_OK;
    if (jpeg->n_components != jpeg->part_components)
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "a strip or tile of the TIFF is a JPEG of %zu samples a pixel, and should "
                         "be one of %zu",
                         jpeg->n_components, jpeg->part_components);
    uint64_t size = 3 * (uint64_t)jpeg->width; /* at least what allocate takes of it */
    for (size_t i = 0; i < jpeg->n_components; i++) {
        const cen__jpeg_component *c = &jpeg->components[i];
        const uint64_t width = 8 * (uint64_t)c->blocks_per_row;
        size += 16 * c->v * (width + 128) + (uint64_t)c->width * c->h_expand;
        if (jpeg->multi_scan)
            size += (uint64_t)c->blocks_per_row * c->blocks_per_column *
                    (64 * sizeof *c->coefficients + sizeof *c->used);
    }
    if (size <= jpeg->part_most) return CEN_OK;
    return cen__fail(jpeg->error, CEN_ERROR_LIMIT,
                     "a strip or tile of the TIFF is a JPEG of %zu x %zu pixels, too many to "
                     "decode for such a picture; save it with smaller ones",
                     jpeg->width, jpeg->height);
}

static bool allocate_component(cen_context *context, const cen__jpeg *jpeg, cen__jpeg_component *c)
{
    size_t count;
    c->plane_rows = 2 * c->v * c->dct_size;
    c->stride = (c->blocks_per_row * c->dct_size + 63) / 64 * 64;
    if (c->stride % 4096 == 0) c->stride += 64; /* rows that do not fight for a cache set */
    c->plane = cen__alloc(context, c->plane_rows, c->stride);
    c->row = cen__alloc(context, c->width, c->h_expand);
    if (c->plane == NULL || c->row == NULL) return false;
    if (!jpeg->multi_scan) return true;
    if (!cen__multiply(c->blocks_per_row, c->blocks_per_column, &count)) return false;
    c->coefficients = cen__alloc_zeroed(context, count, 64 * sizeof *c->coefficients);
    c->used = cen__alloc_zeroed(context, count, sizeof *c->used);
    return c->coefficients != NULL && c->used != NULL;
}

static cen_status allocate(cen_context *context, cen__jpeg *jpeg)
{
    bool enough = true;
    jpeg->tables = cen__alloc(context, 8, sizeof *jpeg->tables);
    jpeg->sums = cen__alloc(context, jpeg->width + 1, sizeof *jpeg->sums);
    jpeg->bits.buffer = cen__alloc(context, CEN__JPEG_BUFFER_SIZE + CEN__JPEG_BUFFER_PAD + 1, 1);
    enough = jpeg->tables != NULL && jpeg->sums != NULL && jpeg->bits.buffer != NULL;
    for (size_t i = 0; i < jpeg->n_components && enough; i++)
        enough = allocate_component(context, jpeg, &jpeg->components[i]);
    return enough ? CEN_OK : cen__fail_memory(jpeg->error, "decoding a JPEG file");
}

static void release(cen__jpeg *jpeg)
{
    for (size_t i = 0; i < CEN__JPEG_MAX_COMPONENTS; i++) {
        cen__free(jpeg->components[i].coefficients);
        cen__free(jpeg->components[i].used);
        cen__free(jpeg->components[i].plane);
        cen__free(jpeg->components[i].row);
    }
    cen__free(jpeg->tables);
    cen__free(jpeg->sums);
    cen__free(jpeg->bits.buffer);
    cen__free(jpeg);
}

/* ---- scans --------------------------------------------------------------------------------- */

/* The quantisation tables of a component are those that stand at its first scan. */
static cen_status keep_quant(cen__jpeg *jpeg, cen__jpeg_component *component)
{
    unsigned index = component->quant_index;
    if (component->has_quant) return CEN_OK;
    if (index > 3 || !jpeg->has_quant[index])
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "a component uses the quantisation table %u, which the file does not "
                         "define; the file is damaged, save it again",
                         index);
    for (size_t k = 0; k < 64; k++)
        component->quant[cen__jpeg_natural_order[k]] = jpeg->quant[index][k];
    component->has_quant = true;
    return CEN_OK;
}

static cen_status start_scan(cen__jpeg *jpeg)
{
    cen__jpeg_bits *bits = &jpeg->bits;
    size_t n_blocks = 0;
    for (size_t i = 0; i < jpeg->scan.n_components; i++) {
        cen__jpeg_component *component = jpeg->scan.components[i];
        n_blocks += component->h * component->v;
        component->dc = 0;
        cen_status status = keep_quant(jpeg, component);
        if (status != CEN_OK) return status;
    }
    if (jpeg->scan.n_components > 1 && n_blocks > CEN__JPEG_MAX_MCU_BLOCKS)
        return cen__fail(jpeg->error, CEN_ERROR_FORMAT,
                         "a scan has %zu blocks an MCU, of at most %d; the file is damaged, save "
                         "it again",
                         n_blocks, CEN__JPEG_MAX_MCU_BLOCKS);
    bits->bytes = jpeg->bytes;
    bits->size = jpeg->size;
    bits->at = jpeg->at;
    bits->marker = 0;
    bits->exhausted = false;
    cen__jpeg_bits_start(bits);
    return CEN_OK;
}

/* What happens between MCUs. */
typedef struct {
    size_t n_left; /* MCUs to the next restart marker */
    int number;    /* of that marker */
    uint32_t end_run;
} restart;

static restart first_restart(const cen__jpeg *jpeg)
{
    restart r = {jpeg->restart_interval, 0, 0};
    return r;
}

/* False where there are no data for the next MCU. */
static bool next_mcu(cen__jpeg *jpeg, restart *r)
{
    if (jpeg->restart_interval != 0) {
        if (r->n_left == 0) {
            cen__jpeg_bits_restart(&jpeg->bits, r->number);
            for (size_t i = 0; i < jpeg->scan.n_components; i++) jpeg->scan.components[i]->dc = 0;
            r->number = (r->number + 1) & 7;
            r->n_left = jpeg->restart_interval;
            r->end_run = 0;
        }
        r->n_left--;
    }
    if (jpeg->bits.cursor.next > jpeg->bits.watch) cen__jpeg_bits_fill(&jpeg->bits);
    return !jpeg->bits.exhausted;
}

/* Where block row `row` (of the picture), block column 0 stands in the plane. */
static uint8_t *block_row_pixels(const cen__jpeg_component *component, size_t row)
{
    return component->plane + row * component->dct_size % component->plane_rows * component->stride;
}

/* A block without data: grey, as libjpeg has it. */
static void grey_block(const cen__jpeg_component *component, uint8_t *out)
{
    for (size_t y = 0; y < component->dct_size; y++)
        memset(out + y * component->stride, 128, component->dct_size);
}

static void decode_mcu_to_pixels(cen__jpeg *jpeg, size_t mcu_row, size_t mcu_column, bool has_data)
{
    for (size_t i = 0; i < jpeg->scan.n_components; i++) {
        cen__jpeg_component *c = jpeg->scan.components[i];
        for (size_t y = 0; y < c->v; y++) {
            uint8_t *out =
                block_row_pixels(c, mcu_row * c->v + y) + mcu_column * c->h * c->dct_size;
            for (size_t x = 0; x < c->h; x++, out += c->dct_size)
                if (has_data)
                    jpeg->kernels->decode_to_pixels(&jpeg->bits, c, out, c->stride);
                else
                    grey_block(c, out);
        }
    }
}

/* The usual file: one sequential scan of all components, from bits to pixels by MCU rows. */
static cen_status decode_single_scan(cen__jpeg *jpeg, cen_image *image)
{
    cen_status status = cen__jpeg_sequential_start(jpeg);
    if (status == CEN_OK) status = start_scan(jpeg);
    if (status != CEN_OK) return status;
    restart r = first_restart(jpeg);
    for (size_t row = 0; row < jpeg->mcus_per_column; row++) {
        for (size_t column = 0; column < jpeg->mcus_per_row; column++) {
            bool has_data = next_mcu(jpeg, &r);
            decode_mcu_to_pixels(jpeg, row, column, has_data);
        }
        cen__jpeg_write_rows(jpeg, row, image);
    }
    cen__jpeg_bits_end(&jpeg->bits);
    return CEN_OK;
}

static void decode_block(cen__jpeg *jpeg, cen__jpeg_component *component,
                         cen__jpeg_block_decode *progressive, restart *r, size_t row, size_t column)
{
    size_t block = row * component->blocks_per_row + column;
    int16_t *coefficients = component->coefficients + block * 64;
    uint64_t *used = &component->used[block];
    if (progressive != NULL)
        progressive(&jpeg->bits, component, &jpeg->scan, &r->end_run, coefficients, used);
    else
        jpeg->kernels->decode_to_coefficients(&jpeg->bits, component, coefficients, used);
}

/* A scan of one component: its blocks from left to right, without those that pad an MCU. */
static void scan_component(cen__jpeg *jpeg, cen__jpeg_block_decode *progressive)
{
    cen__jpeg_component *component = jpeg->scan.components[0];
    restart r = first_restart(jpeg);
    for (size_t row = 0; row < component->height_in_blocks; row++)
        for (size_t column = 0; column < component->width_in_blocks; column++) {
            if (next_mcu(jpeg, &r)) {
                jpeg->last_good_row = row / component->v;
                decode_block(jpeg, component, progressive, &r, row, column);
            } else if (jpeg->restart_interval == 0) {
                return;
            }
        }
}

static void scan_interleaved(cen__jpeg *jpeg, cen__jpeg_block_decode *progressive)
{
    restart r = first_restart(jpeg);
    for (size_t row = 0; row < jpeg->mcus_per_column; row++)
        for (size_t column = 0; column < jpeg->mcus_per_row; column++) {
            if (!next_mcu(jpeg, &r)) {
                if (jpeg->restart_interval == 0) return;
                continue;
            }
            jpeg->last_good_row = row;
            for (size_t i = 0; i < jpeg->scan.n_components; i++) {
                cen__jpeg_component *c = jpeg->scan.components[i];
                for (size_t y = 0; y < c->v; y++)
                    for (size_t x = 0; x < c->h; x++)
                        decode_block(jpeg, c, progressive, &r, row * c->v + y, column * c->h + x);
            }
        }
}

static cen_status decode_scans(cen__jpeg *jpeg)
{
    for (cen__jpeg_stop stop = CEN__JPEG_AT_SCAN; stop == CEN__JPEG_AT_SCAN;) {
        cen__jpeg_block_decode *progressive = NULL;
        cen_status status = jpeg->progressive ? cen__jpeg_progressive_start(jpeg, &progressive)
                                              : cen__jpeg_sequential_start(jpeg);
        if (status == CEN_OK) status = start_scan(jpeg);
        if (status != CEN_OK) return status;
        if (jpeg->n_scans > MOST_SCANS)
            return cen__fail(jpeg->error, CEN_ERROR_LIMIT,
                             "the JPEG file has more than %d scans; save it again", MOST_SCANS);
        if (jpeg->scan.n_components == 1)
            scan_component(jpeg, progressive);
        else
            scan_interleaved(jpeg, progressive);
        cen__jpeg_bits_end(&jpeg->bits);
        if (jpeg->bits.cut) break;
        jpeg->at = jpeg->bits.at;
        status = cen__jpeg_read_segments(jpeg, jpeg->bits.marker, false, &stop);
        if (status != CEN_OK) return status;
        jpeg->bits.cut = stop == CEN__JPEG_AT_CUT;
    }
    return CEN_OK;
}

/* A row of blocks from the coefficients to the plane. */
static void write_blocks(const cen__jpeg *jpeg, const cen__jpeg_component *c, size_t row,
                         bool smooth)
{
    size_t block = row * c->blocks_per_row;
    uint8_t *out = block_row_pixels(c, row);
    int16_t smoothed[64];
    for (size_t column = 0; column < c->width_in_blocks; column++, block++, out += c->dct_size) {
        const int16_t *coefficients = c->coefficients + block * 64;
        uint64_t used = c->used[block];
        if (smooth) {
            used = cen__jpeg_smooth_block(jpeg, c, row, column, smoothed);
            coefficients = smoothed;
        }
        jpeg->kernels->coefficients_to_pixels(coefficients, used, c, out, c->stride);
    }
}

static void write_scans(cen__jpeg *jpeg, cen_image *image)
{
    bool smooth = cen__jpeg_wants_smoothing(jpeg);
    for (size_t mcu_row = 0; mcu_row < jpeg->mcus_per_column; mcu_row++) {
        for (size_t i = 0; i < jpeg->n_components; i++) {
            const cen__jpeg_component *c = &jpeg->components[i];
            for (size_t y = 0; y < c->v && mcu_row * c->v + y < c->height_in_blocks; y++)
                write_blocks(jpeg, c, mcu_row * c->v + y, smooth);
        }
        cen__jpeg_write_rows(jpeg, mcu_row, image);
    }
}

/* ---- the kind ------------------------------------------------------------------------------ */

static bool matches(const uint8_t *bytes, size_t size)
{
    return size >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

static cen_status read_headers(cen__jpeg *jpeg, bool frame_only)
{
    cen__jpeg_stop stop;
    jpeg->at = 2;
    cen_status status = cen__jpeg_read_segments(jpeg, 0, frame_only, &stop);
    if (status == CEN_OK && stop != CEN__JPEG_AT_SCAN) return no_picture(jpeg, stop);
    return status;
}

static cen_status read_size(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error)
{
    cen__jpeg *jpeg = cen__alloc_zeroed(context, 1, sizeof *jpeg);
    *image = (cen_image){0};
    if (jpeg == NULL) return cen__fail_memory(error, "reading a JPEG header");
    jpeg->bytes = bytes;
    jpeg->size = size;
    jpeg->error = error;
    cen_status status = read_headers(jpeg, true);
    if (status == CEN_OK) {
        image->width = jpeg->frame_width;
        image->height = jpeg->frame_height;
        image->channels = jpeg->n_components == 1 ? 1 : 3;
    }
    release(jpeg);
    return status;
}

static const char *warning(cen__jpeg *jpeg)
{
    const cen__jpeg_bits *bits = &jpeg->bits;
    size_t at = bits->at;
    if (bits->cut) return "the JPEG file ends early; what is missing of the picture is guessed";
    if (bits->lost || bits->cursor.damaged)
        return "the JPEG data are damaged; parts of the picture may be wrong";
    if (!jpeg->multi_scan && bits->marker == 0 &&
        cen__jpeg_next_marker(jpeg->bytes, jpeg->size, &at) == 0)
        return "the JPEG file ends without an end marker";
    return NULL;
}

static cen_status decode_frame(cen_context *context, cen__jpeg *jpeg,
                               const cen_image_options *options, cen_image *image)
{
    cen_status status = read_headers(jpeg, false);
    if (status == CEN_OK)
        status =
            cen__image_check_pixels(jpeg->frame_width, jpeg->frame_height, options, jpeg->error);
    if (status == CEN_OK) status = plan(jpeg, options);
    if (status == CEN_OK) status = check_part(jpeg);
    if (status == CEN_OK)
        status = cen__image_allocate(context, image, jpeg->width, jpeg->height,
                                     jpeg->colour == CEN__JPEG_GREY    ? 1
                                     : jpeg->colour == CEN__JPEG_AS_IS ? 4
                                                                       : 3,
                                     options, jpeg->error);
    if (status == CEN_OK) status = allocate(context, jpeg);
    if (status != CEN_OK) return status;
    image->excess[2] = (uint8_t)(8 * jpeg->width - jpeg->scale * jpeg->frame_width);
    image->excess[3] = (uint8_t)(8 * jpeg->height - jpeg->scale * jpeg->frame_height);
    if (jpeg->multi_scan) {
        status = decode_scans(jpeg);
        if (status == CEN_OK) write_scans(jpeg, image);
    } else {
        status = decode_single_scan(jpeg, image);
    }
    if (status == CEN_OK) image->warning = warning(jpeg);
    return status;
}

static cen__jpeg *start(cen_context *context, const uint8_t *bytes, size_t size, cen_error *error)
{
    cen__jpeg *jpeg = cen__alloc_zeroed(context, 1, sizeof *jpeg);
    if (jpeg == NULL) {
        (void)cen__fail_memory(error, "decoding a JPEG file");
        return NULL;
    }
    jpeg->bytes = bytes;
    jpeg->size = size;
    jpeg->error = error;
    jpeg->kernels = cen__image_kernels_of(cen__context_instructions(context));
    return jpeg;
}

static cen_status decode(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error)
{
    *image = (cen_image){0};
    cen__jpeg *jpeg = start(context, bytes, size, error);
    if (jpeg == NULL) return CEN_ERROR_MEMORY;
    cen_status status = decode_frame(context, jpeg, options, image);
    if (status != CEN_OK) cen_image_free(image);
    release(jpeg);
    return status;
}

cen_status cen__jpeg_decode_part(cen_context *context, const uint8_t *tables, size_t tables_size,
                                 const uint8_t *bytes, size_t size, size_t n_components,
                                 bool is_ycc, uint64_t most, cen_image *image, cen_error *error)
{
    cen_image_options options = cen_image_options_init();
    *image = (cen_image){0};
    options.max_pixels = SIZE_MAX;
    cen__jpeg *jpeg = start(context, tables, tables_size, error);
    if (jpeg == NULL) return CEN_ERROR_MEMORY;
    cen__jpeg_stop stop = CEN__JPEG_AT_END;
    jpeg->at = 2;
    jpeg->in_tiff = true;
    jpeg->is_ycc = is_ycc;
    jpeg->part_components = n_components;
    jpeg->part_most = most;
    cen_status status = CEN_OK;
    if (tables_size > 0) status = cen__jpeg_read_segments(jpeg, 0, false, &stop);
    if (status == CEN_OK && jpeg->has_frame)
        status = cen__fail(error, CEN_ERROR_FORMAT, "the JPEG tables of the TIFF hold a picture");
    jpeg->bytes = bytes;
    jpeg->size = size;
    if (status == CEN_OK) status = decode_frame(context, jpeg, &options, image);
    if (status != CEN_OK) cen_image_free(image);
    release(jpeg);
    return status;
}

const cen__image_kind cen__jpeg_kind = {"JPEG", matches, read_size, decode, NULL};
