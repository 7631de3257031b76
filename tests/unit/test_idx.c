/* IDX pairs -> folders of images. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <centerloss_eval.h>

#include "support/context.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#define ROOT "test_idx.tmp"
#define IMAGES CEN_TESTS_FOLDER "/golden/idx/images"
#define LABELS CEN_TESTS_FOLDER "/golden/idx/labels"

static const char *const names[] = {"shirt", "bag", "ankle boot"};

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

static void unpack(const char *images, const char *labels, const char *const *class_names,
                   size_t most)
{
    cen_error error;
    if (cen_idx_unpack(NULL, images, labels, class_names, class_names == NULL ? 0 : 3, most, ROOT,
                       &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
}

/* The pictures that lie in ROOT are these of the pair, and no others. */
static void assert_unpacked(const char *const *class_names, size_t n_images)
{
    size_t n_found = 0;
    for (size_t c = 0; c < 3; c++) {
        char path[64];
        cen__listing listing;
        (void)snprintf(path, sizeof path, ROOT "/%s", class_names[c]);
        assert_int_equal(cen__os_list(NULL, path, &listing, NULL), CEN_OK);
        n_found += listing.n_names;
        cen__listing_free(&listing);
    }
    assert_int_equal(n_found, n_images);
    for (size_t i = 0; i < n_images; i++) {
        char path[64];
        cen_image image;
        (void)snprintf(path, sizeof path, ROOT "/%s/%05d.png", class_names[i % 3], (int)i);
        assert_int_equal(cen_image_read(threads(1), path, NULL, &image, NULL), CEN_OK);
        assert_int_equal(image.width, 4);
        assert_int_equal(image.height, 5);
        assert_int_equal(image.channels, 1);
        for (size_t p = 0; p < 20; p++) assert_int_equal(image.pixels[p], i * 20 + p);
        cen_image_free(&image);
    }
}

#if !defined(_WIN32)
/* No process writes it, so a killed one has left it. */
static void what_a_killed_process_left_in_a_class_goes(void **state)
{
    (void)state;
    tree_text(ROOT "/bag/.00001.png.0123456789abcdef.cen-tmp", "half of a");
    unpack(IMAGES, LABELS, names, 0);
    assert_false((cen__os_kind(ROOT "/bag/.00001.png.0123456789abcdef.cen-tmp") != CEN__NOTHING));
}
#endif

static void each_image_lands_in_its_class_under_its_index(void **state)
{
    (void)state;
    unpack(IMAGES, LABELS, names, 0);
    assert_unpacked(names, 12);
}

static void packed_files_are_told_by_their_bytes(void **state)
{
    (void)state;
    unpack(IMAGES ".gz", LABELS, names, 0);
    assert_unpacked(names, 12);
    tree_remove(ROOT);
    unpack(IMAGES, LABELS ".gz", names, 0);
    assert_unpacked(names, 12);
}

static void classes_without_names_are_numbers(void **state)
{
    (void)state;
    const char *const numbers[] = {"0", "1", "2"};
    unpack(IMAGES, LABELS, NULL, 0);
    assert_unpacked(numbers, 12);
}

static void at_most_so_many_a_class_are_the_first(void **state)
{
    (void)state;
    unpack(IMAGES, LABELS, names, 3);
    assert_unpacked(names, 9);
}

static void assert_refused(const char *images, const char *labels, size_t n_names,
                           cen_status status, const char *word, const char *other)
{
    cen_error error = {CEN_OK, ""};
    assert_int_equal(cen_idx_unpack(NULL, images, labels, names, n_names, 0, ROOT, &error), status);
    assert_int_equal(error.status, status);
    if (strstr(error.message, word) == NULL || strstr(error.message, other) == NULL) {
        fail_msg("\"%s\" names not both \"%s\" and \"%s\"", error.message, word, other);
    }
}

static void bad_pairs_have_their_sentence(void **state)
{
    (void)state;
    assert_refused(IMAGES ".none", LABELS, 3, CEN_ERROR_IO, IMAGES ".none: ", "open");
    assert_refused(LABELS, IMAGES, 3, CEN_ERROR_FORMAT, LABELS ": not an IDX file of images", "");
    assert_refused(IMAGES, IMAGES, 3, CEN_ERROR_FORMAT, IMAGES ": not an IDX file of labels", "");
    assert_refused(IMAGES, LABELS, 2, CEN_ERROR_ARGUMENT, "image 2 is of class 2", "at least 3");

    tree_text(ROOT "/empty", "");
    assert_refused(ROOT "/empty", LABELS, 3, CEN_ERROR_FORMAT, ROOT "/empty: not an IDX", "");
    tree_write(ROOT "/cut", "\0\0\x08\x03\0\0", 6);
    assert_refused(ROOT "/cut", LABELS, 3, CEN_ERROR_FORMAT, ROOT "/cut: ends after 6 bytes", "");
    tree_write(ROOT "/short", "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x02xyz", 19);
    assert_refused(ROOT "/short", LABELS, 3, CEN_ERROR_FORMAT, "4 bytes of images", "3 follow");
    tree_write(ROOT "/long", "\0\0\x08\x01\0\0\0\x02\0\0\0", 11);
    assert_refused(IMAGES, ROOT "/long", 3, CEN_ERROR_FORMAT, "2 bytes of labels", "3 follow");
    tree_write(ROOT "/huge", "\0\0\x08\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 16);
    assert_refused(ROOT "/huge", LABELS, 3, CEN_ERROR_FORMAT, ROOT "/huge: ", "0 follow");
    tree_write(ROOT "/flat", "\0\0\x08\x03\0\0\0\x0c\0\0\0\0\0\0\0\x02", 16);
    assert_refused(ROOT "/flat", LABELS, 3, CEN_ERROR_FORMAT, ROOT "/flat: ", "0 x 2 pixels");
    tree_write(ROOT "/two", "\0\0\x08\x01\0\0\0\x02\0\x01", 10);
    assert_refused(IMAGES, ROOT "/two", 3, CEN_ERROR_FORMAT, "12 images", "2 labels");
    tree_write(ROOT "/packed", "\x1f\x8b\x08\0broken", 10);
    assert_refused(ROOT "/packed", LABELS, 3, CEN_ERROR_FORMAT, ROOT "/packed: ", "");
}

static void names_that_leave_the_folder_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {"", ".", "..", "../x", "a/b", "a\\b"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const three[] = {"a", "b", bad[i]};
        assert_int_equal(cen_idx_unpack(NULL, IMAGES, LABELS, three, 3, 0, ROOT, NULL),
                         CEN_ERROR_ARGUMENT);
    }
    assert_false((cen__os_kind(ROOT) != CEN__NOTHING));
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    tree_text(ROOT, "a file");
    cen_error error;
    assert_int_equal(cen_idx_unpack(NULL, IMAGES, LABELS, names, 3, 0, ROOT, &error), CEN_ERROR_IO);
    assert_non_null(strstr(error.message, ROOT));
}

/* True where there was enough memory; else it is the error. */
static int unpacks(void *user)
{
    (void)user;
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_idx_unpack(NULL, IMAGES ".gz", LABELS ".gz", names, 3, 1, ROOT, &error);
    assert_true(status == CEN_OK || status == CEN_ERROR_MEMORY);
    assert_int_equal(error.status, status);
    return status == CEN_OK;
}

static void every_failed_allocation_is_the_error(void **state)
{
    (void)state;
    assert_true(fail_each_allocation(unpacks, NULL) > 10);
    assert_unpacked(names, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_image_lands_in_its_class_under_its_index),
        TEST(packed_files_are_told_by_their_bytes),
        TEST(classes_without_names_are_numbers),
        TEST(at_most_so_many_a_class_are_the_first),
        TEST(bad_pairs_have_their_sentence),
        TEST(names_that_leave_the_folder_are_refused),
        TEST(a_folder_that_cannot_be_made_is_named),
        TEST(every_failed_allocation_is_the_error),
#if !defined(_WIN32)
        cmocka_unit_test_teardown(what_a_killed_process_left_in_a_class_goes, clear),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
