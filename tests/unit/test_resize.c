/* Resizing against Pillow and torchvision, see tests/golden/resize.py: not one level apart. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss_eval.h>

#include "image/kernels.h"
#include "support/context.h"
#include "support/golden_pairs.h"
#include "support/limited_memory.h"

/* Noise; with contrast only 0 and 255. */
static cen_image make_noise(size_t width, size_t height, int channels, bool contrast)
{
    size_t size = width * height * (size_t)channels;
    cen_image image = {width, height, channels, malloc(size), NULL, {0}};
    assert_non_null(image.pixels);
    for (size_t i = 0; i < size; i++) {
        uint8_t value = (uint8_t)((uint32_t)(i * UINT64_C(2654435761) + 12345) >> 24);
        image.pixels[i] = contrast ? (value > 127 ? 255 : 0) : value;
    }
    return image;
}

static void check_image(const golden_pair *pair, cen_image image)
{
    const size_t *n = pair->numbers;
    cen_image resized;
    cen_error error;
    if (cen_image_resize(threads(1), &image, n[4], n[3],
                         n[5] ? CEN_RESIZE_CROP : CEN_RESIZE_STRETCH, &resized, &error) != CEN_OK) {
        fail_msg("%s: %s", pair->name, error.message);
    }
    assert_int_equal(resized.width, n[3]);
    assert_int_equal(resized.height, n[4]);
    assert_int_equal(resized.channels, n[2]);
    assert_int_equal(n[3] * n[4] * n[2], pair->first_size);
    for (size_t i = 0; i < pair->first_size; i++) {
        if (resized.pixels[i] != pair->first[i]) {
            fail_msg("%s: byte %zu is %d and should be %d", pair->name, i, resized.pixels[i],
                     pair->first[i]);
        }
    }
    for (size_t i = 0; i < 4; i++) assert_int_equal(resized.excess[i], 0);
    cen_image_free(&resized);
    free(image.pixels);
}

static void check(const golden_pair *pair)
{
    const size_t *n = pair->numbers;
    check_image(pair, make_noise(n[0], n[1], (int)n[2], n[6] != 0));
}

static void check_excess(const golden_pair *pair)
{
    const size_t *n = pair->numbers;
    cen_image image = make_noise(n[0], n[1], (int)n[2], false);
    size_t digits = n[6];
    for (size_t i = 4; i-- > 0; digits /= 10) image.excess[i] = (uint8_t)(digits % 10);
    check_image(pair, image);
}

/* See tests/golden/resize_box.py. */
static void test_an_excess_is_left_out_as_pillows_box_does(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("resize_box.bin", check_excess), 18);
}

static void test_an_excess_of_everything_is_refused(void **state)
{
    (void)state;
    uint8_t pixel = 1;
    cen_image image = {1, 1, 1, &pixel, NULL, {4, 0, 4, 0}}, resized;
    cen_error error;
    assert_int_equal(cen_image_resize(threads(1), &image, 1, 1, CEN_RESIZE_CROP, &resized, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "excess"));
    assert_null(resized.pixels);
}

static void test_every_shape_gives_pillows_bytes(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("resize.bin", check), 49);
}

static void test_a_crop_is_cut_out_of_the_whole(void **state)
{
    (void)state;
    cen_image image = make_noise(53, 37, 3, false), whole, crop;
    /* max(20 / 37, 20 / 53) = 20 / 37, which makes 53 columns 28. */
    assert_int_equal(cen_image_resize(threads(1), &image, 20, 28, CEN_RESIZE_STRETCH, &whole, NULL),
                     CEN_OK);
    assert_int_equal(cen_image_resize(threads(1), &image, 20, 20, CEN_RESIZE_CROP, &crop, NULL),
                     CEN_OK);
    for (size_t y = 0; y < 20; y++) {
        assert_memory_equal(crop.pixels + y * 20 * 3, whole.pixels + (y * 28 + 4) * 3, 20 * 3);
    }
    cen_image_free(&whole);
    cen_image_free(&crop);
    free(image.pixels);
}

static void test_the_same_size_is_a_copy(void **state)
{
    (void)state;
    for (int channels = 1; channels <= 4; channels++) {
        cen_image image = make_noise(13, 9, channels, false), copy;
        assert_int_equal(
            cen_image_resize(threads(1), &image, 9, 13, CEN_RESIZE_STRETCH, &copy, NULL), CEN_OK);
        assert_ptr_not_equal(copy.pixels, image.pixels);
        assert_memory_equal(copy.pixels, image.pixels, 13 * 9 * (size_t)channels);
        cen_image_free(&copy);
        free(image.pixels);
    }
}

static void test_a_flat_image_stays_flat(void **state)
{
    (void)state;
    for (int value = 0; value < 256; value += 51) {
        uint8_t pixels[40 * 30];
        memset(pixels, value, sizeof pixels);
        cen_image image = {40, 30, 1, pixels, NULL, {0}}, resized;
        assert_int_equal(
            cen_image_resize(threads(1), &image, 7, 11, CEN_RESIZE_STRETCH, &resized, NULL),
            CEN_OK);
        for (size_t i = 0; i < 77; i++) assert_int_equal(resized.pixels[i], value);
        cen_image_free(&resized);
    }
}

static void test_a_target_without_pixels_is_refused(void **state)
{
    (void)state;
    uint8_t pixel = 1;
    cen_image image = {1, 1, 1, &pixel, NULL, {0}}, resized, none = {0, 0, 0, NULL, NULL, {0}};
    cen_error error;
    assert_int_equal(cen_image_resize(threads(1), &image, 0, 5, CEN_RESIZE_CROP, &resized, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "5 x 0"));
    assert_null(resized.pixels);
    assert_int_equal(cen_image_resize(threads(1), &image, 5, 0, CEN_RESIZE_STRETCH, &resized, NULL),
                     CEN_ERROR_ARGUMENT);
    assert_int_equal(cen_image_resize(threads(1), &none, 5, 5, CEN_RESIZE_CROP, &resized, &error),
                     CEN_ERROR_ARGUMENT);
}

static void test_a_target_beyond_memory_is_refused(void **state)
{
    (void)state;
    uint8_t pixel = 1;
    cen_image image = {1, 1, 1, &pixel, NULL, {0}}, resized;
    cen_error error;
    for (int mode = CEN_RESIZE_CROP; mode <= CEN_RESIZE_STRETCH; mode++) {
        assert_int_equal(cen_image_resize(threads(1), &image, SIZE_MAX, SIZE_MAX / 2,
                                          (cen_resize)mode, &resized, &error),
                         CEN_ERROR_MEMORY);
        assert_null(resized.pixels);
    }
}

typedef struct {
    cen_image image;
    cen_resize mode;
} job;

static int resize_with_little_memory(void *user)
{
    job *j = user;
    cen_image resized;
    cen_error error;
    cen_status status = cen_image_resize(threads(1), &j->image, 20, 16, j->mode, &resized, &error);
    if (status != CEN_OK) {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_null(resized.pixels);
        return 0;
    }
    cen_image_free(&resized);
    return 1;
}

static void test_each_allocation_may_fail(void **state)
{
    (void)state;
    for (int channels = 3; channels <= 4; channels++) {
        job j = {make_noise(30, 50, channels, false), CEN_RESIZE_CROP};
        assert_true(fail_each_allocation(resize_with_little_memory, &j) > 5);
        j.mode = CEN_RESIZE_STRETCH;
        assert_true(fail_each_allocation(resize_with_little_memory, &j) > 5);
        free(j.image.pixels);
    }
}

static void test_instruction_sets_give_the_same_bytes(void **state)
{
    (void)state;
    cen_image noise = make_noise(CEN__RESIZE_LANES, 40, 1, false);
    const cen__image_kernels *list[3];
    const size_t n_sets = cen__image_kernels_list(list);
    for (size_t n = 1; n <= 40; n++) {
        uint32_t weights[40];
        uint8_t plain[CEN__RESIZE_LANES], fast[CEN__RESIZE_LANES];
        /* The last sum is above 255: it is cut. */
        for (size_t t = 0; t < n; t++)
            weights[t] = (uint32_t)((n < 40 ? 1 << 22 : 1 << 23) / n + t);
        list[0]->lane_sums(noise.pixels, CEN__RESIZE_LANES, weights, n, plain);
        for (size_t i = 1; i < n_sets; i++) {
            list[i]->lane_sums(noise.pixels, CEN__RESIZE_LANES, weights, n, fast);
            assert_memory_equal(plain, fast, CEN__RESIZE_LANES);
        }
        for (size_t l = 0; l < CEN__RESIZE_LANES; l++) {
            uint64_t sum = 1 << 21;
            for (size_t t = 0; t < n; t++) {
                sum += (uint64_t)weights[t] * noise.pixels[t * CEN__RESIZE_LANES + l];
            }
            assert_int_equal(plain[l], sum >> 22 > 255 ? 255 : sum >> 22);
        }
    }
    free(noise.pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_shape_gives_pillows_bytes),
        cmocka_unit_test(test_an_excess_is_left_out_as_pillows_box_does),
        cmocka_unit_test(test_an_excess_of_everything_is_refused),
        cmocka_unit_test(test_a_crop_is_cut_out_of_the_whole),
        cmocka_unit_test(test_the_same_size_is_a_copy),
        cmocka_unit_test(test_a_flat_image_stays_flat),
        cmocka_unit_test(test_a_target_without_pixels_is_refused),
        cmocka_unit_test(test_a_target_beyond_memory_is_refused),
        cmocka_unit_test(test_each_allocation_may_fail),
        cmocka_unit_test(test_instruction_sets_give_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
