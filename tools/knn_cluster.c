/* cl_knn cluster: who is in my pictures, without any names. */
#include "knn_cluster.h"

#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"

/* Of pairs of one of the pictures and one of others. On unseen faces and characters the best threshold lay at 0.1 to
 * 2 % of these pairs (tests/parity/cluster.py), and on 3 or 4 classes of 120 pictures at 10 %. There the usual share
 * gives parts of groups, whose silhouette is half of that at 10 %; on the others it is 1.1 times that or more. */
static const double usual_far = 0.005, far_of_few = 0.1, clearly = 1.5;

/* Of more pictures a smaller share: a picture has more others that are by chance as near. data/README.md has figures. */
static double choose_far(size_t n)
{
    const double usual_n = 2500;
    return (double)n > usual_n ? usual_far * sqrt(usual_n / (double)n) : usual_far;
}

/* ---- the threshold --------------------------------------------------------------------------- */

static bool is_run(const char *path)
{
    char text[4200];
    (void)snprintf(text, sizeof text, "%.4000s/features.npy", path);
    return path_exists(text);
}

/* Pictures of other classes: --strangers, else those that the model was trained on. */
static int load_others(knn *s, char *const *paths, knn_set *others)
{
    char *path = (char *)s->strangers; /* not written to */
    const bool is_training = path == NULL;
    if (is_training) path = is_run(paths[0]) ? paths[0] : (char *)s->model_path;
    if (path == NULL) path = s->kept_model;
    if (path == NULL || (is_training && !is_run(path))) {
        return fail(s->tool, EXIT_USAGE,
                    "%s: a threshold needs pictures of others to compare with; name the --model "
                    "RUN that was trained, --strangers SET, or a --threshold",
                    paths[0]);
    }
    int code = knn_set_load(s, &path, 1, paths[0], others);
    if (code != 0) return code;
    if (is_training) code = knn_set_keep_split(s, others, "train");
    if (code != 0) knn_set_free(others);
    return code;
}

/* ---- the groups ------------------------------------------------------------------------------ */

/* starts and rows from labels, by counting. */
static void sort_rows(knn_groups *groups)
{
    const size_t n = groups->set->f.n;
    memset(groups->starts, 0, (groups->n + 1) * sizeof *groups->starts);
    for (size_t i = 0; i < n; i++) groups->starts[groups->labels[i] + 1]++;
    groups->n_shared = 0;
    for (size_t i = 0; i < groups->n; i++) {
        groups->n_shared += groups->starts[i + 1] > 1;
        groups->starts[i + 1] += groups->starts[i];
    }
    for (size_t i = 0; i < n; i++) groups->rows[groups->starts[groups->labels[i]]++] = i;
    for (size_t i = groups->n; i > 0; i--) groups->starts[i] = groups->starts[i - 1];
    groups->starts[0] = 0;
}

static int find_groups(const knn *s, knn_groups *groups)
{
    const knn_set *set = groups->set;
    cen_error error = {CEN_ERROR_MEMORY, "not enough memory for the groups of its pictures"};
    cen_cluster_options options = cen_cluster_options_init();
    options.metric = knn_metric(s);
    options.threshold = groups->threshold;
    groups->labels = malloc((set->f.n + 1) * sizeof *groups->labels);
    groups->rows = malloc((set->f.n + 1) * sizeof *groups->rows);
    groups->starts = malloc((set->f.n + 2) * sizeof *groups->starts);
    if (groups->labels != NULL && groups->rows != NULL && groups->starts != NULL &&
        cen_cluster(s->context, set->f.features, set->f.n, set->f.d, &options, groups->labels,
                    &groups->n, &error) == CEN_OK &&
        cen_cluster_score(s->context, set->labels, groups->labels, set->f.n, &groups->scores,
                          &error) == CEN_OK) {
        sort_rows(groups);
        return 0;
    }
    return fail(s->tool, EXIT_FAILED, "%s: %s", set->name, error.message);
}

/* ---- the threshold of a share ---------------------------------------------------------------- */

/* Of one row (Rousseeuw 1987). sums[n groups] and own_row[d] are scratch. */
static double silhouette_of(const knn *s, const knn_groups *groups, size_t row, double *sums,
                            double *own_row)
{
    const cen_feature_set *f = &groups->set->f;
    const size_t own = (size_t)groups->labels[row];
    const size_t n_own = groups->starts[own + 1] - groups->starts[own];
    double nearest = HUGE_VAL;
    if (n_own == 1) return 0;
    memset(sums, 0, groups->n * sizeof *sums);
    for (size_t j = 0; j < f->d; j++) own_row[j] = (double)f->features[row * f->d + j];
    for (size_t i = 0; i < f->n; i++) {
        sums[groups->labels[i]] +=
            knn_distance(knn_metric(s), f->d, f->features + i * f->d, own_row);
    }
    const double inside = sums[own] / (double)(n_own - 1);
    for (size_t g = 0; g < groups->n; g++) {
        const double mean = sums[g] / (double)(groups->starts[g + 1] - groups->starts[g]);
        if (g != own && mean < nearest) nearest = mean;
    }
    const double most = nearest > inside ? nearest : inside;
    return groups->n > 1 && most > 0 ? (nearest - inside) / most : 0;
}

/* The mean of some rows. False without memory. */
static bool measure_silhouette(const knn *s, const knn_groups *groups, double *silhouette)
{
    enum { ROWS_MOST = 256 };
    const size_t n = groups->set->f.n, n_rows = n < ROWS_MOST ? n : ROWS_MOST;
    double *sums = malloc((groups->n + groups->set->f.d) * sizeof *sums);
    *silhouette = 0;
    for (size_t i = 0; i < n_rows && sums != NULL; i++) {
        *silhouette +=
            silhouette_of(s, groups, i * n / n_rows, sums, sums + groups->n) / (double)n_rows;
    }
    free(sums);
    return sums != NULL;
}

static void free_groups(knn_groups *groups)
{
    free(groups->labels);
    free(groups->rows);
    free(groups->starts);
}

static int find_groups_at(const knn *s, const knn_set *others, double far_share, knn_groups *groups)
{
    const cen_labelled rows = knn_labelled(groups->set), known = knn_labelled(others);
    cen_error error;
    groups->far = far_share;
    if (cen_cluster_calibrate(s->context, &rows, &known, groups->set->f.d, knn_metric(s), far_share,
                              &groups->threshold, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s: %s", others->name, error.message);
    }
    return find_groups(s, groups);
}

/* If the pictures show a few classes, groups of the large share are clearly better than those of the small one. */
static int try_few(const knn *s, const knn_set *others, knn_groups *groups)
{
    knn_groups few = {.set = groups->set};
    double usual, large;
    int code = find_groups_at(s, others, far_of_few, &few);
    if (code == 0 &&
        !(measure_silhouette(s, groups, &usual) && measure_silhouette(s, &few, &large))) {
        code = fail(s->tool, EXIT_FAILED, "%s: not enough memory to compare groups",
                    groups->set->name);
    }
    if (code == 0 && large > clearly * usual) {
        const knn_groups swapped = *groups;
        *groups = few;
        few = swapped;
    }
    free_groups(&few);
    return code;
}

static int calibrate(knn *s, char *const *paths, knn_set *set, knn_groups *groups)
{
    knn_set others;
    int code = load_others(s, paths, &others);
    if (code != 0) return code;
    code = knn_same_size(s, set->name, set->f.d, &others);
    if (code == 0) code = knn_match_classes(s, set, &others);
    if (code == 0)
        code = find_groups_at(s, &others, s->far >= 0 ? s->far : choose_far(set->f.n), groups);
    if (code == 0 && s->far < 0) code = try_few(s, &others, groups);
    knn_set_free(&others);
    return code;
}

/* ---- text and JSON --------------------------------------------------------------------------- */

static void print_scores(const knn_groups *groups)
{
    char a[32], b[32], c[32], d[64];
    const cen_cluster_scores *scores = &groups->scores;
    if (scores->n == 0) return;
    printf("against the classes of %s: F of pairs %s (precision %s, recall %s), ",
           counted(scores->n, "picture", d), as_percent(scores->pair_f, a),
           as_percent(scores->pair_precision, b), as_percent(scores->pair_recall, c));
    printf("BCubed F %s (precision %s, recall %s)\n", as_percent(scores->bcubed_f, a),
           as_percent(scores->bcubed_precision, b), as_percent(scores->bcubed_recall, c));
}

static void print_groups(const knn_groups *groups)
{
    const size_t n = groups->set->f.n, n_in_groups = groups->starts[groups->n_shared];
    char a[64], b[32], c[64], d[32];
    for (size_t i = 0; i < n; i++) {
        const size_t row = groups->rows[i], group = (size_t)groups->labels[row];
        print_names(stdout, "%s  %s\n", knn_group_name(groups, group, a),
                    knn_row_name(groups->set, row, b));
    }
    printf("%s: %s in %s, %s alone; ", counted(n, "picture", a), with_commas(n_in_groups, b),
           counted(groups->n_shared, "group", c), with_commas(n - n_in_groups, d));
    if (isnan(groups->far)) {
        printf("threshold %.6g\n", groups->threshold);
    } else {
        printf("threshold %.6g, within which %.3g %% of pairs with pictures of others lie\n",
               groups->threshold, 100 * groups->far);
    }
    print_scores(groups);
}

static void json_scores(const cen_cluster_scores *scores)
{
    const struct {
        const char *name;
        double value;
    } values[] = {{"pair_precision", scores->pair_precision},
                  {"pair_recall", scores->pair_recall},
                  {"pair_f", scores->pair_f},
                  {"bcubed_precision", scores->bcubed_precision},
                  {"bcubed_recall", scores->bcubed_recall},
                  {"bcubed_f", scores->bcubed_f}};
    printf("\"scores\": {\"n_labelled\": %zu", scores->n);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        printf(", ");
        knn_json_number(values[i].name, values[i].value);
    }
    printf("}, ");
}

static void print_json(const knn_groups *groups)
{
    printf("{\"n_pictures\": %zu, \"n_groups\": %zu, \"n_alone\": %zu, ", groups->set->f.n,
           groups->n_shared, groups->n - groups->n_shared);
    knn_json_number("threshold", groups->threshold);
    printf(", ");
    knn_json_number("far", groups->far);
    printf(", ");
    if (groups->scores.n > 0) json_scores(&groups->scores);
    printf("\"groups\": [");
    for (size_t i = 0; i < groups->n; i++) {
        char name[32];
        printf("%s{\"name\": \"%s\", \"pictures\": [", i > 0 ? ", " : "",
               knn_group_name(groups, i, name));
        for (size_t j = groups->starts[i]; j < groups->starts[i + 1]; j++) {
            if (j > groups->starts[i]) printf(", ");
            print_json_string(stdout, knn_row_name(groups->set, groups->rows[j], name));
        }
        printf("]}");
    }
    printf("], ");
    knn_json_notes(groups->set, NULL);
    printf("}\n");
}

/* ---- the work -------------------------------------------------------------------------------- */

static int cluster(knn *s, char *const *paths, knn_set *set)
{
    knn_groups groups = {.set = set, .threshold = s->threshold, .far = (double)NAN};
    int code = knn_check_groups_output(s, set);
    if (code == 0) {
        code = s->threshold < 0 ? calibrate(s, paths, set, &groups) : find_groups(s, &groups);
    }
    if (code == 0) code = knn_write_groups(s, &groups);
    if (code == 0 && s->as_json) {
        print_json(&groups);
    } else if (code == 0 && !s->is_quiet && (s->output == NULL || strcmp(s->output, "-") != 0)) {
        print_groups(&groups);
    }
    free_groups(&groups);
    return code;
}

int knn_cluster(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths == 0) {
        return fail(s->tool, EXIT_USAGE,
                    "name the pictures: cl_knn cluster --model RUN IMAGE|DIR...");
    }
    knn_set set;
    int code = knn_set_load(s, paths, n_paths, paths[0], &set);
    if (code != 0) return code;
    code = knn_set_keep_split(s, &set, s->gallery_split);
    if (code == 0) {
        code = set.f.n > 0
                   ? cluster(s, paths, &set)
                   : fail(s->tool, EXIT_FAILED,
                          "%s: there is nothing in it to group; put pictures in it", paths[0]);
    }
    knn_set_free(&set);
    return code;
}
