#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/random.h"
#include "format/safetensors.h"
#include "support/limited_memory.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define GOLDEN(name) CEN_TESTS_FOLDER "/golden/" name

static const char scratch[] = "test_safetensors.tmp";

/* A file of this header and n_data zero bytes. */
static void write_file(const char *header, size_t header_size, size_t n_data)
{
    FILE *file = fopen(scratch, "wb");
    assert_non_null(file);
    for (unsigned i = 0; i < 8; i++) fputc((int)((uint64_t)header_size >> 8 * i & 0xFF), file);
    fwrite(header, 1, header_size, file);
    while (n_data-- > 0) fputc(0, file);
    fclose(file);
}

static void assert_refused(cen_status status, const char *part)
{
    cen__safetensors file;
    cen_error error = {CEN_OK, ""};
    cen_status got = cen__safetensors_read(NULL, scratch, &file, &error);
    if (got != status || strstr(error.message, part) == NULL) {
        fail_msg("wanted \"%s\", got %s: \"%s\"", part, cen_status_name(got), error.message);
    }
    assert_non_null(strstr(error.message, scratch));
    assert_null(file.memory);
    assert_int_equal(cen__safetensors_read(NULL, scratch, &file, NULL), status);
}

static void every_dtype_becomes_the_float32_that_numpy_makes_of_it(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"half", "half.expected"}, {"bfloat", "bfloat.expected"}, {"double", "double.expected"}};
    cen__safetensors file;
    assert_int_equal(cen__safetensors_read(NULL, GOLDEN("format_dtypes.safetensors"), &file, NULL),
                     CEN_OK);
    assert_int_equal(file.n_tensors, 6);
    for (size_t i = 0; i < COUNT(names); i++) {
        const cen_tensor *got = cen__safetensors_find(&file, names[i][0]);
        const cen_tensor *expected = cen__safetensors_find(&file, names[i][1]);
        assert_int_equal(got->n_dims, expected->n_dims);
        assert_memory_equal(got->shape, expected->shape, sizeof got->shape);
        assert_memory_equal(got->data, expected->data, 4 * cen__tensor_count(got));
        assert_int_equal((uintptr_t)got->data % 64, 0);
    }
    assert_null(cen__safetensors_metadata(&file, "format"));
    cen__safetensors_free(&file);
    cen__safetensors_free(&file);
}

static void a_file_of_python_is_read_and_written_again_byte_for_byte(void **state)
{
    (void)state;
    cen__safetensors file;
    assert_int_equal(cen__safetensors_read(NULL, GOLDEN("format_plain.safetensors"), &file, NULL),
                     CEN_OK);
    assert_int_equal(file.n_tensors, 4);
    assert_int_equal(file.n_metadata, 3);
    assert_string_equal(cen__safetensors_metadata(&file, "format"), "pt");
    assert_string_equal(cen__safetensors_metadata(&file, "classes"), "[\"a\",\"ö\\n\"]");
    assert_string_equal(cen__safetensors_metadata(&file, ""), "empty key");
    assert_null(cen__safetensors_metadata(&file, "other"));
    assert_null(cen__safetensors_find(&file, "other"));
    const cen_tensor *weight = cen__safetensors_find(&file, "body.0.weight");
    static const size_t shape[4] = {2, 3, 2, 2};
    assert_int_equal(weight->n_dims, 4);
    assert_memory_equal(weight->shape, shape, sizeof shape);
    for (size_t i = 0; i < 24; i++) assert_true(weight->data[i] == (float)i / 8);
    const cen_tensor *scalar = cen__safetensors_find(&file, "scalar");
    assert_true(scalar->n_dims == 0 && scalar->shape[0] == 1 && scalar->data[0] == 1.5f);
    const cen_tensor *empty = cen__safetensors_find(&file, "empty");
    assert_true(empty->n_dims == 2 && empty->shape[0] == 0 && empty->shape[1] == 3);

    assert_int_equal(cen__safetensors_write(NULL, scratch, file.tensors, file.n_tensors,
                                            file.metadata, file.n_metadata, NULL),
                     CEN_OK);
    cen__safetensors_free(&file);
    uint8_t *ours, *theirs;
    size_t our_size, their_size;
    assert_int_equal(cen__file_read(NULL, scratch, SIZE_MAX, &ours, &our_size, NULL), CEN_OK);
    assert_int_equal(cen__file_read(NULL, GOLDEN("format_plain.safetensors"), SIZE_MAX, &theirs,
                                    &their_size, NULL),
                     CEN_OK);
    assert_int_equal(our_size, their_size);
    assert_memory_equal(ours, theirs, our_size);
    cen__free(ours);
    cen__free(theirs);
}

static void nothing_at_all_is_a_file_too(void **state)
{
    (void)state;
    cen__safetensors file;
    assert_int_equal(cen__safetensors_write(NULL, scratch, NULL, 0, NULL, 0, NULL), CEN_OK);
    assert_int_equal(cen__safetensors_read(NULL, scratch, &file, NULL), CEN_OK);
    assert_true(file.n_tensors == 0 && file.n_metadata == 0);
    cen__safetensors_free(&file);
}

static void tensors_come_in_the_order_of_their_bytes(void **state)
{
    (void)state;
    static const char header[] =
        "{\"c\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]},"
        "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"more\":[{}]},"
        "\"a\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[4,4]}}  ";
    cen__safetensors file;
    write_file(header, sizeof header - 1, 12);
    assert_int_equal(cen__safetensors_read(NULL, scratch, &file, NULL), CEN_OK);
    assert_string_equal(file.tensors[0].name, "b");
    assert_string_equal(file.tensors[1].name, "a");
    assert_string_equal(file.tensors[2].name, "c");
    cen__safetensors_free(&file);
}

#define T(name, dtype, shape, offsets)                                                             \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void a_hostile_header_is_refused_with_the_name_of_the_tensor(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t n_data;
        cen_status status;
        const char *part;
    } cases[] = {
        {"", 0, CEN_ERROR_FORMAT, "no safetensors"},
        {" {}", 0, CEN_ERROR_FORMAT, "no safetensors"},
        {"[]", 0, CEN_ERROR_FORMAT, "no safetensors"},
        {"{}", 1, CEN_ERROR_FORMAT, "no tensor takes the last 1 byte"},
        {"{", 0, CEN_ERROR_FORMAT, "byte 1"},
        {"{\"w\":1}", 0, CEN_ERROR_FORMAT, "\"w\" is not described"},
        {"{\"w\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, CEN_ERROR_FORMAT,
         "\"w\" has no dtype"},
        {"{\"w\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, CEN_ERROR_FORMAT,
         "\"w\" has no dtype"},
        {"{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, CEN_ERROR_FORMAT,
         "\"w\" has no shape"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":1,\"data_offsets\":[0,4]}}", 4, CEN_ERROR_FORMAT,
         "\"w\" has no shape"},
        {"{\"w\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, CEN_ERROR_FORMAT,
         "\"w\" has no data_offsets"},
        {"{" T("w", "I64", "[1]", "[0,8]") "}", 8, CEN_ERROR_UNSUPPORTED,
         "\"w\" has the dtype \"I64\""},
        {"{" T("w", "f32", "[1]", "[0,4]") "}", 4, CEN_ERROR_UNSUPPORTED, "\"w\" has the dtype"},
        {"{" T("w", "F32", "[1,1,1,1,1]", "[0,4]") "}", 4, CEN_ERROR_UNSUPPORTED, "5 dimensions"},
        {"{" T("w", "F32", "[-1]", "[0,4]") "}", 4, CEN_ERROR_FORMAT, "\"w\" has a shape"},
        {"{" T("w", "F32", "[1.0]", "[0,4]") "}", 4, CEN_ERROR_FORMAT, "\"w\" has a shape"},
        {"{" T("w", "F32", "[\"1\"]", "[0,4]") "}", 4, CEN_ERROR_FORMAT, "\"w\" has a shape"},
        {"{" T("w", "F32", "[4294967296,4294967296,4294967296]", "[0,4]") "}", 4, CEN_ERROR_LIMIT,
         "\"w\" has a shape whose product"},
        {"{" T("w", "F32", "[4611686018427387905]", "[0,4]") "}", 4,
         sizeof(size_t) == 8 ? CEN_ERROR_FORMAT : CEN_ERROR_LIMIT,
         sizeof(size_t) == 8 ? "\"w\" has data_offsets that do not fit" : "\"w\" has a shape"},
        {"{" T("w", "F32", "[1]", "[0]") "}", 4, CEN_ERROR_FORMAT, "\"w\" has no data_offsets"},
        {"{" T("w", "F32", "[1]", "[0,4,4]") "}", 4, CEN_ERROR_FORMAT, "\"w\" has no data_offsets"},
        {"{" T("w", "F32", "[1]", "[-4,0]") "}", 4, CEN_ERROR_FORMAT, "\"w\" has no data_offsets"},
        {"{" T("w", "F32", "[1]", "[0.0,4.0]") "}", 4, CEN_ERROR_FORMAT,
         "\"w\" has no data_offsets"},
        {"{" T("w", "F32", "[1]", "[0,18446744073709551620]") "}", 4, CEN_ERROR_FORMAT,
         "\"w\" has no data_offsets"},
        {"{" T("w", "F32", "[1]", "[4,0]") "}", 4, CEN_ERROR_FORMAT, "\"w\" ends before it begins"},
        {"{" T("w", "F32", "[2]", "[0,8]") "}", 4, CEN_ERROR_FORMAT, "\"w\" ends at byte 8"},
        {"{" T("w", "F32", "[2]", "[0,4]") "}", 4, CEN_ERROR_FORMAT,
         "\"w\" has data_offsets that do not"},
        {"{" T("w", "F64", "[1]", "[0,4]") "}", 4, CEN_ERROR_FORMAT,
         "\"w\" has data_offsets that do not"},
        {"{" T("w", "F32", "[0]", "[0,4]") "}", 4, CEN_ERROR_FORMAT,
         "\"w\" has data_offsets that do not"},
        {"{" T("w", "F32", "[1]", "[4,8]") "}", 8, CEN_ERROR_FORMAT, "\"w\" leaves a hole"},
        {"{" T("v", "F32", "[1]", "[0,4]") "," T("w", "F32", "[1]", "[8,12]") "}", 12,
         CEN_ERROR_FORMAT, "\"w\" leaves a hole"},
        {"{" T("v", "F32", "[2]", "[0,8]") "," T("w", "F32", "[1]", "[4,8]") "}", 8,
         CEN_ERROR_FORMAT, "\"w\" overlaps tensor \"v\""},
        {"{" T("v", "F32", "[1]", "[0,4]") "," T("w", "F32", "[1]", "[0,4]") "}", 4,
         CEN_ERROR_FORMAT, "\"w\" overlaps tensor \"v\""},
        {"{" T("v", "F32", "[2]", "[0,8]") "," T("w", "F32", "[0]", "[4,4]") "}", 8,
         CEN_ERROR_FORMAT, "\"w\" overlaps tensor \"v\""},
        {"{" T("w", "F32", "[1]", "[0,4]") "}", 5, CEN_ERROR_FORMAT,
         "no tensor takes the last 1 byte"},
        {"{" T("w", "F32", "[1]", "[0,4]") "," T("w", "F32", "[1]", "[4,8]") "}", 8,
         CEN_ERROR_FORMAT, "\"w\" twice"},
        {"{\"__metadata__\":[]}", 0, CEN_ERROR_FORMAT, "__metadata__ is no object"},
        {"{\"__metadata__\":{\"a\":1}}", 0, CEN_ERROR_FORMAT, "key \"a\", which is no string"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_file(cases[i].header, strlen(cases[i].header), cases[i].n_data);
        assert_refused(cases[i].status, cases[i].part);
    }
}

static void a_length_beyond_the_file_or_the_limit_is_refused(void **state)
{
    (void)state;
    static const uint8_t beyond[10] = {3, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    static const uint8_t enormous[10] = {255, 255, 255, 255, 255, 255, 255, 255, '{', '}'};
    static const struct {
        const uint8_t *bytes;
        size_t size;
        const char *part;
    } cases[] = {{beyond, 10, "should have 3 bytes, 2 are there"},
                 {enormous, 10, "18446744073709551615"},
                 {enormous, 7, "it has 7 bytes"},
                 {enormous, 0, "it has 0 bytes"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        FILE *file = fopen(scratch, "wb");
        fwrite(cases[i].bytes, 1, cases[i].size, file);
        fclose(file);
        assert_refused(CEN_ERROR_FORMAT, cases[i].part);
    }
    static const uint8_t length[8] = {0x01, 0xE1, 0xF5, 0x05, 0, 0, 0, 0}; /* 100,000,001 */
    FILE *file = fopen(scratch, "wb");
    fwrite(length, 1, sizeof length, file);
    fseek(file, 100000000, SEEK_CUR);
    fputc('}', file);
    fclose(file);
    assert_refused(CEN_ERROR_LIMIT, "the limit is 100000000");
}

/* The reader survives every mutation of a good file, and what it accepts is sound. */
static void mutated_files_are_refused_or_sound(void **state)
{
    (void)state;
    enum { ROUNDS = 2000 };
    uint8_t *good;
    size_t size;
    assert_int_equal(
        cen__file_read(NULL, GOLDEN("format_dtypes.safetensors"), SIZE_MAX, &good, &size, NULL),
        CEN_OK);
    uint8_t *bad = malloc(size);
    static const char favourites[] = "{}[]\",:0123456789-.eE\\u \xFF";
    for (uint64_t round = 0; round < ROUNDS; round++) {
        uint64_t counter = 0;
        memcpy(bad, good, size);
        uint64_t n_changes = 1 + cen__random_below(round, 1, counter++, 4);
        while (n_changes-- > 0) {
            size_t place = (size_t)cen__random_below(round, 1, counter++, size);
            uint64_t pick = cen__random_below(round, 1, counter++, sizeof favourites);
            bad[place] = (uint8_t)favourites[pick];
        }
        size_t left = cen__random_below(round, 1, counter++, 8) > 0 ? size : (size_t)round % size;
        FILE *file = fopen(scratch, "wb");
        fwrite(bad, 1, left, file);
        fclose(file);
        cen__safetensors read;
        cen_error error = {CEN_OK, ""};
        double sum = 0;
        if (cen__safetensors_read(NULL, scratch, &read, &error) == CEN_OK) {
            for (size_t i = 0; i < read.n_tensors; i++) {
                const cen_tensor *tensor = &read.tensors[i].tensor;
                for (size_t j = 0; j < cen__tensor_count(tensor); j++)
                    sum += (double)tensor->data[j];
            }
            cen__safetensors_free(&read);
        } else {
            assert_true(strlen(error.message) > strlen(scratch) + 2);
        }
        (void)sum;
    }
    free(bad);
    cen__free(good);
}

static void a_file_that_is_not_there_or_cannot_be_written_is_named(void **state)
{
    (void)state;
    cen__safetensors file;
    cen_error error;
    assert_int_equal(cen__safetensors_read(NULL, "no/such/file", &file, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "no/such/file"));
    assert_int_equal(cen__safetensors_write(NULL, "no/such/file", NULL, 0, NULL, 0, &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "no/such/file"));
    write_file("{}", 2, 0);
    char below[64];
    snprintf(below, sizeof below, "%s/x.safetensors", scratch);
    assert_int_equal(cen__safetensors_write(NULL, below, NULL, 0, NULL, 0, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, below));
}

static int read_with_little_memory(void *user)
{
    cen__safetensors file;
    cen_error error;
    cen_status status = cen__safetensors_read(NULL, user, &file, &error);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    cen__safetensors_free(&file);
    return status == CEN_OK;
}

static int write_with_little_memory(void *user)
{
    static float numbers[2] = {1, 2};
    const cen__named_tensor tensor = {"w", {1, {2, 1, 1, 1}, numbers}};
    const cen__string_pair pair = {"format", "pt"};
    cen_status status = cen__safetensors_write(NULL, user, &tensor, 1, &pair, 1, NULL);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    static char path[] = GOLDEN("format_plain.safetensors"), out[] = "test_safetensors.tmp";
    assert_true(fail_each_allocation(read_with_little_memory, path) > 8);
    assert_true(fail_each_allocation(write_with_little_memory, out) > 3);
}

static int remove_scratch(void **state)
{
    (void)state;
    remove(scratch);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dtype_becomes_the_float32_that_numpy_makes_of_it),
        cmocka_unit_test(a_file_of_python_is_read_and_written_again_byte_for_byte),
        cmocka_unit_test(nothing_at_all_is_a_file_too),
        cmocka_unit_test(tensors_come_in_the_order_of_their_bytes),
        cmocka_unit_test(a_hostile_header_is_refused_with_the_name_of_the_tensor),
        cmocka_unit_test(a_length_beyond_the_file_or_the_limit_is_refused),
        cmocka_unit_test(mutated_files_are_refused_or_sound),
        cmocka_unit_test(a_file_that_is_not_there_or_cannot_be_written_is_named),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, remove_scratch);
}
