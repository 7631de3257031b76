/* Writes the segments of a gallery: all rows as the first one of a new file, or new rows as one more. */
#include "search/gallery.h"

#include <errno.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/sizes.h"
#include "format/floats.h"

enum { ALIGNMENT = 64 };

static const char zeros[ALIGNMENT];

/* ---- a new file ------------------------------------------------------------------------------------ */

/* What is written: names without a row are left out, and the others are numbered anew, in their order. */
typedef struct {
    const cen_gallery *gallery;
    cen__gallery_sizes sizes;
    cen__gallery_layout layout;
    uint32_t *numbers; /* [n_names] of a label, the number it gets + 1; 0: it has no row */
    size_t text_size;  /* without padding */
    cen__writer *writer;
} plan;

static cen_status count_row(plan *p, size_t i, cen_error *error)
{
    cen_gallery_row row;
    size_t label;
    cen_status status = cen_gallery_row_get(p->gallery, i, &row, error);
    if (status == CEN_OK) status = cen__gallery_label(p->gallery, i, &label, error);
    if (status != CEN_OK) return status;
    if (p->numbers[label] == 0) {
        p->numbers[label] = 1;
        p->text_size = cen__plus(p->text_size, strlen(row.name) + 1);
    }
    if (*row.source != '\0') p->text_size = cen__plus(p->text_size, strlen(row.source) + 1);
    return CEN_OK;
}

static cen_status make_plan(plan *p, cen_error *error)
{
    const cen_gallery *g = p->gallery;
    cen_status status = CEN_OK;
    p->numbers = cen__alloc_zeroed(g->context, g->n_names, sizeof *p->numbers);
    if (p->numbers == NULL) return cen__fail_memory(error, "the file of a gallery");
    p->text_size = 1;
    for (size_t i = 0; i < g->info.n && status == CEN_OK; i++) status = count_row(p, i, error);
    if (status != CEN_OK) return status;
    size_t n_names = 0;
    for (size_t i = 0; i < g->n_names; i++) {
        if (p->numbers[i] != 0) p->numbers[i] = (uint32_t)++n_names;
    }
    p->sizes = (cen__gallery_sizes){.n = g->info.n,
                                    .n_negatives = g->info.n_negatives,
                                    .n_names = n_names,
                                    .text_size = cen__round_up(p->text_size, ALIGNMENT),
                                    .state_size = g->state_size};
    if (cen__gallery_layout_make(&p->layout, &p->sizes, g->info.d)) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT, "a gallery of %zu rows is too large for this machine",
                     g->info.n);
}

static void write_header(const plan *p, cen__gallery_array array)
{
    char header[CEN__GALLERY_HEADER_MOST];
    const size_t size =
        cen__gallery_header(array, &p->layout, &p->sizes, p->gallery->info.d, header);
    cen__writer_write(p->writer, header, size);
}

static void write_features(const plan *p)
{
    const cen_gallery *g = p->gallery;
    write_header(p, CEN__GALLERY_FEATURES);
    for (size_t s = 0; s < g->n_spans; s++) {
        const cen__gallery_span *span = &g->spans[s];
        cen__writer_floats(p->writer, g->blocks[span->block].features + span->place * g->info.d,
                           span->n * g->info.d);
    }
}

static const uint8_t *row_bytes(const cen_gallery *g, size_t i, const char **source, size_t *label)
{
    const cen__gallery_block *block;
    const uint8_t *bytes = cen__gallery_bytes(g, i, &block);
    *source = cen__gallery_source(block, bytes);
    (void)cen__gallery_label(g, i, label, NULL); /* count_row has checked both */
    return bytes;
}

/* The text: "", the names, the sources. */
static void write_rows(const plan *p, size_t sources)
{
    const cen_gallery *g = p->gallery;
    write_header(p, CEN__GALLERY_ROWS);
    for (size_t i = 0; i < g->info.n; i++) {
        const char *source;
        size_t label;
        const uint8_t *digest = row_bytes(g, i, &source, &label) + CEN__GALLERY_DIGEST;
        cen__writer_u32(p->writer, p->numbers[label] - 1);
        cen__writer_u64(p->writer, *source != '\0' ? sources : 0);
        cen__writer_write(p->writer, digest, CEN_DIGEST_SIZE);
        if (*source != '\0') sources += strlen(source) + 1;
    }
    write_header(p, CEN__GALLERY_NEGATIVES);
    for (size_t i = 0; i < g->info.n_negatives; i++) cen__writer_u64(p->writer, g->negatives[i]);
}

/* Returns where the sources begin. */
static size_t write_names(const plan *p, bool writes)
{
    size_t at = 1;
    if (writes) write_header(p, CEN__GALLERY_NAMES);
    for (size_t i = 0; i < p->gallery->n_names; i++) {
        if (p->numbers[i] == 0) continue;
        if (writes) cen__writer_u64(p->writer, at);
        at += strlen(cen__gallery_text(p->gallery, i)) + 1;
    }
    return at;
}

static void write_text(const plan *p)
{
    const cen_gallery *g = p->gallery;
    write_header(p, CEN__GALLERY_TEXT);
    cen__writer_write(p->writer, zeros, 1);
    for (size_t i = 0; i < g->n_names; i++) {
        const char *name = p->numbers[i] != 0 ? cen__gallery_text(g, i) : NULL;
        if (name != NULL) cen__writer_write(p->writer, name, strlen(name) + 1);
    }
    for (size_t i = 0; i < g->info.n; i++) {
        const char *source;
        size_t label;
        (void)row_bytes(g, i, &source, &label);
        if (*source != '\0') cen__writer_write(p->writer, source, strlen(source) + 1);
    }
    cen__writer_write(p->writer, zeros, p->sizes.text_size - p->text_size);
}

static cen_status write_plan(plan *p, const char *path, cen_error *error)
{
    const cen_gallery *g = p->gallery;
    cen__text info = {.context = g->context};
    cen__gallery_info_write(&info, &g->about, &p->sizes, "");
    cen_status status = info.failed ? cen__fail_memory(error, "the file of a gallery")
                                    : cen__writer_create(g->context, &p->writer, path, error);
    if (status == CEN_OK) {
        cen__writer_write(p->writer, info.data, info.size);
        write_header(p, CEN__GALLERY_STATE);
        cen__writer_write(p->writer, g->state, g->state_size);
        write_features(p);
        write_rows(p, write_names(p, false));
        (void)write_names(p, true);
        write_text(p);
        status = cen__writer_commit(&p->writer, error);
    }
    cen__free(info.data);
    return status;
}

cen_status cen__gallery_write(const cen_gallery *gallery, const char *path, cen_error *error)
{
    plan p = {.gallery = gallery};
    cen_status status = make_plan(&p, error);
    if (status == CEN_OK) status = write_plan(&p, path, error);
    cen__free(p.numbers);
    return status;
}

/* ---- one more segment ------------------------------------------------------------------------------ */

static void add_array(cen__text *body, cen__gallery_array array, const cen__gallery_layout *layout,
                      const cen__gallery_sizes *sizes, size_t d, const void *bytes, size_t size)
{
    char header[CEN__GALLERY_HEADER_MOST];
    const size_t header_size = cen__gallery_header(array, layout, sizes, d, header);
    cen__text_add_bytes(body, header, header_size);
    cen__text_add_bytes(body, bytes, size);
}

static void add_features(cen__text *body, const cen__gallery_layout *layout,
                         const cen__gallery_sizes *sizes, const float *features, size_t d)
{
    enum { CHUNK = 1024 };
    uint8_t bytes[CHUNK * sizeof(float)];
    const size_t n = sizes->n * d;
    add_array(body, CEN__GALLERY_FEATURES, layout, sizes, d, bytes, 0);
    for (size_t done = 0; done < n; done += CHUNK) {
        const size_t count = n - done < CHUNK ? n - done : CHUNK;
        cen__put_floats(bytes, features + done, count);
        cen__text_add_bytes(body, (const char *)bytes, count * sizeof(float));
    }
}

/* The info and the arrays of the growing block, which may be missing. */
static bool make_segment(const cen_gallery *g, cen__text *info, cen__text *body)
{
    const cen__gallery_block none = {.text = zeros, .text_size = 1};
    const cen__gallery_block *b = g->has_growing ? &g->blocks[g->n_blocks - 1] : &none;
    const size_t d = g->info.d;
    const cen__gallery_sizes sizes = {.start = g->end,
                                      .first_row = g->info.n - b->n,
                                      .first_name = g->n_names - b->n_names,
                                      .n = b->n,
                                      .n_negatives = b->n_negatives,
                                      .n_names = b->n_names,
                                      .text_size = cen__round_up(b->text_size, ALIGNMENT),
                                      .state_size = g->has_other_state ? g->state_size : 0};
    cen__gallery_layout layout;
    if (!cen__gallery_layout_make(&layout, &sizes, d)) return false;
    add_array(body, CEN__GALLERY_STATE, &layout, &sizes, d, g->state, sizes.state_size);
    add_features(body, &layout, &sizes, b->features, d);
    add_array(body, CEN__GALLERY_ROWS, &layout, &sizes, d, b->rows, b->n * CEN__GALLERY_ROW);
    add_array(body, CEN__GALLERY_NEGATIVES, &layout, &sizes, d, b->negatives, b->n_negatives * 8);
    add_array(body, CEN__GALLERY_NAMES, &layout, &sizes, d, b->names, b->n_names * 8);
    add_array(body, CEN__GALLERY_TEXT, &layout, &sizes, d, b->text, b->text_size);
    cen__text_add_bytes(body, zeros, sizes.text_size - b->text_size);
    if (body->failed) return false;
    uint8_t digest[16];
    char hex[33];
    cen__blake2b hash;
    cen__blake2b_start(&hash, sizeof digest);
    cen__blake2b_add(&hash, body->data, body->size);
    cen__blake2b_end(&hash, digest);
    cen__hex(digest, sizeof digest, hex);
    cen__gallery_info_write(info, &g->about, &sizes, hex);
    return !info->failed;
}

/* A rest that cannot be cut off again is ignored by readers. */
static cen_status write_segment(const cen_gallery *g, FILE *file, const cen__text *info,
                                const cen__text *body, cen_error *error)
{
    (void)setvbuf(file, NULL, _IONBF, 0); /* so that closing writes nothing after a failure */
    bool is_written = fwrite(info->data, 1, info->size, file) == info->size &&
                      fwrite(body->data, 1, body->size, file) == body->size && cen__os_sync(file);
    int failure = is_written ? 0 : errno != 0 ? errno : EIO;
    if (!is_written) (void)cen__os_cut(file, g->end);
    if (fclose(file) != 0 && is_written) failure = errno != 0 ? errno : EIO;
    if (failure == 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: writing failed: %s; free some space or choose another place, what stood "
                     "there before is untouched",
                     g->path, strerror(failure));
}

cen_status cen__gallery_append(cen_gallery *g, bool *is_possible, cen_error *error)
{
    const int kept = errno;
    cen__text info = {.context = g->context}, body = {.context = g->context};
    *is_possible = true;
    cen_status status = make_segment(g, &info, &body)
                            ? CEN_OK
                            : cen__fail_memory(error, "the new rows of a gallery");
    FILE *file = status == CEN_OK ? cen__os_open_end(g->path, g->end) : NULL;
    if (status == CEN_OK && file == NULL) {
        *is_possible = errno != ENOSYS;
        status = errno == ENOMEM ? cen__fail_memory(error, "the new rows of a gallery")
                                 : cen__fail(error, CEN_ERROR_IO,
                                             "%s: cannot write here: %s; choose another place",
                                             g->path, strerror(errno));
    }
    if (file != NULL) {
        status = write_segment(g, file, &info, &body, error);
        if (status == CEN_OK) {
            g->size = g->end += info.size + body.size;
            g->has_growing = g->has_other_state = false;
            g->info.n_unfinished = 0;
            errno = kept;
        }
    }
    cen__free(info.data);
    cen__free(body.data);
    return status;
}
