/* cl_knn add, remove, rename: small changes of a .gallery. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "knn_gallery.h"
#include "system.h"

static int out_of_memory(const knn *s, const char *path)
{
    return fail(s->tool, EXIT_FAILED, "%s: not enough memory for the pictures", path);
}

/* ---- rows for pictures ---- */

typedef struct new_rows {
    cen_gallery_row *rows; /* [n] */
    char **sources;        /* [n_sources] of pictures in files */
    size_t *places;        /* [n] in the set */
    size_t n, n_sources, n_there;
} new_rows;

static void free_rows(new_rows *new)
{
    for (size_t i = 0; i < new->n_sources; i++) free(new->sources[i]);
    free(new->sources);
    free(new->places);
    free(new->rows);
}

/* The digests of pictures that another gallery knows. Its negatives are no rows of a set. */
static int take_digests(const knn *s, const char *path, new_rows *new)
{
    cen_gallery *gallery;
    cen_gallery_row row;
    cen_error error;
    if (cen_gallery_load(s->context, &gallery, path, false, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    const size_t n_rows = cen_gallery_get(gallery)->n;
    size_t n = 0;
    int code = 0;
    for (size_t i = 0; code == 0 && i < n_rows && n < new->n; i++) {
        if (!knn_gallery_row(s, gallery, i, &row)) code = EXIT_FAILED;
        if (code == 0 && !row.is_negative) {
            memcpy(new->rows[n++].digest, row.digest, sizeof row.digest);
        }
    }
    cen_gallery_free(gallery);
    return code;
}

static int make_rows(const knn *s, const knn_set *set, const char *name, new_rows *new)
{
    *new = (new_rows){.rows = calloc(set->f.n + 1, sizeof *new->rows),
                      .sources = calloc(set->f.n + 1, sizeof *new->sources),
                      .places = calloc(set->f.n + 1, sizeof *new->places)};
    if (new->rows == NULL || new->sources == NULL || new->places == NULL)
        return out_of_memory(s, set->name);
    for (size_t i = 0; i < set->f.n; i++) {
        cen_gallery_row *row = &new->rows[new->n];
        new->places[new->n++] = i;
        row->name = name;
        row->source = set->f.rows[i].path;
        row->is_negative = s->is_negative;
        row->feature = set->f.features + i * set->f.d;
        if (set->folder == NULL) continue;
        const cen_folder_image *image = &cen_folder_get(set->folder)->images[set->images[i]];
        memcpy(row->digest, image->digest, sizeof row->digest);
        char *source = knn_source_of(image->path);
        if (source == NULL) return out_of_memory(s, set->name);
        row->source = new->sources[new->n_sources++] = source;
    }
    return set->folder == NULL && knn_is_gallery(set->name) ? take_digests(s, set->name, new) : 0;
}

/* ---- pictures that are there already ---- */

static int compare_digests(const void *a, const void *b)
{
    const cen_gallery_row *const *one = a, *const *other = b;
    return memcmp((*one)->digest, (*other)->digest, CEN_DIGEST_SIZE);
}

/* What a new row is to one of the same bytes: a repetition is left out, a contradiction is refused. */
static int compare_rows(const knn *s, const char *path, cen_gallery_row *new,
                        const cen_gallery_row *old)
{
    const bool is_same = strcmp(new->name, old->name) == 0;
    if (is_same && new->is_negative == old->is_negative) {
        new->feature = NULL;
        return 0;
    }
    if (new->is_negative ? !is_same : !is_same && old->is_negative) return 0;
    return fail(s->tool, EXIT_FAILED,
                "%s: the same picture is in %s as %s%s, from %s; remove it there, if that is wrong",
                new->source, path, old->is_negative ? "a negative of " : "", old->name,
                old->source[0] != '\0' ? old->source : "a row without a path");
}

/* Marks repetitions by a feature of NULL. sorted[n]: new rows by digest. */
static int check_old_rows(const knn *s, const knn_change *c, cen_gallery_row **sorted, size_t n)
{
    const size_t n_old = cen_gallery_get(c->gallery)->n;
    int code = 0;
    for (size_t i = 0; i < n_old && code == 0; i++) {
        cen_gallery_row old, *key = &old;
        if (!knn_gallery_row(s, c->gallery, i, &old)) return EXIT_FAILED;
        cen_gallery_row **found = knn_has_digest(old.digest)
                                      ? bsearch(&key, sorted, n, sizeof *sorted, compare_digests)
                                      : NULL;
        if (found == NULL) continue;
        while (found > sorted && compare_digests(found - 1, &key) == 0) found--;
        for (; found < sorted + n && compare_digests(found, &key) == 0 && code == 0; found++) {
            code = compare_rows(s, c->path, *found, &old);
        }
    }
    return code;
}

/* Leaves out the pictures that are in the gallery under this name already, or come twice. */
static int drop_repetitions(const knn *s, const knn_change *c, new_rows *new)
{
    cen_gallery_row **sorted = malloc((new->n + 1) * sizeof *sorted);
    if (sorted == NULL) return out_of_memory(s, c->path);
    for (size_t i = 0; i < new->n; i++) sorted[i] = &new->rows[i];
    qsort(sorted, new->n, sizeof *sorted, compare_digests);
    int code = check_old_rows(s, c, sorted, new->n);
    for (size_t i = 1; i < new->n &&code == 0; i++) {
        if (!knn_has_digest(sorted[i]->digest) || compare_digests(&sorted[i - 1], &sorted[i]) != 0)
            continue;
        sorted[i]->feature = NULL;
    }
    free(sorted);
    size_t n = 0;
    for (size_t i = 0; i < new->n; i++) {
        if (new->rows[i].feature == NULL) continue;
        new->places[n] = new->places[i];
        new->rows[n++] = new->rows[i];
    }
    new->n_there = new->n - n;
    new->n = n;
    return code;
}

/* ---- add ---- */

static int count_name(const knn *s, const knn_change *c, const char *name, knn_name *count)
{
    size_t n;
    size_t *rows = knn_rows_of(s, c->path, c->gallery, name, &n);
    bool is_read = rows != NULL;
    *count = (knn_name){name, 0, 0};
    for (size_t i = 0; i < n && is_read; i++) {
        cen_gallery_row row;
        is_read = knn_gallery_row(s, c->gallery, rows[i], &row);
        if (is_read) *(row.is_negative ? &count->n_negatives : &count->n) += 1;
    }
    free(rows);
    return is_read ? 0 : EXIT_FAILED;
}

/* The name of a negative must be there; a name that is enrolled may have negatives only. */
static int check_name(const knn *s, const knn_change *c, const char *name, bool is_new)
{
    knn_name count;
    if (!s->is_negative && !is_new) return 0;
    const int code = count_name(s, c, name, &count);
    if (code != 0) return code;
    if (s->is_negative && count.n + count.n_negatives == 0)
        return knn_no_such_name(s, c->path, c->gallery, name);
    if (count.n == 0 || !is_new) return 0;
    return knn_class_is_there(s, c->path, name, count.n);
}

int knn_add_rows(const knn *s, knn_change *c, const char *name, const knn_set *set, bool is_new,
                 knn_added *added)
{
    new_rows new = {.rows = NULL};
    cen_error error;
    const size_t d = cen_gallery_get(c->gallery)->d;
    char text[64];
    int code = 0;
    if (d != set->f.d) {
        code = fail(s->tool, EXIT_FAILED,
                    "%s: features of %s, but %s holds %zu; both must come from one model",
                    set->name, counted(set->f.d, "number", text), c->path, d);
    }
    if (code == 0 && set->folder != NULL) code = knn_check_model(s);
    if (code == 0) code = check_name(s, c, name, is_new);
    if (code == 0) code = make_rows(s, set, name, &new);
    if (code == 0) code = drop_repetitions(s, c, &new);
    if (code == 0 && cen_gallery_add(c->gallery, new.rows, new.n, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", c->path, error.message);
    }
    *added =
        (knn_added){.n = new.n, .n_there = new.n_there, .n_rows = cen_gallery_get(c->gallery)->n};
    if (code == 0 && !s->is_negative) {
        code = knn_check_pictures(s, c->gallery, set, new.places, new.n, &added->doubts);
    }
    free_rows(&new);
    return code;
}

int knn_add_pictures(knn *s, const char *path, const char *name, const knn_set *set, bool is_new,
                     knn_added *added)
{
    knn_change change;
    *added = (knn_added){.n = 0};
    int code = knn_change_begin(s, path, true, set->folder == NULL ? set->f.d : 0, &change);
    if (code == 0) code = knn_add_rows(s, &change, name, set, is_new, added);
    if (code == 0 && added->n > 0) code = knn_change_save(s, &change);
    knn_change_end(&change);
    return code;
}

static void print_added(const knn *s, const char *path, const knn_set *set, const char *name,
                        const knn_added *added)
{
    char a[64], b[64];
    if (s->as_json) {
        printf("{\"gallery\": ");
        print_json_string(stdout, path);
        printf(", \"name\": ");
        print_json_string(stdout, name);
        printf(", \"negative\": %s, \"n_added\": %zu, \"n_there\": %zu, \"n_rows\": %zu, ",
               s->is_negative ? "true" : "false", added->n, added->n_there, added->n_rows);
        knn_json_doubts(set, &added->doubts);
        printf(", ");
        knn_json_notes(set, NULL);
        printf("}\n");
        return;
    }
    if (s->is_quiet) return;
    print_names(stdout, "%s: %s added as %s%s; the gallery has %s\n", path,
                counted(added->n, "picture", a), s->is_negative ? "negatives of " : "", name,
                counted(added->n_rows, "row", b));
    if (added->n_there == 0) return;
    printf("%s %s there already\n", with_commas(added->n_there, a),
           added->n_there == 1 ? "was" : "were");
}

int knn_add(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths < 3 || paths[1][0] == '\0') {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery, a name and pictures: cl_knn add GALLERY NAME IMAGE...");
    }
    int code = knn_need_gallery(s, paths[0]);
    if (code == 0) code = knn_gallery_peek(s, paths[0]);
    if (code != 0) return code;
    knn_set set;
    knn_added added = {.n = 0};
    s->asks_digests = true;
    code = knn_set_load(s, paths + 2, n_paths - 2, NULL, &set);
    if (code != 0) return code;
    code = set.f.n > 0 ? knn_add_pictures(s, paths[0], paths[1], &set, false, &added)
                       : fail(s->tool, EXIT_FAILED, "%s: there is nothing in it to add", paths[2]);
    if (code == 0) knn_print_doubts(s, &set, &added.doubts);
    if (code == 0) print_added(s, paths[0], &set, paths[1], &added);
    knn_doubts_free(&added.doubts);
    knn_set_free(&set);
    return code;
}

/* ---- remove ---- */

/* Rows to remove, each once. */
typedef struct row_list {
    size_t *rows, n;
    bool *has; /* [rows of the gallery] */
} row_list;

static void list_row(row_list *list, size_t row)
{
    if (!list->has[row]) list->rows[list->n++] = row;
    list->has[row] = true;
}

/* Adds the rows with the path of a picture; without any, those of the same bytes. */
static int list_pictures(const knn *s, const knn_change *c, const char *picture, row_list *list)
{
    const size_t n_rows = cen_gallery_get(c->gallery)->n;
    uint8_t digest[CEN_DIGEST_SIZE];
    char *source = knn_source_of(picture);
    bool is_found = false;
    if (source == NULL) return out_of_memory(s, c->path);
    for (int by_digest = 0; by_digest < 2 && !is_found; by_digest++) {
        if (by_digest && (!path_exists(picture) || path_is_folder(picture) ||
                          cen_file_digests(s->context, &picture, 1, &digest, NULL) != CEN_OK)) {
            break;
        }
        for (size_t i = 0; i < n_rows; i++) {
            cen_gallery_row row;
            if (!knn_gallery_row(s, c->gallery, i, &row)) {
                free(source);
                return EXIT_FAILED;
            }
            const bool is_it =
                by_digest ? memcmp(row.digest, digest, sizeof digest) == 0
                          : strcmp(row.source, source) == 0 || strcmp(row.source, picture) == 0;
            if (!is_it) continue;
            is_found = true;
            list_row(list, i);
        }
    }
    free(source);
    if (is_found) return 0;
    return knn_no_such_name(s, c->path, c->gallery, picture);
}

static int list_argument(const knn *s, const knn_change *c, const char *argument, row_list *list)
{
    size_t n;
    size_t *rows = knn_rows_of(s, c->path, c->gallery, argument, &n);
    if (rows == NULL) return EXIT_FAILED;
    for (size_t i = 0; i < n; i++) list_row(list, rows[i]);
    free(rows);
    return n > 0 ? 0 : list_pictures(s, c, argument, list);
}

static void print_removed(const knn *s, const knn_change *c, size_t n)
{
    const size_t n_rows = cen_gallery_get(c->gallery)->n;
    char a[64], b[64];
    if (s->as_json) {
        printf("{\"gallery\": ");
        print_json_string(stdout, c->path);
        printf(", \"n_removed\": %zu, \"n_rows\": %zu}\n", n, n_rows);
    } else if (!s->is_quiet) {
        print_names(stdout, "%s: %s removed; the gallery has %s\n", c->path,
                    counted(n, "picture", a), counted(n_rows, "row", b));
    }
}

int knn_remove(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths < 2) {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery, and names or pictures: cl_knn remove GALLERY NAME|IMAGE...");
    }
    knn_change c;
    int code = knn_need_gallery(s, paths[0]);
    if (code == 0) code = knn_change_begin(s, paths[0], false, 0, &c);
    if (code != 0) return code;
    const size_t n_rows = cen_gallery_get(c.gallery)->n;
    row_list list = {malloc((n_rows + 1) * sizeof *list.rows), 0,
                     calloc(n_rows + 1, sizeof *list.has)};
    cen_error error;
    if (list.rows == NULL || list.has == NULL) code = out_of_memory(s, paths[0]);
    for (size_t i = 1; i < n_paths && code == 0; i++) {
        code = list_argument(s, &c, paths[i], &list);
    }
    if (code == 0 && cen_gallery_remove(c.gallery, list.rows, list.n, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", paths[0], error.message);
    }
    if (code == 0) code = knn_change_save(s, &c);
    if (code == 0) print_removed(s, &c, list.n);
    free(list.has);
    free(list.rows);
    knn_change_end(&c);
    return code;
}

/* ---- rename ---- */

static int check_rename(const knn *s, const knn_change *c, const char *from, const char *to,
                        knn_name *count)
{
    knn_name there;
    int code = count_name(s, c, from, count);
    if (code == 0) code = count_name(s, c, to, &there);
    if (code != 0) return code;
    if (count->n + count->n_negatives == 0) return knn_no_such_name(s, c->path, c->gallery, from);
    if (there.n + there.n_negatives == 0 || s->adds) return 0;
    char text[64];
    return fail(s->tool, EXIT_FAILED,
                "%s: \"%s\" is there already, with %s; choose another name, or make the "
                "two one with --add",
                c->path, to, counted(there.n + there.n_negatives, "row", text));
}

static void print_renamed(const knn *s, char *const *paths, const knn_name *count)
{
    char text[64];
    if (s->as_json) {
        printf("{\"gallery\": ");
        print_json_string(stdout, paths[0]);
        printf(", \"name\": ");
        print_json_string(stdout, paths[2]);
        printf(", \"n_renamed\": %zu, \"n_negatives\": %zu}\n", count->n + count->n_negatives,
               count->n_negatives);
    } else if (!s->is_quiet) {
        print_names(stdout, "%s: %s is now %s, with %s", paths[0], paths[1], paths[2],
                    counted(count->n, "picture", text));
        if (count->n_negatives > 0) {
            printf(" and %s that %s not", with_commas(count->n_negatives, text),
                   count->n_negatives == 1 ? "is" : "are");
        }
        printf("\n");
    }
}

int knn_rename(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths != 3 || paths[2][0] == '\0' || strcmp(paths[1], paths[2]) == 0) {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery, the old name and a new one: cl_knn rename GALLERY OLD NEW");
    }
    knn_change c;
    cen_error error;
    knn_name count;
    int code = knn_need_gallery(s, paths[0]);
    if (code == 0) code = knn_change_begin(s, paths[0], false, 0, &c);
    if (code != 0) return code;
    code = check_rename(s, &c, paths[1], paths[2], &count);
    if (code == 0 && cen_gallery_rename(c.gallery, paths[1], paths[2], &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", paths[0], error.message);
    }
    if (code == 0) code = knn_change_save(s, &c);
    if (code == 0) print_renamed(s, paths, &count);
    knn_change_end(&c);
    return code;
}
