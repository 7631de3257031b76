/* One question to a gallery: it takes another way than many questions at once, and must give the same answer. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <centerloss_eval.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "search/search.h"
#include "support/context.h"
#include "support/limited_memory.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { QUERIES = 20 }; /* so many take the way of many */

/* gallery[n, d] and queries[QUERIES, d], which follow it. */
typedef struct {
    size_t n, d, k;
    float *gallery, *queries;
} problem;

static problem make_problem(size_t n, size_t d, size_t k)
{
    problem p = {n, d, k, malloc((n + QUERIES) * d * sizeof(float)), NULL};
    p.queries = p.gallery + n * d;
    return p;
}

/* Numbers scale * (0 .. levels - 1) + offset; few levels make ties. */
static problem random_problem(size_t n, size_t d, size_t k, uint64_t levels, double scale,
                              double offset)
{
    problem p = make_problem(n, d, k);
    for (size_t i = 0; i < (n + QUERIES) * d; i++) {
        p.gallery[i] = (float)(scale * (double)cen__random_below(n + d, 3, i, levels) + offset);
    }
    return p;
}

static double naive_distance(const problem *p, cen_metric metric, const float *a, const float *b)
{
    double square = 0, dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < p->d; j++) {
        double x = (double)a[j], y = (double)b[j];
        square += (x - y) * (x - y);
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    if (metric == CEN_METRIC_L2) return sqrt(square);
    return aa == 0 || bb == 0 ? 1 : 1 - dot / sqrt(aa * bb);
}

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

/* The distances are the k smallest of the definition, and each is that of its row. Sums of doubles may be added in any
 * order. */
static void assert_nearest(const problem *p, cen_metric metric, const float *query,
                           const size_t *indices, const float *distances)
{
    double *all = malloc(p->n * sizeof *all);
    for (size_t g = 0; g < p->n; g++)
        all[g] = naive_distance(p, metric, query, p->gallery + g * p->d);
    for (size_t j = 0; j < p->k; j++) {
        assert_true(indices[j] < p->n);
        assert_true(fabs(all[indices[j]] - (double)distances[j]) <= 1e-7 * all[indices[j]] + 1e-12);
    }
    qsort(all, p->n, sizeof *all, ascending);
    for (size_t j = 0; j < p->k; j++) {
        assert_true(fabs(all[j] - (double)distances[j]) <= 1e-7 * all[j] + 1e-12);
    }
    free(all);
}

static void ask(const problem *p, cen_metric metric, int n_threads, const float *queries, size_t n,
                size_t *indices, float *distances)
{
    cen_error error = {CEN_OK, ""};
    if (cen_knn_search(threads(n_threads), p->gallery, p->n, queries, n, p->d, p->k, metric, false,
                       indices, distances, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
}

/* Frees p. */
static void assert_problem(problem p)
{
    size_t *indices = malloc((QUERIES + 1) * p.k * sizeof *indices), *one = indices + QUERIES * p.k;
    float *distances = malloc((QUERIES + 1) * p.k * sizeof *distances);
    float *one_far = distances + QUERIES * p.k;
    for (int m = 0; m < 2; m++) {
        cen_metric metric = m == 0 ? CEN_METRIC_L2 : CEN_METRIC_COSINE;
        ask(&p, metric, 2, p.queries, QUERIES, indices, distances);
        for (size_t i = 0; i < QUERIES; i += 1 + p.n * p.d / 100000) {
            const float *query = p.queries + i * p.d;
            for (int n_threads = 1; n_threads < 4; n_threads++) {
                ask(&p, metric, n_threads, query, 1, one, one_far);
                assert_memory_equal(one, indices + i * p.k, p.k * sizeof *one);
                assert_memory_equal(one_far, distances + i * p.k, p.k * sizeof *one_far);
            }
            assert_nearest(&p, metric, query, one, one_far);
        }
    }
    free(indices);
    free(distances);
    free(p.gallery);
}

static void one_question_is_answered_as_one_of_many(void **state)
{
    (void)state;
    for (size_t d = 1; d <= 300; d += d < 40 ? 1 : 13) {
        size_t n = 1 + cen__random_below(5, 1, d, d % 7 == 0 ? 3000 : 200);
        size_t k = 1 + cen__random_below(5, 2, d, n < 10 ? n : 10);
        assert_problem(random_problem(n, d, k, 1000000, 1e-5, -5));
    }
    static const size_t counts[] = {1, 2, 3, 63, 64, 65, 1000, 3000};
    for (size_t i = 0; i < COUNT(counts); i++) {
        assert_problem(random_problem(counts[i], 32, 1, 1000000, 1e-5, -5));
        assert_problem(random_problem(counts[i], 5, counts[i], 1000000, 1e-5, -5)); /* k = n */
    }
    assert_problem(random_problem(3000, 300, 5, 1000000, 1e-5, -5));
}

static void equal_distances_and_zeros_are_in_the_order_of_rows(void **state)
{
    (void)state;
    assert_problem(random_problem(1500, 2, 40, 2, 1, 0));
    assert_problem(random_problem(500, 3, 9, 3, 1, -1));
    assert_problem(random_problem(700, 150, 200, 1, 1, 1)); /* all rows are equal */
    assert_problem(random_problem(700, 20, 10, 1, 1, 0));   /* all are zeros */
}

static void numbers_that_floats_cannot_square_are_told_apart(void **state)
{
    (void)state;
    static const double scales[] = {1e35, 1e17, 1e-15, 1e-22, 1e-25, 1e-44};
    for (size_t i = 0; i < COUNT(scales); i++) {
        assert_problem(random_problem(300, 10, 5, 1000, scales[i], -500 * scales[i]));
    }
    assert_problem(random_problem(300, 10, 5, 1000, 1e-3, 1000));
    assert_problem(random_problem(3000, 31, 5, 2, 5.8e-23, -2.9e-23)); /* squares round up */
}

/* Each row has the same numbers in another order. Seen from equal numbers all are equally far, up to the rounding of
 * a double; the float sums differ far more, so a filter without a margin loses rows. */
static void rows_that_differ_by_less_than_a_float_are_not_lost(void **state)
{
    (void)state;
    enum { N = 2000, NUMBERS = 200, FOUND = 30 };
    problem p = make_problem(N, NUMBERS, FOUND);
    for (size_t i = 0; i < NUMBERS; i++) {
        p.gallery[i] = (float)cen__random_below(11, 1, i, 1000000) * 1e-6F;
    }
    for (size_t g = 1; g < N; g++) {
        float *row = p.gallery + g * NUMBERS;
        memcpy(row, row - NUMBERS, NUMBERS * sizeof *row);
        for (size_t i = NUMBERS - 1; i > 0; i--) {
            size_t other = cen__random_below(11, 1 + g, i, i + 1);
            float kept = row[i];
            row[i] = row[other];
            row[other] = kept;
        }
    }
    for (size_t i = 0; i < QUERIES * NUMBERS; i++) p.queries[i] = (float)(1 + i / NUMBERS) * 0.1F;
    assert_problem(p);
}

static void a_row_is_not_its_own_neighbour_if_it_is_left_out(void **state)
{
    (void)state;
    static const float x[] = {0, 0, 3, 4, 3, 4};
    static const size_t expected[] = {1, 2, 2, 0, 1, 0};
    static const float far[] = {5, 5, 0, 5, 0, 5};
    size_t indices[6];
    float distances[6];
    assert_int_equal(
        cen_knn_search(threads(2), x, 3, x, 3, 2, 2, CEN_METRIC_L2, true, indices, distances, NULL),
        CEN_OK);
    assert_memory_equal(indices, expected, sizeof expected);
    assert_memory_equal(distances, far, sizeof far);
}

static bool is_skipped(const void *user, size_t query, size_t row)
{
    (void)query;
    return ((const bool *)user)[row];
}

/* Both ways give the answers of the gallery without the rows; k is more than what is left in the end. */
static void skipped_rows_are_no_answers(void **state)
{
    (void)state;
    enum { N = 400, WIDTH = 7, FOUND = 150 };
    bool skipped[N];
    size_t kept[N], n_kept = 0, indices[QUERIES * FOUND], expected[QUERIES * FOUND];
    float distances[QUERIES * FOUND], expected_far[QUERIES * FOUND];
    problem p = random_problem(N, WIDTH, FOUND, 1000, 1, -500),
            rest = make_problem(N, WIDTH, FOUND);
    for (size_t i = 0; i < N; i++) {
        skipped[i] = cen__random_below(13, 1, i, 4) > 0;
        if (skipped[i]) continue;
        memcpy(rest.gallery + n_kept * WIDTH, p.gallery + i * WIDTH, WIDTH * sizeof(float));
        kept[n_kept++] = i;
    }
    assert_true(n_kept < FOUND);
    for (size_t k = 5; k <= FOUND; k += FOUND - 5) {
        rest.n = n_kept;
        rest.k = k < n_kept ? k : n_kept;
        for (size_t n = 1; n <= QUERIES; n += QUERIES - 1) {
            cen__query query = {.gallery = p.gallery,
                                .queries = p.queries,
                                .n_gallery = N,
                                .n_queries = n,
                                .d = WIDTH,
                                .k = k,
                                .skips = is_skipped,
                                .skip_data = skipped,
                                .context = threads(2)};
            cen__found found = {.indices = indices, .distances = distances};
            assert_int_equal(cen__search(&query, found, NULL), CEN_OK);
            ask(&rest, CEN_METRIC_L2, 1, p.queries, n, expected, expected_far);
            for (size_t i = 0; i < n * k; i++) {
                size_t at = i / k * rest.k + i % k;
                bool is_found = i % k < rest.k;
                assert_true(indices[i] == (is_found ? kept[expected[at]] : SIZE_MAX));
                assert_true(is_found ? distances[i] == expected_far[at] : isinf(distances[i]));
            }
        }
    }
    free(p.gallery);
    free(rest.gallery);
}

/* The first of several, which are in different tasks of the threads. */
static void a_row_that_is_not_finite_is_named_to_one_question(void **state)
{
    (void)state;
    enum { N = 3000, WIDTH = 300 };
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    static const size_t first[] = {0, 1, 63, 64, 1307, N - 1};
    problem p = random_problem(N, WIDTH, 3, 1000, 1, 0);
    for (size_t i = 0; i < COUNT(bad) * COUNT(first) * 2; i++) {
        size_t row = first[i / 2 % COUNT(first)];
        float *number = p.gallery + row * WIDTH + i * 29 % WIDTH, kept = *number;
        float last = p.gallery[N * WIDTH - 1];
        *number = p.gallery[N * WIDTH - 1] = bad[i % COUNT(bad)];
        for (int n_threads = 1; n_threads < 4; n_threads++) {
            cen_error error = {CEN_OK, ""};
            char expected[64];
            (void)snprintf(expected, sizeof expected, "row %zu of the gallery holds", row);
            assert_int_equal(cen_knn_search(threads(n_threads), p.gallery, N, p.queries, 1, WIDTH,
                                            3, i % 2 == 0 ? CEN_METRIC_L2 : CEN_METRIC_COSINE,
                                            false, NULL, NULL, &error),
                             CEN_ERROR_ARGUMENT);
            assert_non_null(strstr(error.message, expected));
        }
        p.gallery[N * WIDTH - 1] = last;
        *number = kept;
    }
    free(p.gallery);
}

static int ask_with_little_memory(void *user)
{
    const problem *p = user;
    size_t index = 77;
    cen_status status = cen_knn_search(threads(1), p->gallery, p->n, p->queries, 1, p->d, 1,
                                       CEN_METRIC_COSINE, false, &index, NULL, NULL);
    if (status == CEN_OK) return 1;
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_int_equal(index, 77);
    return 0;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    problem p = random_problem(30, 4, 1, 1000, 1, 0);
    assert_int_equal(fail_each_allocation(ask_with_little_memory, &p), 5);
    free(p.gallery);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_question_is_answered_as_one_of_many),
        cmocka_unit_test(equal_distances_and_zeros_are_in_the_order_of_rows),
        cmocka_unit_test(numbers_that_floats_cannot_square_are_told_apart),
        cmocka_unit_test(rows_that_differ_by_less_than_a_float_are_not_lost),
        cmocka_unit_test(a_row_is_not_its_own_neighbour_if_it_is_left_out),
        cmocka_unit_test(skipped_rows_are_no_answers),
        cmocka_unit_test(a_row_that_is_not_finite_is_named_to_one_question),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
