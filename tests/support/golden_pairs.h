/* Reads the cases that tests/golden/image_cases.py writes: a line "NAME N NUMBER... SIZE SIZE", then
 * two runs of bytes. Include after cmocka.h; what goes wrong fails the test. */
#ifndef TESTS_SUPPORT_GOLDEN_PAIRS_H
#define TESTS_SUPPORT_GOLDEN_PAIRS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <centerloss.h>

typedef struct golden_pair {
    char name[64];
    size_t numbers[8];
    uint8_t *first,
        *second; /* malloc'ed to their exact size, so that a sanitizer sees an overrun */
    size_t first_size, second_size;
} golden_pair;

static inline uint8_t *golden_bytes(FILE *file, size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, file), size);
    return bytes;
}

static inline bool golden_pair_read(FILE *file, golden_pair *pair)
{
    size_t n;
    if (fscanf(file, " %63s %zu", pair->name, &n) != 2) return false;
    assert_true(n <= 8);
    for (size_t i = 0; i < n; i++) assert_int_equal(fscanf(file, "%zu", &pair->numbers[i]), 1);
    assert_int_equal(fscanf(file, "%zu %zu", &pair->first_size, &pair->second_size), 2);
    assert_int_equal(fgetc(file), '\n');
    pair->first = golden_bytes(file, pair->first_size);
    pair->second = golden_bytes(file, pair->second_size);
    return true;
}

/* Calls check with every case of tests/golden/<name>, and says how many there were. */
static inline size_t golden_pairs_each(const char *name, void (*check)(const golden_pair *pair))
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/golden/%s", CEN_TESTS_FOLDER, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    golden_pair pair;
    size_t n = 0;
    for (; golden_pair_read(file, &pair); n++) {
        check(&pair);
        free(pair.first);
        free(pair.second);
    }
    (void)fclose(file);
    return n;
}

/* For cases of width, height, channels, a file and its pixels. */
static inline void assert_decodes(const golden_pair *pair)
{
    cen_image image;
    cen_error error;
    if (cen_image_decode(NULL, pair->first, pair->first_size, NULL, &image, &error) != CEN_OK) {
        fail_msg("%s: %s", pair->name, error.message);
    }
    if (image.width != pair->numbers[0] || image.height != pair->numbers[1] ||
        (size_t)image.channels != pair->numbers[2]) {
        fail_msg("%s is %zu x %zu x %d", pair->name, image.width, image.height, image.channels);
    }
    for (size_t i = 0; i < pair->second_size; i++) {
        if (image.pixels[i] != pair->second[i]) {
            fail_msg("%s: byte %zu is %d and should be %d", pair->name, i, image.pixels[i],
                     pair->second[i]);
        }
    }
    cen_image_free(&image);
}

#endif
