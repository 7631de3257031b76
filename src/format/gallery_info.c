/* The headers of a gallery's arrays, and its info. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/sizes.h"
#include "format/gallery_file.h"
#include "format/json.h"

enum { ALIGNMENT = 64, PREFIX = 10, INFO_HEADER = 128, DIGEST = 16 };

static const char format_name[] = "centerloss gallery 1";
static const char checksum_key[] = "{\"checksum\": \"";
static const char *const metric_names[] = {"l2", "cosine"};

/* ---- headers ------------------------------------------------------------------------------------- */

/* As numpy.save writes it, but padded so that the data begin at a multiple of ALIGNMENT if the header begins at `at`. */
static size_t make_header(char *header, size_t at, const char *descr, const char *shape)
{
    static const char prefix[PREFIX] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, 0, 0};
    memcpy(header, prefix, PREFIX);
    const int used =
        snprintf(header + PREFIX, CEN__GALLERY_HEADER_MOST - PREFIX,
                 "{'descr': %s, 'fortran_order': False, 'shape': (%s), }", descr, shape);
    const size_t text = PREFIX + (size_t)used;
    const size_t size = (at + text + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT - at;
    memset(header + text, ' ', size - text - 1);
    header[size - 1] = '\n';
    header[8] = (char)((size - PREFIX) & 255);
    header[9] = (char)((size - PREFIX) >> 8);
    return size;
}

/* INFO_HEADER bytes for any size that is used. */
static void info_header(char *header, size_t info_size)
{
    char shape[32];
    (void)snprintf(shape, sizeof shape, "%zu,", info_size);
    (void)make_header(header, 0, "'|u1'", shape);
}

size_t cen__gallery_header(cen__gallery_array array, const cen__gallery_layout *layout,
                           const cen__gallery_sizes *sizes, size_t d,
                           char header[CEN__GALLERY_HEADER_MOST])
{
    static const char *const descrs[CEN__GALLERY_ARRAYS] = {
        "'|u1'", "'<f4'", "[('name', '<u4'), ('source', '<u8'), ('digest', '|u1', (16,))]",
        "'<u8'", "'<u8'", "'|u1'"};
    const size_t counts[CEN__GALLERY_ARRAYS] = {sizes->state_size, sizes->n,
                                                sizes->n,          sizes->n_negatives,
                                                sizes->n_names,    sizes->text_size};
    char shape[64];
    if (array == CEN__GALLERY_FEATURES) {
        (void)snprintf(shape, sizeof shape, "%zu, %zu", sizes->n, d);
    } else {
        (void)snprintf(shape, sizeof shape, "%zu,", counts[array]);
    }
    return make_header(header, layout->headers[array] % ALIGNMENT, descrs[array], shape);
}

bool cen__gallery_layout_make(cen__gallery_layout *layout, const cen__gallery_sizes *sizes,
                              size_t d)
{
    const size_t bytes[CEN__GALLERY_ARRAYS] = {sizes->state_size,
                                               cen__times(cen__times(sizes->n, d), sizeof(float)),
                                               cen__times(sizes->n, CEN__GALLERY_ROW),
                                               cen__times(sizes->n_negatives, 8),
                                               cen__times(sizes->n_names, 8),
                                               sizes->text_size};
    size_t at = 0;
    for (cen__gallery_array i = 0; i < CEN__GALLERY_ARRAYS; i++) {
        char header[CEN__GALLERY_HEADER_MOST];
        layout->headers[i] = at;
        layout->data[i] = cen__plus(at, cen__gallery_header(i, layout, sizes, d, header));
        at = cen__plus(layout->data[i], bytes[i]);
    }
    layout->end = at;
    return at < PTRDIFF_MAX;
}

/* ---- writing the info ------------------------------------------------------------------------------ */

static void add_text(cen__text *text, const char *key, const char *value)
{
    cen__text_print(text, ", \"%s\": ", key);
    if (value != NULL) {
        cen__text_add_json_string(text, value);
    } else {
        cen__text_add(text, "null");
    }
}

static void add_number(cen__text *text, const char *key, uint64_t value)
{
    cen__text_print(text, ", \"%s\": %llu", key, (unsigned long long)value);
}

static void add_threshold(cen__text *text, const char *key, const cen_threshold *t)
{
    const double numbers[] = {t->distance, t->false_accepts, t->low, t->high};
    static const char *const keys[] = {"distance", "false_accepts", "low", "high"};
    if (t->n_pictures == 0) return;
    cen__text_print(text, ", \"%s\": {", key);
    for (size_t i = 0; i < 4; i++) {
        cen__text_print(text, "%s\"%s\": ", i > 0 ? ", " : "", keys[i]);
        cen__text_add_double(text, numbers[i]);
    }
    add_number(text, "n_pictures", t->n_pictures);
    add_number(text, "n_strangers", t->n_strangers);
    cen__text_add(text, "}");
}

static void add_checksum(cen__text *text, size_t start)
{
    cen__blake2b hash;
    uint8_t digest[DIGEST];
    char hex[2 * DIGEST + 1];
    const size_t place = start + sizeof checksum_key - 1, after = place + 2 * DIGEST;
    cen__blake2b_start(&hash, DIGEST);
    cen__blake2b_add(&hash, text->data + after, text->size - after);
    cen__blake2b_end(&hash, digest);
    cen__hex(digest, DIGEST, hex);
    memcpy(text->data + place, hex, 2 * DIGEST);
}

void cen__gallery_info_write(cen__text *text, const cen__gallery_about *about,
                             const cen__gallery_sizes *sizes, const char *body)
{
    char header[CEN__GALLERY_HEADER_MOST] = {0};
    const size_t start = text->size;
    cen__text_add_bytes(text, header, INFO_HEADER); /* replaced below */
    cen__text_print(text, "%s%032d\"", checksum_key, 0);
    add_text(text, "format", format_name);
    add_text(text, "metric", metric_names[about->metric]);
    add_number(text, "d", about->d);
    add_text(text, "model", about->model);
    add_text(text, "fingerprint", about->fingerprint);
    add_threshold(text, "known", &about->known);
    add_threshold(text, "same", &about->same);
    add_number(text, "start", sizes->start);
    add_number(text, "first_row", sizes->first_row);
    add_number(text, "first_name", sizes->first_name);
    add_number(text, "rows", sizes->n);
    add_number(text, "negatives", sizes->n_negatives);
    add_number(text, "names", sizes->n_names);
    add_number(text, "text", sizes->text_size);
    add_number(text, "state", sizes->state_size);
    add_text(text, "body", body);
    cen__text_add(text, "}");
    while (!text->failed && (text->size - start) % ALIGNMENT != ALIGNMENT - 1) {
        cen__text_add(text, " ");
    }
    cen__text_add(text, "\n");
    if (text->failed) return;
    info_header(header, text->size - start - INFO_HEADER);
    memcpy(text->data + start, header, INFO_HEADER);
    add_checksum(text, start + INFO_HEADER);
}

/* ---- reading it ------------------------------------------------------------------------------------ */

void cen__gallery_about_free(cen__gallery_about *about)
{
    cen__free(about->model);
    cen__free(about->fingerprint);
    about->model = about->fingerprint = NULL;
}

static bool take_count(const cen__json *object, const char *key, uint64_t *value)
{
    const cen__json *item = cen__json_get(object, key);
    if (item == NULL || item->kind != CEN__JSON_NUMBER || !item->is_integer || item->integer < 0) {
        return false;
    }
    *value = (uint64_t)item->integer;
    return true;
}

static bool take_size(const cen__json *object, const char *key, size_t *value)
{
    uint64_t number;
    if (!take_count(object, key, &number) || number > PTRDIFF_MAX) return false;
    *value = (size_t)number;
    return true;
}

static bool take_double(const cen__json *object, const char *key, double *value)
{
    const cen__json *item = cen__json_get(object, key);
    if (item == NULL || item->kind != CEN__JSON_NUMBER) return false;
    *value = item->number;
    return true;
}

static bool take_threshold(const cen__json *root, const char *key, cen_threshold *t)
{
    const cen__json *object = cen__json_get(root, key);
    memset(t, 0, sizeof *t);
    if (object == NULL) return true;
    return take_double(object, "distance", &t->distance) &&
           take_double(object, "false_accepts", &t->false_accepts) &&
           take_double(object, "low", &t->low) && take_double(object, "high", &t->high) &&
           take_size(object, "n_pictures", &t->n_pictures) &&
           take_size(object, "n_strangers", &t->n_strangers);
}

/* A copy of a text; NULL for null. */
static bool take_text(cen_context *context, const cen__json *root, const char *key, char **text,
                      bool *has_memory)
{
    const cen__json *item = cen__json_get(root, key);
    *text = NULL;
    if (item == NULL || item->kind == CEN__JSON_NULL) return true;
    if (item->kind != CEN__JSON_STRING) return false;
    *text = cen__duplicate(context, item->string);
    if (*text == NULL) *has_memory = false;
    return *text != NULL;
}

static bool take_metric(const cen__json *root, cen_metric *metric)
{
    const cen__json *item = cen__json_get(root, "metric");
    if (item == NULL || item->kind != CEN__JSON_STRING) return false;
    for (int i = 0; i <= CEN_METRIC_COSINE; i++) {
        if (strcmp(item->string, metric_names[i]) != 0) continue;
        *metric = (cen_metric)i;
        return true;
    }
    return false;
}

static bool take_all(cen_context *context, const cen__json *root, cen__gallery_info_read *info,
                     bool *has_memory)
{
    cen__gallery_about *about = &info->about;
    cen__gallery_sizes *sizes = &info->sizes;
    const cen__json *body = cen__json_get(root, "body");
    if (body == NULL || body->kind != CEN__JSON_STRING) return false;
    (void)snprintf(info->body, sizeof info->body, "%s", body->string);
    return take_size(root, "d", &about->d) && about->d > 0 && take_metric(root, &about->metric) &&
           take_threshold(root, "known", &about->known) &&
           take_threshold(root, "same", &about->same) && take_count(root, "start", &sizes->start) &&
           take_count(root, "first_row", &sizes->first_row) &&
           take_count(root, "first_name", &sizes->first_name) &&
           take_size(root, "rows", &sizes->n) &&
           take_size(root, "negatives", &sizes->n_negatives) &&
           take_size(root, "names", &sizes->n_names) &&
           take_size(root, "text", &sizes->text_size) && sizes->text_size > 0 &&
           sizes->text_size % ALIGNMENT == 0 && sizes->n_negatives <= sizes->n &&
           take_size(root, "state", &sizes->state_size) &&
           take_text(context, root, "model", &about->model, has_memory) &&
           take_text(context, root, "fingerprint", &about->fingerprint, has_memory);
}

static bool has_checksum(const char *text, size_t size)
{
    const size_t place = sizeof checksum_key - 1, after = place + 2 * DIGEST;
    cen__blake2b hash;
    uint8_t digest[DIGEST];
    char hex[2 * DIGEST + 1];
    if (size < after || memcmp(text, checksum_key, place) != 0) return false;
    cen__blake2b_start(&hash, DIGEST);
    cen__blake2b_add(&hash, text + after, size - after);
    cen__blake2b_end(&hash, digest);
    cen__hex(digest, DIGEST, hex);
    return memcmp(text + place, hex, 2 * DIGEST) == 0;
}

static cen_status fail_damaged(const char *path, uint64_t start, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "%s: the description at byte %llu is damaged; copy the file again, or "
                     "make the gallery anew",
                     path, (unsigned long long)start);
}

static cen_status parse_text(cen_context *context, const char *path, uint64_t start,
                             const char *text, size_t size, cen__gallery_info_read *info,
                             cen_error *error)
{
    bool has_memory = true;
    cen__json_document *document;
    if (!has_checksum(text, size)) return fail_damaged(path, start, error);
    cen_status status = cen__json_parse(context, text, size, &document, NULL);
    if (status == CEN_ERROR_MEMORY) return cen__fail_memory(error, "a gallery");
    if (status != CEN_OK) return fail_damaged(path, start, error);
    const cen__json *root = cen__json_root(document);
    const cen__json *format = cen__json_get(root, "format");
    if (format == NULL || format->kind != CEN__JSON_STRING ||
        strcmp(format->string, format_name) != 0) {
        status =
            cen__fail(error, CEN_ERROR_UNSUPPORTED,
                      "%s: this gallery is not of the format '%s'; take a newer version of this "
                      "program",
                      path, format_name);
    } else if (!take_all(context, root, info, &has_memory) || info->sizes.start != start) {
        status =
            has_memory ? fail_damaged(path, start, error) : cen__fail_memory(error, "a gallery");
    }
    cen__json_free(document);
    return status;
}

/* Bytes of the info whose header this is; 0: it is none. */
static size_t info_size(const char *header)
{
    char expected[CEN__GALLERY_HEADER_MOST];
    const char *digits = memchr(header, '(', INFO_HEADER);
    size_t size = 0;
    for (int i = 0; i < 7 && digits != NULL && digits + 1 + i < header + INFO_HEADER; i++) {
        const char c = digits[1 + i];
        if (c < '0' || c > '9') break;
        size = size * 10 + (size_t)(c - '0');
    }
    if (size == 0 || size > CEN__GALLERY_INFO_MOST || size % ALIGNMENT != 0) return 0;
    info_header(expected, size);
    return memcmp(header, expected, INFO_HEADER) == 0 ? size : 0;
}

cen_status cen__gallery_info_parse(cen_context *context, FILE *file, const char *path,
                                   uint64_t file_size, uint64_t start, cen__gallery_info_read *info,
                                   cen_error *error)
{
    char header[INFO_HEADER];
    memset(info, 0, sizeof *info);
    const uint64_t there = file_size - start;
    if (there < INFO_HEADER) return fail_damaged(path, start, error);
    if (!cen__os_read_at(file, start, header, INFO_HEADER)) {
        return cen__fail(error, CEN_ERROR_IO, "%s: reading failed at byte %llu", path,
                         (unsigned long long)start);
    }
    const size_t size = info_size(header);
    if (size == 0 || size > there - INFO_HEADER) {
        if (start > 0 || memcmp(header, "\x93NUMPY", 6) == 0)
            return fail_damaged(path, start, error);
        return cen__fail(
            error, CEN_ERROR_FORMAT,
            "%s: this is no gallery; name a file that 'cl_knn enroll' or cen_gallery_save "
            "wrote",
            path);
    }
    char *text = cen__alloc(context, size, 1);
    if (text == NULL) return cen__fail_memory(error, "a gallery");
    cen_status status = CEN_OK;
    if (!cen__os_read_at(file, start + INFO_HEADER, text, size)) {
        status = cen__fail(error, CEN_ERROR_IO, "%s: reading failed at byte %llu", path,
                           (unsigned long long)start);
    }
    if (status == CEN_OK) status = parse_text(context, path, start, text, size, info, error);
    cen__free(text);
    if (status != CEN_OK) cen__gallery_about_free(&info->about);
    info->after = start + INFO_HEADER + size;
    return status;
}
