/* Features of a folder, lazy or not: each image of a lazy one is decoded once, the numbers are the same, and
 * pictures that are gone are left out. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <centerloss_eval.h>

#include "support/context.h"
#include "support/tree.h"

#define ROOT "extract"

enum { N = 150, BROKEN = 70 };

static const char *path_of(size_t i)
{
    static char path[64];
    (void)snprintf(path, sizeof path, ROOT "/c%zu/%03zu.pgm", i / 75, i);
    return path;
}

static void make_folder(bool has_broken)
{
    tree_remove(ROOT);
    for (size_t i = 0; i < N; i++) {
        tree_grey(path_of(i), 9 + (int)(i % 4), 8, (int)(i * 37 % 256));
    }
    if (has_broken) tree_write(path_of(BROKEN), "P5\n9 8\n255\nshort", 16);
}

static cen_model *make_model(void)
{
    cen_model *model;
    cen_model_options options = cen_model_options_init();
    options.net = "conv 3 3x3, relu, flatten, dense 5";
    options.input.height = options.input.width = 8;
    assert_int_equal(cen_model_create(NULL, &model, &options, NULL), CEN_OK);
    return model;
}

/* Loaded with a cache of so many images; or lazy. */
static cen_folder *open_folder(const cen_model *model, bool is_lazy, size_t n_cached)
{
    static const char *const roots[] = {ROOT};
    cen_folder *folder;
    cen_folder_options options = cen_folder_options_init();
    options.lazy = is_lazy;
    assert_int_equal(cen_folder_open(threads(2), &folder, roots, 1, &options, NULL), CEN_OK);
    assert_int_equal(
        cen_folder_load(folder, &cen_model_get(model)->input, n_cached * 64, NULL, NULL, NULL),
        CEN_OK);
    return folder;
}

static size_t rows[N];

/* Of the images that can be read, which rows then are. */
static cen_status extract(const cen_model *model, const cen_folder *folder, float *features,
                          size_t *n, cen_error *error)
{
    return cen_model_features(model, cen_folder_dataset(folder), features, rows, n, NULL, NULL,
                              error);
}

static void a_lazy_folder_gives_the_same_features_and_notes_what_is_broken(void **state)
{
    (void)state;
    static float loaded[N * 5], lazy[N * 5];
    make_folder(true);
    cen_model *model = make_model();
    cen_folder *first = open_folder(model, false, 0), *second = open_folder(model, true, 0);
    const cen_folder_info *a = cen_folder_get(first), *b = cen_folder_get(second);
    size_t n;
    assert_int_equal(a->n_images, N - 1);
    assert_int_equal(extract(model, first, loaded, &n, NULL), CEN_OK);
    assert_int_equal(n, N - 1);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(extract(model, second, lazy, &n, NULL), CEN_OK);
        assert_int_equal(n, N - 1);
        assert_int_equal(b->n_skipped, 1); /* and only once */
        assert_string_equal(b->skipped[0].path, path_of(BROKEN));
        for (size_t i = 0; i < N - 1; i++) {
            assert_string_equal(a->images[i].path, b->images[rows[i]].path);
            assert_memory_equal(loaded + 5 * i, lazy + 5 * i, 5 * sizeof(float));
        }
    }
    cen_error error; /* with no rows to say which are left */
    assert_int_equal(
        cen_model_features(model, cen_folder_dataset(second), lazy, NULL, NULL, NULL, NULL, &error),
        CEN_ERROR_FORMAT);
    assert_non_null(strstr(error.message, path_of(BROKEN)));
    cen_folder_free(first);
    cen_folder_free(second);
    cen_model_free(model);
}

static void pictures_that_are_gone_since_the_loading_are_left_out(void **state)
{
    (void)state;
    static float features[N * 5], expected[N * 5];
    for (size_t n_cached = 0; n_cached <= 40; n_cached += 40) {
        make_folder(false);
        cen_model *model = make_model();
        cen_folder *folder = open_folder(model, false, n_cached);
        const cen_folder_info *info = cen_folder_get(folder);
        cen_error error;
        size_t n, n_gone = 0;
        assert_int_equal(extract(model, folder, expected, &n, NULL), CEN_OK);
        assert_int_equal(n, N);
        const size_t gone[] = {40, 41, 77, 104, N - 1}; /* within a batch, between two, the last */
        for (size_t i = 0; i < 5; i++) assert_int_equal(remove(info->images[gone[i]].path), 0);
        assert_int_equal(extract(model, folder, features, &n, NULL), CEN_OK);
        assert_int_equal(n, N - 5);
        for (size_t i = 0; i < n; i++) {
            while (n_gone < 5 && rows[i] > gone[n_gone]) n_gone++;
            assert_int_equal(rows[i], i + n_gone);
            assert_memory_equal(features + 5 * i, expected + 5 * rows[i], 5 * sizeof(float));
        }
        for (size_t i = 0; i < info->n_images; i++) (void)remove(info->images[i].path);
        cen_status status = extract(model, folder, features, &n, &error);
        assert_int_equal(status, n_cached > 0 ? CEN_OK : CEN_ERROR_IO);
        if (n_cached > 0) assert_int_equal(n, n_cached);
        cen_folder_free(folder);
        cen_model_free(model);
    }
}

/* A second look would find nothing. */
static int remove_done(void *user, size_t done, size_t total)
{
    size_t *n_removed = user;
    (void)total;
    for (; *n_removed < done; ++*n_removed) assert_int_equal(remove(path_of(*n_removed)), 0);
    return 0;
}

static void each_image_is_decoded_once(void **state)
{
    (void)state;
    static float features[N * 5];
    static const char *const roots[] = {ROOT};
    size_t n_removed = 0;
    make_folder(false);
    cen_model *model = make_model();
    cen_folder *folder;
    cen_folder_options options = cen_folder_options_init();
    options.validation_share = 0; /* so that images come in the order of paths */
    options.lazy = true;
    assert_int_equal(cen_folder_open(NULL, &folder, roots, 1, &options, NULL), CEN_OK);
    assert_int_equal(cen_folder_load(folder, &cen_model_get(model)->input, 0, NULL, NULL, NULL),
                     CEN_OK);
    assert_int_equal(cen_model_features(model, cen_folder_dataset(folder), features, NULL, NULL,
                                        remove_done, &n_removed, NULL),
                     CEN_OK);
    assert_int_equal(n_removed, N);
    cen_folder_free(folder);
    cen_model_free(model);
}

static void a_feature_that_is_not_finite_is_an_error_that_names_the_image(void **state)
{
    (void)state;
    static float features[N * 5];
    make_folder(false);
    tree_grey(path_of(BROKEN), 9, 8, 255);
    for (size_t i = 0; i < N; i++) {
        if (i != BROKEN) tree_grey(path_of(i), 9, 8, 0);
    }
    for (int is_lazy = 0; is_lazy < 2; is_lazy++) {
        cen_error error;
        cen_model *model = make_model();
        cen_folder *folder = open_folder(model, is_lazy, 0);
        size_t n;
        float *parameters = cen_model_parameters(model, &n);
        for (size_t i = 0; i < n; i++) parameters[i] = parameters[i] > 0 ? 1e30f : 0;
        assert_int_equal(extract(model, folder, features, &n, &error), CEN_ERROR_NOT_FINITE);
        assert_non_null(strstr(error.message, path_of(BROKEN)));
        cen_folder_free(folder);
        cen_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lazy_folder_gives_the_same_features_and_notes_what_is_broken),
        cmocka_unit_test(pictures_that_are_gone_since_the_loading_are_left_out),
        cmocka_unit_test(each_image_is_decoded_once),
        cmocka_unit_test(a_feature_that_is_not_finite_is_an_error_that_names_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
