/* EXIF orientation: both byte orders, wherever it may stand, and offsets that lie. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/decoders.h"

/* A TIFF header at byte 12 of a JPEG: one entry, the orientation 6. */
static const uint8_t little[] = {0xff, 0xd8, 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, /* APP1 */
                                 'I',  'I',  '*',  0,    8, 0,  0,   0, /* directory at 8 */
                                 1,    0,    0x12, 1,    3, 0,  1,   0,   0,   0,   6, 0,
                                 0,    0,    0,    0,    0, 0};
static const uint8_t big[] = {0xff, 0xd8, 0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0,    0, 'M',
                              'M',  0,    '*',  0,    0, 0,  8,   0,   1,   1,   0x12, 0, 3,
                              0,    0,    0,    1,    0, 8,  0,   0,   0,   0,   0,    0};
enum { TIFF = 12, DIRECTORY = 20, ENTRY = 22 };

/* On the heap with its exact size, so that a sanitizer sees a read beyond the end. */
static int orientation_of(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    int orientation = cen__exif_orientation(copy, size);
    free(copy);
    return orientation;
}

static int changed(size_t at, uint8_t value)
{
    uint8_t bytes[sizeof little];
    memcpy(bytes, little, sizeof bytes);
    bytes[at] = value;
    return orientation_of(bytes, sizeof bytes);
}

static void test_both_byte_orders_are_read(void **state)
{
    (void)state;
    assert_int_equal(orientation_of(little, sizeof little), 6);
    assert_int_equal(orientation_of(big, sizeof big), 8);
}

static void test_values_outside_1_to_8_mean_1(void **state)
{
    (void)state;
    for (int value = 0; value < 256; value++) {
        assert_int_equal(changed(ENTRY + 8, (uint8_t)value), value >= 1 && value <= 8 ? value : 1);
    }
    assert_int_equal(changed(ENTRY + 9, 1), 1);
}

static void test_other_types_and_counts_mean_1(void **state)
{
    (void)state;
    assert_int_equal(changed(ENTRY + 2, 4), 6); /* LONG */
    assert_int_equal(changed(ENTRY + 2, 2), 1);
    assert_int_equal(changed(ENTRY + 4, 2), 1);
    assert_int_equal(changed(ENTRY, 0x13), 1);
}

static void test_offsets_beyond_the_segment_mean_1(void **state)
{
    (void)state;
    for (int offset = 9; offset < 256; offset++)
        assert_int_equal(changed(TIFF + 4, (uint8_t)offset), 1);
    assert_int_equal(changed(TIFF + 7, 0xff), 1);
    assert_int_equal(changed(DIRECTORY + 1, 0xff), 6); /* 65281 entries, of which one is there */
    assert_int_equal(changed(DIRECTORY, 0), 1);
    assert_int_equal(changed(5, 8), 1);
    assert_int_equal(changed(5, 1), 1);
    assert_int_equal(changed(4, 1), 1);
    assert_int_equal(changed(TIFF, 'X'), 1);
}

static void test_every_truncation_and_byte_is_safe(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof little; size++) {
        assert_in_range(orientation_of(little, size), 1, 8);
        for (int value = 0; value < 256; value++)
            assert_in_range(changed(size, (uint8_t)value), 1, 8);
    }
}

static void test_segments_before_it_are_passed_over(void **state)
{
    (void)state;
    uint8_t bytes[2 + 18 + 5 + sizeof little] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J', 'F', 'I', 'F'};
    const uint8_t fill[] = {0xff, 0xff, 0xff, 0xff, 0xff};
    memcpy(bytes + 20, fill, sizeof fill);
    memcpy(bytes + 25, little + 2, sizeof little - 2);
    assert_int_equal(orientation_of(bytes, sizeof bytes), 6);
}

static void test_nothing_is_read_behind_the_start_of_the_pixels(void **state)
{
    (void)state;
    uint8_t bytes[2 + 8 + sizeof little] = {0xff, 0xd8, 0xff, 0xda, 0, 8};
    memcpy(bytes + 12, little + 2, sizeof little - 2);
    assert_int_equal(orientation_of(bytes, sizeof bytes), 1);
}

static void test_the_chunk_of_a_png_is_read(void **state)
{
    (void)state;
    const uint8_t head[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0,  0,
                            0,    1,   't', 'E', 'X',  't',  'a',  0,    0,  0,
                            0,    0,   0,   0,   26,   'e',  'X',  'I',  'f'};
    uint8_t bytes[sizeof head + 26 + 4] = {0};
    memcpy(bytes, head, sizeof head);
    memcpy(bytes + sizeof head, little + TIFF, 26);
    assert_int_equal(orientation_of(bytes, sizeof bytes), 6);
    for (size_t size = 0; size < sizeof bytes; size++) {
        assert_int_equal(orientation_of(bytes, size), 1);
    }
    memcpy(bytes + 12, "IEND", 4);
    assert_int_equal(orientation_of(bytes, sizeof bytes), 1);
}

static void test_other_kinds_have_none(void **state)
{
    (void)state;
    assert_int_equal(orientation_of((const uint8_t *)"P5 1 1 255 a", 12), 1);
    assert_int_equal(orientation_of((const uint8_t *)"", 0), 1);
}

/* A PNG of one chunk; its CRC is not looked at. */
static int orientation_of_chunk(const char *name, const void *data, size_t size)
{
    uint8_t bytes[1024] = {
        0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(bytes + 12, name, 4);
    memcpy(bytes + 16, data, size);
    for (size_t cut = 0; cut < size; cut++) assert_int_equal(orientation_of(bytes, 16 + cut), 1);
    return orientation_of(bytes, 16 + size + 4);
}

/* ImageMagick's: the TIFF header in hexadecimal, with or without "Exif" before it. */
static size_t make_profile(const char *keyword, bool named, char *text)
{
    size_t n = (size_t)sprintf(text, "%s", keyword) + 1;
    n += (size_t)sprintf(text + n, "\nexif\n      %d\n%s", named ? 32 : 26,
                         named ? "45786966\n0000" : "");
    for (size_t i = TIFF; i < TIFF + 26; i++)
        n += (size_t)sprintf(text + n, i % 20 == 0 ? "%02X\n" : "%02x", little[i]);
    return n;
}

static void test_a_profile_in_a_text_of_a_png_is_read(void **state)
{
    (void)state;
    char text[256];
    for (int named = 0; named < 2; named++) {
        size_t size = make_profile("Raw profile type exif", named, text);
        assert_int_equal(orientation_of_chunk("tEXt", text, size), 6);
        size = make_profile("Raw profile type APP1", named, text);
        assert_int_equal(orientation_of_chunk("tEXt", text, size), 6);
        size = make_profile("Raw profile type iptc", named, text);
        assert_int_equal(orientation_of_chunk("tEXt", text, size), 1);
    }
}

/* A text in one stored block. */
static void test_a_packed_profile_is_read(void **state)
{
    (void)state;
    char text[256];
    uint8_t packed[300];
    size_t size = make_profile("Raw profile type exif", true, text), n = strlen(text) + 1;
    memcpy(packed, text, n);
    memcpy(packed + n, "\0\x78\1\1", 4);
    packed[n + 4] = (uint8_t)(size - n);
    packed[n + 5] = 0;
    packed[n + 6] = (uint8_t)(~(size - n));
    packed[n + 7] = 0xff;
    memcpy(packed + n + 8, text + n, size - n);
    assert_int_equal(orientation_of_chunk("zTXt", packed, size + 8), 6);
}

static void test_xmp_is_read_as_pillow_does(void **state)
{
    (void)state;
    static const char png[] = "XML:com.adobe.xmp\0\0\0\0\0<rdf tiff:Orientation=\"6\"/>";
    static const char element[] =
        "XML:com.adobe.xmp\0\0\0\0\0<tiff:Orientation>8</tiff:Orientation>";
    static const char other[] =
        "XML:com.adobe.xmp\0\0\0\0\0<tiff:Orientation >8 tiff:Orientation=7";
    static const char jpeg[] = "\xff\xd8\xff\xe1\0\x38http://ns.adobe.com/xap/1.0/"
                               "\0tiff:Orientation=\"5\"       \xff\xda\0\2";
    assert_int_equal(orientation_of_chunk("iTXt", png, sizeof png - 1), 6);
    assert_int_equal(orientation_of_chunk("iTXt", element, sizeof element - 1), 8);
    assert_int_equal(orientation_of_chunk("iTXt", other, sizeof other - 1), 1);
    assert_int_equal(orientation_of((const uint8_t *)jpeg, sizeof jpeg - 1), 5);
    uint8_t both[sizeof jpeg + sizeof little];
    memcpy(both, jpeg, sizeof jpeg - 5);
    memcpy(both + sizeof jpeg - 5, little + 2, sizeof little - 2);
    assert_int_equal(orientation_of(both, sizeof jpeg - 5 + sizeof little - 2), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_profile_in_a_text_of_a_png_is_read),
        cmocka_unit_test(test_a_packed_profile_is_read),
        cmocka_unit_test(test_xmp_is_read_as_pillow_does),
        cmocka_unit_test(test_both_byte_orders_are_read),
        cmocka_unit_test(test_values_outside_1_to_8_mean_1),
        cmocka_unit_test(test_other_types_and_counts_mean_1),
        cmocka_unit_test(test_offsets_beyond_the_segment_mean_1),
        cmocka_unit_test(test_every_truncation_and_byte_is_safe),
        cmocka_unit_test(test_segments_before_it_are_passed_over),
        cmocka_unit_test(test_nothing_is_read_behind_the_start_of_the_pixels),
        cmocka_unit_test(test_the_chunk_of_a_png_is_read),
        cmocka_unit_test(test_other_kinds_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
