/* The quality of a picture: against OpenCV and numpy, and at its edges. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "golden/quality.h"

#define ASSERT_NEAR(a, b, most) assert_true(fabs((a) - (b)) <= (most))

static cen_quality quality_of(const uint8_t *pixels, size_t width, size_t height, int channels)
{
    uint8_t copy[4096];
    cen_quality quality;
    memcpy(copy, pixels, width * height * (size_t)channels);
    const cen_image image = {width, height, channels, copy, NULL, {0}};
    cen_image_quality(&image, &quality);
    return quality;
}

static void it_is_that_of_opencv_and_numpy(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof quality_cases / sizeof *quality_cases; i++) {
        const cen_quality *expected = &quality_cases[i].quality;
        const cen_quality got = quality_of(quality_cases[i].pixels, quality_cases[i].width,
                                           quality_cases[i].height, quality_cases[i].channels);
        ASSERT_NEAR(got.sharpness, expected->sharpness, 1e-9);
        ASSERT_NEAR(got.brightness, expected->brightness, 1e-9);
        ASSERT_NEAR(got.contrast, expected->contrast, 1e-9);
    }
}

static void a_picture_without_an_edge_has_no_sharpness(void **state)
{
    (void)state;
    uint8_t pixels[64];
    memset(pixels, 51, sizeof pixels);
    const cen_quality flat = quality_of(pixels, 8, 8, 1);
    assert_true(flat.sharpness == 0);
    ASSERT_NEAR(flat.brightness, 0.2, 1e-12);
    ASSERT_NEAR(flat.contrast, 0, 1e-7);
    pixels[3 * 8 + 3] = 200;
    assert_true(quality_of(pixels, 2, 8, 1).sharpness == 0);
    assert_true(quality_of(pixels, 8, 2, 1).sharpness == 0);
    assert_true(quality_of(pixels, 1, 1, 1).sharpness == 0);
    assert_true(quality_of(pixels, 8, 8, 1).sharpness > 1); /* a dot */
}

static void contrast_and_light_do_not_change_sharpness(void **state)
{
    (void)state;
    uint8_t pixels[100], less[100];
    for (size_t i = 0; i < 100; i++) {
        pixels[i] = (uint8_t)(i * 37 % 101);
        less[i] = (uint8_t)(2 * pixels[i] + 50);
    }
    const cen_quality a = quality_of(pixels, 10, 10, 1), b = quality_of(less, 10, 10, 1);
    ASSERT_NEAR(a.sharpness, b.sharpness, 1e-9);
    ASSERT_NEAR(2 * a.contrast, b.contrast, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_that_of_opencv_and_numpy),
        cmocka_unit_test(a_picture_without_an_edge_has_no_sharpness),
        cmocka_unit_test(contrast_and_light_do_not_change_sharpness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
