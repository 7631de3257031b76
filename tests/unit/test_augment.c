/* What augmentation does to an image, switch by switch; resampling against PyTorch, see
 * tests/golden/augment.py. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include <centerloss.h>

#include "data/augment.h"
#include "support/datasets.h"
#include "support/context.h"
#include "support/golden_pairs.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#define ROOT "test_augment.tmp"

enum { H = 10, W = 14, N = 400 };

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

static cen_input plain_input(size_t channels, size_t height, size_t width)
{
    return (cen_input){channels, height, width, CEN_RESIZE_CROP, {0, 0, 0}, {1, 1, 1}};
}

/* raw[n] = bytes[n] / 255, as a folder reads them. */
static void raw_of(const uint8_t *bytes, size_t n, float *raw)
{
    for (size_t i = 0; i < n; i++) raw[i] = (float)bytes[i] / 255.0f;
}

/* Noise [3, H, W], x of it as it is, and x changed as drawn for (seed 1, epoch, index). */
static uint8_t noise[3 * H * W];
static float raw[3 * H * W], plain[3 * H * W], changed[3 * H * W];

static const cen_input *normal_input(void)
{
    static const cen_input input = {
        3, H, W, CEN_RESIZE_CROP, {0.4f, 0.5f, 0.6f}, {0.2f, 0.3f, 0.25f}};
    return &input;
}

static cen__change change_noise(const cen_augment *augment, size_t epoch, size_t index)
{
    const cen_input *input = normal_input();
    for (size_t i = 0; i < 3 * H * W; i++) {
        size_t c = i / (H * W);
        noise[i] = (uint8_t)((uint32_t)(i * UINT64_C(2654435761) + 12345) >> 24);
        raw_of(noise + i, 1, raw + i);
        plain[i] = (raw[i] - input->mean[c]) / input->std[c];
    }
    cen__change change = cen__augment_draw(augment, input, 1, epoch, index);
    cen__change_apply(&change, input, raw, changed);
    return change;
}

/* ---- resampling ---------------------------------------------------------------------------- */

static double thousandth(size_t number)
{
    return ((double)number - 1e6) / 1000;
}

static void check_move(const golden_pair *pair)
{
    const size_t *n = pair->numbers;
    cen_input input = plain_input(n[2], n[1], n[0]);
    cen__change change = {.contrast = 1};
    cen__change_place(&change, &input, thousandth(n[3]), thousandth(n[4]), thousandth(n[5]),
                      thousandth(n[6]));
    assert_int_equal(pair->second_size, 4 * pair->first_size);
    float *x = malloc(pair->second_size);
    float *values = malloc(pair->second_size);
    assert_true(x != NULL && values != NULL);
    raw_of(pair->first, pair->first_size, values);
    cen__change_apply(&change, &input, values, x);
    free(values);
    for (size_t i = 0; i < pair->first_size; i++) {
        const uint8_t *b = pair->second + 4 * i;
        uint32_t bits = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        float want;
        memcpy(&want, &bits, 4);
        if (fabsf(x[i] - want) > 2e-5f) {
            fail_msg("%s: number %zu is %g and should be %g", pair->name, i, (double)x[i],
                     (double)want);
        }
    }
    free(x);
}

static void turning_scaling_and_moving_is_one_resampling_as_in_pytorch(void **state)
{
    (void)state;
    assert_int_equal(golden_pairs_each("augment.bin", check_move), 72);
}

static void resampled_numbers_are_normalised(void **state)
{
    (void)state;
    const cen_input *input = normal_input();
    (void)change_noise(&(cen_augment){.shift = 0}, 0, 0);
    cen__change change = {.contrast = 1};
    cen__change_place(&change, input, 0, 1, 0, 0);
    cen__change_apply(&change, input, raw, changed);
    for (size_t i = 0; i < 3 * H * W; i++) assert_true(fabsf(changed[i] - plain[i]) < 2e-6f);
}

/* What rotation and scale draw: the matrix is R(-angle) / factor. */
static void turns_and_factors_fill_their_limits(void **state)
{
    (void)state;
    const cen_augment augment = {.rotation = 20, .scale = 0.25, .shift = 0.1};
    double least_angle = 9, most_angle = -9, least_factor = 9, most_factor = 0, sum = 0;
    size_t n_grown = 0;
    for (size_t i = 0; i < N; i++) {
        cen__change change = cen__augment_draw(&augment, normal_input(), 1, 2, i);
        assert_true(change.is_resampled);
        double cosine = (double)change.matrix[0][0], sine = (double)change.matrix[0][1];
        double angle = atan2(sine, cosine) * 180 / 3.14159265358979;
        double factor = 1 / sqrt(cosine * cosine + sine * sine);
        least_angle = fmin(least_angle, angle);
        most_angle = fmax(most_angle, angle);
        least_factor = fmin(least_factor, factor);
        most_factor = fmax(most_factor, factor);
        sum += angle;
        n_grown += factor > 1;
        assert_float_equal(change.matrix[1][1], change.matrix[0][0], 0);
        assert_float_equal(change.matrix[1][0], -change.matrix[0][1], 0);
    }
    assert_true(least_angle >= -20.001 && least_angle < -19.5);
    assert_true(most_angle <= 20.001 && most_angle > 19.5);
    assert_true(fabs(sum / N) < 2);
    assert_true(least_factor >= 1 / 1.2501 && least_factor < 0.81);
    assert_true(most_factor <= 1.2501 && most_factor > 1.24);
    assert_true(n_grown > N * 2 / 5 && n_grown < N * 3 / 5);
}

/* With a turn of next to nothing, the moves are shares of a pixel and fill their limits. */
static void shifts_beside_turns_are_not_of_whole_pixels(void **state)
{
    (void)state;
    const cen_augment augment = {.shift = 0.25, .rotation = 1e-6};
    double most[2] = {0, 0};
    size_t n_whole = 0;
    for (size_t i = 0; i < N; i++) {
        cen__change change = cen__augment_draw(&augment, normal_input(), 1, 2, i);
        for (size_t axis = 0; axis < 2; axis++) {
            double way = (double)change.matrix[axis][2];
            most[axis] = fmax(most[axis], fabs(way));
            n_whole += fabs(way - floor(way + 0.5)) < 1e-3;
        }
    }
    assert_true(most[0] <= 0.25 * W + 1e-4 && most[0] > 0.24 * W);
    assert_true(most[1] <= 0.25 * H + 1e-4 && most[1] > 0.24 * H);
    assert_true(n_whole < N / 50);
}

/* ---- the other switches, each alone -------------------------------------------------------- */

static size_t held(ptrdiff_t place, size_t side)
{
    return place < 0 ? 0 : (size_t)place < side ? (size_t)place : side - 1;
}

static void shifts_alone_copy_whole_pixels_and_repeat_the_edge(void **state)
{
    (void)state;
    const cen_augment augment = {.shift = 0.25}; /* 3.5 of 14, 2.5 of 10 pixels */
    size_t right_counts[7] = {0}, down_counts[5] = {0};
    for (size_t i = 0; i < N; i++) {
        cen__change change = change_noise(&augment, 3, i);
        assert_false(change.is_resampled);
        assert_true(change.right >= -3 && change.right <= 3);
        assert_true(change.down >= -2 && change.down <= 2);
        right_counts[change.right + 3]++;
        down_counts[change.down + 2]++;
        for (size_t at = 0; at < 3 * H * W; at++) {
            size_t c = at / (H * W), y = at / W % H, x = at % W;
            size_t from_y = held((ptrdiff_t)y - change.down, H);
            size_t from_x = held((ptrdiff_t)x - change.right, W);
            assert_true(changed[at] == plain[(c * H + from_y) * W + from_x]);
        }
    }
    for (size_t i = 0; i < 7; i++) assert_true(right_counts[i] > 30 && right_counts[i] < 90);
    for (size_t i = 0; i < 5; i++) assert_true(down_counts[i] > 50 && down_counts[i] < 120);
}

static void a_shift_by_a_whole_side_leaves_the_edge(void **state)
{
    (void)state;
    const ptrdiff_t ways[] = {W, -W, W + 3, -W - 3};
    const cen_input input = plain_input(1, 2, W);
    float values[2 * W], x[2 * W];
    for (size_t i = 0; i < 2 * W; i++) values[i] = (float)i;
    for (size_t i = 0; i < 4; i++) {
        cen__change change = {.right = ways[i], .down = -5, .contrast = 1};
        cen__change_apply(&change, &input, values, x);
        for (size_t at = 0; at < 2 * W; at++) {
            assert_true(x[at] == values[ways[i] > 0 ? W : 2 * W - 1]);
        }
    }
}

static void brightness_is_added_to_the_pixel(void **state)
{
    (void)state;
    const cen_augment augment = {.brightness = 0.2};
    double least = 1, most = -1;
    for (size_t i = 0; i < N; i++) {
        cen__change change = change_noise(&augment, 4, i);
        const cen_input *input = normal_input();
        for (size_t at = 0; at < 3 * H * W; at++) {
            double want =
                (double)plain[at] + (double)change.brightness / (double)input->std[at / (H * W)];
            assert_true(fabs((double)changed[at] - want) < 2e-6);
        }
        least = fmin(least, (double)change.brightness);
        most = fmax(most, (double)change.brightness);
    }
    assert_true(least >= -0.2001 && least < -0.195 && most <= 0.2001 && most > 0.195);
}

static void contrast_multiplies_the_distance_to_the_mean_of_the_image(void **state)
{
    (void)state;
    const cen_augment augment = {.contrast = 0.5};
    double least = 9, most = 0;
    for (size_t i = 0; i < N; i++) {
        cen__change change = change_noise(&augment, 4, i);
        const cen_input *input = normal_input();
        double mean = 0;
        for (size_t at = 0; at < 3 * H * W; at++) mean += noise[at] / 255.0 / (3 * H * W);
        for (size_t at = 0; at < 3 * H * W; at++) {
            size_t c = at / (H * W);
            double pixel = mean + (double)change.contrast * (noise[at] / 255.0 - mean);
            double want = (pixel - (double)input->mean[c]) / (double)input->std[c];
            assert_true(fabs((double)changed[at] - want) < 4e-6);
        }
        least = fmin(least, (double)change.contrast);
        most = fmax(most, (double)change.contrast);
    }
    assert_true(least >= 0.6666 && least < 0.68 && most <= 1.5001 && most > 1.48);
}

static void erased_rectangles_are_of_2_to_20_percent_and_the_mean_pixel(void **state)
{
    (void)state;
    const cen_augment augment = {.erase = 1};
    size_t least = H * W, most = 0, n_at_edge = 0;
    for (size_t i = 0; i < N; i++) {
        cen__change change = change_noise(&augment, 5, i);
        size_t area = change.height * change.width;
        assert_true(change.top + change.height <= H && change.left + change.width <= W);
        least = area < least ? area : least;
        most = area > most ? area : most;
        n_at_edge += change.top == 0;
        for (size_t at = 0; at < 3 * H * W; at++) {
            size_t y = at / W % H, x = at % W;
            bool inside = y >= change.top && y < change.top + change.height && x >= change.left &&
                          x < change.left + change.width;
            assert_true(changed[at] == (inside ? 0 : plain[at]));
        }
    }
    assert_true(least * 50 >= H * W && least <= 5 && most * 5 <= H * W && most >= 26);
    assert_true(n_at_edge > N / 20 && n_at_edge < N / 2);
}

static void erasing_keeps_to_its_limits_in_every_image_size(void **state)
{
    (void)state;
    const size_t sizes[][2] = {{1, 1},   {2, 2},  {1, 5},   {5, 1},   {1, 100},
                               {100, 1}, {3, 50}, {28, 28}, {64, 64}, {300, 7}};
    const cen_augment augment = {.erase = 1};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        cen_input input = plain_input(1, sizes[s][0], sizes[s][1]);
        for (size_t i = 0; i < N; i++) {
            cen__change change = cen__augment_draw(&augment, &input, 1, 5, i);
            assert_true(change.top + change.height <= input.height);
            assert_true(change.left + change.width <= input.width);
            assert_true(5 * change.height * change.width <= input.height * input.width);
            if (input.height * input.width < 100) continue;
            assert_true(50 * change.height * change.width >= input.height * input.width);
        }
    }
}

static void erasing_and_flipping_have_their_chance(void **state)
{
    (void)state;
    const cen_augment augment = {.erase = 0.25, .flip = true};
    size_t n_erased = 0, n_flipped = 0, n_both = 0;
    for (size_t i = 0; i < 4 * N; i++) {
        cen__change change = cen__augment_draw(&augment, normal_input(), 1, 6, i);
        n_erased += change.height > 0;
        n_flipped += change.is_flipped;
        n_both += change.height > 0 && change.is_flipped;
    }
    assert_true(n_erased > 340 && n_erased < 460);
    assert_true(n_flipped > 730 && n_flipped < 870);
    assert_true(n_both > 150 && n_both < 250);
}

static void two_epochs_in_a_row_show_each_image_from_both_sides(void **state)
{
    (void)state;
    const cen_augment augment = {.flip = true};
    size_t n_first = 0;
    for (size_t i = 0; i < N; i++) {
        bool first = cen__augment_draw(&augment, normal_input(), 1, 1, i).is_flipped;
        n_first += first;
        for (size_t epoch = 2; epoch < 8; epoch++) {
            bool now = cen__augment_draw(&augment, normal_input(), 1, epoch, i).is_flipped;
            assert_true(now == (epoch % 2 == 1 ? first : !first));
        }
    }
    assert_true(n_first > N * 2 / 5 && n_first < N * 3 / 5);
}

static void flipping_changes_left_and_right_in_some_images(void **state)
{
    (void)state;
    const cen_augment augment = {.flip = true};
    size_t n_flipped = 0;
    for (size_t i = 0; i < N; i++) {
        cen__change change = change_noise(&augment, 7, i);
        n_flipped += change.is_flipped;
        for (size_t at = 0; at < 3 * H * W; at++) {
            size_t x = at % W, from = change.is_flipped ? at - x + (W - 1 - x) : at;
            assert_true(changed[at] == plain[from]);
        }
    }
    assert_true(n_flipped > N * 2 / 5 && n_flipped < N * 3 / 5);
}

static void one_switch_does_not_change_what_the_others_draw(void **state)
{
    (void)state;
    const cen_augment all = {.shift = 0.2, .brightness = 0.1, .erase = 1, .flip = true};
    const cen_augment one = {.erase = 1};
    cen__change with = cen__augment_draw(&all, normal_input(), 1, 2, 3);
    cen__change alone = cen__augment_draw(&one, normal_input(), 1, 2, 3);
    assert_int_equal(with.top, alone.top);
    assert_int_equal(with.left, alone.left);
    assert_int_equal(with.height, alone.height);
    assert_int_equal(with.width, alone.width);
}

/* ---- through the folder -------------------------------------------------------------------- */

enum { N_IMAGES = 40, SIZE = 3 * 20 * 24 };

static void write_images(void)
{
    uint32_t random = 1;
    for (int i = 0; i < N_IMAGES; i++) {
        char path[64], bytes[32 + 20 * 24];
        int header = snprintf(bytes, sizeof bytes, "P5\n24 20\n255\n");
        for (int at = 0; at < 20 * 24; at++) {
            random = random * 1664525u + 1013904223u;
            bytes[header + at] = (char)(random >> 24);
        }
        (void)snprintf(path, sizeof path, ROOT "/%c/%02d.pgm", 'a' + i % 2, i);
        tree_write(path, bytes, (size_t)header + 20 * 24);
    }
}

static const cen_input folder_input = {
    3, 20, 24, CEN_RESIZE_CROP, {0.5f, 0.4f, 0.3f}, {0.2f, 0.3f, 0.4f}};

static cen_folder *open_images(int n_threads, size_t cache_bytes)
{
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = 0;
    const char *path = ROOT;
    cen_folder *folder;
    cen_error error;
    if (cen_folder_open(threads(n_threads), &folder, &path, 1, &options, &error) != CEN_OK ||
        cen_folder_load(folder, &folder_input, cache_bytes, NULL, NULL, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    return folder;
}

static void read_all(const cen_folder *folder, const cen_augment *augment, uint64_t seed,
                     size_t epoch, float *x)
{
    size_t indices[N_IMAGES];
    int32_t labels[N_IMAGES];
    cen_error error;
    for (size_t i = 0; i < N_IMAGES; i++) indices[i] = i;
    if (cen_dataset_read(NULL, cen_folder_dataset(folder), &folder_input, augment, seed, epoch,
                         indices, N_IMAGES, x, labels, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    for (size_t i = 0; i < N_IMAGES; i++) assert_int_equal(labels[i], i / (N_IMAGES / 2));
}

static float all_x[N_IMAGES * SIZE], other_x[N_IMAGES * SIZE];

static void no_augmentation_gives_the_bits_of_a_plain_read(void **state)
{
    (void)state;
    write_images();
    cen_folder *folder = open_images(2, (size_t)1 << 20);
    const cen_augment none = cen_augment_init();
    size_t indices[N_IMAGES];
    for (size_t i = 0; i < N_IMAGES; i++) indices[i] = i;
    read_all(folder, &none, 1, 1, all_x);
    assert_int_equal(folder_read(folder, &folder_input, indices, N_IMAGES, other_x, NULL, NULL),
                     CEN_OK);
    assert_memory_equal(all_x, other_x, sizeof all_x);
    cen_folder_free(folder);
}

static void neither_threads_nor_cache_nor_the_batch_change_a_bit(void **state)
{
    (void)state;
    write_images();
    cen_augment augment = cen_augment_strong();
    augment.flip = true;
    cen_folder *folder = open_images(1, (size_t)1 << 20);
    read_all(folder, &augment, 7, 3, all_x);
    cen_folder_free(folder);
    for (size_t i = 0; i < 4; i++) {
        folder = open_images(i < 2 ? 3 : 2, i % 2 ? 0 : (size_t)1 << 20);
        read_all(folder, &augment, 7, 3, other_x);
        assert_memory_equal(all_x, other_x, sizeof all_x);
        const size_t indices[] = {31, 5, 5};
        assert_int_equal(cen_dataset_read(NULL, cen_folder_dataset(folder), &folder_input, &augment,
                                          7, 3, indices, 3, other_x, NULL, NULL),
                         CEN_OK);
        for (size_t at = 0; at < 3; at++) {
            assert_memory_equal(other_x + at * SIZE, all_x + indices[at] * SIZE,
                                SIZE * sizeof(float));
        }
        cen_folder_free(folder);
    }
}

static void each_seed_epoch_and_image_draws_anew(void **state)
{
    (void)state;
    write_images();
    cen_folder *folder = open_images(1, (size_t)1 << 20);
    const cen_augment light = cen_augment_light();
    read_all(folder, &light, 1, 1, all_x);
    for (size_t i = 0; i < 2; i++) {
        read_all(folder, &light, i == 0 ? 2 : 1, i == 0 ? 1 : 2, other_x);
        for (size_t at = 0; at < N_IMAGES; at++) {
            assert_memory_not_equal(all_x + at * SIZE, other_x + at * SIZE, SIZE * sizeof(float));
        }
    }
    cen__change one = cen__augment_draw(&light, &folder_input, 1, 1, 0);
    cen__change other = cen__augment_draw(&light, &folder_input, 1, 1, 1);
    assert_true(one.matrix[0][1] != other.matrix[0][1] && one.brightness != other.brightness);
    cen_folder_free(folder);
}

static void senseless_switches_are_refused_by_name(void **state)
{
    (void)state;
    write_images();
    cen_folder *folder = open_images(1, (size_t)1 << 20);
    struct {
        const char *name;
        cen_augment augment;
    } bad[] = {{"shift", {.shift = 1.5}},
               {"rotation", {.rotation = -1}},
               {"scale", {.scale = (double)NAN}},
               {"brightness", {.brightness = 2}},
               {"contrast", {.contrast = 11}},
               {"erase", {.erase = 1.01}},
               {"shift", {.shift = (double)INFINITY}}};
    const size_t index = 0;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cen_error error;
        bad[i].augment.size = sizeof bad[i].augment;
        assert_int_equal(cen_dataset_read(NULL, cen_folder_dataset(folder), &folder_input,
                                          &bad[i].augment, 1, 1, &index, 1, all_x, NULL, &error),
                         CEN_ERROR_ARGUMENT);
        assert_non_null(strstr(error.message, bad[i].name));
    }
    cen_input large = plain_input(1, 1, ((size_t)1 << 24) + 1);
    cen_augment turn = cen_augment_init(), move = cen_augment_init(), taken;
    turn.rotation = 1;
    move.shift = 0.1;
    assert_int_equal(cen__augment_take(&turn, &large, &taken, NULL), CEN_ERROR_ARGUMENT);
    assert_int_equal(cen__augment_take(&move, &large, &taken, NULL), CEN_OK);
    cen_folder_free(folder);
}

static void presets_are_what_the_header_says(void **state)
{
    (void)state;
    cen_augment none = cen_augment_init(), light = cen_augment_light(),
                strong = cen_augment_strong();
    assert_true(cen__augment_is_none(&none));
    assert_false(cen__augment_is_none(&light));
    assert_true(light.shift == 0.1 && light.rotation == 12 && light.scale == 0.15);
    assert_true(light.brightness == 0.1 && light.contrast == 0.1 && light.erase == 0);
    assert_true(strong.shift == 0.15 && strong.rotation == 18 && strong.scale == 0.25);
    assert_true(strong.brightness == 0.3 && strong.contrast == 0.3 && strong.erase == 0.25);
    assert_false(light.flip || strong.flip);
}

static int reads_augmented(void *user)
{
    const cen_augment strong = cen_augment_strong();
    const size_t indices[] = {0, 1};
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_dataset_read(NULL, cen_folder_dataset(user), &folder_input, &strong, 1,
                                         1, indices, 2, all_x, NULL, &error);
    assert_true(status == CEN_OK || status == CEN_ERROR_MEMORY);
    assert_int_equal(error.status, status);
    return status == CEN_OK;
}

static void every_failed_allocation_is_the_error(void **state)
{
    (void)state;
    write_images();
    cen_folder *folder = open_images(1, 0);
    assert_true(fail_each_allocation(reads_augmented, folder) > 2);
    cen_folder_free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turning_scaling_and_moving_is_one_resampling_as_in_pytorch),
        TEST(resampled_numbers_are_normalised),
        TEST(turns_and_factors_fill_their_limits),
        TEST(shifts_beside_turns_are_not_of_whole_pixels),
        TEST(shifts_alone_copy_whole_pixels_and_repeat_the_edge),
        TEST(a_shift_by_a_whole_side_leaves_the_edge),
        TEST(brightness_is_added_to_the_pixel),
        TEST(contrast_multiplies_the_distance_to_the_mean_of_the_image),
        TEST(erased_rectangles_are_of_2_to_20_percent_and_the_mean_pixel),
        TEST(erasing_keeps_to_its_limits_in_every_image_size),
        TEST(erasing_and_flipping_have_their_chance),
        TEST(two_epochs_in_a_row_show_each_image_from_both_sides),
        TEST(flipping_changes_left_and_right_in_some_images),
        TEST(one_switch_does_not_change_what_the_others_draw),
        TEST(no_augmentation_gives_the_bits_of_a_plain_read),
        TEST(neither_threads_nor_cache_nor_the_batch_change_a_bit),
        TEST(each_seed_epoch_and_image_draws_anew),
        TEST(senseless_switches_are_refused_by_name),
        TEST(presets_are_what_the_header_says),
        TEST(every_failed_allocation_is_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
