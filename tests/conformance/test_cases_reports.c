/* Every picture of cases_reports in the folder that CEN_TEST_DATA names gives Pillow's pixels as L, RGB
 * and RGBA, turned as Pillow's exif_transpose turns it, see tests/golden/cases_reports.py; what differs
 * is in the table below, with its reason. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss.h>

#include "image/inflate.h"

static const struct {
    const char *name, *words, *reason; /* words: of the error, or NULL for a picture */
} differences[] = {
    {"arith.jpg", "arithmetic-coded JPEG is not supported", "a kind that is not read"},
    {"crc_iend.png", "IEND at byte 182 is damaged", "libpng refuses it, too"},
    {"noeoi.jpg", NULL, "a cut JPEG is read with a warning"},
    {"trunc60.jpg", NULL, "a cut JPEG is read with a warning"},
    {"p5_16.pgm", NULL, "scaled to 255 and rounded, as Pillow does with PPM of 16 bits"},
};

static const char *data;
static size_t n_same, n_refused, n_different;

static void check(const char *name, const char *rest)
{
    char path[1024], mode[8];
    unsigned long width, height, crc;
    cen_image image;
    cen_error error = {CEN_OK, ""};
    cen_image_options options = cen_image_options_init();
    bool refused = sscanf(rest, "%7s %lu %lu %lu", mode, &width, &height, &crc) != 4;
    options.channels = refused ? 0 : (int)strlen(mode); /* L, RGB, RGBA */
    (void)snprintf(path, sizeof path, "%s/%s", data, name);
    cen_status status = cen_image_read(NULL, path, &options, &image, &error);
    bool same =
        refused ? status != CEN_OK
                : status == CEN_OK && image.width == width && image.height == height &&
                      cen__crc32(0, image.pixels, width * height * (size_t)options.channels) == crc;
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        const char *words = differences[i].words;
        if (strstr(name, differences[i].name) == NULL) continue;
        if (words != NULL ? strstr(error.message, words) == NULL : status != CEN_OK)
            fail_msg("%s: %s", name, status == CEN_OK ? "read" : error.message);
        if (same) fail_msg("%s is as Pillow has it", name);
        n_different++;
        cen_image_free(&image);
        return;
    }
    if (!same) fail_msg("%s %s: %s", name, rest, status == CEN_OK ? "other pixels" : error.message);
    n_same += same && !refused;
    n_refused += refused;
    cen_image_free(&image);
}

static void test_every_picture_as_pillow_has_it(void **state)
{
    (void)state;
    char line[512], name[512];
    FILE *list = fopen(CEN_TESTS_FOLDER "/golden/cases_reports.txt", "r");
    assert_non_null(list);
    while (fgets(line, sizeof line, list) != NULL) {
        int used = 0;
        assert_int_equal(sscanf(line, "%511s %n", name, &used), 1);
        check(name, line + used);
    }
    (void)fclose(list);
    print_message("%u same, %u refused, %u differences\n", (unsigned)n_same, (unsigned)n_refused,
                  (unsigned)n_different);
    assert_true(n_same > 380 && n_refused == 3 && n_different == 11);
}

int main(void)
{
    data = getenv("CEN_TEST_DATA");
    if (data == NULL) {
        puts("skipped: CEN_TEST_DATA does not name the folder of test images");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_picture_as_pillow_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
