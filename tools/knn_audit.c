/* cl_knn audit: what in a set looks wrong, and what to do about it. */
#include "knn.h"

#include <centerloss_eval.h>

#include <stdio.h>

static const struct {
    const char *key, *title;
} kinds[] = {
    [CEN_FINDING_MISPLACED] = {"misplaced", "much nearer to another class than to their own; look "
                                            "at each, and move what lies in the wrong class"},
    [CEN_FINDING_DUPLICATE] = {"duplicate", "pairs that are (almost) the same picture; count each "
                                            "once, and if their classes differ, one is wrong"},
    [CEN_FINDING_LEAK] = {"leak", "pairs of (almost) the same picture on both sides of a split, "
                                  "which flatters every figure; keep both on one side"},
};

enum { N_KINDS = sizeof kinds / sizeof *kinds };

static void print_finding(const knn_set *set, const cen_finding *finding)
{
    const cen_feature_row *row = &set->f.rows[finding->row], *other = &set->f.rows[finding->other];
    char one[32], two[32];
    if (finding->kind == CEN_FINDING_MISPLACED) {
        print_names(stdout,
                    "  %s  is %s, looks like %s: %.5g from its own mean, %.5g from the other\n",
                    knn_row_name(set, finding->row, one), row->class_name,
                    set->f.class_names[finding->label], finding->own, finding->distance);
        return;
    }
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

static void print_findings(const knn_set *set, const cen_finding *findings, size_t n)
{
    enum { MOST = 50 };
    char text[32];
    print_names(stdout, "%s: %s rows of %zu numbers", set->name, with_commas(set->f.n, text),
                set->f.d);
    printf(n == 0 ? "; nothing looks wrong\n" : "\n");
    for (size_t kind = 0, begin = 0, end = 0; kind < N_KINDS; kind++, begin = end) {
        while (end < n && (size_t)findings[end].kind == kind) end++;
        if (end == begin) continue;
        printf("\n%s %s\n", with_commas(end - begin, text), kinds[kind].title);
        for (size_t i = begin; i < end && i < begin + MOST; i++) print_finding(set, &findings[i]);
        if (end - begin > MOST) {
            printf("  and %s more; --json lists all\n", with_commas(end - begin - MOST, text));
        }
    }
}

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

static void print_json(const knn_set *set, const cen_finding *findings, size_t n)
{
    printf("{\"n_rows\": %zu, \"findings\": [", set->f.n);
    for (size_t i = 0; i < n; i++) {
        const cen_finding *finding = &findings[i];
        printf("%s{\"kind\": \"%s\"", i > 0 ? ", " : "", kinds[finding->kind].key);
        json_row("picture", set, finding->row);
        if (finding->kind == CEN_FINDING_MISPLACED) {
            printf(", \"nearer_class\": ");
            print_json_string(stdout, set->f.class_names[finding->label]);
            printf(", ");
            knn_json_number("own_distance", finding->own);
        } else {
            json_row("other", set, finding->other);
        }
        printf(", ");
        knn_json_number("distance", finding->distance);
        printf("}");
    }
    printf("], ");
    knn_json_notes(set, NULL);
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
    cen_finding *findings;
    size_t n;
    if (cen_audit(s->context, &set.f, knn_metric(s), s->ratio, &findings, &n, &error) != CEN_OK) {
        code = fail(s->tool, EXIT_FAILED, "%s: %s", paths[0], error.message);
    } else {
        if (s->as_json) {
            print_json(&set, findings, n);
        } else if (!s->is_quiet) {
            print_findings(&set, findings, n);
        }
        cen_audit_free(findings);
    }
    knn_set_free(&set);
    return code;
}
