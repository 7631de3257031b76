/* cl_knn eval: everything that is measured of a set against a gallery. */
#include "knn_eval.h"

#include <centerloss_eval.h>
#include "system.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Splits that are measured only if they are asked for. */
const char *const knn_others[KNN_N_OTHERS] = {"test", "heldout"};

const knn_set *knn_queries_of(const knn_evaluation *e)
{
    return e->leave_one_out ? &e->gallery : &e->queries;
}

/* ---- the two sets ---- */

static bool are_same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *named_split(const char *split)
{
    return split == NULL || strcmp(split, "all") == 0 ? NULL : split;
}

/* One set: validation rows are measured against training rows if there are both; any other split
 * that is asked for, or all rows, by leave-one-out. */
static void choose_splits(const knn *s, knn_evaluation *e)
{
    const knn_set *set = &e->gallery;
    e->query_split = named_split(s->query_split);
    e->gallery_split = named_split(s->gallery_split);
    if (s->query_split == NULL && s->gallery_split == NULL) {
        if (!knn_set_has_split(set, "train") || !knn_set_has_split(set, "val")) return;
        e->gallery_split = "train";
        e->query_split = "val";
    } else if (s->query_split == NULL) {
        e->query_split = are_same(e->gallery_split, "train") ? "val" : e->gallery_split;
    } else if (s->gallery_split == NULL) {
        bool is_seen = are_same(e->query_split, "val") || are_same(e->query_split, "test");
        e->gallery_split = is_seen && knn_set_has_split(set, "train") ? "train" : e->query_split;
    }
}

static int split_one(knn *s, knn_evaluation *e)
{
    choose_splits(s, e);
    e->leave_one_out = are_same(e->gallery_split, e->query_split);
    if (!e->leave_one_out && (e->gallery_split == NULL || e->query_split == NULL)) {
        return fail(s->tool, EXIT_USAGE,
                    "the queries would be among the gallery; name both --gallery-split and "
                    "--query-split, or neither");
    }
    for (size_t i = 0; i < e->gallery.f.n && e->query_split != NULL; i++) {
        for (size_t j = 0; j < KNN_N_OTHERS; j++) {
            e->n_left_out[j] += !are_same(e->query_split, knn_others[j]) &&
                                are_same(e->gallery.f.rows[i].split, knn_others[j]);
        }
    }
    int code = 0;
    if (!e->leave_one_out) code = knn_set_copy_split(s, &e->gallery, e->query_split, &e->queries);
    if (code == 0) code = knn_set_keep_split(s, &e->gallery, e->gallery_split);
    return code;
}

static int load_query(knn *s, char *path, knn_evaluation *e)
{
    int code = knn_set_load(s, &path, 1, e->gallery.name, &e->queries);
    if (code != 0) return code;
    knn_set_drop_unlabelled(s, &e->queries);
    e->gallery_split = named_split(s->gallery_split);
    e->query_split = named_split(s->query_split);
    code = knn_same_size(s, e->gallery.name, e->gallery.f.d, &e->queries);
    if (code == 0) code = knn_set_keep_split(s, &e->gallery, e->gallery_split);
    if (code == 0) code = knn_set_keep_split(s, &e->queries, e->query_split);
    if (code == 0 && e->queries.f.n == 0) {
        code = fail(s->tool, EXIT_FAILED, "%s: there is no query in it; put rows in it", path);
    }
    return code == 0 ? knn_match_classes(s, &e->gallery, &e->queries) : code;
}

/* Every query of a set that is the gallery would find itself: each row is measured against the others. */
static int find_copies(const knn *s, knn_evaluation *e)
{
    const cen_feature_set *gallery = &e->gallery.f, *queries = &e->queries.f;
    if (e->leave_one_out) return 0;
    if (gallery->n == queries->n &&
        memcmp(gallery->features, queries->features, gallery->n * gallery->d * sizeof(float)) ==
            0 &&
        memcmp(e->gallery.labels, e->queries.labels, gallery->n * sizeof(int32_t)) == 0) {
        e->leave_one_out = e->is_same = true;
        return 0;
    }
    if (knn_count_copies(&e->gallery, &e->queries, &e->n_in_gallery)) return 0;
    return fail(s->tool, EXIT_FAILED, "%s: not enough memory to look for its rows in the gallery",
                e->queries.name);
}

/* ---- the page ---- */

/* Paths in a feature file may be a stranger's: of those the page shows what lies in the folder of the file, or
 * in --pictures. */
static const char *picture_folder(const knn *s, const knn_set *set, char *folder, size_t size)
{
    if (set->folder != NULL) return set->name; /* of pictures */
    if (s->pictures != NULL) return s->pictures;
    if (!knn_ends_in(set->name, ".npy") && !knn_ends_in(set->name, ".csv")) return set->name;
    const char *slash = strrchr(set->name, '/');
    if (slash == NULL) return ".";
    (void)snprintf(folder, size, "%.*s", (int)(slash - set->name + 1), set->name);
    return folder;
}

static int write_report(const knn *s, const knn_evaluation *e, const char *const *names)
{
    char k[32], n_gallery[32], n_queries[32], folders[2][4200];
    const knn_set *queries = knn_queries_of(e);
    (void)snprintf(k, sizeof k, "%zu", e->measures.k);
    const char *facts[][2] = {
        {"gallery", e->gallery.name},
        {"rows of the gallery", with_commas(e->gallery.f.n, n_gallery)},
        {"queries", e->leave_one_out ? "the gallery itself, by leave-one-out" : queries->name},
        {"rows of the queries", with_commas(queries->f.n, n_queries)},
        {"metric", metric_names[knn_metric(s)]},
        {"k", k},
        {"weights", knn_weights[s->weights]},
    };
    const char *pairs[2 * sizeof facts / sizeof *facts];
    const size_t n_facts = sizeof facts / sizeof *facts;
    for (size_t i = 0; i < 2 * n_facts; i++) pairs[i] = facts[i / 2][i % 2];
    const cen_report_set set = {e->query_split != NULL ? e->query_split : "queries",
                                &e->measures,
                                queries->f.rows,
                                e->gallery.f.rows,
                                NULL,
                                NULL};
    const char *const pictures[] = {picture_folder(s, &e->gallery, folders[0], sizeof folders[0]),
                                    picture_folder(s, queries, folders[1], sizeof folders[1])};
    const cen_report report = {.size = sizeof(cen_report),
                               .title = queries->name,
                               .command = s->command_line,
                               .facts = pairs,
                               .n_facts = n_facts,
                               .class_names = names,
                               .n_classes = queries->f.n_classes,
                               .sets = &set,
                               .n_sets = 1,
                               .seed = s->seed,
                               .pictures = pictures,
                               .n_pictures = 2};
    cen_error error;
    if ((s->report != NULL &&
         cen_report_write_html(s->context, &report, s->report, &error) != CEN_OK) ||
        (s->svg != NULL && cen_report_write_svg(s->context, &report, s->svg, &error) != CEN_OK)) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    if (s->report == NULL || s->as_json || s->is_quiet) return 0;
    printf("\n");
    print_names(stdout, "%-15s %s, with pictures in %s", "page", s->report, pictures[0]);
    if (strcmp(pictures[0], pictures[1]) != 0) print_names(stdout, " and %s", pictures[1]);
    printf("%s\n", s->pictures == NULL ? "; --pictures DIR names another folder" : "");
    return 0;
}

/* ---- the work ---- */

/* How long the part of a name is that its group has in common. */
static size_t group_size(const char *name, const char *within)
{
    const char *end = strstr(name, within);
    return end != NULL ? (size_t)(end - name) : strlen(name);
}

/* groups[n] of the classes: the place of the first one with the same beginning. */
static int32_t *find_groups(const char *const *names, size_t n, const char *within)
{
    int32_t *groups = malloc((n + 1) * sizeof *groups);
    for (size_t i = 0; i < n && groups != NULL; i++) {
        size_t size = group_size(names[i], within), j = 0;
        while (j < i && (groups[j] != (int32_t)j || group_size(names[j], within) != size ||
                         memcmp(names[i], names[j], size) != 0)) {
            j++;
        }
        groups[i] = (int32_t)j;
    }
    return groups;
}

static int measure(knn *s, knn_evaluation *e)
{
    const knn_set *queries = knn_queries_of(e);
    size_t k = knn_choose_k(s, e->gallery.name, e->gallery.f.n, e->leave_one_out);
    if (k == 0) return EXIT_FAILED;
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    options_knn.metric = knn_metric(s);
    options_knn.k = k;
    options_knn.weights = (cen_weights)s->weights;
    options_knn.leave_one_out = e->leave_one_out;
    options.seed = s->seed;
    /* Labels of both are places in the list of the queries, which begins with the gallery's. */
    const char *const *names = queries->f.class_names;
    int32_t *groups = NULL;
    if (s->within != NULL && (groups = find_groups(names, queries->f.n_classes, s->within)) == NULL)
        return fail(s->tool, EXIT_FAILED, "%s: not enough memory for the groups", e->gallery.name);
    options.groups = groups;
    cen_error error;
    const cen_labelled known = knn_labelled(&e->gallery), asked = knn_labelled(queries);
    cen_status status = cen_measures_create(s->context, &e->measures, &known, &asked,
                                            e->gallery.f.d, &options, &error);
    free(groups);
    if (status != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", e->gallery.name, error.message);
    }
    if (s->as_json) {
        knn_eval_json(s, e, names);
    } else if (!s->is_quiet) {
        knn_eval_text(s, e, names);
    }
    int code = write_report(s, e, names);
    cen_measures_free(&e->measures);
    return code;
}

static bool is_folder(const char *path)
{
    char inside[4200];
    (void)snprintf(inside, sizeof inside, "%s/.", path);
    return path_exists(inside);
}

/* Where the page goes and what it shows, before there is work. */
static int check_places(const knn *s)
{
    cen_error error;
    if (s->report != NULL && cen_path_check_writable(NULL, s->report, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    if (s->svg != NULL && path_exists(s->svg) && !is_folder(s->svg)) {
        return fail(s->tool, EXIT_FAILED,
                    "%s: this is no folder; name one for --svg, which is made if it is not there",
                    s->svg);
    }
    if (s->svg != NULL && make_folder(s->svg, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    if (s->pictures != NULL && !is_folder(s->pictures)) {
        return fail(s->tool, EXIT_FAILED,
                    "%s: this is no folder; name the one that the pictures lie in by --pictures",
                    s->pictures);
    }
    return 0;
}

int knn_eval(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths < 1 || n_paths > 2) {
        return fail(s->tool, EXIT_USAGE,
                    "name a gallery, and at most one set of queries: cl_knn "
                    "eval GALLERY [QUERY]");
    }
    int code = check_places(s);
    if (code != 0) return code;
    if (s->report != NULL && talk_beside(s->report) == stderr) s->is_quiet = true;
    knn_evaluation e = {.leave_one_out = false};
    code = knn_gallery_read(s, paths[0], &e.gallery);
    if (code != 0) return code;
    code = n_paths == 1 ? split_one(s, &e) : load_query(s, paths[1], &e);
    if (code == 0) code = knn_set_need_classes(s, &e.gallery);
    if (code == 0 && !e.leave_one_out) code = knn_set_need_classes(s, &e.queries);
    if (code == 0) code = find_copies(s, &e);
    if (code == 0) code = measure(s, &e);
    knn_set_free(&e.queries);
    knn_set_free(&e.gallery);
    return code;
}
