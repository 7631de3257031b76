/* Features of a folder, loaded or not: each image is decoded once, the numbers are the same, and pictures that
 * are gone are skipped. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <centerloss.h>

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

static cen_folder *open_folder(void)
{
    static const char *const roots[] = {ROOT};
    cen_folder *folder;
    cen_folder_options options = cen_folder_options_init();
    assert_int_equal(cen_folder_open(threads(2), &folder, roots, 1, &options, NULL), CEN_OK);
    return folder;
}

static void a_folder_that_was_not_loaded_gives_the_same_features(void **state)
{
    (void)state;
    static float loaded[N * 5], streamed[N * 5];
    make_folder(true);
    cen_model *model = make_model();
    cen_folder *first = open_folder(), *second = open_folder();
    assert_int_equal(cen_folder_load(first, &cen_model_get(model)->input, 0, NULL, NULL, NULL),
                     CEN_OK);
    assert_int_equal(cen_model_folder_features(model, first, loaded, NULL, NULL, NULL), CEN_OK);
    assert_int_equal(cen_model_folder_features(model, second, streamed, NULL, NULL, NULL), CEN_OK);
    const cen_folder_info *a = cen_folder_get(first), *b = cen_folder_get(second);
    assert_int_equal(a->n_images, N - 1);
    assert_int_equal(b->n_images, N - 1);
    assert_int_equal(b->n_skipped, 1);
    for (size_t i = 0; i < N - 1; i++) {
        assert_string_equal(a->images[i].path, b->images[i].path);
        assert_memory_equal(loaded + 5 * i, streamed + 5 * i, 5 * sizeof(float));
    }
    cen_folder_free(first);
    cen_folder_free(second);
    cen_model_free(model);
}

static void pictures_that_are_gone_since_the_loading_are_skipped(void **state)
{
    (void)state;
    static float features[N * 5], expected[N * 5];
    for (size_t n_cached = 0; n_cached <= 40; n_cached += 40) {
        make_folder(false);
        cen_model *model = make_model();
        cen_folder *folder = open_folder(), *left;
        const cen_folder_info *info = cen_folder_get(folder);
        cen_error error;
        assert_int_equal(
            cen_folder_load(folder, &cen_model_get(model)->input, n_cached * 64, NULL, NULL, NULL),
            CEN_OK);
        const size_t gone[] = {40, 41, 77, 104, N - 1}; /* within a batch, between two, the last */
        for (size_t i = 0; i < 5; i++) assert_int_equal(remove(info->images[gone[i]].path), 0);
        const char *first_gone = info->images[40].path;
        assert_int_equal(cen_model_folder_features(model, folder, features, NULL, NULL, NULL),
                         CEN_OK);
        assert_int_equal(info->n_images, N - 5);
        assert_int_equal(info->n_skipped, 5);
        assert_string_equal(info->skipped[0].path, first_gone);
        assert_non_null(strstr(info->skipped[0].reason, "cannot open"));
        left = open_folder(); /* with another split, and so another order */
        assert_int_equal(cen_model_folder_features(model, left, expected, NULL, NULL, NULL),
                         CEN_OK);
        const cen_folder_info *other = cen_folder_get(left);
        assert_int_equal(other->n_images, N - 5);
        for (size_t i = 0; i < N - 5; i++) {
            size_t j = 0;
            while (strcmp(info->images[i].path, other->images[j].path) != 0) j++;
            assert_memory_equal(features + 5 * i, expected + 5 * j, 5 * sizeof(float));
        }
        for (size_t i = 0; i < info->n_images; i++) (void)remove(info->images[i].path);
        cen_status status = cen_model_folder_features(model, folder, features, NULL, NULL, &error);
        assert_int_equal(status, n_cached > 0 ? CEN_OK : CEN_ERROR_IO);
        assert_int_equal(info->n_images, n_cached > 0 ? n_cached : N - 5);
        cen_folder_free(left);
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
    assert_int_equal(cen_folder_open(NULL, &folder, roots, 1, &options, NULL), CEN_OK);
    assert_int_equal(
        cen_model_folder_features(model, folder, features, remove_done, &n_removed, NULL), CEN_OK);
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
    for (int is_loaded = 0; is_loaded < 2; is_loaded++) {
        cen_error error;
        cen_model *model = make_model();
        cen_folder *folder = open_folder();
        size_t n;
        float *parameters = cen_model_parameters(model, &n);
        for (size_t i = 0; i < n; i++) parameters[i] = parameters[i] > 0 ? 1e30f : 0;
        if (is_loaded) {
            assert_int_equal(
                cen_folder_load(folder, &cen_model_get(model)->input, 0, NULL, NULL, NULL), CEN_OK);
        }
        assert_int_equal(cen_model_folder_features(model, folder, features, NULL, NULL, &error),
                         CEN_ERROR_NOT_FINITE);
        assert_non_null(strstr(error.message, path_of(BROKEN)));
        cen_folder_free(folder);
        cen_model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_that_was_not_loaded_gives_the_same_features),
        cmocka_unit_test(pictures_that_are_gone_since_the_loading_are_skipped),
        cmocka_unit_test(each_image_is_decoded_once),
        cmocka_unit_test(a_feature_that_is_not_finite_is_an_error_that_names_the_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
