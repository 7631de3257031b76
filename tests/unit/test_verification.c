#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "base/random.h"
#include "search/sort.h"
#include "support/context.h"
#include "support/limited_memory.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- sorting ---------------------------------------------------------------------------------- */

static int compare_floats(const void *a, const void *b)
{
    const float *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void distances_are_sorted(void **state)
{
    (void)state;
    static float x[3000], expected[3000], scratch[3000];
    for (size_t i = 0; i < COUNT(x); i++) {
        x[i] = ldexpf(cen__random_float(1, 1, i), (int)cen__random_below(1, 2, i, 270) - 140);
        if (i % 50 == 0) x[i] = 0;
    }
    memcpy(expected, x, sizeof x);
    qsort(expected, COUNT(x), sizeof *x, compare_floats);
    cen__sort_distances(x, COUNT(x), scratch);
    assert_memory_equal(x, expected, sizeof x);
    cen__sort_distances(x, 0, scratch);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

enum { ROWS = 120, OTHERS = 45, SIDE = 3 };

static float features[(ROWS + OTHERS) * SIDE];
static int32_t labels[ROWS + OTHERS];

/* Labels are -1 .. 6; 5 is in the first set alone, 6 in the second. */
static void fill_sets(cen_labelled *a, cen_labelled *b)
{
    for (size_t i = 0; i < COUNT(features); i++) {
        features[i] = (float)cen__random_below(3, 1, i, 40);
    }
    for (size_t i = 0; i < ROWS + OTHERS; i++) {
        labels[i] = (int32_t)cen__random_below(3, 2, i, 7) - 1;
        if (labels[i] == 5 && i >= ROWS) labels[i] = 6;
    }
    *a = (cen_labelled){features, labels, ROWS};
    *b = (cen_labelled){features + ROWS * SIDE, labels + ROWS, OTHERS};
}

static float naive_distance(const float *a, const float *b, cen_metric metric)
{
    double square = 0, dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < SIDE; j++) {
        double x = (double)a[j], y = (double)b[j];
        square += (x - y) * (x - y);
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    if (metric == CEN_METRIC_L2) return (float)sqrt(square);
    return (float)(aa == 0 || bb == 0 ? 1 : fmax(1 - dot / sqrt(aa * bb), 0));
}

/* All pairs, by two loops; returns how many there are of the kind. */
static size_t naive_pairs(cen_labelled a, const cen_labelled *other, bool genuine,
                          cen_metric metric, float *all)
{
    size_t n = 0;
    const bool within = other == NULL;
    const cen_labelled b = within ? a : *other;
    for (size_t i = 0; i < a.n; i++) {
        for (size_t j = within ? i + 1 : 0; j < b.n; j++) {
            if (a.labels[i] < 0 || b.labels[j] < 0) continue;
            if ((a.labels[i] == b.labels[j]) != genuine) continue;
            all[n++] = naive_distance(a.features + i * SIDE, b.features + j * SIDE, metric);
        }
    }
    qsort(all, n, sizeof *all, compare_floats);
    return n;
}

static void assert_all(const float *distances, size_t n, cen_labelled a, const cen_labelled *b,
                       bool genuine, cen_metric metric)
{
    static float all[ROWS * ROWS];
    assert_int_equal(n, naive_pairs(a, b, genuine, metric, all));
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || distances[i] >= distances[i - 1]);
        assert_true(fabsf(distances[i] - all[i]) <= 1e-6f * (1 + all[i]));
    }
}

static void few_pairs_are_all_there_in_order(void **state)
{
    (void)state;
    cen_labelled a, b;
    fill_sets(&a, &b);
    for (int metric = 0; metric < 2; metric++) {
        for (int within = 0; within < 2; within++) {
            cen_pairs pairs;
            const cen_labelled *other = within ? NULL : &b;
            assert_int_equal(cen_pairs_create(threads(2), &pairs, &a, other, SIDE,
                                              (cen_metric)metric, 20000, 1, NULL),
                             CEN_OK);
            assert_false(pairs.is_sample);
            assert_all(pairs.genuine, pairs.n_genuine, a, other, true, (cen_metric)metric);
            assert_all(pairs.impostor, pairs.n_impostor, a, other, false, (cen_metric)metric);
            cen_pairs_free(&pairs);
            assert_null(pairs.genuine);
        }
    }
}

/* The distance to the origin tells rows apart: x[i] = 2^i, so a distance names its pair. */
static void a_sample_holds_no_pair_twice(void **state)
{
    (void)state;
    float x[20];
    int32_t of[20];
    for (int i = 0; i < 20; i++) {
        x[i] = ldexpf(1, i);
        of[i] = i % 4;
    }
    cen_labelled set = {x, of, 20};
    cen_pairs pairs, other;
    assert_int_equal(
        cen_pairs_create(threads(1), &pairs, &set, NULL, 1, CEN_METRIC_L2, 60, 1, NULL), CEN_OK);
    assert_true(pairs.is_sample && pairs.n_genuine == 30 && pairs.n_impostor == 30);
    for (size_t i = 1; i < 30; i++) {
        assert_true(pairs.genuine[i] > pairs.genuine[i - 1]);
        assert_true(pairs.impostor[i] > pairs.impostor[i - 1]);
    }
    assert_int_equal(
        cen_pairs_create(threads(5), &other, &set, NULL, 1, CEN_METRIC_L2, 60, 2, NULL), CEN_OK);
    assert_memory_not_equal(other.genuine, pairs.genuine, 30 * sizeof(float));
    cen_pairs_free(&other);
    assert_int_equal(
        cen_pairs_create(threads(5), &other, &set, NULL, 1, CEN_METRIC_L2, 60, 1, NULL), CEN_OK);
    assert_memory_equal(other.genuine, pairs.genuine, 30 * sizeof(float));
    assert_memory_equal(other.impostor, pairs.impostor, 30 * sizeof(float));
    cen_pairs_free(&other);
    cen_pairs_free(&pairs);
    assert_int_equal(
        cen_pairs_create(threads(1), &pairs, &set, NULL, 1, CEN_METRIC_L2, 100, 1, NULL), CEN_OK);
    assert_true(pairs.n_genuine == 40 && pairs.n_impostor == 60); /* all 40 genuine */
    cen_pairs_free(&pairs);
}

/* 36 genuine pairs and 9 impostors. */
static void too_few_impostors_leave_room_for_genuine_pairs(void **state)
{
    (void)state;
    static const float x[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const int32_t of[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    cen_labelled set = {x, of, 10};
    cen_pairs pairs;
    assert_int_equal(
        cen_pairs_create(threads(1), &pairs, &set, NULL, 1, CEN_METRIC_L2, 30, 1, NULL), CEN_OK);
    assert_true(pairs.is_sample && pairs.n_genuine == 21 && pairs.n_impostor == 9);
    cen_pairs_free(&pairs);
}

static void a_sample_is_like_the_whole(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    static float x[MANY * SIDE];
    static int32_t of[MANY];
    for (size_t i = 0; i < MANY; i++) {
        of[i] = (int32_t)cen__random_below(8, 1, i, 1 + i % 60);
        for (size_t j = 0; j < SIDE; j++) {
            x[i * SIDE + j] = cen__random_float(8, 2, i * SIDE + j) + 0.01f * (float)of[i];
        }
    }
    cen_labelled set = {x, of, MANY}, half = {x, of, MANY / 2};
    cen_labelled rest = {x + MANY / 2 * SIDE, of + MANY / 2, MANY / 2};
    for (int within = 0; within < 2; within++) {
        cen_pairs all, sample;
        assert_int_equal(cen_pairs_create(threads(1), &all, within ? &set : &half,
                                          within ? NULL : &rest, SIDE, CEN_METRIC_L2, 10000000, 1,
                                          NULL),
                         CEN_OK);
        assert_int_equal(cen_pairs_create(threads(1), &sample, within ? &set : &half,
                                          within ? NULL : &rest, SIDE, CEN_METRIC_L2, 40000, 1,
                                          NULL),
                         CEN_OK);
        cen_verification a, s;
        cen_pairs_verify(&all, &a);
        cen_pairs_verify(&sample, &s);
        assert_true(s.is_sample && !a.is_sample);
        assert_true(s.n_genuine == 20000 && s.n_impostor == 20000);
        /* standard errors are at most 0.5 / sqrt(20000) = 0.0035 */
        assert_true(fabs(a.auc - s.auc) < 0.015 && fabs(a.eer - s.eer) < 0.015);
        assert_true(fabs(a.tar[0] - s.tar[0]) < 0.02);
        cen_pairs_free(&all);
        cen_pairs_free(&sample);
    }
}

/* ---- rates ----------------------------------------------------------------------------------- */

static float near[] = {1, 2, 2, 4}, far[] = {2, 3, 5, 5, 6};

static void without_pairs_there_is_no_rate(void **state)
{
    (void)state;
    cen_pairs none = {NULL, NULL, 0, 0, false};
    cen_verification v;
    cen_pairs_verify(&none, &v);
    assert_true(isnan(v.auc) && isnan(v.tar[2]));
}

/* Worked by hand: the ROC is (0, 0) (0, 1/4) (1/5, 3/4) (2/5, 3/4) ... The line from the second point to
 * the third meets FAR = 1 - TAR nowhere, that from the third to the fourth at FAR = 1/4. */
static void the_equal_error_rate_is_where_the_line_crosses(void **state)
{
    (void)state;
    cen_pairs pairs = {near, far, COUNT(near), COUNT(far), false};
    cen_verification v;
    cen_pairs_verify(&pairs, &v);
    assert_true(fabs(v.eer - 0.25) < 1e-12 && fabs(v.eer_threshold - 2.25) < 1e-12);
    /* wins and half ties of 4 * 5: 5 + 2 * 4.5 + 3 */
    assert_true(fabs(v.auc - 17.0 / 20) < 1e-12);
    assert_true(v.tar[0] == 0.25 && v.tar[2] == 0.25);
    float apart[] = {7, 8};
    cen_pairs clean = {near, apart, COUNT(near), 2, false};
    cen_pairs_verify(&clean, &v);
    assert_true(v.auc == 1 && v.eer == 0 && v.eer_threshold == 4 && v.tar[2] == 1);
    cen_pairs wrong = {apart, near, 2, COUNT(near), false};
    cen_pairs_verify(&wrong, &v);
    assert_true(v.auc == 0 && v.eer == 1 && v.tar[0] == 0);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void assert_refused(cen_labelled a, cen_labelled b, size_t most, const char *part)
{
    cen_error error = {CEN_OK, ""};
    cen_pairs pairs;
    assert_int_equal(
        cen_pairs_create(threads(1), &pairs, &a, &b, 1, CEN_METRIC_L2, most, 1, &error),
        CEN_ERROR_ARGUMENT);
    if (strstr(error.message, part) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, part);
    assert_null(pairs.genuine);
}

static void what_has_no_pairs_is_refused(void **state)
{
    (void)state;
    static const float x[] = {0, 1, 2}, broken[] = {0, 1, INFINITY};
    static const int32_t same[] = {1, 1, -1}, apart[] = {1, 2, 3};
    cen_labelled none = {NULL, NULL, 0}, one_class = {x, same, 3}, alone = {x, apart, 3};
    cen_labelled bad = {broken, apart, 3};
    assert_refused(one_class, none, 10, "two labels");
    assert_refused(alone, none, 10, "the same label");
    assert_refused(none, none, 10, "the same label");
    assert_refused(bad, none, 10, "row 2 of the first set");
    assert_refused(alone, bad, 10, "row 2 of the second set");
    assert_refused(alone, alone, 1, "at least 2");
    cen_pairs_free(NULL);
}

static int run_with_little_memory(void *user)
{
    const cen_labelled *sets = user;
    cen_pairs pairs;
    cen_status status =
        cen_pairs_create(threads(1), &pairs, &sets[0], &sets[1], SIDE, CEN_METRIC_L2, 100, 1, NULL);
    if (status == CEN_OK) {
        cen_pairs_free(&pairs);
    } else {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_null(pairs.genuine);
    }
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    cen_labelled sets[2];
    fill_sets(&sets[0], &sets[1]);
    assert_int_equal(fail_each_allocation(run_with_little_memory, sets), 16);
    sets[1].n = 0;
    assert_int_equal(fail_each_allocation(run_with_little_memory, sets), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_sorted),
        cmocka_unit_test(few_pairs_are_all_there_in_order),
        cmocka_unit_test(a_sample_holds_no_pair_twice),
        cmocka_unit_test(too_few_impostors_leave_room_for_genuine_pairs),
        cmocka_unit_test(a_sample_is_like_the_whole),
        cmocka_unit_test(without_pairs_there_is_no_rate),
        cmocka_unit_test(the_equal_error_rate_is_where_the_line_crosses),
        cmocka_unit_test(what_has_no_pairs_is_refused),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
