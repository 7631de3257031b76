/* PNM against Pillow's pixels, see tests/golden/pnm.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss.h>

#include "support/damage.h"
#include "support/golden_pairs.h"

static void test_every_kind_and_maximum_as_pillow_reads_it(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("pnm.bin", assert_decodes), 47);
}

static void damage(const golden_pair *pair)
{
    decode_all_damaged(pair->first, pair->first_size, 1);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("pnm.bin", damage);
}

static void assert_refused(const char *text, cen_status status, const char *words)
{
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_decode(NULL, text, strlen(text), NULL, &image, &error), status);
    assert_null(image.pixels);
    if (strstr(error.message, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, words);
}

static void test_refusals_name_the_place_and_the_reason(void **state)
{
    (void)state;
    assert_refused("P5 ", CEN_ERROR_FORMAT, "ends at byte 3, before the width");
    assert_refused("P5 2", CEN_ERROR_FORMAT, "before the height");
    assert_refused("P5 2 2 # 255", CEN_ERROR_FORMAT, "before the largest value");
    assert_refused("P5 2 two", CEN_ERROR_FORMAT, "byte 5 is no digit");
    assert_refused("P5 99999999999 1 255 ", CEN_ERROR_FORMAT, "too many digits");
    assert_refused("P5 2 2 0 abcd", CEN_ERROR_FORMAT, "largest value is 0");
    assert_refused("P5 2 2 65536 abcd", CEN_ERROR_FORMAT, "65536");
    assert_refused("P5 2 2 255abcd", CEN_ERROR_FORMAT, "byte 10 should be the white space");
    assert_refused("P5 2 2 255 abc", CEN_ERROR_FORMAT, "3 bytes after the header, too few");
    assert_refused("P5 0 2 255 abc", CEN_ERROR_FORMAT, "0 x 2 pixels");
    assert_refused("P6 99999999 99999999 65535 abc", CEN_ERROR_FORMAT, "too few");
    assert_refused("P2 2 2 7 1 2 3 8", CEN_ERROR_FORMAT, "sample 4 of 4 is 8, above");
    assert_refused("P2 2 2 7 1 2 3    ", CEN_ERROR_FORMAT, "before a sample");
    assert_refused("P1 2 2 1 0 2 1", CEN_ERROR_FORMAT, "pixel 3 of 4, at byte 11");
}

static void test_a_comment_may_end_the_header(void **state)
{
    (void)state;
    const char text[] = "P5 2 1 255#no space before\nab";
    cen_image image;
    assert_int_equal(cen_image_decode(NULL, text, strlen(text), NULL, &image, NULL), CEN_OK);
    assert_memory_equal(image.pixels, "ab", 2);
    cen_image_free(&image);
}

/* Each with its largest value, scaled to 16 bits, at an edge. */
static void test_dark_samples_of_16_bits_are_remarked_on(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } files[] = {
        {"P2 2 1 65535 255 3", "below 256 of 65536, so at 8 bits the picture has one level"},
        {"P2 2 1 65535 256 3", "below 512"},
        {"P2 2 1 65535 4095 3", "below 4096"},
        {"P2 2 1 65535 4096 3", NULL},
        {"P2 2 1 4095 4095 3", NULL},
        {"P2 2 1 4095 15 0", "below 256"},
        {"P3 1 1 65535 0 0 255", "below 256"},
        {"P5 1 1 65535 \1\1", "below 512"},
        {"P2 2 1 255 1 1", NULL},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *text = files[i].text, *words = files[i].words;
        cen_image image;
        assert_int_equal(cen_image_decode(NULL, text, strlen(text), NULL, &image, NULL), CEN_OK);
        if ((words == NULL) != (image.warning == NULL)) fail_msg("%s", text);
        if (words != NULL && strstr(image.warning, words) == NULL) fail_msg("%s", image.warning);
        cen_image_free(&image);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_and_maximum_as_pillow_reads_it),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_refusals_name_the_place_and_the_reason),
        cmocka_unit_test(test_a_comment_may_end_the_header),
        cmocka_unit_test(test_dark_samples_of_16_bits_are_remarked_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
