/* From files to normalised batches: pixels, cache, threads, what breaks on the way. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include <centerloss_eval.h>

#include "support/datasets.h"
#include "support/context.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#define ROOT "test_load.tmp"
#define GOLDEN CEN_TESTS_FOLDER "/golden/load"

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

static cen_folder *open_at(const char *path, double share, int n_threads)
{
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = share;
    cen_folder *folder;
    cen_error error;
    if (cen_folder_open(threads(n_threads), &folder, &path, 1, &options, &error) != CEN_OK)
        fail_msg("%s", error.message);
    return folder;
}

static void load(cen_folder *folder, const cen_input *input, size_t cache_bytes)
{
    cen_error error;
    if (cen_folder_load(folder, input, cache_bytes, NULL, NULL, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
}

static cen_input input_of(size_t channels, size_t height, size_t width, cen_resize resize)
{
    return (cen_input){channels, height, width, resize, {0, 0, 0}, {1, 1, 1}};
}

/* A PGM with noise in it, of which no two are alike. */
static void write_noise(const char *path, size_t width, size_t height)
{
    static uint32_t state = 1;
    uint8_t bytes[4096];
    int header = snprintf((char *)bytes, sizeof bytes, "P5\n%zu %zu\n255\n", width, height);
    size_t size = (size_t)header + width * height;
    assert_true(size <= sizeof bytes);
    for (size_t i = (size_t)header; i < size; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(state >> 24);
    }
    tree_write(path, bytes, size);
}

static void write_noisy_classes(int n)
{
    for (int i = 0; i < 2 * n; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, ROOT "/%c/%03d.pgm", 'a' + i % 2, i);
        write_noise(path, 12 + (size_t)i % 5, 9 + (size_t)i % 7);
    }
}

/* The float32 numbers that load.py wrote. */
static float *read_golden(size_t *n)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, GOLDEN "/numbers.bin", SIZE_MAX, &bytes, &size, NULL),
                     CEN_OK);
    *n = size / 4;
    float *numbers = cen__alloc(NULL, *n, sizeof *numbers);
    for (size_t i = 0; i < *n; i++) {
        const uint8_t *b = bytes + 4 * i;
        uint32_t bits = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        memcpy(&numbers[i], &bits, 4);
    }
    cen__free(bytes);
    return numbers;
}

static void batches_equal_pillow_and_torchvision(void **state)
{
    (void)state;
    const float mean[3] = {0.485f, 0.456f, 0.406f}, std[3] = {0.229f, 0.224f, 0.225f};
    cen_input inputs[3] = {input_of(3, 12, 10, CEN_RESIZE_CROP),
                           input_of(1, 9, 11, CEN_RESIZE_STRETCH),
                           input_of(3, 23, 17, CEN_RESIZE_CROP)};
    const size_t n_images[3] = {2, 2, 1}, indices[2] = {0, 1};
    size_t n_golden, offset = 0;
    float *golden = read_golden(&n_golden);
    cen_folder *folder = open_at(GOLDEN, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        cen_input *input = &inputs[i];
        memcpy(input->mean, mean, sizeof mean);
        memcpy(input->std, std, sizeof std);
        load(folder, input, i == 1 ? 0 : 1 << 20);
        size_t n = n_images[i] * input->channels * input->height * input->width;
        float x[1200];
        int32_t labels[2];
        assert_true(n <= 1200 && offset + n <= n_golden);
        assert_int_equal(folder_read(folder, input, indices, n_images[i], x, labels, NULL), 0);
        assert_memory_equal(x, golden + offset, n * sizeof x[0]);
        assert_int_equal(labels[0], 0);
        if (n_images[i] > 1) assert_int_equal(labels[1], 1);
        offset += n;
    }
    assert_int_equal(offset, n_golden);
    cen_folder_free(folder);
    cen__free(golden);
}

static void neither_cache_nor_threads_change_a_bit(void **state)
{
    (void)state;
    enum { N = 90, SIZE = 3 * 8 * 7 };
    write_noisy_classes(N / 2);
    const cen_input input = {3, 8, 7, CEN_RESIZE_CROP, {0.5f, 0.4f, 0.3f}, {0.2f, 0.3f, 0.4f}};
    const size_t caches[] = {(size_t)1 << 30, 0, SIZE, 10 * SIZE + 1};
    static float want[N * SIZE], got[N * SIZE];
    size_t indices[N];
    float mean[2][3], std[2][3];
    for (size_t i = 0; i < N; i++) indices[i] = (i * 37) % N;
    for (size_t i = 0; i < 8; i++) {
        cen_folder *folder = open_at(ROOT, 0.2, i < 4 ? 1 : 3);
        float *x = i == 0 ? want : got;
        size_t which = i > 0;
        load(folder, &input, caches[i % 4]);
        assert_int_equal(folder_read(folder, &input, indices, N, x, NULL, NULL), CEN_OK);
        folder_measure(folder, mean[which], std[which]);
        cen_folder_free(folder);
        assert_memory_equal(x, want, sizeof want);
        assert_memory_equal(mean[which], mean[0], sizeof mean[0]);
        assert_memory_equal(std[which], std[0], sizeof std[0]);
    }
}

static void mean_and_std_are_those_of_the_training_images(void **state)
{
    (void)state;
    const uint8_t two[] = "P6\n2 1\n255\n\x0a\xff\x07\x14\x00\x07"; /* 10 255 7, 20 0 7 */
    tree_write(ROOT "/train/a/0.ppm", two, sizeof two - 1);
    tree_write(ROOT "/train/b/0.ppm", two, sizeof two - 1);
    tree_grey(ROOT "/val/b/0.pgm", 2, 1, 200);
    cen_folder *folder = open_at(ROOT, 0, 0);
    float mean[CEN_MAX_CHANNELS], std[CEN_MAX_CHANNELS];
    assert_null(cen_folder_dataset(folder)); /* not loaded yet */
    assert_int_equal(cen_dataset_measure(NULL, cen_folder_dataset(folder), mean, std, NULL),
                     CEN_ERROR_ARGUMENT);
    cen_input input = input_of(3, 1, 2, CEN_RESIZE_CROP);
    load(folder, &input, 1000);
    folder_measure(folder, mean, std);
    assert_true(fabs(mean[0] - 15 / 255.0) < 1e-8 && fabs(std[0] - 5 / 255.0) < 1e-8);
    assert_true(fabs(mean[1] - 0.5) < 1e-7 && fabs(std[1] - 0.5) < 1e-7);
    assert_true(fabs(mean[2] - 7 / 255.0) < 1e-8 && std[2] == 1);
    input.channels = 1;
    load(folder, &input, 1000); /* a second load forgets the first */
    folder_measure(folder, mean, std);
    assert_true(mean[0] > 0.1f && std[0] < 1);
    cen_folder_free(folder);
}

static void fashion_measures_as_numpy_says(void **state)
{
    (void)state;
    cen_folder *folder = open_at(CEN_SOURCE_FOLDER "/data/fashion", 0.1, 0);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 10);
    assert_int_equal(info->n_images, 1200);
    assert_int_equal(info->n_skipped + info->n_passed_over, 0);
    assert_true(info->has_own_split);
    cen_input input = input_of(1, 28, 28, CEN_RESIZE_CROP);
    load(folder, &input, 0);
    float mean[CEN_MAX_CHANNELS], std[CEN_MAX_CHANNELS];
    folder_measure(folder, mean, std);
    assert_true(fabs(mean[0] - 0.2873222038815526) < 3e-8); /* of the 1,000 training images */
    assert_true(fabs(std[0] - 0.3552346301705248) < 3e-8);
    cen_folder_free(folder);
}

static void what_breaks_while_loading_is_skipped(void **state)
{
    (void)state;
    write_noisy_classes(40);
    tree_text(ROOT "/a/000.pgm", "P5\n9 9\n255\nends early");
    tree_text(ROOT "/b/041.pgm", "P5\n9 9\n255\nends early");
    cen_folder *folder = open_at(ROOT, 0, 0);
    assert_int_equal(cen_folder_get(folder)->n_images, 80);
    cen_input input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    load(folder, &input, 50 * 9 * 12);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 78);
    assert_int_equal(info->n_skipped, 2);
    assert_string_equal(info->skipped[0].path, ROOT "/a/000.pgm");
    assert_string_equal(info->skipped[1].path, ROOT "/b/041.pgm");
    assert_string_equal(info->images[0].path, ROOT "/a/002.pgm");
    assert_string_equal(info->images[77].path, ROOT "/b/079.pgm");

    /* The 51st is not cached, the first is; both are what their files say. */
    const size_t indices[] = {0, 77};
    float x[2 * 9 * 12], alone[9 * 12];
    int32_t labels[2];
    assert_int_equal(folder_read(folder, &input, indices, 2, x, labels, NULL), CEN_OK);
    assert_int_equal(labels[0], 0);
    assert_int_equal(labels[1], 1);
    for (size_t i = 0; i < 2; i++) {
        cen_image image, resized;
        cen_image_options options = cen_image_options_init();
        assert_int_equal(
            cen_image_read(threads(1), info->images[indices[i]].path, &options, &image, NULL), 0);
        assert_int_equal(
            cen_image_resize(threads(1), &image, 9, 12, CEN_RESIZE_CROP, &resized, NULL), CEN_OK);
        for (size_t p = 0; p < 9 * 12; p++) alone[p] = (float)resized.pixels[p] / 255.0f;
        assert_memory_equal(x + i * 9 * 12, alone, sizeof alone);
        cen_image_free(&image);
        cen_image_free(&resized);
    }
    cen_folder_free(folder);
}

static void strict_refuses_what_breaks_while_loading(void **state)
{
    (void)state;
    write_noisy_classes(3);
    tree_text(ROOT "/b/001.pgm", "P5\n9 9\n255\nends early");
    const char *path = ROOT;
    cen_folder_options options = cen_folder_options_init();
    options.strict = true;
    cen_folder *folder;
    assert_int_equal(cen_folder_open(threads(1), &folder, &path, 1, &options, NULL), CEN_OK);
    cen_error error;
    cen_input input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, &error), CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, ROOT "/b/001.pgm: "));
    assert_int_equal(cen_folder_get(folder)->n_images, 6);
    cen_folder_free(folder);
}

/* A PNG that lacks its last chunk, IEND. */
static void write_without_end(const char *path)
{
    uint8_t pixels[9 * 12] = {0}, *bytes;
    size_t size;
    const cen_image image = {12, 9, 1, pixels, NULL, {0}};
    assert_int_equal(cen_image_write_png(NULL, &image, path, NULL), CEN_OK);
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    tree_write(path, bytes, size - 12);
    cen__free(bytes);
}

static void a_damaged_image_is_used_and_listed_or_strictly_refused(void **state)
{
    (void)state;
    const char *path = ROOT;
    cen_folder_options options = cen_folder_options_init();
    cen_input input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    write_noisy_classes(3);
    write_without_end(ROOT "/a/9.png");
    cen_folder *folder = open_at(ROOT, 0, 0);
    load(folder, &input, 1 << 16);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 7);
    assert_int_equal(info->n_skipped, 0);
    assert_int_equal(info->n_damaged, 1);
    assert_string_equal(info->damaged[0].path, ROOT "/a/9.png");
    assert_non_null(strstr(info->damaged[0].reason, "ends early"));
    cen_folder_free(folder);

    cen_error error;
    options.strict = true;
    assert_int_equal(cen_folder_open(threads(1), &folder, &path, 1, &options, NULL), CEN_OK);
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, &error), CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, ROOT "/a/9.png: "));
    assert_non_null(strstr(error.message, "ends early"));
    cen_folder_free(folder);
}

static void a_class_that_breaks_altogether_is_refused(void **state)
{
    (void)state;
    write_noisy_classes(1);
    tree_text(ROOT "/b/001.pgm", "P5\n9 9\n255\nends early");
    cen_folder *folder = open_at(ROOT, 0, 0);
    cen_error error;
    cen_input input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, ROOT
                           "/b: no image of class \"b\" can be used for training; 1 was skipped "
                           "(1 .pgm), as 001.pgm: "));
    assert_non_null(strstr(error.message, "; or leave such classes out by --allow-empty"));
    cen_folder_free(folder);
}

/* Values of 16 bits of which a byte keeps nothing. */
static void pictures_of_one_level_are_refused_by_name(void **state)
{
    (void)state;
    cen_input input = input_of(3, 2, 2, CEN_RESIZE_CROP);
    for (int brighter = 0; brighter < 2; brighter++) {
        cen_error error;
        tree_text(ROOT "/a/000.pgm", "P2 2 2 65535 10 20 30 40");
        tree_text(ROOT "/b/000.pgm", brighter ? "P2 2 2 65535 0 0 0 256" : "P2 2 2 65535 1 2 3 4");
        cen_folder *folder = open_at(ROOT, 0, 0);
        cen_status status = cen_folder_load(folder, &input, 0, NULL, NULL, &error);
        assert_int_equal(status, brighter ? CEN_OK : CEN_ERROR_ARGUMENT);
        if (!brighter) {
            assert_non_null(strstr(
                error.message,
                ROOT "/a/000.pgm and all other pictures have the same level in every pixel (0 of"));
            assert_non_null(strstr(error.message, "multiply these until they fill the range"));
        }
        cen_folder_free(folder);
    }
}

static void max_pixels_holds_while_loading(void **state)
{
    (void)state;
    write_noisy_classes(2);
    write_noise(ROOT "/a/large.pgm", 60, 60);
    const char *path = ROOT;
    cen_folder_options options = cen_folder_options_init();
    options.max_pixels = 1000;
    cen_folder *folder;
    assert_int_equal(cen_folder_open(threads(1), &folder, &path, 1, &options, NULL), CEN_OK);
    cen_input input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    load(folder, &input, 0);
    assert_int_equal(cen_folder_get(folder)->n_skipped, 1);
    assert_string_equal(cen_folder_get(folder)->skipped[0].path, ROOT "/a/large.pgm");
    assert_non_null(strstr(cen_folder_get(folder)->skipped[0].reason, "1000"));
    cen_folder_free(folder);
}

typedef struct {
    size_t calls, done, stop_at;
} progress_log;

static int log_progress(void *user, size_t done, size_t total)
{
    progress_log *log = user;
    assert_true(done > log->done && done <= total);
    assert_int_equal(total, 200);
    log->calls++;
    log->done = done;
    return log->stop_at > 0 && done >= log->stop_at;
}

static void progress_counts_and_can_stop(void **state)
{
    (void)state;
    write_noisy_classes(100);
    tree_text(ROOT "/a/000.pgm", "P5\n9 9\n255\nends early");
    cen_folder *folder = open_at(ROOT, 0, 2);
    cen_input input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    progress_log log = {0, 0, 1};
    cen_error error;
    size_t index = 0;
    float x[9 * 12];
    assert_int_equal(cen_folder_load(folder, &input, 1 << 20, log_progress, &log, &error),
                     CEN_ERROR_STOPPED);
    assert_int_equal(log.calls, 1);
    assert_int_equal(folder_read(folder, &input, &index, 1, x, NULL, NULL), CEN_ERROR_ARGUMENT);

    /* What was seen stays seen, and nothing is lost. */
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 199);
    assert_int_equal(info->n_skipped, 1);
    assert_string_equal(info->images[0].path, ROOT "/a/002.pgm");
    assert_string_equal(info->images[198].path, ROOT "/b/199.pgm");
    load(folder, &input, 1 << 20);
    assert_int_equal(cen_folder_get(folder)->n_images, 199);
    cen_folder_free(folder);

    write_noise(ROOT "/a/000.pgm", 9, 9);
    folder = open_at(ROOT, 0, 2);
    log = (progress_log){0, 0, 0};
    assert_int_equal(cen_folder_load(folder, &input, 0, log_progress, &log, NULL), CEN_OK);
    assert_true(log.calls > 1);
    assert_int_equal(log.done, 200);
    cen_folder_free(folder);
}

static void a_file_that_changed_is_named(void **state)
{
    (void)state;
    write_noisy_classes(3);
    cen_folder *folder = open_at(ROOT, 0, 0);
    cen_input input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    load(folder, &input, 9 * 12);
    tree_remove(ROOT "/b/001.pgm");
    tree_text(ROOT "/b/003.pgm", "nothing");
    const size_t indices[] = {0, 1, 3, 4};
    static float x[4 * 9 * 12];
    cen_error error;
    assert_int_equal(folder_read(folder, &input, indices, 4, x, NULL, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, ROOT "/b/001.pgm: "));
    assert_int_equal(folder_read(folder, &input, indices + 3, 1, x, NULL, &error),
                     CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, ROOT "/b/003.pgm: "));
    assert_int_equal(folder_read(folder, &input, indices, 2, x, NULL, &error), CEN_OK);
    cen_folder_free(folder);
}

static void senseless_inputs_and_indices_are_refused(void **state)
{
    (void)state;
    write_noisy_classes(2);
    cen_folder *folder = open_at(ROOT, 0, 0);
    const cen_input bad[] = {
        input_of(2, 9, 12, CEN_RESIZE_CROP), input_of(0, 9, 12, CEN_RESIZE_CROP),
        input_of(1, 0, 12, CEN_RESIZE_CROP), input_of(3, 9, 0, CEN_RESIZE_CROP)};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(cen_folder_load(folder, &bad[i], 0, NULL, NULL, NULL), CEN_ERROR_ARGUMENT);
    }
    cen_input input = input_of(1, SIZE_MAX / 2, 3, CEN_RESIZE_CROP);
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, NULL), CEN_ERROR_LIMIT);
    input = input_of(1, 9, 12, CEN_RESIZE_CROP);
    load(folder, &input, 0);
    float x[9 * 12];
    size_t index = 4;
    assert_int_equal(folder_read(folder, &input, &index, 1, x, NULL, NULL), CEN_ERROR_ARGUMENT);
    index = 0;
    assert_int_equal(folder_read(folder, &input, &index, 0, x, NULL, NULL), CEN_OK);
    input.resize = CEN_RESIZE_STRETCH;
    assert_int_equal(folder_read(folder, &input, &index, 1, x, NULL, NULL), CEN_ERROR_ARGUMENT);
    cen_folder_free(folder);
}

/* True where there was enough memory; else it is the error, and no image is lost or skipped. */
static int loads_and_reads(void *user)
{
    cen_folder *folder = user;
    const cen_input input = input_of(3, 4, 5, CEN_RESIZE_CROP);
    const size_t indices[] = {0, 1, 2, 3};
    float x[4 * 3 * 4 * 5];
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_folder_load(folder, &input, 2 * 60, NULL, NULL, &error);
    if (status == CEN_OK) status = folder_read(folder, &input, indices, 4, x, NULL, &error);
    assert_true(status == CEN_OK || status == CEN_ERROR_MEMORY);
    assert_int_equal(error.status, status);
    assert_int_equal(cen_folder_get(folder)->n_images, 4);
    assert_int_equal(cen_folder_get(folder)->n_skipped, 0);
    return status == CEN_OK;
}

static void every_failed_allocation_is_the_error(void **state)
{
    (void)state;
    write_noisy_classes(2);
    cen_folder *folder = open_at(ROOT, 0, 1);
    assert_true(fail_each_allocation(loads_and_reads, folder) > 20);
    cen_folder_free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(batches_equal_pillow_and_torchvision),
        TEST(neither_cache_nor_threads_change_a_bit),
        TEST(mean_and_std_are_those_of_the_training_images),
        TEST(fashion_measures_as_numpy_says),
        TEST(what_breaks_while_loading_is_skipped),
        TEST(strict_refuses_what_breaks_while_loading),
        TEST(a_damaged_image_is_used_and_listed_or_strictly_refused),
        TEST(a_class_that_breaks_altogether_is_refused),
        TEST(pictures_of_one_level_are_refused_by_name),
        TEST(max_pixels_holds_while_loading),
        TEST(progress_counts_and_can_stop),
        TEST(a_file_that_changed_is_named),
        TEST(senseless_inputs_and_indices_are_refused),
        TEST(every_failed_allocation_is_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
