/* Every JPEG in the folder that CEN_TEST_DATA names gives libjpeg-turbo's pixels or is refused, as
 * tests/golden/jpeg_conformance.tsv has it (its last column explains what is out of the ordinary). */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "image/decoders.h"
#include "image/inflate.h"

typedef struct expectation {
    char path[512], crc[16], remark[256];
    unsigned long width, height;
    int channels;
} expectation;

static const char *data;
static int n_pictures, n_refused, n_undefined, n_missing;

static void check_picture(const expectation *expected, const uint8_t *bytes, size_t size,
                          const cen_image *image)
{
    cen_image head;
    size_t pixels_size = image->width * image->height * (size_t)image->channels;
    if (image->width != expected->width || image->height != expected->height ||
        image->channels != expected->channels ||
        cen__crc32(0, image->pixels, pixels_size) != strtoul(expected->crc, NULL, 16))
        fail_msg("%s: other pixels than libjpeg-turbo's", expected->path);
    /* What is remarked on is cut short or damaged. */
    if (expected->remark[0] != '\0' && image->warning == NULL)
        fail_msg("%s: decoded without a warning (%s)", expected->path, expected->remark);
    assert_int_equal(cen__jpeg_kind.read_size(NULL, bytes, size, &head, NULL), CEN_OK);
    assert_int_equal(head.width, image->width);
    assert_int_equal(head.height, image->height);
    assert_int_equal(head.channels, image->channels);
}

static void check(const expectation *expected)
{
    uint8_t *bytes;
    size_t size;
    cen_image image = {0};
    cen_error error = {CEN_OK, ""};
    cen_image_options options = cen_image_options_init();
    char *path = cen__path_join(NULL, data, expected->path);
    if (cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, &error) != CEN_OK)
        fail_msg("%s", error.message);
    cen_status status = cen__jpeg_kind.decode(NULL, bytes, size, &options, &image, &error);
    if (status != CEN_OK) {
        assert_int_equal(error.status, status);
        assert_true(status == CEN_ERROR_FORMAT || status == CEN_ERROR_UNSUPPORTED ||
                    status == CEN_ERROR_LIMIT);
        assert_true(strlen(error.message) > 10);
        assert_null(image.pixels);
    }
    if (strcmp(expected->crc, "any") == 0) {
        n_undefined++;
    } else if (strcmp(expected->crc, "refused") == 0) {
        if (status == CEN_OK) fail_msg("%s: expected a refusal", expected->path);
        n_refused++;
    } else if (strstr(error.message, "nearly all of the picture is missing") != NULL) {
        /* One file has less than a bit for each block, and is refused before memory is taken. */
        assert_int_equal(strncmp(expected->remark, "cut short", 9), 0);
        n_missing++;
    } else {
        if (status != CEN_OK) fail_msg("%s: %s", expected->path, error.message);
        check_picture(expected, bytes, size, &image);
        n_pictures++;
    }
    cen_image_free(&image);
    cen__free(bytes);
    cen__free(path);
}

static void test_every_file_gives_the_pixels_of_libjpeg_turbo_or_is_refused(void **state)
{
    (void)state;
    char line[1024];
    FILE *file = fopen(CEN_TESTS_FOLDER "/golden/jpeg_conformance.tsv", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        expectation expected = {"", "", "", 0, 0, 0};
        if (line[0] == '#') continue;
        assert_true(sscanf(line, "%511[^\t]\t%lu\t%lu\t%d\t%15[^\t\n]\t%255[^\n]", expected.path,
                           &expected.width, &expected.height, &expected.channels, expected.crc,
                           expected.remark) >= 5);
        check(&expected);
    }
    (void)fclose(file);
    print_message("%d pictures identical, %d files refused, %d without one answer\n", n_pictures,
                  n_refused, n_undefined);
    assert_int_equal(n_missing, 1);
    assert_true(n_pictures > 1500 && n_refused > 300);
}

int main(void)
{
    data = getenv("CEN_TEST_DATA");
    if (data == NULL) {
        puts("CEN_TEST_DATA names no folder of test data: skipped");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_gives_the_pixels_of_libjpeg_turbo_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
