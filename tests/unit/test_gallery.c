/* Galleries: the object and its file. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "search/gallery.h"
#include "support/gallery_twin.h"

#define PATH "test_gallery.gallery"

static void assert_ok(cen_status status, const cen_error *error)
{
    if (status != CEN_OK) fail_msg("%s", error->message);
}

static cen_gallery *made(cen_metric metric)
{
    cen_gallery *gallery;
    cen_error error;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = TWIN_D;
    options.metric = metric;
    options.model = "some/model";
    options.fingerprint = "0123456789abcdef0123456789abcdef";
    assert_ok(cen_gallery_create(NULL, &gallery, &options, &error), &error);
    return gallery;
}

static cen_gallery *loaded(const char *path, bool changes)
{
    cen_gallery *gallery;
    cen_error error;
    assert_ok(cen_gallery_load(NULL, &gallery, path, changes, &error), &error);
    return gallery;
}

static void saved(cen_gallery *gallery, const char *path)
{
    cen_error error;
    assert_ok(cen_gallery_save(gallery, path, &error), &error);
}

static void assert_twin(const gallery_twin *twin, const cen_gallery *gallery)
{
    const char *what = twin_differs(twin, gallery);
    if (what != NULL) fail_msg("%s differs, of %zu rows", what, twin->n);
}

static void add_some(cen_gallery *gallery, gallery_twin *twin, uint64_t *draws, size_t n)
{
    cen_error error;
    static size_t number;
    for (size_t i = 0; i < n; i++) {
        const cen_gallery_row row = twin_add(twin, draws, number++);
        assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    }
}

static void change(cen_gallery *gallery, gallery_twin *twin, uint64_t *draws)
{
    cen_error error;
    char from[TWIN_TEXT], to[TWIN_TEXT];
    switch (twin_draw(draws, 4)) {
    case 0:
        for (size_t n = twin_draw(draws, 3); n > 0 && twin->n > 0; n--) {
            const size_t row = twin_draw(draws, twin->n);
            twin_remove(twin, row);
            assert_ok(cen_gallery_remove(gallery, &row, 1, &error), &error);
        }
        break;
    case 1:
        (void)snprintf(from, sizeof from, "name %zu", twin_draw(draws, 12));
        (void)snprintf(to, sizeof to, "name %zu", twin_draw(draws, 14));
        const cen_status expected = twin_rename(twin, from, to) > 0 ? CEN_OK : CEN_ERROR_ARGUMENT;
        assert_int_equal(cen_gallery_rename(gallery, from, to, &error), expected);
        break;
    default: add_some(gallery, twin, draws, twin_draw(draws, 6));
    }
}

static void test_histories_in_memory_and_in_the_file_are_those_of_plain_arrays(void **state)
{
    (void)state;
    gallery_twin *twin = calloc(1, sizeof *twin);
    for (uint64_t history = 0; history < 60; history++) {
        uint64_t draws = history;
        twin->n = 0;
        cen_gallery *gallery = made(CEN_METRIC_L2);
        for (int i = 0; i < 60; i++) {
            change(gallery, twin, &draws);
            if (twin_draw(&draws, 5) == 0) saved(gallery, PATH);
            if (twin_draw(&draws, 9) == 0) {
                saved(gallery, PATH);
                cen_gallery_free(gallery);
                gallery = loaded(PATH, twin_draw(&draws, 2) == 0);
            }
            assert_twin(twin, gallery);
        }
        cen_gallery_free(gallery);
    }
    free(twin);
    assert_int_equal(remove(PATH), 0);
}

static void test_a_name_is_found_with_its_rows(void **state)
{
    (void)state;
    uint64_t draws = 4;
    gallery_twin *twin = calloc(1, sizeof *twin);
    cen_gallery *gallery = made(CEN_METRIC_L2);
    add_some(gallery, twin, &draws, 200);
    for (int i = 0; i < 2; i++) {
        size_t rows[200], n, expected = 0;
        assert_int_equal(cen_gallery_find(gallery, "name 3", rows, 200, &n, NULL), CEN_OK);
        for (size_t row = 0; row < twin->n; row++) {
            if (strcmp(twin->rows[row].name, "name 3") == 0)
                assert_int_equal(rows[expected++], row);
        }
        assert_int_equal(n, expected);
        assert_int_equal(cen_gallery_find(gallery, "name 3", rows, 1, &n, NULL), CEN_OK);
        assert_int_equal(n, expected);
        assert_int_equal(cen_gallery_find(gallery, "nobody", NULL, 0, &n, NULL), CEN_OK);
        assert_int_equal(n, 0);
        saved(gallery, PATH);
        cen_gallery_free(gallery);
        gallery = loaded(PATH, false);
    }
    cen_gallery_free(gallery);
    free(twin);
    assert_int_equal(remove(PATH), 0);
}

static void test_the_description_comes_back(void **state)
{
    (void)state;
    cen_error error;
    const cen_threshold known = {0.1, 0.01, 0.005, 0.02, 1000, 40};
    const cen_threshold same = {0.3, 0.001, 0.0005, 0.01, 500, 20};
    cen_gallery *gallery = made(CEN_METRIC_COSINE);
    assert_ok(cen__gallery_set_calibration(gallery, &known, &same, "state\0bytes", 11, &error),
              &error);
    for (int i = 0; i < 3; i++) {
        const cen_gallery_info *info = cen_gallery_get(gallery);
        assert_int_equal(info->d, TWIN_D);
        assert_int_equal(info->metric, CEN_METRIC_COSINE);
        assert_string_equal(info->model, "some/model");
        assert_string_equal(info->fingerprint, "0123456789abcdef0123456789abcdef");
        assert_memory_equal(&info->known, &known, sizeof known);
        assert_memory_equal(&info->same, &same, sizeof same);
        assert_int_equal(gallery->state_size, 11);
        assert_memory_equal(gallery->state, "state\0bytes", 11);
        saved(gallery, PATH);
        if (i == 1) { /* one more segment keeps the state of the first */
            gallery_twin *twin = calloc(1, sizeof *twin);
            uint64_t draws = 1;
            add_some(gallery, twin, &draws, 3);
            saved(gallery, PATH);
            free(twin);
        }
        cen_gallery_free(gallery);
        gallery = loaded(PATH, false);
    }
    cen_gallery_free(gallery);
    assert_int_equal(remove(PATH), 0);
}

/* The nearest of a kind, by comparing all. */
static void assert_nearest(const cen_gallery *gallery, const gallery_twin *twin, bool negatives,
                           size_t k)
{
    enum { QUESTIONS = 7 };
    uint64_t draws = 77;
    cen_error error;
    float queries[QUESTIONS * TWIN_D], *distances = calloc(QUESTIONS * k, sizeof *distances);
    size_t *rows = calloc(QUESTIONS * k, sizeof *rows), n_kind = 0, n_found;
    for (size_t i = 0; i < QUESTIONS * TWIN_D; i++) {
        queries[i] = (float)twin_draw(&draws, 1000) / 64 - 8;
    }
    for (size_t i = 0; i < twin->n; i++) n_kind += twin->rows[i].is_negative == negatives;
    const cen__gallery_query query = {
        .queries = queries, .n = QUESTIONS, .k = k, .negatives = negatives};
    const cen__found found = {.indices = rows, .distances = distances};
    assert_ok(cen__gallery_search(gallery, &query, found, &n_found, &error), &error);
    assert_int_equal(n_found, k < n_kind ? k : n_kind);
    for (size_t q = 0; q < QUESTIONS; q++) {
        double last = -1;
        for (size_t j = 0; j < n_found; j++) {
            size_t best = SIZE_MAX;
            double least = INFINITY;
            for (size_t i = 0; i < twin->n; i++) {
                double square = 0;
                bool is_used = twin->rows[i].is_negative != negatives;
                for (size_t before = 0; before < j; before++) is_used |= rows[q * k + before] == i;
                for (size_t c = 0; c < TWIN_D; c++) {
                    const double step =
                        (double)queries[q * TWIN_D + c] - (double)twin->rows[i].feature[c];
                    square += step * step;
                }
                if (is_used || square >= least) continue;
                least = square;
                best = i;
            }
            assert_int_equal(rows[q * k + j], best);
            assert_true((float)sqrt(least) == distances[q * k + j]);
            assert_true(sqrt(least) >= last);
            last = sqrt(least);
        }
    }
    free(rows);
    free(distances);
}

static void test_the_nearest_of_all_segments_are_exact_without_negatives(void **state)
{
    (void)state;
    uint64_t draws = 9;
    gallery_twin *twin = calloc(1, sizeof *twin);
    cen_gallery *gallery = made(CEN_METRIC_L2);
    for (int i = 0; i < 6; i++) {
        add_some(gallery, twin, &draws, 40);
        saved(gallery, PATH);
        assert_nearest(gallery, twin, false, 5);
        assert_nearest(gallery, twin, true, 5);
        const size_t row = twin_draw(&draws, twin->n);
        twin_remove(twin, row);
        assert_int_equal(cen_gallery_remove(gallery, &row, 1, NULL), CEN_OK);
        assert_nearest(gallery, twin, false, 500);
        assert_nearest(gallery, twin, true, 500);
    }
    cen_gallery_free(gallery);
    free(twin);
    assert_int_equal(remove(PATH), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories_in_memory_and_in_the_file_are_those_of_plain_arrays),
        cmocka_unit_test(test_a_name_is_found_with_its_rows),
        cmocka_unit_test(test_the_description_comes_back),
        cmocka_unit_test(test_the_nearest_of_all_segments_are_exact_without_negatives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
