#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "golden/measures.h"
#include "search/draw.h"
#include "support/context.h"
#include "support/limited_memory.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- drawing ------------------------------------------------------------------------------ */

static void a_draw_gives_each_number_once(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {1, 2, 3, 5, 63, 64, 65, 1000, 4097};
    static bool seen[5000];
    for (size_t s = 0; s < COUNT(sizes); s++) {
        memset(seen, 0, sizeof seen);
        for (uint64_t i = 0; i < sizes[s]; i++) {
            uint64_t drawn = cen__draw(3, 4, sizes[s], i);
            assert_true(drawn < sizes[s] && !seen[drawn]);
            seen[drawn] = true;
        }
    }
    uint64_t large = cen__draw(1, 1, UINT64_C(1) << 61, 7);
    assert_true(large < UINT64_C(1) << 61 && large != cen__draw(2, 1, UINT64_C(1) << 61, 7));
}

/* Chi-square of the ordered first two of n over many seeds, against its 99.99 % bound or so. */
static void every_order_of_a_draw_is_as_likely(void **state)
{
    (void)state;
    static const uint64_t sizes[] = {2, 3, 5, 20};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        uint64_t n = sizes[s];
        enum { DRAWS = 40000 };
        static double counts[20 * 20];
        memset(counts, 0, sizeof counts);
        for (uint64_t seed = 0; seed < DRAWS; seed++) {
            counts[cen__draw(seed, 9, n, 0) * n + cen__draw(seed, 9, n, 1)]++;
        }
        double cells = (double)(n * (n - 1)), expected = DRAWS / cells, square = 0;
        for (uint64_t i = 0; i < n * n; i++) {
            if (i % (n + 1) == 0) continue; /* one number twice */
            square += (counts[i] - expected) * (counts[i] - expected) / expected;
        }
        assert_true(square < cells - 1 + 4 * sqrt(2 * cells) + 12);
    }
}

/* ---- episodes --------------------------------------------------------------------------------- */

static int32_t episode_labels[EPISODE_ROWS * EPISODE_CLASSES];

static cen_labelled golden_set(void)
{
    for (size_t i = 0; i < EPISODE_ROWS * EPISODE_CLASSES; i++) {
        episode_labels[i] = (int32_t)(i / EPISODE_ROWS) * 3;
    }
    return (cen_labelled){episode_features, episode_labels, EPISODE_ROWS * EPISODE_CLASSES};
}

static cen_episode_options options(size_t n_ways, size_t n_shots, size_t n_queries, size_t n)
{
    cen_episode_options o = cen_episode_options_init();
    o.n_ways = n_ways;
    o.n_shots = n_shots;
    o.n_queries = n_queries;
    o.n_episodes = n;
    return o;
}

/* Mean and spread of 20,000 episodes that numpy drew; 5 standard errors of their difference. */
static void episodes_are_as_accurate_as_those_of_numpy(void **state)
{
    (void)state;
    for (size_t shots = 1; shots < 6; shots += 4) {
        const double *expected = shots == 1 ? episodes_of_1 : episodes_of_5;
        cen_episode_options o = options(5, shots, 4, 5000);
        cen_episodes e;
        assert_int_equal(
            cen_episodes_measure(threads(1), (cen_labelled[]){golden_set()}, 4, &o, &e, NULL),
            CEN_OK);
        double error = expected[1] / sqrt(5000);
        assert_true(fabs(e.accuracy - expected[0]) < 5 * sqrt(1.25) * error);
        assert_true(fabs(e.interval / (1.96 * error) - 1) < 0.06);
        assert_true(e.n_ways == 5 && e.n_shots == shots && e.n_episodes == 5000);
    }
}

static void the_classes_of_an_episode_are_of_one_group(void **state)
{
    (void)state;
    int32_t groups[3 * EPISODE_CLASSES] = {0}; /* labels are 0, 3, 6, ... */
    for (size_t c = 0; c < EPISODE_CLASSES; c++) groups[3 * c] = c % 2 == 0 ? 50 : c < 7 ? 4 : 9;
    cen_episode_options o = options(3, 1, 4, 5000);
    cen_episodes e;
    cen_error why;
    o.groups = groups;
    assert_int_equal(
        cen_episodes_measure(threads(2), (cen_labelled[]){golden_set()}, 4, &o, &e, NULL), CEN_OK);
    double error = episodes_within[1] / sqrt(5000);
    assert_true(fabs(e.accuracy - episodes_within[0]) < 5 * sqrt(1.25) * error);
    assert_true(fabs(e.interval / (1.96 * error) - 1) < 0.06);
    o.n_ways = 5; /* no group has so many */
    assert_int_equal(
        cen_episodes_measure(threads(2), (cen_labelled[]){golden_set()}, 4, &o, &e, &why),
        CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(why.message, "of one group"));
}

static void a_seed_gives_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    cen_episodes one, other;
    for (int metric = 0; metric < 2; metric++) {
        cen_episode_options o = options(6, 2, 5, 100);
        o.metric = (cen_metric)metric;
        assert_int_equal(
            cen_episodes_measure(threads(1), (cen_labelled[]){golden_set()}, 4, &o, &one, NULL),
            CEN_OK);
        assert_int_equal(
            cen_episodes_measure(threads(3), (cen_labelled[]){golden_set()}, 4, &o, &other, NULL),
            CEN_OK);
        assert_true(one.accuracy == other.accuracy && one.interval == other.interval);
        o.seed = 2;
        assert_int_equal(
            cen_episodes_measure(threads(1), (cen_labelled[]){golden_set()}, 4, &o, &other, NULL),
            CEN_OK);
        assert_true(one.accuracy != other.accuracy);
    }
}

/* Labels 1, 1, 4, 4, 9, -1 at 0, 1, 10, 11, 5, 6: only 1 and 4 have a row more than a shot. */
static void rows_without_a_label_or_a_partner_are_not_drawn(void **state)
{
    (void)state;
    static const float x[] = {0, 1, 10, 11, 5, 6};
    static const int32_t labels[] = {1, 1, 4, 4, 9, -1};
    cen_labelled set = {x, labels, 6};
    cen_episode_options o = options(2, 1, 15, 50), three = options(3, 1, 15, 50);
    cen_episodes e;
    cen_error error;
    assert_int_equal(cen_episodes_measure(threads(1), &set, 1, &o, &e, NULL), CEN_OK);
    assert_true(e.accuracy == 1 && e.interval == 0);
    assert_int_equal(cen_episodes_measure(threads(1), &set, 1, &three, &e, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "at least 2 rows; there are 2"));
}

/* All means are the same point: each query goes to the smallest label of the two. */
static void a_tie_goes_to_the_smallest_label(void **state)
{
    (void)state;
    static const float x[] = {3, 3, 3, 3};
    static const int32_t labels[] = {5, 2, 5, 2};
    cen_labelled set = {x, labels, 4};
    cen_episode_options o = options(2, 1, 1, 40);
    cen_episodes e;
    assert_int_equal(cen_episodes_measure(threads(1), &set, 1, &o, &e, NULL), CEN_OK);
    assert_true(e.accuracy == 0.5 && e.interval == 0);
}

static void no_episodes_measure_nothing(void **state)
{
    (void)state;
    cen_episode_options o = options(5, 1, 4, 0);
    cen_episodes e;
    assert_int_equal(
        cen_episodes_measure(threads(1), (cen_labelled[]){golden_set()}, 4, &o, &e, NULL), CEN_OK);
    assert_true(e.n_episodes == 0 && isnan(e.accuracy) && isnan(e.interval));
    o = options(5, 0, 4, 1);
    assert_int_equal(
        cen_episodes_measure(threads(1), (cen_labelled[]){golden_set()}, 4, &o, &e, NULL),
        CEN_ERROR_ARGUMENT);
}

static int run_with_little_memory(void *user)
{
    cen_episode_options o = options(5, 1, 4, 3);
    cen_episodes e;
    (void)user;
    cen_status status =
        cen_episodes_measure(threads(1), (cen_labelled[]){golden_set()}, 4, &o, &e, NULL);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    assert_int_equal(fail_each_allocation(run_with_little_memory, NULL), 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_draw_gives_each_number_once),
        cmocka_unit_test(every_order_of_a_draw_is_as_likely),
        cmocka_unit_test(episodes_are_as_accurate_as_those_of_numpy),
        cmocka_unit_test(the_classes_of_an_episode_are_of_one_group),
        cmocka_unit_test(a_seed_gives_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(rows_without_a_label_or_a_partner_are_not_drawn),
        cmocka_unit_test(a_tie_goes_to_the_smallest_label),
        cmocka_unit_test(no_episodes_measure_nothing),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
