#include "image/tiff.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"
#include "image/decoders.h"

enum { MOST_ENTRIES = 4096 };

static const uint16_t tags[CEN__TIFF_N_FIELDS] = {
    [CEN__TIFF_SUBFILE] = 254,       [CEN__TIFF_WIDTH] = 256,
    [CEN__TIFF_HEIGHT] = 257,        [CEN__TIFF_BITS] = 258,
    [CEN__TIFF_COMPRESSION] = 259,   [CEN__TIFF_PHOTOMETRIC] = 262,
    [CEN__TIFF_FILL_ORDER] = 266,    [CEN__TIFF_STRIP_OFFSETS] = 273,
    [CEN__TIFF_ORIENTATION] = 274,   [CEN__TIFF_SAMPLES] = 277,
    [CEN__TIFF_STRIP_ROWS] = 278,    [CEN__TIFF_STRIP_BYTES] = 279,
    [CEN__TIFF_PLANAR] = 284,        [CEN__TIFF_PREDICTOR] = 317,
    [CEN__TIFF_COLOR_MAP] = 320,     [CEN__TIFF_TILE_WIDTH] = 322,
    [CEN__TIFF_TILE_HEIGHT] = 323,   [CEN__TIFF_TILE_OFFSETS] = 324,
    [CEN__TIFF_TILE_BYTES] = 325,    [CEN__TIFF_SUB_DIRECTORIES] = 330,
    [CEN__TIFF_EXTRA_SAMPLES] = 338, [CEN__TIFF_SAMPLE_FORMAT] = 339,
    [CEN__TIFF_JPEG_TABLES] = 347,   [CEN__TIFF_DNG_VERSION] = 50706};

/* Bytes of a value of the types that are read, all of them whole numbers. */
static const uint8_t type_sizes[19] = {
    [1] = 1, [3] = 2, [4] = 4, [7] = 1, [13] = 4, [16] = 8, [18] = 8};

static uint64_t number(const uint8_t *p, size_t size, bool is_big_endian)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) value = value << 8 | p[is_big_endian ? i : size - 1 - i];
    return value;
}

uint64_t cen__tiff_value(const cen__tiff *tiff, cen__tiff_tag tag, size_t i, uint64_t otherwise)
{
    const cen__tiff_field *field = &tiff->fields[tag];
    if (i >= field->count) return otherwise;
    const size_t size = type_sizes[field->type];
    return number(tiff->bytes + field->at + i * size, size, tiff->is_big_endian);
}

cen_status cen__tiff_check_values(const cen__tiff *tiff, cen_error *error)
{
    size_t i = 0;
    while (i < CEN__TIFF_N_FIELDS && !tiff->is_outside[i]) i++;
    if (i == CEN__TIFF_N_FIELDS) return CEN_OK;
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the values of tag %u of the TIFF lie beyond the end of the file, at byte "
                     "%zu; get the whole file",
                     (unsigned)tags[i], tiff->size);
}

bool cen__tiff_matches(const uint8_t *bytes, size_t size)
{
    if (size < 4) return false;
    return memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0 ||
           memcmp(bytes, "II+\0", 4) == 0 || memcmp(bytes, "MM\0+", 4) == 0;
}

/* Of a tag that stands twice the first counts, as in libtiff. */
static void read_entry(cen__tiff *tiff, size_t at)
{
    const uint8_t *entry = tiff->bytes + at;
    const uint64_t tag = number(entry, 2, tiff->is_big_endian),
                   type = number(entry + 2, 2, tiff->is_big_endian);
    size_t i = 0;
    while (i < CEN__TIFF_N_FIELDS && tags[i] != tag) i++;
    if (i == CEN__TIFF_N_FIELDS || tiff->fields[i].count > 0) return;
    if (type >= sizeof type_sizes || type_sizes[type] == 0) return;
    const size_t word = tiff->is_big_tiff ? 8 : 4;
    const uint64_t count = number(entry + 4, word, tiff->is_big_endian);
    uint64_t start = at + 4 + word;
    if (count > word / type_sizes[type])
        start = number(entry + 4 + word, word, tiff->is_big_endian);
    tiff->is_outside[i] = start > tiff->size || count > (tiff->size - start) / type_sizes[type];
    if (tiff->is_outside[i]) return;
    tiff->fields[i] = (cen__tiff_field){(unsigned)type, (size_t)count, (size_t)start};
}

static cen_status cut_short(const cen__tiff *tiff, uint64_t at, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the TIFF ends at byte %zu, before its directory (at byte %llu) does; get the "
                     "whole file",
                     tiff->size, (unsigned long long)at);
}

/* Sizes that BigTIFF has larger: of the header, of the number of entries, of an entry. */
typedef struct {
    bool is_big_endian, is_big_tiff;
    size_t header, count, entry;
} measures;

static measures measures_of(const uint8_t *bytes)
{
    const bool is_big = (bytes[2] | bytes[3]) == '+';
    return (measures){bytes[0] == 'M', is_big, is_big ? 16 : 8, is_big ? 8 : 2, is_big ? 20 : 12};
}

static cen_status read_entries(cen__tiff *tiff, const measures *m, cen_error *error)
{
    if (tiff->size < m->header) return cut_short(tiff, m->header, error);
    const uint64_t at = number(tiff->bytes + m->header / 2, m->header / 2, m->is_big_endian);
    if (at > tiff->size || tiff->size - at < m->count) return cut_short(tiff, at, error);
    const uint64_t n = number(tiff->bytes + at, m->count, m->is_big_endian);
    if (n > MOST_ENTRIES)
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "the TIFF directory at byte %llu has %llu entries, of at most %d; the file "
            "is damaged",
            (unsigned long long)at, (unsigned long long)n, MOST_ENTRIES);
    if ((tiff->size - at - m->count) / m->entry < n) return cut_short(tiff, at, error);
    for (size_t i = 0; i < n; i++) read_entry(tiff, (size_t)at + m->count + i * m->entry);
    return CEN_OK;
}

/* Of the samples of a pixel which are colours, and which is alpha. Only the first extra one can be. */
static void settle_samples(cen__tiff *tiff)
{
    const uint64_t photometric = cen__tiff_value(tiff, CEN__TIFF_PHOTOMETRIC, 0, 0);
    const uint64_t extra = cen__tiff_value(tiff, CEN__TIFF_EXTRA_SAMPLES, 0, 0);
    const bool is_grey = photometric == CEN__TIFF_WHITE_IS_ZERO || photometric == CEN__TIFF_GREY ||
                         (photometric == CEN__TIFF_YCC && tiff->n_samples == 1);
    const bool has_rgb_and_more = photometric == CEN__TIFF_RGB && tiff->n_samples == 4 &&
                                  tiff->fields[CEN__TIFF_EXTRA_SAMPLES].count == 0;
    tiff->n_colors = is_grey || photometric == CEN__TIFF_PALETTE ? 1
                     : photometric == CEN__TIFF_CMYK             ? 4
                                                                 : 3;
    tiff->is_premultiplied = extra == 1;
    /* 999 stands for alpha in files of Corel Draw. */
    tiff->has_alpha = tiff->n_samples > tiff->n_colors && photometric != CEN__TIFF_CMYK &&
                      (extra == 1 || extra == 2 || extra == 999 || has_rgb_and_more);
    tiff->channels = (is_grey ? 1 : 3) + tiff->has_alpha;
}

cen_status cen__tiff_read_directory(cen__tiff *tiff, const uint8_t *bytes, size_t size,
                                    cen_error *error)
{
    const measures m = measures_of(bytes);
    *tiff = (cen__tiff){.bytes = bytes, .size = size};
    tiff->is_big_endian = m.is_big_endian;
    tiff->is_big_tiff = m.is_big_tiff;
    cen_status status = read_entries(tiff, &m, error);
    if (status != CEN_OK) return status;
    const uint64_t width = cen__tiff_value(tiff, CEN__TIFF_WIDTH, 0, 0),
                   height = cen__tiff_value(tiff, CEN__TIFF_HEIGHT, 0, 0),
                   n_samples = cen__tiff_value(tiff, CEN__TIFF_SAMPLES, 0, 1);
    if (width > UINT32_MAX || height > UINT32_MAX)
        return cen__fail(error, CEN_ERROR_FORMAT, "the TIFF says more than 2^32 rows or columns");
    if (n_samples < 1 || n_samples > CEN__TIFF_MOST_SAMPLES)
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "a TIFF of %llu samples a pixel is not supported; keep 1 to %d of them",
                         (unsigned long long)n_samples, CEN__TIFF_MOST_SAMPLES);
    tiff->width = (size_t)width;
    tiff->height = (size_t)height;
    tiff->n_samples = (size_t)n_samples;
    settle_samples(tiff);
    return cen__image_check_sides(tiff->width, tiff->height, error);
}

int cen__tiff_orientation(const uint8_t *bytes, size_t size)
{
    cen__tiff tiff;
    if (cen__tiff_read_directory(&tiff, bytes, size, NULL) != CEN_OK) return 1;
    const uint64_t orientation = cen__tiff_value(&tiff, CEN__TIFF_ORIENTATION, 0, 1);
    return orientation <= 8 ? (int)orientation : 1;
}

/* ---- the directory without the rest of the file ---- */

/* n bytes at a place of the file; fewer if it ends. False if reading failed. */
static bool read_at(FILE *file, uint64_t at, uint8_t *bytes, size_t n, size_t *got)
{
    *got = 0;
    if (at > LONG_MAX) return true;
    if (fseek(file, (long)at, SEEK_SET) != 0) return false;
    *got = fread(bytes, 1, n, file);
    return *got == n || !ferror(file);
}

/* What kind the first extra sample is decides the channels; the list of them may lie elsewhere in the file. As many as
 * have room take the place of the offset. */
static bool bring_extra_samples(FILE *file, const measures *m, uint8_t *entry)
{
    const size_t word = m->header / 2;
    uint8_t *count = entry + 4, *value = count + word, values[8];
    const uint64_t type = number(entry + 2, 2, m->is_big_endian);
    if (number(entry, 2, m->is_big_endian) != tags[CEN__TIFF_EXTRA_SAMPLES]) return true;
    if (type >= sizeof type_sizes || type_sizes[type] == 0) return true;
    const size_t n = word / type_sizes[type];
    size_t got;
    if (number(count, word, m->is_big_endian) <= n) return true;
    if (!read_at(file, number(value, word, m->is_big_endian), values, word, &got)) return false;
    if (got < word) return true;
    memcpy(value, values, word);
    memset(count, 0, word);
    count[m->is_big_endian ? word - 1 : 0] = (uint8_t)n;
    return true;
}

/* After a header of the same kind; *size: of all that was there. */
static bool read_directory(FILE *file, uint8_t *bytes, size_t *size)
{
    size_t got;
    if (!read_at(file, 0, bytes, 8, size)) return false;
    if (*size < 8) return true;
    const measures m = measures_of(bytes);
    const size_t word = m.header / 2;
    if (!read_at(file, 0, bytes, m.header, size)) return false;
    if (*size < m.header) return true;
    const uint64_t at = number(bytes + word, word, m.is_big_endian);
    memset(bytes + word, 0, word);
    bytes[m.is_big_endian ? m.header - 1 : word] = (uint8_t)m.header;
    if (!read_at(file, at, bytes + m.header, m.count, &got)) return false;
    *size += got;
    if (got < m.count) return true;
    const uint64_t n = number(bytes + m.header, m.count, m.is_big_endian);
    if (n > MOST_ENTRIES) return true;
    uint8_t *entries = bytes + *size;
    if (!read_at(file, at + m.count, entries, (size_t)n * m.entry, &got)) return false;
    *size += got;
    for (size_t i = 0; i < got / m.entry; i++) {
        if (!bring_extra_samples(file, &m, entries + i * m.entry)) return false;
    }
    return true;
}

cen_status cen__tiff_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                                uint8_t **bytes, size_t *size, cen_error *error)
{
    (void)most; /* it is not much */
    *size = 0;
    *bytes = cen__alloc(context, 16 + 8 + MOST_ENTRIES * 20, 1);
    if (*bytes == NULL) return cen__fail_memory(error, "the directory of a TIFF");
    if (read_directory(file, *bytes, size)) return CEN_OK;
    cen_status status =
        cen__fail(error, CEN_ERROR_IO, "%s: reading failed: %s", path, strerror(errno));
    cen__free(*bytes);
    *bytes = NULL;
    return status;
}
