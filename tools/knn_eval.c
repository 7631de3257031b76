/* cl_knn eval: everything that is measured of a set against a gallery. */
#include "knn.h"

#include <centerloss_eval.h>
#include "system.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Splits that are measured only if they are asked for. */
static const char *const others[] = {"test", "heldout"};

enum { N_OTHERS = sizeof others / sizeof *others };

typedef struct evaluation {
    knn_set gallery, queries; /* queries is empty if one set is measured by leave-one-out */
    const char *gallery_split, *query_split; /* NULL: all */
    bool leave_one_out, is_same;             /* is_same: two sets were named, with the same rows */
    size_t n_left_out[N_OTHERS];             /* rows of splits other than train and val */
    size_t n_in_gallery;                     /* queries that are rows of the gallery, too */
    cen_measures measures;
} evaluation;

static const char *const metrics[] = {"l2", "cosine"};
static const char *const weights[] = {"uniform", "distance"};

static const knn_set *queries_of(const evaluation *e)
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
static void choose_splits(const knn *s, evaluation *e)
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

static int split_one(knn *s, evaluation *e)
{
    choose_splits(s, e);
    e->leave_one_out = are_same(e->gallery_split, e->query_split);
    if (!e->leave_one_out && (e->gallery_split == NULL || e->query_split == NULL)) {
        return fail(s->tool, EXIT_USAGE,
                    "the queries would be among the gallery; name both --gallery-split and "
                    "--query-split, or neither");
    }
    for (size_t i = 0; i < e->gallery.f.n && e->query_split != NULL; i++) {
        for (size_t j = 0; j < N_OTHERS; j++) {
            e->n_left_out[j] += !are_same(e->query_split, others[j]) &&
                                are_same(e->gallery.f.rows[i].split, others[j]);
        }
    }
    int code = 0;
    if (!e->leave_one_out) code = knn_set_copy_split(s, &e->gallery, e->query_split, &e->queries);
    if (code == 0) code = knn_set_keep_split(s, &e->gallery, e->gallery_split);
    return code;
}

static int load_query(knn *s, char *path, evaluation *e)
{
    int code = knn_set_load(s, &path, 1, e->gallery.name, &e->queries);
    if (code != 0) return code;
    knn_set_drop_unlabelled(s, &e->queries);
    e->gallery_split = named_split(s->gallery_split);
    e->query_split = named_split(s->query_split);
    code = knn_same_size(s, &e->gallery, &e->queries);
    if (code == 0) code = knn_set_keep_split(s, &e->gallery, e->gallery_split);
    if (code == 0) code = knn_set_keep_split(s, &e->queries, e->query_split);
    if (code == 0 && e->queries.f.n == 0) {
        code = fail(s->tool, EXIT_FAILED, "%s: there is no query in it; put rows in it", path);
    }
    return code == 0 ? knn_match_classes(s, &e->gallery, &e->queries) : code;
}

/* Every query of a set that is the gallery would find itself: each row is measured against the others. */
static int find_copies(const knn *s, evaluation *e)
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

/* ---- printing ---- */

static const char *percent(double share, char *text)
{
    if (isfinite(share)) {
        (void)snprintf(text, 32, "%6.2f %%", 100 * share);
    } else {
        (void)snprintf(text, 32, "     -");
    }
    return text;
}

static void print_share(const char *name, double share, const char *what)
{
    char text[32];
    printf("%-15s %s%s%s\n", name, percent(share, text), what[0] != '\0' ? "   " : "", what);
}

/* A share of queries, with its interval if that is wide enough to matter. */
static void print_counted(const char *name, double share, const double interval[2], size_t n,
                          const char *what)
{
    enum { MANY = 1000 };
    char text[192] = "";
    if (n < MANY && isfinite(interval[0])) {
        (void)snprintf(text, sizeof text, "95 %% interval %.1f to %.1f %%%s", 100 * interval[0],
                       100 * interval[1], what[0] != '\0' ? "; " : "");
    }
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s", what);
    print_share(name, share, text);
}

static void print_set(const char *what, const knn_set *set, const char *split)
{
    char text[32];
    print_names(stdout, "%-15s %s: %s rows", what, set->name, with_commas(set->f.n, text));
    if (split != NULL) print_names(stdout, " of split %s", split);
    printf("\n");
}

static void print_head(const knn *s, const evaluation *e)
{
    char text[32];
    if (e->leave_one_out) {
        print_set("set", &e->gallery, e->gallery_split);
        if (e->is_same) printf("%-15s the same rows as the gallery\n", "queries");
        printf("%-15s by leave-one-out: each row against the others\n", "measured");
    } else {
        print_set("gallery", &e->gallery, e->gallery_split);
        print_set("queries", &e->queries, e->query_split);
    }
    if (e->n_in_gallery > 0) {
        printf(
            "%-15s %s of the queries are rows of the gallery, too: they find themselves, and every "
            "figure is too good\n",
            "note", with_commas(e->n_in_gallery, text));
    }
    for (size_t j = 0; j < N_OTHERS; j++) {
        if (e->n_left_out[j] == 0) continue;
        printf("%-15s %s rows of split %s: --query-split %s measures them\n", "left out",
               with_commas(e->n_left_out[j], text), others[j], others[j]);
    }
    printf("%-15s %s, k %zu, weights %s\n\n", "metric", metrics[s->metric], e->measures.k,
           weights[s->weights]);
}

static void print_retrieval(const evaluation *e)
{
    const cen_retrieval *r = &e->measures.retrieval;
    char text[32], lone[96] = "";
    if (r->n_lone > 0) {
        (void)snprintf(lone, sizeof lone, "%s queries have no partner, which counts as wrong here",
                       with_commas(r->n_lone, text));
    }
    print_counted("k-NN accuracy", r->knn_accuracy, r->knn_interval, r->n_queries, lone);
    print_share("k-NN macro", r->knn_macro, "the mean of each class's own accuracy");
    print_counted("precision@1", r->precision_at_1, r->at_1_interval, r->n_queries - r->n_lone,
                  r->n_lone > 0 ? "and is left out here" : "");
    print_share("R-precision", r->r_precision, "");
    print_share("MAP@R", r->map_at_r, "");
}

static void print_verification(const cen_measures *m)
{
    const cen_verification *v = &m->verification;
    char a[96], b[32];
    if (m->pairs.n_genuine == 0 || m->pairs.n_impostor == 0) {
        printf("\n%-15s no pairs of both kinds to measure it on\n", "verification");
        return;
    }
    printf("\n%-15s %s genuine pairs", "verification", with_commas(v->n_genuine, a));
    printf(" and %s impostor pairs%s\n", with_commas(v->n_impostor, b),
           v->is_sample ? ", drawn by seed from more" : "");
    print_share("AUC", v->auc, "");
    (void)snprintf(a, sizeof a, "at distance %.6g", v->eer_threshold);
    print_share("EER", v->eer, a);
    print_share("TAR", v->tar[0], "at FAR 10 %");
    print_share("", v->tar[1], "at FAR 1 %");
    print_share("", v->tar[2], "at FAR 0.1 %");
}

static void print_rest(const evaluation *e, const char *const *names)
{
    enum { WORST = 10 };
    const cen_measures *m = &e->measures;
    printf("\n");
    for (size_t i = 0; i < 2; i++) {
        const cen_episodes *few = &m->few_shot[i];
        if (few->n_episodes == 0) continue;
        char name[32], what[96];
        (void)snprintf(name, sizeof name, "%zu-shot %zu-way", few->n_shots, few->n_ways);
        (void)snprintf(what, sizeof what, "+- %.2f, of %zu episodes among the queries",
                       100 * few->interval, few->n_episodes);
        print_share(name, few->accuracy, what);
    }
    if (isfinite(m->intra_inter)) printf("%-15s %6.3f\n", "intra/inter", m->intra_inter);
    if (m->n_confusions > 0) printf("\nmost confused\n");
    for (size_t i = 0; i < m->n_confusions && i < WORST; i++) {
        const cen_confusion *c = &m->confusions[i];
        print_names(stdout, "%6zu  %s taken for %s\n", c->count, names[c->label],
                    names[c->predicted]);
    }
}

/* ---- JSON ---- */

static void json_numbers(const char *const *keys, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        knn_json_number(keys[i], values[i]);
        printf(", ");
    }
}

static void json_interval(const char *name, const double interval[2])
{
    if (isfinite(interval[0])) {
        printf("\"%s\": [%.17g, %.17g], ", name, interval[0], interval[1]);
    } else {
        printf("\"%s\": null, ", name);
    }
}

static void json_few_shot(const char *name, const cen_episodes *few)
{
    printf("\"%s\": ", name);
    if (few->n_episodes == 0) {
        printf("null, ");
        return;
    }
    printf("{");
    knn_json_number("accuracy", few->accuracy);
    printf(", ");
    knn_json_number("interval", few->interval);
    printf(", \"n_ways\": %zu, \"n_episodes\": %zu}, ", few->n_ways, few->n_episodes);
}

static void json_set(const char *what, const knn_set *set, const char *split)
{
    printf("\"%s\": {\"name\": ", what);
    print_json_string(stdout, set->name);
    printf(", \"n\": %zu, \"split\": ", set->f.n);
    if (split != NULL) {
        print_json_string(stdout, split);
    } else {
        printf("null");
    }
    printf("}, ");
}

static void json_confusions(const cen_measures *m, const char *const *names)
{
    printf("\"confusions\": [");
    for (size_t i = 0; i < m->n_confusions; i++) {
        const cen_confusion *c = &m->confusions[i];
        printf("%s{\"class\": ", i > 0 ? ", " : "");
        print_json_string(stdout, names[c->label]);
        printf(", \"predicted\": ");
        print_json_string(stdout, names[c->predicted]);
        printf(", \"count\": %zu}", c->count);
    }
    printf("]");
}

static void print_json(const knn *s, const evaluation *e, const char *const *names)
{
    const cen_measures *m = &e->measures;
    const cen_retrieval *r = &m->retrieval;
    const cen_verification *v = &m->verification;
    bool has_pairs = m->pairs.n_genuine > 0 && m->pairs.n_impostor > 0;
    printf("{");
    json_set("gallery", &e->gallery, e->gallery_split);
    json_set("queries", queries_of(e), e->query_split);
    printf("\"leave_one_out\": %s, \"metric\": \"%s\", \"k\": %zu, \"weights\": \"%s\", ",
           e->leave_one_out ? "true" : "false", metrics[s->metric], m->k, weights[s->weights]);
    printf("\"n_queries\": %zu, \"n_lone\": %zu, \"n_in_gallery\": %zu, ", r->n_queries, r->n_lone,
           e->n_in_gallery);
    printf("\"n_left_out\": {\"test\": %zu, \"heldout\": %zu}, ", e->n_left_out[0],
           e->n_left_out[1]);
    json_numbers((const char *const[]){"knn_accuracy", "knn_macro", "precision_at_1", "r_precision",
                                       "map_at_r"},
                 (const double[]){r->knn_accuracy, r->knn_macro, r->precision_at_1, r->r_precision,
                                  r->map_at_r},
                 5);
    json_interval("knn_interval", r->knn_interval);
    json_interval("precision_at_1_interval", r->at_1_interval);
    printf("\"n_genuine\": %zu, \"n_impostor\": %zu, \"pairs_sampled\": %s, ", m->pairs.n_genuine,
           m->pairs.n_impostor, m->pairs.is_sample ? "true" : "false");
    json_numbers((const char *const[]){"auc", "eer", "eer_threshold"},
                 has_pairs ? (const double[]){v->auc, v->eer, v->eer_threshold}
                           : (const double[]){NAN, NAN, NAN},
                 3);
    printf("\"tar_at_far\": {");
    knn_json_number("0.1", has_pairs ? v->tar[0] : NAN);
    printf(", ");
    knn_json_number("0.01", has_pairs ? v->tar[1] : NAN);
    printf(", ");
    knn_json_number("0.001", has_pairs ? v->tar[2] : NAN);
    printf("}, ");
    json_few_shot("one_shot", &m->few_shot[0]);
    json_few_shot("five_shot", &m->few_shot[1]);
    knn_json_number("intra_inter", m->intra_inter);
    printf(", ");
    json_confusions(m, names);
    printf(", ");
    knn_json_notes(&e->gallery, &e->queries);
    printf("}\n");
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

static int write_report(const knn *s, const evaluation *e, const char *const *names)
{
    char k[32], n_gallery[32], n_queries[32], folders[2][4200];
    const knn_set *queries = queries_of(e);
    (void)snprintf(k, sizeof k, "%zu", e->measures.k);
    const char *facts[][2] = {
        {"gallery", e->gallery.name},
        {"rows of the gallery", with_commas(e->gallery.f.n, n_gallery)},
        {"queries", e->leave_one_out ? "the gallery itself, by leave-one-out" : queries->name},
        {"rows of the queries", with_commas(queries->f.n, n_queries)},
        {"metric", metrics[s->metric]},
        {"k", k},
        {"weights", weights[s->weights]},
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

static int measure(knn *s, evaluation *e)
{
    const knn_set *queries = queries_of(e);
    size_t k = knn_choose_k(s, &e->gallery, e->leave_one_out);
    if (k == 0) return EXIT_FAILED;
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    options_knn.metric = (cen_metric)s->metric;
    options_knn.k = k;
    options_knn.weights = (cen_weights)s->weights;
    options_knn.leave_one_out = e->leave_one_out;
    options.seed = s->seed;
    cen_error error;
    const cen_labelled known = knn_labelled(&e->gallery), asked = knn_labelled(queries);
    if (cen_measures_create(s->context, &e->measures, &known, &asked, e->gallery.f.d, &options,
                            &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", e->gallery.name, error.message);
    }
    /* Labels of both are places in the list of the queries, which begins with the gallery's. */
    const char *const *names = queries->f.class_names;
    if (s->as_json) {
        print_json(s, e, names);
    } else if (!s->is_quiet) {
        print_head(s, e);
        print_retrieval(e);
        print_verification(&e->measures);
        print_rest(e, names);
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
    evaluation e = {.leave_one_out = false};
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
