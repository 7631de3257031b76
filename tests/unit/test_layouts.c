/* Folders as people have them: pictures at any depth, folders of the system and runs beside classes, splits of
 * all names, several roots, empty classes, two spellings of one class. */
#define _XOPEN_SOURCE 700 /* symlink */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <centerloss.h>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#include "support/datasets.h"
#include "support/context.h"
#include "support/folders.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#define ROOT "test_layouts.tmp"

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

static void assert_named(const cen_folder *folder, size_t i, const char *path, const char *name,
                         int label, cen_split split)
{
    assert_image(cen_folder_get(folder), i, path, label, split);
    assert_string_equal(cen_folder_get(folder)->images[i].name, name);
}

/* There is a remark on path that holds this text. */
static void assert_remark(const cen_folder *folder, const char *path, const char *text)
{
    const cen_folder_info *info = cen_folder_get(folder);
    for (size_t i = 0; i < info->n_remarks; i++) {
        if (strcmp(info->remarks[i].path, path) == 0 &&
            strstr(info->remarks[i].reason, text) != NULL) {
            return;
        }
    }
    fail_msg("no remark '%s' on %s among %zu", text, path, info->n_remarks);
}

static void pictures_at_any_depth_belong_to_the_top_class(void **state)
{
    (void)state;
    tree_grey(ROOT "/a/z.pgm", 3, 2, 1);
    tree_grey(ROOT "/a/2024/may/x.pgm", 3, 2, 1);
    tree_grey(ROOT "/b/2024/x.pgm", 3, 2, 1);
    tree_grey(ROOT "/b/2023/x.pgm", 3, 2, 1);
    cen_folder *folder = open_plain(ROOT);
    assert_int_equal(cen_folder_get(folder)->n_classes, 2);
    assert_int_equal(cen_folder_get(folder)->n_images, 4);
    assert_named(folder, 0, ROOT "/a/2024/may/x.pgm", "2024/may/x.pgm", 0, CEN_SPLIT_TRAIN);
    assert_named(folder, 1, ROOT "/a/z.pgm", "z.pgm", 0, CEN_SPLIT_TRAIN);
    assert_named(folder, 2, ROOT "/b/2023/x.pgm", "2023/x.pgm", 1, CEN_SPLIT_TRAIN);
    assert_named(folder, 3, ROOT "/b/2024/x.pgm", "2024/x.pgm", 1, CEN_SPLIT_TRAIN);
    cen_folder_free(folder);
    cen_folder_options options = without_split();
    options.unlabelled = true;
    folder = open_with(ROOT, &options);
    assert_int_equal(cen_folder_get(folder)->n_images, 4);
    assert_named(folder, 3, ROOT "/b/2024/x.pgm", "2024/x.pgm", 1, CEN_SPLIT_TRAIN);
    cen_folder_free(folder);
}

static void folders_without_pictures_are_no_classes_and_are_named(void **state)
{
    (void)state;
    const char *const system_folders[] = {ROOT "/__MACOSX", ROOT "/@eaDir", ROOT "/lost+found",
                                          ROOT "/$RECYCLE.BIN", ROOT "/a/@eaDir"};
    tree_class(ROOT, "a", 2);
    tree_class(ROOT, "b", 2);
    for (size_t i = 0; i < 5; i++) tree_class(system_folders[i], "x", 1);
    tree_text(ROOT "/__MACOSX/a/._x.png", "Mac OS X");
    tree_text(ROOT "/docs/guide/readme.txt", "x");
    tree_text(ROOT "/runs/1/arguments", "x");
    tree_text(ROOT "/runs/1/log.csv", "x");
    tree_text(ROOT "/runs/2/model.safetensors", "x");
    tree_text(ROOT "/runs/3/.lock", "");
    tree_text(ROOT "/run/checkpoint.safetensors", "x");
    tree_text(ROOT "/run/svg/plot.svg", "x");
    tree_text(ROOT "/b/more/.lock", "");
    tree_grey(ROOT "/b/more/x.pgm", 3, 2, 1);
    tree_text(ROOT "/b/model.safetensors", "x"); /* among pictures */
    for (int unlabelled = 0; unlabelled < 2; unlabelled++) {
        cen_folder_options options = without_split();
        options.unlabelled = unlabelled;
        cen_folder *folder = open_with(ROOT, &options);
        const cen_folder_info *info = cen_folder_get(folder);
        assert_int_equal(info->n_classes, 2);
        assert_string_equal(info->class_names[1], "b");
        assert_int_equal(info->n_images, 5);
        assert_int_equal(info->images[4].label, 1);
        assert_int_equal(info->n_skipped, 0);
        for (size_t i = 0; i < 5; i++) assert_remark(folder, system_folders[i], "of the system");
        assert_remark(folder, ROOT "/docs", "no file in it is a picture");
        assert_remark(folder, ROOT "/runs/1", "a run of cl_train");
        assert_remark(folder, ROOT "/runs/2", "a run of cl_train");
        assert_remark(folder, ROOT "/runs/3", "a run of cl_train");
        assert_remark(folder, ROOT "/run", "a run of cl_train");
        assert_int_equal(info->n_remarks, 10);
        cen_folder_free(folder);
    }
}

#if !defined(_WIN32)
static void a_loop_of_links_ends_and_each_folder_is_read_once(void **state)
{
    (void)state;
    tree_class(ROOT "/in/a", "deep", 2);
    tree_class(ROOT "/in", "b", 2);
    tree_class(ROOT "/elsewhere", "more", 3);
    assert_int_equal(symlink("..", ROOT "/in/a/up"), 0);
    assert_int_equal(symlink(".", ROOT "/in/a/here"), 0);
    assert_int_equal(symlink("../..", ROOT "/in/a/deep/top"), 0);
    assert_int_equal(symlink("../in", ROOT "/in/zz"), 0);
    assert_int_equal(symlink("../../elsewhere", ROOT "/in/b/linked"), 0);
    assert_int_equal(symlink("../../elsewhere/more", ROOT "/in/b/twice"), 0);
    cen_folder *folder = open_plain(ROOT "/in");
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 2);
    assert_int_equal(info->n_images, 7);
    assert_named(folder, 4, ROOT "/in/b/linked/more/00.pgm", "linked/more/00.pgm", 1,
                 CEN_SPLIT_TRAIN);
    assert_remark(folder, ROOT "/in/a/up", "has this folder already");
    assert_remark(folder, ROOT "/in/a/here", "has this folder already");
    assert_remark(folder, ROOT "/in/a/deep/top", "has this folder already");
    assert_remark(folder, ROOT "/in/b/twice", "has this folder already");
    assert_remark(folder, ROOT "/in/zz", "a link to the folder that it lies in");
    assert_int_equal(info->n_remarks, 5);
    cen_folder_free(folder);
}
#endif

static void a_split_is_one_whatever_stands_beside_it(void **state)
{
    (void)state;
    const char *const names[][3] = {{"train", "val", "test"},
                                    {"Train", "Valid", "TEST"},
                                    {"TRAINING", "validation", "Testing"},
                                    {"training", "VAL", "testing"}};
    for (size_t i = 0; i < 4; i++) {
        char paths[3][64];
        tree_remove(ROOT);
        for (size_t j = 0; j < 3; j++) {
            (void)snprintf(paths[j], sizeof paths[j], ROOT "/%s", names[i][j]);
            tree_class(paths[j], "a", 1);
            tree_class(paths[j], "b", 1);
        }
        tree_grey(ROOT "/samples/x.pgm", 3, 2, 1);
        tree_class(ROOT "/docs", "figures", 1);
        tree_text(ROOT "/README.txt", "x");
        cen_folder *folder = open_plain(ROOT);
        const cen_folder_info *info = cen_folder_get(folder);
        assert_true(info->has_own_split);
        assert_int_equal(info->n_classes, 2);
        assert_int_equal(info->n_images, 6);
        for (size_t j = 0; j < 6; j++) assert_int_equal(info->images[j].split, j / 2);
        assert_int_equal(info->n_remarks, 2);
        assert_remark(folder, ROOT "/samples", "beside the folders of a split");
        assert_remark(folder, ROOT "/docs", "beside the folders of a split");
        cen_folder_free(folder);
    }
}

static void train_by_itself_is_a_split_of_which_validation_is_drawn(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 10);
    tree_class(ROOT "/train", "b", 10);
    tree_text(ROOT "/LICENSE", "x");
    tree_text(ROOT "/runs/1/model.safetensors", "x"); /* of an earlier training on this folder */
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 2);
    assert_false(info->has_own_split);
    assert_int_equal(info->images[17].split, CEN_SPLIT_TRAIN);
    assert_int_equal(info->images[18].split, CEN_SPLIT_VALIDATION);
    cen_folder_free(folder);
    tree_class(ROOT, "bus", 2); /* now train is a class: of vehicles */
    folder = open_plain(ROOT);
    assert_int_equal(cen_folder_get(folder)->n_classes, 2);
    assert_string_equal(cen_folder_get(folder)->class_names[1], "train");
    assert_int_equal(cen_folder_get(folder)->n_images, 22);
    cen_folder_free(folder);
}

static void two_folders_to_train_or_validate_on_are_refused_and_two_tests_read(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 1);
    tree_class(ROOT "/train", "b", 1);
    tree_class(ROOT "/test", "a", 1);
    tree_class(ROOT "/testing", "b", 1);
    cen_folder *folder = open_plain(ROOT);
    assert_named(folder, 2, ROOT "/test/a/00.pgm", "00.pgm", 0, CEN_SPLIT_TEST);
    assert_named(folder, 3, ROOT "/testing/b/00.pgm", "00.pgm", 1, CEN_SPLIT_TEST);
    cen_folder_free(folder);
    tree_class(ROOT "/training", "a", 1);
    cen_folder_options options = without_split();
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT,
                   "holds both train and training; name the folder to train on", "");
}

static void a_flat_test_is_unlabelled(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 4);
    tree_class(ROOT "/train", "b", 4);
    tree_grey(ROOT "/test/1.pgm", 3, 2, 1);
    tree_grey(ROOT "/test/0.pgm", 3, 2, 1);
    for (int unlabelled = 0; unlabelled < 2; unlabelled++) {
        cen_folder_options options = cen_folder_options_init();
        options.unlabelled = unlabelled;
        options.holdout_share = 0;
        cen_folder *folder = open_with(ROOT, &options);
        assert_int_equal(cen_folder_get(folder)->n_images, 10);
        assert_int_equal(cen_folder_get(folder)->has_own_split, unlabelled);
        assert_named(folder, 8, ROOT "/test/0.pgm", "0.pgm", -1, CEN_SPLIT_TEST);
        assert_named(folder, 9, ROOT "/test/1.pgm", "1.pgm", -1, CEN_SPLIT_TEST);
        cen_input input = cen_model_options_init().input;
        cen_error error;
        float x[28 * 28];
        int32_t label;
        size_t index = 8;
        assert_int_equal(cen_folder_load(folder, &input, 1 << 20, NULL, NULL, &error), CEN_OK);
        assert_int_equal(folder_read(folder, &input, &index, 1, x, &label, &error), CEN_OK);
        assert_int_equal(label, -1);
        cen_folder_free(folder);
    }
    tree_class(ROOT "/train", "c", 4);
    cen_folder_options options = cen_folder_options_init();
    options.holdout_share = 0.3; /* labels move; those below 0 stay */
    cen_folder *folder = open_with(ROOT, &options);
    assert_int_equal(cen_folder_get(folder)->n_held_out, 1);
    assert_named(folder, 8, ROOT "/test/0.pgm", "0.pgm", -1, CEN_SPLIT_TEST);
    cen_folder_free(folder);
}

static void empty_classes_are_left_out_if_that_is_allowed(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 2);
    tree_class(ROOT "/train", "c", 2);
    tree_class(ROOT "/val", "b", 1);
    tree_class(ROOT "/val", "c", 1);
    assert_int_equal(cen__os_make_folder(NULL, ROOT "/train/b", NULL), CEN_OK);
    tree_text(ROOT "/train/d/x.png", "broken");
    cen_folder_options options = without_split();
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, ROOT "/train/b: no image of class \"b\"",
                   "");
    options.allow_empty = true;
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 2);
    assert_string_equal(info->class_names[1], "c");
    assert_int_equal(info->n_images, 5);
    assert_named(folder, 4, ROOT "/val/c/00.pgm", "00.pgm", 1, CEN_SPLIT_VALIDATION);
    assert_remark(folder, ROOT "/train/b", "class \"b\" is left out");
    assert_remark(folder, ROOT "/train/d", "class \"d\" is left out");
    assert_string_equal(info->skipped[1].path, ROOT "/val/b/00.pgm");
    assert_string_equal(info->skipped[1].reason, "its class \"b\" has no image to train on");
    cen_folder_free(folder);
}

/* A class may turn out to be empty when its pictures are decoded; what was decoded of others stays theirs. */
static void a_class_that_loses_its_last_image_in_loading_is_left_out(void **state)
{
    (void)state;
    tree_text(ROOT "/train/a/x.pgm", "P5 4 4 255\n");
    tree_class(ROOT "/train", "b", 2);
    tree_class(ROOT "/train", "c", 2);
    tree_class(ROOT "/val", "a", 2);
    tree_grey(ROOT "/val/c/x.pgm", 3, 2, 200);
    cen_folder_options options = without_split();
    cen_input input = cen_model_options_init().input;
    cen_error error;
    for (int allow_empty = 0; allow_empty < 2; allow_empty++) {
        options.allow_empty = allow_empty;
        cen_folder *folder = open_with(ROOT, &options);
        assert_int_equal(cen_folder_get(folder)->n_classes, 3);
        cen_status status = cen_folder_load(folder, &input, 1 << 20, NULL, NULL, &error);
        assert_int_equal(status, allow_empty ? CEN_OK : CEN_ERROR_ARGUMENT);
        if (allow_empty) {
            const cen_folder_info *info = cen_folder_get(folder);
            float x[28 * 28];
            int32_t label;
            size_t index = 4;
            assert_int_equal(info->n_classes, 2);
            assert_int_equal(info->n_images, 5);
            assert_named(folder, 4, ROOT "/val/c/x.pgm", "x.pgm", 1, CEN_SPLIT_VALIDATION);
            assert_int_equal(folder_read(folder, &input, &index, 1, x, &label, &error), CEN_OK);
            assert_float_equal(x[0], 200.0f / 255.0f, 1e-6);
            assert_int_equal(label, 1);
        }
        cen_folder_free(folder);
    }
}

static void roots_are_one_folder_and_validation_may_lie_elsewhere(void **state)
{
    (void)state;
    tree_class(ROOT "/one", "a", 2);
    tree_class(ROOT "/one", "b", 2);
    tree_class(ROOT "/two", "b", 1);
    tree_class(ROOT "/two", "c", 1);
    tree_class(ROOT "/other", "b", 2);
    tree_class(ROOT "/other", "z", 1);
    const char *paths[] = {ROOT "/one", ROOT "/two", ROOT "/one"};
    cen_folder_options options = cen_folder_options_init();
    options.validation = ROOT "/other";
    cen_folder *folder;
    cen_error error;
    assert_int_equal(cen_folder_open(threads(1), &folder, paths, 3, &options, &error), CEN_OK);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_true(info->has_own_split);
    assert_int_equal(info->n_classes, 3);
    assert_int_equal(info->n_images, 8);
    assert_named(folder, 6, ROOT "/other/b/00.pgm", "00.pgm", 1, CEN_SPLIT_VALIDATION);
    assert_int_equal(info->n_skipped, 1);
    assert_string_equal(info->skipped[0].path, ROOT "/other/z/00.pgm");
    assert_int_equal(info->n_remarks, 4); /* the first root's images, named twice */
    assert_remark(folder, ROOT "/one/a/00.pgm", "named twice, used once");
    cen_folder_free(folder);

    options.validation = ROOT "/one";
    assert_refused(ROOT "/one", &options, CEN_ERROR_ARGUMENT,
                   "this picture is named twice, with two splits", "");
    tree_class(ROOT "/whole/train", "a", 1);
    tree_class(ROOT "/whole/train", "b", 1);
    tree_class(ROOT "/whole/val", "b", 1);
    assert_refused(ROOT "/whole", &options, CEN_ERROR_ARGUMENT, "leave --val out", "");
    options.validation = ROOT "/whole";
    assert_refused(ROOT "/one", &options, CEN_ERROR_ARGUMENT, "this one holds a whole split", "");
    options.validation = ROOT "/nowhere";
    const char *one = ROOT "/one";
    assert_int_equal(cen_folder_open(threads(1), &folder, &one, 1, &options, &error), CEN_ERROR_IO);
}

#if !defined(_WIN32)
/* Pairs of tests/golden/spellings.txt, by Python's unicodedata: NFC and NFD, capital and small. */
static void two_spellings_of_a_class_are_pointed_out(void **state)
{
    (void)state;
    FILE *file = fopen(CEN_TESTS_FOLDER "/golden/spellings.txt", "rb");
    char line[128], path[256], before[128] = "";
    size_t n_pairs = 0, n_names = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *other = strchr(line, '\t');
        assert_non_null(other);
        *other++ = '\0';
        other[strcspn(other, "\n")] = '\0';
        (void)snprintf(path, sizeof path, ROOT "/%s/x.pgm", line);
        tree_grey(path, 1, 1, 1);
        (void)snprintf(path, sizeof path, ROOT "/%s/x.pgm", other);
        tree_grey(path, 1, 1, 1);
        n_pairs++;
        n_names += strcmp(line, before) != 0; /* else one more spelling of the name */
        strcpy(before, other);
    }
    fclose(file);
    cen_folder *folder = open_plain(ROOT);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(n_pairs, 300);
    assert_int_equal(info->n_classes, n_names + n_pairs);
    assert_int_equal(info->n_remarks, n_pairs);
    for (size_t i = 0; i < n_pairs; i++) {
        assert_non_null(strstr(info->remarks[i].reason, "may be another spelling of"));
    }
    cen_folder_free(folder);
}
#endif

static void spellings_differ_between_train_and_val_too(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "caf\xc3\xa9", 1);
    tree_class(ROOT "/train", "tea", 1);
    tree_class(ROOT "/val", "Cafe\xcc\x81", 1);
    tree_class(ROOT "/val", "tea", 1);
    cen_folder *folder = open_plain(ROOT);
    assert_int_equal(cen_folder_get(folder)->n_skipped, 1);
    assert_int_equal(cen_folder_get(folder)->n_remarks, 1);
    assert_remark(folder, ROOT "/train/caf\xc3\xa9", "another spelling of \"Cafe\xcc\x81\"");
    cen_folder_free(folder);
}

/* True if there was enough memory; else it is the error. */
static int opens(void *user)
{
    cen_folder_options options = *(cen_folder_options *)user;
    cen_folder *folder;
    cen_error error = {CEN_OK, ""};
    const char *path = ROOT;
    cen_status status = cen_folder_open(threads(1), &folder, &path, 1, &options, &error);
    if (status != CEN_OK) {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_null(folder);
    }
    cen_folder_free(folder);
    return status == CEN_OK;
}

static void every_failed_allocation_is_the_error(void **state)
{
    (void)state;
    tree_class(ROOT "/train/a", "deep", 3);
    tree_class(ROOT "/train", "b", 3);
    tree_class(ROOT "/train", "B", 3);
    tree_text(ROOT "/train/c/x.png", "");
    tree_text(ROOT "/train/docs/x.txt", "x");
    tree_class(ROOT "/docs", "x", 1);
    tree_grey(ROOT "/test/x.pgm", 3, 2, 1);
    cen_folder_options options = cen_folder_options_init();
    options.allow_empty = true;
    options.group = "0*";
    assert_true(fail_each_allocation(opens, &options) > 60);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pictures_at_any_depth_belong_to_the_top_class),
        TEST(folders_without_pictures_are_no_classes_and_are_named),
#if !defined(_WIN32)
        TEST(a_loop_of_links_ends_and_each_folder_is_read_once),
        TEST(two_spellings_of_a_class_are_pointed_out),
#endif
        TEST(a_split_is_one_whatever_stands_beside_it),
        TEST(train_by_itself_is_a_split_of_which_validation_is_drawn),
        TEST(two_folders_to_train_or_validate_on_are_refused_and_two_tests_read),
        TEST(a_flat_test_is_unlabelled),
        TEST(empty_classes_are_left_out_if_that_is_allowed),
        TEST(a_class_that_loses_its_last_image_in_loading_is_left_out),
        TEST(roots_are_one_folder_and_validation_may_lie_elsewhere),
        TEST(spellings_differ_between_train_and_val_too),
        TEST(every_failed_allocation_is_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
