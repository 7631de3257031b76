/* Every BMP, PNM and GIF file in the folder that CEN_TEST_DATA names gives Pillow's pixels, see
 * tests/golden/image_conformance.py, or is refused as Pillow refuses it. */
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
#include "base/memory.h"
#include "support/damage.h"

static const char *data;

static uint32_t crc32_of(const uint8_t *bytes, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

/* rest: of the line, behind the path. */
static void check(const char *path, const char *rest)
{
    unsigned long width, height, crc;
    int channels;
    cen_image_options options = cen_image_options_init();
    cen_image image;
    cen_error error;
    if (sscanf(rest, "%lu %lu %d %lu", &width, &height, &channels, &crc) != 4) {
        cen_status status = cen_image_read(NULL, path, NULL, &image, &error);
        if (status != CEN_ERROR_FORMAT && status != CEN_ERROR_UNSUPPORTED) {
            fail_msg("%s is not refused but %s", path, cen_status_name(status));
        }
        assert_non_null(strstr(error.message, path));
        return;
    }
    options.channels = channels;
    if (cen_image_read(NULL, path, &options, &image, &error) != CEN_OK)
        fail_msg("%s", error.message);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    if (crc32_of(image.pixels, width * height * (size_t)channels) != crc) {
        fail_msg("%s: other pixels than Pillow's", path);
    }
    cen_image_free(&image);
    assert_int_equal(cen_image_read_size(NULL, path, &image, &error), CEN_OK);
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
}

static void each_file(void (*visit)(const char *path, const char *rest))
{
    char line[512], path[1024], name[512];
    (void)snprintf(path, sizeof path, "%s/golden/image_conformance.txt", CEN_TESTS_FOLDER);
    FILE *list = fopen(path, "r");
    assert_non_null(list);
    size_t n = 0;
    while (fgets(line, sizeof line, list) != NULL) {
        int used = 0;
        assert_int_equal(sscanf(line, "%511s %n", name, &used), 1);
        (void)snprintf(path, sizeof path, "%s/%s", data, name);
        visit(path, line + used);
        n++;
    }
    (void)fclose(list);
    assert_true(n > 600);
}

static void test_every_file_as_pillow_reads_it(void **state)
{
    (void)state;
    each_file(check);
}

static void damage(const char *path, const char *rest)
{
    (void)rest;
    uint8_t *bytes;
    size_t size;
    if (strstr(path, "att_faces") != NULL) return;
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    if (size < 10000) decode_all_damaged(bytes, size, 1 + size / 60);
    cen__free(bytes);
}

static void test_damaged_files_are_images_or_sentences(void **state)
{
    (void)state;
    each_file(damage);
}

int main(void)
{
    data = getenv("CEN_TEST_DATA");
    if (data == NULL) {
        puts("skipped: CEN_TEST_DATA does not name the folder of test images");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_as_pillow_reads_it),
        cmocka_unit_test(test_damaged_files_are_images_or_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
