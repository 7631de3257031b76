#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "base/random.h"
#include "golden/threshold.h"
#include "support/context.h"
#include "support/limited_memory.h"
#include "base/os.h"

enum { MOST = 1000 };

static const float origin[1] = {0};
static const int32_t origin_label[1] = {0};
static const cen_labelled one = {origin, origin_label, 1};

/* Strangers on a line: their numbers are their distances to the gallery, which is 0. */
static cen_threshold calibrate(const float *x, const int32_t *labels, size_t n, double far)
{
    cen_threshold threshold;
    cen_error error;
    cen_labelled strangers = {x, labels, n};
    if (cen_threshold_calibrate(threads(1), &one, &strangers, 1, CEN_METRIC_L2, far, &threshold,
                                &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(threshold.n_pictures, n);
    assert_true(threshold.false_accepts == far);
    return threshold;
}

static size_t count_accepted(const float *x, size_t n, double distance)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++) count += (double)x[i] <= distance;
    return count;
}

static void as_many_pass_as_the_share_allows(void **state)
{
    (void)state;
    float x[100];
    int32_t labels[100];
    for (size_t i = 0; i < 100; i++) {
        x[i] = (float)((i * 37) % 100 + 1);
        labels[i] = (int32_t)i;
    }
    for (size_t share = 1; share < 100; share++) {
        cen_threshold threshold = calibrate(x, labels, 100, (double)share / 100);
        assert_true(threshold.distance == (double)share);
        assert_true(threshold.low <= threshold.false_accepts &&
                    threshold.false_accepts <= threshold.high);
        assert_int_equal(threshold.n_strangers, 100);
    }
}

static void equal_distances_pass_together_or_not_at_all(void **state)
{
    (void)state;
    static const float x[10] = {3, 1, 2, 2, 5, 6, 7, 8, 9, 9};
    static const float all_near[10] = {4, 4, 4, 4, 4, 4, 4, 4, 4, 9};
    static const int32_t labels[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    assert_true(calibrate(x, labels, 10, 0.2).distance == 1.0);
    assert_true(calibrate(x, labels, 10, 0.3).distance == 2.0);
    cen_threshold threshold = calibrate(all_near, labels, 10, 0.5);
    assert_int_equal(count_accepted(all_near, 10, threshold.distance), 0);
    assert_true(threshold.distance > 3.999 && threshold.low == 0 && threshold.high > 0);
}

static void threshold_and_interval_are_those_of_numpy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        cen_threshold threshold =
            calibrate(golden[i].x, golden[i].labels, golden[i].n, golden[i].far);
        assert_true(threshold.distance == golden[i].distance);
        assert_true(fabs(threshold.low - golden[i].low) < 1e-9);
        assert_true(fabs(threshold.high - golden[i].high) < 1e-9);
    }
}

static void one_stranger_says_nothing_of_others(void **state)
{
    (void)state;
    static const float x[4] = {1, 2, 3, 4};
    static const int32_t labels[4] = {7, 7, 7, 7};
    cen_threshold threshold = calibrate(x, labels, 4, 0.25);
    assert_int_equal(threshold.n_strangers, 1);
    assert_true(threshold.low == 0 && threshold.high == 1);
}

/* ---- new strangers ----------------------------------------------------------------------------- */

/* Normal by the sum of 12 (Irwin-Hall). */
static double normal(uint64_t stream, uint64_t counter)
{
    double sum = -6;
    for (uint64_t i = 0; i < 12; i++) {
        sum += (double)cen__random_float(3, stream, 12 * counter + i);
    }
    return sum;
}

static void draw(size_t n_strangers, size_t per_stranger, double r, uint64_t stream, float *x,
                 int32_t *labels)
{
    for (size_t i = 0; i < n_strangers * per_stranger; i++) {
        size_t stranger = i / per_stranger;
        double own = normal(cen__substream(stream, 1), stranger);
        x[i] = (float)(20 + sqrt(r) * own + sqrt(1 - r) * normal(cen__substream(stream, 2), i));
        labels[i] = (int32_t)stranger;
    }
}

/* The share of repetitions in which the interval holds that of a new group of strangers. */
static double coverage(size_t n_strangers, double r, double far)
{
    enum { REPETITIONS = 200, PER_STRANGER = 10 };
    size_t n = n_strangers * PER_STRANGER, n_held = 0;
    float x[MOST];
    int32_t labels[MOST];
    for (uint64_t i = 0; i < REPETITIONS; i++) {
        draw(n_strangers, PER_STRANGER, r, 2 * i, x, labels);
        cen_threshold threshold = calibrate(x, labels, n, far);
        assert_true((double)count_accepted(x, n, threshold.distance) <= far * (double)n);
        draw(n_strangers, PER_STRANGER, r, 2 * i + 1, x, labels);
        double share = (double)count_accepted(x, n, threshold.distance) / (double)n;
        n_held += share >= threshold.low - 1e-12 && share <= threshold.high + 1e-12;
    }
    return (double)n_held / REPETITIONS;
}

static void the_interval_holds_new_strangers(void **state)
{
    (void)state;
    static const double correlations[] = {0, 0.5, 0.9};
    static const size_t counts[] = {5, 10, 30};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) assert_true(coverage(counts[i], correlations[j], 0.1) > 0.9);
    }
}

/* ---- without strangers ------------------------------------------------------------------------- */

enum { ROWS = 60, D = 5, CLASSES = 7 };

static void fill(float *features, int32_t *labels)
{
    for (size_t i = 0; i < ROWS * D; i++) features[i] = cen__random_float(1, 9, i) - 0.3f;
    for (size_t i = 0; i < ROWS; i++) labels[i] = (int32_t)((i * i + i / 7) % CLASSES * 5);
}

static double distance_to(const float *a, const float *b, cen_metric metric)
{
    double square = 0, dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < D; j++) {
        double x = (double)a[j], y = (double)b[j];
        square += (x - y) * (x - y);
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    return metric == CEN_METRIC_L2 ? sqrt(square) : 1 - dot / sqrt(aa * bb);
}

/* By the definition: how many rows have another class's row at most this far. */
static size_t count_near_others(const float *features, const int32_t *labels, cen_metric metric,
                                double most)
{
    size_t n_near = 0;
    for (size_t i = 0; i < ROWS; i++) {
        double nearest = HUGE_VAL;
        for (size_t j = 0; j < ROWS; j++) {
            double distance = distance_to(features + i * D, features + j * D, metric);
            if (labels[i] != labels[j] && distance < nearest) nearest = distance;
        }
        n_near += nearest <= most;
    }
    return n_near;
}

static void without_strangers_each_class_plays_the_stranger(void **state)
{
    (void)state;
    float features[ROWS * D];
    int32_t labels[ROWS];
    fill(features, labels);
    const cen_labelled gallery = {features, labels, ROWS}, none = {NULL, NULL, 0};
    static const cen_metric metrics[] = {CEN_METRIC_L2, CEN_METRIC_COSINE};
    for (size_t i = 0; i < 2; i++) {
        cen_threshold threshold, again;
        assert_int_equal(cen_threshold_calibrate(threads(1), &gallery, &none, D, metrics[i], 0.25,
                                                 &threshold, NULL),
                         CEN_OK);
        assert_int_equal(threshold.n_pictures, ROWS);
        assert_int_equal(threshold.n_strangers, CLASSES);
        double step = 1e-6 * threshold.distance;
        /* Of 15 two may be each other's nearest, and then pass together or not at all. */
        size_t n_near = count_near_others(features, labels, metrics[i], threshold.distance + step);
        assert_true(n_near == 15 || n_near == 14);
        assert_true(count_near_others(features, labels, metrics[i], threshold.distance - step) <
                    n_near);
        assert_int_equal(
            cen_threshold_calibrate(threads(3), &gallery, &none, D, metrics[i], 0.25, &again, NULL),
            CEN_OK);
        assert_memory_equal(&again, &threshold, sizeof again);
    }
}

/* ---- what is refused --------------------------------------------------------------------------- */

static void assert_refused(cen_labelled gallery, cen_labelled strangers, double far,
                           const char *words)
{
    cen_threshold threshold;
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_threshold_calibrate(threads(1), &gallery, &strangers, 1, CEN_METRIC_L2,
                                             far, &threshold, &error),
                     CEN_ERROR_ARGUMENT);
    assert_int_equal(error.status, CEN_ERROR_ARGUMENT);
    if (strstr(error.message, words) == NULL) fail_msg("%s", error.message);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const float x[4] = {1, 2, 3, 4}, nan_row[4] = {1, 2, NAN, 4}, copies[4] = {0, 0, 0, 4};
    static const int32_t labels[4] = {0, 0, 1, 1}, same[4] = {3, 3, 3, 3},
                         missing[4] = {0, -1, 1, 1};
    const cen_labelled strangers = {x, labels, 4}, none = {NULL, NULL, 0};
    static const double shares[] = {0, 1, -0.5, 2, NAN};
    for (size_t i = 0; i < 5; i++) assert_refused(one, strangers, shares[i], "choose one between");
    assert_refused(none, strangers, 0.5, "the gallery is empty");
    assert_refused(one, strangers, 0.01, "4 pictures of strangers, too few to let the share 0.01");
    assert_refused(one, strangers, 0.01, "at least 100 are needed");
    assert_refused(one, strangers, 0.24, "at least 5 are needed");
    assert_refused(one, none, 0.5, "there is only 1 picture of strangers, too few");
    assert_refused((cen_labelled){x, same, 4}, none, 0.5, "the gallery has one class");
    assert_refused(one, (cen_labelled){nan_row, labels, 4}, 0.5, "row 2 of the strangers holds");
    assert_refused((cen_labelled){nan_row, labels, 4}, strangers, 0.5,
                   "row 2 of the gallery holds");
    assert_refused((cen_labelled){nan_row, labels, 4}, none, 0.5, "row 2 of the gallery holds");
    assert_refused(one, (cen_labelled){x, missing, 4}, 0.5, "row 1 of the strangers has no label");
    assert_refused(one, (cen_labelled){copies, labels, 4}, 0.5, "leave such copies out");
}

static int calibrate_with_little_memory(void *user)
{
    const cen_labelled *strangers = user;
    float features[ROWS * D];
    int32_t labels[ROWS];
    fill(features, labels);
    cen_threshold threshold;
    cen_status status =
        cen_threshold_calibrate(threads(1), &(cen_labelled){features, labels, ROWS}, strangers, D,
                                CEN_METRIC_L2, 0.25, &threshold, NULL);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    float features[ROWS * D];
    int32_t labels[ROWS];
    fill(features, labels);
    for (size_t i = 0; i < ROWS * D; i++) features[i] += 1;
    cen_labelled strangers = {features, labels, ROWS}, none = {NULL, NULL, 0};
    assert_true(fail_each_allocation(calibrate_with_little_memory, &strangers) >= 8);
    assert_true(fail_each_allocation(calibrate_with_little_memory, &none) >= 8);
}

/* rows[n, d] of n / each classes, at places drawn by a seed. */
static cen_labelled crowd(size_t n, size_t d, size_t each)
{
    float *x = malloc(n * d * sizeof *x);
    int32_t *labels = malloc(n * sizeof *labels);
    assert_true(x != NULL && labels != NULL);
    for (size_t i = 0; i < n * d; i++) x[i] = cen__random_float(3, CEN__STREAM_PAIRS, i);
    for (size_t i = 0; i < n; i++) labels[i] = (int32_t)(i * 7919 % n / each);
    return (cen_labelled){x, labels, n};
}

static void free_crowd(cen_labelled set)
{
    free((void *)set.features);
    free((void *)set.labels);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* One search for each class would take some hundred times as long as one of all rows. */
static void a_gallery_of_many_classes_costs_little_more_than_one_search(void **state)
{
    (void)state;
    enum { CROWD = 6000, SIZE = 32 };
    static const cen_labelled none = {NULL, NULL, 0};
    const cen_labelled gallery = crowd(CROWD, SIZE, 1);
    float *distances = malloc(CROWD * sizeof *distances);
    assert_non_null(distances);
    double search = 1e9, calibration = 1e9;
    for (int i = 0; i < 3; i++) {
        cen_threshold threshold;
        double start = cen__os_seconds();
        assert_int_equal(cen_knn_search(threads(1), gallery.features, CROWD, gallery.features,
                                        CROWD, SIZE, 1, CEN_METRIC_L2, true, NULL, distances, NULL),
                         CEN_OK);
        search = least(search, cen__os_seconds() - start);
        start = cen__os_seconds();
        assert_int_equal(cen_threshold_calibrate(threads(1), &gallery, &none, SIZE, CEN_METRIC_L2,
                                                 0.01, &threshold, NULL),
                         CEN_OK);
        calibration = least(calibration, cen__os_seconds() - start);
    }
    if (calibration > 20 * search) fail_msg("%g times one search", calibration / search);
    free(distances);
    free_crowd(gallery);
}

static size_t count_near(cen_labelled gallery, double distance)
{
    size_t n = 0;
    for (size_t i = 0; i < gallery.n; i++) {
        const float *a = gallery.features + 2 * i;
        bool is_near = false;
        for (size_t j = 0; j < gallery.n && !is_near; j++) {
            const float *b = gallery.features + 2 * j;
            const double x = (double)a[0] - (double)b[0], y = (double)a[1] - (double)b[1];
            is_near =
                gallery.labels[i] != gallery.labels[j] && x * x + y * y <= distance * distance;
        }
        n += is_near;
    }
    return n;
}

static void of_a_large_gallery_some_of_each_class_are_drawn(void **state)
{
    (void)state;
    enum { CROWD = 20000 };
    static const cen_labelled none = {NULL, NULL, 0};
    static const size_t sizes[] = {1000, 10, 2};
    for (size_t i = 0; i < 3; i++) {
        const cen_labelled gallery = crowd(CROWD, 2, sizes[i]);
        cen_threshold drawn, again, whole;
        assert_int_equal(cen_threshold_calibrate(threads(2), &gallery, &none, 2, CEN_METRIC_L2, 0.1,
                                                 &drawn, NULL),
                         CEN_OK);
        assert_in_range(drawn.n_pictures, 16000, 16392);
        assert_true(drawn.n_strangers >= CROWD / sizes[i] * 3 / 4);
        assert_int_equal(cen_threshold_calibrate(threads(1), &gallery, &none, 2, CEN_METRIC_L2, 0.1,
                                                 &again, NULL),
                         CEN_OK);
        assert_memory_equal(&drawn, &again, sizeof drawn);
        const double share = (double)count_near(gallery, drawn.distance) / CROWD;
        assert_true(share > 0.09 && share < 0.11);
        assert_int_equal(cen_threshold_calibrate(threads(1), &gallery, &none, 2, CEN_METRIC_L2,
                                                 0.005, &whole, NULL),
                         CEN_OK);
        assert_int_equal(whole.n_pictures, CROWD);
        assert_in_range(count_near(gallery, whole.distance), CROWD / 200 - 5, CROWD / 200);
        free_crowd(gallery);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_many_pass_as_the_share_allows),
        cmocka_unit_test(equal_distances_pass_together_or_not_at_all),
        cmocka_unit_test(threshold_and_interval_are_those_of_numpy),
        cmocka_unit_test(one_stranger_says_nothing_of_others),
        cmocka_unit_test(the_interval_holds_new_strangers),
        cmocka_unit_test(without_strangers_each_class_plays_the_stranger),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(a_gallery_of_many_classes_costs_little_more_than_one_search),
        cmocka_unit_test(of_a_large_gallery_some_of_each_class_are_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
