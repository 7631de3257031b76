/* Images beyond the cache are decoded once: their bytes wait in a scratch file. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <centerloss.h>

#include "support/context.h"
#include "support/folders.h"
#include "support/tree.h"

#define ROOT "test_scratch.tmp"
#define SCRATCH "test_scratch.bytes"

enum { SIDE = 4, IMAGE = SIDE * SIDE, N = 24, ROOM = 7 };

static const char class_of[] = "abc";

/* Three classes, of images of one grey each. */
static void write_images(void)
{
    tree_remove(ROOT);
    for (int i = 0; i < N; i++) {
        char path[64];
        snprintf(path, sizeof path, ROOT "/%c/%02d.pgm", class_of[i * 3 / N], i);
        tree_grey(path, SIDE, SIDE, i * 10);
    }
}

static cen_folder *load(const char *scratch, size_t cache, bool allow_empty)
{
    const cen_input input = {.channels = 1, .height = SIDE, .width = SIDE};
    cen_folder_options options = without_split();
    cen_error error;
    options.scratch = scratch;
    options.allow_empty = allow_empty;
    cen_folder *folder = open_with(ROOT, &options);
    if (cen_folder_load(folder, &input, cache, NULL, NULL, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    return folder;
}

/* Each row is read by itself, and then all in one call, backwards. */
static void assert_rows(const cen_folder *folder, int first, int n)
{
    const cen_dataset *dataset = cen_folder_dataset(folder);
    float x[N * IMAGE];
    size_t rows[N];
    cen_error error;
    assert_int_equal(dataset->n, n);
    for (int i = 0; i < n; i++) rows[i] = (size_t)(n - 1 - i);
    for (int i = 0; i < n; i++) {
        if (dataset->read(dataset->user, rows + i, 1, x, &error) != CEN_OK) {
            fail_msg("%s", error.message);
        }
        assert_true(x[0] == (float)((first + n - 1 - i) * 10) / 255.0f && x[IMAGE - 1] == x[0]);
    }
    assert_int_equal(dataset->read(dataset->user, rows, (size_t)n, x, &error), CEN_OK);
    for (int i = 0; i < n; i++) {
        assert_true(x[i * IMAGE] == (float)((first + n - 1 - i) * 10) / 255.0f);
    }
}

static void what_is_decoded_is_read_though_the_pictures_are_gone(void **state)
{
    (void)state;
    const size_t caches[] = {0, ROOM * IMAGE, N * IMAGE};
    for (size_t i = 0; i < 3; i++) {
        write_images();
        cen_folder *folder = load(SCRATCH, caches[i], false);
        assert_int_equal(cen_folder_get(folder)->n_remarks, 0);
        tree_remove(ROOT);
        assert_rows(folder, 0, N);
        cen_folder_free(folder);
        assert_int_equal(cen__os_kind(SCRATCH), CEN__NOTHING);
    }
}

static void without_room_for_it_pictures_are_decoded_again_and_a_remark_says_so(void **state)
{
    (void)state;
    const char *scratches[] = {"nowhere/scratch", NULL};
    for (size_t i = 0; i < 2; i++) {
        write_images();
        cen_folder *folder = load(scratches[i], ROOM * IMAGE, false);
        const cen_folder_info *info = cen_folder_get(folder);
        assert_int_equal(info->n_remarks, i == 0);
        if (i == 0) assert_non_null(strstr(info->remarks[0].reason, "decoded again"));
        assert_rows(folder, 0, N);
        cen_folder_free(folder);
    }
}

/* The images after a class that is left out move up. */
static void a_class_that_is_left_out_leaves_the_others_their_bytes(void **state)
{
    (void)state;
    write_images();
    for (int i = 0; i < N / 3; i++) {
        char path[64];
        snprintf(path, sizeof path, ROOT "/a/%02d.pgm", i);
        tree_text(path, "P5\n4 4\n255\n");
    }
    for (size_t cache = 0; cache <= 3 * IMAGE; cache += IMAGE) {
        cen_folder *folder = load(SCRATCH, cache, true);
        const cen_folder_info *info = cen_folder_get(folder);
        const bool is_damaged = info->n_damaged > 0; /* they are used as they are */
        assert_false(is_damaged);
        assert_int_equal(info->n_classes, 2);
        assert_rows(folder, N / 3, 2 * N / 3);
        cen_folder_free(folder);
    }
}

static int clear(void **state)
{
    (void)state;
    tree_remove(ROOT);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_decoded_is_read_though_the_pictures_are_gone),
        cmocka_unit_test(without_room_for_it_pictures_are_decoded_again_and_a_remark_says_so),
        cmocka_unit_test(a_class_that_is_left_out_leaves_the_others_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
