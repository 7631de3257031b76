#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <centerloss_eval.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <centerloss.h>

#include "base/random.h"
#include "golden/knn.h"
#include "support/context.h"
#include "support/limited_memory.h"
#include "search/classify.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static void assert_golden(const float *from, size_t n, cen_metric metric, bool leave_one_out,
                          const size_t *expected_indices, const double *expected_distances)
{
    size_t indices[N * K];
    float distances[N * K];
    assert_int_equal(cen_knn_search(threads(1), gallery, N, from, n, D, K, metric, leave_one_out,
                                    indices, distances, NULL),
                     CEN_OK);
    for (size_t i = 0; i < n * K; i++) {
        assert_int_equal(indices[i], expected_indices[i]);
        assert_true(fabs((double)distances[i] - expected_distances[i]) <
                    1e-7 * (1 + expected_distances[i]));
    }
}

static void neighbours_are_those_of_scikit_learn(void **state)
{
    (void)state;
    assert_golden(queries, QUERIES, CEN_METRIC_L2, false, euclidean_search_indices,
                  euclidean_search_distances);
    assert_golden(gallery, N, CEN_METRIC_L2, true, euclidean_leave_one_out_indices,
                  euclidean_leave_one_out_distances);
    assert_golden(queries, QUERIES, CEN_METRIC_COSINE, false, cosine_search_indices,
                  cosine_search_distances);
    assert_golden(gallery, N, CEN_METRIC_COSINE, true, cosine_leave_one_out_indices,
                  cosine_leave_one_out_distances);
}

static void votes_are_those_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUERIES; i++) {
        assert_int_equal(cen__knn_vote(euclidean_search_indices + i * K, K, labels),
                         euclidean_votes[i]);
        assert_int_equal(cen__knn_vote(cosine_search_indices + i * K, K, labels), cosine_votes[i]);
    }
}

static void a_tied_vote_goes_to_the_smallest_label(void **state)
{
    (void)state;
    static const int32_t gallery_labels[] = {7, 3, 3, 7, -1, 9};
    static const size_t indices[] = {0, 1, 2, 3, 5}, one[] = {5}, all[] = {5, 0, 1, 4};
    assert_int_equal(cen__knn_vote(indices, 5, gallery_labels), 3);
    assert_int_equal(cen__knn_vote(one, 1, gallery_labels), 9);
    assert_int_equal(cen__knn_vote(all, 4, gallery_labels), -1);
}

/* ---- against the definition ------------------------------------------------------------------ */

typedef struct {
    size_t n_gallery, n_queries, d, k;
    cen_metric metric;
    bool leave_one_out;
    float *gallery, *queries;
} problem;

static double naive_distance(const problem *p, const float *a, const float *b)
{
    double square = 0, dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < p->d; j++) {
        double x = (double)a[j], y = (double)b[j];
        square += (x - y) * (x - y);
        dot += x * y;
        aa += x * x;
        bb += y * y;
    }
    if (p->metric == CEN_METRIC_L2) return sqrt(square);
    return aa == 0 || bb == 0 ? 1 : 1 - dot / sqrt(aa * bb);
}

/* A row of the answer is right where it holds k different allowed indices with the distances of the
 * definition, in order, and nothing left out is nearer. Sums of doubles may be added in any order. */
static void assert_row(const problem *p, size_t i, const size_t *indices, const float *distances)
{
    const float *q = p->queries + i * p->d;
    bool *taken = calloc(p->n_gallery, 1);
    double last = 0, slack = 1e-12;
    for (size_t j = 0; j < p->k; j++) {
        assert_true(indices[j] < p->n_gallery && !taken[indices[j]]);
        taken[indices[j]] = true;
        assert_false(p->leave_one_out && indices[j] == i);
        double distance = naive_distance(p, q, p->gallery + indices[j] * p->d);
        assert_true(fabs(distance - (double)distances[j]) <= 1e-7 * distance + 1e-12);
        assert_true(distance >= last * (1 - slack) - slack);
        if (j > 0 && memcmp(p->gallery + indices[j] * p->d, p->gallery + indices[j - 1] * p->d,
                            p->d * sizeof(float)) == 0) {
            assert_true(indices[j - 1] < indices[j]);
        }
        last = distance;
    }
    for (size_t g = 0; g < p->n_gallery; g++) {
        if (taken[g] || (p->leave_one_out && g == i)) continue;
        double distance = naive_distance(p, q, p->gallery + g * p->d);
        assert_true(distance >= last * (1 - slack) - slack);
        if (memcmp(p->gallery + g * p->d, p->gallery + indices[p->k - 1] * p->d,
                   p->d * sizeof(float)) == 0) {
            assert_true(g > indices[p->k - 1]);
        }
    }
    free(taken);
}

static void assert_problem(const problem *p)
{
    static const int counts[] = {1, 2, 5};
    size_t count = p->n_queries * p->k;
    size_t *indices = malloc(2 * count * sizeof *indices);
    float *distances = malloc(2 * count * sizeof *distances);
    for (size_t t = 0; t < COUNT(counts); t++) {
        size_t *found = indices + (t > 0 ? count : 0);
        float *far = distances + (t > 0 ? count : 0);
        cen_error error = {CEN_OK, ""};
        if (cen_knn_search(threads(counts[t]), p->gallery, p->n_gallery, p->queries, p->n_queries,
                           p->d, p->k, p->metric, p->leave_one_out, found, far, &error) != CEN_OK) {
            fail_msg("%s", error.message);
        }
        if (t > 0) {
            assert_memory_equal(found, indices, count * sizeof *indices);
            assert_memory_equal(far, distances, count * sizeof *distances);
        }
    }
    for (size_t i = 0; i < p->n_queries; i += 1 + p->n_queries / 40) {
        assert_row(p, i, indices + i * p->k, distances + i * p->k);
    }
    free(indices);
    free(distances);
}

/* Numbers scale * (0 .. levels - 1) + offset: few levels make ties. */
static void run_problem(size_t n_gallery, size_t n_queries, size_t d, size_t k, bool leave_one_out,
                        uint64_t levels, float scale, float offset)
{
    problem p = {n_gallery, n_queries, d, k, CEN_METRIC_L2, leave_one_out, NULL, NULL};
    size_t count = (n_gallery + n_queries) * d;
    p.gallery = malloc(count * sizeof(float));
    for (size_t i = 0; i < count; i++) {
        p.gallery[i] = scale * (float)cen__random_below(n_gallery + d, 1, i, levels) + offset;
    }
    p.queries = leave_one_out ? p.gallery : p.gallery + n_gallery * d;
    assert_problem(&p);
    p.metric = CEN_METRIC_COSINE;
    assert_problem(&p);
    free(p.gallery);
}

static void any_shape_is_right_at_any_number_of_threads(void **state)
{
    (void)state;
    static const size_t shapes[][4] = {{1, 1, 1, 1},     {2, 3, 1, 2},       {31, 5, 3, 31},
                                       {65, 17, 16, 4},  {127, 33, 64, 10},  {1000, 1, 5, 7},
                                       {2100, 40, 9, 3}, {3000, 7, 130, 100}};
    for (size_t i = 0; i < COUNT(shapes); i++) {
        const size_t *s = shapes[i];
        run_problem(s[0], s[1], s[2], s[3], false, 1000000, 1e-5f, -5);
        if (s[3] < s[0] && s[0] <= 1000)
            run_problem(s[0], s[0], s[2], s[3], true, 1000000, 1e-5f, -5);
    }
    run_problem(300, 2500, 6, 3, false, 1000000, 1e-5f, -5);
}

static void ties_go_to_the_lower_index(void **state)
{
    (void)state;
    run_problem(500, 50, 3, 9, false, 3, 1, -1);
    run_problem(1500, 20, 2, 40, false, 2, 1, 0);
    run_problem(200, 200, 4, 5, true, 2, 0.1f, 0.3f);
    run_problem(2100, 3, 8, 2000, false, 1, 1, 1);
}

/* Where float32 products overflow, underflow or cancel, only the exact distances are left. */
static void numbers_that_float_products_cannot_tell_apart_are_told_apart(void **state)
{
    (void)state;
    run_problem(300, 20, 10, 5, false, 1000, 1e35f, -5e37f);
    run_problem(300, 20, 10, 5, false, 1000, 1e-25f, 0);
    run_problem(300, 20, 10, 5, false, 100, 1e-44f, 0);
    run_problem(300, 20, 10, 5, false, 1000, 1e-3f, 1000);
}

/* Distances differ in the last bits of a double alone: what is found must not depend on the order in
 * which chunks of the gallery were searched. */
static void rows_that_are_tiny_beside_a_query_are_not_lost(void **state)
{
    (void)state;
    enum { ROWS = 2500, SIDE = 20, FOUND = 6 };
    static float x[(ROWS + SIDE) * SIDE];
    for (size_t i = 0; i < ROWS * SIDE; i++)
        x[i] = 1e-18f * (float)cen__random_below(7, 1, i, 1000);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        x[ROWS * SIDE + i] = (float)cen__random_below(7, 2, i, 1000) / 1000;
    }
    const problem p = {ROWS, SIDE, SIDE, FOUND, CEN_METRIC_L2, false, x, x + ROWS * SIDE};
    assert_problem(&p);
}

static void the_cosine_distance_to_zeros_is_one_and_to_itself_zero(void **state)
{
    (void)state;
    static const float x[] = {0, 0, 0.3f, 0.7f, -0.6f, -1.4f, 3, 7};
    size_t indices[16];
    float distances[16];
    assert_int_equal(cen_knn_search(threads(1), x, 4, x, 4, 2, 4, CEN_METRIC_COSINE, false, indices,
                                    distances, NULL),
                     CEN_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(indices[i], i);
        assert_true(distances[i] == 1);
    }
    assert_true(indices[4] == 1 && distances[4] == 0);
    assert_true(indices[6] == 0 && indices[7] == 2 && distances[7] <= 2);
}

static void either_answer_may_be_left_out(void **state)
{
    (void)state;
    size_t indices[QUERIES * K];
    float distances[QUERIES * K];
    assert_int_equal(cen_knn_search(threads(1), gallery, N, queries, QUERIES, D, K, CEN_METRIC_L2,
                                    false, indices, NULL, NULL),
                     CEN_OK);
    assert_memory_equal(indices, euclidean_search_indices, sizeof indices);
    assert_int_equal(cen_knn_search(threads(1), gallery, N, queries, QUERIES, D, K, CEN_METRIC_L2,
                                    false, NULL, distances, NULL),
                     CEN_OK);
    assert_true(distances[0] == (float)euclidean_search_distances[0]);
    assert_int_equal(cen_knn_search(threads(1), gallery, N, NULL, 0, D, K, CEN_METRIC_L2, false,
                                    NULL, NULL, NULL),
                     CEN_OK);
}

static void assert_refused(size_t n_gallery, size_t n_queries, size_t d, size_t k,
                           bool leave_one_out, const char *part)
{
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_knn_search(threads(1), gallery, n_gallery, gallery, n_queries, d, k,
                                    CEN_METRIC_L2, leave_one_out, NULL, NULL, &error),
                     CEN_ERROR_ARGUMENT);
    if (strstr(error.message, part) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, part);
}

static void arguments_without_sense_are_refused(void **state)
{
    (void)state;
    assert_refused(10, 3, 2, 0, false, "k is 0; choose 1 to 10");
    assert_refused(10, 3, 2, 11, false, "k is 11");
    assert_refused(10, 10, 2, 10, true, "choose 1 to 9");
    assert_refused(10, 3, 2, 1, true, "the 3 queries must be the 10 rows");
    assert_refused(0, 0, 2, 1, true, "k is 1");
    assert_refused(0, 3, 2, 1, false, "k is 1");
    assert_refused(10, 3, 0, 1, false, "at least one number");
}

static void a_number_that_is_not_finite_is_refused_with_its_row(void **state)
{
    (void)state;
    enum { ROWS = 2500 };
    static float x[ROWS * 2];
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (int n_threads = 1; n_threads < 4; n_threads++) {
            cen_error error;
            memset(x, 0, sizeof x);
            x[2 * 1307 + 1] = x[2 * 2400] = bad[i];
            assert_int_equal(cen_knn_search(threads(n_threads), x, ROWS, x, 5, 2, 3, CEN_METRIC_L2,
                                            false, NULL, NULL, &error),
                             CEN_ERROR_ARGUMENT);
            assert_non_null(strstr(error.message, "row 1307 of the gallery"));
            assert_int_equal(cen_knn_search(threads(n_threads), x, 5, x, ROWS, 2, 3,
                                            CEN_METRIC_COSINE, false, NULL, NULL, &error),
                             CEN_ERROR_ARGUMENT);
            assert_non_null(strstr(error.message, "row 1307 of the queries"));
        }
    }
}

/* Of the gallery's first n rows about their own classes. */
static cen_status compactness(const int32_t *of_rows, size_t n, size_t n_classes, double *ratio,
                              cen_error *error)
{
    cen_labelled set = {gallery, of_rows, n};
    return cen_intra_inter(NULL, &set, &set, D, n_classes, ratio, error);
}

/* ---- compactness ----------------------------------------------------------------------------- */

static void compactness_is_what_numpy_computes(void **state)
{
    (void)state;
    double ratio;
    assert_int_equal(compactness(labels, N, CLASSES, &ratio, NULL), CEN_OK);
    assert_true(fabs(ratio - intra_inter) < 1e-12);
    assert_int_equal(compactness(labels, N, CLASSES + 3, &ratio, NULL), CEN_OK);
    assert_true(fabs(ratio - intra_inter) < 1e-12);
}

/* Means (0, 0) and (4, 0); queries at (3, 4), (4, 1), and one of a class that the gallery has not. */
static void compactness_of_queries_is_about_the_classes_of_the_gallery(void **state)
{
    (void)state;
    static const float points[] = {-1, 0, 1, 0, 4, 0}, asked[] = {3, 4, 4, 1, 9, 9};
    static const int32_t classes[] = {0, 0, 1}, asked_classes[] = {0, 1, 2};
    double ratio;
    cen_labelled about = {points, classes, 3}, of = {asked, asked_classes, 3};
    assert_int_equal(cen_intra_inter(NULL, &of, &about, 2, 3, &ratio, NULL), CEN_OK);
    assert_true(fabs(ratio - sqrt((25 + 1) / 2.0) / 4) < 1e-12);
}

static void compactness_needs_two_classes_and_their_labels(void **state)
{
    (void)state;
    static const int32_t same[] = {1, 1}, bad[] = {0, 2}, negative[] = {-1, 0};
    double ratio = 0;
    cen_error error;
    assert_int_equal(compactness(same, 2, 2, &ratio, NULL), CEN_OK);
    assert_true(isnan(ratio));
    assert_int_equal(compactness(same, 0, 0, &ratio, NULL), CEN_OK);
    assert_true(isnan(ratio));
    assert_int_equal(compactness(bad, 2, 2, &ratio, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "label 2 of row 1"));
    assert_int_equal(compactness(negative, 2, 2, &ratio, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "label -1 of row 0"));
}

static int run_with_little_memory(void *user)
{
    size_t indices[QUERIES * K];
    double ratio;
    (void)user;
    cen_status status = cen_knn_search(threads(1), gallery, N, queries, QUERIES, D, K,
                                       CEN_METRIC_L2, false, indices, NULL, NULL);
    if (status == CEN_OK) status = compactness(labels, N, CLASSES, &ratio, NULL);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    assert_int_equal(fail_each_allocation(run_with_little_memory, NULL), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_are_those_of_scikit_learn),
        cmocka_unit_test(votes_are_those_of_scikit_learn),
        cmocka_unit_test(a_tied_vote_goes_to_the_smallest_label),
        cmocka_unit_test(any_shape_is_right_at_any_number_of_threads),
        cmocka_unit_test(ties_go_to_the_lower_index),
        cmocka_unit_test(numbers_that_float_products_cannot_tell_apart_are_told_apart),
        cmocka_unit_test(rows_that_are_tiny_beside_a_query_are_not_lost),
        cmocka_unit_test(the_cosine_distance_to_zeros_is_one_and_to_itself_zero),
        cmocka_unit_test(either_answer_may_be_left_out),
        cmocka_unit_test(arguments_without_sense_are_refused),
        cmocka_unit_test(a_number_that_is_not_finite_is_refused_with_its_row),
        cmocka_unit_test(compactness_is_what_numpy_computes),
        cmocka_unit_test(compactness_of_queries_is_about_the_classes_of_the_gallery),
        cmocka_unit_test(compactness_needs_two_classes_and_their_labels),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
