#include "format/table.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "format/features.h"
#include "format/fields.h"
#include "format/text.h"

/* Larger files are not read. */
#define TEXT_MOST (SIZE_MAX > UINT32_MAX ? (uint64_t)1 << 33 : (uint64_t)1 << 30)

/* A text that is cut into fields in place. The NUL at the end of a field replaces the separator after it, or the end of its
 * own escapes. */
typedef struct {
    const char *path;
    char *at, *end; /* end[-1] is a newline, and no byte is NUL */
    char separator; /* '\t' with escapes, or ',' with quotes */
    size_t line;    /* from 1 */
    cen_error *error;
} reader;

/* One field of a line. */
typedef struct {
    char *text; /* NUL-terminated */
    size_t size;
    bool is_last; /* of its line */
} field;

static cen_status fail_line(const reader *r, const char *what)
{
    return cen__fail(r->error, CEN_ERROR_FORMAT, "%s: line %zu %s; export the features again",
                     r->path, r->line, what);
}

/* ---- fields ------------------------------------------------------------------------------------ */

/* Skips the end of a field: a separator, \n or \r\n. */
static cen_status end_field(reader *r, field *f)
{
    if (r->at[0] == '\r' && r->at + 1 < r->end && r->at[1] == '\n') r->at++;
    if (r->at == r->end || (*r->at != r->separator && *r->at != '\n')) {
        return fail_line(r, "has text after a closing quote");
    }
    f->is_last = *r->at++ == '\n';
    f->text[f->size] = '\0';
    return CEN_OK;
}

static cen_status next_quoted(reader *r, field *f)
{
    f->text = ++r->at;
    for (f->size = 0; r->at < r->end; r->at++) {
        if (*r->at == '"') {
            r->at++;
            if (r->at == r->end || *r->at != '"') break;
        }
        f->text[f->size++] = *r->at;
    }
    if (r->at == r->end) return fail_line(r, "has a quote that is not closed");
    return end_field(r, f);
}

/* A carriage return is part of a plain field only if no newline follows it. */
static bool is_end(const reader *r)
{
    return *r->at == r->separator || *r->at == '\n' || (r->at[0] == '\r' && r->at[1] == '\n');
}

static cen_status next_plain(reader *r, field *f)
{
    f->text = r->at;
    while (!is_end(r)) {
        if (r->separator == ',' && *r->at == '"') {
            return fail_line(r, "has a quote inside of a field that begins without one");
        }
        r->at++;
    }
    f->size = (size_t)(r->at - f->text);
    return end_field(r, f);
}

static cen_status next_field(reader *r, field *f)
{
    return r->separator == ',' && *r->at == '"' ? next_quoted(r, f) : next_plain(r, f);
}

/* One of the fields that are texts. */
static cen_status next_text(reader *r, field *f)
{
    cen_status status = next_field(r, f);
    if (status != CEN_OK) return status;
    if (!(r->separator == ',' ? cen__field_read_csv : cen__field_read_tsv)(&f->text, &f->size)) {
        return fail_line(r, "has a backslash before another letter than t, n, r, \\ or xNN");
    }
    f->text[f->size] = '\0';
    return CEN_OK;
}

/* ---- rows -------------------------------------------------------------------------------------- */

/* Decimal digits, at most 2^31 - 1, or -1. */
static bool parse_label(const char *text, int32_t *label)
{
    if (strcmp(text, "-1") == 0) {
        *label = -1;
        return true;
    }
    size_t size = strlen(text);
    if (size == 0 || size > 10 || strspn(text, "0123456789") != size) return false;
    long long value = strtoll(text, NULL, 10);
    *label = (int32_t)(value <= INT32_MAX ? value : 0);
    return value <= INT32_MAX;
}

/* path, label, class, split. */
static cen_status read_row(reader *r, cen_feature_row *row, bool *is_last)
{
    enum { N_FIELDS = 4 };
    field fields[N_FIELDS];
    for (size_t i = 0; i < N_FIELDS; i++) {
        cen_status status = (i == 1 ? next_field : next_text)(r, &fields[i]);
        if (status != CEN_OK) return status;
        if (i + 1 < N_FIELDS && fields[i].is_last) return fail_line(r, "has too few fields");
    }
    if (!parse_label(fields[1].text, &row->label)) {
        return fail_line(r, "has a label that is no whole number from -1 to 2147483647");
    }
    row->path = fields[0].text;
    row->class_name = fields[2].text;
    row->split = fields[3].text;
    *is_last = fields[3].is_last;
    return CEN_OK;
}

static cen_status read_digest(reader *r, uint64_t *digest, bool *is_last)
{
    field f;
    cen_status status = next_field(r, &f);
    if (status != CEN_OK) return status;
    *is_last = f.is_last;
    if (f.size != 16 || strspn(f.text, "0123456789abcdef") != 16) {
        return fail_line(r, "has a digest that is not 16 hexadecimal digits");
    }
    *digest = strtoull(f.text, NULL, 16);
    return CEN_OK;
}

static cen_status read_row_tsv(reader *r, size_t i, cen__table *t)
{
    field number = {0};
    int32_t row;
    bool is_last;
    cen_status status = next_field(r, &number);
    if (status != CEN_OK) return status;
    if (number.is_last) return fail_line(r, "has too few fields");
    if (!parse_label(number.text, &row) || row < 0 || (size_t)row != i) {
        return fail_line(r,
                         "is not that of the next row: rows are numbered from 0, in their order");
    }
    status = read_row(r, &t->rows[i], &is_last);
    if (status == CEN_OK && t->digests != NULL) {
        if (is_last) return fail_line(r, "has too few fields");
        status = read_digest(r, &t->digests[i], &is_last);
    }
    if (status == CEN_OK && !is_last) status = fail_line(r, "has too many fields");
    return status;
}

static bool parse_number(const field *f, float *value)
{
    static const char *const not_finite[] = {"nan", "inf", "-inf"};
    double parsed;
    for (size_t i = 0; i < 3; i++) {
        if (strcmp(f->text, not_finite[i]) != 0) continue;
        *value = NAN;
        return true;
    }
    if (!cen__number_read(f->text, f->size, &parsed)) return false;
    *value = (float)parsed;
    return true;
}

static cen_status read_row_csv(reader *r, size_t i, cen__table *t)
{
    bool is_last;
    cen_status status = read_row(r, &t->rows[i], &is_last);
    for (size_t j = 0; j < t->d && status == CEN_OK; j++) {
        field number = {0};
        if (is_last) return fail_line(r, "has fewer numbers than line 1 has columns for them");
        status = next_field(r, &number);
        if (status != CEN_OK) return status;
        is_last = number.is_last;
        if (!parse_number(&number, &t->features[i * t->d + j])) {
            status = fail_line(r, "has a feature that is no decimal number");
        }
    }
    if (status == CEN_OK && !is_last) {
        status = fail_line(r, "has more fields than line 1 has columns");
    }
    return status;
}

typedef cen_status read_row_function(reader *r, size_t i, cen__table *t);

static cen_status read_rows(reader *r, cen__table *t, read_row_function *read)
{
    for (size_t i = 0; i < t->n; i++) {
        r->line = i + 2;
        cen_status status = read(r, i, t);
        if (status != CEN_OK) return status;
    }
    return CEN_OK;
}

/* ---- files ------------------------------------------------------------------------------------- */

/* Line 1: the names, and *n_more columns after them. `more` is the name of the first of these; NULL: any. */
static cen_status read_names(reader *r, const char *const *names, size_t n_names, const char *more,
                             size_t *n_more)
{
    field f = {NULL, 0, false};
    *n_more = 0;
    for (size_t i = 0; !f.is_last; i++) {
        cen_status status = next_field(r, &f);
        if (status != CEN_OK) return status;
        bool is_name = i < n_names && strcmp(f.text, names[i]) == 0;
        if (i < n_names && (!is_name || (f.is_last && i + 1 < n_names))) {
            return cen__fail(
                r->error, CEN_ERROR_FORMAT,
                "%s: line 1 does not begin with the columns %spath, label, class, split, "
                "separated by %s",
                r->path, n_names == 5 ? "row, " : "", r->separator == ',' ? "commas" : "tabs");
        }
        *n_more += i >= n_names;
        if (more != NULL && i >= n_names && (*n_more > 1 || strcmp(f.text, more) != 0)) {
            return fail_line(r, "has too many columns");
        }
    }
    return CEN_OK;
}

static size_t count_lines(const reader *r)
{
    size_t n = 0;
    bool is_quoted = false;
    for (const char *at = r->at; at < r->end; at++) {
        if (r->separator == ',' && *at == '"') is_quoted = !is_quoted;
        n += *at == '\n' && !is_quoted;
    }
    return n;
}

/* Reads the whole file into table->text. Only a missing newline at the end shows that the last line is cut. */
static cen_status open_text(const char *path, char separator, cen__table *t, reader *r,
                            cen_error *error)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    uint8_t *bytes;
    size_t size;
    const uint64_t memory = cen__os_memory();
    const size_t most = memory > 0 && memory < TEXT_MOST ? (size_t)memory : (size_t)TEXT_MOST;
    cen_status status = cen__file_read_text(t->context, path, most, &bytes, &size, error);
    if (status != CEN_OK) return status;
    t->text = (char *)bytes;
    *r = (reader){path, t->text, t->text + size, separator, 1, error};
    if (size == 0 || t->text[size - 1] != '\n') {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: its last line does not end in a newline, so it may be cut short; "
                         "export or copy it again",
                         path);
    }
    if (size > 3 && memcmp(r->at, byte_order_mark, 3) == 0) r->at += 3;
    return CEN_OK;
}

static cen_status reserve_rows(const reader *r, bool has_digests, cen__table *t)
{
    t->n = count_lines(r);
    cen_status status =
        cen__features_fit(r->path, t->n, t->d, (uint64_t)(r->end - t->text), r->error);
    if (status != CEN_OK) return status;
    /* Line 1 may claim columns that the other lines do not have. A number takes a digit and its end, and rows
     * are filled one after the other. So there is room up to the line on which this is found. */
    size_t n_numbers = t->n * t->d, most = (size_t)(r->end - r->at) / 2;
    if (n_numbers > most) n_numbers = most;
    t->rows = cen__alloc(t->context, t->n, sizeof *t->rows);
    if (has_digests) t->digests = cen__alloc(t->context, t->n, sizeof *t->digests);
    if (t->d > 0) t->features = cen__alloc(t->context, n_numbers, sizeof *t->features);
    if (t->rows != NULL && (t->features != NULL || t->d == 0) &&
        (t->digests != NULL || !has_digests)) {
        return CEN_OK;
    }
    return cen__fail_memory(r->error, "the rows of a file");
}

cen_status cen__table_read_tsv(cen_context *context, const char *path, cen__table *table,
                               cen_error *error)
{
    static const char *const names[] = {"row", "path", "label", "class", "split"};
    reader r;
    size_t n_more;
    *table = (cen__table){.context = context};
    cen_status status = open_text(path, '\t', table, &r, error);
    if (status == CEN_OK) status = read_names(&r, names, 5, "digest", &n_more);
    if (status == CEN_OK) status = reserve_rows(&r, n_more > 0, table);
    return status == CEN_OK ? read_rows(&r, table, read_row_tsv) : status;
}

static char *move_string(const char *string, char *to)
{
    size_t size = strlen(string) + 1;
    memcpy(to, string, size);
    return to + size;
}

/* Copies the strings of the rows into memory of their own size, so that a text that is mostly numbers can be freed. */
static bool keep_strings(cen__table *t)
{
    size_t size = 0;
    for (size_t i = 0; i < t->n; i++) {
        const cen_feature_row *row = &t->rows[i];
        size += strlen(row->path) + strlen(row->class_name) + strlen(row->split) + 3;
    }
    char *kept = cen__alloc(t->context, size, 1), *at = kept;
    if (kept == NULL) return false;
    for (size_t i = 0; i < t->n; i++) {
        const char **strings[] = {&t->rows[i].path, &t->rows[i].class_name, &t->rows[i].split};
        for (size_t j = 0; j < 3; j++) {
            char *end = move_string(*strings[j], at);
            *strings[j] = at;
            at = end;
        }
    }
    cen__free(t->text);
    t->text = kept;
    return true;
}

cen_status cen__table_read_csv(cen_context *context, const char *path, cen__table *table,
                               cen_error *error)
{
    static const char *const names[] = {"path", "label", "class", "split"};
    reader r;
    *table = (cen__table){.context = context};
    cen_status status = open_text(path, ',', table, &r, error);
    if (status == CEN_OK) status = read_names(&r, names, 4, NULL, &table->d);
    if (status == CEN_OK && table->d == 0) status = fail_line(&r, "has no columns of numbers");
    if (status == CEN_OK) status = reserve_rows(&r, false, table);
    if (status == CEN_OK) status = read_rows(&r, table, read_row_csv);
    if (status == CEN_OK && !keep_strings(table)) status = cen__fail_memory(error, "names of rows");
    return status;
}

void cen__table_free(cen__table *table)
{
    cen__free(table->rows);
    cen__free(table->features);
    cen__free(table->digests);
    cen__free(table->text);
    *table = (cen__table){.n = 0};
}
