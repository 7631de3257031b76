/* Digests of files, and the fingerprint of a model. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/context.h"

static const struct {
    size_t size;
    const char *digest;
} golden[] = {
#include "golden/blake2b.h"
};
enum { N = sizeof golden / sizeof *golden, SIZE_MOST = 200000 };

static void write_digits(const uint8_t digest[CEN_DIGEST_SIZE], char *text)
{
    for (size_t i = 0; i < CEN_DIGEST_SIZE; i++) {
        (void)snprintf(text + 2 * i, 3, "%02x", digest[i]);
    }
}

static void test_digests_are_those_of_hashlib_at_any_number_of_threads(void **state)
{
    (void)state;
    char names[N][32], *paths[N], digits[2 * CEN_DIGEST_SIZE + 1];
    uint8_t digests[N][CEN_DIGEST_SIZE], *bytes = malloc(SIZE_MOST);
    for (size_t i = 0; i < SIZE_MOST; i++) bytes[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "test_digest.%zu", i);
        paths[i] = names[i];
        assert_int_equal(cen_file_write(NULL, paths[i], bytes, golden[i].size, NULL), CEN_OK);
    }
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        cen_error error;
        memset(digests, 1, sizeof digests);
        assert_int_equal(
            cen_file_digests(threads(n_threads), (const char *const *)paths, N, digests, &error),
            CEN_OK);
        for (size_t i = 0; i < N; i++) {
            write_digits(digests[i], digits);
            assert_string_equal(digits, golden[i].digest);
        }
    }
    for (size_t i = 0; i < N; i++) assert_int_equal(remove(paths[i]), 0);
    free(bytes);
}

static void test_a_file_that_cannot_be_read_has_zeros_and_the_others_their_digest(void **state)
{
    (void)state;
    static const uint8_t zeros[CEN_DIGEST_SIZE];
    const char *const paths[] = {"test_digest.none", "test_digest.there", "test_digest.none2"};
    uint8_t digests[3][CEN_DIGEST_SIZE];
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_file_write(NULL, paths[1], "", 0, NULL), CEN_OK);
    assert_int_equal(cen_file_digests(NULL, paths, 3, digests, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_digest.none:"));
    assert_memory_equal(digests[0], zeros, sizeof zeros);
    assert_memory_not_equal(digests[1], zeros, sizeof zeros);
    assert_memory_equal(digests[2], zeros, sizeof zeros);
    assert_int_equal(remove(paths[1]), 0);
}

static cen_model *model_of(const char *net, double mean, bool mirror)
{
    cen_model *model;
    cen_model_options options = cen_model_options_init();
    options.net = net;
    options.input.mean[0] = (float)mean;
    options.mirror = mirror;
    options.n_classes = 3;
    assert_int_equal(cen_model_create(threads(1), &model, &options, NULL), CEN_OK);
    return model;
}

static void test_a_fingerprint_tells_models_with_other_features_apart(void **state)
{
    (void)state;
    enum { MODELS = 5 };
    char prints[MODELS][CEN_FINGERPRINT_SIZE], again[CEN_FINGERPRINT_SIZE];
    cen_model *models[MODELS] = {
        model_of("flatten, dense 4", 0, false), model_of("flatten, dense 5", 0, false),
        model_of("flatten, dense 4", 0.5, false), model_of("flatten, dense 4", 0, true),
        model_of("flatten, dense 4", 0, false)};
    size_t n;
    cen_model_parameters(models[4], &n)[7] += 1;
    for (size_t i = 0; i < MODELS; i++) {
        assert_int_equal(cen_model_fingerprint(models[i], prints[i], NULL), CEN_OK);
        assert_int_equal(strspn(prints[i], "0123456789abcdef"), CEN_FINGERPRINT_SIZE - 1);
        for (size_t j = 0; j < i; j++) assert_string_not_equal(prints[i], prints[j]);
    }
    /* Classes, head and notes make no feature. */
    const char *const names[] = {"a", "b"};
    cen_model *same = model_of("flatten, dense 4", 0, false);
    assert_int_equal(cen_model_set_classes(same, 2, names, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_set_note(same, "key", "value", NULL), CEN_OK);
    assert_int_equal(cen_model_fingerprint(same, again, NULL), CEN_OK);
    assert_string_equal(again, prints[0]);
    for (size_t i = 0; i < MODELS; i++) cen_model_free(models[i]);
    cen_model_free(same);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests_are_those_of_hashlib_at_any_number_of_threads),
        cmocka_unit_test(test_a_file_that_cannot_be_read_has_zeros_and_the_others_their_digest),
        cmocka_unit_test(test_a_fingerprint_tells_models_with_other_features_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
