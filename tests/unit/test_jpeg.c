/* JPEG against libjpeg-turbo, see tests/golden/jpeg.py; damaged files; the instruction sets against
 * each other and against plain formulas. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss.h>

#include "base/random.h"
#include "image/decoders.h"
#include "image/inflate.h"
#include "image/kernels.h"
#include "support/context.h"
#include "support/damage.h"
#include "support/golden_pairs.h"
#include "support/limited_memory.h"

/* ---- golden files --------------------------------------------------------------------------- */

typedef struct answer {
    size_t reduction, width, height, channels;
    unsigned long crc;
} answer;

/* A target of which the picture at this reduction is twice the size, and at no smaller one. */
static cen_image_options options_for(const answer *expected)
{
    cen_image_options options = cen_image_options_init();
    if (expected->reduction > 1) {
        options.target_height = expected->height / 2;
        options.target_width = expected->width / 2;
    }
    return options;
}

static void check_answer(const golden_pair *pair, const answer *expected)
{
    cen_image image;
    cen_error error;
    cen_image_options options = options_for(expected);
    if (cen__jpeg_kind.decode(NULL, pair->first, pair->first_size, &options, &image, &error) !=
        CEN_OK)
        fail_msg("%s: %s", pair->name, error.message);
    if (image.width != expected->width || image.height != expected->height ||
        (size_t)image.channels != expected->channels)
        fail_msg("%s at 1/%zu is %zu x %zu x %d", pair->name, expected->reduction, image.width,
                 image.height, image.channels);
    if (cen__crc32(0, image.pixels, image.width * image.height * (size_t)image.channels) !=
        expected->crc)
        fail_msg("%s at 1/%zu: other pixels", pair->name, expected->reduction);
    if ((image.warning != NULL) != (pair->numbers[0] != 0))
        fail_msg("%s: warning %s", pair->name, image.warning ? image.warning : "missing");
    cen_image_free(&image);
}

static void check_pair(const golden_pair *pair)
{
    const uint8_t *at = pair->second, *end = at + pair->second_size;
    while (at < end) {
        char line[128];
        answer expected;
        const uint8_t *newline = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(newline);
        (void)snprintf(line, sizeof line, "%.*s", (int)(newline - at), (const char *)at);
        assert_int_equal(sscanf(line, "%zu %zu %zu %zu %lu", &expected.reduction, &expected.width,
                                &expected.height, &expected.channels, &expected.crc),
                         5);
        check_answer(pair, &expected);
        at = newline + 1;
    }
}

static void test_every_kind_and_scale_gives_the_pixels_of_libjpeg_turbo(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("jpeg.bin", check_pair), 58);
}

static void check_size(const golden_pair *pair)
{
    cen_image image, head;
    cen_image_options options = cen_image_options_init();
    assert_int_equal(
        cen__jpeg_kind.decode(NULL, pair->first, pair->first_size, &options, &image, NULL), CEN_OK);
    bool known = false;
    for (size_t size = 3; size <= pair->first_size; size++) {
        cen_status status = cen__jpeg_kind.read_size(NULL, pair->first, size, &head, NULL);
        assert_true(status == CEN_OK || (!known && status == CEN_ERROR_FORMAT));
        if (status != CEN_OK) continue;
        known = true;
        assert_int_equal(head.width, image.width);
        assert_int_equal(head.height, image.height);
        assert_int_equal(head.channels, image.channels);
    }
    assert_true(known);
    cen_image_free(&image);
}

static void test_the_size_is_read_from_the_beginning_alone(void **state)
{
    (void)state;
    (void)golden_pairs_each("jpeg.bin", check_size);
}

/* ---- one file, changed ---------------------------------------------------------------------- */

typedef struct file {
    uint8_t bytes[4096];
    size_t size;
} file;

static const char *wanted;
static file loaded;

static void keep_wanted(const golden_pair *pair)
{
    if (strcmp(pair->name, wanted) != 0) return;
    assert_true(pair->first_size <= sizeof loaded.bytes);
    memcpy(loaded.bytes, pair->first, pair->first_size);
    loaded.size = pair->first_size;
}

static file load(const char *name)
{
    wanted = name;
    loaded.size = 0;
    (void)golden_pairs_each("jpeg.bin", keep_wanted);
    assert_true(loaded.size > 0);
    return loaded;
}

/* The place of a marker's code. */
static size_t find(const file *f, uint8_t marker)
{
    for (size_t i = 2; i + 1 < f->size; i++)
        if (f->bytes[i] == 0xff && f->bytes[i + 1] == marker) return i + 1;
    fail_msg("no marker %02x", marker);
    return 0;
}

static void assert_refused(const file *f, cen_status expected, const char *words)
{
    cen_image image;
    cen_error error;
    cen_image_options options = cen_image_options_init();
    cen_status status = cen__jpeg_kind.decode(NULL, f->bytes, f->size, &options, &image, &error);
    if (status != expected || strstr(error.message, words) == NULL)
        fail_msg("expected \"%s\", found %s: %s", words, cen_status_name(status),
                 status == CEN_OK ? "" : error.message);
    assert_null(image.pixels);
}

static void test_other_processes_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        uint8_t marker;
        const char *name;
    } processes[] = {{0xc3, "lossless JPEG"},
                     {0xc5, "hierarchical JPEG"},
                     {0xc6, "hierarchical progressive JPEG"},
                     {0xc7, "hierarchical lossless JPEG"},
                     {0xc9, "arithmetic-coded JPEG"},
                     {0xca, "arithmetic-coded progressive JPEG"},
                     {0xcb, "arithmetic-coded lossless JPEG"},
                     {0xcd, "arithmetic-coded hierarchical JPEG"},
                     {0xce, "arithmetic-coded hierarchical progressive JPEG"},
                     {0xcf, "arithmetic-coded hierarchical lossless JPEG"}};
    file f = load("420");
    size_t place = find(&f, 0xc0);
    for (size_t i = 0; i < sizeof processes / sizeof processes[0]; i++) {
        f.bytes[place] = processes[i].marker;
        assert_refused(&f, CEN_ERROR_UNSUPPORTED, processes[i].name);
    }
}

static void test_frames_that_are_not_read_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t offset; /* from the marker's code */
        uint8_t values[2];
        cen_status status;
        const char *words;
    } frames[] = {{3, {12, 0}, CEN_ERROR_UNSUPPORTED, "12 bits a sample"},
                  {4, {0, 0}, CEN_ERROR_UNSUPPORTED, "DNL"},
                  {6, {0, 0}, CEN_ERROR_FORMAT, "width of 0"},
                  {8, {2, 1}, CEN_ERROR_FORMAT, "wrong length"},
                  {10, {0x51, 0}, CEN_ERROR_FORMAT, "sampling factors 5x1"},
                  {10, {0x20, 0}, CEN_ERROR_FORMAT, "sampling factors 2x0"},
                  {10, {0x32, 0}, CEN_ERROR_UNSUPPORTED, "do not divide"},
                  {13, {0x44, 0}, CEN_ERROR_FORMAT, "blocks an MCU"},
                  {11, {7, 0}, CEN_ERROR_FORMAT, "quantisation table 7"},
                  {9, {9, 0x22}, CEN_ERROR_FORMAT, "component 1"}};
    file whole = load("420");
    size_t place = find(&whole, 0xc0);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        file f = whole;
        f.bytes[place + frames[i].offset] = frames[i].values[0];
        if (frames[i].values[1] != 0 || frames[i].offset == 4 || frames[i].offset == 6)
            f.bytes[place + frames[i].offset + 1] = frames[i].values[1];
        if (frames[i].words[0] == 'd') f.bytes[place + 13] = 0x22;
        assert_refused(&f, frames[i].status, frames[i].words);
    }
}

static void test_damaged_headers_are_refused(void **state)
{
    (void)state;
    file whole = load("420"), f = whole;
    f.bytes[find(&f, 0xdb) + 3] = 0x05;
    assert_refused(&f, CEN_ERROR_FORMAT, "table 5");
    f = whole;
    f.bytes[find(&f, 0xdb) + 2]--;
    assert_refused(&f, CEN_ERROR_FORMAT, "DQT");
    f = whole;
    f.bytes[find(&f, 0xc4) + 3] = 0x24;
    assert_refused(&f, CEN_ERROR_FORMAT, "table 0x24");
    f = whole;
    f.bytes[find(&f, 0xc4) + 4] = 3; /* three codes of one bit */
    assert_refused(&f, CEN_ERROR_FORMAT, "DHT");
    f = whole;
    f.bytes[find(&f, 0xc4) + 4] = 3; /* instead of some of three bits */
    f.bytes[find(&f, 0xc4) + 6] = (uint8_t)(f.bytes[find(&f, 0xc4) + 6] - 3);
    assert_refused(&f, CEN_ERROR_FORMAT, "more codes of 1 bits");
    f = whole;
    f.bytes[find(&f, 0xc0) + 2] = 14; /* the length of one with two components */
    f.bytes[find(&f, 0xc0) + 8] = 2;
    assert_refused(&f, CEN_ERROR_UNSUPPORTED, "JPEG with 2 components");
    f = whole;
    f.bytes[find(&f, 0xda) + 5] = 0x44;
    assert_refused(&f, CEN_ERROR_FORMAT, "Huffman table 4");
    f = whole;
    f.bytes[find(&f, 0xc0)] = 0xda; /* a scan in place of the frame */
    assert_refused(&f, CEN_ERROR_FORMAT, "before the frame header");
    f = whole;
    f.bytes[find(&f, 0xc0)] = 0xd9;
    assert_refused(&f, CEN_ERROR_FORMAT, "before any picture");
    f = whole;
    f.bytes[find(&f, 0xdb)] = 0x02;
    assert_refused(&f, CEN_ERROR_FORMAT, "0x02");
    f = whole;
    f.size = find(&f, 0xda) + 4;
    assert_refused(&f, CEN_ERROR_FORMAT, "ends after");
    f = load("progressive");
    f.bytes[find(&f, 0xda) + 10] = 5; /* DC with an end of 5 */
    assert_refused(&f, CEN_ERROR_FORMAT, "progression");
}

static void test_more_pixels_than_allowed_are_refused(void **state)
{
    (void)state;
    file f = load("420");
    cen_image image = {0};
    cen_error error;
    cen_image_options options = cen_image_options_init();
    options.max_pixels = 37 * 29 - 1;
    options.target_height = options.target_width = 1; /* the limit is on the file's size */
    assert_int_equal(cen__jpeg_kind.decode(NULL, f.bytes, f.size, &options, &image, &error),
                     CEN_ERROR_LIMIT);
    assert_null(image.pixels);
    options.max_pixels++;
    assert_int_equal(cen__jpeg_kind.decode(NULL, f.bytes, f.size, &options, &image, &error),
                     CEN_OK);
    cen_image_free(&image);
}

static void test_endless_scans_are_refused(void **state)
{
    (void)state;
    file f = load("progressive_grey");
    size_t scan = find(&f, 0xda) - 1, header_size = 2 + 8;
    uint8_t *bytes = malloc(scan + 600 * header_size);
    cen_image image;
    cen_error error;
    cen_image_options options = cen_image_options_init();
    assert_non_null(bytes);
    memcpy(bytes, f.bytes, scan);
    for (size_t i = 0; i < 600; i++)
        memcpy(bytes + scan + i * header_size, f.bytes + scan, header_size);
    assert_int_equal(
        cen__jpeg_kind.decode(NULL, bytes, scan + 600 * header_size, &options, &image, &error),
        CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "scans"));
    free(bytes);
}

/* With an EXIF segment of this orientation. */
static file turned(const file *f, uint8_t orientation)
{
    static const uint8_t segment[] = {0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0,    'M', 'M',
                                      0,    42,   0, 0,  0,   8,   0,   1,   1, 0x12, 0,   3,
                                      0,    0,    0, 1,  0,   6,   0,   0,   0, 0,    0,   0};
    file result;
    memcpy(result.bytes, f->bytes, 2);
    memcpy(result.bytes + 2, segment, sizeof segment);
    memcpy(result.bytes + 2 + sizeof segment, f->bytes + 2, f->size - 2);
    result.bytes[2 + 29] = orientation;
    result.size = f->size + sizeof segment;
    return result;
}

static void assert_size_for(const file *f, size_t target_height, size_t target_width, size_t height,
                            size_t width)
{
    cen_image image;
    cen_image_options options = cen_image_options_init();
    options.target_height = target_height;
    options.target_width = target_width;
    assert_int_equal(cen_image_decode(threads(1), f->bytes, f->size, &options, &image, NULL),
                     CEN_OK);
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    cen_image_free(&image);
}

static void test_the_target_chooses_the_scale_in_the_final_orientation(void **state)
{
    (void)state;
    file f = load("420"); /* 37 x 29 */
    assert_size_for(&f, 0, 0, 29, 37);
    assert_size_for(&f, 8, 0, 29, 37);
    assert_size_for(&f, 8, 9, 29, 37); /* the half, 15 x 19, is less than twice 8 */
    assert_size_for(&f, 7, 9, 15, 19);
    assert_size_for(&f, 4, 5, 8, 10);
    assert_size_for(&f, 4, 6, 15, 19);
    assert_size_for(&f, 1, 1, 4, 5);
    assert_size_for(&f, 1000, 1, 29, 37);
    for (uint8_t orientation = 1; orientation <= 8; orientation++) {
        file t = turned(&f, orientation);
        assert_int_equal(cen__exif_orientation(t.bytes, t.size), orientation);
        if (orientation < 5) {
            assert_size_for(&t, 7, 9, 15, 19);
            assert_size_for(&t, 9, 7, 29, 37);
        } else {
            assert_size_for(&t, 9, 7, 19, 15);
            assert_size_for(&t, 7, 9, 37, 29);
        }
    }
}

/* 37 x 29 at the half is 18 1/2 x 14 1/2 pixels of 19 x 15, at an eighth 4 5/8 x 3 5/8 of 5 x 4. */
static void test_what_reaches_beyond_the_picture_turns_with_it(void **state)
{
    (void)state;
    static const char *const edges[9] = {"",   "rb", "lb", "lt", "rt",
                                         "rb", "lb", "lt", "rt"}; /* after the turn */
    file f = load("420");
    for (uint8_t orientation = 1; orientation <= 8; orientation++) {
        file t = turned(&f, orientation);
        for (size_t target = 1; target <= 7; target += 6) {
            cen_image image;
            cen_image_options options = cen_image_options_init();
            options.target_height = options.target_width = target;
            assert_int_equal(cen_image_decode(threads(1), t.bytes, t.size, &options, &image, NULL),
                             CEN_OK);
            uint8_t over = target == 1 ? 3 : 4;
            for (size_t i = 0; i < 4; i++)
                assert_int_equal(image.excess[i],
                                 strchr(edges[orientation], "ltrb"[i]) != NULL ? over : 0);
            cen_image_free(&image);
        }
    }
}

static cen_image decode(const uint8_t *bytes, size_t size)
{
    cen_image image;
    cen_error error;
    cen_image_options options = cen_image_options_init();
    if (cen__jpeg_kind.decode(NULL, bytes, size, &options, &image, &error) != CEN_OK)
        fail_msg("%s", error.message);
    return image;
}

/* The file without its JFIF segment's name, and with these names of components. */
static cen_image decode_named(const file *whole, const uint8_t names[3])
{
    file f = *whole;
    size_t frame = find(&f, 0xc0), scan = find(&f, 0xda);
    f.bytes[find(&f, 0xe0) + 3] = 'X';
    for (size_t i = 0; i < 3; i++) {
        f.bytes[frame + 9 + 3 * i] = names[i];
        f.bytes[scan + 4 + 2 * i] = names[i];
    }
    return decode(f.bytes, f.size);
}

/* As in libjpeg, where neither JFIF nor Adobe says more. */
static void test_components_named_rgb_are_those_colours(void **state)
{
    (void)state;
    static const uint8_t names[][3] = {{'R', 'G', 'B'}, {'R', 'G', 3}, {'R', 2, 3}};
    file f = load("420");
    cen_image whole = decode(f.bytes, f.size), rgb = decode_named(&f, names[0]);
    for (size_t i = 0; i < 3 * 37 * 29; i += 3) {
        double red = rgb.pixels[i] + 1.402 * (rgb.pixels[i + 2] - 128);
        assert_true(fabs(whole.pixels[i] - fmin(fmax(red, 0), 255)) <= 1);
    }
    for (size_t i = 1; i < 3; i++) {
        cen_image other = decode_named(&f, names[i]);
        assert_memory_equal(other.pixels, whole.pixels, 3 * 37 * 29);
        cen_image_free(&other);
    }
    cen_image_free(&whole);
    cen_image_free(&rgb);
}

/* 2048 x 1024 in grey, each second block at 128 and the others 200 / 8 above it: a bit for the
 * category of the difference, its 8 bits, and a bit for the end of the block, so four blocks are 5 bytes. */
static void test_a_scan_longer_than_its_buffer_is_read_to_the_end(void **state)
{
    (void)state;
    enum { W = 2048, H = 1024, N_REPEATS = W * H / 64 / 4 };
    static const uint8_t quants[] = {0xff, 0xd8, 0xff, 0xdb, 0, 67, 0};
    static const uint8_t frame[] = {0xff, 0xc0, 0, 11, 8, H >> 8, 0, W >> 8, 0, 1, 1, 0x11, 0};
    static const uint8_t codes[2][22] = {{0xff, 0xc4, 0, 20, 0x00, 1, [21] = 8},
                                         {0xff, 0xc4, 0, 20, 0x10, 1, [21] = 0}};
    static const uint8_t scan[] = {0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0};
    static const uint8_t four[] = {0x64, 0x06, 0xe6, 0x40, 0x6e};
    static uint8_t bytes[200 + 5 * N_REPEATS];
    uint8_t *at = bytes;
#define ADD(part) at = (uint8_t *)memcpy(at, part, sizeof part) + sizeof part
    ADD(quants);
    at = (uint8_t *)memset(at, 1, 64) + 64;
    ADD(frame);
    ADD(codes);
    ADD(scan);
    for (size_t i = 0; i < N_REPEATS; i++) ADD(four);
    *at++ = 0xff;
    *at++ = 0xd9;
    cen_image image = decode(bytes, (size_t)(at - bytes));
    assert_true(image.width == W && image.height == H && image.channels == 1);
    assert_null(image.warning);
    for (size_t i = 0; i < (size_t)W * H; i++) {
        if (image.pixels[i] != (i / 8 % 2 == 0 ? 153 : 128)) fail_msg("pixel %zu", i);
    }
    cen_image unended = decode(bytes, (size_t)(at - bytes) - 2);
    assert_non_null(strstr(unended.warning, "ends early"));
    assert_memory_equal(unended.pixels, image.pixels, (size_t)W * H);
    /* Half as high, so that half of the scan is too much. */
    bytes[sizeof quants + 64 + 5] = H >> 9;
    cen_image half = decode(bytes, (size_t)(at - bytes) - 2);
    assert_int_equal(half.height, H / 2);
    assert_non_null(strstr(half.warning, "ends without an end marker"));
    assert_memory_equal(half.pixels, image.pixels, (size_t)W * H / 2);
    cen_image_free(&half);
    cen_image_free(&unended);
    cen_image_free(&image);
}

/* ---- damage --------------------------------------------------------------------------------- */

static void damage_some(const golden_pair *pair)
{
    size_t hash = cen__crc32(0, pair->first, pair->first_size);
    if (pair->first_size < 1500) decode_all_damaged(pair->first, pair->first_size, 29 + hash % 8);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("jpeg.bin", damage_some);
}

/* Several places at once, in the entropy-coded part for the most. */
static void damage_many_places(const golden_pair *pair)
{
    uint8_t *copy = malloc(pair->first_size);
    assert_non_null(copy);
    for (uint64_t round = 0; round < 12; round++) {
        memcpy(copy, pair->first, pair->first_size);
        for (uint64_t i = 0; i < 1 + round; i++) {
            size_t place = (size_t)cen__random_below(1, round, 2 * i, pair->first_size);
            copy[place] = (uint8_t)cen__random_bits(1, round, 2 * i + 1);
        }
        decode_damaged(copy, pair->first_size - (size_t)cen__random_below(2, round, 0, 20));
    }
    free(copy);
}

static void test_files_damaged_in_many_places_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("jpeg.bin", damage_many_places);
}

static int decode_loaded(void *user)
{
    const file *f = user;
    cen_image image;
    cen_error error;
    cen_image_options options = cen_image_options_init();
    cen_status status = cen__jpeg_kind.decode(NULL, f->bytes, f->size, &options, &image, &error);
    if (status != CEN_OK) {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_int_equal(error.status, CEN_ERROR_MEMORY);
        assert_null(image.pixels);
        return 0;
    }
    cen_image_free(&image);
    return 1;
}

static int read_loaded_size(void *user)
{
    const file *f = user;
    cen_image image;
    cen_status status = cen__jpeg_kind.read_size(NULL, f->bytes, f->size, &image, NULL);
    assert_true(status == CEN_OK || status == CEN_ERROR_MEMORY);
    return status == CEN_OK;
}

static void test_every_failed_allocation_is_told(void **state)
{
    (void)state;
    file f = load("420");
    assert_true(fail_each_allocation(decode_loaded, &f) >= 5);
    assert_int_equal(fail_each_allocation(read_loaded_size, &f), 1);
    f = load("progressive");
    assert_true(fail_each_allocation(decode_loaded, &f) >= 5);
}

/* ---- kernels -------------------------------------------------------------------------------- */

enum { ROW = 300 };

static uint8_t noise(uint64_t stream, uint64_t i)
{
    return (uint8_t)cen__random_bits(7, stream, i);
}

static int clamp(int value)
{
    return value < 0 ? 0 : value > 255 ? 255 : value;
}

static void check_ycc(const cen__image_kernels *kernels)
{
    static const uint8_t lights[] = {0, 1, 90, 128, 200, 255};
    uint8_t y[256], cb[256], cr[256], rgb[3 * 256];
    for (size_t l = 0; l < sizeof lights; l++)
        for (int u = 0; u < 256; u++) {
            for (int v = 0; v < 256; v++) {
                y[v] = lights[l];
                cb[v] = (uint8_t)u;
                cr[v] = (uint8_t)v;
            }
            kernels->ycc_to_rgb(y, cb, cr, 256, rgb);
            for (int v = 0; v < 256; v++) { /* constants times 2^16, as in libjpeg's jdcolor */
                int r = lights[l] + ((91881 * (v - 128) + 32768) >> 16);
                int g = lights[l] + ((-22554 * (u - 128) - 46802 * (v - 128) + 32768) >> 16);
                int b = lights[l] + ((116130 * (u - 128) + 32768) >> 16);
                assert_int_equal(rgb[3 * v], clamp(r));
                assert_int_equal(rgb[3 * v + 1], clamp(g));
                assert_int_equal(rgb[3 * v + 2], clamp(b));
            }
        }
}

static void test_colour_is_libjpegs_fixed_point_for_all_chroma(void **state)
{
    (void)state;
    const cen__image_kernels *list[3];
    size_t n = cen__image_kernels_list(list);
    for (size_t i = 0; i < n; i++) check_ycc(list[i]);
}

/* Column x of the row sums near * 3 + far, or of near * 4, kept within the row. */
static int column_sum(const uint8_t *near, const uint8_t *far, size_t n, ptrdiff_t x)
{
    size_t i = x < 0 ? 0 : (size_t)x < n ? (size_t)x : n - 1;
    return near[i] * 3 + far[i];
}

static void check_upsampling(const cen__image_kernels *kernels, size_t n)
{
    uint8_t near[ROW] = {0}, far[ROW] = {0}, h2[2 * ROW], v2[ROW], h2v2[2 * ROW];
    uint16_t sums[ROW];
    for (size_t i = 0; i < n; i++) {
        near[i] = noise(1, i);
        far[i] = noise(2, i);
    }
    kernels->upsample_h2(near, n, h2);
    kernels->upsample_h2v2(near, far, n, sums, h2v2);
    for (size_t x = 0; x < 2 * n; x++) {
        ptrdiff_t i = (ptrdiff_t)(x / 2), other = x % 2 == 0 ? i - 1 : i + 1;
        int here = column_sum(near, far, n, i), there = column_sum(near, far, n, other);
        assert_int_equal(h2v2[x], (here * 3 + there + (x % 2 == 0 ? 8 : 7)) >> 4);
        size_t j = other < 0 ? 0 : (size_t)other < n ? (size_t)other : n - 1;
        assert_int_equal(h2[x], (near[i] * 3 + near[j] + (x % 2 == 0 ? 1 : 2)) >> 2);
    }
    for (int below = 0; below < 2; below++) {
        kernels->upsample_v2(near, far, below != 0, n, v2);
        for (size_t x = 0; x < n; x++)
            assert_int_equal(v2[x], (near[x] * 3 + far[x] + 1 + below) >> 2);
    }
}

static void test_upsampling_is_the_triangle_filter_at_every_length(void **state)
{
    (void)state;
    const cen__image_kernels *list[3];
    size_t n = cen__image_kernels_list(list);
    for (size_t i = 0; i < n; i++)
        for (size_t length = 3; length < ROW; length += 1 + length / 16)
            check_upsampling(list[i], length);
}

/* Inverse DCT of a block with random coefficients at the places that `used` names. */
static void transform(const cen__image_kernels *kernels, uint64_t used, uint64_t seed,
                      size_t dct_size, uint8_t out[64])
{
    int16_t coefficients[64] = {0};
    cen__jpeg_component component = {0};
    component.dct_size = dct_size;
    for (size_t k = 0; k < 64; k++) {
        component.quant[k] = (uint16_t)(1 + cen__random_below(seed, 1, k, 20));
        if (k == 0 || (used >> k & 1) != 0)
            coefficients[cen__jpeg_natural_order[k]] =
                (int16_t)((int)cen__random_below(seed, 2, k, 81) - 40);
    }
    kernels->coefficients_to_pixels(coefficients, used, &component, out, 8);
}

static void test_every_instruction_set_transforms_to_the_same_pixels(void **state)
{
    (void)state;
    const cen__image_kernels *list[3];
    size_t n = cen__image_kernels_list(list);
    for (uint64_t seed = 0; seed < 400; seed++) {
        uint64_t used = cen__random_bits(seed, 0, 0) & cen__random_bits(seed, 0, 1);
        if (seed % 4 == 0) used &= 0x3ffe; /* the first columns alone */
        used &= ~(uint64_t)1;
        for (size_t dct_size = 1; dct_size <= 8; dct_size *= 2) {
            uint8_t expected[64] = {0};
            transform(list[0], used, seed, dct_size, expected);
            for (size_t i = 1; i < n; i++) {
                uint8_t found[64] = {0};
                transform(list[i], used, seed, dct_size, found);
                assert_memory_equal(found, expected, 64);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_and_scale_gives_the_pixels_of_libjpeg_turbo),
        cmocka_unit_test(test_the_size_is_read_from_the_beginning_alone),
        cmocka_unit_test(test_other_processes_are_refused_by_name),
        cmocka_unit_test(test_frames_that_are_not_read_are_refused),
        cmocka_unit_test(test_damaged_headers_are_refused),
        cmocka_unit_test(test_more_pixels_than_allowed_are_refused),
        cmocka_unit_test(test_endless_scans_are_refused),
        cmocka_unit_test(test_the_target_chooses_the_scale_in_the_final_orientation),
        cmocka_unit_test(test_what_reaches_beyond_the_picture_turns_with_it),
        cmocka_unit_test(test_components_named_rgb_are_those_colours),
        cmocka_unit_test(test_a_scan_longer_than_its_buffer_is_read_to_the_end),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_files_damaged_in_many_places_are_images_or_sentences),
        cmocka_unit_test(test_every_failed_allocation_is_told),
        cmocka_unit_test(test_colour_is_libjpegs_fixed_point_for_all_chroma),
        cmocka_unit_test(test_upsampling_is_the_triangle_filter_at_every_length),
        cmocka_unit_test(test_every_instruction_set_transforms_to_the_same_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
