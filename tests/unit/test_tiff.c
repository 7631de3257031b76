/* TIFF against the pixels that its files were made of, see tests/golden/tiff.py. */
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
    assert_int_equal(golden_pairs_each("tiff.bin", assert_decodes), 172);
}

static void damage(const golden_pair *pair)
{
    decode_all_damaged(pair->first, pair->first_size, 1 + pair->first_size / 60);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("tiff.bin", damage);
}

/* ---- a file of 4 x 2 grey pixels, of which single entries are changed ---- */

typedef struct {
    uint16_t tag, type;
    uint32_t count, value;
} entry;

enum {
    SHORT = 3,
    LONG = 4,
    N_ENTRIES = 8,
    PIXELS = 8 + 2 + 12 * (N_ENTRIES + 1) + 4,
    SIZE = PIXELS + 16
};

static const entry plain[N_ENTRIES] = {
    {256, LONG, 1, 4},  {257, LONG, 1, 2},      {258, SHORT, 1, 8}, {259, SHORT, 1, 1},
    {262, SHORT, 1, 1}, {273, LONG, 1, PIXELS}, {278, LONG, 1, 2},  {279, LONG, 1, 8}};

static void put(uint8_t *at, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(value >> 8 * i);
}

/* With `other` in place of the entry of its tag, or added. */
static void make(uint8_t bytes[SIZE], entry other)
{
    static const uint8_t begin[] = {'I', 'I', '*', 0, 8, 0, 0, 0, N_ENTRIES + 1, 0};
    memset(bytes, 0, SIZE);
    memcpy(bytes, begin, sizeof begin);
    for (size_t i = 0; i <= N_ENTRIES; i++) {
        entry e = i < N_ENTRIES ? plain[i] : other;
        if (e.tag == other.tag) e = other;
        uint8_t *at = bytes + sizeof begin + 12 * i;
        put(at, e.tag, 2);
        put(at + 2, e.type, 2);
        put(at + 4, e.count, 4);
        put(at + 8, e.value, 4);
    }
    for (size_t i = 0; i < 16; i++) bytes[PIXELS + i] = (uint8_t)(10 * i);
}

static cen_status decode(entry other, size_t size, cen_error *error)
{
    uint8_t bytes[SIZE];
    cen_image image;
    make(bytes, other);
    cen_status status = cen_image_decode(NULL, bytes, size, NULL, &image, error);
    if (status != CEN_OK) assert_null(image.pixels);
    cen_image_free(&image);
    return status;
}

static void assert_says(cen_status status, const char *words, entry other, size_t size)
{
    cen_error error = {CEN_OK, ""};
    assert_int_equal(decode(other, size, &error), status);
    if (strstr(error.message, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, words);
}

static void test_refusals_name_the_place_and_the_reason(void **state)
{
    (void)state;
    const entry none = {1, SHORT, 1, 0};
    assert_says(CEN_OK, "", none, SIZE);
    assert_says(CEN_ERROR_FORMAT, "ends at byte 6, before its directory", none, 6);
    assert_says(CEN_ERROR_FORMAT, "before its directory (at byte 8) does", none, 30);
    assert_says(CEN_ERROR_FORMAT, "should begin at byte 122, but the file ends at byte 122", none,
                PIXELS);
    assert_says(CEN_ERROR_FORMAT, "have 7 bytes, too few", none, PIXELS + 7);
    assert_says(CEN_ERROR_FORMAT, "0 x 2 pixels", (entry){256, LONG, 1, 0}, SIZE);
    assert_says(CEN_ERROR_FORMAT, "4 x 0 pixels", (entry){278, LONG, 1, 0}, SIZE);
    assert_says(CEN_ERROR_FORMAT, "names 1 strips, fewer", (entry){278, LONG, 1, 1}, SIZE);
    assert_says(CEN_ERROR_FORMAT, "list of the TIFF's strips lies beyond",
                (entry){273, LONG, 2, 9000}, SIZE);
    assert_says(CEN_ERROR_FORMAT, "lacks the 256 colours", (entry){262, SHORT, 1, 3}, SIZE);
    assert_says(CEN_ERROR_LIMIT, "are more than the", (entry){256, LONG, 1, 0xffffffff}, SIZE);
}

static void test_what_is_not_read_is_named_with_what_converts_it(void **state)
{
    (void)state;
    static const struct {
        entry other;
        const char *words;
    } files[] = {
        {{259, SHORT, 1, 4},
         "a TIFF with CCITT Group 4 compression (fax) is not supported; convert it to PNG "
         "(ImageMagick: magick"},
        {{259, SHORT, 1, 6}, "JPEG compression of the old style"},
        {{259, SHORT, 1, 50000}, "Zstandard compression"},
        {{259, SHORT, 1, 77}, "compression 77"},
        {{262, SHORT, 1, 8}, "CIE L*a*b* colours"},
        {{262, SHORT, 1, 32803}, "the raw samples of a camera (CFA)"},
        {{262, SHORT, 1, 99}, "photometric interpretation 99"},
        {{50706, 1, 4, 1}, "the raw picture of a camera"},
        {{258, SHORT, 1, 64}, "samples of 64 bits"},
        {{258, SHORT, 1, 0}, "samples of 0 bits"},
        {{339, SHORT, 1, 2}, "signed samples"},
        {{339, SHORT, 1, 3}, "floats of 8 bits"},
        {{277, SHORT, 1, 3}, "3 samples a pixel, of which 1 are colours and 0"},
        {{277, SHORT, 1, 300}, "300 samples a pixel"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_says(CEN_ERROR_UNSUPPORTED, files[i].words, files[i].other, SIZE);
}

/* ---- values beyond 8 bits ---- */

static const char *warning_of(entry bits, entry format, const uint8_t *pixels, size_t n,
                              cen_image *image)
{
    uint8_t bytes[SIZE];
    cen_error error;
    make(bytes, format);
    for (size_t i = 0; i < N_ENTRIES; i++) /* one row of 4 */
        if (plain[i].tag == 258) put(bytes + 10 + 12 * i + 8, bits.value, 4);
    put(bytes + 10 + 12 + 8, 1, 4);
    memcpy(bytes + PIXELS, pixels, n);
    if (cen_image_decode(NULL, bytes, SIZE, NULL, image, &error) != CEN_OK)
        fail_msg("%s", error.message);
    return image->warning;
}

static void test_dark_samples_of_16_bits_are_warned_of(void **state)
{
    (void)state;
    cen_image image;
    static const uint8_t dark[] = {200, 3, 1, 0, 0, 2, 7, 1}, bright[] = {0, 16, 0, 0, 0, 0, 0, 0};
    const entry bits = {258, SHORT, 1, 16}, format = {339, SHORT, 1, 1};
    assert_non_null(strstr(warning_of(bits, format, dark, 8, &image), "below 1024"));
    static const uint8_t upper[] = {3, 0, 2, 1};
    assert_memory_equal(image.pixels, upper, 4);
    cen_image_free(&image);
    assert_null(warning_of(bits, format, bright, 8, &image));
    cen_image_free(&image);
}

static void test_floats_beyond_0_to_1_are_cut_off_with_a_warning(void **state)
{
    (void)state;
    cen_image image;
    const entry bits = {258, SHORT, 1, 32}, format = {339, SHORT, 1, 3};
    /* 0.5, 1, 2, not a number */
    static const uint8_t floats[] = {0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f,
                                     0, 0, 0, 0x40, 0, 0, 0xc0, 0x7f};
    static const uint8_t pixels[] = {128, 255, 255, 0};
    assert_non_null(
        strstr(warning_of(bits, format, floats, 16, &image), "from 0 (black) to 1 (white)"));
    assert_memory_equal(image.pixels, pixels, 4);
    cen_image_free(&image);
    static const uint8_t good[16] = {0, 0, 0x80, 0x3f};
    assert_null(warning_of(bits, format, good, 16, &image));
    cen_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_gives_the_pixels_it_was_made_of),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_refusals_name_the_place_and_the_reason),
        cmocka_unit_test(test_what_is_not_read_is_named_with_what_converts_it),
        cmocka_unit_test(test_dark_samples_of_16_bits_are_warned_of),
        cmocka_unit_test(test_floats_beyond_0_to_1_are_cut_off_with_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
