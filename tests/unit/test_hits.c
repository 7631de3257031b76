/* Retrieval in sets of which one class has most rows, against a reference that sorts all rows of each query. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <centerloss_eval.h>

#include "base/random.h"
#include "support/context.h"
#include "support/limited_memory.h"

enum { MOST = 2400, D_MOST = 8 };

static float x[MOST * D_MOST];
static int32_t labels[MOST];

/* n rows of d whole numbers below `levels`: their sums are exact, and few levels make ties and duplicates. A share
 * of the rows has label 3, the others have n_others labels. */
static void draw(uint64_t seed, size_t n, size_t d, size_t levels, double share, size_t n_others)
{
    for (size_t i = 0; i < n * d; i++) {
        x[i] = (float)cen__random_below(seed, 1, i, (uint32_t)levels) + 1;
    }
    for (size_t i = 0; i < n; i++) {
        bool large = (double)cen__random_float(seed, 2, i) < share;
        labels[i] = large ? 3 : 4 + (int32_t)cen__random_below(seed, 3, i, (uint32_t)n_others);
    }
}

/* ---- the reference ---------------------------------------------------------------------------- */

typedef struct {
    double distance;
    size_t row;
} ranked_row;

static int compare(const void *left, const void *right)
{
    const ranked_row *a = left, *b = right;
    if (a->distance != b->distance) return a->distance < b->distance ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

static double dot(const float *a, const float *b, size_t d)
{
    double sum = 0;
    for (size_t j = 0; j < d; j++) sum += (double)a[j] * (double)b[j];
    return sum;
}

static double distance_of(const float *a, const float *b, size_t d, cen_metric metric)
{
    double aa = dot(a, a, d), bb = dot(b, b, d), ab = dot(a, b, d);
    if (metric == CEN_METRIC_L2) return aa - 2 * ab + bb;
    return fmin(fmax(1 - ab / sqrt(aa * bb), 0), 2);
}

static void assert_same(cen_labelled gallery, cen_labelled queries, size_t d, bool alone,
                        cen_metric metric)
{
    static ranked_row ranked[MOST];
    double at_1 = 0, r_precision = 0, map_at_r = 0;
    size_t n_scored = 0;
    for (size_t i = 0; i < queries.n; i++) {
        size_t n = 0, n_partners = 0;
        double n_hits = 0, sum = 0;
        for (size_t j = 0; j < gallery.n; j++) {
            if (alone && i == j) continue;
            n_partners += gallery.labels[j] == queries.labels[i];
            ranked[n++] = (ranked_row){
                distance_of(queries.features + i * d, gallery.features + j * d, d, metric), j};
        }
        if (n_partners == 0) continue;
        qsort(ranked, n, sizeof *ranked, compare);
        for (size_t j = 0; j < n_partners; j++) {
            if (gallery.labels[ranked[j].row] == queries.labels[i])
                sum += ++n_hits / (double)(j + 1);
        }
        n_scored++;
        at_1 += gallery.labels[ranked[0].row] == queries.labels[i];
        r_precision += n_hits / (double)n_partners;
        map_at_r += sum / (double)n_partners;
    }
    cen_measure_options o = cen_measure_options_init();
    cen_knn_options o_knn = cen_knn_options_init();
    o.knn = &o_knn;
    o.most_pairs = 10;
    o.n_episodes = 0;
    o_knn.leave_one_out = alone;
    o_knn.metric = metric;
    for (int n_threads = 1; n_threads < 4; n_threads += 2) {
        cen_measures m;
        assert_int_equal(
            cen_measures_create(threads(n_threads), &m, &gallery, &queries, d, &o, NULL), CEN_OK);
        double n = (double)n_scored;
        assert_int_equal(m.n_queries - m.retrieval.n_lone, n_scored);
        assert_true(m.retrieval.precision_at_1 == at_1 / n);
        assert_true(fabs(m.retrieval.r_precision - r_precision / n) < 1e-13);
        if (!(fabs(m.retrieval.map_at_r - map_at_r / n) < 1e-13)) {
            fail_msg("%.17g is not %.17g", m.retrieval.map_at_r, map_at_r / n);
        }
        cen_measures_free(&m);
    }
}

static void any_share_of_a_class_scores_as_sorting_all_rows_does(void **state)
{
    (void)state;
    static const double shares[] = {1, 0.99, 0.9, 0.6, 0.51, 0.4, 0.05};
    static const size_t levels[] = {1, 2, 5, 1000};
    uint64_t seed = 1;
    for (size_t s = 0; s < sizeof shares / sizeof *shares; s++) {
        for (size_t l = 0; l < sizeof levels / sizeof *levels; l++, seed++) {
            size_t n = 60 + 37 * (seed % 7), n_queries = n / 3, d = 1 + seed % D_MOST;
            draw(seed, n, d, levels[l], shares[s], 1 + seed % 4);
            cen_metric metric = seed % 3 == 0 ? CEN_METRIC_COSINE : CEN_METRIC_L2;
            cen_labelled all = {x, labels, n};
            cen_labelled queries = {x, labels, n_queries};
            cen_labelled gallery = {x + n_queries * d, labels + n_queries, n - n_queries};
            assert_same(all, all, d, true, metric);
            assert_same(gallery, queries, d, false, metric);
        }
    }
}

/* More other rows than are kept in a heap, and than there are buckets. */
static void a_large_set_scores_as_sorting_all_rows_does(void **state)
{
    (void)state;
    draw(99, MOST, 2, 40, 0.6, 3);
    cen_labelled all = {x, labels, MOST}, few = {x, labels, 100};
    assert_same(all, all, 2, true, CEN_METRIC_L2);
    assert_same(all, few, 2, false, CEN_METRIC_COSINE);
}

/* ---- time and memory -------------------------------------------------------------------------- */

static double seconds(size_t n, double share, size_t n_others)
{
    cen_measures m;
    cen_measure_options o = cen_measure_options_init();
    cen_knn_options o_knn = cen_knn_options_init();
    o.knn = &o_knn;
    o.most_pairs = 10;
    o.n_episodes = 0;
    o_knn.leave_one_out = true;
    draw(7, n, D_MOST, 1 << 20, share, n_others);
    cen_labelled all = {x, labels, n};
    double least = HUGE_VAL;
    for (int i = 0; i < 3; i++) {
        clock_t start = clock();
        assert_int_equal(cen_measures_create(threads(1), &m, &all, &all, D_MOST, &o, NULL), CEN_OK);
        least = fmin(least, (double)(clock() - start) / CLOCKS_PER_SEC);
        cen_measures_free(&m);
    }
    return least;
}

/* Sorting all rows of each query, it took 3 times as long as ten classes, and takes a tenth of that now. */
static void one_class_takes_less_time_than_ten(void **state)
{
    (void)state;
    double one = seconds(MOST, 1, 1), ten = seconds(MOST, 0, 10);
    print_message("one class / ten classes: %.2f\n", one / ten);
    assert_true(one < ten);
}

static int run_with_little_memory(void *user)
{
    const cen_labelled *all = user;
    cen_measures m;
    cen_error error = {CEN_OK, ""};
    cen_measure_options o = cen_measure_options_init();
    cen_knn_options o_knn = cen_knn_options_init();
    o.knn = &o_knn;
    o.most_pairs = 10;
    o.n_episodes = 0;
    o_knn.leave_one_out = true;
    cen_status status = cen_measures_create(threads(1), &m, all, all, 2, &o, &error);
    if (status == CEN_OK) {
        cen_measures_free(&m);
        return 1;
    }
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_int_equal(error.status, CEN_ERROR_MEMORY);
    return 0;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    draw(5, 50, 2, 9, 0.8, 2);
    cen_labelled all = {x, labels, 50};
    assert_true(fail_each_allocation(run_with_little_memory, &all) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_share_of_a_class_scores_as_sorting_all_rows_does),
        cmocka_unit_test(a_large_set_scores_as_sorting_all_rows_does),
        cmocka_unit_test(one_class_takes_less_time_than_ten),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
