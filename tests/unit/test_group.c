/* Groups: no group stands on two sides of a split, and the share is kept as far as groups let it. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <centerloss.h>

#include "support/folders.h"
#include "support/tree.h"

#define ROOT "test_group.tmp"

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

static cen_folder_options grouped_by(const char *group)
{
    cen_folder_options options = cen_folder_options_init();
    options.group = group;
    return options;
}

static cen_status try_open(const char *path, const cen_folder_options *options, cen_folder **folder,
                           cen_error *error)
{
    return cen_folder_open(NULL, folder, &path, 1, options, error);
}

/* Checks that no group is in two splits; the number of validation images of a class. */
static size_t count_drawn(const cen_folder *folder, int32_t label)
{
    const cen_folder_info *info = cen_folder_get(folder);
    size_t n = 0;
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        n += image->label == label && image->split == CEN_SPLIT_VALIDATION;
        for (size_t j = 0; j < i && image->group != NULL; j++) {
            const cen_folder_image *other = &info->images[j];
            if (other->group == NULL || strcmp(other->group, image->group) != 0) continue;
            assert_int_equal(other->split, image->split);
        }
    }
    return n;
}

static void make_people(int n_people)
{
    char name[64];
    for (int p = 0; p < n_people; p++) {
        for (int i = 0; i < 2 + p % 3; i++) {
            (void)snprintf(name, sizeof name, ROOT "/%s/p%02d/%d.pgm", p % 2 ? "ill" : "well", p,
                           i);
            tree_grey(name, 2, 2, p);
            /* some people are in both classes */
            (void)snprintf(name, sizeof name, ROOT "/ill/p%02d/late %d.pgm", p, i);
            if (p % 5 == 0) tree_grey(name, 2, 2, p);
        }
    }
}

static void groups_by_folder_stay_on_one_side(void **state)
{
    (void)state;
    make_people(30);
    bool differs = false;
    cen_folder_options options = grouped_by("1");
    cen_folder *first = open_with(ROOT, &options);
    const cen_folder_info *one = cen_folder_get(first);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        options.seed = seed;
        options.validation_share = 0.2;
        cen_folder *folder = open_with(ROOT, &options), *again = open_with(ROOT, &options);
        const cen_folder_info *info = cen_folder_get(folder), *other = cen_folder_get(again);
        assert_int_equal(info->n_images, one->n_images);
        for (int32_t label = 0; label < 2; label++) {
            size_t n = 0, n_drawn = count_drawn(folder, label);
            for (size_t i = 0; i < info->n_images; i++) n += info->images[i].label == label;
            assert_in_range(10 * n_drawn, n, 3 * n); /* 0.2 within half */
        }
        for (size_t i = 0; i < info->n_images; i++) {
            assert_string_equal(info->images[i].path, other->images[i].path);
            differs = differs || strcmp(info->images[i].path, one->images[i].path) != 0;
        }
        cen_folder_free(folder);
        cen_folder_free(again);
    }
    assert_true(differs);
    cen_folder_free(first);
}

static void groups_come_from_names_and_folders(void **state)
{
    (void)state;
    const struct {
        const char *option, *name, *group;
    } cases[] = {
        {"1", "p1/left/x.pgm", "p1"},         {"2", "p1/left/x.pgm", "p1/left"},
        {"3", "p1/left/x.pgm", NULL},         {"1", "x.pgm", NULL},
        {"*_*", "p1/ann_may_3.pgm", "ann"},   {"*_*", "p1/ann.pgm", NULL},
        {"IMG-*-*.pgm", "IMG-7-12.pgm", "7"}, {"IMG-*-*.pgm", "IMG-7-12.png.pgm", "7"},
        {"IMG-*", "ING-7.pgm", NULL},         {"*.pgm", "a.pgm.pgm", "a.pgm"},
        {"*-*-?.pgm", "a-b-?.pgm", "a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[128];
        tree_remove(ROOT);
        (void)snprintf(path, sizeof path, ROOT "/a/%s", cases[i].name);
        tree_grey(path, 2, 2, 1);
        tree_grey(ROOT "/b/IMG-1_-x/y/z/IMG-1_-2.pgm", 2, 2, 1); /* is in a group by all of these */
        tree_grey(ROOT "/b/q/a-b-?.pgm", 2, 2, 1);
        cen_folder_options options = grouped_by(cases[i].option);
        cen_folder *folder = open_with(ROOT, &options);
        const cen_folder_image *image = cen_folder_get(folder)->images;
        if (cases[i].group == NULL) {
            assert_null(image->group);
        } else {
            assert_non_null(image->group);
            assert_string_equal(image->group, cases[i].group);
        }
        cen_folder_free(folder);
    }
}

static void a_list_has_a_column_of_groups(void **state)
{
    (void)state;
    char text[4096] = "label,path,person\n", row[64];
    for (int i = 0; i < 40; i++) {
        (void)snprintf(row, sizeof row, ROOT "/%d.pgm", i);
        tree_grey(row, 2, 2, i);
        (void)snprintf(row, sizeof row, "%c,%d.pgm,p%d\n", i % 2 ? 'a' : 'b', i, i / 4);
        strcat(text, row);
    }
    tree_text(ROOT "/list.csv", text);
    cen_folder_options options = grouped_by("person");
    cen_folder *folder = open_with(ROOT "/list.csv", &options), *refused;
    assert_int_equal(count_drawn(folder, 0), 2); /* one person of ten, in both classes */
    assert_int_equal(count_drawn(folder, 1), 2);
    cen_folder_free(folder);
    cen_error error;
    options.group = "persons";
    assert_int_equal(try_open(ROOT "/list.csv", &options, &refused, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "no column is named \"persons\""));
}

static void a_class_of_one_group_stays_in_training(void **state)
{
    (void)state;
    make_people(12);
    tree_class(ROOT "/lone", "p99", 5);
    cen_folder_options options = grouped_by("1");
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_string_equal(info->class_names[1], "lone");
    assert_int_equal(count_drawn(folder, 1), 0);
    assert_true(count_drawn(folder, 0) > 0 && count_drawn(folder, 2) > 0);
    assert_int_equal(info->n_remarks, 1);
    assert_string_equal(info->remarks[0].path, ROOT "/lone");
    assert_non_null(strstr(info->remarks[0].reason, "can be spared from training"));
    cen_folder_free(folder);
}

static void a_group_in_two_given_splits_is_refused(void **state)
{
    (void)state;
    tree_class(ROOT "/train/a", "p1", 1);
    tree_class(ROOT "/train/b", "p2", 1);
    tree_class(ROOT "/val/b", "p3", 1);
    cen_folder_options options = grouped_by("1");
    cen_folder *folder = open_with(ROOT, &options);
    cen_folder_free(folder);
    cen_error error;
    tree_class(ROOT "/test/a", "p2", 1);
    assert_int_equal(try_open(ROOT, &options, &folder, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "its group \"p2\" is of train, and so is "));
    assert_non_null(strstr(error.message, ROOT "/test/a/p2/00.pgm of test"));
    options.holdout_list = ROOT "/names.txt"; /* a class that is held out has no say */
    tree_text(options.holdout_list, "b\n");
    tree_class(ROOT "/train/c", "p4", 1);
    folder = open_with(ROOT, &options);
    cen_folder_free(folder);
}

static void groups_that_cannot_be_are_refused(void **state)
{
    (void)state;
    tree_class(ROOT, "a", 2);
    tree_class(ROOT, "b", 2);
    cen_folder *folder;
    cen_error error;
    cen_folder_options options = grouped_by("person");
    assert_int_equal(try_open(ROOT, &options, &folder, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "names the column of a list"));
    options.group = "1";
    assert_int_equal(try_open(ROOT, &options, &folder, &error), CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "gives no picture a group"));
}

/* Ungrouped pictures are each on their own: the share is kept exactly. */
static void pictures_without_a_group_are_drawn_one_by_one(void **state)
{
    (void)state;
    tree_class(ROOT, "a", 20);
    tree_class(ROOT, "b", 20);
    tree_class(ROOT "/a", "pair", 2);
    cen_folder_options options = grouped_by("1");
    options.validation_share = 0.25;
    cen_folder *folder = open_with(ROOT, &options);
    assert_in_range(count_drawn(folder, 0), 5, 7);
    assert_int_equal(count_drawn(folder, 1), 5);
    cen_folder_free(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(groups_by_folder_stay_on_one_side),
        TEST(groups_come_from_names_and_folders),
        TEST(a_list_has_a_column_of_groups),
        TEST(a_class_of_one_group_stays_in_training),
        TEST(a_group_in_two_given_splits_is_refused),
        TEST(groups_that_cannot_be_are_refused),
        TEST(pictures_without_a_group_are_drawn_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
