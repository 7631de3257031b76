/* Reads the file of a gallery. */
#include "format/gallery_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/bytes.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/sizes.h"
#include "format/floats.h"

typedef struct {
    cen_context *context;
    FILE *file;
    const char *path;
    uint64_t size;
} reading;

/* Where a segment is in the file. */
typedef struct {
    cen__gallery_info_read info;
    cen__gallery_layout layout;
} segment;

static cen_status fail_reading(const reading *r, uint64_t place, cen_error *error)
{
    if (errno == 0) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: the file ends at byte %llu or before; copy it again", r->path,
                         (unsigned long long)place);
    }
    return cen__fail(error, CEN_ERROR_IO, "%s: reading failed at byte %llu: %s", r->path,
                     (unsigned long long)place, strerror(errno));
}

/* ---- one segment ----------------------------------------------------------------------------------- */

static cen_status check_headers(const reading *r, const segment *s, cen_error *error)
{
    for (cen__gallery_array i = 0; i < CEN__GALLERY_ARRAYS; i++) {
        char expected[CEN__GALLERY_HEADER_MOST], header[CEN__GALLERY_HEADER_MOST];
        const size_t size =
            cen__gallery_header(i, &s->layout, &s->info.sizes, s->info.about.d, expected);
        const uint64_t place = s->info.after + s->layout.headers[i];
        if (!cen__os_read_at(r->file, place, header, size)) return fail_reading(r, place, error);
        if (memcmp(header, expected, size) != 0) {
            return cen__fail(error, CEN_ERROR_FORMAT,
                             "%s: the header at byte %llu is damaged; copy the file again, or "
                             "make the gallery anew",
                             r->path, (unsigned long long)place);
        }
    }
    char last;
    const uint64_t place = s->info.after + s->layout.end - 1;
    if (!cen__os_read_at(r->file, place, &last, 1)) return fail_reading(r, place, error);
    if (last == '\0') return CEN_OK;
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "%s: the text that ends at byte %llu is damaged; copy the file again, or "
                     "make the gallery anew",
                     r->path, (unsigned long long)place);
}

/* Reads and checks all but the numbers of the segment after those that the file has. first: of the first segment, or
 * NULL. */
static cen_status read_segment(const reading *r, const cen__gallery_file *file,
                               const cen__gallery_about *first, segment *s, cen_error *error)
{
    const uint64_t start = file->end;
    cen_status status =
        cen__gallery_info_parse(r->context, r->file, r->path, r->size, start, &s->info, error);
    if (status != CEN_OK) return status;
    const cen__gallery_sizes *sizes = &s->info.sizes;
    const bool fits = cen__gallery_layout_make(&s->layout, sizes, s->info.about.d);
    const bool follows =
        sizes->first_row == file->n && sizes->first_name == file->n_names &&
        (first == NULL || (s->info.about.d == first->d && s->info.about.metric == first->metric));
    if (!follows) {
        status = cen__fail(error, CEN_ERROR_FORMAT,
                           "%s: what begins at byte %llu does not continue the gallery; copy "
                           "the file again",
                           r->path, (unsigned long long)start);
    } else if (!fits || s->layout.end > r->size - s->info.after) {
        status = cen__fail(error, CEN_ERROR_FORMAT,
                           "%s: the file ends at byte %llu, in the middle of %zu rows of %zu "
                           "numbers; copy it again",
                           r->path, (unsigned long long)r->size, sizes->n, s->info.about.d);
    } else {
        status = check_headers(r, s, error);
    }
    if (status != CEN_OK) cen__gallery_about_free(&s->info.about);
    return status;
}

/* *is_whole: the body of an appended segment is as it was written. */
static cen_status check_body(const reading *r, const segment *s, bool *is_whole, cen_error *error)
{
    enum { CHUNK = 1 << 16 };
    uint8_t digest[16];
    char hex[33];
    cen__blake2b hash;
    uint8_t *bytes = cen__alloc(r->context, CHUNK, 1);
    if (bytes == NULL) return cen__fail_memory(error, "a gallery");
    cen_status status = CEN_OK;
    cen__blake2b_start(&hash, sizeof digest);
    for (size_t done = 0; done < s->layout.end && status == CEN_OK; done += CHUNK) {
        const size_t rest = s->layout.end - done, size = rest < CHUNK ? rest : CHUNK;
        if (cen__os_read_at(r->file, s->info.after + done, bytes, size)) {
            cen__blake2b_add(&hash, bytes, size);
        } else {
            status = fail_reading(r, s->info.after + done, error);
        }
    }
    cen__blake2b_end(&hash, digest);
    cen__hex(digest, sizeof digest, hex);
    *is_whole = strcmp(hex, s->info.body) == 0;
    cen__free(bytes);
    return status;
}

/* ---- all segments ---------------------------------------------------------------------------------- */

/* *is_there: a segment begins after `from`, so what is there is not the rest that a killed writer left. Such a rest has
 * the arrays of one segment; after more attempts that is the answer, too, since each takes time. */
static cen_status find_segment(const reading *r, uint64_t from, bool *is_there, cen_error *error)
{
    enum { CHUNK = 1 << 16, STEP = 64, MOST_TRIES = 64 };
    cen_status status = CEN_OK;
    size_t n_tries = 0;
    uint8_t *bytes = cen__alloc(r->context, CHUNK, 1);
    if (bytes == NULL) return cen__fail_memory(error, "a gallery");
    *is_there = false;
    for (uint64_t at = from + STEP; at < r->size && !*is_there && status == CEN_OK; at += CHUNK) {
        const uint64_t rest = r->size - at;
        const size_t size = rest < CHUNK ? (size_t)rest : CHUNK;
        if (!cen__os_read_at(r->file, at, bytes, size)) {
            status = errno != 0 ? fail_reading(r, at, error) : CEN_OK;
            break; /* a writer has cut the rest off */
        }
        for (size_t i = 0; i + 6 <= size && !*is_there && status == CEN_OK; i += STEP) {
            cen__gallery_info_read info;
            if (memcmp(bytes + i, "\x93NUMPY", 6) != 0) continue;
            const cen_status found =
                cen__gallery_info_parse(r->context, r->file, r->path, r->size, at + i, &info, NULL);
            *is_there = found == CEN_OK || ++n_tries == MOST_TRIES;
            if (found == CEN_OK) cen__gallery_about_free(&info.about);
            if (found == CEN_ERROR_MEMORY) status = cen__fail_memory(error, "a gallery");
        }
    }
    cen__free(bytes);
    return status;
}

/* What cannot be read after the first segment is ignored if nothing follows it. */
static cen_status end_segments(const reading *r, const cen__gallery_file *file,
                               const cen_error *why, cen_error *error)
{
    bool is_there = false;
    if (why->status == CEN_OK) return CEN_OK;
    if (file->n_blocks == 0 || why->status != CEN_ERROR_FORMAT) {
        return cen__fail(error, why->status, "%s", why->message);
    }
    cen_status status = find_segment(r, file->end, &is_there, error);
    if (status != CEN_OK || !is_there) return status;
    return cen__fail(error, why->status, "%s", why->message);
}

static bool grow(cen__gallery_file *file, segment **segments, size_t *capacity)
{
    return cen__grow(file->context, segments, capacity, file->n_blocks + 1, sizeof **segments) &&
           cen__grow(file->context, &file->blocks, &file->capacity, file->n_blocks + 1,
                     sizeof *file->blocks);
}

static void add_segment(cen__gallery_file *file, const segment *s)
{
    file->n += s->info.sizes.n;
    file->n_names += s->info.sizes.n_names;
    file->end = s->info.after + s->layout.end;
    file->n_blocks++;
}

/* If the last segment was appended and is not complete, leaves it out and says so in *why. */
static cen_status check_last(const reading *r, cen__gallery_file *file, segment *segments,
                             cen_error *why, cen_error *error)
{
    bool is_whole = true;
    if (file->n_blocks < 2) return CEN_OK;
    segment *last = &segments[file->n_blocks - 1];
    cen_status status = check_body(r, last, &is_whole, error);
    if (status != CEN_OK || is_whole) return status;
    file->n -= last->info.sizes.n;
    file->n_names -= last->info.sizes.n_names;
    file->end = last->info.sizes.start;
    file->n_blocks--;
    cen__gallery_about_free(&last->info.about);
    (void)cen__fail(why, CEN_ERROR_FORMAT,
                    "%s: the rows after byte %llu are damaged; copy the file again", r->path,
                    (unsigned long long)file->end);
    return CEN_OK;
}

/* The caller frees *segments, and all their infos but the last, which the file takes. */
static cen_status read_segments(const reading *r, cen__gallery_file *file, segment **segments,
                                cen_error *error)
{
    size_t capacity = 0;
    cen_error why = {CEN_OK, ""};
    while (file->n_blocks == 0 || file->end < r->size) {
        if (!grow(file, segments, &capacity)) return cen__fail_memory(error, "a gallery");
        segment *next = *segments + file->n_blocks;
        const cen__gallery_about *first = file->n_blocks > 0 ? &(*segments)->info.about : NULL;
        if (read_segment(r, file, first, next, &why) != CEN_OK) break;
        add_segment(file, next);
    }
    cen_status status = CEN_OK;
    if (why.status == CEN_OK || why.status == CEN_ERROR_FORMAT) {
        status = check_last(r, file, *segments, &why, error);
    }
    return status == CEN_OK ? end_segments(r, file, &why, error) : status;
}

/* ---- memory ---------------------------------------------------------------------------------------- */

static bool is_big_endian(void)
{
    const uint16_t one = 1;
    uint8_t bytes[sizeof one];
    memcpy(bytes, &one, sizeof one);
    return bytes[0] == 0;
}

static cen_status map_file(const reading *r, cen__gallery_file *file, cen_error *error)
{
    const int kept = errno;
    if (file->end > PTRDIFF_MAX) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "%s: a file of %llu bytes is too large for this machine", r->path,
                         (unsigned long long)file->end);
    }
    file->bytes = cen__os_map(r->file, (size_t)file->end);
    file->is_mapped = file->bytes != NULL;
    errno = kept;
    if (file->is_mapped) return CEN_OK;
    void *bytes = cen__alloc(r->context, (size_t)file->end, 1);
    if (bytes == NULL) return cen__fail_memory(error, "a gallery");
    file->bytes = bytes;
    return cen__os_read_at(r->file, 0, bytes, (size_t)file->end)
               ? CEN_OK
               : fail_reading(r, file->end, error);
}

/* The features in the order of this machine. */
static cen_status turn_features(cen__gallery_file *file, cen_error *error)
{
    if (!is_big_endian()) return CEN_OK;
    file->copies = cen__alloc_zeroed(file->context, file->n_blocks, sizeof *file->copies);
    if (file->copies == NULL) return cen__fail_memory(error, "a gallery");
    for (size_t i = 0; i < file->n_blocks; i++) {
        const size_t n = file->blocks[i].n * file->about.d;
        file->copies[i] = cen__alloc(file->context, n, sizeof(float));
        if (file->copies[i] == NULL) return cen__fail_memory(error, "a gallery");
        cen__read_floats((const uint8_t *)file->blocks[i].features, CEN__F32, n, file->copies[i]);
        file->blocks[i].features = file->copies[i];
    }
    return CEN_OK;
}

static cen_status check_negatives(const reading *r, const cen__gallery_block *block,
                                  cen_error *error)
{
    for (size_t i = 0; i < block->n_negatives; i++) {
        const uint64_t row = cen__le64(block->negatives + 8 * i);
        if (row < block->n && (i == 0 || row > cen__le64(block->negatives + 8 * (i - 1)))) continue;
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: its list of negatives is damaged; copy the file again, or make the "
                         "gallery anew",
                         r->path);
    }
    return CEN_OK;
}

static cen_status set_blocks(const reading *r, cen__gallery_file *file, const segment *segments,
                             cen_error *error)
{
    cen_status status = CEN_OK;
    for (size_t i = 0; i < file->n_blocks && status == CEN_OK; i++) {
        const cen__gallery_sizes *sizes = &segments[i].info.sizes;
        const size_t *data = segments[i].layout.data;
        const uint8_t *body = (const uint8_t *)file->bytes + (size_t)segments[i].info.after;
        file->blocks[i] = (cen__gallery_block){
            .features = (const float *)(const void *)(body + data[CEN__GALLERY_FEATURES]),
            .rows = body + data[CEN__GALLERY_ROWS],
            .negatives = body + data[CEN__GALLERY_NEGATIVES],
            .names = body + data[CEN__GALLERY_NAMES],
            .text = (const char *)body + data[CEN__GALLERY_TEXT],
            .n = sizes->n,
            .n_negatives = sizes->n_negatives,
            .n_names = sizes->n_names,
            .text_size = sizes->text_size,
            .first_name = (size_t)sizes->first_name};
        if (sizes->state_size > 0) {
            file->state = body + data[CEN__GALLERY_STATE];
            file->state_size = sizes->state_size;
        }
        status = check_negatives(r, &file->blocks[i], error);
    }
    return status == CEN_OK ? turn_features(file, error) : status;
}

cen_status cen__gallery_file_read(cen_context *context, const char *path, cen__gallery_file *file,
                                  cen_error *error)
{
    cen_error why = {CEN_OK, ""};
    segment *segments = NULL;
    memset(file, 0, sizeof *file);
    file->context = context;
    /* Before it is opened: if another file gets the name in between, it counts as changed. */
    (void)cen__os_identify(path, file->identity);
    reading r = {context, cen__file_open_regular(path, &why), path, 0};
    if (r.file == NULL) return cen__fail(error, why.status, "%s", why.message);
    file->size = r.size = cen__os_file_size(r.file);
    cen_status status = read_segments(&r, file, &segments, error);
    for (size_t i = 0; i + 1 < file->n_blocks; i++)
        cen__gallery_about_free(&segments[i].info.about);
    if (file->n_blocks > 0) file->about = segments[file->n_blocks - 1].info.about;
    if (status == CEN_OK) status = map_file(&r, file, error);
    if (status == CEN_OK) status = set_blocks(&r, file, segments, error);
    cen__free(segments);
    (void)fclose(r.file);
    if (status != CEN_OK) cen__gallery_file_free(file);
    return status;
}

void cen__gallery_file_free(cen__gallery_file *file)
{
    cen__gallery_about_free(&file->about);
    for (size_t i = 0; i < file->n_blocks && file->copies != NULL; i++) cen__free(file->copies[i]);
    cen__free(file->copies);
    cen__free(file->blocks);
    if (file->is_mapped) {
        cen__os_unmap(file->bytes, (size_t)file->end);
    } else {
        cen__free((void *)(uintptr_t)file->bytes);
    }
    memset(file, 0, sizeof *file);
}
