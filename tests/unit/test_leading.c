/* The first principal components of many numbers, against numpy's eigh. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "golden/leading.h"
#include "support/limited_memory.h"

static float features[2 * D * D], mean[D], components[2 * D];
static double variances[2];

/* As features() in leading.py. */
static void make_features(const double *sizes)
{
    double w[D], sum = 0;
    for (size_t j = 0; j < D; j++) w[j] = (double)(1 + 5 * j % 11);
    for (size_t j = 0; j < D; j++) sum += w[j] * w[j];
    for (size_t j = 0; j < D; j++) w[j] /= sqrt(sum);
    for (size_t k = 0; k < D; k++) {
        for (size_t j = 0; j < D; j++) {
            double x = j == k ? 1 - 2 * w[k] * w[k] : -2 * w[k] * w[j];
            features[2 * k * D + j] = (float)(sizes[k] * x);
            features[(2 * k + 1) * D + j] = (float)-(sizes[k] * x);
        }
    }
}

static void assert_variances(const double *sizes, const double *expected)
{
    make_features(sizes);
    assert_int_equal(cen_pca(NULL, features, 2 * D, D, 2, mean, components, variances, NULL),
                     CEN_OK);
    for (int c = 0; c < 2; c++) assert_true(fabs(variances[c] - expected[c]) < 1e-12 * expected[0]);
}

static void assert_components(const double *expected, double most)
{
    for (size_t i = 0; i < 2 * D; i++) {
        if (fabs((double)components[i] - expected[i]) > most) {
            fail_msg("number %zu: %.9g is not %.9g", i, (double)components[i], expected[i]);
        }
    }
}

static void components_are_those_of_numpy(void **state)
{
    (void)state;
    assert_variances(apart_sizes, apart_variances);
    assert_components(apart_components, 1e-7);
}

static void eigenvalues_that_are_nearly_equal_are_told_apart(void **state)
{
    (void)state;
    assert_variances(near_sizes, near_variances);
    assert_components(near_components, 1e-6);
}

/* Any basis of the space of the first three is right: both lie in it, and are orthonormal. */
static void equal_eigenvalues_are_found_as_often_as_they_occur(void **state)
{
    (void)state;
    assert_variances(equal_sizes, equal_variances);
    for (size_t c = 0; c < 2; c++) {
        double inside = 0, dots[2] = {0, 0};
        for (size_t k = 0; k < 3; k++) {
            double dot = 0;
            for (size_t j = 0; j < D; j++) {
                dot += (double)components[c * D + j] * (double)features[2 * k * D + j] / 3;
            }
            inside += dot * dot;
        }
        for (size_t j = 0; j < D; j++) {
            for (size_t o = 0; o < 2; o++) {
                dots[o] += (double)components[c * D + j] * (double)components[o * D + j];
            }
        }
        assert_true(fabs(inside - 1) < 1e-6);
        assert_true(fabs(dots[c] - 1) < 1e-6 && fabs(dots[1 - c]) < 1e-6);
    }
}

/* Where the search for the first ones would take long, all are computed. */
static void a_flat_spectrum_is_decomposed(void **state)
{
    (void)state;
    assert_variances(flat_sizes, flat_variances);
    assert_components(flat_components, 1e-6);
}

static void rows_that_are_all_the_same_and_few_rows_have_components(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * D * D; i++) features[i] = (float)(i % D);
    assert_int_equal(cen_pca(NULL, features, 2 * D, D, 2, mean, components, variances, NULL),
                     CEN_OK);
    assert_true(variances[0] == 0 && variances[1] == 0);
    features[3] += 2;
    assert_int_equal(cen_pca(NULL, features, 2, D, 2, mean, components, variances, NULL), CEN_OK);
    assert_true(fabs(variances[0] - 2) < 1e-12 && variances[1] < 1e-12);
    assert_true(fabsf(components[3] - 1) < 1e-6f);
}

static int run_with_little_memory(void *user)
{
    (void)user;
    cen_status status = cen_pca(NULL, features, 2 * D, D, 2, mean, components, variances, NULL);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    make_features(apart_sizes);
    assert_true(fail_each_allocation(run_with_little_memory, NULL) > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_are_those_of_numpy),
        cmocka_unit_test(eigenvalues_that_are_nearly_equal_are_told_apart),
        cmocka_unit_test(equal_eigenvalues_are_found_as_often_as_they_occur),
        cmocka_unit_test(a_flat_spectrum_is_decomposed),
        cmocka_unit_test(rows_that_are_all_the_same_and_few_rows_have_components),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
