/* The front door: kinds told by their bytes, orientation, channels, names in messages. Pixels against
 * Pillow, see tests/golden/image.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss_eval.h>

#include "image/image.h"
#include "image/inflate.h"
#include "support/context.h"
#include "support/golden_pairs.h"
#include "support/limited_memory.h"
#include "support/tree.h"

static const char folder[] = "test_image.tmp";

static void put(char *path, size_t size, const char *name, const void *bytes, size_t bytes_size)
{
    (void)snprintf(path, size, "%s/%s", folder, name);
    tree_write(path, bytes, bytes_size);
}

static void assert_same(const golden_pair *pair, const cen_image *image)
{
    assert_int_equal(image->width, pair->numbers[0]);
    assert_int_equal(image->height, pair->numbers[1]);
    assert_int_equal(image->channels, pair->numbers[2]);
    if (memcmp(image->pixels, pair->second, pair->second_size) != 0) {
        fail_msg("%s: other pixels than Pillow's", pair->name);
    }
}

/* Decoded from memory, read from a file, and measured by its header. */
static void check(const golden_pair *pair)
{
    cen_image_options options = cen_image_options_init();
    options.channels = (int)pair->numbers[3];
    cen_image image;
    cen_error error = {CEN_OK, ""};
    if (cen_image_decode(threads(1), pair->first, pair->first_size, &options, &image, &error) !=
        CEN_OK) {
        fail_msg("%s: %s", pair->name, error.message);
    }
    assert_same(pair, &image);
    cen_image_free(&image);
    assert_null(image.pixels);

    char path[256];
    put(path, sizeof path, "named.txt", pair->first, pair->first_size);
    assert_int_equal(cen_image_read(threads(1), path, &options, &image, &error), CEN_OK);
    assert_same(pair, &image);
    cen_image_free(&image);
    assert_int_equal(cen_image_read_size(NULL, path, &image, &error), CEN_OK);
    assert_int_equal(image.width, pair->numbers[0]);
    assert_int_equal(image.height, pair->numbers[1]);
    if (options.channels == 0) assert_int_equal(image.channels, pair->numbers[2]);
    assert_null(image.pixels);
}

static void test_orientation_and_channels_as_pillow_has_them(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("image.bin", check), 60);
}

enum { PADDING = 70000 };

static size_t length_at(const uint8_t *at)
{
    return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* Of each chunk that follows it the size and the orientation may depend. */
static void check_padded(const golden_pair *pair)
{
    static const char name[] = "paDd";
    const size_t size = pair->first_size;
    if (size < 8 || memcmp(pair->first, "\x89PNG", 4) != 0) return;
    uint8_t *bytes = calloc(size + PADDING + 12, 1);
    assert_non_null(bytes);
    for (size_t at = 8; at + 12 <= size; at += 12 + length_at(pair->first + at)) {
        if (at == 8) continue; /* the header is the first */
        memset(bytes, 0, size + PADDING + 12);
        memcpy(bytes, pair->first, at);
        for (int i = 0; i < 4; i++) bytes[at + (size_t)i] = (uint8_t)(PADDING >> (24 - 8 * i));
        memcpy(bytes + at + 4, name, 4);
        const uint32_t crc = cen__crc32(0, bytes + at + 4, PADDING + 4);
        for (int i = 0; i < 4; i++)
            bytes[at + 8 + PADDING + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
        memcpy(bytes + at + 12 + PADDING, pair->first + at, size - at);
        golden_pair padded = *pair;
        padded.first = bytes;
        padded.first_size = size + PADDING + 12;
        check(&padded);
    }
    free(bytes);
}

static void test_chunks_of_a_PNG_behind_the_first_64_KiB_are_found(void **state)
{
    (void)state;
    (void)golden_pairs_each("image.bin", check_padded);
}

static void check_unsupported(const golden_pair *pair)
{
    char path[256], words[512], name[64];
    put(path, sizeof path, "picture.jpg", pair->first, pair->first_size);
    memcpy(name, pair->name, sizeof name);
    for (char *at = name; *at; at++) {
        if (*at == '_') *at = ' ';
    }
    (void)snprintf(words, sizeof words, "%s: %s is not supported; convert it", path, name);
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_read(threads(1), path, NULL, &image, &error), CEN_ERROR_UNSUPPORTED);
    if (strstr(error.message, words) != error.message) fail_msg("%s", error.message);
    assert_int_equal(cen_image_read_size(NULL, path, &image, &error), CEN_ERROR_UNSUPPORTED);
    if (strstr(error.message, words) != error.message) fail_msg("%s", error.message);
    assert_true(cen__image_is_image(pair->first, pair->first_size));
}

static void test_kinds_that_are_not_read_are_named(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("image_kinds.bin", check_unsupported), 4);
}

static void assert_refused(const char *name, const void *bytes, size_t size, const char *words)
{
    char path[256];
    put(path, sizeof path, name, bytes, size);
    for (int measured = 0; measured < 2; measured++) {
        cen_image image;
        cen_error error;
        cen_status status = measured ? cen_image_read_size(NULL, path, &image, &error)
                                     : cen_image_read(threads(1), path, NULL, &image, &error);
        assert_int_equal(status, CEN_ERROR_FORMAT);
        assert_int_equal(strncmp(error.message, path, strlen(path)), 0);
        if (strstr(error.message, words) == NULL) fail_msg("%s", error.message);
        assert_null(image.pixels);
        assert_int_equal(image.width, 0);
    }
}

static void test_what_is_no_image_is_refused_by_name(void **state)
{
    (void)state;
    assert_refused("empty.png", "", 0, "the file is empty");
    assert_refused("text.jpg", "This is a text.", 15, "no image of a kind that is read here");
    assert_refused("a.pgm", "P5 0 3 255 ", 11, "0 x 3 pixels");
    assert_refused("b.pgm", "P5 four", 7, "byte 3 is no digit");
}

static void test_only_bytes_that_begin_an_image_are_one(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        bool is_image;
    } files[] = {
        {"P6 1 1 255 abc", 14, true},
        {"BM\x46\0\0\0", 6, true},
        {"\xff\xd8\xff\xe0\0\x10JFIF", 10, true},
        {"\x89PNG\r\n\x1a\n", 8, true},
        {"GIF89a", 6, true},
        {"RIFF....WEBPVP8 ", 16, true},
        {"RIFF....WAVEfmt ", 16, false},
        {"BM is a text", 12, false},
        {"P7 is a text", 12, false},
        {"\0\0\0\x18"
         "ftypmp42",
         12, false},
        {"\0\0\0\x1c"
         "ftypavif",
         12, true},
        {"", 0, false},
        {"PK\3\4", 4, false},
        {"\x1f\x8b\x08", 3, false},
        {"{\"a\": 1}", 8, false},
        {"\0\0\x08\x03", 4, false},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        if (cen__image_is_image((const uint8_t *)files[i].bytes, files[i].size) !=
            files[i].is_image) {
            fail_msg("file %zu is %s image", i, files[i].is_image ? "an" : "no");
        }
    }
}

/* Headers whose first bytes lead astray, each with the words that name it. */
static void test_kinds_with_little_of_a_signature_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } files[] = {
        {"\0\0\2\0\0\0\0\0\0\0\0\0\4\0\3\0\x18\0abc", 21, "TGA is not supported"},
        {"\0\0\x0a\0\0\0\0\0\0\0\0\0\4\0\3\0\x20\x28.", 19, "TGA is not supported"},
        {"\0\1\1\0\0\0\1\x18\0\0\0\0\4\0\3\0\x08\0.", 19, "TGA is not supported"},
        {"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0", 22, "ICO is not supported"},
        {"\0\0\2\0\1\0\x10\x10\0\0\1\0\1\0\x68\4\0\0\x16\0\0\0", 22, "CUR is not supported"},
        {"\0\0\2\0\0\0\0\0\0\0\0\0\0\0\3\0\x18\0abcd", 22, "no image of a kind"},
        {"BM\0\0\0\0\0\0\0\0\x46\0\0\0\x28\0\0\0\4\0\0\0\4\0\0\0\1\0\2\0"
         "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
         54, "a BMP of 2 bits a pixel is not supported"},
        {"notRIFF.WEBP", 12, "no image of a kind"},
        {"\0\0\0\x18"
         "ftypheic",
         12, "HEIC is not supported; convert it to PNG or JPEG (with heif-convert)"},
        {"\0\0\0\x18"
         "ftypavif",
         12, "AVIF is not supported; convert it to PNG or JPEG (with avifdec)"},
        {"\xff\x0a", 2, "JPEG XL is not supported; convert it to PNG or JPEG (with djxl)"},
        {"8BPS", 4,
         "Photoshop's PSD is not supported; convert it to PNG or JPEG (with ImageMagick's magick)"},
        {"FUJIFILMCCD-RAW ", 16, "Fujifilm's raw RAF is not supported"},
        {"RIFF....AVI LIST", 16, "this is a video (AVI) and no image"},
        {"\0\0\0\x18"
         "ftypmp42",
         12, "this is a video (MP4 or QuickTime) and no image"},
        {"PK\3\4", 4, "this is a ZIP archive and no image"},
        {"%PDF-1.7", 8, "this is a PDF document and no image"},
        {"\xef\xbb\xbf\r\n<!DOCTYPE HTML>", 20, "this is a web page (HTML) and no image"},
        {"<svg xmlns=", 11, "this is a drawing (SVG) and no image"},
        {"<?xml version", 13, "this is XML"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        cen_image image;
        cen_error error;
        assert_int_not_equal(
            cen_image_decode(threads(1), files[i].bytes, files[i].size, NULL, &image, &error),
            CEN_OK);
        if (strstr(error.message, files[i].words) == NULL) {
            fail_msg("file %zu is to be \"%s\": %s", i, files[i].words, error.message);
        }
    }
}

/* A BMP of two black pixels, of which one is transparent or both are not. */
static void test_a_drawing_in_the_alpha_channel_is_remarked_on(void **state)
{
    (void)state;
    uint8_t bytes[70 + 8] = {'B', 'M', 0, 0, 0, 0, 0, 0, 0, 0, 70, 0, 0,  0, 56, 0,
                             0,   0,   2, 0, 0, 0, 1, 0, 0, 0, 1,  0, 32, 0, 3};
    for (size_t i = 0; i < 4; i++) bytes[54 + 5 * i] = 0xff; /* masks */
    bytes[73] = 0xff;
    for (int opaque = 0; opaque < 2; opaque++) {
        bytes[77] = opaque ? 0xff : 0;
        for (int channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
            cen_image image;
            cen_image_options options = cen_image_options_init();
            options.channels = channels;
            assert_int_equal(
                cen_image_decode(threads(1), bytes, sizeof bytes, &options, &image, NULL), CEN_OK);
            bool lost = !opaque && channels < 4;
            if (lost != (image.warning != NULL)) fail_msg("%d channels", channels);
            if (lost) assert_non_null(strstr(image.warning, "drawn in its alpha channel"));
            cen_image_free(&image);
        }
    }
}

static void test_a_header_behind_the_first_64_KiB_is_found(void **state)
{
    (void)state;
    enum { COMMENT = 70000 };
    uint8_t *bytes = malloc(COMMENT + 20);
    assert_non_null(bytes);
    memset(bytes, 'x', COMMENT);
    memcpy(bytes, "P5 #", 4);
    memcpy(bytes + COMMENT, "\n2 1 255 ab", 11);
    char path[256];
    put(path, sizeof path, "comment.pgm", bytes, COMMENT + 11);
    cen_image image;
    assert_int_equal(cen_image_read_size(NULL, path, &image, NULL), CEN_OK);
    assert_int_equal(image.width, 2);
    free(bytes);
}

static void test_missing_files_and_folders_are_refused(void **state)
{
    (void)state;
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_read(threads(1), "no/such.png", NULL, &image, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "no/such.png"));
    assert_int_equal(cen_image_read_size(NULL, "no/such.png", &image, NULL), CEN_ERROR_IO);
    assert_int_equal(cen__os_make_folder(NULL, folder, NULL), CEN_OK);
    assert_int_equal(cen_image_read(threads(1), folder, NULL, &image, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "folder"));
}

static void test_options_are_kept(void **state)
{
    (void)state;
    const char *const bytes = "P5 4 4 255 abcdefghijklmnop";
    cen_image_options options = cen_image_options_init();
    cen_image image;
    cen_error error;
    options.max_pixels = 15;
    assert_int_equal(cen_image_decode(threads(1), bytes, 27, &options, &image, &error),
                     CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "4 x 4"));
    options.max_pixels = 16;
    assert_int_equal(cen_image_decode(threads(1), bytes, 27, &options, &image, &error), CEN_OK);
    cen_image_free(&image);
    const int refused[] = {-1, 2, 5};
    for (size_t i = 0; i < 3; i++) {
        options.channels = refused[i];
        assert_int_equal(cen_image_decode(threads(1), bytes, 27, &options, &image, &error),
                         CEN_ERROR_ARGUMENT);
    }
}

static void test_free_may_be_repeated(void **state)
{
    (void)state;
    cen_image image;
    assert_int_equal(cen_image_decode(threads(1), "P5 1 1 255 a", 12, NULL, &image, NULL), CEN_OK);
    cen_image_free(&image);
    cen_image_free(&image);
    cen_image_free(NULL);
}

typedef struct {
    const golden_pair *pair;
    int channels;
} job;

static int decode_with_little_memory(void *user)
{
    const job *j = user;
    cen_image_options options = cen_image_options_init();
    options.channels = j->channels;
    cen_image image;
    cen_error error;
    cen_status status =
        cen_image_decode(threads(1), j->pair->first, j->pair->first_size, &options, &image, &error);
    if (status != CEN_OK) {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_null(image.pixels);
        return 0;
    }
    cen_image_free(&image);
    return 1;
}

static void fail_allocations(const golden_pair *pair)
{
    for (int channels = 0; channels <= 4; channels += channels == 1 ? 2 : 1) {
        job j = {pair, channels};
        assert_true(fail_each_allocation(decode_with_little_memory, &j) > 0);
    }
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    (void)golden_pairs_each("image.bin", fail_allocations);
    (void)golden_pairs_each("pnm.bin", fail_allocations);
    (void)golden_pairs_each("bmp.bin", fail_allocations);
}

static int remove_folder(void **state)
{
    (void)state;
    tree_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orientation_and_channels_as_pillow_has_them),
        cmocka_unit_test(test_chunks_of_a_PNG_behind_the_first_64_KiB_are_found),
        cmocka_unit_test(test_kinds_that_are_not_read_are_named),
        cmocka_unit_test(test_what_is_no_image_is_refused_by_name),
        cmocka_unit_test(test_only_bytes_that_begin_an_image_are_one),
        cmocka_unit_test(test_kinds_with_little_of_a_signature_are_named),
        cmocka_unit_test(test_a_drawing_in_the_alpha_channel_is_remarked_on),
        cmocka_unit_test(test_a_header_behind_the_first_64_KiB_is_found),
        cmocka_unit_test(test_missing_files_and_folders_are_refused),
        cmocka_unit_test(test_options_are_kept),
        cmocka_unit_test(test_free_may_be_repeated),
        cmocka_unit_test(test_each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, remove_folder, remove_folder);
}
