/* cl_knn audit: what in a set looks wrong, and what to do about it. */
#include "knn.h"

#include <centerloss_eval.h>
#include "system.h"
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *key, *title;
} kinds[] = {
    [CEN_FINDING_MISPLACED] = {"misplaced", "much nearer to another class than to the own; look at "
                                            "each, and move what lies in the wrong class"},
    [CEN_FINDING_DUPLICATE] = {"duplicate", "found twice, (almost) the same; count each once, and "
                                            "if the classes differ, one is wrong"},
    [CEN_FINDING_LEAK] = {"leak",
                          "found on both sides of a split, (almost) the same, which flatters "
                          "every figure; keep both on one side"},
};

static const char all_title[] = "with the most doubtful first";

static const char probable_title[] =
    "of another class, by nets that did not train on them (probabilities in parentheses); "
    "look at each, and move what lies in the wrong class";

enum { N_KINDS = sizeof kinds / sizeof *kinds };

/* What was found in a set. With folds, MISPLACED is what nets say that did not train on the picture: `own` and
 * `distance` are probabilities of its class and of the likeliest other one, `other` a row of folds like it. */
typedef struct report {
    const knn_set *set;
    cen_finding *findings; /* [n] */
    cen_finding *owned;    /* the same, to be freed, or NULL */
    size_t n, n_judged;
    cen_feature_set folds; /* of cl_train --folds, n 0: none */
} report;

/* ---- folds ---- */

static bool is_usable(const cen_feature_set *folds, const float *verdict)
{
    const double example = (double)verdict[VERDICT_EXAMPLE];
    return verdict[VERDICT_FOLD] >= 0 && verdict[VERDICT_NEARER] > 0 && example >= 0 &&
           example < (double)folds->n;
}

/* places[set->f.n]: the rows of folds that stand for those of the set, in the same order. */
static bool match_rows(const knn_set *set, const cen_feature_set *folds, size_t *places)
{
    size_t at = 0;
    if (folds->d != VERDICT_SIZE) return false;
    for (size_t i = 0; i < set->f.n; i++) {
        const cen_feature_row *row = &set->f.rows[i];
        while (at < folds->n && strcmp(folds->rows[at].path, row->path) != 0) at++;
        if (at == folds->n || strcmp(folds->rows[at].class_name, row->class_name) != 0)
            return false;
        places[i] = at++;
    }
    return true;
}

typedef struct suspect {
    cen_finding finding;
    double doubt; /* orders the list */
} suspect;

static int compare_suspects(const void *a, const void *b)
{
    const suspect *one = a, *other = b;
    if (one->doubt != other->doubt) return one->doubt > other->doubt ? -1 : 1;
    return (one->finding.row > other->finding.row) - (one->finding.row < other->finding.row);
}

/* list[*n]: rows whose class is not that of the nearest mean by far. */
static void list_suspects(report *r, const size_t *places, double ratio, suspect *list, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < r->set->f.n; i++) {
        const float *verdict = r->folds.features + places[i] * VERDICT_SIZE;
        if (!is_usable(&r->folds, verdict)) continue;
        r->n_judged++;
        if ((double)verdict[VERDICT_NEARER] <= ratio) continue;
        list[*n].finding = (cen_finding){CEN_FINDING_MISPLACED,
                                         i,
                                         (size_t)verdict[VERDICT_EXAMPLE],
                                         0,
                                         (double)verdict[VERDICT_OTHER],
                                         (double)verdict[VERDICT_OWN]};
        list[(*n)++].doubt = verdict_doubt(verdict);
    }
    if (*n > 1) qsort(list, *n, sizeof *list, compare_suspects);
}

/* In place of the misplaced ones among r->findings[r->n], which come first, those of the folds. */
static bool use_folds(report *r, const size_t *places, double ratio)
{
    size_t n_old = 0, n_new = 0;
    suspect *list = malloc((r->set->f.n + 1) * sizeof *list);
    cen_finding *all = malloc((r->set->f.n + r->n + 1) * sizeof *all);
    const bool good = list != NULL && all != NULL;
    if (good) {
        list_suspects(r, places, ratio, list, &n_new);
        for (size_t i = 0; i < n_new; i++) all[i] = list[i].finding;
        while (n_old < r->n && r->findings[n_old].kind == CEN_FINDING_MISPLACED) n_old++;
        for (size_t i = n_old; i < r->n; i++) all[n_new + i - n_old] = r->findings[i];
        r->n += n_new - n_old;
        cen_audit_free(r->findings);
        r->findings = r->owned = all;
    } else {
        free(all);
    }
    free(list);
    return good;
}

/* Reads the folds of a run, if it has any. */
static int take_folds(const knn *s, const char *run, report *r)
{
    char path[4200];
    cen_error error;
    (void)snprintf(path, sizeof path, "%.4000s/folds.npy", run);
    if (!path_exists(path)) return 0;
    if (cen_features_read(s->context, path, &r->folds, &error) != CEN_OK) {
        return fail(s->tool, EXIT_FAILED, "%s", error.message);
    }
    size_t *places = malloc((r->set->f.n + 1) * sizeof *places);
    int code = 0;
    if (places == NULL) {
        code = fail(s->tool, EXIT_FAILED, "%s: not enough memory for its rows", path);
    } else if (!match_rows(r->set, &r->folds, places)) {
        print_names(stderr, "%s: %s is not used: its rows are not those of the features\n",
                    s->tool->name, path);
        cen_features_free(&r->folds);
        r->folds = (cen_feature_set){.n = 0};
    } else if (!use_folds(r, places, s->ratio)) {
        code = fail(s->tool, EXIT_FAILED, "%s: not enough memory for its findings", path);
    }
    free(places);
    return code;
}

/* ---- text ---- */

static void print_misplaced(const report *r, const cen_finding *finding)
{
    const knn_set *set = r->set;
    const cen_feature_row *row = &set->f.rows[finding->row];
    char text[32];
    if (r->folds.n > 0) {
        const cen_feature_row *example = &r->folds.rows[finding->other];
        print_names(stdout, "  %s  is %s (%.3g), looks like %s (%.3g), as %s\n",
                    knn_row_name(set, finding->row, text), row->class_name, finding->own,
                    example->class_name, finding->distance, example->path);
        return;
    }
    print_names(stdout, "  %s  is %s, looks like %s: %.5g from its own mean, %.5g from the other\n",
                knn_row_name(set, finding->row, text), row->class_name,
                set->f.class_names[finding->label], finding->own, finding->distance);
}

static void print_pair(const knn_set *set, const cen_finding *finding)
{
    const cen_feature_row *row = &set->f.rows[finding->row], *other = &set->f.rows[finding->other];
    char one[32], two[32];
    print_names(stdout, "  %s  %s", knn_row_name(set, finding->row, one),
                knn_row_name(set, finding->other, two));
    if (finding->kind == CEN_FINDING_LEAK)
        print_names(stdout, "  in %s and %s", row->split, other->split);
    if (row->label != other->label) {
        print_names(stdout, "  of two classes, %s and %s", row->class_name, other->class_name);
    } else {
        print_names(stdout, "  of %s", row->class_name);
    }
    printf("  distance %.5g\n", finding->distance);
}

static void print_findings(const report *r, bool lists_all)
{
    enum { MOST = 50 };
    const knn_set *set = r->set;
    char text[64], size[64];
    print_names(stdout, "%s: %s of %s", set->name, counted(set->f.n, "row", text),
                counted(set->f.d, "number", size));
    if (r->folds.n > 0) {
        printf("; nets that did not train on them judged %s", with_commas(r->n_judged, text));
    }
    printf(r->n == 0 ? "; nothing looks wrong\n" : "\n");
    for (size_t kind = 0, begin = 0, end = 0; kind < N_KINDS; kind++, begin = end) {
        const bool is_probable = kind == CEN_FINDING_MISPLACED && r->folds.n > 0;
        while (end < r->n && (size_t)r->findings[end].kind == kind) end++;
        if (end == begin) continue;
        printf("\n%s %s\n", with_commas(end - begin, text),
               kind == CEN_FINDING_MISPLACED && lists_all ? all_title
               : is_probable                              ? probable_title
                                                          : kinds[kind].title);
        for (size_t i = begin; i < end && i < begin + MOST; i++) {
            if (kind == CEN_FINDING_MISPLACED) print_misplaced(r, &r->findings[i]);
            if (kind != CEN_FINDING_MISPLACED) print_pair(set, &r->findings[i]);
        }
        if (end - begin > MOST) {
            printf("  and %s more; --json lists all\n", with_commas(end - begin - MOST, text));
        }
    }
}

/* ---- JSON ---- */

static void json_row(const char *key, const knn_set *set, size_t row)
{
    char text[32];
    printf(", \"%s\": {\"row\": %zu, \"path\": ", key, row);
    print_json_string(stdout, knn_row_name(set, row, text));
    printf(", \"class\": ");
    print_json_string(stdout, set->f.rows[row].class_name);
    if (set->f.rows[row].split != NULL) {
        printf(", \"split\": ");
        print_json_string(stdout, set->f.rows[row].split);
    }
    printf("}");
}

static void json_misplaced(const report *r, const cen_finding *finding)
{
    const bool is_probable = r->folds.n > 0;
    printf(", \"nearer_class\": ");
    print_json_string(stdout, is_probable ? r->folds.rows[finding->other].class_name
                                          : r->set->f.class_names[finding->label]);
    printf(", ");
    if (is_probable) {
        printf("\"like\": ");
        print_json_string(stdout, r->folds.rows[finding->other].path);
        printf(", ");
    }
    knn_json_number(is_probable ? "own_probability" : "own_distance", finding->own);
    printf(", ");
    knn_json_number(is_probable ? "probability" : "distance", finding->distance);
}

static void print_json(const report *r)
{
    printf("{\"n_rows\": %zu, \"n_judged\": ", r->set->f.n);
    printf(r->folds.n > 0 ? "%zu" : "null", r->n_judged);
    printf(", \"findings\": [");
    for (size_t i = 0; i < r->n; i++) {
        const cen_finding *finding = &r->findings[i];
        printf("%s{\"kind\": \"%s\"", i > 0 ? ", " : "", kinds[finding->kind].key);
        json_row("picture", r->set, finding->row);
        if (finding->kind == CEN_FINDING_MISPLACED) {
            json_misplaced(r, finding);
        } else {
            json_row("other", r->set, finding->other);
            printf(", ");
            knn_json_number("distance", finding->distance);
        }
        printf("}");
    }
    printf("], ");
    knn_json_notes(r->set, NULL);
    printf("}\n");
}

int knn_audit(knn *s, char *const *paths, size_t n_paths)
{
    if (n_paths != 1) {
        return fail(s->tool, EXIT_USAGE, "name the one set to look at: cl_knn audit GALLERY");
    }
    knn_set set;
    int code = knn_gallery_load(s, paths[0], &set);
    if (code != 0) return code;
    cen_error error;
    report r = {.set = &set};
    if (cen_audit(s->context, &set.f, knn_metric(s), s->ratio, &r.findings, &r.n, &error) !=
        CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", paths[0], error.message);
    }
    if (code == 0) code = take_folds(s, paths[0], &r);
    if (code == 0 && s->as_json) {
        print_json(&r);
    } else if (code == 0 && !s->is_quiet) {
        print_findings(&r, s->ratio < 1);
    }
    if (r.owned == NULL) cen_audit_free(r.findings);
    free(r.owned);
    cen_features_free(&r.folds);
    knn_set_free(&set);
    return code;
}
