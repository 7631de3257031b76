#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#endif

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/json.h"
#include "golden/format.h"
#include "support/decimal_comma.h"
#include "support/limited_memory.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static cen__json_document *parse(const char *text)
{
    cen__json_document *document;
    cen_error error;
    if (cen__json_parse(NULL, text, strlen(text), &document, &error) != CEN_OK) {
        fail_msg("%s: %s", text, error.message);
    }
    return document;
}

/* The text is refused with this status, and the sentence holds `part`. The text is copied so that
 * reading past its end is seen by the sanitizer. */
static void assert_refused(const char *text, size_t size, cen_status status, const char *part)
{
    cen__json_document *document;
    cen_error error = {CEN_OK, ""};
    char *copy = malloc(size + (size == 0));
    memcpy(copy, text, size);
    if (cen__json_parse(NULL, copy, size, &document, &error) != status) {
        fail_msg("%.60s: got \"%s\"", text, error.message);
    }
    assert_null(document);
    assert_int_equal(error.status, status);
    if (strstr(error.message, part) == NULL) {
        fail_msg("%.60s: \"%s\" lacks \"%s\"", text, error.message, part);
    }
    assert_int_equal(cen__json_parse(NULL, copy, size, &document, NULL), status);
    free(copy);
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    cen__json_document *document =
        parse(" {\"a\": [1, -2.5e1, true, false, null, \"x\"], \"b\": {}, \"\": [], \"c\": 12} \n");
    const cen__json *root = cen__json_root(document), *a = cen__json_get(root, "a");
    assert_int_equal(root->kind, CEN__JSON_OBJECT);
    assert_null(root->key);
    assert_int_equal(root->n_children, 4);
    assert_int_equal(a->kind, CEN__JSON_ARRAY);
    assert_int_equal(a->n_children, 6);
    const cen__json *item = a->child;
    assert_true(item->kind == CEN__JSON_NUMBER && item->is_integer && item->integer == 1);
    item = item->next;
    assert_true(item->kind == CEN__JSON_NUMBER && !item->is_integer && item->number == -25);
    item = item->next;
    assert_true(item->kind == CEN__JSON_BOOL && item->number == 1);
    item = item->next;
    assert_true(item->kind == CEN__JSON_BOOL && item->number == 0);
    item = item->next;
    assert_int_equal(item->kind, CEN__JSON_NULL);
    assert_string_equal(item->next->string, "x");
    assert_null(item->next->next);
    assert_int_equal(cen__json_get(root, "b")->n_children, 0);
    assert_int_equal(cen__json_get(root, "")->kind, CEN__JSON_ARRAY);
    assert_null(cen__json_get(root, "d"));
    assert_null(cen__json_get(a, "b"));
    cen__json_free(document);
    cen__json_free(NULL);
}

static void integers_are_exact_up_to_64_bits(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_integer;
        int64_t integer;
    } cases[] = {{"9223372036854775807", true, INT64_MAX},
                 {"-9223372036854775808", true, INT64_MIN},
                 {"9223372036854775808", false, 0},
                 {"-9223372036854775809", false, 0},
                 {"9007199254740993", true, 9007199254740993},
                 {"-0", true, 0},
                 {"1.0", false, 0},
                 {"1e2", false, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cen__json_document *document = parse(cases[i].text);
        assert_int_equal(cen__json_root(document)->is_integer, cases[i].is_integer);
        if (cases[i].is_integer) {
            assert_true(cen__json_root(document)->integer == cases[i].integer);
        }
        cen__json_free(document);
    }
}

static void strings_are_read_and_written_as_python_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(golden_strings); i++) {
        cen__text text = {0};
        cen__text_add_json_string(&text, golden_strings[i][0]);
        assert_string_equal(text.data, golden_strings[i][1]);
        cen__free(text.data);
        for (size_t form = 1; form < 3; form++) {
            cen__json_document *document = parse(golden_strings[i][form]);
            assert_string_equal(cen__json_root(document)->string, golden_strings[i][0]);
            cen__json_free(document);
        }
    }
}

static void escapes_are_read_in_capitals_and_small_letters(void **state)
{
    (void)state;
    cen__json_document *document = parse("\"\\u00Ab\\u20aC\\uD83D\\uDE00\"");
    assert_string_equal(cen__json_root(document)->string, "\302\253\342\202\254\360\237\230\200");
    cen__json_free(document);
}

static void bytes_that_are_no_utf8_are_written_as_replacements(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
        {"\xC3", "\"\xEF\xBF\xBD\""},
        {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        cen__text text = {0};
        cen__text_add_json_string(&text, cases[i][0]);
        assert_string_equal(text.data, cases[i][1]);
        cen__free(text.data);
    }
}

static void what_json_has_not_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"", "byte 0"},
        {" ", "byte 1"},
        {"[1,]", "byte 3"},
        {"[1 2]", "byte 3"},
        {"[1", "byte 2"},
        {"{\"a\":1,}", "byte 7"},
        {"{a:1}", "byte 1"},
        {"{\"a\" 1}", "colon"},
        {"{\"a\":1", "byte 6"},
        {"{\"a\"", "colon"},
        {"[1]]", "byte 3"},
        {"1 1", "byte 2"},
        {"nul", "byte 0"},
        {"True", "byte 0"},
        {"NaN", "byte 0"},
        {"-Infinity", "number"},
        {"01", "number"},
        {"-01", "number"},
        {"+1", "byte 0"},
        {"1.", "number"},
        {".5", "byte 0"},
        {"1e", "number"},
        {"1e+", "number"},
        {"-", "number"},
        {"1.5.5", "number"},
        {"--1", "number"},
        {"0x10", "byte 1"},
        {"'a'", "byte 0"},
        {"\"a", "not end"},
        {"\"a\\", "not end"},
        {"\"a\\\"", "not end"},
        {"\"\\x41\"", "escape"},
        {"\"\\u12\"", "hexadecimal"},
        {"\"\\u12g4\"", "hexa"},
        {"\"\\u0000\"", "u0000"},
        {"\"\\ud800\"", "surrogate"},
        {"\"\\udc00\"", "surro"},
        {"\"\\ud800\\u0041\"", "surrogate"},
        {"\"\\ud800\\n\"", "surrogate"},
        {"\"a\nb\"", "control"},
        {"\"\xFF\"", "UTF-8"},
        {"\"\xC0\x80\"", "UTF-8"},
        {"\"\xE0\x80\x80\"", "UTF-8"},
        {"\"\xED\xA0\x80\"", "UTF-8"},
        {"\"\xF4\x90\x80\x80\"", "UTF-8"},
        {"\"\xE2\x82", "UTF-8"},
        {"\xEF\xBB\xBF{}", "byte 0"},
        {"[1]/**/", "byte 3"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "key \"a\" twice"},
        {"[{\"\\u0061\":1,\"a\":2}]", "ends at byte 18"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_refused(cases[i].text, strlen(cases[i].text), CEN_ERROR_FORMAT, cases[i].part);
    }
    assert_refused("\"a\0b\"", 5, CEN_ERROR_FORMAT, "control");
    assert_refused("\0", 1, CEN_ERROR_FORMAT, "byte 0");
    assert_refused("1\0", 2, CEN_ERROR_FORMAT, "byte 1");
}

static void limits_are_kept(void **state)
{
    (void)state;
    enum { DEEP = 200, MANY = (1 << 20) + 1 };
    char nested[DEEP + 1], digits[CEN__NUMBER_MOST + 2];
    memset(nested, '[', 65);
    memset(nested + 65, ']', 65);
    assert_refused(nested, 130, CEN_ERROR_LIMIT, "deeper than 64");
    cen__json_document *document;
    assert_int_equal(cen__json_parse(NULL, nested + 1, 128, &document, NULL), CEN_OK);
    cen__json_free(document);
    memset(digits, '1', sizeof digits);
    assert_refused(digits, CEN__NUMBER_MOST + 1, CEN_ERROR_LIMIT, "400 characters");
    assert_refused("1e400", 5, CEN_ERROR_LIMIT, "too large");
    char *many = malloc(2 * MANY);
    for (size_t i = 0; i < MANY; i++) memcpy(many + 2 * i, i == 0 ? "[0" : ",0", 2);
    assert_refused(many, 2 * MANY, CEN_ERROR_LIMIT, "1048576 values");
    free(many);
}

/* Digits of the mantissa, without trailing zeros. */
static size_t count_digits(const char *text)
{
    size_t n = 0, zeros = 0;
    bool leading = true;
    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (leading && *text == '0')) continue;
        leading = false;
        zeros = *text == '0' ? zeros + 1 : 0;
        n++;
    }
    return n - zeros;
}

static void numbers_are_read_and_written_as_python_and_numpy_do(void **state)
{
    (void)state;
    double back;
    for (size_t i = 0; i < COUNT(golden_doubles); i++) {
        const char *golden = golden_doubles[i].text;
        assert_true(cen__number_read(golden, strlen(golden), &back));
        assert_memory_equal(&back, &golden_doubles[i].value, sizeof back);
        cen__text text = {0};
        cen__text_add_double(&text, golden_doubles[i].value);
        assert_true(cen__number_read(text.data, text.size, &back));
        assert_memory_equal(&back, &golden_doubles[i].value, sizeof back);
        assert_int_equal(count_digits(text.data), count_digits(golden));
        cen__free(text.data);
    }
    for (size_t i = 0; i < COUNT(golden_floats); i++) {
        cen__text text = {0};
        cen__text_add_float(&text, golden_floats[i].value);
        assert_true(cen__number_read(text.data, text.size, &back));
        assert_true((float)back == golden_floats[i].value);
        assert_int_equal(count_digits(text.data), count_digits(golden_floats[i].text));
        cen__free(text.data);
    }
}

static void what_is_no_number_is_not_read(void **state)
{
    (void)state;
    static const char *const cases[] = {"",    "-",  ".",  "1.",  ".1",  "1e",  "1e+",   "e1",
                                        "1,5", " 1", "1 ", "0x1", "inf", "nan", "1e1.5", "++1"};
    double value;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(cen__number_read(cases[i], strlen(cases[i]), &value));
    }
    assert_true(cen__number_read("+1.5e-1", 7, &value) && value == 0.15);
    assert_true(cen__number_read("1e999", 5, &value) && isinf(value));
}

static void numbers_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    if (!set_decimal_comma()) skip();
    cen__text text = {0};
    cen__text_add_double(&text, -1234567.5);
    cen__text_add(&text, " ");
    cen__text_add_float(&text, 1e-20f);
    assert_string_equal(text.data, "-1234567.5 1e-20");
    cen__free(text.data);
    cen__json_document *document = parse("[0.125e1, 3.5]");
    assert_true(cen__json_root(document)->child->number == 1.25);
    cen__json_free(document);
    assert_refused("[0,5.]", 6, CEN_ERROR_FORMAT, "byte 3");
    (void)setlocale(LC_ALL, "C");
}

static void numbers_out_of_range_leave_errno_alone(void **state)
{
    (void)state;
    cen__text text = {0};
    double value;
    errno = 4242;
    cen__text_add_float(&text, 1e-44f);
    cen__text_add(&text, " ");
    cen__text_add_double(&text, 5e-324);
    assert_true(cen__number_read("1e999", 5, &value));
    assert_int_equal(errno, 4242);
    assert_string_equal(text.data, "1e-44 5e-324");
    cen__free(text.data);
}

static void not_a_number_and_infinities_have_names(void **state)
{
    (void)state;
    cen__text text = {0};
    cen__text_add_double(&text, (double)NAN);
    cen__text_add_float(&text, -INFINITY);
    cen__text_add_double(&text, HUGE_VAL);
    assert_string_equal(text.data, "nan-infinf");
    cen__free(text.data);
}

static int parse_with_little_memory(void *user)
{
    cen__json_document *document;
    cen_error error;
    cen_status status = cen__json_parse(NULL, user, strlen(user), &document, &error);
    if (status == CEN_OK) {
        cen__json_free(document);
    } else {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_non_null(strstr(error.message, "not enough memory"));
    }
    return status == CEN_OK;
}

static int print_with_little_memory(void *user)
{
    cen__text text = {0};
    (void)user;
    for (unsigned i = 0; i < 100; i++) cen__text_print(&text, "%u,", i);
    cen__text_add_json_string(&text, "end");
    bool done = !text.failed;
    cen__free(text.data);
    return done;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    char text[400] = "[{\"a\":1,\"b\":2}";
    for (size_t i = 0; i < 100; i++) strcat(text, ",0");
    strcat(text, "]");
    assert_int_equal(fail_each_allocation(parse_with_little_memory, text), 5);
    assert_true(fail_each_allocation(print_with_little_memory, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(integers_are_exact_up_to_64_bits),
        cmocka_unit_test(strings_are_read_and_written_as_python_does),
        cmocka_unit_test(escapes_are_read_in_capitals_and_small_letters),
        cmocka_unit_test(bytes_that_are_no_utf8_are_written_as_replacements),
        cmocka_unit_test(what_json_has_not_is_refused_with_its_place),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(numbers_are_read_and_written_as_python_and_numpy_do),
        cmocka_unit_test(what_is_no_number_is_not_read),
        cmocka_unit_test(numbers_do_not_depend_on_the_locale),
        cmocka_unit_test(numbers_out_of_range_leave_errno_alone),
        cmocka_unit_test(not_a_number_and_infinities_have_names),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
