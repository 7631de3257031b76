/* Damages a file in ways that depend on nothing but its bytes, and decodes it: whatever comes, it is
 * an image or a sentence. Sanitizers see what goes wrong. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_DAMAGE_H
#define TESTS_SUPPORT_DAMAGE_H

#include <stdlib.h>
#include <string.h>

#include <centerloss.h>

static inline void decode_damaged(const uint8_t *bytes, size_t size)
{
    /* A copy of the exact size, so that a sanitizer sees a read beyond it. */
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    cen_image_options options = cen_image_options_init();
    options.max_pixels = 1 << 16;
    cen_image image;
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_image_decode(NULL, copy, size, &options, &image, &error);
    if (status == CEN_OK) {
        assert_non_null(image.pixels);
        assert_true(image.width * image.height <= options.max_pixels);
    } else {
        assert_null(image.pixels);
        assert_int_equal(error.status, status);
        assert_true(strlen(error.message) > 10);
    }
    cen_image_free(&image);
    free(copy);
}

/* Each way to cut it short, each byte set to 0, 255 and with single bits flipped (every step-th). */
static inline void decode_all_damaged(const uint8_t *bytes, size_t size, size_t step)
{
    for (size_t cut = 0; cut < size; cut += step) decode_damaged(bytes, cut);
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    for (size_t i = 0; i < size; i += step) {
        const uint8_t values[] = {0,
                                  255,
                                  (uint8_t)(bytes[i] ^ 1),
                                  (uint8_t)(bytes[i] ^ 4),
                                  (uint8_t)(bytes[i] ^ 128),
                                  (uint8_t)(bytes[i] + 1)};
        for (size_t k = 0; k < sizeof values; k++) {
            copy[i] = values[k];
            decode_damaged(copy, size);
        }
        copy[i] = bytes[i];
    }
    free(copy);
}

#endif
