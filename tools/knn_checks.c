/* What a set must be before it is measured: its split, its classes, its size. */
#include "knn.h"

#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_of(const cen_feature_row *row, const char *split)
{
    return row->split != NULL && strcmp(row->split, split) == 0;
}

bool knn_set_has_split(const knn_set *set, const char *split)
{
    for (size_t i = 0; i < set->f.n; i++) {
        if (is_of(&set->f.rows[i], split)) return true;
    }
    return false;
}

static int no_such_split(const knn *s, const knn_set *set, const char *split)
{
    enum { MOST = 8 };
    const char *found[MOST];
    char names[512] = "";
    size_t n = 0;
    for (size_t i = 0; i < set->f.n && n < MOST; i++) {
        const char *name = set->f.rows[i].split;
        bool is_new = name != NULL && name[0] != '\0';
        for (size_t j = 0; is_new && j < n; j++) is_new = strcmp(found[j], name) != 0;
        if (is_new) found[n++] = name;
    }
    if (n == 0) {
        return fail(s->tool, EXIT_FAILED, "%s: its rows name no split; leave \"%s\" out", set->name,
                    split);
    }
    for (size_t j = 0; j < n; j++) {
        append(names, sizeof names, "%s%.50s", j > 0 ? ", " : "", found[j]);
    }
    return fail(s->tool, EXIT_FAILED, "%s: no row is of split \"%s\"; there is %s", set->name,
                split, names);
}

void knn_set_move_row(knn_set *set, size_t from, size_t to)
{
    if (from == to) return;
    memcpy(set->f.features + to * set->f.d, set->f.features + from * set->f.d,
           set->f.d * sizeof(float));
    set->f.rows[to] = set->f.rows[from];
    set->labels[to] = set->labels[from];
}

int knn_set_keep_split(const knn *s, knn_set *set, const char *split)
{
    if (split == NULL || strcmp(split, "all") == 0) return 0;
    if (!knn_set_has_split(set, split)) return no_such_split(s, set, split);
    size_t n = 0;
    for (size_t i = 0; i < set->f.n; i++) {
        if (is_of(&set->f.rows[i], split)) knn_set_move_row(set, i, n++);
    }
    set->f.n = n;
    return 0;
}

int knn_set_copy_split(const knn *s, const knn_set *set, const char *split, knn_set *copy)
{
    if (!knn_set_has_split(set, split)) return no_such_split(s, set, split);
    size_t n = 0, size = set->f.d * sizeof(float);
    for (size_t i = 0; i < set->f.n; i++) n += is_of(&set->f.rows[i], split);
    *copy = (knn_set){.name = set->name, .f = set->f, .is_copy = true};
    copy->f.features = malloc(n * size); /* less than the set, which is there */
    copy->f.rows = malloc(n * sizeof *copy->f.rows);
    copy->labels = malloc(n * sizeof *copy->labels);
    copy->f.n = 0;
    if (copy->f.features == NULL || copy->f.rows == NULL || copy->labels == NULL) {
        knn_set_free(copy);
        return fail(s->tool, EXIT_FAILED, "%s: not enough memory for its split %s", set->name,
                    split);
    }
    for (size_t i = 0; i < set->f.n; i++) {
        if (!is_of(&set->f.rows[i], split)) continue;
        size_t at = copy->f.n++;
        memcpy(copy->f.features + at * set->f.d, set->f.features + i * set->f.d, size);
        copy->f.rows[at] = set->f.rows[i];
        copy->labels[at] = set->labels[i];
    }
    return 0;
}

void knn_set_drop_unlabelled(const knn *s, knn_set *set)
{
    size_t n = 0;
    for (size_t i = 0; i < set->f.n; i++) {
        if (set->labels[i] < 0 && is_of(&set->f.rows[i], "test")) continue;
        knn_set_move_row(set, i, n++);
    }
    set->n_unlabelled = set->f.n - n;
    set->f.n = n;
    if (set->n_unlabelled == 0 || s->is_quiet) return;
    print_names(stderr, "%s: %s: left out %zu of split test without a class\n", s->tool->name,
                set->name, set->n_unlabelled);
}

int knn_set_need_classes(const knn *s, const knn_set *set)
{
    char text[32];
    for (size_t i = 0; i < set->f.n; i++) {
        if (set->labels[i] >= 0) continue;
        return fail(
            s->tool, EXIT_FAILED, "%s: %s has no class; %s", set->name, knn_row_name(set, i, text),
            set->folder != NULL ? "put each picture into a sub-folder that is named as its class"
            : knn_ends_in(set->name, ".csv")
                ? "fill in its label and class, or take the row out"
                : "put the .tsv that names the class of each row beside the .npy");
    }
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int knn_match_classes(const knn *s, const knn_set *gallery, knn_set *set)
{
    const cen_feature_set *known = &gallery->f;
    size_t n_all = known->n_classes;
    int32_t *places = malloc((set->f.n_classes + 1) * sizeof *places);
    const char **names = malloc((n_all + set->f.n_classes + 1) * sizeof *names);
    if (places == NULL || names == NULL) {
        free(places);
        free(names);
        return fail(s->tool, EXIT_FAILED, "%s: not enough memory for its classes", set->name);
    }
    for (size_t c = 0; c < n_all; c++) names[c] = known->class_names[c];
    for (size_t c = 0; c < set->f.n_classes; c++) {
        const char *const *name = &set->f.class_names[c], *const * found;
        found = bsearch(name, known->class_names, known->n_classes, sizeof *name, compare_names);
        places[c] = (int32_t)(found != NULL ? (size_t)(found - known->class_names) : n_all);
        if (found == NULL) names[n_all++] = *name;
    }
    for (size_t i = 0; i < set->f.n; i++) {
        if (set->labels[i] >= 0) set->labels[i] = places[set->labels[i]];
        set->f.rows[i].label = set->labels[i];
    }
    free(set->names);
    set->f.class_names = set->names = names;
    set->f.n_classes = n_all;
    free(places);
    return 0;
}

typedef struct row_key {
    const float *feature;
    size_t size; /* of the feature in bytes */
    const char *path;
} row_key;

static int compare_features(const void *a, const void *b)
{
    const row_key *one = a, *other = b;
    return memcmp(one->feature, other->feature, one->size);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const row_key *)a)->path, ((const row_key *)b)->path);
}

static row_key *make_keys(const knn_set *set)
{
    row_key *keys = malloc((set->f.n + 1) * sizeof *keys);
    for (size_t i = 0; i < set->f.n && keys != NULL; i++) {
        const char *path = set->f.rows[i].path;
        keys[i] = (row_key){set->f.features + i * set->f.d, set->f.d * sizeof(float),
                            path != NULL ? path : ""};
    }
    return keys;
}

bool knn_count_copies(const knn_set *gallery, const knn_set *set, size_t *n)
{
    row_key *known = make_keys(gallery), *asked = make_keys(set);
    bool *is_copy = calloc(set->f.n + 1, sizeof *is_copy);
    bool done = known != NULL && asked != NULL && is_copy != NULL;
    *n = 0;
    for (int by_path = 0; by_path < 2 && done; by_path++) {
        int (*compare)(const void *, const void *) = by_path ? compare_paths : compare_features;
        qsort(known, gallery->f.n, sizeof *known, compare);
        for (size_t i = 0; i < set->f.n; i++) {
            if (is_copy[i] || (by_path && asked[i].path[0] == '\0')) continue;
            is_copy[i] = bsearch(&asked[i], known, gallery->f.n, sizeof *known, compare) != NULL;
            *n += is_copy[i];
        }
    }
    free(known);
    free(asked);
    free(is_copy);
    return done;
}

int knn_gallery_read(knn *s, char *path, knn_set *set)
{
    int code = knn_set_load(s, &path, 1, path, set);
    if (code != 0) return code;
    knn_set_drop_unlabelled(s, set);
    if (set->f.n > 0) return 0;
    knn_set_free(set);
    return fail(s->tool, EXIT_FAILED, "%s: the gallery is empty; put rows in it", path);
}

int knn_gallery_load(knn *s, char *path, knn_set *set)
{
    int code = knn_gallery_read(s, path, set);
    if (code != 0) return code;
    code = knn_set_keep_split(s, set, s->gallery_split);
    if (code == 0) code = knn_set_need_classes(s, set);
    if (code != 0) knn_set_free(set);
    return code;
}

int knn_same_size(const knn *s, const char *gallery, size_t d, const knn_set *other)
{
    char text[64];
    if (d == other->f.d) return 0;
    (void)counted(other->f.d, "number", text);
    if (other->folder != NULL) {
        return fail(s->tool, EXIT_FAILED,
                    "%s: the model %s makes features of %s, but %s holds %zu; name the "
                    "model that made them with --model",
                    other->name, s->model_path, text, gallery, d);
    }
    return fail(s->tool, EXIT_FAILED,
                "%s: features of %s, but %s holds %zu; both must come from one model", other->name,
                text, gallery, d);
}

size_t knn_choose_k(const knn *s, const char *gallery, size_t n_rows, bool leave_one_out)
{
    enum { USUAL = 5 };
    char text[64];
    size_t most = n_rows - leave_one_out;
    if (most == 0) {
        (void)fail(s->tool, EXIT_FAILED,
                   "%s: a single row has no neighbours; two or more are needed", gallery);
        return 0;
    }
    if (s->k > most) {
        (void)fail(s->tool, EXIT_FAILED,
                   "%s: --k %zu asks for more than %s%s, which is all there is; choose a "
                   "smaller one",
                   gallery, s->k, counted(most, "row", text),
                   leave_one_out ? " beside the one left out" : "");
        return 0;
    }
    return s->k > 0 ? s->k : most < USUAL ? most : USUAL;
}
