/* BMP against files whose pixels are known, see tests/golden/bmp.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss.h>

#include "support/damage.h"
#include "support/golden_pairs.h"

static void test_every_kind_gives_the_pixels_it_was_made_of(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("bmp.bin", assert_decodes), 49);
}

static void damage(const golden_pair *pair)
{
    decode_all_damaged(pair->first, pair->first_size, pair->first_size < 400 ? 1 : 3);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("bmp.bin", damage);
}

/* 2 x 2 pixels of 24 bits. */
static const uint8_t small[] = {'B', 'M', 70, 0, 0, 0, 0, 0, 0, 0, 54, 0,  0,  0,  40, 0, 0, 0,
                                2,   0,   0,  0, 2, 0, 0, 0, 1, 0, 24, 0,  0,  0,  0,  0, 0, 0,
                                0,   0,   0,  0, 0, 0, 0, 0, 0, 0, 0,  0,  0,  0,  0,  0, 0, 0,
                                1,   2,   3,  4, 5, 6, 0, 0, 7, 8, 9,  10, 11, 12, 0,  0};

static void put32(uint8_t *bytes, size_t at, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) bytes[at + i] = (uint8_t)(value >> 8 * i);
}

/* Decodes `small` with the four bytes at a place changed. */
static void assert_refused(size_t at, uint32_t value, size_t size, cen_status status,
                           const char *words)
{
    uint8_t bytes[sizeof small];
    memcpy(bytes, small, sizeof small);
    if (at != 0) put32(bytes, at, value);
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_decode(NULL, bytes, size, NULL, &image, &error), status);
    assert_null(image.pixels);
    if (strstr(error.message, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, words);
}

static void test_refusals_name_the_place_and_the_reason(void **state)
{
    (void)state;
    assert_refused(0, 0, 10, CEN_ERROR_FORMAT, "ends at byte 10, within the header");
    assert_refused(0, 0, 40, CEN_ERROR_FORMAT, "ends at byte 40, within the header");
    assert_refused(0, 0, 60, CEN_ERROR_FORMAT, "ends at byte 60, before the end of its 2 x 2");
    assert_refused(14, 41, sizeof small, CEN_ERROR_FORMAT, "byte 14");
    assert_refused(18, 0, sizeof small, CEN_ERROR_FORMAT, "0 x 2 pixels");
    assert_refused(18, 0x80000000, sizeof small, CEN_ERROR_FORMAT, "negative width");
    assert_refused(18, 0x7fffffff, sizeof small, CEN_ERROR_FORMAT, "before the end");
    assert_refused(22, 0x80000000, sizeof small, CEN_ERROR_FORMAT, "before the end");
    assert_refused(26, 1 | 23 << 16, sizeof small, CEN_ERROR_FORMAT, "23 bits");
    assert_refused(30, 1, sizeof small, CEN_ERROR_FORMAT, "24 bits a pixel with compression 1");
    assert_refused(30, 4, sizeof small, CEN_ERROR_UNSUPPORTED, "holds a JPEG");
    assert_refused(30, 5, sizeof small, CEN_ERROR_UNSUPPORTED, "holds a PNG");
    assert_refused(30, 12, sizeof small, CEN_ERROR_UNSUPPORTED, "compression 12");
    assert_refused(26, 1 | 8 << 16, sizeof small, CEN_ERROR_FORMAT, "palette");
    assert_refused(10, 0xffffffff, sizeof small, CEN_ERROR_FORMAT, "before the end");
}

static void test_a_mask_with_a_gap_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[sizeof small];
    memcpy(bytes, small, sizeof small);
    put32(bytes, 26, 1 | 16 << 16);
    put32(bytes, 30, 3);
    put32(bytes, 54, 0xa0);
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_decode(NULL, bytes, sizeof bytes, NULL, &image, &error),
                     CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "0x000000a0 at byte 54 has a gap"));
}

static void test_runs_that_end_with_the_file_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[sizeof small];
    memcpy(bytes, small, sizeof small);
    put32(bytes, 26, 1 | 8 << 16);
    put32(bytes, 30, 1);
    put32(bytes, 46, 2);
    put32(bytes, 10, 62);
    cen_image image;
    cen_error error;
    const uint8_t runs[] = {2, 0, 0, 0, 1, 1};
    memcpy(bytes + 62, runs, sizeof runs);
    assert_int_equal(cen_image_decode(NULL, bytes, 68, NULL, &image, &error), CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "row 2 of 2"));
}

static void test_text_that_begins_with_BM_is_no_image(void **state)
{
    (void)state;
    const char text[] = "BMW, a car, has wheels";
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_decode(NULL, text, strlen(text), NULL, &image, &error),
                     CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "no image"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_gives_the_pixels_it_was_made_of),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_refusals_name_the_place_and_the_reason),
        cmocka_unit_test(test_a_mask_with_a_gap_is_refused),
        cmocka_unit_test(test_runs_that_end_with_the_file_are_refused),
        cmocka_unit_test(test_text_that_begins_with_BM_is_no_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
