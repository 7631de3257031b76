/* Batches of P classes with K images each. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <centerloss.h>

#include "support/datasets.h"
#include "support/context.h"
#include "support/tree.h"

#define ROOT "test_order.tmp"

enum { MOST = 20000 };

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

/* n_classes classes of counts[i % n_counts] training images; beside them validation and test. */
static cen_folder *open_classes(size_t n_classes, const int *counts, size_t n_counts, int n_threads)
{
    for (size_t i = 0; i < n_classes; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "%03zu", i);
        tree_class(ROOT "/train", name, counts[i % n_counts]);
        tree_class(ROOT "/val", name, 2);
        tree_class(ROOT "/test", name, 1);
    }
    cen_folder_options options = cen_folder_options_init();
    const cen_input input = {1, 2, 2, CEN_RESIZE_CROP, {0}, {1}};
    const char *path = ROOT;
    cen_folder *folder;
    cen_error error;
    options.lazy = true;
    if (cen_folder_open(threads(n_threads), &folder, &path, 1, &options, &error) != CEN_OK ||
        cen_folder_load(folder, &input, 0, NULL, NULL, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    return folder;
}

static size_t order[MOST], again[MOST], counts_seen[MOST];

/* An epoch, and that no number was written behind it. */
static size_t deal(const cen_folder *folder, size_t n_classes, size_t per_class, uint64_t seed,
                   size_t epoch)
{
    const size_t untouched = SIZE_MAX - 1;
    size_t room = cen_folder_get(folder)->n_images + n_classes * per_class;
    assert_true(room <= MOST);
    for (size_t i = 0; i < MOST; i++) order[i] = untouched;
    size_t n = folder_order(folder, n_classes, per_class, seed, epoch, order);
    assert_true(n <= room);
    for (size_t i = n; i < MOST; i++) assert_true(order[i] == untouched);
    return n;
}

static size_t label_at(const cen_folder_info *info, size_t i)
{
    assert_true(order[i] < info->n_images);
    assert_int_equal(info->images[order[i]].split, CEN_SPLIT_TRAIN);
    return (size_t)info->images[order[i]].label;
}

/* Each hand of per_class is of one class, and no class comes twice in a batch. */
static void check_batches(const cen_folder_info *info, size_t n, size_t n_classes, size_t per_class)
{
    assert_true(n > 0 && n % (n_classes * per_class) == 0);
    for (size_t begin = 0; begin < n; begin += n_classes * per_class) {
        for (size_t p = 0; p < n_classes; p++) {
            size_t label = label_at(info, begin + p * per_class);
            for (size_t k = 1; k < per_class; k++) {
                assert_int_equal(label_at(info, begin + p * per_class + k), label);
            }
            for (size_t other = 0; other < p; other++) {
                assert_true(label_at(info, begin + other * per_class) != label);
            }
        }
    }
}

/* Each class once in a round of all of them. */
static void check_class_rounds(const cen_folder_info *info, size_t n, size_t per_class)
{
    size_t n_classes = info->n_classes;
    for (size_t c = 0; c < n_classes; c++) counts_seen[c] = 0;
    for (size_t slot = 0; slot * per_class < n; slot++) {
        assert_int_equal(counts_seen[label_at(info, slot * per_class)]++, slot / n_classes);
    }
}

/* Each image once in a round of its class's images, and twice in one hand only where there are too
 * few. */
static void check_image_rounds(const cen_folder_info *info, size_t n, size_t per_class)
{
    for (size_t c = 0; c < info->n_classes; c++) {
        size_t n_images = 0, dealt = 0;
        for (size_t i = 0; i < info->n_images; i++) {
            counts_seen[i] = 0;
            n_images += info->images[i].split == CEN_SPLIT_TRAIN && info->images[i].label == (int)c;
        }
        for (size_t i = 0; i < n; i++) {
            if (label_at(info, i) != c) continue;
            assert_int_equal(counts_seen[order[i]]++, dealt++ / n_images);
            for (size_t k = i - i % per_class; k < i; k++) {
                assert_true(order[k] != order[i] || n_images < per_class);
            }
        }
    }
}

static void check_epoch(const cen_folder *folder, size_t n_classes, size_t per_class, size_t epoch)
{
    const cen_folder_info *info = cen_folder_get(folder);
    size_t n_train = 0, batch_size = n_classes * per_class;
    while (n_train < info->n_images && info->images[n_train].split == CEN_SPLIT_TRAIN) n_train++;
    size_t n = deal(folder, n_classes, per_class, 1, epoch);
    assert_int_equal(n, (n_train + batch_size - 1) / batch_size * batch_size);
    check_batches(info, n, n_classes, per_class);
    check_class_rounds(info, n, per_class);
    check_image_rounds(info, n, per_class);
}

static void every_batch_has_its_classes_and_rounds_are_whole(void **state)
{
    (void)state;
    const int counts[] = {9, 4, 30, 1, 13, 8, 5};
    cen_folder *folder = open_classes(12, counts, 7, 1);
    for (size_t n_classes = 1; n_classes <= 12; n_classes++) {
        for (size_t per_class = 1; per_class <= 11; per_class++) {
            for (size_t epoch = 0; epoch < 5; epoch++) {
                check_epoch(folder, n_classes, per_class, epoch);
            }
        }
    }
    cen_folder_free(folder);
}

static void classes_with_few_images_give_them_twice(void **state)
{
    (void)state;
    const int counts[] = {3, 40};
    cen_folder *folder = open_classes(2, counts, 2, 1);
    size_t n = deal(folder, 2, 4, 1, 1), n_of_small = 0;
    assert_int_equal(n, 48);
    for (size_t i = 0; i < n; i++) n_of_small += order[i] < 3;
    assert_int_equal(n_of_small, 24);
    cen_folder_free(folder);
}

static void a_balanced_folder_gives_each_image_once(void **state)
{
    (void)state;
    const int count = 12;
    cen_folder *folder = open_classes(6, &count, 1, 1);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(deal(folder, 3, 4, 1, 1), 72);
    for (size_t i = 0; i < info->n_images; i++) counts_seen[i] = 0;
    for (size_t i = 0; i < 72; i++) assert_int_equal(counts_seen[order[i]]++, 0);
    cen_folder_free(folder);
}

static void orders_depend_on_seed_and_epoch_and_not_on_threads(void **state)
{
    (void)state;
    const int count = 10;
    cen_folder *folder = open_classes(8, &count, 1, 1);
    size_t n = deal(folder, 4, 3, 5, 6);
    memcpy(again, order, sizeof order);
    assert_int_equal(deal(folder, 4, 3, 5, 6), n);
    assert_memory_equal(order, again, sizeof order);
    assert_int_equal(deal(folder, 4, 3, 6, 6), n);
    assert_memory_not_equal(order, again, sizeof order);
    assert_int_equal(deal(folder, 4, 3, 5, 7), n);
    assert_memory_not_equal(order, again, sizeof order);
    cen_folder_free(folder);
    tree_remove(ROOT);
    folder = open_classes(8, &count, 1, 3);
    assert_int_equal(deal(folder, 4, 3, 5, 6), n);
    assert_memory_equal(order, again, sizeof order);
    cen_folder_free(folder);
}

/* The first hand of a class of five, over many epochs: each image in each place a fifth of the time,
 * and each pair of neighbours a twentieth. */
static void shuffles_are_fair(void **state)
{
    (void)state;
    enum { EPOCHS = 4000, IMAGES = 5 };
    const int count = IMAGES;
    cen_folder *folder = open_classes(2, &count, 1, 1);
    size_t first[2] = {0}, places[IMAGES][IMAGES] = {{0}}, pairs[IMAGES][IMAGES] = {{0}};
    for (size_t epoch = 0; epoch < EPOCHS; epoch++) {
        assert_int_equal(folder_order(folder, 2, IMAGES, 3, epoch, order), 10);
        first[order[0] / IMAGES]++;
        const size_t *hand = order[0] < IMAGES ? order : order + IMAGES;
        for (size_t i = 0; i < IMAGES; i++) {
            places[hand[i]][i]++;
            if (i > 0) pairs[hand[i - 1]][hand[i]]++;
        }
    }
    assert_true(first[0] > EPOCHS / 100 * 46 && first[0] < EPOCHS / 100 * 54);
    for (size_t i = 0; i < IMAGES; i++) {
        for (size_t j = 0; j < IMAGES; j++) {
            assert_true(places[i][j] > EPOCHS / 100 * 17 && places[i][j] < EPOCHS / 100 * 23);
            if (i == j) continue;
            assert_true(pairs[i][j] > EPOCHS / 100 * 17 && pairs[i][j] < EPOCHS / 100 * 23);
        }
    }
    cen_folder_free(folder);
}

static void what_cannot_be_dealt_is_an_order_of_nothing(void **state)
{
    (void)state;
    const int count = 3;
    cen_folder *folder = open_classes(4, &count, 1, 1);
    assert_int_equal(deal(folder, 5, 2, 1, 1), 0);
    assert_int_equal(deal(folder, 0, 2, 1, 1), 12); /* no classes: all rows */
    assert_int_equal(deal(folder, 2, 0, 1, 1), 0);
    assert_int_equal(deal(folder, 4, 2, 1, 1), 16);
    cen_folder_free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_batch_has_its_classes_and_rounds_are_whole),
        TEST(classes_with_few_images_give_them_twice),
        TEST(a_balanced_folder_gives_each_image_once),
        TEST(orders_depend_on_seed_and_epoch_and_not_on_threads),
        TEST(shuffles_are_fair),
        TEST(what_cannot_be_dealt_is_an_order_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
