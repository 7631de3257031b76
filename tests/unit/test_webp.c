/* WebP against Pillow's pixels, see tests/golden/webp_files.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss_eval.h>

#include "support/damage.h"
#include "support/golden_pairs.h"
#include "support/tree.h"

static void test_every_feature_as_pillow_reads_it(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("webp.bin", assert_decodes), 151);
}

static void damage(const golden_pair *pair)
{
    size_t step = pair->first_size < 300 ? 1 : 1 + pair->first_size / 40;
    decode_all_damaged(pair->first, pair->first_size, step);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    (void)golden_pairs_each("webp.bin", damage);
}

/* Whatever is missing at the end, Pillow refuses the file. */
static void refuse_cut(const golden_pair *pair)
{
    cen_image image;
    cen_error error;
    if (strcmp(pair->name, "what_follows_a_simple_file") == 0) return;
    for (size_t cut = 1; cut < pair->first_size; cut += 1 + pair->first_size / 20) {
        assert_int_not_equal(
            cen_image_decode(NULL, pair->first, pair->first_size - cut, NULL, &image, &error),
            CEN_OK);
        if (strstr(error.message, "ends at byte") == NULL &&
            strstr(error.message, "cut short") == NULL && strstr(error.message, "no image") == NULL)
            fail_msg("%s without %zu bytes: %s", pair->name, cut, error.message);
    }
}

static void test_files_that_are_cut_short_are_refused(void **state)
{
    (void)state;
    (void)golden_pairs_each("webp.bin", refuse_cut);
}

/* Written with much before and after the picture, so that its beginning does not say all. */
static void read_size_of_a_large_file(const golden_pair *pair)
{
    static uint8_t file[200000];
    const char path[] = "test_webp.tmp";
    cen_image image, header;
    cen_error error;
    const size_t head = 30, more = 70000;
    if (memcmp(pair->first + 12, "VP8X", 4) != 0) return;
    memset(file, 0, sizeof file);
    memcpy(file, pair->first, head);
    size_t at = head;
    for (int i = 0; i < 2; i++) { /* a chunk that nobody knows before the others and after them */
        memcpy(file + at, "much\x70\x11\1\0", 8);
        at += 8 + more;
        if (i == 1) break;
        memcpy(file + at, pair->first + head, pair->first_size - head);
        at += pair->first_size - head;
    }
    size_t riff = at - 8;
    for (int i = 0; i < 4; i++) file[4 + i] = (uint8_t)(riff >> 8 * i);
    tree_write(path, file, at);
    if (cen_image_read(NULL, path, NULL, &image, &error) != CEN_OK) fail_msg("%s", error.message);
    if (cen_image_read_size(NULL, path, &header, &error) != CEN_OK) fail_msg("%s", error.message);
    assert_memory_equal(image.pixels, pair->second, pair->second_size);
    if (header.width != image.width || header.height != image.height ||
        header.channels != image.channels)
        fail_msg("%s: header and picture differ", pair->name);
    cen_image_free(&image);
    (void)remove(path);
}

static void test_size_and_orientation_are_found_in_large_files(void **state)
{
    (void)state;
    (void)golden_pairs_each("webp.bin", read_size_of_a_large_file);
}

/* ---- memory ---------------------------------------------------------------------------------- */

typedef struct {
    size_t n_calls, n_held, fails_at;
} allocator;

static void *allocate(void *user, size_t size)
{
    allocator *a = user;
    if (++a->n_calls == a->fails_at) return NULL;
    a->n_held++;
    return malloc(size);
}

static void release(void *user, void *pointer)
{
    allocator *a = user;
    if (pointer != NULL) a->n_held--;
    free(pointer);
}

static void fail_each_allocation(const golden_pair *pair)
{
    allocator counts = {0};
    cen_context *context;
    cen_context_options options = cen_context_options_init();
    options.n_threads = 1;
    options.allocate = allocate;
    options.release = release;
    options.allocator_user = &counts;
    assert_int_equal(cen_context_create(&context, &options, NULL), CEN_OK);
    const size_t held = counts.n_held;
    cen_status status = CEN_ERROR_MEMORY;
    for (size_t i = 1; status == CEN_ERROR_MEMORY; i++) {
        cen_image image;
        cen_error error;
        counts.n_calls = 0;
        counts.fails_at = i;
        status = cen_image_decode(context, pair->first, pair->first_size, NULL, &image, &error);
        if (status == CEN_ERROR_MEMORY) assert_null(image.pixels);
        if (status == CEN_OK) assert_memory_equal(image.pixels, pair->second, pair->second_size);
        cen_image_free(&image);
        assert_int_equal(counts.n_held, held);
    }
    assert_int_equal(status, CEN_OK);
    counts.fails_at = 0;
    cen_context_free(context);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    (void)golden_pairs_each("webp.bin", fail_each_allocation);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void assert_refused(const char *bytes, size_t size, const char *words)
{
    cen_image image;
    cen_error error;
    assert_int_equal(cen_image_decode(NULL, bytes, size, NULL, &image, &error), CEN_ERROR_FORMAT);
    assert_null(image.pixels);
    if (strstr(error.message, words) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, words);
}

/* A file of one chunk, or of VP8X with flags and a size of 4 x 4, and one chunk. */
static void assert_chunk_refused(int flags, const char *name, const char *data, size_t size,
                                 const char *words)
{
    char file[128] = "RIFF", *chunk = file + 12;
    memcpy(file + 8, "WEBP", 4);
    if (flags >= 0) {
        memcpy(chunk, "VP8X\x0a\0\0\0\0\0\0\0\3\0\0\3\0\0", 18);
        chunk[8] = (char)flags;
        chunk += 18;
    }
    memcpy(chunk, name, 4);
    chunk[4] = (char)size;
    memcpy(chunk + 8, data, size);
    size_t end = (size_t)(chunk - file) + 8 + size + size % 2;
    file[4] = (char)(end - 8);
    assert_refused(file, end, words);
}

static void test_refusals_name_the_place_and_the_reason(void **state)
{
    (void)state;
    assert_refused("RIFF\x04\0\0\0WEBPVP8 ", 16, "ends at byte 16, within the header");
    assert_refused("RIFF\x04\0\0\0WEBPVP8 \0\0\0\0", 20, "an impossible size");
    assert_refused("RIFF\x30\0\0\0WEBPVP8 \0\0\0\0", 20, "cut short at byte 20 of 56");
    assert_refused("RIFF\x0c\0\0\0WEBPVP8 \1\0\0\0", 20, "VP8 at byte 12 is longer");
    assert_chunk_refused(-1, "VP8 ", "\x10\0\0", 3, "VP8 at byte 12 ends within its header");
    assert_chunk_refused(-1, "VP8 ", "\x11\0\0\x9d\1\x2a\4\0\4\0", 10, "holds no key frame");
    assert_chunk_refused(-1, "VP8 ", "\x10\0\0\x9d\1\x2b\4\0\4\0", 10, "does not begin as");
    assert_chunk_refused(-1, "VP8 ", "\0\0\0\x9d\1\x2a\4\0\4\0", 10, "an impossible frame header");
    assert_chunk_refused(-1, "VP8 ", "\xf0\0\0\x9d\1\x2a\4\0\4\0", 10, "VP8 at byte 12");
    assert_chunk_refused(-1, "VP8 ", "\x10\0\0\x9d\1\x2a\0\0\4\0", 10, "0 x 4 pixels");
    assert_chunk_refused(-1, "VP8 ", "\x50\x7f\0\x9d\1\x2a\4\0\4\0", 10, "its first partition");
    assert_chunk_refused(-1, "VP8L", "\x2f\0\0\0\x20", 5, "VP8L at byte 12 does not begin as");
    assert_chunk_refused(-1, "VP8L", "\x2f\0\0\0\0", 5, "damaged before byte 25");
    assert_chunk_refused(-1, "VP8L", "\x2f\0\0\0\0\x2d\0\0\0\0\0\0\0\0\0", 15, "transform twice");
    assert_chunk_refused(-1, "VP8L", "\x2f\0\0\0\0\x02\0\0\0\0\0\0\0\0\0", 15, "colour cache");
    assert_chunk_refused(-1, "ALPH", "\0\0", 2, "ALPH at byte 12 stands before chunk VP8X");
    assert_chunk_refused(-1, "ICCP", "\0\0", 2, "ICCP at byte 12 stands in the place");
    assert_chunk_refused(0, "none", "\0\0", 2, "damaged at byte 40, where a chunk should begin");
    assert_chunk_refused(0, "VP8L", "\x2f\0\0\0\0", 5, "does not fit the size in chunk VP8X");
    assert_chunk_refused(2, "VP8L", "\x2f\0\0\0\0", 5, "stands outside of a frame");
    assert_chunk_refused(16, "ALPH", "\0\0", 2, "a chunk should begin");
}

static void test_the_limit_of_pixels_comes_first(void **state)
{
    (void)state;
    const char file[] = "RIFF\x12\0\0\0WEBPVP8L\5\0\0\0\x2f\xff\xff\xff\x0f";
    cen_image image;
    cen_error error;
    cen_image_options options = cen_image_options_init();
    options.max_pixels = 1000;
    assert_int_equal(cen_image_decode(NULL, file, 26, &options, &image, &error), CEN_ERROR_LIMIT);
    assert_non_null(strstr(error.message, "16384 x 16384 pixels"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_feature_as_pillow_reads_it),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
        cmocka_unit_test(test_files_that_are_cut_short_are_refused),
        cmocka_unit_test(test_size_and_orientation_are_found_in_large_files),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_refusals_name_the_place_and_the_reason),
        cmocka_unit_test(test_the_limit_of_pixels_comes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
