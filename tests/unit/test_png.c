/* PNG against libpng, see tests/golden/png.py; damaged files; writing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss_eval.h>

#include "base/file.h"
#include "image/decoders.h"
#include "image/inflate.h"
#include "support/context.h"
#include "support/damage.h"
#include "support/golden_pairs.h"
#include "support/limited_memory.h"

static void test_every_kind_gives_the_pixels_of_libpng(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("png.bin", assert_decodes), 72);
}

/* The size is known from the beginning of the file alone, the channels with the chunks before IDAT. */
static void check_size(const golden_pair *pair)
{
    for (size_t size = 33; size <= pair->first_size; size++) {
        cen_image image;
        assert_int_equal(cen__png_kind.read_size(NULL, pair->first, size, &image, NULL), CEN_OK);
        assert_int_equal(image.width, pair->numbers[0]);
        assert_int_equal(image.height, pair->numbers[1]);
        if (size == pair->first_size) assert_int_equal(image.channels, pair->numbers[2]);
        assert_null(image.pixels);
    }
    assert_int_equal(cen__png_kind.read_size(NULL, pair->first, 32, &(cen_image){0}, NULL),
                     CEN_ERROR_FORMAT);
}

static void test_the_size_is_read_from_the_beginning_alone(void **state)
{
    (void)state;
    (void)golden_pairs_each("png.bin", check_size);
}

/* ---- files made here ------------------------------------------------------------------------- */

typedef struct file {
    uint8_t bytes[65536];
    size_t size;
} file;

static void put32(uint8_t *bytes, uint32_t value)
{
    for (size_t i = 0; i < 4; i++) bytes[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void add_chunk(file *to, const char *name, const void *data, size_t size)
{
    uint8_t *at = to->bytes + to->size;
    assert_true(to->size + size + 12 <= sizeof to->bytes);
    put32(at, (uint32_t)size);
    memcpy(at + 4, name, 4);
    if (size > 0) memcpy(at + 8, data, size);
    put32(at + 8 + size, cen__crc32(0, at + 4, size + 4));
    to->size += size + 12;
}

static file begin(uint32_t width, uint32_t height, int depth, int color_type, int interlaced)
{
    file made = {"\x89PNG\r\n\x1a\n", 8};
    uint8_t header[13] = {0};
    put32(header, width);
    put32(header + 4, height);
    header[8] = (uint8_t)depth;
    header[9] = (uint8_t)color_type;
    header[12] = (uint8_t)interlaced;
    add_chunk(&made, "IHDR", header, sizeof header);
    return made;
}

/* An IDAT chunk of these bytes, packed, of which `cut` are left off. */
static void add_idat(file *to, const void *rows, size_t size, size_t cut)
{
    uint8_t *packed;
    size_t packed_size;
    assert_int_equal(cen__zlib_pack(NULL, rows, size, &packed, &packed_size, NULL), CEN_OK);
    add_chunk(to, "IDAT", packed, packed_size - cut);
    cen__free(packed);
}

/* Two rows of two grey pixels. */
static const uint8_t ROWS[] = {0, 10, 20, 0, 30, 40};

/* All but IEND, with a chunk before the picture where the name is not NULL. */
static file grey_with(const char *name, const void *data, size_t size)
{
    file made = begin(2, 2, 8, 0, 0);
    if (name != NULL) add_chunk(&made, name, data, size);
    add_idat(&made, ROWS, sizeof ROWS, 0);
    return made;
}

static void assert_refused(const file *made, cen_status status, const char *words)
{
    cen_image image;
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_image_decode(threads(1), made->bytes, made->size, NULL, &image, &error),
                     status);
    assert_null(image.pixels);
    if (strstr(error.message, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, words);
}

/* A picture with the first pixel as given, and a warning or none. */
static void assert_accepted(const file *made, int channels, int first, int alpha,
                            const char *warning)
{
    cen_image image;
    cen_error error;
    if (cen_image_decode(threads(1), made->bytes, made->size, NULL, &image, &error) != CEN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(image.channels, channels);
    assert_int_equal(image.pixels[0], first);
    if (channels % 2 == 0) assert_int_equal(image.pixels[channels - 1], alpha);
    if (warning == NULL)
        assert_null(image.warning);
    else
        assert_non_null(strstr(image.warning, warning));
    cen_image_free(&image);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void test_impossible_headers_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t width, height;
        int depth, color_type, interlaced;
        const char *words;
    } cases[] = {
        {0, 2, 8, 0, 0, "PNG chunk IHDR at byte 8 gives an impossible width or height"},
        {2, 0, 8, 0, 0, "impossible width"},
        {0x80000000, 2, 8, 0, 0, "impossible width"},
        {2, 2, 8, 1, 0, "color type and bit depth that do not exist"},
        {2, 2, 8, 5, 0, "color type and bit depth"},
        {2, 2, 8, 7, 0, "color type and bit depth"},
        {2, 2, 4, 2, 0, "color type and bit depth"},
        {2, 2, 16, 3, 0, "color type and bit depth"},
        {2, 2, 3, 0, 0, "color type and bit depth"},
        {2, 2, 0, 0, 0, "color type and bit depth"},
        {2, 2, 32, 0, 0, "color type and bit depth"},
        {2, 2, 8, 0, 2, "unknown interlace method"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file made = begin(cases[i].width, cases[i].height, cases[i].depth, cases[i].color_type,
                          cases[i].interlaced);
        assert_refused(&made, CEN_ERROR_FORMAT, cases[i].words);
    }
    file huge = begin(100000, 100000, 8, 0, 0);
    add_idat(&huge, ROWS, sizeof ROWS, 0);
    assert_refused(&huge, CEN_ERROR_LIMIT, "100000 x 100000");
    file large = begin(4000, 4000, 8, 0, 0);
    add_idat(&large, ROWS, sizeof ROWS, 0);
    assert_refused(&large, CEN_ERROR_FORMAT, "too short for 4000 x 4000 pixels");
}

static void test_damaged_chunks_are_refused_with_their_place(void **state)
{
    (void)state;
    file made = grey_with(NULL, NULL, 0);
    made.bytes[1 + 8 + 8]++; /* the width */
    assert_refused(&made, CEN_ERROR_FORMAT, "PNG chunk IHDR at byte 8 is damaged");
    made = grey_with(NULL, NULL, 0);
    made.bytes[made.size - 1]++;
    assert_refused(&made, CEN_ERROR_FORMAT, "PNG chunk IDAT at byte 33 is damaged: its CRC");
    made = grey_with(NULL, NULL, 0);
    add_chunk(&made, "IEND", NULL, 0);
    made.bytes[made.size - 1]++;
    assert_refused(&made, CEN_ERROR_FORMAT, "PNG chunk IEND at byte");
    made = grey_with(NULL, NULL, 0);
    made.bytes[37] = '1';
    assert_refused(&made, CEN_ERROR_FORMAT, "damaged at byte 37");
    made = grey_with(NULL, NULL, 0);
    made.bytes[33] = 0xff;
    assert_refused(&made, CEN_ERROR_FORMAT, "PNG chunk IDAT at byte 33 has an impossible length");
    made = grey_with(NULL, NULL, 0);
    made.size -= 5;
    assert_refused(&made, CEN_ERROR_FORMAT, "cut short in the chunk IDAT at byte 33");
    made.bytes[4] = '\n';
    assert_refused(&made, CEN_ERROR_FORMAT, "signature");
}

static void test_chunks_out_of_order_are_refused(void **state)
{
    (void)state;
    static const uint8_t colors[6] = {1, 2, 3, 4, 5, 6};
    file made = begin(2, 2, 8, 3, 0);
    add_idat(&made, ROWS, sizeof ROWS, 0);
    assert_refused(&made, CEN_ERROR_FORMAT, "comes before the palette");
    made = begin(2, 2, 8, 3, 0);
    add_chunk(&made, "PLTE", colors, 5);
    assert_refused(&made, CEN_ERROR_FORMAT, "PNG chunk PLTE at byte 33 is no palette");
    made = begin(2, 2, 8, 3, 0);
    add_chunk(&made, "PLTE", colors, 6);
    add_chunk(&made, "PLTE", colors, 6);
    assert_refused(&made, CEN_ERROR_FORMAT, "PNG chunk PLTE at byte 51 is a second palette");
    made = begin(2, 2, 8, 0, 0);
    add_chunk(&made, "IEND", NULL, 0);
    assert_refused(&made, CEN_ERROR_FORMAT, "ends the file before any picture");
    made = begin(2, 2, 8, 0, 0);
    add_chunk(&made, "IHDR", made.bytes + 16, 13);
    assert_refused(&made, CEN_ERROR_FORMAT, "PNG chunk IHDR at byte 33 is a second header");
    made = grey_with(NULL, NULL, 0);
    add_chunk(&made, "IHDR", made.bytes + 16, 13);
    assert_refused(&made, CEN_ERROR_FORMAT, "is a second header");
    made = begin(2, 2, 8, 3, 0);
    add_chunk(&made, "PLTE", colors, 6);
    add_idat(&made, ROWS, sizeof ROWS, 0);
    add_chunk(&made, "PLTE", colors, 6);
    assert_refused(&made, CEN_ERROR_FORMAT, "is a second palette");
    made = grey_with("ABCd", colors, 4);
    assert_refused(&made, CEN_ERROR_UNSUPPORTED, "PNG chunk ABCd at byte 33");
    made = grey_with(NULL, NULL, 0);
    add_chunk(&made, "ABCd", NULL, 0);
    assert_refused(&made, CEN_ERROR_UNSUPPORTED, "PNG chunk ABCd");
    made = (file){"\x89PNG\r\n\x1a\n", 8};
    add_chunk(&made, "CgBI", colors, 4);
    assert_refused(&made, CEN_ERROR_UNSUPPORTED, "Apple");
}

static void test_damaged_picture_data_are_refused(void **state)
{
    (void)state;
    static const uint8_t bad_filter[] = {0, 10, 20, 5, 30, 40};
    file made = begin(2, 2, 8, 0, 0);
    add_idat(&made, bad_filter, sizeof bad_filter, 0);
    assert_refused(&made, CEN_ERROR_FORMAT, "row 1 names filter 5");
    made = begin(2, 2, 8, 0, 0);
    add_idat(&made, ROWS, 5, 0);
    assert_refused(&made, CEN_ERROR_FORMAT, "end before the last row");
    made = begin(2, 2, 8, 0, 0);
    add_chunk(&made, "IDAT", "\x78", 1);
    assert_refused(&made, CEN_ERROR_FORMAT, "end too early");
    made = begin(2, 2, 8, 0, 0);
    add_chunk(&made, "IDAT", "\x78\x9d\x03\x00", 4);
    assert_refused(&made, CEN_ERROR_FORMAT, "do not begin as zlib data");
    made = begin(2, 2, 8, 0, 0);
    add_chunk(&made, "IDAT", "\x78\x20\x03\x00", 4);
    assert_refused(&made, CEN_ERROR_FORMAT, "dictionary");
    made = begin(2, 2, 8, 0, 0);
    add_chunk(&made, "IDAT", "\x78\x9c\x07\x00\x00", 5);
    assert_refused(&made, CEN_ERROR_FORMAT, "kind that does not exist");
    /* The checksum: rows of others. */
    uint8_t *packed;
    size_t size;
    assert_int_equal(cen__zlib_pack(NULL, ROWS, sizeof ROWS, &packed, &size, NULL), CEN_OK);
    packed[size - 1]++;
    made = begin(2, 2, 8, 0, 0);
    add_chunk(&made, "IDAT", packed, size);
    assert_refused(&made, CEN_ERROR_FORMAT, "checksum is wrong");
    cen__free(packed);
}

/* ---- what is tolerated ----------------------------------------------------------------------- */

static void test_damage_beside_the_picture_is_tolerated(void **state)
{
    (void)state;
    static const uint8_t key[2] = {0, 10}, more[] = {0, 10, 20, 0, 30, 40, 1, 2, 3};
    file made = grey_with(NULL, NULL, 0);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 1, 10, 0, NULL);
    made.bytes[made.size++] = 'x'; /* behind the end */
    assert_accepted(&made, 1, 10, 0, NULL);
    made = grey_with(NULL, NULL, 0);
    assert_accepted(&made, 1, 10, 0, "ends early");
    made = begin(2, 2, 8, 0, 0);
    add_idat(&made, ROWS, sizeof ROWS, 4);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 1, 10, 0, "end early");
    made = begin(2, 2, 8, 0, 0);
    add_idat(&made, more, sizeof more, 0);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 1, 10, 0, "more data");

    made = grey_with("tRNS", key, 2);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 2, 10, 0, NULL);
    made.bytes[44]++; /* the CRC of tRNS: as in libpng it is passed over */
    assert_accepted(&made, 1, 10, 0, NULL);
    made = grey_with("tRNS", key, 1);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 1, 10, 0, NULL);
    made = grey_with("PLTE", "abcd", 4);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 1, 10, 0, NULL);
}

static void test_empty_chunks_and_data_behind_the_last_row_are_passed_over(void **state)
{
    (void)state;
    static const uint8_t junk[40000];
    static const uint8_t grey_alpha[] = {0, 10, 255, 20, 255, 0, 30, 255, 40, 255};
    file made = grey_with("IDAT", NULL, 0);
    add_chunk(&made, "IDAT", junk, sizeof junk); /* more than is held at once */
    add_chunk(&made, "IDAT", junk, 3);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 1, 10, 0, NULL);
    made.bytes[made.size - 12 - 1]++; /* the CRC of the last IDAT */
    assert_refused(&made, CEN_ERROR_FORMAT, "its CRC is wrong");
    made = begin(2, 2, 8, 4, 0);
    add_chunk(&made, "tRNS", junk, 2); /* where there is alpha already */
    add_idat(&made, grey_alpha, sizeof grey_alpha, 0);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 2, 10, 255, NULL);
}

static void test_an_index_beyond_the_palette_is_black_and_opaque(void **state)
{
    (void)state;
    file made = begin(2, 2, 8, 3, 0);
    add_chunk(&made, "PLTE", "abcdef", 6);
    add_chunk(&made, "tRNS", "\x05\x06", 2);
    add_idat(&made, ROWS, sizeof ROWS, 0);
    add_chunk(&made, "IEND", NULL, 0);
    assert_accepted(&made, 4, 0, 255, NULL);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Each CRC made right again, so that damage reaches what stands behind that check. */
static void mend_crcs(uint8_t *bytes, size_t size)
{
    for (size_t at = 8; at + 12 <= size;) {
        size_t length = get32(bytes + at);
        if (length > size - at - 12) return;
        put32(bytes + at + 8 + length, cen__crc32(0, bytes + at + 4, length + 4));
        at += 12 + length;
    }
}

static void damage(const golden_pair *pair)
{
    decode_all_damaged(pair->first, pair->first_size, 7);
    uint8_t *copy = malloc(pair->first_size);
    assert_non_null(copy);
    uint32_t random = (uint32_t)pair->first_size;
    for (size_t i = 8; i < pair->first_size; i += 3) {
        memcpy(copy, pair->first, pair->first_size);
        random = random * 1664525u + 1013904223u;
        copy[i] ^= (uint8_t)(1u << (random >> 29));
        if (random >> 20 & 1) copy[i + random % (pair->first_size - i)] = (uint8_t)(random >> 9);
        mend_crcs(copy, pair->first_size);
        decode_damaged(copy, pair->first_size);
    }
    free(copy);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("png.bin", damage);
}

/* ---- writing --------------------------------------------------------------------------------- */

static cen_image make_image(size_t width, size_t height, int channels)
{
    cen_image image = {width, height, channels, NULL, NULL, {0}};
    size_t size = width * height * (size_t)channels;
    image.pixels = cen__alloc(NULL, 1, size);
    assert_non_null(image.pixels);
    for (size_t i = 0; i < size; i++) {
        size_t x = i / (size_t)channels % width, y = i / (size_t)channels / width;
        image.pixels[i] = (uint8_t)(y % 16 < 8 ? x * 3 + y * y + i % 3 : 200 + i * i % 7);
    }
    return image;
}

static void assert_written_and_read(cen_image *image)
{
    cen_image again;
    cen_error error;
    if (cen_image_write_png(NULL, image, "test_png.png", &error) != CEN_OK)
        fail_msg("%s", error.message);
    if (cen_image_read(threads(1), "test_png.png", NULL, &again, &error) != CEN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(again.width, image->width);
    assert_int_equal(again.height, image->height);
    assert_int_equal(again.channels, image->channels);
    assert_null(again.warning);
    assert_memory_equal(again.pixels, image->pixels,
                        image->width * image->height * (size_t)image->channels);
    cen_image_free(&again);
    (void)remove("test_png.png");
}

static void test_what_is_written_is_read_again(void **state)
{
    (void)state;
    static const size_t sizes[][2] = {{1, 1}, {28, 28}, {3, 70}, {300, 250}};
    for (int channels = 1; channels <= 4; channels++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            cen_image image = make_image(sizes[i][0], sizes[i][1], channels);
            assert_written_and_read(&image);
            cen_image_free(&image);
        }
}

/* Neither the packed data nor a row fits into what is held of them at once. */
static void test_a_picture_of_long_rows_of_noise_is_read_again(void **state)
{
    (void)state;
    cen_image image = make_image(33000, 5, 4);
    uint32_t random = 1;
    for (size_t i = 0; i < (size_t)33000 * 5 * 4; i++) {
        random = random * 1664525u + 1013904223u;
        image.pixels[i] = (uint8_t)(random >> 24);
    }
    assert_written_and_read(&image);
    cen_image_free(&image);
}

static void test_what_cannot_be_written_is_told(void **state)
{
    (void)state;
    cen_error error;
    cen_image image = make_image(2, 2, 1), wrong = image;
    assert_int_equal(cen_image_write_png(NULL, &image, "no/such/folder/a.png", &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "no/such/folder/a.png"));
    wrong.channels = 5;
    assert_int_equal(cen_image_write_png(NULL, &wrong, "a.png", &error), CEN_ERROR_ARGUMENT);
    wrong = image;
    wrong.width = 0;
    assert_int_equal(cen_image_write_png(NULL, &wrong, "a.png", &error), CEN_ERROR_ARGUMENT);
    wrong = image;
    wrong.pixels = NULL;
    assert_int_equal(cen_image_write_png(NULL, &wrong, "a.png", &error), CEN_ERROR_ARGUMENT);
    cen_image_free(&image);
}

/* ---- memory ---------------------------------------------------------------------------------- */

static int write_and_read(void *user)
{
    const cen_image *image = user;
    cen_image again;
    cen_error error;
    cen_status status = cen_image_write_png(NULL, image, "test_png_memory.png", &error);
    if (status == CEN_OK)
        status = cen_image_read(threads(1), "test_png_memory.png", NULL, &again, &error);
    if (status == CEN_OK) {
        cen_image_free(&again);
        return 1;
    }
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_int_equal(error.status, status);
    return 0;
}

static void test_every_failed_allocation_is_told(void **state)
{
    (void)state;
    cen_image image = make_image(40, 30, 3);
    assert_true(fail_each_allocation(write_and_read, &image) >= 6);
    cen_image_free(&image);
    (void)remove("test_png_memory.png");
}

/* One pixel of each color type; the alpha of the last two counts for nothing. */
static void test_dark_samples_of_16_bits_are_remarked_on(void **state)
{
    (void)state;
    static const int types[] = {0, 2, 4, 6}, n_colors[] = {1, 3, 1, 3};
    for (size_t i = 0; i < 4; i++) {
        for (int upper = 0; upper <= 16; upper += 4) {
            size_t n = (size_t)n_colors[i];
            uint8_t row[9] = {0};
            memset(row + 1, 0xff, 8);
            for (size_t k = 0; k < n; k++) row[1 + 2 * k] = 0;
            row[2 * n - 1] = (uint8_t)upper;
            file made = begin(1, 1, 16, types[i], 0);
            add_idat(&made, row, 1 + 2 * (n + (size_t)types[i] / 4), 0);
            add_chunk(&made, "IEND", NULL, 0);
            assert_accepted(&made, (int)n + types[i] / 4, n == 1 ? upper : 0, 0xff,
                            upper == 0   ? "all 16-bit values are below 256 of 65536"
                            : upper < 16 ? "levels"
                                         : NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dark_samples_of_16_bits_are_remarked_on),
        cmocka_unit_test(test_every_kind_gives_the_pixels_of_libpng),
        cmocka_unit_test(test_the_size_is_read_from_the_beginning_alone),
        cmocka_unit_test(test_impossible_headers_are_refused),
        cmocka_unit_test(test_damaged_chunks_are_refused_with_their_place),
        cmocka_unit_test(test_chunks_out_of_order_are_refused),
        cmocka_unit_test(test_damaged_picture_data_are_refused),
        cmocka_unit_test(test_damage_beside_the_picture_is_tolerated),
        cmocka_unit_test(test_empty_chunks_and_data_behind_the_last_row_are_passed_over),
        cmocka_unit_test(test_an_index_beyond_the_palette_is_black_and_opaque),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_what_is_written_is_read_again),
        cmocka_unit_test(test_a_picture_of_long_rows_of_noise_is_read_again),
        cmocka_unit_test(test_what_cannot_be_written_is_told),
        cmocka_unit_test(test_every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
