/* GIF against Pillow's pixels of the first picture, see tests/golden/gif.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss.h>

#include "support/damage.h"
#include "support/golden_pairs.h"

static void test_the_first_picture_has_pillows_pixels(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("gif.bin", assert_decodes), 60);
}

static void damage(const golden_pair *pair)
{
    decode_all_damaged(pair->first, pair->first_size, 1 + pair->first_size / 100);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("gif.bin", damage);
}

/* 2 x 2 pixels of two colours: 0, 1, 1, 0. */
static const uint8_t small[] = {'G', 'I', 'F', '8', '9', 'a', 2, 0,    2,    0, 0x80, 0,
                                0,   9,   8,   7,   1,   2,   3, ',',  0,    0, 0,    0,
                                2,   0,   2,   0,   0,   2,   3, 0x44, 0x02, 5, 0,    ';'};

static void assert_refused(size_t at, uint8_t value, size_t size, const char *words)
{
    uint8_t bytes[sizeof small];
    memcpy(bytes, small, sizeof small);
    if (at != 0) bytes[at] = value;
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_decode(NULL, bytes, size, NULL, &image, &error), CEN_ERROR_FORMAT);
    assert_null(image.pixels);
    if (strstr(error.message, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, words);
}

static void test_refusals_name_the_place_and_the_reason(void **state)
{
    (void)state;
    assert_refused(0, 0, 12, "ends at byte 12, within its header");
    assert_refused(0, 0, 16, "ends at byte 16, within a palette");
    assert_refused(0, 0, 19, "ends at byte 19, before its picture");
    assert_refused(0, 0, 25, "ends at byte 25, before its picture");
    assert_refused(0, 0, 29, "ends at byte 29, before its picture");
    assert_refused(19, ';', sizeof small, "no picture: its end is marked at byte 19");
    assert_refused(24, 0, sizeof small, "0 x 2 pixels");
    assert_refused(29, 9, sizeof small, "indices of 9 bits (byte 29)");
    assert_refused(31, 0xff, sizeof small, "impossible code in the block at byte 30");
    assert_refused(0, 0, 32, "ends in row 1 of 2");
    assert_refused(30, 1, 32, "ends in row 1 of 2, at byte 32");
    assert_refused(27, 255, sizeof small, "too few for 2 x 65282 pixels");
}

static void test_a_small_file_decodes(void **state)
{
    (void)state;
    cen_image image;
    cen_error error;
    static const uint8_t pixels[] = {9, 8, 7, 1, 2, 3, 1, 2, 3, 9, 8, 7};
    if (cen_image_decode(NULL, small, sizeof small, NULL, &image, &error) != CEN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(image.channels, 3);
    assert_memory_equal(image.pixels, pixels, sizeof pixels);
    cen_image_free(&image);
}

/* The size that the picture's place makes is judged, too, not only the canvas. */
static void test_the_limit_of_pixels_holds_for_a_widened_canvas(void **state)
{
    (void)state;
    uint8_t bytes[sizeof small];
    memcpy(bytes, small, sizeof small);
    bytes[21] = 255;
    cen_image image;
    cen_error error;
    cen_image_options options = cen_image_options_init();
    options.max_pixels = 1000;
    assert_int_equal(cen_image_decode(NULL, bytes, sizeof bytes, &options, &image, &error),
                     CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "65282 x 2 pixels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_picture_has_pillows_pixels),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_refusals_name_the_place_and_the_reason),
        cmocka_unit_test(test_a_small_file_decodes),
        cmocka_unit_test(test_the_limit_of_pixels_holds_for_a_widened_canvas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
