#include <centerloss.h>

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/features.h"
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

/* A field has no way to quote a tab or a newline: they become \t, \n, \r, and a backslash \\. */
static void add_escaped(cen__text *line, const char *field)
{
    static const char escaped[] = "\t\n\r\\", letters[] = "tnr\\";
    while (*field != '\0') {
        size_t plain = strcspn(field, escaped);
        cen__text_add_bytes(line, field, plain);
        field += plain;
        if (*field != '\0') {
            cen__text_add(line, "\\");
            cen__text_add_bytes(line, letters + (strchr(escaped, *field) - escaped), 1);
            field++;
        }
    }
}

static bool write_rows_tsv(const table *t, cen__text *line, cen__writer *writer)
{
    cen__text_add(line, "row\tpath\tlabel\tclass\tsplit\n");
    for (size_t i = 0; i < t->n; i++) {
        if (!flush_line(line, writer)) return false;
        cen__text_print(line, "%zu\t", i);
        add_escaped(line, text_or_empty(t->rows[i].path));
        cen__text_print(line, "\t%ld\t", (long)t->rows[i].label);
        add_escaped(line, text_or_empty(t->rows[i].class_name));
        cen__text_add(line, "\t");
        add_escaped(line, text_or_empty(t->rows[i].split));
        cen__text_add(line, "\n");
    }
    return flush_line(line, writer);
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

/* RFC 4180, 2.5 to 2.7; lines end in \n alone. */
static void add_quoted(cen__text *line, const char *field)
{
    if (strpbrk(field, ",\"\r\n") == NULL) {
        cen__text_add(line, field);
        return;
    }
    cen__text_add(line, "\"");
    for (const char *quote; (quote = strchr(field, '"')) != NULL; field = quote + 1) {
        cen__text_add_bytes(line, field, (size_t)(quote - field));
        cen__text_add(line, "\"\"");
    }
    cen__text_add(line, field);
    cen__text_add(line, "\"");
}

static bool write_csv(const table *t, cen__text *line, cen__writer *writer)
{
    cen__text_add(line, "path,label,class,split");
    for (size_t j = 0; j < t->d; j++) cen__text_print(line, ",f%zu", j);
    cen__text_add(line, "\n");
    for (size_t i = 0; i < t->n; i++) {
        if (!flush_line(line, writer)) return false;
        add_quoted(line, text_or_empty(t->rows[i].path));
        cen__text_print(line, ",%ld,", (long)t->rows[i].label);
        add_quoted(line, text_or_empty(t->rows[i].class_name));
        cen__text_add(line, ",");
        add_quoted(line, text_or_empty(t->rows[i].split));
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
    [CEN_FEATURES_PROJECTOR] = {write_numbers_tsv, write_rows_tsv, ".tsv", ".metadata.tsv"},
};

static cen_status start_file(const char *path, write_function *write, const table *t,
                             cen__writer **writer, cen_error *error)
{
    cen__text line = {0};
    cen_status status = cen__writer_create(writer, path, error);
    if (status != CEN_OK) return status;
    if (!write(t, &line, *writer)) {
        cen__writer_discard(writer);
        status = cen__fail_memory(error, "a line of a feature file");
    }
    cen__free(line.data);
    return status;
}

char *cen__features_beside(const char *path, const char *ending, const char *beside)
{
    size_t size = strlen(path), ending_size = strlen(ending);
    if (size >= ending_size && strcmp(path + size - ending_size, ending) == 0) size -= ending_size;
    char *result = cen__alloc(size + strlen(beside) + 1, 1);
    if (result == NULL) return NULL;
    memcpy(result, path, size);
    strcpy(result + size, beside);
    return result;
}

/* What can go wrong leaves the old pair. */
static cen_status write_pair(const char *path, const char *beside, cen_features_format format,
                             const table *t, cen_error *error)
{
    cen__writer *writer, *writer_beside;
    cen_status status = start_file(path, formats[format].write, t, &writer, error);
    if (status != CEN_OK) return status;
    if (beside == NULL) return cen__writer_commit(&writer, error);
    status = start_file(beside, formats[format].write_beside, t, &writer_beside, error);
    if (status == CEN_OK) return cen__writer_commit_pair(&writer_beside, &writer, error);
    cen__writer_discard(&writer);
    return status;
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
    if (!cen__multiply(t->n, t->d, &size) || !cen__multiply(size, sizeof(float), &size) ||
        (format == CEN_FEATURES_FVECS && t->d > INT32_MAX)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%s: %zu features of %zu numbers are too many",
                         path, t->n, t->d);
    }
    return CEN_OK;
}

cen_status cen_features_write(const char *path, cen_features_format format, const float *features,
                              size_t n, size_t d, const cen_feature_row *rows, cen_error *error)
{
    const table t = {features, n, d, rows};
    char *beside = NULL;
    cen_status status = check(path, format, &t, error);
    if (status != CEN_OK) return status;
    if (formats[format].write_beside != NULL && (rows != NULL || format != CEN_FEATURES_FVECS)) {
        beside = cen__features_beside(path, formats[format].ending, formats[format].beside);
        if (beside == NULL) return cen__fail_memory(error, "the name of a file");
    }
    status = write_pair(path, beside, format, &t, error);
    cen__free(beside);
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
