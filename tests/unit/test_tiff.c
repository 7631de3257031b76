/* TIFF against the pixels that its files were made of, see tests/golden/tiff.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss_eval.h>

#include "support/damage.h"
#include "support/golden_pairs.h"
#include "support/tiff_entries.h"
#include "support/tree.h"

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

enum { N_ENTRIES = 8, PIXELS = TIFF_HEADER + 2 + 12 * (N_ENTRIES + 1) + 4, SIZE = PIXELS + 16 };

static const tiff_entry plain[N_ENTRIES] = {{256, TIFF_LONG, 1, 4},  {257, TIFF_LONG, 1, 2},
                                            {258, TIFF_SHORT, 1, 8}, {259, TIFF_SHORT, 1, 1},
                                            {262, TIFF_SHORT, 1, 1}, {273, TIFF_LONG, 1, PIXELS},
                                            {278, TIFF_LONG, 1, 2},  {279, TIFF_LONG, 1, 8}};

/* The entries with others in place of those of their tag; one that is new comes last. */
static void change(tiff_entry entries[N_ENTRIES + 1], tiff_entry other)
{
    size_t i = 0;
    while (i < N_ENTRIES && entries[i].tag != other.tag) i++;
    entries[i] = other;
}

static void make(uint8_t bytes[SIZE], tiff_entry other)
{
    tiff_entry entries[N_ENTRIES + 1] = {{0}};
    memcpy(entries, plain, sizeof plain);
    change(entries, other);
    tiff_header(bytes, TIFF_HEADER);
    tiff_directory(bytes + TIFF_HEADER, entries, N_ENTRIES + 1);
    for (size_t i = 0; i < 16; i++) bytes[PIXELS + i] = (uint8_t)(10 * i);
}

static cen_status decode(tiff_entry other, size_t size, cen_error *error)
{
    uint8_t bytes[SIZE];
    cen_image image;
    make(bytes, other);
    cen_status status = cen_image_decode(NULL, bytes, size, NULL, &image, error);
    if (status != CEN_OK) assert_null(image.pixels);
    cen_image_free(&image);
    return status;
}

static void assert_says(cen_status status, const char *words, tiff_entry other, size_t size)
{
    cen_error error = {CEN_OK, ""};
    assert_int_equal(decode(other, size, &error), status);
    if (strstr(error.message, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, words);
}

static void test_refusals_name_the_place_and_the_reason(void **state)
{
    (void)state;
    const tiff_entry none = {1, TIFF_SHORT, 1, 0};
    assert_says(CEN_OK, "", none, SIZE);
    assert_says(CEN_ERROR_FORMAT, "ends at byte 6, before its directory", none, 6);
    assert_says(CEN_ERROR_FORMAT, "before its directory (at byte 8) does", none, 30);
    assert_says(CEN_ERROR_FORMAT, "should begin at byte 122, but the file ends at byte 122", none,
                PIXELS);
    assert_says(CEN_ERROR_FORMAT, "have 7 bytes, too few", none, PIXELS + 7);
    assert_says(CEN_ERROR_FORMAT, "0 x 2 pixels", (tiff_entry){256, TIFF_LONG, 1, 0}, SIZE);
    assert_says(CEN_ERROR_FORMAT, "4 x 0 pixels", (tiff_entry){278, TIFF_LONG, 1, 0}, SIZE);
    assert_says(CEN_ERROR_FORMAT, "names 1 strips, fewer", (tiff_entry){278, TIFF_LONG, 1, 1},
                SIZE);
    assert_says(CEN_ERROR_FORMAT, "values of tag 273 of the TIFF lie beyond the end of the file",
                (tiff_entry){273, TIFF_LONG, 2, 9000}, SIZE);
    assert_says(CEN_ERROR_FORMAT, "lacks the 256 colours", (tiff_entry){262, TIFF_SHORT, 1, 3},
                SIZE);
    assert_says(CEN_ERROR_LIMIT, "are more than the", (tiff_entry){256, TIFF_LONG, 1, 0xffffffff},
                SIZE);
}

/* Not read as if they had their default, 1 bit a sample. */
static void test_values_that_were_cut_off_are_missed(void **state)
{
    (void)state;
    assert_says(CEN_ERROR_FORMAT, "values of tag 258", (tiff_entry){258, TIFF_SHORT, 3, SIZE - 5},
                SIZE);
    assert_says(CEN_ERROR_FORMAT, "values of tag 339", (tiff_entry){339, TIFF_SHORT, 3, 9000},
                SIZE);
}

static void test_what_is_not_read_is_named_with_what_converts_it(void **state)
{
    (void)state;
    static const struct {
        tiff_entry other;
        const char *words;
    } files[] = {
        {{259, TIFF_SHORT, 1, 4},
         "a TIFF with CCITT Group 4 compression (fax) is not supported; convert it to PNG "
         "(ImageMagick: magick"},
        {{259, TIFF_SHORT, 1, 6}, "JPEG compression of the old style"},
        {{259, TIFF_SHORT, 1, 50000}, "Zstandard compression"},
        {{259, TIFF_SHORT, 1, 77}, "compression 77"},
        {{262, TIFF_SHORT, 1, 8}, "CIE L*a*b* colours"},
        {{262, TIFF_SHORT, 1, 32803}, "the raw samples of a camera (CFA)"},
        {{262, TIFF_SHORT, 1, 99}, "photometric interpretation 99"},
        {{50706, 1, 4, 1}, "the raw picture of a camera"},
        {{258, TIFF_SHORT, 1, 64}, "samples of 64 bits"},
        {{258, TIFF_SHORT, 1, 0}, "samples of 0 bits"},
        {{339, TIFF_SHORT, 1, 2}, "signed samples"},
        {{339, TIFF_SHORT, 1, 3}, "floats of 8 bits"},
        {{277, TIFF_SHORT, 1, 3}, "3 samples a pixel, of which 1 are colours and 0"},
        {{277, TIFF_SHORT, 1, 300}, "300 samples a pixel"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_says(CEN_ERROR_UNSUPPORTED, files[i].words, files[i].other, SIZE);
}

/* JPEG of the old style is YCbCr, of which it is the compression that is not read. */
static void test_the_compression_is_named_before_the_colours(void **state)
{
    (void)state;
    uint8_t bytes[SIZE] = {0};
    cen_image image;
    cen_error error;
    tiff_entry entries[N_ENTRIES + 1] = {{0}};
    memcpy(entries, plain, sizeof plain);
    change(entries, (tiff_entry){259, TIFF_SHORT, 1, 6});
    change(entries, (tiff_entry){262, TIFF_SHORT, 1, 6});
    change(entries, (tiff_entry){277, TIFF_SHORT, 1, 3});
    tiff_header(bytes, TIFF_HEADER);
    tiff_directory(bytes + TIFF_HEADER, entries, N_ENTRIES + 1);
    assert_int_equal(cen_image_decode(NULL, bytes, SIZE, NULL, &image, &error),
                     CEN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "JPEG compression of the old style"));
}

/* Four samples of a JPEG stay as they are, so that YCbCr would be taken for RGB. */
static void test_ycc_with_alpha_is_not_taken_for_rgb(void **state)
{
    (void)state;
    uint8_t bytes[SIZE + 12] = {0};
    cen_image image;
    cen_error error;
    tiff_entry entries[N_ENTRIES + 2] = {{0}};
    memcpy(entries, plain, sizeof plain);
    change(entries, (tiff_entry){259, TIFF_SHORT, 1, 7});
    change(entries, (tiff_entry){262, TIFF_SHORT, 1, 6});
    change(entries, (tiff_entry){277, TIFF_SHORT, 1, 4});
    entries[N_ENTRIES + 1] = (tiff_entry){338, TIFF_SHORT, 1, 2};
    tiff_header(bytes, TIFF_HEADER);
    tiff_directory(bytes + TIFF_HEADER, entries, N_ENTRIES + 2);
    assert_int_equal(cen_image_decode(NULL, bytes, sizeof bytes, NULL, &image, &error),
                     CEN_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "JPEG compression of YCbCr with alpha"));
}

/* ---- values beyond 8 bits ---- */

/* Of one row of 4 pixels. */
static const char *warning_of(uint32_t bits, uint32_t format, const uint8_t *pixels, size_t n,
                              cen_image *image)
{
    uint8_t bytes[SIZE];
    cen_error error;
    tiff_entry entries[N_ENTRIES + 1] = {{0}};
    memcpy(entries, plain, sizeof plain);
    change(entries, (tiff_entry){257, TIFF_LONG, 1, 1});
    change(entries, (tiff_entry){258, TIFF_SHORT, 1, bits});
    change(entries, (tiff_entry){339, TIFF_SHORT, 1, format});
    tiff_header(bytes, TIFF_HEADER);
    tiff_directory(bytes + TIFF_HEADER, entries, N_ENTRIES + 1);
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
    assert_non_null(strstr(warning_of(16, 1, dark, 8, &image), "below 1024"));
    static const uint8_t upper[] = {3, 0, 2, 1};
    assert_memory_equal(image.pixels, upper, 4);
    cen_image_free(&image);
    assert_null(warning_of(16, 1, bright, 8, &image));
    cen_image_free(&image);
}

static void test_floats_beyond_0_to_1_are_cut_off_with_a_warning(void **state)
{
    (void)state;
    cen_image image;
    /* 0.5, 1, 2, not a number */
    static const uint8_t floats[] = {0, 0, 0, 0x3f, 0, 0, 0x80, 0x3f,
                                     0, 0, 0, 0x40, 0, 0, 0xc0, 0x7f};
    static const uint8_t pixels[] = {128, 255, 255, 0};
    assert_non_null(strstr(warning_of(32, 3, floats, 16, &image), "from 0 (black) to 1 (white)"));
    assert_memory_equal(image.pixels, pixels, 4);
    cen_image_free(&image);
    static const uint8_t good[16] = {0, 0, 0x80, 0x3f};
    assert_null(warning_of(32, 3, good, 16, &image));
    cen_image_free(&image);
}

/* In float, 128.49999 and a half would be 129; a machine with wider registers would say 128. */
static void test_floats_are_rounded_alike_on_all_machines(void **state)
{
    (void)state;
    cen_image image;
    static const uint8_t floats[] = {1, 1, 1, 0x3f, 2,    2,    2,    0x3f,
                                     3, 3, 3, 0x3f, 0x48, 0x48, 0x48, 0x3f};
    static const uint8_t pixels[] = {128, 129, 130, 199};
    assert_null(warning_of(32, 3, floats, 16, &image));
    assert_memory_equal(image.pixels, pixels, 4);
    cen_image_free(&image);
}

/* ---- files whose directory comes late ---- */

static const char path[] = "test_tiff.tmp";

/* 16 bits a pixel, all of them 258, from byte 8 on; the directory at `at`. */
static void write_late(uint32_t width, uint32_t height, uint32_t at)
{
    tiff_entry entries[N_ENTRIES + 1] = {{0}};
    uint8_t header[TIFF_HEADER], directory[2 + 12 * (N_ENTRIES + 1) + 4];
    memcpy(entries, plain, sizeof plain);
    change(entries, (tiff_entry){256, TIFF_LONG, 1, width});
    change(entries, (tiff_entry){257, TIFF_LONG, 1, height});
    change(entries, (tiff_entry){258, TIFF_SHORT, 1, 16});
    change(entries, (tiff_entry){273, TIFF_LONG, 1, TIFF_HEADER});
    change(entries, (tiff_entry){278, TIFF_LONG, 1, height});
    change(entries, (tiff_entry){274, TIFF_SHORT, 1, 6});
    tiff_header(header, at);
    tiff_directory(directory, entries, N_ENTRIES + 1);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
    for (uint32_t i = 0; i < width * height; i++) assert_int_equal(fwrite("\2\1", 1, 2, file), 2);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0); /* a hole takes no room on the disk */
    assert_int_equal(fwrite(directory, 1, sizeof directory, file), sizeof directory);
    assert_int_equal(fclose(file), 0);
}

static void check_late(uint32_t width, uint32_t height, uint32_t at)
{
    cen_image image;
    cen_error error;
    write_late(width, height, at);
    if (cen_image_read_size(NULL, path, &image, &error) != CEN_OK) fail_msg("%s", error.message);
    assert_int_equal(image.width, height);
    assert_int_equal(image.height, width);
    assert_int_equal(image.channels, 1);
    if (cen_image_read(NULL, path, NULL, &image, &error) != CEN_OK) fail_msg("%s", error.message);
    assert_int_equal(image.width, height);
    for (size_t i = 0; i < (size_t)width * height; i++) assert_int_equal(image.pixels[i], 1);
    assert_non_null(strstr(image.warning, "below 512"));
    cen_image_free(&image);
    tree_remove(path);
}

static void test_a_directory_is_found_wherever_it_is(void **state)
{
    (void)state;
    check_late(3, 2, 20);
    check_late(300, 200, 8 + 2 * 300 * 200);
    check_late(300, 200, 17 << 20); /* further than what is read of a file without a size */
    check_late(1000, 900, 30 << 20);
}

/* RGB with three extra samples, of which the first is `extra`: their list has no room in the directory. */
static void check_extra(uint16_t extra, int channels, uint32_t list, uint32_t at)
{
    enum { WIDTH = 150, HEIGHT = 100, SAMPLES = 6, DATA = 32 };
    const tiff_entry entries[] = {{256, TIFF_LONG, 1, WIDTH},  {257, TIFF_LONG, 1, HEIGHT},
                                  {258, TIFF_SHORT, 1, 8},     {262, TIFF_SHORT, 1, 2},
                                  {273, TIFF_LONG, 1, DATA},   {277, TIFF_SHORT, 1, SAMPLES},
                                  {278, TIFF_LONG, 1, HEIGHT}, {338, TIFF_SHORT, 3, list}};
    enum { N = sizeof entries / sizeof *entries };
    uint8_t header[TIFF_HEADER], directory[2 + 12 * N + 4], values[6] = {(uint8_t)extra};
    cen_image image;
    cen_error error;
    tiff_header(header, at);
    tiff_directory(directory, entries, N);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(header, 1, sizeof header, file), sizeof header);
    assert_int_equal(fseek(file, DATA, SEEK_SET), 0);
    for (int i = 0; i < WIDTH * HEIGHT * SAMPLES; i++) assert_int_equal(fputc(200, file), 200);
    assert_int_equal(fseek(file, (long)list, SEEK_SET), 0);
    assert_int_equal(fwrite(values, 1, sizeof values, file), sizeof values);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(directory, 1, sizeof directory, file), sizeof directory);
    assert_int_equal(fclose(file), 0);
    if (cen_image_read_size(NULL, path, &image, &error) != CEN_OK) fail_msg("%s", error.message);
    assert_int_equal(image.channels, channels);
    if (cen_image_read(NULL, path, NULL, &image, &error) != CEN_OK) fail_msg("%s", error.message);
    assert_int_equal(image.channels, channels);
    cen_image_free(&image);
    tree_remove(path);
}

static void test_the_size_of_a_large_file_knows_of_alpha(void **state)
{
    (void)state;
    check_extra(2, 4, 8, 100000); /* before the pixels */
    check_extra(0, 3, 8, 100000);
    check_extra(2, 4, 99000, 100000);  /* after them */
    check_extra(0, 3, 110000, 100000); /* after the directory */
    check_extra(2, 4, 110000, 100000);
}

/* More pages may follow than are read; that the first is dark is no sign of a cut file. */
static void test_pages_that_follow_are_not_missed(void **state)
{
    (void)state;
    cen_image image;
    cen_error error;
    write_late(3, 2, 20);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 40 << 20, SEEK_SET), 0);
    assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fclose(file), 0);
    if (cen_image_read(NULL, path, NULL, &image, &error) != CEN_OK) fail_msg("%s", error.message);
    assert_non_null(strstr(image.warning, "below 512"));
    cen_image_free(&image);
    tree_remove(path);
}

static void test_a_directory_too_far_for_the_picture_is_refused(void **state)
{
    (void)state;
    cen_image image;
    cen_error error;
    write_late(3, 2, 40 << 20);
    assert_int_equal(cen_image_read_size(NULL, path, &image, &error), CEN_OK);
    assert_int_equal(cen_image_read(NULL, path, NULL, &image, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "does not end within the first"));
    write_late(3, 2, 20);
    assert_int_equal(cen_image_read_size(NULL, path, &image, &error), CEN_OK);
    tree_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_gives_the_pixels_it_was_made_of),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_refusals_name_the_place_and_the_reason),
        cmocka_unit_test(test_values_that_were_cut_off_are_missed),
        cmocka_unit_test(test_what_is_not_read_is_named_with_what_converts_it),
        cmocka_unit_test(test_the_compression_is_named_before_the_colours),
        cmocka_unit_test(test_ycc_with_alpha_is_not_taken_for_rgb),
        cmocka_unit_test(test_dark_samples_of_16_bits_are_warned_of),
        cmocka_unit_test(test_floats_beyond_0_to_1_are_cut_off_with_a_warning),
        cmocka_unit_test(test_floats_are_rounded_alike_on_all_machines),
        cmocka_unit_test(test_a_directory_is_found_wherever_it_is),
        cmocka_unit_test(test_the_size_of_a_large_file_knows_of_alpha),
        cmocka_unit_test(test_pages_that_follow_are_not_missed),
        cmocka_unit_test(test_a_directory_too_far_for_the_picture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
