/* What a folder of images is read as: classes, labels, split, what is skipped and what is refused.
 */
#define _XOPEN_SOURCE 700 /* symlink */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>

#include <centerloss.h>
#if !defined(_WIN32)
#include <unistd.h>
#endif

#include "support/datasets.h"
#include "support/context.h"
#include "support/folders.h"
#include "support/limited_memory.h"
#include "support/tiff_entries.h"
#include "support/tree.h"

#define ROOT "test_folder.tmp"

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

static void classes_and_images_are_sorted_bytewise(void **state)
{
    (void)state;
    tree_grey(ROOT "/b/10.pgm", 5, 4, 1);
    tree_grey(ROOT "/b/9.pgm", 3, 2, 1);
    tree_grey(ROOT "/B/x.pgm", 3, 2, 1);
    tree_grey(ROOT "/a/x.pgm", 3, 2, 1);
    cen_folder *folder = open_plain(ROOT "/");
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 3);
    assert_string_equal(info->class_names[0], "B");
    assert_string_equal(info->class_names[1], "a");
    assert_string_equal(info->class_names[2], "b");
    assert_int_equal(info->n_images, 4);
    assert_image(info, 0, ROOT "/B/x.pgm", 0, CEN_SPLIT_TRAIN);
    assert_image(info, 1, ROOT "/a/x.pgm", 1, CEN_SPLIT_TRAIN);
    assert_image(info, 2, ROOT "/b/10.pgm", 2, CEN_SPLIT_TRAIN);
    assert_image(info, 3, ROOT "/b/9.pgm", 2, CEN_SPLIT_TRAIN);
    assert_int_equal(info->images[2].width, 5);
    assert_int_equal(info->images[2].height, 4);
    assert_int_equal(info->images[2].channels, 1);
    assert_false(info->has_own_split);
    cen_folder_free(folder);
}

static void validation_labels_are_matched_by_name(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "cat", 2);
    tree_class(ROOT "/train", "caterpillar", 2);
    tree_class(ROOT "/train", "dog", 2);
    tree_class(ROOT "/val", "ant", 1); /* not in train, and before all of them */
    tree_class(ROOT "/val", "caterpillar", 1);
    tree_class(ROOT "/val", "dog", 1);
    tree_class(ROOT "/test", "cat", 1);
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_true(info->has_own_split);
    assert_int_equal(info->n_classes, 3);
    assert_int_equal(info->n_images, 9);
    assert_image(info, 5, ROOT "/train/dog/01.pgm", 2, CEN_SPLIT_TRAIN);
    assert_image(info, 6, ROOT "/val/caterpillar/00.pgm", 1, CEN_SPLIT_VALIDATION);
    assert_image(info, 7, ROOT "/val/dog/00.pgm", 2, CEN_SPLIT_VALIDATION);
    assert_image(info, 8, ROOT "/test/cat/00.pgm", 0, CEN_SPLIT_TEST);
    assert_int_equal(info->n_skipped, 1);
    assert_string_equal(info->skipped[0].path, ROOT "/val/ant/00.pgm");
    assert_string_equal(info->skipped[0].reason, "its class \"ant\" is not in train");
    cen_folder_free(folder);
}

static void valid_and_validation_mean_val(void **state)
{
    (void)state;
    const char *const names[] = {"valid", "validation"};
    for (size_t i = 0; i < 2; i++) {
        char path[64];
        tree_remove(ROOT);
        tree_class(ROOT "/train", "a", 1);
        tree_class(ROOT "/train", "b", 1);
        (void)snprintf(path, sizeof path, ROOT "/%s", names[i]);
        tree_class(path, "b", 1);
        cen_folder *folder = open_plain(ROOT);
        const cen_folder_info *info = cen_folder_get(folder);
        assert_int_equal(info->n_images, 3);
        assert_int_equal(info->images[2].split, CEN_SPLIT_VALIDATION);
        assert_int_equal(info->images[2].label, 1);
        cen_folder_free(folder);
    }
    tree_class(ROOT "/valid", "a", 1);
    cen_folder_options options = without_split();
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, "both valid and validation", ROOT);
}

static void without_val_beside_test_validation_is_drawn(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 4);
    tree_class(ROOT "/train", "b", 4);
    tree_class(ROOT "/test", "a", 1);
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    size_t counts[3] = {0};
    for (size_t i = 0; i < info->n_images; i++) counts[info->images[i].split]++;
    assert_int_equal(counts[CEN_SPLIT_TRAIN], 6);
    assert_int_equal(counts[CEN_SPLIT_VALIDATION], 2);
    assert_int_equal(counts[CEN_SPLIT_TEST], 1);
    cen_folder_free(folder);
}

static void a_class_may_be_called_train(void **state)
{
    (void)state;
    tree_class(ROOT, "train", 2); /* beside a class with another name */
    tree_class(ROOT, "test", 2);
    tree_class(ROOT, "tram", 2);
    cen_folder *folder = open_plain(ROOT);
    assert_int_equal(cen_folder_get(folder)->n_classes, 3);
    cen_folder_free(folder);
    tree_remove(ROOT "/tram"); /* images right in train/ and test/ */
    folder = open_plain(ROOT);
    assert_int_equal(cen_folder_get(folder)->n_classes, 2);
    assert_string_equal(cen_folder_get(folder)->class_names[1], "train");
    cen_folder_free(folder);
}

static void other_files_are_passed_over_and_counted(void **state)
{
    (void)state;
    tree_class(ROOT, "a", 1);
    tree_class(ROOT, "b", 1);
    tree_text(ROOT "/README.txt", "photos");
    tree_text(ROOT "/.git/config", "x");
    tree_text(ROOT "/a/Thumbs.db", "\xd0\xcf\x11\xe0");
    tree_text(ROOT "/a/notes.txt", "");
    tree_grey(ROOT "/a/.hidden.pgm", 3, 2, 1);
    cen_folder *folder = open_plain(ROOT);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 2);
    assert_int_equal(info->n_skipped, 0);
    assert_int_equal(info->n_passed_over, 5);
    cen_folder_free(folder);
}

static void files_beside_the_folders_of_splits_are_passed_over(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 1);
    tree_class(ROOT "/train", "b", 1);
    tree_class(ROOT "/val", "a", 1);
    tree_text(ROOT "/README.txt", "photos");
    tree_text(ROOT "/train/notes.txt", "x");
    cen_folder *folder = open_plain(ROOT);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 3);
    assert_int_equal(info->n_passed_over, 2);
    cen_folder_free(folder);
}

/* A GIF and a TIFF of one pixel, under the names of other kinds, and a HEIC. */
static void pictures_are_told_by_their_bytes_and_what_converts_others_is_named(void **state)
{
    (void)state;
    static const char gif[] =
        "GIF89a\1\0\1\0\x80\0\0\x09\x09\x09\1\2\3,\0\0\0\0\1\0\1\0\0\2\2\x44\1\0;";
    static const tiff_entry entries[] = {{256, TIFF_SHORT, 1, 1},
                                         {257, TIFF_SHORT, 1, 1},
                                         {258, TIFF_SHORT, 1, 8},
                                         {262, TIFF_SHORT, 1, 1},
                                         {273, TIFF_LONG, 1, 4}};
    uint8_t tiff[TIFF_HEADER + 2 + 12 * 5 + 4];
    tiff_header(tiff, TIFF_HEADER);
    tiff_directory(tiff + TIFF_HEADER, entries, 5);
    tree_class(ROOT, "a", 1);
    tree_class(ROOT, "b", 1);
    tree_write(ROOT "/a/gif.png", gif, sizeof gif - 1);
    tree_write(ROOT "/b/tiff.jpg", tiff, sizeof tiff);
    tree_write(ROOT "/b/photo.heic",
               "\0\0\0\x18"
               "ftypheic\0\0\0\0",
               16);
    cen_folder *folder = open_plain(ROOT);
    const cen_input input = {1, 2, 2, CEN_RESIZE_CROP, {0}, {1}};
    cen_error error;
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 4);
    assert_int_equal(info->n_skipped, 1);
    assert_string_equal(info->skipped[0].path, ROOT "/b/photo.heic");
    assert_non_null(strstr(info->skipped[0].reason, "HEIC is not supported; convert it to PNG or "
                                                    "JPEG (with heif-convert)"));
    if (cen_folder_load(folder, &input, 0, NULL, NULL, &error) != CEN_OK)
        fail_msg("%s", error.message);
    cen_folder_free(folder);
}

static void broken_images_are_skipped_and_named(void **state)
{
    (void)state;
    tree_class(ROOT, "a", 1);
    tree_class(ROOT, "b", 1);
    tree_text(ROOT "/a/empty.JPG", "");
    tree_text(ROOT "/a/page.jpeg", "<html>404</html>");
    tree_write(ROOT "/a/photo.heic",
               "\0\0\0\x18"
               "ftypheic",
               12);
    tree_text(ROOT "/b/cut.dat", "P5\n3");
    cen_folder *folder = open_plain(ROOT);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 2);
    assert_int_equal(info->n_skipped, 4);
    assert_int_equal(info->n_passed_over, 0);
    assert_string_equal(info->skipped[0].path, ROOT "/a/empty.JPG");
    assert_non_null(strstr(info->skipped[0].reason, "empty"));
    assert_string_equal(info->skipped[1].path, ROOT "/a/page.jpeg");
    assert_string_equal(info->skipped[2].path, ROOT "/a/photo.heic");
    assert_non_null(strstr(info->skipped[2].reason, "HEIC is not supported"));
    assert_null(strstr(info->skipped[2].reason, ROOT));
    assert_string_equal(info->skipped[3].path, ROOT "/b/cut.dat");
    cen_folder_free(folder);

    cen_folder_options options = without_split();
    options.strict = true;
    assert_refused(ROOT, &options, CEN_ERROR_FORMAT, ROOT "/a/empty.JPG: ", "empty");
}

static void the_name_need_not_tell_the_kind(void **state)
{
    (void)state;
    tree_grey(ROOT "/\xc3\xa4pfel/\xe6\xa2\xa8 1.jpg", 3, 2, 1);
    tree_grey(ROOT "/pears/no ending", 3, 2, 1);
    cen_folder *folder = open_plain(ROOT);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 2);
    assert_string_equal(info->class_names[1], "\xc3\xa4pfel");
    assert_image(info, 1, ROOT "/\xc3\xa4pfel/\xe6\xa2\xa8 1.jpg", 1, CEN_SPLIT_TRAIN);
    cen_folder_free(folder);
}

#if !defined(_WIN32)
static void links_are_followed(void **state)
{
    (void)state;
    tree_class(ROOT "/elsewhere", "b", 1);
    tree_class(ROOT "/here", "a", 1);
    assert_int_equal(symlink("../elsewhere/b", ROOT "/here/linked"), 0);
    assert_int_equal(symlink("00.pgm", ROOT "/here/a/01.pgm"), 0);
    assert_int_equal(symlink("nowhere", ROOT "/here/a/02.pgm"), 0);
    cen_folder *folder = open_plain(ROOT "/here");
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 2);
    assert_int_equal(info->n_images, 3);
    assert_image(info, 2, ROOT "/here/linked/00.pgm", 1, CEN_SPLIT_TRAIN);
    assert_int_equal(info->n_skipped, 1);
    assert_string_equal(info->skipped[0].path, ROOT "/here/a/02.pgm");
    cen_folder_free(folder);
}
#endif

static void each_bad_folder_has_its_sentence(void **state)
{
    (void)state;
    cen_folder_options options = cen_folder_options_init();
    assert_refused(ROOT "/none", &options, CEN_ERROR_IO, ROOT "/none: no such folder", "check");
    tree_text(ROOT "/notes.dat", "x");
    assert_refused(ROOT "/notes.dat", &options, CEN_ERROR_IO, ROOT "/notes.dat: this is a file",
                   "or a list (.csv, .tsv, .txt)");
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, ROOT ": no classes",
                   "one sub-folder per class");
    tree_grey(ROOT "/x.pgm", 3, 2, 1);
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, "lie in the folder itself",
                   "one sub-folder per class");
    tree_class(ROOT, "a", 2);
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, "only one class, \"a\"", "at least two");
    tree_text(ROOT "/b/.keep", "");
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, ROOT "/b: no image of class \"b\"",
                   "put images there, or leave such classes out by --allow-empty");
    tree_text(ROOT "/b/x.png", "");
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT,
                   ROOT "/b: no image of class \"b\" can be used",
                   "1 was skipped (1 .png), as x.png: ");
    tree_class(ROOT, "b", 2);
    const double shares[] = {-0.1, 1, NAN};
    for (size_t i = 0; i < 3; i++) {
        options.validation_share = shares[i];
        assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, "validation share", "from 0");
    }
    cen_folder *folder;
    assert_int_equal(cen_folder_open(threads(1), &folder, NULL, 0, &options, NULL),
                     CEN_ERROR_ARGUMENT);
}

static void a_split_folder_without_classes_is_refused(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 1);
    tree_class(ROOT "/train", "b", 1);
    tree_grey(ROOT "/val/x.pgm", 3, 2, 1);
    cen_folder_options options = cen_folder_options_init();
    assert_refused(ROOT, &options, CEN_ERROR_ARGUMENT, ROOT "/val: no classes", "sub-folder");
    tree_class(ROOT "/val", "b", 1);
    tree_text(ROOT "/val/a/.keep", ""); /* a class may lack validation images */
    cen_folder *folder = open_with(ROOT, &options);
    assert_int_equal(cen_folder_get(folder)->n_images, 3);
    cen_folder_free(folder);
}

/* The validation images of a class, one bit each. */
static unsigned drawn(const cen_folder *folder, const char *name)
{
    const cen_folder_info *info = cen_folder_get(folder);
    unsigned bits = 0;
    for (size_t i = 0; i < info->n_images; i++) {
        const cen_folder_image *image = &info->images[i];
        if (image->split != CEN_SPLIT_VALIDATION) continue;
        if (strcmp(info->class_names[image->label], name) != 0) continue;
        bits |= 1u << atoi(strrchr(image->path, '/') + 1);
    }
    return bits;
}

static unsigned count_bits(unsigned bits)
{
    unsigned n = 0;
    for (; bits != 0; bits &= bits - 1) n++;
    return n;
}

static void the_split_takes_a_rounded_share_of_each_class(void **state)
{
    (void)state;
    const struct {
        double share;
        int n;
        unsigned taken;
    } cases[] = {{0.1, 1, 0},  {0.1, 2, 1},    {0.1, 14, 1},   {0.1, 15, 2}, {0.1, 25, 3},
                 {0.99, 2, 1}, {0.99, 25, 24}, {0.29, 50, 15}, {0, 25, 0},   {0.5, 5, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tree_remove(ROOT);
        tree_class(ROOT, "a", cases[i].n > 32 ? 25 : cases[i].n);
        for (int j = 25; j < cases[i].n; j++) { /* more than fit the bits of drawn */
            char path[64];
            (void)snprintf(path, sizeof path, ROOT "/a/%d.pgm", j);
            tree_grey(path, 1, 1, j);
        }
        tree_class(ROOT, "b", 1);
        cen_folder_options options = cen_folder_options_init();
        options.validation_share = cases[i].share;
        cen_folder *folder = open_with(ROOT, &options);
        const cen_folder_info *info = cen_folder_get(folder);
        unsigned taken = 0;
        for (size_t j = 0; j < info->n_images; j++) {
            taken += info->images[j].split == CEN_SPLIT_VALIDATION;
        }
        assert_int_equal(taken, cases[i].taken);
        cen_folder_free(folder);
    }
}

static void the_split_depends_on_seed_and_class_alone(void **state)
{
    (void)state;
    tree_class(ROOT, "m", 20);
    tree_class(ROOT, "n", 20);
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = 0.3;
    cen_folder *folder = open_with(ROOT, &options);
    unsigned m = drawn(folder, "m"), n = drawn(folder, "n");
    assert_int_equal(count_bits(m), 6);
    assert_int_not_equal(m, n);
    cen_folder_free(folder);

    tree_class(ROOT, "a", 20);
    folder = open_with(ROOT, &options);
    assert_int_equal(drawn(folder, "m"), m);
    assert_int_equal(drawn(folder, "n"), n);
    const cen_folder_info *info = cen_folder_get(folder);
    for (size_t i = 1; i < info->n_images; i++) { /* by split, class, file name */
        const cen_folder_image *before = &info->images[i - 1], *image = &info->images[i];
        assert_true(before->split <= image->split);
        if (before->split < image->split) continue;
        assert_true(before->label <= image->label);
        assert_true(before->label < image->label || strcmp(before->path, image->path) < 0);
    }
    cen_folder_free(folder);

    options.seed = 2;
    folder = open_with(ROOT, &options);
    assert_int_not_equal(drawn(folder, "m"), m);
    cen_folder_free(folder);
}

static void without_labels_files_and_folders_of_files_will_do(void **state)
{
    (void)state;
    tree_grey(ROOT "/flat/z.pgm", 3, 2, 1);
    tree_grey(ROOT "/flat/y.pgm", 3, 2, 1);
    tree_text(ROOT "/flat/notes.dat", "x");
    tree_class(ROOT "/classes", "only", 1);
    tree_grey(ROOT "/one.pgm", 3, 2, 1);
    tree_text(ROOT "/notes.dat", "x");
    cen_folder_options options = cen_folder_options_init();
    options.unlabelled = true;
    const char *paths[] = {ROOT "/flat", ROOT "/classes", ROOT "/one.pgm", ROOT "/notes.dat"};
    cen_folder *folder;
    assert_int_equal(cen_folder_open(threads(1), &folder, paths, 4, &options, NULL), CEN_OK);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 4);
    assert_image(info, 0, ROOT "/flat/y.pgm", -1, CEN_SPLIT_TRAIN); /* in the order given */
    assert_image(info, 1, ROOT "/flat/z.pgm", -1, CEN_SPLIT_TRAIN);
    assert_image(info, 2, ROOT "/classes/only/00.pgm", 0, CEN_SPLIT_TRAIN);
    assert_image(info, 3, ROOT "/one.pgm", -1, CEN_SPLIT_TRAIN);
    assert_int_equal(info->n_passed_over, 1);
    assert_int_equal(info->n_skipped, 1); /* the file that was asked for by name */
    assert_string_equal(info->skipped[0].path, ROOT "/notes.dat");
    cen_folder_free(folder);

    assert_refused(ROOT "/gone.pgm", &options, CEN_ERROR_IO, ROOT "/gone.pgm: no such file", "");
    assert_refused(ROOT "/notes.dat", &options, CEN_ERROR_ARGUMENT,
                   ROOT "/notes.dat: ", "no image");
    tree_remove(ROOT "/flat");
    tree_text(ROOT "/flat/notes.dat", "x");
    assert_refused(ROOT "/flat", &options, CEN_ERROR_ARGUMENT, "no images", "name a file");
}

static void without_labels_an_own_split_is_kept(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 1);
    tree_class(ROOT "/val", "b", 1);
    cen_folder_options options = cen_folder_options_init();
    options.unlabelled = true;
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 2);
    assert_image(info, 0, ROOT "/train/a/00.pgm", 0, CEN_SPLIT_TRAIN);
    assert_image(info, 1, ROOT "/val/b/00.pgm", 1, CEN_SPLIT_VALIDATION);
    cen_folder_free(folder);
}

static void classes_of_several_folders_are_merged_by_name(void **state)
{
    (void)state;
    tree_class(ROOT "/one", "a", 1);
    tree_class(ROOT "/one", "b", 2);
    tree_class(ROOT "/two", "b", 1);
    tree_class(ROOT "/two", "c", 1);
    cen_folder_options options = without_split();
    const char *paths[] = {ROOT "/two", ROOT "/one"};
    cen_folder *folder;
    assert_int_equal(cen_folder_open(threads(1), &folder, paths, 2, &options, NULL), CEN_OK);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_classes, 3);
    assert_int_equal(info->n_images, 5);
    assert_image(info, 1, ROOT "/one/b/00.pgm", 1, CEN_SPLIT_TRAIN);
    assert_image(info, 2, ROOT "/two/b/00.pgm", 1, CEN_SPLIT_TRAIN);
    assert_image(info, 3, ROOT "/one/b/01.pgm", 1, CEN_SPLIT_TRAIN);
    cen_folder_free(folder);
}

static void the_order_of_an_epoch_is_a_permutation_by_seed_and_epoch(void **state)
{
    (void)state;
    tree_class(ROOT, "a", 10);
    tree_class(ROOT, "b", 10);
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder = open_with(ROOT, &options);
    size_t plain[20], one[20], again[20], next[20];
    const cen_input input = {1, 2, 2, CEN_RESIZE_CROP, {0}, {1}};
    assert_int_equal(cen_folder_load(folder, &input, 0, NULL, NULL, NULL), CEN_OK);
    assert_int_equal(folder_split(folder, CEN_SPLIT_VALIDATION, plain), 2);
    assert_int_equal(plain[0], 18);
    assert_int_equal(plain[1], 19);
    assert_int_equal(folder_split(folder, CEN_SPLIT_TRAIN, plain), 18);
    assert_int_equal(folder_order(folder, 0, 0, 7, 1, one), 18);
    assert_int_equal(folder_order(folder, 0, 0, 7, 1, again), 18);
    assert_int_equal(folder_order(folder, 0, 0, 7, 2, next), 18);
    assert_memory_equal(one, again, 18 * sizeof one[0]);
    assert_memory_not_equal(one, next, 18 * sizeof one[0]);
    bool seen[18] = {false};
    for (size_t i = 0; i < 18; i++) {
        assert_int_equal(plain[i], i);
        assert_false(seen[one[i]]);
        seen[one[i]] = true;
    }
    cen_folder_free(folder);
}

/* printf 'P5 2 1 255\n\1\2' | b2sum -l 128, and the same of \3\4. */
static const uint8_t one_two[CEN_DIGEST_SIZE] = {0x4f, 0xc4, 0xf9, 0x4f, 0xb2, 0x3b, 0x6f, 0x3e,
                                                 0x44, 0x1b, 0xa2, 0xe3, 0xc8, 0x7e, 0x58, 0x21};
static const uint8_t three_four[CEN_DIGEST_SIZE] = {0x6d, 0x83, 0x90, 0x41, 0xf5, 0x48, 0x8b, 0x0e,
                                                    0xa2, 0x27, 0x3c, 0xc0, 0xb3, 0x85, 0x88, 0x9b};

static void images_have_the_digests_of_their_files(void **state)
{
    (void)state;
    tree_write(ROOT "/a/one.pgm", "P5 2 1 255\n\1\2", 13);
    tree_write(ROOT "/a/readme", "not a picture", 13);
    tree_write(ROOT "/b/broken.pgm", "P5 2 1", 6);
    tree_write(ROOT "/b/three.pgm", "P5 2 1 255\n\3\4", 13);
    cen_folder_options options = without_split();
    options.digests = true;
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 2);
    assert_int_equal(info->n_skipped, 1);
    assert_int_equal(info->n_passed_over, 1);
    assert_memory_equal(info->images[0].digest, one_two, CEN_DIGEST_SIZE);
    assert_memory_equal(info->images[1].digest, three_four, CEN_DIGEST_SIZE);
    assert_int_equal(info->images[0].width, 2);
    cen_folder_free(folder);
}

/* Bytes that are no picture are not looked at if their digest is known. */
static void known_images_are_not_looked_at(void **state)
{
    (void)state;
    static const uint8_t known[2][CEN_DIGEST_SIZE] = {{0},
                                                      {0x9c, 0x3b, 0x93, 0x34, 0x85, 0xa7, 0xc3,
                                                       0x69, 0x5a, 0xbd, 0x29, 0x3a, 0x62, 0xc0,
                                                       0xaf, 0xc0}};
    tree_write(ROOT "/a/one.pgm", "P5 2 1 255\n\1\2", 13);
    tree_write(ROOT "/b/known", "not a picture", 13);
    cen_folder_options options = without_split();
    options.digests = true;
    options.known = known;
    options.n_known = 2;
    cen_folder *folder = open_with(ROOT, &options);
    const cen_folder_info *info = cen_folder_get(folder);
    assert_int_equal(info->n_images, 2);
    assert_int_equal(info->images[0].width, 2);
    assert_image(info, 1, ROOT "/b/known", 1, CEN_SPLIT_TRAIN);
    assert_int_equal(info->images[1].width, 0);
    cen_folder_free(folder);
}

static void splits_have_names(void **state)
{
    (void)state;
    assert_string_equal(cen_split_name(CEN_SPLIT_TRAIN), "train");
    assert_string_equal(cen_split_name(CEN_SPLIT_VALIDATION), "val");
    assert_string_equal(cen_split_name(CEN_SPLIT_TEST), "test");
    assert_string_equal(cen_split_name(CEN_SPLIT_HELD_OUT), "heldout");
    assert_string_equal(cen_split_name((cen_split)99), "unknown");
}

/* True where there was enough memory; else it is the error. */
static int opens(void *user)
{
    const char *path = user;
    cen_folder_options options = cen_folder_options_init();
    cen_folder *folder;
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_folder_open(threads(1), &folder, &path, 1, &options, &error);
    if (status == CEN_OK) {
        assert_int_equal(cen_folder_get(folder)->n_images, 6);
    } else {
        assert_int_equal(status, CEN_ERROR_MEMORY);
        assert_int_equal(error.status, CEN_ERROR_MEMORY);
        assert_null(folder);
    }
    cen_folder_free(folder);
    return status == CEN_OK;
}

static void every_failed_allocation_is_the_error(void **state)
{
    (void)state;
    tree_class(ROOT "/train", "a", 3);
    tree_class(ROOT "/train", "b", 3);
    tree_class(ROOT "/test", "c", 1);
    tree_text(ROOT "/train/a/empty.png", "");
    tree_text(ROOT "/train/a/.hidden", "");
    tree_text(ROOT "/train/b/notes.txt", "x");
    assert_true(fail_each_allocation(opens, ROOT) > 30);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(classes_and_images_are_sorted_bytewise),
        TEST(validation_labels_are_matched_by_name),
        TEST(valid_and_validation_mean_val),
        TEST(without_val_beside_test_validation_is_drawn),
        TEST(a_class_may_be_called_train),
        TEST(other_files_are_passed_over_and_counted),
        TEST(files_beside_the_folders_of_splits_are_passed_over),
        TEST(pictures_are_told_by_their_bytes_and_what_converts_others_is_named),
        TEST(broken_images_are_skipped_and_named),
        TEST(the_name_need_not_tell_the_kind),
#if !defined(_WIN32)
        TEST(links_are_followed),
#endif
        TEST(each_bad_folder_has_its_sentence),
        TEST(a_split_folder_without_classes_is_refused),
        TEST(the_split_takes_a_rounded_share_of_each_class),
        TEST(the_split_depends_on_seed_and_class_alone),
        TEST(without_labels_files_and_folders_of_files_will_do),
        TEST(without_labels_an_own_split_is_kept),
        TEST(classes_of_several_folders_are_merged_by_name),
        TEST(the_order_of_an_epoch_is_a_permutation_by_seed_and_epoch),
        TEST(images_have_the_digests_of_their_files),
        TEST(known_images_are_not_looked_at),
        TEST(splits_have_names),
        TEST(every_failed_allocation_is_the_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
