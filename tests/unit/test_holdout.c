/* Classes that are kept out of training: by share and by list, with their labels, names and images. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <time.h>

#include <centerloss.h>

#include "support/datasets.h"
#include "support/context.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#define ROOT "test_holdout.tmp"

enum { N_CLASSES = 10, N_IMAGES = 5 };

static int make_tree(void **state)
{
    (void)state;
    char path[64];
    tree_remove(ROOT);
    for (int c = 0; c < N_CLASSES; c++) {
        for (int i = 0; i < N_IMAGES; i++) {
            (void)snprintf(path, sizeof path, ROOT "/c%d/%d.pgm", c, i);
            tree_grey(path, 4, 4, 10 * c + i);
        }
    }
    return 0;
}

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    tree_remove("test_holdout.txt");
    return 0;
}

static cen_status try_open(const cen_folder_options *options, cen_folder **folder, cen_error *error)
{
    const char *path = ROOT;
    return cen_folder_open(threads(1), folder, &path, 1, options, error);
}

static cen_folder *open_with(double share, const char *list, uint64_t seed)
{
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder = NULL;
    cen_error error;
    options.holdout_share = share;
    options.holdout_list = list;
    options.seed = seed;
    if (try_open(&options, &folder, &error) != CEN_OK) fail_msg("%s", error.message);
    return folder;
}

/* Trained classes first, each kind in bytewise order; every image lies in its class's folder; those of
 * held-out classes, and no others, have the split. */
static void check_folder(const cen_folder_info *info, size_t n_held_out)
{
    assert_int_equal(info->n_classes, N_CLASSES - n_held_out);
    assert_int_equal(info->n_held_out, n_held_out);
    assert_int_equal(info->n_images, N_CLASSES * N_IMAGES);
    for (size_t i = 1; i < N_CLASSES; i++) {
        if (i == info->n_classes) continue;
        assert_true(strcmp(info->class_names[i - 1], info->class_names[i]) < 0);
    }
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        char above[64];
        (void)snprintf(above, sizeof above, ROOT "/%s/", info->class_names[image->label]);
        assert_memory_equal(image->path, above, strlen(above));
        assert_int_equal((size_t)image->label >= info->n_classes,
                         image->split == CEN_SPLIT_HELD_OUT);
    }
}

static void a_share_of_the_classes_is_held_out_by_seed(void **state)
{
    (void)state;
    bool differs = false;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        cen_folder *folder = open_with(0.3, NULL, seed), *again = open_with(0.3, NULL, seed);
        cen_folder *first = open_with(0.3, NULL, 1);
        check_folder(cen_folder_get(folder), 3);
        for (size_t i = 0; i < N_CLASSES; i++) {
            const char *name = cen_folder_get(folder)->class_names[i];
            assert_string_equal(name, cen_folder_get(again)->class_names[i]);
            differs = differs || strcmp(name, cen_folder_get(first)->class_names[i]) != 0;
        }
        cen_folder_free(folder);
        cen_folder_free(again);
        cen_folder_free(first);
    }
    assert_true(differs);
    cen_folder *least = open_with(0.01, NULL, 1); /* less than one */
    check_folder(cen_folder_get(least), 1);
    cen_folder_free(least);
}

static void a_share_can_be_for_folders_of_many_classes(void **state)
{
    (void)state;
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error;
    options.holdout_share = 0.3;
    for (size_t least = N_CLASSES; least <= N_CLASSES + 1; least++) {
        options.holdout_least = least;
        assert_int_equal(try_open(&options, &folder, &error), CEN_OK);
        check_folder(cen_folder_get(folder), least == N_CLASSES ? 3 : 0);
        cen_folder_free(folder);
    }
}

static void a_list_names_the_classes(void **state)
{
    (void)state;
    /* A byte-order mark, Windows, an empty line, twice, no last newline. */
    const char text[] = "\xef\xbb\xbf"
                        "c7\r\n\nc2\nc2";
    tree_write("test_holdout.txt", text, sizeof text - 1);
    cen_folder *folder = open_with(0, "test_holdout.txt", 1);
    const cen_folder_info *info = cen_folder_get(folder);
    check_folder(info, 2);
    assert_string_equal(info->class_names[8], "c2");
    assert_string_equal(info->class_names[9], "c7");
    cen_folder_free(folder);
}

static void validation_is_drawn_from_the_other_classes_alone(void **state)
{
    (void)state;
    cen_folder *folder = open_with(0.5, NULL, 1), *whole = open_with(0, NULL, 1);
    const cen_folder_info *info = cen_folder_get(folder);
    size_t n_validation = 0, order[N_CLASSES * N_IMAGES];
    for (size_t i = 0; i < info->n_images; i++) {
        n_validation += info->images[i].split == CEN_SPLIT_VALIDATION;
    }
    assert_int_equal(n_validation, 5); /* one of each class */
    assert_int_equal(folder_split(folder, CEN_SPLIT_HELD_OUT, order), 5 * N_IMAGES);
    /* A class has the same validation images, whatever is held out beside it. */
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_info *all = cen_folder_get(whole);
        if (info->images[i].split == CEN_SPLIT_HELD_OUT) continue;
        size_t j = 0;
        while (strcmp(all->images[j].path, info->images[i].path) != 0) j++;
        assert_int_equal(all->images[j].split, info->images[i].split);
    }
    cen_folder_free(folder);
    cen_folder_free(whole);
}

static size_t count_validation(double holdout_share, const char *group)
{
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error;
    options.holdout_share = holdout_share;
    options.group = group;
    if (try_open(&options, &folder, &error) != CEN_OK) fail_msg("%s", error.message);
    size_t n = 0;
    for (size_t i = 0; i < cen_folder_get(folder)->n_images; i++) {
        n += cen_folder_get(folder)->images[i].split == CEN_SPLIT_VALIDATION;
    }
    cen_folder_free(folder);
    return n;
}

static void classes_of_four_images_are_trained_whole_if_others_are_held_out(void **state)
{
    char path[64];
    for (int c = 0; c < N_CLASSES; c++) {
        (void)snprintf(path, sizeof path, ROOT "/c%d/%d.pgm", c, N_IMAGES - 1);
        (void)remove(path);
    }
    assert_int_equal(count_validation(0, NULL), N_CLASSES);
    assert_int_equal(count_validation(0.5, NULL), 0);
    assert_int_equal(count_validation(0, "*.pgm"), N_CLASSES);
    assert_int_equal(count_validation(0.5, "*.pgm"), 0);
    (void)make_tree(state);
}

static void two_classes_must_stay(void **state)
{
    (void)state;
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error;
    options.holdout_share = 0.9;
    assert_int_equal(try_open(&options, &folder, &error), CEN_ERROR_ARGUMENT);
    assert_null(folder);
    assert_non_null(strstr(error.message, "holding out 9 of 10 classes leaves 1"));
    options.holdout_share = 1;
    assert_int_equal(try_open(&options, &folder, &error), CEN_ERROR_ARGUMENT);
    options.holdout_share = -0.1;
    assert_int_equal(try_open(&options, &folder, &error), CEN_ERROR_ARGUMENT);
}

static void a_name_that_is_not_there_is_told_with_its_line(void **state)
{
    (void)state;
    tree_write("test_holdout.txt", "c1\nnobody\n", 10);
    cen_folder_options options = cen_folder_options_init();
    options.holdout_list = "test_holdout.txt";
    cen_folder *folder;
    cen_error error;
    assert_int_equal(try_open(&options, &folder, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(
        strstr(error.message, "test_holdout.txt, line 2: no class is named \"nobody\""));
    options.holdout_list = "test_holdout.gone";
    assert_int_equal(try_open(&options, &folder, &error), CEN_ERROR_IO);
}

/* Seconds of processor to read a list of 200,000 lines against n classes whose names begin alike; all but two
 * are held out. */
static double time_names(int n)
{
    enum { N_LINES = 200000 };
    char path[256], name[128];
    memset(name, 'x', 100);
    for (int c = 0; c < n; c++) {
        (void)snprintf(name + 100, sizeof name - 100, "%04d", c);
        (void)snprintf(path, sizeof path, ROOT "/%s/x.pgm", name);
        tree_grey(path, 1, 1, 1);
    }
    FILE *file = fopen("test_holdout.txt", "wb");
    assert_non_null(file);
    for (int i = 0; i < N_LINES; i++) {
        (void)snprintf(name + 100, sizeof name - 100, "%04d", i % (n - 2));
        fprintf(file, "%s\n", name);
    }
    assert_int_equal(fclose(file), 0);
    cen_folder_options options = cen_folder_options_init();
    options.holdout_list = "test_holdout.txt";
    cen_folder *folder;
    clock_t begin = clock();
    assert_int_equal(try_open(&options, &folder, NULL), CEN_OK);
    clock_t end = clock();
    assert_int_equal(cen_folder_get(folder)->n_held_out, n - 2);
    cen_folder_free(folder);
    return (double)(end - begin) / CLOCKS_PER_SEC;
}

/* Names times classes were compared once: 16 times as many classes then take 16 times as long. */
static void a_long_list_is_not_compared_with_every_class(void **state)
{
    tree_remove(ROOT);
    double few = time_names(100);
    tree_remove(ROOT);
    double many = time_names(1600);
    (void)make_tree(state);
    if (many > 3 * few + 0.3) fail_msg("%g s with 100 classes, %g s with 1,600", few, many);
}

static int open_or_fail(void *user)
{
    cen_folder *folder;
    cen_error error;
    cen_status status = try_open(user, &folder, &error);
    if (status == CEN_OK) {
        cen_folder_free(folder);
        return 1;
    }
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_null(folder);
    return 0;
}

static void each_failed_allocation_is_told(void **state)
{
    (void)state;
    tree_write("test_holdout.txt", "c1\n", 3);
    cen_folder_options options = cen_folder_options_init();
    options.holdout_share = 0.2;
    (void)fail_each_allocation(open_or_fail, &options);
    options.holdout_list = "test_holdout.txt";
    (void)fail_each_allocation(open_or_fail, &options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_of_the_classes_is_held_out_by_seed),
        cmocka_unit_test(a_share_can_be_for_folders_of_many_classes),
        cmocka_unit_test(a_list_names_the_classes),
        cmocka_unit_test(validation_is_drawn_from_the_other_classes_alone),
        cmocka_unit_test(classes_of_four_images_are_trained_whole_if_others_are_held_out),
        cmocka_unit_test(two_classes_must_stay),
        cmocka_unit_test(a_name_that_is_not_there_is_told_with_its_line),
        cmocka_unit_test(a_long_list_is_not_compared_with_every_class),
        cmocka_unit_test(each_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, make_tree, clear);
}
