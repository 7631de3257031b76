#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "base/random.h"
#include "golden/measures.h"
#include "search/eigen.h"
#include "support/limited_memory.h"

enum { SIDE = 90 };

static void assert_near(const float *values, const double *expected, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (fabs((double)values[i] - expected[i]) > 1e-6 * (1 + fabs(expected[i]))) {
            fail_msg("number %zu: %.9g is not %.9g", i, (double)values[i], expected[i]);
        }
    }
}

static void assert_golden(const float *x, size_t n, size_t d, size_t n_components,
                          const double *mean, const double *components, const double *variances,
                          const double *projected)
{
    float our_mean[9], our_components[81], our_projected[50 * 9];
    double our_variances[9];
    assert_int_equal(
        cen_pca(NULL, x, n, d, n_components, our_mean, our_components, our_variances, NULL),
        CEN_OK);
    assert_near(our_mean, mean, d);
    assert_near(our_components, components, n_components * d);
    for (size_t i = 0; i < n_components; i++) {
        assert_true(fabs(our_variances[i] - variances[i]) < 1e-9 * variances[0]);
    }
    cen_pca_project(x, n, d, our_mean, our_components, n_components, our_projected);
    assert_near(our_projected, projected, n * n_components);
}

static void components_are_those_of_scikit_learn(void **state)
{
    (void)state;
    assert_golden(tall_features, 50, 7, 7, tall_mean, tall_components, tall_variances,
                  tall_projected);
    assert_golden(wide_features, 6, 9, 5, wide_mean, wide_components, wide_variances,
                  wide_projected);
}

static void fewer_components_are_the_first_of_all(void **state)
{
    (void)state;
    float mean[7], components[2 * 7];
    assert_int_equal(cen_pca(NULL, tall_features, 50, 7, 2, mean, components, NULL, NULL), CEN_OK);
    assert_near(components, tall_components, 2 * 7);
}

/* Also those without variance: rows that are all the same, and fewer rows than numbers. */
static void all_components_are_orthonormal(void **state)
{
    (void)state;
    static float x[20 * SIDE];
    static float mean[SIDE], components[SIDE * SIDE];
    static double variances[SIDE];
    for (int same = 0; same < 2; same++) {
        for (size_t i = 0; i < 20 * SIDE; i++) {
            x[i] = same ? 0.25f * (float)(i % SIDE) : cen__random_float(2, 1, i);
        }
        assert_int_equal(cen_pca(NULL, x, 20, SIDE, SIDE, mean, components, variances, NULL),
                         CEN_OK);
        for (size_t a = 0; a < SIDE; a++) {
            assert_true(variances[a] >= 0 && (a == 0 || variances[a] <= variances[a - 1]));
            for (size_t b = 0; b < SIDE; b++) {
                double dot = 0;
                for (size_t j = 0; j < SIDE; j++) {
                    dot += (double)components[a * SIDE + j] * (double)components[b * SIDE + j];
                }
                assert_true(fabs(dot - (a == b)) < 1e-6);
            }
        }
        if (same) assert_true(variances[0] == 0);
    }
}

/* |A v - l v| and |V V^T - 1| over the size of A, for sizes and scales of many kinds. */
static void assert_decomposed(size_t n, double *a)
{
    static double copy[SIDE * SIDE], values[SIDE], vectors[SIDE * SIDE], scratch[2 * SIDE];
    double size = 0;
    memcpy(copy, a, n * n * sizeof *a);
    cen__eigen(n, a, values, vectors, scratch);
    for (size_t i = 0; i < n * n; i++) size = fmax(size, fabs(copy[i]));
    for (size_t v = 0; v < n; v++) {
        const double *vector = vectors + v * n;
        for (size_t i = 0; i < n; i++) {
            double product = -values[v] * vector[i], dot = 0;
            for (size_t j = 0; j < n; j++) {
                product += copy[i * n + j] * vector[j];
                dot += vectors[i * n + j] * vector[j];
            }
            assert_true(fabs(product) <= 1e-13 * (double)n * size);
            assert_true(fabs(dot - (i == v)) <= 1e-13 * (double)n);
        }
    }
}

static void any_symmetric_matrix_is_decomposed(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 17, SIDE};
    static const double scales[] = {1, 1e-150, 1e150};
    static double a[SIDE * SIDE];
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        for (size_t c = 0; c < 3; c++) {
            for (int kind = 0; kind < 4; kind++) {
                size_t n = sizes[s];
                for (size_t i = 0; i < n; i++) {
                    for (size_t j = 0; j <= i; j++) {
                        double x = (double)cen__random_float(6, s, i * n + j) - 0.5;
                        if (kind == 1) x = i == j;               /* the unit matrix */
                        if (kind == 2) x = 1;                    /* one value n, the others 0 */
                        if (kind == 3) x *= pow(0.5, (double)i); /* graded */
                        a[i * n + j] = a[j * n + i] = scales[c] * x;
                    }
                }
                assert_decomposed(n, a);
            }
        }
    }
}

static void arguments_without_sense_are_refused(void **state)
{
    (void)state;
    float x[] = {1, 2, NAN, 4}, mean[2], components[6];
    cen_error error;
    assert_int_equal(cen_pca(NULL, x, 1, 2, 1, mean, components, NULL, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "at least 2 rows, there are 1"));
    assert_int_equal(cen_pca(NULL, x, 2, 2, 3, mean, components, NULL, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "3 were asked for"));
    assert_int_equal(cen_pca(NULL, x, 2, 2, 2, mean, components, NULL, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "row 1 of the features"));
}

static int run_with_little_memory(void *user)
{
    float mean[7], components[7];
    (void)user;
    cen_status status = cen_pca(NULL, tall_features, 50, 7, 1, mean, components, NULL, NULL);
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
        cmocka_unit_test(components_are_those_of_scikit_learn),
        cmocka_unit_test(fewer_components_are_the_first_of_all),
        cmocka_unit_test(all_components_are_orthonormal),
        cmocka_unit_test(any_symmetric_matrix_is_decomposed),
        cmocka_unit_test(arguments_without_sense_are_refused),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
