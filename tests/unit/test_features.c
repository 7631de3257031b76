#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"
#include "support/limited_memory.h"

#define GOLDEN(name) CEN_TESTS_FOLDER "/golden/" name

enum { N = 4, D = 3 };

/* As in golden/format.py. */
static const float features[N * D] = {0.1f,  -2.0f,  1e-45f,      3.4028235e38f,
                                      -1.5f, 0.0f,   0.33333334f, -0.0f,
                                      7.0f,  1e-10f, 1e10f,       16777217.0f};
static const cen_feature_row rows[N] = {{"a/plain.png", 0, "a", "train"},
                                        {"tab\there, comma", 1, "new\nline", "val"},
                                        {"quote\"quote", 2, "back\\slash", NULL},
                                        {"größe\r.png", -1, NULL, NULL}};

static void write(const char *path, cen_features_format format, size_t n, size_t d)
{
    cen_error error;
    if (cen_features_write(NULL, path, format, features, n, d, rows, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
}

static void assert_file_is(const char *path, const void *expected, size_t expected_size)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    assert_int_equal(size, expected_size);
    assert_memory_equal(bytes, expected, size);
    cen__free(bytes);
    assert_true(cen__os_remove(path));
}

static void assert_same_file(const char *path, const char *golden)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, golden, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    assert_file_is(path, bytes, size);
    cen__free(bytes);
}

static void npy_is_what_numpy_saves(void **state)
{
    (void)state;
    write("test_features.npy", CEN_FEATURES_NPY, N, D);
    assert_same_file("test_features.npy", GOLDEN("format_features.npy"));
    assert_same_file("test_features.tsv", GOLDEN("format_features.tsv"));
    write("test_features.npy", CEN_FEATURES_NPY, 0, 5);
    assert_same_file("test_features.npy", GOLDEN("format_empty.npy"));
    assert_file_is("test_features.tsv", "row\tpath\tlabel\tclass\tsplit\tdigest\n", 34);
}

static void a_path_without_npy_gets_its_tsv_too(void **state)
{
    (void)state;
    write("test_features.x", CEN_FEATURES_NPY, N, D);
    assert_same_file("test_features.x", GOLDEN("format_features.npy"));
    assert_same_file("test_features.x.tsv", GOLDEN("format_features.tsv"));
}

static void csv_is_what_python_writes(void **state)
{
    (void)state;
    write("test_features.csv", CEN_FEATURES_CSV, N, D);
    assert_same_file("test_features.csv", GOLDEN("format_features.csv"));
}

static void fvecs_has_the_size_before_each_vector(void **state)
{
    (void)state;
    write("test_features.fvecs", CEN_FEATURES_FVECS, N, D);
    assert_same_file("test_features.fvecs", GOLDEN("format_features.fvecs"));
    assert_int_equal(cen_features_write(NULL, "test_features.fvecs", CEN_FEATURES_FVECS, features,
                                        N, D, NULL, NULL),
                     CEN_OK);
    assert_same_file("test_features.fvecs", GOLDEN("format_features.fvecs"));
}

static void faiss_gets_the_index_that_it_writes_itself(void **state)
{
    (void)state;
    write("test_features.faiss", CEN_FEATURES_FAISS, N, D);
    assert_same_file("test_features.faiss", GOLDEN("format_features.faiss"));
    assert_same_file("test_features.faiss.tsv", GOLDEN("format_features.tsv"));
    assert_int_equal(
        cen_features_write(NULL, "test_features.faiss", CEN_FEATURES_FAISS, NULL, 0, 5, NULL, NULL),
        CEN_OK);
    assert_same_file("test_features.faiss", GOLDEN("faiss_empty.faiss"));
}

static void the_projector_pair_is_numbers_and_names(void **state)
{
    (void)state;
    static const char numbers[] = "0.1\t-2\t1e-45\n3.4028235e+38\t-1.5\t0\n0.33333334\t-0\t7\n"
                                  "1e-10\t1e+10\t16777216\n";
    write("test_features.tsv", CEN_FEATURES_PROJECTOR, N, D);
    assert_file_is("test_features.tsv", numbers, sizeof numbers - 1);
    assert_same_file("test_features.metadata.tsv", GOLDEN("format_features.metadata.tsv"));
}

static void assert_refused(const char *path, cen_features_format format, const float *x, size_t n,
                           size_t d, const cen_feature_row *names)
{
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_features_write(NULL, path, format, x, n, d, names, &error),
                     CEN_ERROR_ARGUMENT);
    assert_int_equal(error.status, CEN_ERROR_ARGUMENT);
    assert_true(strlen(error.message) > 10);
    assert_int_equal(cen_features_write(NULL, path, format, x, n, d, names, NULL),
                     CEN_ERROR_ARGUMENT);
}

static void arguments_without_sense_are_refused(void **state)
{
    (void)state;
    static const char path[] = "test_features.npy";
    assert_refused(NULL, CEN_FEATURES_NPY, features, N, D, rows);
    assert_refused(path, (cen_features_format)5, features, N, D, rows);
    assert_refused(path, CEN_FEATURES_NPY, features, N, 0, rows);
    assert_refused(path, CEN_FEATURES_NPY, NULL, N, D, rows);
    assert_refused(path, CEN_FEATURES_NPY, features, N, D, NULL);
    assert_refused(path, CEN_FEATURES_CSV, features, N, D, NULL);
    assert_refused(path, CEN_FEATURES_PROJECTOR, features, N, D, NULL);
    assert_refused(path, CEN_FEATURES_NPY, features, SIZE_MAX / 2, 4, rows);
    assert_refused(path, CEN_FEATURES_FVECS, features, 1, (size_t)INT32_MAX + 1, NULL);
    assert_refused(path, CEN_FEATURES_FAISS, features, 1, (size_t)INT32_MAX + 1, NULL);
    assert_false((cen__os_kind(path) != CEN__NOTHING));
}

static void touch(const char *path)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs("old", file);
    fclose(file);
}

static void a_place_that_cannot_be_written_is_named_and_nothing_is_left(void **state)
{
    (void)state;
    cen_error error;
    assert_int_equal(
        cen_features_write(NULL, "no/such/f.npy", CEN_FEATURES_NPY, features, N, D, rows, &error),
        CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "no/such/f.npy"));
    touch("test_features.file");
    assert_int_equal(cen_features_write(NULL, "test_features.file/f.csv", CEN_FEATURES_CSV,
                                        features, N, D, rows, &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_features.file/f.csv"));
    assert_file_is("test_features.file", "old", 3);
    assert_int_equal(cen_features_write(NULL, "-", CEN_FEATURES_NPY, features, N, D, rows, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "a pair of files cannot go here"));
}

/* Such a row could not be read again. */
static void features_that_are_not_finite_are_refused_by_their_row(void **state)
{
    (void)state;
    static const float values[] = {NAN, INFINITY, -INFINITY};
    touch("test_features.npy");
    for (int i = CEN_FEATURES_NPY; i <= CEN_FEATURES_FAISS; i++) {
        float x[N * D];
        cen_error error;
        memcpy(x, features, sizeof x);
        x[2 * D + 1] = values[i % 3];
        assert_int_equal(cen_features_write(NULL, "test_features.npy", (cen_features_format)i, x, N,
                                            D, rows, &error),
                         CEN_ERROR_NOT_FINITE);
        assert_non_null(strstr(error.message, "row 2 (from 0), quote\"quote has a feature that"));
    }
    assert_file_is("test_features.npy", "old", 3);
}

static void assert_nothing_is_left(void)
{
    cen__listing listing;
    allocations_left = SIZE_MAX;
    assert_int_equal(cen__os_list(NULL, ".", &listing, NULL), CEN_OK);
    for (size_t i = 0; i < listing.n_names; i++) {
        if (strstr(listing.names[i], "test_features") == NULL) continue; /* of another test */
        assert_null(strstr(listing.names[i], ".cen-tmp"));
    }
    cen__listing_free(&listing);
}

/* A folder stands where the second file of a pair should go: the first is not replaced. */
static void a_pair_is_replaced_together(void **state)
{
    (void)state;
    cen_error error;
    touch("test_features.npy");
    remove("test_features.tsv"); /* of the tests before */
    assert_int_equal(cen__os_make_folder(NULL, "test_features.tsv/full", NULL), CEN_OK);
    assert_int_equal(cen_features_write(NULL, "test_features.npy", CEN_FEATURES_NPY, features, N, D,
                                        rows, &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "test_features.tsv"));
    assert_file_is("test_features.npy", "old", 3);
    assert_int_equal(cen__os_kind("test_features.tsv/full"), CEN__FOLDER);
    assert_nothing_is_left();
    remove("test_features.tsv/full");
    remove("test_features.tsv");
}

static int write_with_little_memory(void *user)
{
    const cen_features_format *format = user;
    cen_status status =
        cen_features_write(NULL, "test_features.tsv", *format, features, N, D, rows, NULL);
    if (status != CEN_OK) {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_nothing_is_left();
    }
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    for (int i = CEN_FEATURES_NPY; i <= CEN_FEATURES_FAISS; i++) {
        cen_features_format format = (cen_features_format)i;
        assert_true(fail_each_allocation(write_with_little_memory, &format) >= 3);
    }
    remove("test_features.tsv");
    remove("test_features.tsv.tsv");
    remove("test_features.metadata.tsv");
}

static void rows_are_scaled_to_length_one_and_zeros_stay(void **state)
{
    (void)state;
    float x[] = {3, 4, 0, 0, -1e-45f, 0, 3e38f, 3e38f};
    static const float expected[] = {0.6f, 0.8f, 0, 0, -1, 0, 0.70710678f, 0.70710678f};
    cen_features_normalize(x, 4, 2);
    for (size_t i = 0; i < 8; i++) assert_true(fabsf(x[i] - expected[i]) < 1e-7f);
    cen_features_normalize(x, 0, 2);
}

/* U+009B, which some terminals take for the beginning of a command, as bytes of UTF-8. */
static void control_characters_beyond_ascii_are_escaped(void **state)
{
    (void)state;
    static const cen_feature_row row = {"a\xc2\x9b"
                                        "31m.png",
                                        0, "\xc2\x9b", NULL};
    static const char *const paths[] = {"test_features.csv", "test_features.npy"};
    static const char *const texts[] = {"test_features.csv", "test_features.tsv"};
    for (size_t i = 0; i < 2; i++) {
        uint8_t *bytes;
        size_t size;
        assert_int_equal(cen_features_write(NULL, paths[i],
                                            i == 0 ? CEN_FEATURES_CSV : CEN_FEATURES_NPY, features,
                                            1, D, &row, NULL),
                         CEN_OK);
        assert_int_equal(cen__file_read(NULL, texts[i], SIZE_MAX, &bytes, &size, NULL), CEN_OK);
        if (memchr(bytes, 0x9b, size) != NULL) fail_msg("%s holds U+009B", texts[i]);
        cen__free(bytes);
        cen_feature_set set;
        assert_int_equal(cen_features_read(NULL, paths[i], &set, NULL), CEN_OK);
        assert_string_equal(set.rows[0].path, row.path);
        cen_features_free(&set);
        (void)remove(paths[i]);
        (void)remove(texts[i]);
    }
    cen_error error;
    assert_int_equal(cen_features_write(NULL, "no\xc2\x9b/x.csv", CEN_FEATURES_CSV, features, 1, D,
                                        &row, &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "no?"
                                          "?/x.csv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(npy_is_what_numpy_saves),
        cmocka_unit_test(a_path_without_npy_gets_its_tsv_too),
        cmocka_unit_test(csv_is_what_python_writes),
        cmocka_unit_test(fvecs_has_the_size_before_each_vector),
        cmocka_unit_test(faiss_gets_the_index_that_it_writes_itself),
        cmocka_unit_test(the_projector_pair_is_numbers_and_names),
        cmocka_unit_test(control_characters_beyond_ascii_are_escaped),
        cmocka_unit_test(arguments_without_sense_are_refused),
        cmocka_unit_test(a_place_that_cannot_be_written_is_named_and_nothing_is_left),
        cmocka_unit_test(features_that_are_not_finite_are_refused_by_their_row),
        cmocka_unit_test(a_pair_is_replaced_together),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(rows_are_scaled_to_length_one_and_zeros_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
