/* Lists of images: text with a row per image (RFC 4180), or with a name per line. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "data/folder.h"

enum { MOST_FIELDS = 64, NO_COLUMN = MOST_FIELDS, FIRST_READ = 1 << 16 };

typedef struct {
    const char *path; /* of the list, for messages */
    char *at, *end;   /* the rest of the text, with a NUL at its end */
    size_t line, row; /* of `at`; of the first line of the row that was read last */
    char separator;
    char *fields[MOST_FIELDS];
    size_t n_fields;
} list;

typedef struct {
    size_t path, label, split, group;
} columns;

static cen_status fail_row(const list *l, cen_error *error, const char *what)
{
    return cen__fail(error, CEN_ERROR_FORMAT, "%s, line %zu: %s", l->path, l->row, what);
}

/* Begins in bytes[size + 1], after the byte-order mark. */
static cen_status begin(list *l, const char *path, char *bytes, size_t size, cen_error *error)
{
    *l = (list){.path = path, .at = bytes, .end = bytes + size, .line = 1, .separator = ','};
    bytes[size] = '\0';
    if (memchr(bytes, '\0', size) != NULL) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "%s: this is no list in UTF-8, it holds bytes of 0; save it as UTF-8 text",
                         path);
    }
    if (strncmp(l->at, "\xef\xbb\xbf", 3) == 0) l->at += 3;
    const char *first = strpbrk(l->at, ",;\t\n");
    if (first != NULL && *first != '\n') l->separator = *first;
    return CEN_OK;
}

/* A field in quotes: "" is a quote, everything else is itself. */
static cen_status read_quoted(list *l, char **field, cen_error *error)
{
    char *to = ++l->at;
    bool is_closed = false;
    *field = to;
    for (; l->at < l->end; l->at++) {
        is_closed = *l->at == '"' && *++l->at != '"';
        if (is_closed) break;
        l->line += *l->at == '\n';
        *to++ = *l->at;
    }
    *to = '\0';
    if (!is_closed) return fail_row(l, error, "a quote is not closed; close it");
    if (*l->at == '\r' && (l->at[1] == '\n' || l->at + 1 == l->end)) l->at++;
    if (l->at < l->end && *l->at != l->separator && *l->at != '\n') {
        return fail_row(l, error,
                        "text follows a closing quote; write a quote within quotes as \"\"");
    }
    return CEN_OK;
}

static void read_bare(list *l, char **field)
{
    *field = l->at;
    while (l->at < l->end && *l->at != l->separator && *l->at != '\n') l->at++;
    if (*l->at != l->separator && l->at > *field && l->at[-1] == '\r') l->at[-1] = '\0';
}

/* The next row that is not empty; *is_end: there is none. */
static cen_status read_row(list *l, bool *is_end, cen_error *error)
{
    while (l->at < l->end && (*l->at == '\n' || (*l->at == '\r' && l->at[1] == '\n'))) {
        l->line += *l->at++ == '\n';
    }
    *is_end = l->at >= l->end;
    l->row = l->line;
    l->n_fields = 0;
    for (bool goes_on = !*is_end; goes_on;) {
        char *field;
        cen_status status = CEN_OK;
        if (*l->at == '"') {
            status = read_quoted(l, &field, error);
        } else {
            read_bare(l, &field);
        }
        if (status != CEN_OK) return status;
        goes_on = l->at < l->end && *l->at == l->separator;
        l->line += *l->at == '\n';
        *l->at++ = '\0';
        if (l->n_fields < MOST_FIELDS) l->fields[l->n_fields++] = field;
    }
    return CEN_OK;
}

/* ---- what a row says ----------------------------------------------------------------------- */

static size_t find_column(const list *l, const char *name)
{
    for (size_t i = 0; i < l->n_fields; i++) {
        if (cen__is_same_word(l->fields[i], name)) return i;
    }
    return NO_COLUMN;
}

/* The text of a row in a column, NULL if the row has none there. */
static const char *text_of(const list *l, size_t column)
{
    return column < l->n_fields && l->fields[column][0] != '\0' ? l->fields[column] : NULL;
}

/* Finds the columns from the first row; *is_header: this row names them. */
static cen_status find_columns(const cen_folder *folder, const list *l, columns *at,
                               bool *is_header, cen_error *error)
{
    static const char *const paths[] = {"path", "file", "filename"};
    *at = (columns){.path = NO_COLUMN, .group = NO_COLUMN};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0] && at->path == NO_COLUMN; i++) {
        at->path = find_column(l, paths[i]);
    }
    *is_header = at->path != NO_COLUMN;
    if (!*is_header) {
        *at = (columns){0, 1, 2, NO_COLUMN};
    } else {
        at->label = find_column(l, "class");
        if (at->label == NO_COLUMN) at->label = find_column(l, "label");
        at->split = find_column(l, "split");
    }
    if (!cen__group_is_column(folder)) return CEN_OK;
    if (*is_header) at->group = find_column(l, folder->options.group);
    if (at->group != NO_COLUMN) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s: no column is named \"%s\" in its first line; name one for the groups, or "
                     "use a pattern with *",
                     l->path, folder->options.group);
}

static cen_status read_split(cen_folder *folder, const list *l, const char *text,
                             bool is_validation, cen_split *split, cen_error *error)
{
    *split = is_validation ? CEN_SPLIT_VALIDATION : CEN_SPLIT_TRAIN;
    if (text == NULL) return CEN_OK;
    if (!cen__split_of_name(text, split)) {
        return fail_row(l, error, "this is no split; write train, val or test");
    }
    if (is_validation && *split != CEN_SPLIT_VALIDATION) {
        return fail_row(l, error, "a list to validate on holds rows of val only");
    }
    folder->info.has_own_split |= folder->options.unlabelled || *split == CEN_SPLIT_VALIDATION;
    return CEN_OK;
}

static bool is_absolute(const char *path)
{
#if defined(_WIN32)
    if (path[0] == '\\' || (path[0] != '\0' && path[1] == ':')) return true;
#endif
    return path[0] == '/';
}

/* *kept = the path of name, relative to the list's folder; *below is the place of name in it. */
static cen_status keep_row_path(cen_folder *folder, const char *list_folder, const char *name,
                                const char **kept, const char **below, cen_error *error)
{
    char *joined = is_absolute(name) ? cen__duplicate(folder->context, name)
                                     : cen__path_join(folder->context, list_folder, name);
    *kept = joined != NULL ? cen__folder_keep(folder, joined) : NULL;
    if (*kept != NULL) *below = *kept + strlen(*kept) - strlen(name);
    cen__free(joined);
    return *kept == NULL ? cen__fail_memory(error, "the names of files") : CEN_OK;
}

/* Rows of one class that follow each other share an entry. */
static cen_status enter_class(cen_folder *folder, cen__found *found, const char *path,
                              const char *name, cen_split split, cen_error *error)
{
    if (found->n_classes > 0) {
        const cen__class_folder *last = &found->classes[found->n_classes - 1];
        if (last->path == path && last->split == split && strcmp(last->name, name) == 0) {
            return CEN_OK;
        }
    }
    const char *kept = cen__folder_keep(folder, name);
    if (kept == NULL) return cen__fail_memory(error, "the names of classes");
    return cen__found_class(folder->context, found, path, kept, split, error);
}

static cen_status take_row(cen_folder *folder, const list *l, const columns *at,
                           const char *list_folder, bool is_validation, cen__found *found,
                           cen_error *error)
{
    const char *path = text_of(l, at->path), *label = text_of(l, at->label);
    cen__candidate row = {.image = {.label = -1}, .class_folder = SIZE_MAX, .is_named = true};
    cen_folder_image *image = &row.image;
    if (path == NULL) return fail_row(l, error, "it names no file; write path,label");
    cen_status status =
        read_split(folder, l, text_of(l, at->split), is_validation, &image->split, error);
    if (status == CEN_OK && label == NULL && image->split != CEN_SPLIT_TEST &&
        !folder->options.unlabelled) {
        status = fail_row(l, error, "it has no label; write path,label");
    }
    if (status == CEN_OK) {
        status = keep_row_path(folder, list_folder, path, &image->path, &image->name, error);
    }
    if (status == CEN_OK) {
        const char *group = text_of(l, at->group);
        status =
            cen__group_of(folder, image->name, group != NULL ? group : "", &image->group, error);
    }
    if (status == CEN_OK && label != NULL) {
        status = enter_class(folder, found, l->path, label, image->split, error);
        row.class_folder = found->n_classes - 1;
    }
    if (folder->options.unlabelled) row.place = found->place++;
    return status == CEN_OK ? cen__found_add(folder->context, found, &row, error) : status;
}

cen_status cen__scan_list(cen_folder *folder, const char *path, bool is_validation,
                          cen__found *found, cen_error *error)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    const char *kept = cen__folder_keep(folder, path);
    char *above = cen__duplicate(folder->context, path), *text = NULL;
    cen_status status =
        kept == NULL || above == NULL
            ? cen__fail_memory(error, "the name of a list")
            : cen__file_read(folder->context, path, CEN__LIST_MOST, &bytes, &size, error);
    if (status == CEN_OK) {
        text = cen__alloc(folder->context, size + 1, 1);
        if (text == NULL) status = cen__fail_memory(error, "a list of images");
    }
    list l;
    columns at = {NO_COLUMN, NO_COLUMN, NO_COLUMN, NO_COLUMN};
    bool is_end = true, is_header = false;
    if (status == CEN_OK) {
        above[cen__base_name(path) - path] = '\0';
        memcpy(text, bytes, size);
        status = begin(&l, kept, text, size, error);
    }
    cen__free(bytes); /* now, since what follows may take much memory */
    if (status == CEN_OK) status = read_row(&l, &is_end, error);
    if (status == CEN_OK && !is_end) status = find_columns(folder, &l, &at, &is_header, error);
    if (status == CEN_OK && is_header) status = read_row(&l, &is_end, error);
    if (status == CEN_OK && is_end) {
        status = cen__fail(error, CEN_ERROR_FORMAT,
                           "%s: this list names no image; write a row path,label for each", path);
    }
    while (status == CEN_OK && !is_end) {
        status = take_row(folder, &l, &at, above, is_validation, found, error);
        if (status == CEN_OK) status = read_row(&l, &is_end, error);
    }
    cen__free(above);
    cen__free(text);
    return status;
}

/* ---- names on standard input --------------------------------------------------------------- */

/* Everything on standard input, with room for a NUL. */
static cen_status read_input(cen_context *context, char **text, size_t *size, cen_error *error)
{
    size_t capacity = 0, wanted = FIRST_READ, got;
    const int kept = errno;
    do {
        if (!cen__grow(context, text, &capacity, *size + wanted + 1, 1)) {
            return cen__fail_memory(error, "the names on standard input");
        }
        got = fread(*text + *size, 1, wanted, stdin);
        *size += got;
    } while (got == wanted && *size <= CEN__LIST_MOST);
    if (ferror(stdin)) {
        return cen__fail(error, CEN_ERROR_IO, "standard input: reading failed: %s",
                         strerror(errno));
    }
    errno = kept;
    if (*size <= CEN__LIST_MOST) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "standard input: these names have more than %d bytes; name fewer at once",
                     CEN__LIST_MOST);
}

static cen_status take_name(cen_folder *folder, char *name, cen__found *found, cen_error *error)
{
    size_t length = strlen(name);
    if (length > 0 && name[length - 1] == '\r') name[--length] = '\0';
    if (length == 0) return CEN_OK;
    const char *path = cen__folder_keep(folder, name), *group;
    if (path == NULL) return cen__fail_memory(error, "the names of files");
    cen_status status = cen__group_of(folder, path, NULL, &group, error);
    if (status != CEN_OK) return status;
    cen__candidate row = {
        .image = {.path = path, .name = cen__base_name(path), .group = group, .label = -1},
        .class_folder = SIZE_MAX,
        .place = found->place++,
        .is_named = true};
    return cen__found_add(folder->context, found, &row, error);
}

cen_status cen__scan_input(cen_folder *folder, cen__found *found, cen_error *error)
{
    char *text = NULL, *next;
    size_t size = 0;
    list l;
    cen_status status = read_input(folder->context, &text, &size, error);
    if (status == CEN_OK) status = begin(&l, "standard input", text, size, error);
    for (char *name = status == CEN_OK ? l.at : NULL; name != NULL && status == CEN_OK;
         name = next) {
        next = strchr(name, '\n');
        if (next != NULL) *next++ = '\0';
        status = take_name(folder, name, found, error);
    }
    cen__free(text);
    return status;
}
