#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss_eval.h>

#include "golden/cluster.h"
#include "support/context.h"
#include "support/limited_memory.h"

static size_t cluster_with(int n_threads, const float *x, size_t n, size_t d, cen_metric metric,
                           double threshold, int32_t *found)
{
    cen_cluster_options options = cen_cluster_options_init();
    options.metric = metric;
    options.threshold = threshold;
    cen_error error;
    size_t n_clusters;
    if (cen_cluster(threads(n_threads), x, n, d, &options, found, &n_clusters, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    return n_clusters;
}

static size_t cluster(const float *x, size_t n, size_t d, cen_metric metric, double threshold,
                      int32_t *found)
{
    return cluster_with(1, x, n, d, metric, threshold, found);
}

static void groups_are_those_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < CUTS; cut++) {
        int32_t found[N];
        cluster(features, N, D, CEN_METRIC_L2, l2_thresholds[cut], found);
        assert_memory_equal(found, l2_clusters + cut * N, sizeof found);
        cluster(features, N, D, CEN_METRIC_COSINE, cosine_thresholds[cut], found);
        assert_memory_equal(found, cosine_clusters + cut * N, sizeof found);
    }
}

static void assert_scores(const int32_t *clusters, const double *want)
{
    cen_cluster_scores s;
    assert_int_equal(cen_cluster_score(NULL, labels, clusters, N, &s, NULL), CEN_OK);
    const double got[6] = {s.pair_precision,   s.pair_recall,   s.pair_f,
                           s.bcubed_precision, s.bcubed_recall, s.bcubed_f};
    for (size_t i = 0; i < 6; i++) assert_true(fabs(got[i] - want[i]) < 1e-12);
}

static void scores_are_those_of_scikit_learn_and_of_the_definition(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < CUTS; cut++) {
        assert_scores(l2_clusters + cut * N, l2_scores + cut * 6);
        assert_scores(cosine_clusters + cut * N, cosine_scores + cut * 6);
    }
}

static void scores_without_pairs_are_not_numbers(void **state)
{
    (void)state;
    const int32_t none[2] = {-1, -1}, two[2] = {0, 1};
    cen_cluster_scores s;
    assert_int_equal(cen_cluster_score(NULL, none, two, 2, &s, NULL), CEN_OK);
    assert_true(s.n == 0 && isnan(s.bcubed_f) && isnan(s.pair_f));
    assert_int_equal(cen_cluster_score(NULL, two, two, 2, &s, NULL), CEN_OK);
    assert_true(s.n == 2 && s.bcubed_f == 1 && isnan(s.pair_f) && isnan(s.pair_recall));
}

/* Rows in which some are near one middle and others far from all, as in real features. */
static float *draw_rows(size_t n, size_t d)
{
    float *x = malloc(n * d * sizeof *x);
    assert_non_null(x);
    uint64_t bits = 1;
    for (size_t i = 0; i < n * d; i++) {
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const float noise = (float)(bits >> 40) / (float)(1 << 24) - 0.5f;
        const size_t row = i / d, class = row * row % 41, j = i % d;
        x[i] = noise * (float)(row % 7) + ((class * 7 + j * class) % 11 < 3 ? 3.0f : 0.0f);
    }
    return x;
}

static void any_number_of_threads_gives_the_same(void **state)
{
    (void)state;
    enum { ROWS = 2500, WIDTH = 16 };
    float *x = draw_rows(ROWS, WIDTH);
    static int32_t one[ROWS], other[ROWS];
    const double thresholds[] = {1, 4, 6, 9, 1000};
    for (size_t i = 0; i < 5; i++) {
        const size_t n = cluster_with(1, x, ROWS, WIDTH, CEN_METRIC_L2, thresholds[i], one);
        for (int n_threads = 2; n_threads <= 5; n_threads += 3) {
            assert_int_equal(
                cluster_with(n_threads, x, ROWS, WIDTH, CEN_METRIC_L2, thresholds[i], other), n);
            assert_memory_equal(one, other, sizeof one);
        }
    }
    free(x);
}

static void the_order_of_the_rows_gives_the_same_groups(void **state)
{
    (void)state;
    enum { ROWS = 1009, WIDTH = 12 };
    float *x = draw_rows(ROWS, WIDTH), *moved = malloc(ROWS * WIDTH * sizeof *moved);
    static int32_t here[ROWS], there[ROWS], name[ROWS];
    assert_non_null(moved);
    for (size_t i = 0; i < ROWS; i++) {
        memcpy(moved + i * 386 % ROWS * WIDTH, x + i * WIDTH, WIDTH * sizeof *x);
    }
    for (double threshold = 1; threshold < 20; threshold *= 1.5) {
        const size_t n = cluster(x, ROWS, WIDTH, CEN_METRIC_L2, threshold, here);
        assert_int_equal(cluster(moved, ROWS, WIDTH, CEN_METRIC_L2, threshold, there), n);
        for (size_t i = 0; i < n; i++) name[i] = -1;
        for (size_t i = 0; i < ROWS; i++) {
            const int32_t other = there[i * 386 % ROWS];
            if (name[here[i]] < 0) name[here[i]] = other;
            assert_int_equal(name[here[i]], other);
        }
    }
    free(x);
    free(moved);
}

static void equal_rows_are_one_group_at_any_threshold(void **state)
{
    (void)state;
    enum { ROWS = 3000 };
    static float x[ROWS][2];
    static int32_t found[ROWS];
    for (size_t i = 0; i < ROWS; i++)
        x[i][0] = i % 3 == 0 ? 1 : 0, x[i][1] = i % 2 == 0 ? 0 : -0.0f;
    assert_int_equal(cluster(x[0], ROWS, 2, CEN_METRIC_L2, 0, found), 2);
    for (size_t i = 0; i < ROWS; i++) assert_int_equal(found[i], i % 3 == 0);
    assert_int_equal(cluster(x[0], ROWS, 2, CEN_METRIC_L2, 0.999, found), 2);
    assert_int_equal(cluster(x[0], ROWS, 2, CEN_METRIC_L2, 1, found), 1);
}

static void rows_of_zeros_are_at_distance_one_from_all(void **state)
{
    (void)state;
    const float x[5][2] = {{0, 0}, {2, 0}, {0, 0}, {5, 0}, {0, 0}};
    int32_t found[5];
    const int32_t apart[5] = {1, 0, 2, 0, 3}, all[5] = {0, 0, 0, 0, 0};
    assert_int_equal(cluster(x[0], 5, 2, CEN_METRIC_COSINE, 0.999, found), 4);
    assert_memory_equal(found, apart, sizeof found);
    assert_int_equal(cluster(x[0], 5, 2, CEN_METRIC_COSINE, 1, found), 1);
    assert_memory_equal(found, all, sizeof found);
    assert_int_equal(cluster(x[0], 5, 2, CEN_METRIC_L2, 0, found), 3);
}

static void one_row_is_a_group_and_no_row_is_none(void **state)
{
    (void)state;
    int32_t found[1] = {7};
    assert_int_equal(cluster(features, 1, D, CEN_METRIC_L2, 1, found), 1);
    assert_int_equal(found[0], 0);
    assert_int_equal(cluster(features, 0, D, CEN_METRIC_L2, 1, found), 0);
}

static void equal_distances_end(void **state)
{
    (void)state;
    enum { SIDE = 40 };
    static float x[SIDE * SIDE][SIDE];
    static int32_t found[SIDE * SIDE];
    for (size_t i = 0; i < SIDE * SIDE; i++) x[i][i / SIDE] = (float)(i % SIDE + 1);
    assert_int_equal(cluster(x[0], SIDE * SIDE, SIDE, CEN_METRIC_L2, 1e18, found), 1);
    assert_int_equal(cluster(x[0], SIDE * SIDE, SIDE, CEN_METRIC_COSINE, 1e-6, found), SIDE);
    for (size_t i = 0; i < SIDE * SIDE; i++) assert_int_equal(found[i], i / SIDE);
}

static void refuses(const float *x, size_t d, cen_cluster_options options, const char *reason)
{
    int32_t found[N] = {-7};
    size_t n_clusters = 77;
    cen_error error;
    assert_int_equal(cen_cluster(NULL, x, N, d, &options, found, &n_clusters, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, reason));
    assert_true(found[0] == -7 && n_clusters == 77);
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static float x[N * D];
    cen_cluster_options options = cen_cluster_options_init();
    for (int kind = 0; kind < 2; kind++) {
        memcpy(x, features, sizeof x);
        x[17 * D + 2] = kind == 0 ? NAN : INFINITY;
        refuses(x, D, options, "row 17 ");
    }
    refuses(features, 0, options, "at least one number");
    options.threshold = NAN;
    refuses(features, D, options, "threshold");
    options.threshold = -1;
    refuses(features, D, options, "threshold");
    options.threshold = 1;
    options.metric = (cen_metric)2;
    refuses(features, D, options, "metric");
}

static void the_share_of_pairs_is_within_the_threshold(void **state)
{
    (void)state;
    float x[50], y[40];
    int32_t of_x[50], of_y[40];
    for (size_t i = 0; i < 50; i++) x[i] = (float)i, of_x[i] = i < 10 ? 3 : -1;
    for (size_t i = 0; i < 40; i++) y[i] = (float)i + 0.25f, of_y[i] = i < 20 ? 3 : 4;
    const cen_labelled set = {x, of_x, 50}, others = {y, of_y, 40};
    for (double share = 0.001; share < 1; share += 0.0407) {
        double threshold;
        assert_int_equal(
            cen_cluster_calibrate(NULL, &set, &others, 1, CEN_METRIC_L2, share, &threshold, NULL),
            CEN_OK);
        size_t n = 0, n_nearer = 0, n_within = 0; /* 10 rows have the class of 20 */
        for (size_t i = 0; i < 50; i++) {
            for (size_t j = 0; j < 40; j++) {
                if (of_x[i] == of_y[j]) continue;
                n++;
                n_nearer += fabs((double)x[i] - (double)y[j]) < threshold;
                n_within += fabs((double)x[i] - (double)y[j]) <= threshold;
            }
        }
        assert_int_equal(n, 1800);
        assert_true((double)n_nearer < share * 1800 && floor(share * 1800) <= (double)n_within);
    }
}

static void a_calibration_needs_pairs(void **state)
{
    (void)state;
    const int32_t known[3] = {0, 0, 0};
    const cen_labelled set = {features, known, 3}, none = {features, known, 0};
    cen_error error;
    double threshold = 7;
    for (int i = 0; i < 2; i++) {
        const cen_labelled *others = i == 0 ? &set : &none;
        assert_int_equal(
            cen_cluster_calibrate(NULL, &set, others, D, CEN_METRIC_L2, 0.5, &threshold, &error),
            CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "too few"));
    }
    assert_int_equal(
        cen_cluster_calibrate(NULL, &set, &set, D, CEN_METRIC_L2, 0, &threshold, &error),
        CEN_ERROR_ARGUMENT);
    assert_true(threshold == 7);
}

static int cluster_all(void *user)
{
    int32_t found[N] = {-7};
    size_t n_clusters;
    double threshold;
    cen_cluster_scores scores;
    cen_error error;
    cen_cluster_options options = cen_cluster_options_init();
    options.threshold = l2_thresholds[1];
    const cen_labelled set = {features, labels, N};
    cen_status status =
        cen_cluster(threads(1), features, N, D, &options, found, &n_clusters, &error);
    if (status != CEN_OK) assert_int_equal(found[0], -7);
    if (status == CEN_OK) {
        status = cen_cluster_calibrate(threads(1), &set, &set, D, CEN_METRIC_L2, 0.01, &threshold,
                                       &error);
    }
    if (status == CEN_OK) {
        status = cen_cluster_score(threads(1), labels, found, N, &scores, &error);
    }
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    (void)user;
    return status == CEN_OK;
}

static void each_failed_allocation_is_reported(void **state)
{
    (void)state;
    assert_true(fail_each_allocation(cluster_all, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_those_of_scikit_learn),
        cmocka_unit_test(scores_are_those_of_scikit_learn_and_of_the_definition),
        cmocka_unit_test(scores_without_pairs_are_not_numbers),
        cmocka_unit_test(any_number_of_threads_gives_the_same),
        cmocka_unit_test(the_order_of_the_rows_gives_the_same_groups),
        cmocka_unit_test(equal_rows_are_one_group_at_any_threshold),
        cmocka_unit_test(rows_of_zeros_are_at_distance_one_from_all),
        cmocka_unit_test(one_row_is_a_group_and_no_row_is_none),
        cmocka_unit_test(equal_distances_end),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(the_share_of_pairs_is_within_the_threshold),
        cmocka_unit_test(a_calibration_needs_pairs),
        cmocka_unit_test(each_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
