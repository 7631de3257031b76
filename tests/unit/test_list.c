/* Lists of images in the place of folders: what their rows mean, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>

#include <centerloss.h>

#include "support/context.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#define ROOT "test_list.tmp"

static int make_tree(void **state)
{
    (void)state;
    tree_remove(ROOT);
    tree_class(ROOT "/x", "cats", 3);
    tree_class(ROOT "/x", "dogs", 3);
    tree_grey(ROOT "/x/with, comma \"q\".pgm", 3, 2, 1);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

static cen_status try_open(const char *name, const char *text, bool unlabelled, cen_folder **folder,
                           cen_error *error)
{
    char path[128];
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = 0;
    options.unlabelled = unlabelled;
    (void)snprintf(path, sizeof path, ROOT "/%s", name);
    tree_text(path, text);
    const char *const paths[] = {path};
    return cen_folder_open(threads(1), folder, paths, 1, &options, error);
}

static cen_folder *open_list(const char *name, const char *text, bool unlabelled)
{
    cen_folder *folder;
    cen_error error;
    if (try_open(name, text, unlabelled, &folder, &error) != CEN_OK) fail_msg("%s", error.message);
    return folder;
}

static void assert_image(const cen_folder *folder, size_t i, const char *path, const char *class,
                         cen_split split)
{
    const cen_folder_info *info = cen_folder_get(folder);
    assert_true(i < info->n_images);
    const cen_folder_image *image = &info->images[i];
    assert_string_equal(image->path, path);
    if (class == NULL) {
        assert_int_equal(image->label, -1);
    } else {
        assert_string_equal(info->class_names[image->label], class);
    }
    assert_int_equal(image->split, split);
}

/* The same rows as comma- or tab-separated values, with or without a header, of Windows or not. */
static void rows_are_path_label_split(void **state)
{
    (void)state;
    const char *const lists[][2] = {
        {"a.csv", "x/cats/00.pgm,cat\nx/dogs/00.pgm,dog\nx/dogs/01.pgm,dog,val\n"
                  "x/cats/02.pgm,,test\nx/cats/01.pgm,cat,train"},
        {"b.tsv", "\xef\xbb\xbfrow\tPath\tlabel\tclass\tsplit\r\n0\tx/cats/00.pgm\t0\tcat\t\r\n\r\n"
                  "1\tx/dogs/00.pgm\t1\tdog\t\r\n2\tx/dogs/01.pgm\t1\tdog\tvalidation\r\n"
                  "3\tx/cats/02.pgm\t-1\t\tTest\r\n4\tx/cats/01.pgm\t0\tcat\ttrain\r\n"},
        {"c.txt",
         "split;label;file\n;cat;x/cats/00.pgm\n;dog;x/dogs/00.pgm\nVAL;dog;x/dogs/01.pgm\n"
         "testing;\"\";x/cats/02.pgm\ntraining;\"cat\";\"x/cats/01.pgm\"\n"},
    };
    for (size_t i = 0; i < 3; i++) {
        cen_folder *folder = open_list(lists[i][0], lists[i][1], false);
        const cen_folder_info *info = cen_folder_get(folder);
        assert_int_equal(info->n_classes, 2);
        assert_int_equal(info->n_images, 5);
        assert_true(info->has_own_split);
        assert_image(folder, 0, ROOT "/x/cats/00.pgm", "cat", CEN_SPLIT_TRAIN);
        assert_image(folder, 1, ROOT "/x/cats/01.pgm", "cat", CEN_SPLIT_TRAIN);
        assert_image(folder, 2, ROOT "/x/dogs/00.pgm", "dog", CEN_SPLIT_TRAIN);
        assert_image(folder, 3, ROOT "/x/dogs/01.pgm", "dog", CEN_SPLIT_VALIDATION);
        assert_image(folder, 4, ROOT "/x/cats/02.pgm", NULL, CEN_SPLIT_TEST);
        assert_string_equal(info->images[0].name, "x/cats/00.pgm");
        cen_folder_free(folder);
    }
}

static void quotes_are_those_of_rfc_4180(void **state)
{
    (void)state;
    cen_folder *folder = open_list("a.csv",
                                   "\"x/with, comma \"\"q\"\".pgm\",\"two\nlines\"\r\n"
                                   "x/dogs/00.pgm,\"a \"\"b\"\"\"\r\n\"x/dogs/01.pgm\",\"\"\"\"",
                                   false);
    assert_image(folder, 0, ROOT "/x/dogs/01.pgm", "\"", CEN_SPLIT_TRAIN);
    assert_image(folder, 1, ROOT "/x/dogs/00.pgm", "a \"b\"", CEN_SPLIT_TRAIN);
    assert_image(folder, 2, ROOT "/x/with, comma \"q\".pgm", "two\nlines", CEN_SPLIT_TRAIN);
    cen_folder_free(folder);
}

static void rows_without_labels_keep_their_order(void **state)
{
    (void)state;
    cen_folder *folder = open_list(
        "a.csv", "x/dogs/01.pgm\nx/cats/00.pgm,cat\nx/dogs/01.pgm\nx/cats/01.pgm,,val\n", true);
    assert_int_equal(cen_folder_get(folder)->n_images, 4);
    assert_image(folder, 0, ROOT "/x/dogs/01.pgm", NULL, CEN_SPLIT_TRAIN);
    assert_image(folder, 1, ROOT "/x/cats/00.pgm", "cat", CEN_SPLIT_TRAIN);
    assert_image(folder, 2, ROOT "/x/dogs/01.pgm", NULL, CEN_SPLIT_TRAIN);
    assert_image(folder, 3, ROOT "/x/cats/01.pgm", NULL, CEN_SPLIT_VALIDATION);
    cen_folder_free(folder);
}

static void what_a_row_names_and_is_no_picture_is_skipped_and_named(void **state)
{
    (void)state;
    tree_text(ROOT "/notes.dat", "x");
    cen_folder *folder =
        open_list("a.csv",
                  "x/cats/00.pgm,cat\nx/gone.pgm,cat\nx/dogs/00.pgm,dog\n"
                  "notes.dat,dog\nx,dog\nx/cats/00.pgm,cat\nx/dogs/02.pgm,ox,val\n",
                  false);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 2);
    assert_int_equal(info->n_skipped, 4);
    assert_int_equal(info->n_remarks, 1);
    assert_string_equal(info->remarks[0].path, ROOT "/x/cats/00.pgm");
    cen_folder_free(folder);
}

static void a_list_to_validate_on_is_all_of_validation(void **state)
{
    (void)state;
    const char *path = ROOT "/x";
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error;
    options.validation = ROOT "/val.csv";
    tree_grey(ROOT "/y.pgm", 3, 2, 1);
    tree_text(options.validation, "path,label\ny.pgm,dogs\n");
    assert_int_equal(cen_folder_open(threads(1), &folder, &path, 1, &options, &error), CEN_OK);
    assert_int_equal(cen_folder_get(folder)->n_images, 7);
    assert_image(folder, 6, ROOT "/y.pgm", "dogs", CEN_SPLIT_VALIDATION);
    cen_folder_free(folder);
    tree_text(options.validation, "path,label,split\ny.pgm,dogs,train\n");
    assert_int_equal(cen_folder_open(threads(1), &folder, &path, 1, &options, &error),
                     CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "line 2: a list to validate on holds rows of val only"));
}

static void what_cannot_be_read_is_told_with_its_line(void **state)
{
    (void)state;
    const struct {
        const char *text, *sentence;
    } cases[] = {
        {"x/cats/00.pgm,cat\n\nx/cats/01.pgm\n", "a.csv, line 3: it has no label"},
        {"x/cats/00.pgm,cat\n,cat\n", "a.csv, line 2: it names no file"},
        {"x/cats/00.pgm,cat,dev\n", "a.csv, line 1: this is no split"},
        {"x/cats/00.pgm,\"cat\nx/dogs/00.pgm,dog\n", "a.csv, line 1: a quote is not closed"},
        {"x/cats/00.pgm,\"cat\"\"", "a.csv, line 1: a quote is not closed"},
        {"\"x/cats/00.pgm\",\"a\nb\"\nx/dogs/00.pgm,\"dog\"s\n", "line 3: text follows"},
        {"path,label\n", "a.csv: this list names no image; write a row"},
        {"", "a.csv: this list names no image"},
        {"x/cats/00.pgm,cat\nx/cats/00.pgm,dog\nx/dogs/00.pgm,dog\n",
         "named twice, with two classes"},
        {"x/cats/00.pgm,cat\nx/dogs/00.pgm,dog\nx/dogs/00.pgm,dog,val\n",
         "named twice, with two splits"},
        {"x/gone.pgm,cat\nx/dogs/00.pgm,dog\n", "no image of class \"cat\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cen_folder *folder;
        cen_error error = {CEN_OK, ""};
        assert_true(try_open("a.csv", cases[i].text, false, &folder, &error) != CEN_OK);
        if (strstr(error.message, cases[i].sentence) == NULL) {
            fail_msg("no '%s' in: %s", cases[i].sentence, error.message);
        }
    }
    cen_folder *folder;
    cen_error error;
    tree_write(ROOT "/wide.csv", "\xff\xfex\0/\0", 6); /* UTF-16 */
    const char *path = ROOT "/wide.csv";
    cen_folder_options options = cen_folder_options_init();
    assert_int_equal(cen_folder_open(threads(1), &folder, &path, 1, &options, &error),
                     CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, "save it as UTF-8"));
}

/* Pictures of test without a label stand among the others through all that counts, moves or draws labels. */
static void rows_of_test_without_a_label_keep_none(void **state)
{
    (void)state;
    for (int round = 0; round < 4; round++) {
        cen_folder_options options = cen_folder_options_init();
        char text[4096] =
            "path,label,split,person\nx/cats/02.pgm,,test,t\nx/with.pgm,gone,train,u\n";
        for (int i = 0; i < 24; i++) {
            size_t size = strlen(text);
            char path[64];
            (void)snprintf(path, sizeof path, ROOT "/x/%d.pgm", i);
            tree_grey(path, 3, 2, i);
            (void)snprintf(text + size, sizeof text - size, "x/%d.pgm,c%d,,p%d\n", i, i % 4, i / 2);
        }
        strcat(text, "x/dogs/02.pgm,,test,t\n");
        tree_text(ROOT "/some.csv", text);
        options.allow_empty = true; /* of "gone" no picture is there */
        if (round % 2 == 1) options.holdout_share = 0.3;
        if (round / 2 == 1) options.group = "person";
        cen_folder *folder;
        cen_error error;
        const char *path = ROOT "/some.csv";
        if (cen_folder_open(threads(1), &folder, &path, 1, &options, &error) != CEN_OK) {
            fail_msg("%s", error.message);
        }
        const cen_folder_info *info = cen_folder_get(folder);
        size_t n_none = 0, n_drawn = 0, n_all = info->n_classes + info->n_held_out;
        assert_int_equal(info->n_images, 26);
        assert_int_equal(info->n_held_out, round % 2);
        assert_int_equal(n_all, 4);
        for (size_t i = 0; i < info->n_images; i++) {
            const cen_folder_image *image = &info->images[i];
            n_drawn += image->split == CEN_SPLIT_VALIDATION;
            if (image->split == CEN_SPLIT_TEST) {
                n_none++;
                assert_int_equal(image->label, -1);
            } else {
                assert_true(image->label >= 0 && (size_t)image->label < n_all);
                int class = atoi(strrchr(image->path, '/') + 1) % 4;
                assert_int_equal(info->class_names[image->label][1] - '0', class);
            }
        }
        assert_int_equal(n_none, 2);
        assert_int_equal(info->has_own_split, false);
        assert_true(n_drawn >= info->n_classes);
        cen_input input = cen_model_options_init().input;
        assert_int_equal(cen_folder_load(folder, &input, 1 << 20, NULL, NULL, &error), CEN_OK);
        cen_folder_free(folder);
    }
}

/* Every beginning of a list either opens or is refused; none reads beyond its end. */
static void a_list_may_end_anywhere(void **state)
{
    (void)state;
    const char text[] =
        "\xef\xbb\xbfpath,\"label\",split\r\n\"x/cats/00.pgm\",\"a\"\"b\",val\r\nx,\"c\"\r";
    char cut[sizeof text];
    for (size_t n = 0; n < sizeof text; n++) {
        memcpy(cut, text, n);
        cut[n] = '\0';
        for (int unlabelled = 0; unlabelled < 2; unlabelled++) {
            cen_folder *folder;
            cen_error error;
            if (try_open("cut.csv", cut, unlabelled, &folder, &error) == CEN_OK) {
                cen_folder_free(folder);
            }
        }
    }
}

static int opens(void *user)
{
    (void)user;
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error = {CEN_OK, ""};
    const char *path = ROOT "/a.csv";
    options.group = "person";
    cen_status status = cen_folder_open(threads(1), &folder, &path, 1, &options, &error);
    if (status != CEN_OK) assert_int_equal(status, CEN_ERROR_MEMORY);
    cen_folder_free(folder);
    return status == CEN_OK;
}

static void every_failed_allocation_is_the_error(void **state)
{
    (void)state;
    tree_text(ROOT "/a.csv", "path,label,person\nx/cats/00.pgm,cat,p\nx/dogs/00.pgm,dog,q\n");
    assert_true(fail_each_allocation(opens, NULL) > 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_tree, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_are_path_label_split),
        TEST(quotes_are_those_of_rfc_4180),
        TEST(rows_without_labels_keep_their_order),
        TEST(what_a_row_names_and_is_no_picture_is_skipped_and_named),
        TEST(a_list_to_validate_on_is_all_of_validation),
        TEST(what_cannot_be_read_is_told_with_its_line),
        TEST(rows_of_test_without_a_label_keep_none),
        TEST(a_list_may_end_anywhere),
        TEST(every_failed_allocation_is_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
