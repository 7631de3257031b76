#include <centerloss_eval.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "format/features.h"
#include "format/fields.h"
#include "format/floats.h"
#include "format/text.h"

/* What is written: features[n, d], and rows[n] or NULL. */
typedef struct {
    const float *features;
    size_t n, d;
    const cen_feature_row *rows;
} table;

static const char *text_or_empty(const char *text)
{
    return text != NULL ? text : "";
}

/* Writes what a line holds so far and starts the next in its memory; without memory false. */
static bool flush_line(cen__text *line, cen__writer *writer)
{
    if (line->failed) return false;
    cen__writer_write(writer, line->data, line->size);
    line->size = 0;
    return true;
}

/* ---- tab-separated --------------------------------------------------------------------------- */

uint64_t cen__features_digest(const float *row, size_t d)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t j = 0; j < d; j++) {
        uint32_t bits;
        memcpy(&bits, row + j, sizeof bits);
        for (int i = 0; i < 4; i++) {
            hash = (hash ^ (bits >> 8 * i & 255)) * UINT64_C(1099511628211);
        }
    }
    return hash;
}

static bool write_names(const table *t, bool has_digests, cen__text *line, cen__writer *writer)
{
    cen__text_add(line, "row\tpath\tlabel\tclass\tsplit");
    cen__text_add(line, has_digests ? "\tdigest\n" : "\n");
    for (size_t i = 0; i < t->n; i++) {
        if (!flush_line(line, writer)) return false;
        cen__text_print(line, "%zu\t", i);
        cen__field_add_tsv(line, text_or_empty(t->rows[i].path));
        cen__text_print(line, "\t%ld\t", (long)t->rows[i].label);
        cen__field_add_tsv(line, text_or_empty(t->rows[i].class_name));
        cen__text_add(line, "\t");
        cen__field_add_tsv(line, text_or_empty(t->rows[i].split));
        if (has_digests) {
            const uint64_t digest = cen__features_digest(t->features + i * t->d, t->d);
            cen__text_print(line, "\t%016llx", (unsigned long long)digest);
        }
        cen__text_add(line, "\n");
    }
    return flush_line(line, writer);
}

static bool write_rows_tsv(const table *t, cen__text *line, cen__writer *writer)
{
    return write_names(t, true, line, writer);
}

static bool write_metadata_tsv(const table *t, cen__text *line, cen__writer *writer)
{
    return write_names(t, false, line, writer);
}

static bool write_numbers_tsv(const table *t, cen__text *line, cen__writer *writer)
{
    for (size_t i = 0; i < t->n; i++) {
        for (size_t j = 0; j < t->d; j++) {
            if (j > 0) cen__text_add(line, "\t");
            cen__text_add_float(line, t->features[i * t->d + j]);
        }
        cen__text_add(line, "\n");
        if (!flush_line(line, writer)) return false;
    }
    return true;
}

/* ---- comma-separated ------------------------------------------------------------------------- */

static bool write_csv(const table *t, cen__text *line, cen__writer *writer)
{
    cen__text_add(line, "path,label,class,split");
    for (size_t j = 0; j < t->d; j++) cen__text_print(line, ",f%zu", j);
    cen__text_add(line, "\n");
    for (size_t i = 0; i < t->n; i++) {
        if (!flush_line(line, writer)) return false;
        cen__field_add_csv(line, text_or_empty(t->rows[i].path));
        cen__text_print(line, ",%ld,", (long)t->rows[i].label);
        cen__field_add_csv(line, text_or_empty(t->rows[i].class_name));
        cen__text_add(line, ",");
        cen__field_add_csv(line, text_or_empty(t->rows[i].split));
        for (size_t j = 0; j < t->d; j++) {
            cen__text_add(line, ",");
            cen__text_add_float(line, t->features[i * t->d + j]);
        }
        cen__text_add(line, "\n");
    }
    return flush_line(line, writer);
}

/* ---- binary ---------------------------------------------------------------------------------- */

/* NumPy's format 1.0 as numpy.save writes it (numpy/lib/format.py): padded to a multiple of 64,
 * with room for the first side to grow to 21 digits. With two sides that is 128 bytes, always. */
static bool write_npy(const table *t, cen__text *line, cen__writer *writer)
{
    enum { PREFIX_SIZE = 10, HEADER_SIZE = 118 };
    static const char prefix[PREFIX_SIZE] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, HEADER_SIZE, 0};
    cen__text_add_bytes(line, prefix, sizeof prefix);
    cen__text_print(line, "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", t->n,
                    t->d);
    while (!line->failed && line->size < PREFIX_SIZE + HEADER_SIZE - 1) cen__text_add(line, " ");
    cen__text_add(line, "\n");
    if (!flush_line(line, writer)) return false;
    cen__writer_floats(writer, t->features, t->n * t->d);
    return true;
}

/* http://corpus-texmex.irisa.fr/: d as int32 before each vector. */
static bool write_fvecs(const table *t, cen__text *line, cen__writer *writer)
{
    (void)line; /* there is no text */
    for (size_t i = 0; i < t->n; i++) {
        cen__writer_u32(writer, (uint32_t)t->d);
        cen__writer_floats(writer, t->features + i * t->d, t->d);
    }
    return true;
}

/* ---- files ----------------------------------------------------------------------------------- */

typedef bool write_function(const table *t, cen__text *line, cen__writer *writer);

static const struct {
    write_function *write;
    write_function *write_beside; /* NULL: one file is all */
    const char *ending;           /* of path, taken off ... */
    const char *beside;           /* ... and this put on */
} formats[] = {
    [CEN_FEATURES_NPY] = {write_npy, write_rows_tsv, ".npy", ".tsv"},
    [CEN_FEATURES_CSV] = {write_csv, NULL, NULL, NULL},
    [CEN_FEATURES_FVECS] = {write_fvecs, write_rows_tsv, ".fvecs", ".fvecs.tsv"},
    [CEN_FEATURES_PROJECTOR] = {write_numbers_tsv, write_metadata_tsv, ".tsv", ".metadata.tsv"},
};

static cen_status start_file(cen_context *context, const char *path, write_function *write,
                             const table *t, cen__writer **writer, cen_error *error)
{
    cen__text line = {.context = context};
    cen_status status = cen__writer_create(context, writer, path, error);
    if (status != CEN_OK) return status;
    if (!write(t, &line, *writer)) {
        cen__writer_discard(writer);
        status = cen__fail_memory(error, "a line of a feature file");
    }
    cen__free(line.data);
    return status;
}

static char *exchange_ending(cen_context *context, const char *path, const char *ending,
                             const char *beside)
{
    size_t size = strlen(path), ending_size = strlen(ending);
    if (size >= ending_size && strcmp(path + size - ending_size, ending) == 0) size -= ending_size;
    char *result = cen__alloc(context, size + strlen(beside) + 1, 1);
    if (result == NULL) return NULL;
    memcpy(result, path, size);
    strcpy(result + size, beside);
    return result;
}

char *cen__features_beside(cen_context *context, const char *path, const char *ending,
                           const char *beside)
{
    char *result = exchange_ending(context, path, ending, beside);
    const bool is_there =
        result == NULL || cen__os_kind(result) != CEN__NOTHING || cen__os_is_link(result);
    if (is_there || !cen__os_is_link(path)) return result;
    const int kept = errno;
    char *file = cen__os_follow(context, path);
    if (file == NULL && errno != ENOMEM) { /* links without an end */
        errno = kept;
        return result;
    }
    cen__free(result);
    result = file != NULL ? exchange_ending(context, file, ending, beside) : NULL;
    cen__free(file);
    return result;
}

/* What can go wrong leaves the old pair. */
static cen_status write_pair(cen_context *context, const char *path, const char *beside,
                             cen_features_format format, const table *t, cen_error *error)
{
    cen__writer *writer, *writer_beside;
    cen_status status = CEN_OK;
    if (format == CEN_FEATURES_NPY) status = cen__features_finish(context, path, beside, error);
    if (status == CEN_OK) {
        status = start_file(context, path, formats[format].write, t, &writer, error);
    }
    if (status != CEN_OK) return status;
    if (beside == NULL) return cen__writer_commit(&writer, error);
    status = start_file(context, beside, formats[format].write_beside, t, &writer_beside, error);
    if (status == CEN_OK) return cen__writer_commit_pair(&writer, &writer_beside, error);
    cen__writer_discard(&writer);
    return status;
}

/* What is not finite is not read again. */
static cen_status check_finite(const char *path, const table *t, cen_error *error)
{
    for (size_t i = 0; i < t->n * t->d; i++) {
        if (isfinite(t->features[i])) continue;
        const size_t row = i / t->d;
        const char *name = t->rows != NULL ? text_or_empty(t->rows[row].path) : "";
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "%s: row %zu (from 0)%s%s has a feature that is not finite; leave it out",
                         path, row, *name != '\0' ? ", " : "", name);
    }
    return CEN_OK;
}

static cen_status fail_stream(const char *path, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: a pair of files cannot go here; name a file, or write a .csv", path);
}

static cen_status check(const char *path, cen_features_format format, const table *t,
                        cen_error *error)
{
    size_t size;
    if (path == NULL || (unsigned)format >= sizeof formats / sizeof formats[0]) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "features need a path and a format to be written in");
    }
    if (t->d == 0 || (t->n > 0 && t->features == NULL) ||
        (t->n > 0 && t->rows == NULL && format != CEN_FEATURES_FVECS)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%s: features need at least one number each, and rows that name them "
                         "(except for fvecs)",
                         path);
    }
    if (formats[format].write_beside != NULL && cen__os_is_stream(path)) {
        return fail_stream(path, error);
    }
    if (!cen__multiply(t->n, t->d, &size) || !cen__multiply(size, sizeof(float), &size) ||
        (format == CEN_FEATURES_FVECS && t->d > INT32_MAX)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%s: %zu features of %zu numbers are too many",
                         path, t->n, t->d);
    }
    return check_finite(path, t, error);
}

cen_status cen_features_replace(cen_context *context, const char *path, cen_features_format format,
                                const float *features, size_t n, size_t d,
                                const cen_feature_row *rows, cen_error *error)
{
    const table t = {features, n, d, rows};
    char *beside = NULL;
    cen_status status = check(path, format, &t, error);
    if (status != CEN_OK) return status;
    if (formats[format].write_beside != NULL && (rows != NULL || format != CEN_FEATURES_FVECS)) {
        beside =
            cen__features_beside(context, path, formats[format].ending, formats[format].beside);
        if (beside == NULL) return cen__fail_memory(error, "the name of a file");
    }
    if (beside != NULL && cen__os_is_stream(beside)) { /* nobody may read there */
        status = fail_stream(beside, error);
    } else {
        status = write_pair(context, path, beside, format, &t, error);
    }
    cen__free(beside);
    return status;
}

cen_status cen_features_lock(cen_context *context, cen_lock **lock, const char *path,
                             cen_error *error)
{
    *lock = NULL;
    if (cen__os_is_stream(path)) return CEN_OK;
    char *hidden = cen__path_hidden(context, path, ".lock");
    if (hidden == NULL && errno == ENOMEM) return cen__fail_memory(error, "the name of a file");
    if (hidden == NULL) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot write here: %s; choose another place",
                         path, strerror(errno));
    }
    cen_error why = {CEN_OK, ""};
    cen_status status = cen_lock_take(context, lock, hidden, true, &why);
    cen__free(hidden);
    if (status == CEN_OK) return CEN_OK;
    return cen__fail(error, status, "%s: %s", path, why.message);
}

cen_status cen_features_write(cen_context *context, const char *path, cen_features_format format,
                              const float *features, size_t n, size_t d,
                              const cen_feature_row *rows, cen_error *error)
{
    const table t = {features, n, d, rows};
    cen_lock *lock;
    cen_status status = check(path, format, &t, error);
    if (status == CEN_OK) status = cen_features_lock(context, &lock, path, error);
    if (status != CEN_OK) return status;
    status = cen_features_replace(context, path, format, features, n, d, rows, error);
    cen_lock_release(lock);
    return status;
}

void cen_features_normalize(float *features, size_t n, size_t d)
{
    for (size_t i = 0; i < n; i++) {
        float *row = features + i * d;
        double sum = 0;
        for (size_t j = 0; j < d; j++) sum += (double)row[j] * (double)row[j];
        if (sum == 0) continue;
        double length = sqrt(sum);
        for (size_t j = 0; j < d; j++) row[j] = (float)((double)row[j] / length);
    }
}
