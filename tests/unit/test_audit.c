#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss_eval.h>

#include "base/random.h"
#include "support/context.h"
#include "support/limited_memory.h"

enum { D = 3, CLASSES = 4, PER_CLASS = 8, ROWS = CLASSES * PER_CLASS };

typedef struct {
    float features[ROWS * D];
    cen_feature_row rows[ROWS];
    cen_feature_set set;
} clouds;

/* Class c lies about 10 along its own direction. */
static void make_clouds(clouds *c)
{
    for (size_t i = 0; i < ROWS; i++) {
        size_t label = i / PER_CLASS;
        for (size_t j = 0; j < D; j++) {
            float middle = label == j ? 10.0f : label == D ? -10.0f : 0.0f;
            c->features[i * D + j] = middle + cen__random_float(1, 5, i * D + j);
        }
        c->rows[i] = (cen_feature_row){"p", (int32_t)label, "c", i % 2 == 0 ? "train" : "val"};
    }
    c->set = (cen_feature_set){
        .n = ROWS, .d = D, .features = c->features, .rows = c->rows, .n_classes = CLASSES};
}

static cen_finding *run(const cen_feature_set *set, cen_metric metric, double ratio, size_t *n)
{
    cen_finding *findings;
    cen_error error;
    if (cen_audit(threads(1), set, metric, ratio, &findings, n, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    return findings;
}

static void a_clean_set_has_no_findings(void **state)
{
    (void)state;
    clouds c;
    size_t n;
    make_clouds(&c);
    cen_audit_free(run(&c.set, CEN_METRIC_L2, 1.5, &n));
    assert_int_equal(n, 0);
    cen_audit_free(run(&c.set, CEN_METRIC_COSINE, 1.5, &n));
    assert_int_equal(n, 0);
    c.set.n = 1;
    cen_audit_free(run(&c.set, CEN_METRIC_L2, 1, &n));
    assert_int_equal(n, 0);
    c.set.n = 0;
    cen_audit_free(run(&c.set, CEN_METRIC_L2, 1, &n));
    assert_int_equal(n, 0);
    cen_audit_free(NULL);
}

static double naive_distance(const float *a, const double *b, cen_metric metric)
{
    double square = 0, dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < D; j++) {
        double x = (double)a[j];
        square += (x - b[j]) * (x - b[j]);
        dot += x * b[j];
        aa += x * x;
        bb += b[j] * b[j];
    }
    return metric == CEN_METRIC_L2 ? sqrt(square) : 1 - dot / sqrt(aa * bb);
}

/* The distance of row i to the mean of a class, itself left out. */
static double distance_to_class(const clouds *c, size_t i, int32_t label, cen_metric metric)
{
    double mean[D] = {0}, count = 0;
    for (size_t r = 0; r < ROWS; r++) {
        if (c->rows[r].label != label || r == i) continue;
        count++;
        for (size_t j = 0; j < D; j++) mean[j] += (double)c->features[r * D + j];
    }
    for (size_t j = 0; j < D; j++) mean[j] /= count;
    return naive_distance(c->features + i * D, mean, metric);
}

static void rows_with_another_classes_label_are_misplaced(void **state)
{
    (void)state;
    static const cen_metric metrics[] = {CEN_METRIC_L2, CEN_METRIC_COSINE};
    for (size_t m = 0; m < 2; m++) {
        clouds c;
        size_t n;
        make_clouds(&c);
        c.rows[3].label = 2;
        c.rows[20].label = 3;
        c.rows[9].label = -1; /* nothing to be held to */
        cen_finding *findings = run(&c.set, metrics[m], 1.5, &n);
        assert_int_equal(n, 2);
        assert_true(findings[0].own / findings[0].distance >=
                    findings[1].own / findings[1].distance);
        for (size_t i = 0; i < 2; i++) {
            const cen_finding *f = &findings[i];
            assert_int_equal(f->kind, CEN_FINDING_MISPLACED);
            assert_true(f->row == 3 || f->row == 20);
            assert_int_equal(f->label, f->row == 3 ? 0 : 2);
            double other = distance_to_class(&c, f->row, f->label, metrics[m]);
            double own = distance_to_class(&c, f->row, c.rows[f->row].label, metrics[m]);
            assert_true(fabs(f->distance - other) < 1e-5 * other);
            assert_true(fabs(f->own - own) < 1e-5 * own);
        }
        assert_true(findings[0].row != findings[1].row);
        cen_audit_free(findings);
    }
}

static void a_ratio_of_0_lists_all_the_most_doubtful_first(void **state)
{
    (void)state;
    clouds c;
    size_t n;
    make_clouds(&c);
    c.rows[3].label = 2;
    c.rows[9].label = -1;
    c.rows[30].label = 7; /* the only one of its class */
    cen_finding *findings = run(&c.set, CEN_METRIC_L2, 0, &n);
    bool seen[ROWS] = {false};
    assert_int_equal(n, ROWS - 2);
    assert_int_equal(findings[0].row, 3);
    for (size_t i = 0; i < n; i++) {
        assert_false(seen[findings[i].row]);
        seen[findings[i].row] = true;
        if (i == 0) continue;
        assert_true(findings[i - 1].own / findings[i - 1].distance >=
                    findings[i].own / findings[i].distance);
    }
    cen_audit_free(findings);
    /* also those that lie on the mean of their class */
    for (size_t i = 0; i < PER_CLASS; i++)
        memcpy(c.features + i * D, c.features, D * sizeof(float));
    for (size_t i = 0; i < ROWS; i++) c.rows[i].label = (int32_t)(i / PER_CLASS);
    findings = run(&c.set, CEN_METRIC_L2, 0, &n);
    for (size_t i = n = 0; findings[i].kind == CEN_FINDING_MISPLACED && i < ROWS; i++) n++;
    assert_int_equal(n, ROWS);
    cen_audit_free(findings);
}

static void the_ratio_draws_the_line(void **state)
{
    (void)state;
    /* Class 0: 0, 0, 6. The last is 6 from its own mean, 4 from that of class 1. */
    static float x[5] = {0, 0.5f, 6, 9.5f, 10.5f};
    cen_feature_row rows[5] = {{"", 0, NULL, NULL},
                               {"", 0, NULL, NULL},
                               {"", 0, NULL, NULL},
                               {"", 1, NULL, NULL},
                               {"", 1, NULL, NULL}};
    cen_feature_set set = {.n = 5, .d = 1, .features = x, .rows = rows, .n_classes = 2};
    size_t n;
    cen_finding *findings = run(&set, CEN_METRIC_L2, 1.43, &n);
    assert_int_equal(n, 1);
    assert_int_equal(findings[0].row, 2);
    assert_int_equal(findings[0].label, 1);
    assert_true(findings[0].distance == 4.0 && findings[0].own == 5.75);
    cen_audit_free(findings);
    cen_audit_free(run(&set, CEN_METRIC_L2, 1.44, &n));
    assert_int_equal(n, 0);
    rows[0].label = rows[1].label = -1; /* a class of one row has no mean without it */
    cen_audit_free(run(&set, CEN_METRIC_L2, 1, &n));
    assert_int_equal(n, 0);
}

static void copy_row(clouds *c, size_t from, size_t to, float factor, float offset)
{
    for (size_t j = 0; j < D; j++) {
        c->features[to * D + j] = c->features[from * D + j] * factor + offset;
    }
}

static void assert_pair(const cen_finding *finding, cen_finding_kind kind, size_t row, size_t other)
{
    assert_int_equal(finding->kind, kind);
    assert_int_equal(finding->row, row);
    assert_int_equal(finding->other, other);
    assert_true(finding->own == 0.0);
}

static void copies_are_duplicates_and_across_splits_leaks(void **state)
{
    (void)state;
    clouds c;
    size_t n;
    make_clouds(&c);
    copy_row(&c, 1, 5, 1, 1e-6f);
    copy_row(&c, 1, 7, 1, 0);
    copy_row(&c, 10, 13, 1, 0);
    copy_row(&c, 24, 26, 1, 0);
    c.rows[26].split = NULL;
    cen_finding *findings = run(&c.set, CEN_METRIC_L2, 1.5, &n);
    assert_int_equal(n, 4);
    assert_pair(&findings[0], CEN_FINDING_DUPLICATE, 1, 7);
    assert_pair(&findings[1], CEN_FINDING_DUPLICATE, 24, 26);
    assert_pair(&findings[2], CEN_FINDING_DUPLICATE, 1, 5);
    assert_pair(&findings[3], CEN_FINDING_LEAK, 10, 13);
    assert_true(findings[0].distance == 0.0 && findings[3].distance == 0.0);
    assert_true(findings[2].distance > 0 && findings[2].distance < 1e-5);
    cen_audit_free(findings);
}

static void by_cosine_a_scaled_copy_is_a_duplicate(void **state)
{
    (void)state;
    clouds c;
    size_t n;
    make_clouds(&c);
    copy_row(&c, 2, 4, 3, 0);
    cen_audit_free(run(&c.set, CEN_METRIC_L2, 1e9, &n));
    assert_int_equal(n, 0);
    cen_finding *findings = run(&c.set, CEN_METRIC_COSINE, 1e9, &n);
    assert_int_equal(n, 1);
    assert_pair(&findings[0], CEN_FINDING_DUPLICATE, 2, 4);
    cen_audit_free(findings);
}

/* Rows 0, 3, 2, 1 lie on a line, each near the next alone; the others are far apart. */
static void a_chain_of_near_rows_is_one_group_whatever_their_order(void **state)
{
    (void)state;
    enum { N = 40 };
    static const float places[4] = {0, 0.024f, 0.016f, 0.008f};
    static float x[N * D];
    cen_feature_row rows[N];
    size_t n;
    for (size_t i = 0; i < N; i++) {
        x[i * D] = i < 4 ? places[i] : 100 * (float)i;
        rows[i] = (cen_feature_row){"", 0, "a", "train"};
    }
    cen_feature_set set = {.n = N, .d = D, .features = x, .rows = rows, .n_classes = 1};
    cen_finding *findings = run(&set, CEN_METRIC_L2, 1.5, &n);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) assert_pair(&findings[i], CEN_FINDING_DUPLICATE, 0, 3 - i);
    cen_audit_free(findings);
}

static void thousands_of_equal_rows_are_each_told_once(void **state)
{
    (void)state;
    enum { N = 6000, FIRST = 100, LAST = 5100 };
    float *x = malloc(N * D * sizeof *x);
    cen_feature_row *rows = malloc(N * sizeof *rows);
    assert_non_null(x);
    assert_non_null(rows);
    for (size_t i = 0; i < N; i++) {
        bool is_copy = i >= FIRST && i < LAST;
        for (size_t j = 0; j < D; j++) {
            x[i * D + j] = is_copy ? 0.5f : cen__random_float(2, 6, i * D + j) + 2;
        }
        rows[i] = (cen_feature_row){"", 0, "a", i == 3000 ? "val" : "train"};
    }
    cen_feature_set set = {.n = N, .d = D, .features = x, .rows = rows, .n_classes = 1};
    size_t n;
    cen_finding *findings = run(&set, CEN_METRIC_L2, 1.5, &n);
    assert_int_equal(n, LAST - FIRST - 1);
    for (size_t i = 0; i + 1 < n; i++) {
        size_t other = FIRST + 1 + i + (i >= 3000 - FIRST - 1);
        assert_pair(&findings[i], CEN_FINDING_DUPLICATE, FIRST, other);
    }
    assert_pair(&findings[n - 1], CEN_FINDING_LEAK, FIRST, 3000);
    cen_audit_free(findings);
    free(x);
    free(rows);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    clouds c;
    cen_finding *findings;
    size_t n;
    cen_error error;
    static const double ratios[] = {-0.01, -1, -INFINITY, NAN};
    make_clouds(&c);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            cen_audit(threads(1), &c.set, CEN_METRIC_L2, ratios[i], &findings, &n, &error),
            CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "choose 0 or more"));
        assert_null(findings);
    }
    c.features[7 * D + 1] = NAN;
    assert_int_equal(cen_audit(threads(1), &c.set, CEN_METRIC_L2, 1.5, &findings, &n, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "row 7 of the"));
}

static int audit_with_little_memory(void *user)
{
    cen_finding *findings;
    size_t n;
    cen_status status = cen_audit(threads(1), user, CEN_METRIC_L2, 1.5, &findings, &n, NULL);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    if (status != CEN_OK) assert_null(findings);
    cen_audit_free(findings);
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    clouds c;
    make_clouds(&c);
    c.rows[3].label = 2;
    copy_row(&c, 10, 13, 1, 0);
    assert_true(fail_each_allocation(audit_with_little_memory, &c.set) >= 15);
    for (size_t i = 0; i < ROWS; i++) c.rows[i].label = -1; /* the duplicate alone */
    assert_true(fail_each_allocation(audit_with_little_memory, &c.set) >= 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_set_has_no_findings),
        cmocka_unit_test(rows_with_another_classes_label_are_misplaced),
        cmocka_unit_test(a_ratio_of_0_lists_all_the_most_doubtful_first),
        cmocka_unit_test(the_ratio_draws_the_line),
        cmocka_unit_test(copies_are_duplicates_and_across_splits_leaks),
        cmocka_unit_test(by_cosine_a_scaled_copy_is_a_duplicate),
        cmocka_unit_test(a_chain_of_near_rows_is_one_group_whatever_their_order),
        cmocka_unit_test(thousands_of_equal_rows_are_each_told_once),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
