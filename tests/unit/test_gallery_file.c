/* The file of a gallery: cut, damaged, claiming too much, changed by two. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "search/gallery.h"
#include "support/context.h"
#include "support/gallery_twin.h"

#define PATH "test_gallery_file.gallery"
#define OTHER "test_gallery_file.other.gallery"

enum { SAVES = 4, STEP = 97 };

/* A gallery of several segments, and what it held after each save. */
typedef struct {
    gallery_twin twins[SAVES];
    size_t sizes[SAVES]; /* of the file */
    uint8_t *bytes;
} history;

static void assert_ok(cen_status status, const cen_error *error)
{
    if (status != CEN_OK) fail_msg("%s", error->message);
}

static uint8_t *read_bytes(const char *path, size_t *size)
{
    char *text;
    cen_error error;
    assert_ok(cen_text_read(threads(1), path, SIZE_MAX / 2, &text, size, &error), &error);
    return (uint8_t *)text;
}

/* A new file: some systems bring one that was cut to nothing onto the disk when it is closed. */
static void write_bytes(const char *path, const void *bytes, size_t size)
{
    (void)remove(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static cen_gallery *loaded(const char *path, bool changes)
{
    cen_gallery *gallery;
    cen_error error;
    assert_ok(cen_gallery_load(threads(1), &gallery, path, changes, &error), &error);
    return gallery;
}

static void add(cen_gallery *gallery, gallery_twin *twin, uint64_t *draws, size_t n)
{
    cen_error error;
    for (size_t i = 0; i < n; i++) {
        const cen_gallery_row row = twin_add(twin, draws, twin->n);
        assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    }
}

static int make_history(void **state)
{
    history *h = calloc(1, sizeof *h);
    uint64_t draws = 5;
    cen_error error;
    cen_gallery *gallery;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = TWIN_D;
    options.model = "a/model";
    assert_ok(cen_gallery_create(threads(1), &gallery, &options, &error), &error);
    for (size_t i = 0; i < SAVES; i++) {
        if (i > 0) h->twins[i] = h->twins[i - 1];
        add(gallery, &h->twins[i], &draws, 2 + i);
        assert_ok(cen_gallery_save(gallery, PATH, &error), &error);
        cen_text_free((char *)h->bytes);
        h->bytes = read_bytes(PATH, &h->sizes[i]);
    }
    cen_gallery_free(gallery);
    *state = h;
    return 0;
}

static int free_history(void **state)
{
    history *h = *state;
    cen_text_free((char *)h->bytes);
    free(h);
    return remove(PATH);
}

static void assert_sentence(const cen_error *error, cen_status status, const char *path)
{
    assert_int_equal(error->status, status);
    assert_true(strncmp(error->message, path, strlen(path)) == 0);
    assert_null(strchr(error->message, '\n'));
    assert_true(strlen(error->message) > strlen(path) + 20);
}

/* ---- segments ---------------------------------------------------------------------------------- */

static void test_a_save_appends_and_leaves_all_earlier_bytes(void **state)
{
    const history *h = *state;
    for (size_t i = 1; i < SAVES; i++) {
        assert_true(h->sizes[i] > h->sizes[i - 1]);
        assert_true(h->sizes[i] < h->sizes[i - 1] + 2000);
        if (i + 1 < SAVES) assert_memory_equal(h->bytes + h->sizes[i], "\x93NUMPY", 6);
    }
}

/* The rest that a killed writer leaves is ignored, and cut off by the next writer. */
static void test_a_file_cut_at_any_byte_has_the_state_of_an_earlier_save(void **state)
{
    history *h = *state;
    gallery_twin *twin = malloc(sizeof *twin);
    for (size_t cut = 0; cut < h->sizes[SAVES - 1]; cut++) {
        cen_gallery *gallery;
        cen_error error;
        size_t save = SAVES;
        while (save > 0 && h->sizes[save - 1] > cut) save--;
        write_bytes(OTHER, h->bytes, cut);
        cen_status status = cen_gallery_load(threads(1), &gallery, OTHER, false, &error);
        if (save == 0) {
            assert_int_equal(status, CEN_ERROR_FORMAT);
            assert_sentence(&error, status, OTHER);
            assert_null(gallery);
            continue;
        }
        assert_ok(status, &error);
        assert_null(twin_differs(&h->twins[save - 1], gallery));
        assert_int_equal(cen_gallery_get(gallery)->n_unfinished, cut - h->sizes[save - 1]);
        cen_gallery_free(gallery);
        if (cut % STEP != 0) continue;
        uint64_t draws = cut;
        *twin = h->twins[save - 1];
        gallery = loaded(OTHER, true);
        add(gallery, twin, &draws, 1);
        assert_ok(cen_gallery_save(gallery, OTHER, &error), &error);
        assert_int_equal(cen_gallery_get(gallery)->n_unfinished, 0);
        cen_gallery_free(gallery);
        gallery = loaded(OTHER, false);
        assert_null(twin_differs(twin, gallery));
        assert_int_equal(cen_gallery_get(gallery)->n_unfinished, 0);
        cen_gallery_free(gallery);
    }
    free(twin);
    assert_int_equal(remove(OTHER), 0);
}

/* Uses all of a gallery that may be damaged. */
static void use_all(cen_gallery *gallery, bool saves)
{
    static const float query[TWIN_D] = {0};
    cen_error error;
    float distances[4];
    size_t rows[4], n;
    cen_gallery_row row;
    for (size_t i = 0; i < cen_gallery_get(gallery)->n; i++) {
        const cen_status status = cen_gallery_row_get(gallery, i, &row, &error);
        if (status != CEN_OK) assert_sentence(&error, CEN_ERROR_FORMAT, OTHER);
    }
    (void)cen_gallery_find(gallery, "name 1", rows, 4, &n, &error);
    cen_answer answer;
    cen_ask_options ask = cen_ask_options_init();
    ask.k = 4;
    ask.threshold = 1e9;
    (void)cen_gallery_ask(gallery, query, 1, &ask, &answer, rows, distances, &error);
    ask.claim = "name 1";
    (void)cen_gallery_ask(gallery, query, 1, &ask, &answer, rows, distances, &error);
    if (!saves) return;
    (void)cen_gallery_rename(gallery, "name 1", "name 2", &error);
    const cen_gallery_row more = {"name 3", "source", {0}, false, query};
    assert_ok(cen_gallery_add(gallery, &more, 1, &error), &error);
    cen_status status = cen_gallery_save(gallery, OTHER, &error);
    if (status != CEN_OK) assert_sentence(&error, CEN_ERROR_FORMAT, OTHER);
}

static void test_any_byte_that_is_changed_gives_a_sentence_or_rows(void **state)
{
    history *h = *state;
    const size_t size = h->sizes[SAVES - 1];
    uint8_t *bytes = malloc(size);
    memcpy(bytes, h->bytes, size);
    for (size_t i = 0; i < size; i++) {
        const uint8_t values[] = {(uint8_t)(bytes[i] ^ 1), 0xff};
        for (size_t k = 0; k < sizeof values; k++) {
            cen_gallery *gallery;
            cen_error error;
            bytes[i] = values[k];
            write_bytes(OTHER, bytes, size);
            cen_status status = cen_gallery_load(threads(1), &gallery, OTHER, false, &error);
            if (status != CEN_OK) {
                assert_true(status == CEN_ERROR_FORMAT || status == CEN_ERROR_UNSUPPORTED);
                assert_sentence(&error, status, OTHER);
                continue;
            }
            bool is_state = false;
            for (size_t s = 0; s < SAVES; s++) {
                is_state |= cen_gallery_get(gallery)->n == h->twins[s].n;
            }
            assert_true(is_state);
            use_all(gallery, i % STEP == 0 && k == 1);
            cen_gallery_free(gallery);
        }
        bytes[i] = h->bytes[i];
    }
    free(bytes);
    assert_int_equal(remove(OTHER), 0);
}

/* Otherwise the next writer would cut off all that follows the damage. */
static void test_damage_in_the_middle_is_an_error_and_not_the_work_of_a_killed_writer(void **state)
{
    history *h = *state;
    const size_t size = h->sizes[SAVES - 1];
    cen_gallery *gallery;
    cen_error error;
    h->bytes[h->sizes[0] + 150] ^= 1;
    write_bytes(OTHER, h->bytes, size);
    assert_int_equal(cen_gallery_load(threads(1), &gallery, OTHER, true, &error), CEN_ERROR_FORMAT);
    assert_sentence(&error, CEN_ERROR_FORMAT, OTHER);
    h->bytes[h->sizes[0] + 150] ^= 1;
    assert_int_equal(remove(OTHER), 0);
}

static void test_a_file_that_claims_more_than_it_holds_is_refused_without_memory(void **state)
{
    (void)state;
    static const size_t counts[] = {(size_t)1 << 20, SIZE_MAX >> 24, SIZE_MAX / 600, SIZE_MAX / 2};
    for (size_t i = 0; i < 4 * sizeof counts / sizeof *counts; i++) {
        const size_t count = counts[i / 4];
        const cen__gallery_about about = {.d = i % 4 == 3 ? count : TWIN_D};
        cen__gallery_sizes sizes = {.n = i % 4 == 0 || i % 4 == 3 ? count : 1, .text_size = 64};
        if (i % 4 == 1) sizes.n_names = count;
        if (i % 4 == 2) sizes.text_size = count / 64 * 64;
        cen__text text = {.data = NULL};
        cen__gallery_info_write(&text, &about, &sizes, "");
        write_bytes(OTHER, text.data, text.size);
        cen__free(text.data);
        cen_gallery *gallery;
        cen_error error;
        const cen_status status = cen_gallery_load(threads(1), &gallery, OTHER, false, &error);
        assert_int_equal(status, CEN_ERROR_FORMAT);
        assert_sentence(&error, status, OTHER);
    }
    assert_int_equal(remove(OTHER), 0);
}

/* Each of many descriptions claims to be long. */
static void test_a_long_rest_that_no_writer_left_is_refused(void **state)
{
    const history *h = *state;
    enum { N = 3000 };
    static char header[320];
    const cen__gallery_about about = {.d = TWIN_D};
    const cen__gallery_sizes sizes = {.text_size = 64};
    cen__text text = {.data = NULL}, file = {.data = NULL};
    cen_gallery *gallery;
    cen_error error;
    cen__gallery_info_write(&text, &about, &sizes, "");
    memcpy(header, text.data, 192);
    memcpy(memchr(header, '(', 128), "(65536,), }", 11);
    cen__text_add_bytes(&file, (const char *)h->bytes, h->sizes[0]);
    for (size_t i = 0; i < N; i++) cen__text_add_bytes(&file, header, 192);
    write_bytes(OTHER, file.data, file.size);
    assert_int_equal(cen_gallery_load(threads(1), &gallery, OTHER, false, &error),
                     CEN_ERROR_FORMAT);
    assert_sentence(&error, CEN_ERROR_FORMAT, OTHER);
    cen__free(text.data);
    cen__free(file.data);
    assert_int_equal(remove(OTHER), 0);
}

static void test_what_is_no_gallery_is_named(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "row\tpath\n", "\x93NUMPY"};
    for (size_t i = 0; i < 3; i++) {
        cen_gallery *gallery;
        cen_error error;
        write_bytes(OTHER, texts[i], strlen(texts[i]));
        assert_int_equal(cen_gallery_load(threads(1), &gallery, OTHER, false, &error),
                         CEN_ERROR_FORMAT);
        assert_sentence(&error, CEN_ERROR_FORMAT, OTHER);
    }
    assert_int_equal(remove(OTHER), 0);
    cen_gallery *gallery;
    cen_error error;
    assert_int_equal(cen_gallery_load(threads(1), &gallery, OTHER, false, &error), CEN_ERROR_IO);
    assert_sentence(&error, CEN_ERROR_IO, OTHER);
}

/* fuzz/corpus.py writes it from what format/gallery_file.h says. */
static void test_a_file_that_another_program_has_put_together_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *name, *source;
        float feature[2];
    } expected[] = {{"a", "s", {1, 2}},
                    {"b", "", {3, -4}},
                    {"a", "t", {0.5f, 0}},
                    {"c", "", {5, 6}},
                    {"a", "u", {7, 8}}};
    cen_gallery *gallery = loaded(CEN_TESTS_FOLDER "/fuzz/corpus/gallery/three", false);
    assert_int_equal(cen_gallery_get(gallery)->n, 5);
    assert_int_equal(cen_gallery_get(gallery)->n_negatives, 2);
    for (size_t i = 0; i < 5; i++) {
        cen_gallery_row row;
        assert_int_equal(cen_gallery_row_get(gallery, i, &row, NULL), CEN_OK);
        assert_string_equal(row.name, expected[i].name);
        assert_string_equal(row.source, expected[i].source);
        assert_memory_equal(row.feature, expected[i].feature, sizeof expected[i].feature);
        for (size_t j = 0; j < CEN_DIGEST_SIZE; j++) assert_int_equal(row.digest[j], j);
        assert_int_equal(row.is_negative, i == 1 || i == 3);
    }
    assert_int_equal(gallery->state_size, 5);
    assert_memory_equal(gallery->state, "other", 5);
    cen_gallery_free(gallery);
    gallery = loaded(CEN_TESTS_FOLDER "/fuzz/corpus/gallery/one", false);
    assert_string_equal(cen_gallery_get(gallery)->model, "a/model");
    assert_true(cen_gallery_get(gallery)->known.high == 0.1);
    cen_gallery_free(gallery);
}

/* ---- others ------------------------------------------------------------------------------------ */

static void test_a_reader_keeps_what_it_has_loaded(void **state)
{
    const history *h = *state;
    cen_error error;
    const size_t last = SAVES - 1, row = 0;
    write_bytes(OTHER, h->bytes, h->sizes[last]);
    cen_gallery *reader = loaded(OTHER, false), *writer = loaded(OTHER, true);
    gallery_twin *twin = malloc(sizeof *twin);
    *twin = h->twins[last];
    uint64_t draws = 3;
    add(writer, twin, &draws, 3);
    assert_ok(cen_gallery_save(writer, OTHER, &error), &error);
    assert_null(twin_differs(&h->twins[last], reader));
    cen_gallery *second = loaded(OTHER, false);
    assert_ok(cen_gallery_remove(writer, &row, 1, &error), &error);
    assert_ok(cen_gallery_save(writer, OTHER, &error), &error);
    assert_null(twin_differs(&h->twins[last], reader));
    assert_null(twin_differs(twin, second));
    twin_remove(twin, 0);
    assert_null(twin_differs(twin, writer));
    cen_gallery_free(reader);
    cen_gallery_free(second);
    cen_gallery_free(writer);
    free(twin);
    assert_int_equal(remove(OTHER), 0);
}

static void test_changes_of_somebody_else_are_not_overwritten(void **state)
{
    const history *h = *state;
    cen_error error;
    uint64_t draws = 3;
    write_bytes(OTHER, h->bytes, h->sizes[0]);
    cen_gallery *late = loaded(OTHER, false), *first = loaded(OTHER, true);
    gallery_twin *twin = malloc(sizeof *twin), *lost = malloc(sizeof *lost);
    *twin = *lost = h->twins[0];
    add(first, twin, &draws, 1);
    add(late, lost, &draws, 1);
    assert_ok(cen_gallery_save(first, OTHER, &error), &error);
    cen_gallery_free(first); /* and its lock */
    assert_int_equal(cen_gallery_save(late, OTHER, &error), CEN_ERROR_IO);
    assert_sentence(&error, CEN_ERROR_IO, OTHER);
    cen_gallery_free(late);
    late = loaded(OTHER, false);
    assert_null(twin_differs(twin, late));
    cen_gallery_free(late);
    free(twin);
    free(lost);
    assert_int_equal(remove(OTHER), 0);
}

static void test_what_was_removed_or_renamed_is_gone_from_the_bytes(void **state)
{
    (void)state;
    cen_error error;
    cen_gallery *gallery;
    const float feature[TWIN_D] = {1.25f, 2.5f};
    cen_gallery_options options = cen_gallery_options_init();
    options.d = TWIN_D;
    assert_ok(cen_gallery_create(threads(1), &gallery, &options, &error), &error);
    const cen_gallery_row rows[] = {{"staying", "one.png", {1}, false, feature},
                                    {"leaving", "gone.png", {77, 78, 79}, false, feature},
                                    {"formerly", "two.png", {2}, false, feature}};
    assert_ok(cen_gallery_add(gallery, rows, 3, &error), &error);
    assert_ok(cen_gallery_save(gallery, OTHER, &error), &error);
    const size_t row = 1;
    assert_ok(cen_gallery_remove(gallery, &row, 1, &error), &error);
    assert_ok(cen_gallery_rename(gallery, "formerly", "now", &error), &error);
    assert_ok(cen_gallery_save(gallery, OTHER, &error), &error);
    size_t size;
    uint8_t *bytes = read_bytes(OTHER, &size);
    static const char *const words[] = {"leaving", "gone.png", "MNO", "formerly", "staying", "now"};
    for (size_t w = 0; w < 6; w++) {
        bool is_there = false;
        const size_t length = strlen(words[w]);
        for (size_t i = 0; i + length <= size; i++) {
            is_there |= memcmp(bytes + i, words[w], length) == 0;
        }
        assert_int_equal(is_there, w >= 4);
    }
    cen_text_free((char *)bytes);
    cen_gallery_free(gallery);
    assert_int_equal(remove(OTHER), 0);
}

static void test_a_gallery_is_read_as_features_without_its_negatives(void **state)
{
    const history *h = *state;
    const gallery_twin *twin = &h->twins[SAVES - 1];
    cen_error error;
    cen_feature_set set;
    write_bytes(OTHER, h->bytes, h->sizes[SAVES - 1]);
    assert_ok(cen_features_read(threads(1), OTHER, &set, &error), &error);
    size_t n = 0;
    for (size_t i = 0; i < twin->n; i++) {
        if (twin->rows[i].is_negative) continue;
        assert_true(n < set.n);
        assert_string_equal(set.rows[n].path, twin->rows[i].source);
        assert_string_equal(set.rows[n].class_name, twin->rows[i].name);
        assert_string_equal(set.class_names[set.rows[n].label], twin->rows[i].name);
        assert_memory_equal(set.features + n * TWIN_D, twin->rows[i].feature,
                            TWIN_D * sizeof(float));
        n++;
    }
    assert_int_equal(set.n, n);
    assert_true(n < twin->n);
    assert_int_equal(set.d, TWIN_D);
    cen_features_free(&set);
    assert_int_equal(remove(OTHER), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gallery_is_read_as_features_without_its_negatives),
        cmocka_unit_test(test_a_save_appends_and_leaves_all_earlier_bytes),
        cmocka_unit_test(test_a_file_cut_at_any_byte_has_the_state_of_an_earlier_save),
        cmocka_unit_test(test_any_byte_that_is_changed_gives_a_sentence_or_rows),
        cmocka_unit_test(test_damage_in_the_middle_is_an_error_and_not_the_work_of_a_killed_writer),
        cmocka_unit_test(test_a_file_that_claims_more_than_it_holds_is_refused_without_memory),
        cmocka_unit_test(test_a_long_rest_that_no_writer_left_is_refused),
        cmocka_unit_test(test_what_is_no_gallery_is_named),
        cmocka_unit_test(test_a_file_that_another_program_has_put_together_is_read),
        cmocka_unit_test(test_a_reader_keeps_what_it_has_loaded),
        cmocka_unit_test(test_changes_of_somebody_else_are_not_overwritten),
        cmocka_unit_test(test_what_was_removed_or_renamed_is_gone_from_the_bytes),
    };
    return cmocka_run_group_tests(tests, make_history, free_history);
}
