/* A split that parts series of near-equal pictures is remarked on, and no other. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include <centerloss.h>

#include "support/context.h"
#include "support/tree.h"

#define ROOT "test_tracks.tmp"

enum { CLASSES = 3, TRACKS = 6, FRAMES = 10, SIDE = 12 };

typedef enum { SERIES, SINGLE } content;

static unsigned number(size_t seed)
{
    uint64_t x = (uint64_t)seed * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return (unsigned)(x >> 33);
}

/* A picture of its track, which moves from frame to frame; SINGLE: each picture is its own. */
static void make_picture(const char *path, size_t class, size_t track, size_t frame,
                         content content_of)
{
    char text[32 + 4 * SIDE * SIDE];
    int at = snprintf(text, sizeof text, "P2 %d %d 255\n", SIDE, SIDE);
    size_t scene = 100 * class + track + (content_of == SINGLE ? 1000 * frame : 0);
    for (size_t i = 0; i < SIDE * SIDE; i++) {
        unsigned here = number(1000 * scene + i / 3) % 160;
        unsigned moved = number(1000 * scene + 500 + i / 3) % 160;
        size_t grey =
            (here * (FRAMES - frame) + moved * frame) / FRAMES + number(7 * i + frame) % 8;
        at += snprintf(text + at, sizeof text - (size_t)at, "%zu ", grey);
    }
    tree_text(path, text);
}

static void make_tree(content content_of, const char *pattern)
{
    char path[96];
    tree_remove(ROOT);
    for (size_t i = 0; i < CLASSES * TRACKS * FRAMES; i++) {
        size_t class = i / (TRACKS * FRAMES), track = i / FRAMES % TRACKS, frame = i % FRAMES;
        (void)snprintf(path, sizeof path, pattern, frame % 5 == 2 ? "val" : "train", class, track,
                       frame);
        make_picture(path, class, track, frame, content_of);
    }
}

/* The remark on series of the folder when it is loaded, twice; NULL: none. The folder is the caller's. */
static const char *remark_of(const char *group, cen_folder **folder)
{
    const char *path = ROOT, *found = NULL;
    cen_folder_options options = cen_folder_options_init();
    cen_input input = {.channels = 1, .height = 8, .width = 10};
    cen_error error;
    options.group = group;
    options.validation_share = 0.3;
    if (cen_folder_open(threads(2), folder, &path, 1, &options, &error) != CEN_OK) {
        fail_msg("%s", error.message);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(cen_folder_load(*folder, &input, 1 << 20, NULL, NULL, NULL), CEN_OK);
    }
    const cen_folder_info *info = cen_folder_get(*folder);
    for (size_t i = 0; i < info->n_remarks; i++) {
        if (strstr(info->remarks[i].reason, "frames of one film") == NULL) continue;
        assert_null(found);
        found = info->remarks[i].reason;
    }
    return found;
}

static void check_remark(const char *group, const char *words)
{
    cen_folder *folder;
    const char *remark = remark_of(group, &folder);
    assert_int_equal(remark != NULL, words != NULL);
    if (words != NULL && strstr(remark, words) == NULL) fail_msg("%s", remark);
    cen_folder_free(folder);
}

static void series_that_a_split_parts_are_named_with_the_remedy(void **state)
{
    (void)state;
    make_tree(SERIES, ROOT "/%.0sc%zu/%zu_%02zu.pgm");
    check_remark(NULL, "--group, as '*_*'");
    check_remark("*_*", NULL);
    make_tree(SERIES, ROOT "/%.0sc%zu/%zu/%zu.pgm");
    check_remark(NULL, "--group, as '1'");
    check_remark("1", NULL);
    make_tree(SERIES, ROOT "/%s/c%zu/%zu-%02zu.pgm");
    check_remark(NULL, "move each series to one side of the split");
    tree_remove(ROOT);
}

static void pictures_of_their_own_are_not_remarked_on(void **state)
{
    (void)state;
    make_tree(SINGLE, ROOT "/%.0sc%zu/%zu_%02zu.pgm");
    check_remark(NULL, NULL);
    tree_remove(ROOT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(series_that_a_split_parts_are_named_with_the_remedy),
        cmocka_unit_test(pictures_of_their_own_are_not_remarked_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
