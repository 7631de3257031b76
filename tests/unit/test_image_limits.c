/* What a picture's file may take at most: how much of it is read, memory, and work. The limits are
 * those of tools/README.md; the files below tests/fuzz/worst are the worst that tests/fuzz/worst.py found. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <centerloss_eval.h>

#include "base/file.h"
#include "image/inflate.h"
#include "support/measured_memory.h"
#include "support/png_chunk.h"
#include "support/tiff_entries.h"
#include "support/tree.h"

#define MB ((size_t)1 << 20)
enum { WORST = 16 }; /* bytes a pixel of a picture whose sides are 32 longer */

static const char path[] = "test_image_limits.tmp";

/* Reads a file and checks the memory; sizes are 0 for a file that is refused. file_most: as much of the file
 * as is read. */
static cen_status read_file(const char *file, size_t width, size_t height, size_t file_most,
                            cen_error *error)
{
    cen_image image;
    memory_most = memory_held;
    size_t before = memory_held;
    cen_status status = cen_image_read(NULL, file, NULL, &image, error);
    size_t most = file_most + MB + WORST * (width + 32) * (height + 32);
    if (memory_most - before > most)
        fail_msg("%zu bytes were taken, and at most %zu may be", memory_most - before, most);
    cen_image_free(&image);
    assert_int_equal(memory_held, before);
    return status;
}

static cen_status read_measured(size_t width, size_t height, size_t file_most, cen_error *error)
{
    return read_file(path, width, height, file_most, error);
}

static FILE *begin(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    return file;
}

static const uint8_t BMP_1X1[58] = {'B', 'M', 58, 0, 0, 0, 0, 0, 0, 0,  54, 0,  0, 0,  40,
                                    0,   0,   0,  1, 0, 0, 0, 1, 0, 0,  0,  1,  0, 24, 0,
                                    0,   0,   0,  0, 4, 0, 0, 0, 0, 0,  0,  0,  0, 0,  0,
                                    0,   0,   0,  0, 0, 0, 0, 0, 0, 10, 20, 30, 0};

static void what_follows_a_picture_is_not_read(void **state)
{
    (void)state;
    cen_error error;
    FILE *file = begin(BMP_1X1, sizeof BMP_1X1);
    assert_int_equal(fseek(file, 2000000000, SEEK_SET), 0); /* a hole takes no room on the disk */
    assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_measured(1, 1, 16 * MB, &error), CEN_OK);
    (void)remove(path);
}

static void a_picture_that_begins_too_late_is_refused(void **state)
{
    (void)state;
    cen_error error;
    uint8_t start[2] = {0xff, 0xd8}, segment[65537] = {0xff, 0xe2, 0xff, 0xff};
    FILE *file = begin(start, sizeof start);
    for (int i = 0; i < 300; i++) assert_int_equal(fwrite(segment, 1, 65537, file), 65537);
    assert_int_equal(fclose(file), 0);
    cen_status status = read_measured(0, 0, 16 * MB, &error);
    if (status == CEN_OK) fail_msg("read");
    assert_non_null(strstr(error.message, path));
    (void)remove(path);
}

static void a_file_without_a_picture_is_not_read_whole(void **state)
{
    (void)state;
    cen_error error;
    FILE *file = begin("no picture", 10);
    assert_int_equal(fseek(file, 2000000000, SEEK_SET), 0);
    assert_int_equal(fputc(0, file), 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_measured(0, 0, MB, &error), CEN_ERROR_FORMAT);
    (void)remove(path);
}

/* Stored blocks of no bytes, one after the other. */
static void a_png_of_empty_blocks_is_refused(void **state)
{
    (void)state;
    static uint8_t data[5 << 20] = {0x78, 0x01};
    static const uint8_t empty[5] = {0, 0, 0, 0xff, 0xff};
    uint8_t header[13] = {0, 0, 0, 1, 0, 0, 0, 1, 8};
    cen_error error;
    for (size_t at = 2; at + 5 <= sizeof data; at += 5) memcpy(data + at, empty, 5);
    FILE *file = begin("\x89PNG\r\n\x1a\n", 8);
    put_chunk(file, "IHDR", header, sizeof header);
    put_chunk(file, "IDAT", data, sizeof data);
    put_chunk(file, "IEND", NULL, 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(read_measured(1, 1, 8 * MB, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "far more than 1 x 1 pixels need"));
    (void)remove(path);
}

/* 16384 x 16384 pixels in a run that ends at once. */
static void a_bmp_of_runs_without_data_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[54 + 1024 + 2] = {'B', 'M', 0, 0,  0, 0, 0, 0,  0, 0, 0x36, 4, 0, 0, 40, 0,
                                    0,   0,   0, 64, 0, 0, 0, 64, 0, 0, 1,    0, 8, 0, 1};
    cen_error error;
    bytes[sizeof bytes - 1] = 1;
    assert_int_equal(fclose(begin(bytes, sizeof bytes)), 0);
    assert_int_equal(read_measured(0, 0, MB, &error), CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "2 bytes of runs, too few for 16384 x 16384 pixels"));
    (void)remove(path);
}

/* Grey, 16384 x 16384, baseline or progressive, with one scan of no data. */
static void a_jpeg_without_data_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[2 + 69 + 13 + 2 * 22 + 10 + 2] = {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0};
    static const uint8_t frame[13] = {0xff, 0xc0, 0, 11, 8, 64, 0, 64, 0, 1, 1, 0x11, 0};
    static const uint8_t scan[12] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0xff, 0xd9};
    static const uint8_t table[21] = {0xff, 0xc4, 0, 20, 0, 1};
    memset(bytes + 7, 1, 64);
    memcpy(bytes + 71, frame, sizeof frame);
    for (uint8_t i = 0; i < 2; i++) {
        memcpy(bytes + 84 + 22 * i, table, sizeof table);
        bytes[84 + 22 * i + 4] = (uint8_t)(i << 4);
    }
    memcpy(bytes + 84 + 44, scan, sizeof scan);
    for (uint8_t kind = 0xc0; kind <= 0xc2; kind += 2) {
        cen_error error;
        bytes[72] = kind;
        bytes[84 + 44 + 8] = kind == 0xc0 ? 63 : 0;
        assert_int_equal(fclose(begin(bytes, sizeof bytes)), 0);
        assert_int_equal(read_measured(0, 0, MB, &error), CEN_ERROR_FORMAT);
        if (strstr(error.message, "nearly all of the picture is missing") == NULL)
            fail_msg("%s", error.message);
    }
    (void)remove(path);
}

/* None takes more than 0.2 seconds of a processor without sanitizers. */
static void the_worst_files_found_stay_within_the_limits(void **state)
{
    (void)state;
    static const char *const names[] = {"jpeg_time", "bmp_time", "pnm_time", "webp_time",
                                        "webp_memory"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char file[1024];
        cen_image size;
        cen_error error;
        (void)snprintf(file, sizeof file, CEN_TESTS_FOLDER "/fuzz/worst/%s", names[i]);
        assert_int_equal(cen_image_read_size(NULL, file, &size, &error), CEN_OK);
        clock_t start = clock();
        cen_status status = read_file(file, size.width, size.height, 1 << 16, &error);
        assert_int_equal(status, strcmp(names[i], "webp_memory") == 0 ? CEN_ERROR_LIMIT : CEN_OK);
        assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
    }
}

/* A TIFF of one column: n strips of a byte each, whose places and sizes are listed from byte 200 on. The last `shared`
 * of them are the same byte. */
static void write_strips(uint32_t n, uint32_t shared, uint32_t compression, uint32_t size)
{
    const uint32_t lists = 200, pixels = lists + 8 * n;
    const tiff_entry entries[] = {{256, TIFF_LONG, 1, 1},  {257, TIFF_LONG, 1, n},
                                  {258, TIFF_SHORT, 1, 8}, {259, TIFF_SHORT, 1, compression},
                                  {262, TIFF_SHORT, 1, 1}, {273, TIFF_LONG, n, lists},
                                  {278, TIFF_LONG, 1, 1},  {279, TIFF_LONG, n, lists + 4 * n}};
    uint8_t head[200] = {0}, number[4];
    tiff_header(head, TIFF_HEADER);
    tiff_directory(head + TIFF_HEADER, entries, sizeof entries / sizeof *entries);
    FILE *file = begin(head, sizeof head);
    for (uint32_t i = 0; i < 2 * n; i++) {
        const uint32_t own = i < n - shared ? i : n - shared - 1;
        tiff_put(number, i < n ? pixels + own : size, 4);
        assert_int_equal(fwrite(number, 1, 4, file), 4);
    }
    for (uint32_t i = 0; i < n - shared + size; i++) assert_int_equal(fputc(128, file), 128);
    assert_int_equal(fclose(file), 0);
}

static void a_tiff_of_a_million_strips_takes_no_more_than_its_pixels(void **state)
{
    (void)state;
    cen_error error = {CEN_OK, ""};
    write_strips(1000000, 0, 1, 1);
    if (read_measured(1, 1000000, 10 * MB, &error) != CEN_OK) fail_msg("%s", error.message);
    (void)remove(path);
}

/* Bytes that unpack to nothing: each strip would be as dear as all. */
static void a_tiff_whose_strips_lie_one_over_the_other_is_refused(void **state)
{
    (void)state;
    static const uint32_t compressions[] = {5, 7, 8, 32773};
    for (size_t i = 0; i < 4; i++) {
        cen_error error = {CEN_OK, ""};
        write_strips(1000, 999, compressions[i], 20000);
        assert_int_equal(read_measured(1, 1000, MB, &error), CEN_ERROR_FORMAT);
        assert_non_null(strstr(error.message, "one over the other"));
    }
    (void)remove(path);
}

/* A tile of 65520 x 65520 pixels for one pixel; and strips that cannot hold their pixels. */
static void tiles_and_strips_out_of_proportion_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t compression, side, tile;
        cen_status status;
    } files[] = {{5, 40, 65520, CEN_ERROR_LIMIT},     {7, 1, 4096, CEN_ERROR_LIMIT},
                 {5, 16000, 16000, CEN_ERROR_FORMAT}, {8, 16000, 16000, CEN_ERROR_FORMAT},
                 {7, 16000, 16000, CEN_ERROR_FORMAT}, {32773, 16000, 16000, CEN_ERROR_FORMAT}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const tiff_entry entries[] = {{256, TIFF_LONG, 1, files[i].side},
                                      {257, TIFF_LONG, 1, files[i].side},
                                      {258, TIFF_SHORT, 1, 8},
                                      {259, TIFF_SHORT, 1, files[i].compression},
                                      {262, TIFF_SHORT, 1, 1},
                                      {322, TIFF_LONG, 1, files[i].tile},
                                      {323, TIFF_LONG, 1, files[i].tile},
                                      {324, TIFF_LONG, 1, 8},
                                      {325, TIFF_LONG, 1, 2000}};
        uint8_t bytes[2200] = {0};
        cen_error error = {CEN_OK, ""};
        tiff_header(bytes, 2000);
        tiff_directory(bytes + 2000, entries, sizeof entries / sizeof *entries);
        assert_int_equal(fclose(begin(bytes, sizeof bytes)), 0);
        if (read_measured(0, 0, MB, &error) != files[i].status)
            fail_msg("%zu: %s", i, error.message);
    }
    (void)remove(path);
}

/* A TIFF of one grey pixel in a tile of width x rows, a JPEG of so many times 256 pixels. */
static cen_status read_jpeg_tile(uint32_t width, uint32_t rows, uint8_t jpeg_width,
                                 uint8_t jpeg_rows, cen_error *error)
{
    const uint8_t frame[] = {0xff, 0xd8,       0xff, 0xc0, 0, 11,   8, jpeg_rows,
                             0,    jpeg_width, 0,    1,    1, 0x11, 0};
    const tiff_entry entries[] = {
        {256, TIFF_LONG, 1, 1},    {257, TIFF_LONG, 1, 1},  {258, TIFF_SHORT, 1, 8},
        {259, TIFF_SHORT, 1, 7},   {262, TIFF_SHORT, 1, 1}, {322, TIFF_LONG, 1, width},
        {323, TIFF_LONG, 1, rows}, {324, TIFF_LONG, 1, 8},  {325, TIFF_LONG, 1, 2000}};
    uint8_t bytes[2200] = {0};
    tiff_header(bytes, 2000);
    memcpy(bytes + TIFF_HEADER, frame, sizeof frame);
    tiff_directory(bytes + 2000, entries, sizeof entries / sizeof *entries);
    assert_int_equal(fclose(begin(bytes, sizeof bytes)), 0);
    cen_status status = read_measured(1, 1, sizeof bytes, error);
    (void)remove(path);
    return status;
}

/* Before memory is taken for it. */
static void a_jpeg_of_other_sides_than_its_tile_is_refused(void **state)
{
    (void)state;
    cen_error error;
    assert_int_equal(read_jpeg_tile(512, 512, 1, 3, &error), CEN_ERROR_FORMAT);
    assert_non_null(
        strstr(error.message, "JPEG of 256 x 768 pixels, and should be one of 512 x 1"));
}

/* Tables are read again for each strip: many of both would take their product in time. */
static void a_tiff_of_many_jpeg_tables_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[8000];
    cen_error error;
    const tiff_entry entries[] = {{256, TIFF_LONG, 1, 8},  {257, TIFF_LONG, 1, 8},
                                  {258, TIFF_SHORT, 1, 8}, {259, TIFF_SHORT, 1, 7},
                                  {262, TIFF_SHORT, 1, 1}, {273, TIFF_LONG, 1, 8},
                                  {279, TIFF_LONG, 1, 99}, {347, 7, 4097, 8}};
    tiff_header(bytes, 7000);
    tiff_directory(bytes + 7000, entries, sizeof entries / sizeof *entries);
    assert_int_equal(fclose(begin(bytes, sizeof bytes)), 0);
    assert_int_equal(read_measured(0, 0, MB, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "JPEG tables of 4097 bytes"));
    (void)remove(path);
}

/* 2^28 pixels of 16 samples would take 2^32 bytes a row once they are bytes. */
static void a_tiff_of_rows_beyond_32_bits_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[210000];
    cen_error error;
    const tiff_entry entries[] = {
        {256, TIFF_LONG, 1, 1 << 28}, {257, TIFF_LONG, 1, 1},      {258, TIFF_SHORT, 1, 1},
        {259, TIFF_SHORT, 1, 5},      {262, TIFF_SHORT, 1, 1},     {273, TIFF_LONG, 1, 8},
        {277, TIFF_SHORT, 1, 16},     {279, TIFF_LONG, 1, 200000}, {338, TIFF_BYTE, 15, 8}};
    tiff_header(bytes, 200008);
    tiff_directory(bytes + 200008, entries, sizeof entries / sizeof *entries);
    assert_int_equal(fclose(begin(bytes, sizeof bytes)), 0);
    assert_int_equal(read_measured(0, 0, MB, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "too many to unpack"));
    (void)remove(path);
}

/* 16384 x 16384 pixels in a few bytes of codes. */
static void a_gif_without_data_is_refused(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {'G', 'I', 'F', '8', '9', 'a', 0, 64, 0, 64, 0, 0, 0, ',',
                                    0,   0,   0,   0,   0,   64,  0, 64, 0, 2,  1, 4, 0};
    cen_error error;
    assert_int_equal(fclose(begin(bytes, sizeof bytes)), 0);
    assert_int_equal(read_measured(0, 0, MB, &error), CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "too few for 16384 x 16384 pixels"));
    (void)remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_a_picture_is_not_read),
        cmocka_unit_test(a_picture_that_begins_too_late_is_refused),
        cmocka_unit_test(a_file_without_a_picture_is_not_read_whole),
        cmocka_unit_test(a_png_of_empty_blocks_is_refused),
        cmocka_unit_test(a_bmp_of_runs_without_data_is_refused),
        cmocka_unit_test(a_jpeg_without_data_is_refused),
        cmocka_unit_test(a_tiff_of_a_million_strips_takes_no_more_than_its_pixels),
        cmocka_unit_test(a_tiff_whose_strips_lie_one_over_the_other_is_refused),
        cmocka_unit_test(tiles_and_strips_out_of_proportion_are_refused),
        cmocka_unit_test(a_jpeg_of_other_sides_than_its_tile_is_refused),
        cmocka_unit_test(a_tiff_of_many_jpeg_tables_is_refused),
        cmocka_unit_test(a_tiff_of_rows_beyond_32_bits_is_refused),
        cmocka_unit_test(a_gif_without_data_is_refused),
        cmocka_unit_test(the_worst_files_found_stay_within_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
