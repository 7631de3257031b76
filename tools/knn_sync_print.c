/* cl_knn sync: what has changed, as text and as JSON. */
#include "knn_sync.h"

#include <stdio.h>

static const char *const fate_names[] = {"kept", "moved", "changed", "added"};

static void print_entry(const sync *y, const char *what, const char *name, const char *source,
                        const old_row *from)
{
    if (!y->s->as_json) {
        print_names(stdout, "  %-7s  %s  %s", what, name, source);
        if (from != NULL) print_names(stdout, "  from  %s  %s", from->row.name, from->row.source);
        printf("\n");
        return;
    }
    printf("{\"name\": ");
    print_json_string(stdout, name);
    printf(", \"path\": ");
    print_json_string(stdout, source);
    if (from != NULL) {
        printf(", \"old_name\": ");
        print_json_string(stdout, from->row.name);
        printf(", \"old_path\": ");
        print_json_string(stdout, from->row.source);
    }
    printf("}");
}

/* The pictures of one fate, at most so many; returns how many were printed. */
static size_t print_fate(const sync *y, fate which, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < y->n_images && n < most; i++) {
        const plan *p = &y->plans[i];
        const cen_folder_image *image = &y->info->images[i];
        if (p->fate != which) continue;
        if (n++ > 0 && y->s->as_json) printf(", ");
        print_entry(y, fate_names[which], knn_sync_name_of(y, image), image->path,
                    which == MOVED ? p->from : NULL);
    }
    return n;
}

static size_t print_gone(const sync *y, size_t most)
{
    size_t n = 0;
    for (size_t i = 0; i < y->n_rows && n < most; i++) {
        const old_row *old = &y->rows[i];
        if (!knn_sync_is_gone(old) || old->has_moved || old->has_changed) continue;
        if (n++ > 0 && y->s->as_json) printf(", ");
        print_entry(y, "removed", old->row.name, old->row.source, NULL);
    }
    return n;
}

static void print_text(const sync *y)
{
    enum { MOST = 20 };
    const size_t n_rows = cen_gallery_get(y->change.gallery)->n;
    const size_t n_all = y->counts[ADDED] + y->counts[CHANGED] + y->counts[MOVED] + y->n_gone;
    char a[32], b[32], c[32], d[32], e[32], f[64];
    size_t n = 0;
    print_names(
        stdout,
        "%s: %s added, %s changed, %s moved, %s removed, %s as before; the gallery has %s\n",
        y->path, with_commas(y->counts[ADDED], a), with_commas(y->counts[CHANGED], b),
        with_commas(y->counts[MOVED], c), with_commas(y->n_gone, d),
        with_commas(y->counts[KEPT], e), counted(n_rows, "row", f));
    n += print_fate(y, ADDED, MOST);
    n += print_fate(y, CHANGED, MOST - n);
    n += print_fate(y, MOVED, MOST - n);
    n += print_gone(y, MOST - n);
    if (n_all > n) printf("  and %s more\n", with_commas(n_all - n, a));
}

static void print_json(const sync *y)
{
    printf("{\"gallery\": ");
    print_json_string(stdout, y->path);
    printf(", \"n_rows\": %zu, \"n_kept\": %zu", cen_gallery_get(y->change.gallery)->n,
           y->counts[KEPT]);
    for (fate which = MOVED; which <= ADDED; which++) {
        printf(", \"%s\": [", fate_names[which]);
        (void)print_fate(y, which, SIZE_MAX);
        printf("]");
    }
    printf(", \"removed\": [");
    (void)print_gone(y, SIZE_MAX);
    printf("], ");
    knn_json_doubts(&y->read, &y->doubts);
    printf(", ");
    const knn_set pictures = {.name = y->root, .folder = y->folder};
    knn_json_notes(&pictures, NULL);
    printf("}\n");
}

static void print_left_out(const sync *y)
{
    size_t n = 0;
    const char *first = NULL;
    for (size_t i = 0; i < y->n_images; i++) {
        if (y->info->images[i].label >= 0) continue;
        if (n++ == 0) first = y->info->images[i].path;
    }
    if (n == 0) return;
    print_names(stderr, "%s: %zu %s not in a sub-folder, which would name who it shows, as %s\n",
                y->s->tool->name, n, n == 1 ? "picture is" : "pictures are", first);
}

void knn_sync_print(const sync *y)
{
    print_folder_notes(y->s->tool, y->info);
    print_left_out(y);
    knn_print_doubts(y->s, &y->read, &y->doubts);
    if (y->s->as_json) {
        print_json(y);
    } else if (!y->s->is_quiet) {
        print_text(y);
    }
}
