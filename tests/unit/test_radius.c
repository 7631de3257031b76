/* Votes within a distance, shares by class and intervals, against scikit-learn and SciPy. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "golden/radius.h"

static const cen_labelled gallery = {gallery_features, gallery_labels, GALLERY};
static const cen_labelled queries = {query_features, query_labels, QUERIES};

static cen_knn_options within_radius(size_t k, int weights)
{
    cen_knn_options options = cen_knn_options_init();
    options.k = k;
    options.weights = (cen_weights)weights;
    options.most_distance = radius;
    return options;
}

static void assert_votes(size_t k, int weights, const int32_t *expected)
{
    int32_t predicted[QUERIES];
    cen_knn_options options = within_radius(k, weights);
    assert_int_equal(
        cen_knn_classify(NULL, &gallery, &queries, D, &options, predicted, NULL, NULL, NULL),
        CEN_OK);
    assert_memory_equal(predicted, expected, sizeof predicted);
}

static void only_neighbours_within_the_distance_vote_as_in_scikit_learn(void **state)
{
    (void)state;
    for (int weights = 0; weights < 2; weights++) {
        assert_votes(GALLERY, weights, votes_within + weights * QUERIES);
        assert_votes(K, weights, votes_of_k_within + weights * QUERIES);
    }
}

static void classify_gives_the_neighbours_of_the_search(void **state)
{
    (void)state;
    static size_t indices[QUERIES * K], expected_indices[QUERIES * K];
    static float distances[QUERIES * K], expected[QUERIES * K];
    int32_t predicted[QUERIES];
    cen_knn_options options = within_radius(K, 0);
    assert_int_equal(cen_knn_classify(NULL, &gallery, &queries, D, &options, predicted, indices,
                                      distances, NULL),
                     CEN_OK);
    assert_memory_equal(predicted, votes_of_k_within, sizeof predicted);
    assert_int_equal(cen_knn_search(NULL, gallery_features, GALLERY, query_features, QUERIES, D, K,
                                    CEN_METRIC_L2, false, expected_indices, expected, NULL),
                     CEN_OK);
    assert_memory_equal(indices, expected_indices, sizeof indices);
    assert_memory_equal(distances, expected, sizeof distances);
}

/* A threshold is a distance as it is found: a float. */
static void the_distance_itself_is_within(void **state)
{
    (void)state;
    const float x[] = {0, 0}, asked[] = {0.1f, 0.3f};
    const int32_t label = 4;
    const cen_labelled one = {x, &label, 1}, query = {asked, NULL, 1};
    float distance;
    int32_t predicted;
    cen_knn_options options = within_radius(1, 0);
    assert_int_equal(
        cen_knn_classify(NULL, &one, &query, 2, &options, &predicted, NULL, &distance, NULL),
        CEN_OK);
    options.most_distance = (double)distance;
    assert_int_equal(
        cen_knn_classify(NULL, &one, &query, 2, &options, &predicted, NULL, NULL, NULL), CEN_OK);
    assert_int_equal(predicted, 4);
    options.most_distance = nextafter((double)distance, 0);
    assert_int_equal(
        cen_knn_classify(NULL, &one, &query, 2, &options, &predicted, NULL, NULL, NULL), CEN_OK);
    assert_int_equal(predicted, -1);
}

static void measures_count_an_unknown_as_wrong(void **state)
{
    (void)state;
    cen_measures m;
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    options.n_episodes = 0;
    options_knn = within_radius(K, 0);
    size_t n_right = 0, n_unknown = 0, n_told = 0;
    assert_int_equal(cen_measures_create(NULL, &m, &gallery, &queries, D, &options, NULL), CEN_OK);
    for (size_t i = 0; i < QUERIES; i++) {
        n_right += votes_of_k_within[i] == query_labels[i];
        n_unknown += votes_of_k_within[i] == -1;
    }
    assert_memory_equal(m.predicted, votes_of_k_within, QUERIES * sizeof *m.predicted);
    assert_true(m.retrieval.knn_accuracy == (double)n_right / QUERIES);
    for (size_t i = 0; i < m.n_confusions; i++) {
        if (m.confusions[i].predicted == -1) n_told += m.confusions[i].count;
    }
    assert_int_equal(n_told, n_unknown);
    cen_measures_free(&m);
}

static void assert_near(double value, double expected)
{
    if (fabs(value - expected) > 1e-12) fail_msg("%.17g is not %.17g", value, expected);
}

static void macro_accuracy_is_scikit_learns_balanced_accuracy_and_intervals_are_scipys(void **state)
{
    (void)state;
    cen_measures m;
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    options.n_episodes = 0;
    options_knn.weights = CEN_WEIGHTS_DISTANCE;
    assert_int_equal(cen_measures_create(NULL, &m, &gallery, &queries, D, &options, NULL), CEN_OK);
    assert_near(m.retrieval.knn_macro, macro[0]);
    for (int i = 0; i < 2; i++) {
        assert_near(m.retrieval.knn_interval[i], knn_interval[i]);
        assert_near(m.retrieval.at_1_interval[i], at_1_interval[i]);
    }
    cen_measures_free(&m);
}

/* n queries of which so many are right, one row a class in the gallery. */
static void assert_interval(size_t n_right, size_t n, const double expected[2])
{
    static const float x[] = {0, 1};
    static int32_t labels[100000];
    static float features[100000];
    for (size_t i = 0; i < n; i++) labels[i] = i < n_right;
    for (size_t i = 0; i < n; i++) features[i] = 1;
    static const int32_t own[] = {0, 1};
    const cen_labelled two = {x, own, 2}, all = {features, labels, n};
    cen_measures m;
    cen_measure_options options = cen_measure_options_init();
    cen_knn_options options_knn = cen_knn_options_init();
    options.knn = &options_knn;
    options.n_episodes = 0;
    options.most_pairs = 1000;
    options_knn.k = 1;
    assert_int_equal(cen_measures_create(NULL, &m, &two, &all, 1, &options, NULL), CEN_OK);
    for (int i = 0; i < 2; i++) assert_near(m.retrieval.knn_interval[i], expected[i]);
    cen_measures_free(&m);
}

static void intervals_of_few_and_of_many_queries_are_scipys(void **state)
{
    (void)state;
    assert_interval(0, 1, wilson_0_of_1);
    assert_interval(1, 1, wilson_1_of_1);
    assert_interval(30, 30, wilson_30_of_30);
    assert_interval(1, 100000, wilson_1_of_100000);
}

static void distances_without_sense_are_refused(void **state)
{
    (void)state;
    static const double bad[] = {-1, NAN, -HUGE_VAL};
    int32_t predicted[QUERIES];
    for (size_t i = 0; i < 3; i++) {
        cen_error error;
        cen_measures m;
        cen_measure_options options = cen_measure_options_init();
        cen_knn_options options_knn = cen_knn_options_init();
        options.knn = &options_knn;
        options_knn.most_distance = bad[i];
        assert_int_equal(cen_knn_classify(NULL, &gallery, &queries, D, options.knn, predicted, NULL,
                                          NULL, &error),
                         CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "within a distance of"));
        assert_int_equal(cen_measures_create(NULL, &m, &gallery, &queries, D, &options, &error),
                         CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, "within a distance of"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_neighbours_within_the_distance_vote_as_in_scikit_learn),
        cmocka_unit_test(classify_gives_the_neighbours_of_the_search),
        cmocka_unit_test(the_distance_itself_is_within),
        cmocka_unit_test(measures_count_an_unknown_as_wrong),
        cmocka_unit_test(
            macro_accuracy_is_scikit_learns_balanced_accuracy_and_intervals_are_scipys),
        cmocka_unit_test(intervals_of_few_and_of_many_queries_are_scipys),
        cmocka_unit_test(distances_without_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
