/* cl_knn cluster -o: a table, or a folder for each group. */
#include "knn_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

static bool is_table(const char *path)
{
    return strcmp(path, "-") == 0 || knn_ends_in(path, ".csv") || knn_ends_in(path, ".tsv");
}

const char *knn_group_name(const knn_groups *groups, size_t group, char *text)
{
    int width = 1;
    for (size_t n = groups->n; n >= 10 && width < 20; n /= 10) width++;
    (void)snprintf(text, 32, "%0*zu", width, group + 1);
    return text;
}

int knn_check_groups_output(const knn *s, const knn_set *set)
{
    cen_error error;
    const char *path = s->output;
    if (path == NULL) return 0;
    if (is_table(path)) {
        return cen_path_check_writable(s->context, path, &error) == CEN_OK
                   ? 0
                   : fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    if (set->folder == NULL) {
        return fail(s->tool, EXIT_USAGE,
                    "%s: a folder of groups needs the pictures, and %s has features; name the "
                    "pictures with --model RUN, or write a table with -o FILE.csv",
                    path, set->name);
    }
    if (!path_exists(path) && !path_is_special(path)) return 0;
    return fail(s->tool, EXIT_USAGE,
                "%s: this is there already, and nothing is overwritten; name a new folder, or a "
                "table that ends in .csv or .tsv",
                path);
}

/* ---- a table --------------------------------------------------------------------------------- */

/* At most twice the text, quotes and a prefix. A path that a spreadsheet takes for a formula begins with ./, which
 * leads to the same file. */
static char *put_field(char *to, const char *text, char separator)
{
    const bool is_quoted = strchr(text, separator) != NULL || strpbrk(text, "\"\r\n") != NULL;
    if (is_quoted) *to++ = '"';
    if (text[0] != '\0' && strchr("=+-@", text[0]) != NULL) *to++ = '.', *to++ = '/';
    for (; *text != '\0'; text++) {
        if (*text == '"') *to++ = '"';
        *to++ = *text;
    }
    if (is_quoted) *to++ = '"';
    return to;
}

static int write_table(const knn *s, const knn_groups *groups)
{
    enum { MORE_OF_ROW = 64 };
    const knn_set *set = groups->set;
    const char separator = knn_ends_in(s->output, ".tsv") ? '\t' : ',';
    char name[32];
    size_t size = MORE_OF_ROW;
    for (size_t i = 0; i < set->f.n; i++) {
        size += 2 * strlen(knn_row_name(set, i, name)) + MORE_OF_ROW;
    }
    char *text = malloc(size), *at = text;
    if (text == NULL) {
        return fail(s->tool, EXIT_FAILED, "%s: not enough memory for the table", s->output);
    }
    at += sprintf(at, "path%clabel\n", separator);
    for (size_t i = 0; i < set->f.n; i++) {
        at = put_field(at, knn_row_name(set, groups->rows[i], name), separator);
        const size_t group = (size_t)groups->labels[groups->rows[i]];
        at += sprintf(at, "%c%s\n", separator, knn_group_name(groups, group, name));
    }
    cen_error error;
    cen_status status = cen_file_write(s->context, s->output, text, (size_t)(at - text), &error);
    free(text);
    return status == CEN_OK ? 0 : fail(s->tool, EXIT_FAILED, "%s", error.message);
}

/* ---- a folder -------------------------------------------------------------------------------- */

static const char *last_part(const char *path)
{
    const char *name = path;
    for (; *path != '\0'; path++) {
        if (path[0] == '/' || path[0] == '\\') name = path + 1;
    }
    return name;
}

/* path[size] of the picture in a folder. A name that is taken gets a number that no other has had. */
static bool choose_path(const char *folder, const char *name, size_t *n_renamed, char *path,
                        size_t size)
{
    const char *dot = strrchr(name, '.');
    const int stem = (int)(dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name));
    int n = snprintf(path, size, "%s/%s", folder, name);
    while (n > 0 && (size_t)n < size && path_exists(path)) {
        n = snprintf(path, size, "%s/%.*s-%zu%s", folder, stem, name, ++*n_renamed, name + stem);
    }
    return n > 0 && (size_t)n < size;
}

static cen_status copy(const knn *s, const char *from, const char *to, cen_error *error)
{
    char *bytes;
    size_t size;
    cen_status status = cen_text_read(s->context, from, (size_t)1 << 30, &bytes, &size, error);
    if (status != CEN_OK) return status;
    status = cen_file_write(s->context, to, bytes, size, error);
    cen_text_free(bytes);
    return status;
}

static cen_status copy_group(const knn *s, const knn_groups *groups, size_t group,
                             size_t *n_renamed, cen_error *error)
{
    char folder[4096], path[4096], name[32];
    const int n =
        snprintf(folder, sizeof folder, "%s/%s", s->output, knn_group_name(groups, group, name));
    if (n < 0 || (size_t)n >= sizeof folder) {
        *error = (cen_error){CEN_ERROR_LIMIT, "the path of the folder is too long"};
        return error->status;
    }
    cen_status status = make_folder(folder, error);
    for (size_t i = groups->starts[group]; i < groups->starts[group + 1] && status == CEN_OK; i++) {
        const char *from = groups->set->f.rows[groups->rows[i]].path;
        if (choose_path(folder, last_part(from), n_renamed, path, sizeof path)) {
            status = copy(s, from, path, error);
        } else {
            *error = (cen_error){CEN_ERROR_LIMIT, "the path of a copy is too long"};
            status = error->status;
        }
    }
    return status;
}

static int write_folder(const knn *s, const knn_groups *groups)
{
    cen_error error;
    size_t n_renamed = 0;
    cen_status status = make_folder(s->output, &error);
    for (size_t i = 0; i < groups->n_shared && status == CEN_OK; i++) {
        status = copy_group(s, groups, i, &n_renamed, &error);
    }
    if (status == CEN_OK) return 0;
    return fail(s->tool, EXIT_FAILED, "%s; %s is not complete: remove it before the next attempt",
                error.message, s->output);
}

int knn_write_groups(const knn *s, const knn_groups *groups)
{
    if (s->output == NULL) return 0;
    return is_table(s->output) ? write_table(s, groups) : write_folder(s, groups);
}
