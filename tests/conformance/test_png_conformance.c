/* Every PNG in the folder that CEN_TEST_DATA names gives libpng's pixels or is refused, as
 * tests/golden/png_conformance.tsv has it (where Pillow differs, its last column says why). */
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
    char path[512], crc[16];
    unsigned long width, height;
    int channels;
} expectation;

static const char *data;

/* Grey becomes three equal channels, and what has no alpha is opaque. */
static uint32_t crc_as_rgba(const cen_image *image)
{
    uint32_t crc = 0;
    const uint8_t *from = image->pixels;
    for (size_t i = 0; i < image->width * image->height; i++, from += image->channels) {
        bool is_grey = image->channels < 3, has_alpha = image->channels % 2 == 0;
        uint8_t rgba[4] = {from[0], from[is_grey ? 0 : 1], from[is_grey ? 0 : 2],
                           has_alpha ? from[image->channels - 1] : 255};
        crc = cen__crc32(crc, rgba, 4);
    }
    return crc;
}

static void check_picture(const expectation *expected, const uint8_t *bytes, size_t size,
                          const cen_image *image)
{
    cen_image head;
    assert_int_equal(image->width, expected->width);
    assert_int_equal(image->height, expected->height);
    assert_int_equal(image->channels, expected->channels);
    assert_int_equal(crc_as_rgba(image), strtoul(expected->crc, NULL, 16));
    assert_int_equal(cen__png_kind.read_size(NULL, bytes, size, &head, NULL), CEN_OK);
    assert_int_equal(head.width, image->width);
    assert_int_equal(head.height, image->height);
    assert_int_equal(head.channels, image->channels);
}

/* Returns whether the file was refused, as it had to be then. */
static bool check(const expectation *expected)
{
    uint8_t *bytes;
    size_t size;
    cen_image image = {0};
    cen_error error = {CEN_OK, ""};
    cen_image_options options = cen_image_options_init();
    char *path = cen__path_join(NULL, data, expected->path);
    if (cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, &error) != CEN_OK)
        fail_msg("%s", error.message);
    cen_status status = cen__png_kind.decode(NULL, bytes, size, &options, &image, &error);
    bool is_refused = strcmp(expected->crc, "refused") == 0;
    if ((status != CEN_OK) != is_refused)
        fail_msg("%s: expected %s, found %s", expected->path, expected->crc,
                 status == CEN_OK ? "a picture" : error.message);
    if (is_refused) {
        assert_int_equal(error.status, status);
        assert_true(status == CEN_ERROR_FORMAT || status == CEN_ERROR_UNSUPPORTED ||
                    status == CEN_ERROR_LIMIT);
        assert_true(strlen(error.message) > 10);
        assert_null(image.pixels);
    } else {
        check_picture(expected, bytes, size, &image);
        cen_image_free(&image);
    }
    cen__free(bytes);
    cen__free(path);
    return is_refused;
}

static void test_every_file_gives_the_pixels_of_libpng_or_is_refused(void **state)
{
    (void)state;
    char line[1024];
    int n_pictures = 0, n_refused = 0;
    FILE *file = fopen(CEN_TESTS_FOLDER "/golden/png_conformance.tsv", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        expectation expected;
        if (line[0] == '#') continue;
        assert_int_equal(sscanf(line, "%511[^\t]\t%lu\t%lu\t%d\t%15[^\t]", expected.path,
                                &expected.width, &expected.height, &expected.channels,
                                expected.crc),
                         5);
        if (check(&expected))
            n_refused++;
        else
            n_pictures++;
    }
    fclose(file);
    print_message("%d pictures identical, %d files refused\n", n_pictures, n_refused);
    assert_true(n_pictures > 1000 && n_refused > 300);
}

int main(void)
{
    data = getenv("CEN_TEST_DATA");
    if (data == NULL) {
        puts("CEN_TEST_DATA names no folder of test data: skipped");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_file_gives_the_pixels_of_libpng_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
