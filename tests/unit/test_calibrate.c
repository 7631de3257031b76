/* cen_gallery_calibrate: against NumPy, and what cen_gallery_ask makes of it. */
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

#include "golden/calibrate.h"

#define PATH "test_calibrate.gallery"

static const char *const names[] = {"Zoe", "anna", "Bo", "ben", "B"};

static void assert_ok(cen_status status, const cen_error *error)
{
    if (status != CEN_OK) fail_msg("%s", error->message);
}

static void assert_near(double a, double b)
{
    if (!(fabs(a - b) <= 2e-6 * fabs(b))) fail_msg("%.9g, expected %.9g", a, b);
}

static cen_gallery *made(size_t place, size_t n)
{
    cen_gallery *gallery;
    cen_error error;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = D;
    options.metric = golden[place].cosine ? CEN_METRIC_COSINE : CEN_METRIC_L2;
    assert_ok(cen_gallery_create(NULL, &gallery, &options, &error), &error);
    for (size_t i = 0; i < n; i++) {
        const cen_gallery_row row = {.name = names[golden[place].names[i]],
                                     .feature = golden[place].gallery + i * D};
        assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    }
    return gallery;
}

static cen_labelled strangers_of(size_t place)
{
    return (cen_labelled){golden[place].pictures, golden[place].labels, PICTURES};
}

static void calibrated(cen_gallery *gallery, size_t place)
{
    cen_error error;
    const cen_labelled strangers = strangers_of(place);
    cen_calibration options = cen_calibration_init();
    options.false_accepts = golden[place].far;
    options.strangers = golden[place].is_own ? NULL : &strangers;
    assert_ok(cen_gallery_calibrate(gallery, &options, &error), &error);
}

static void assert_threshold(const cen_threshold *threshold, const double *expected, size_t place)
{
    assert_near(threshold->distance, expected[0]);
    assert_near(threshold->low, expected[1]);
    assert_near(threshold->high, expected[2]);
    assert_true(threshold->false_accepts == golden[place].far);
    assert_int_equal(threshold->n_strangers, golden[place].n_strangers);
}

static void assert_asked(const cen_gallery *gallery, size_t place, const char *claim)
{
    cen_error error;
    cen_answer answers[QUESTIONS];
    cen_ask_options ask = cen_ask_options_init();
    const double *expected = claim != NULL ? golden[place].same : golden[place].known;
    ask.claim = claim;
    assert_ok(cen_gallery_ask(gallery, golden[place].questions, QUESTIONS, &ask, answers, NULL,
                              NULL, &error),
              &error);
    for (size_t i = 0; i < QUESTIONS; i++) {
        assert_near(answers[i].threshold, expected[0] * golden[place].factors[i]);
        assert_int_equal(answers[i].name != NULL, answers[i].distance <= answers[i].threshold);
    }
}

static void thresholds_are_those_of_numpy_and_each_question_has_its_own(void **state)
{
    cen_error error;
    for (size_t place = 0; place < sizeof golden / sizeof golden[0]; place++) {
        cen_gallery *gallery = made(place, ROWS);
        calibrated(gallery, place);
        const cen_gallery_info *info = cen_gallery_get(gallery);
        assert_threshold(&info->known, golden[place].known, place);
        assert_threshold(&info->same, golden[place].same, place);
        assert_int_equal(info->known.n_pictures, golden[place].is_own ? ROWS : PICTURES);
        assert_asked(gallery, place, NULL);
        assert_asked(gallery, place, "Bo");
        assert_ok(cen_gallery_save(gallery, PATH, &error), &error);
        cen_gallery_free(gallery);
        assert_ok(cen_gallery_load(NULL, &gallery, PATH, false, &error), &error);
        assert_asked(gallery, place, NULL);
        assert_asked(gallery, place, "Bo");
        cen_gallery_free(gallery);
        assert_int_equal(remove(PATH), 0);
    }
    (void)state;
}

/* Cohort and threshold depend on strangers, and stay if the gallery changes. */
static void questions_keep_their_thresholds_when_rows_come_and_go(void **state)
{
    cen_error error;
    cen_gallery *gallery = made(0, ROWS);
    calibrated(gallery, 0);
    const size_t gone[] = {3, 1, 20};
    const float feature[D] = {9, 9, 9};
    const cen_gallery_row row = {.name = "New", .feature = feature};
    assert_ok(cen_gallery_remove(gallery, gone, 3, &error), &error);
    assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    assert_asked(gallery, 0, NULL);
    cen_gallery_free(gallery);
    (void)state;
}

static void copies_of_strangers_and_negatives_change_no_threshold(void **state)
{
    cen_error error;
    cen_gallery *gallery = made(0, ROWS);
    for (size_t i = 0; i < 4; i++) { /* pictures of strangers: "this is not Bo" */
        const cen_gallery_row row = {
            .name = "Bo", .is_negative = true, .feature = golden[0].pictures + i * D};
        assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    }
    calibrated(gallery, 0);
    assert_threshold(&cen_gallery_get(gallery)->known, golden[0].known, 0);
    assert_threshold(&cen_gallery_get(gallery)->same, golden[0].same, 0);
    cen_gallery_free(gallery);
    (void)state;
}

static void assert_refused(cen_gallery *gallery, const cen_labelled *strangers, double far,
                           const char *word)
{
    cen_error error;
    cen_calibration options = cen_calibration_init();
    options.strangers = strangers;
    options.false_accepts = far;
    const cen_threshold before = cen_gallery_get(gallery)->known;
    assert_int_equal(cen_gallery_calibrate(gallery, &options, &error), CEN_ERROR_ARGUMENT);
    if (strstr(error.message, word) == NULL) fail_msg("%s", error.message);
    assert_memory_equal(&before, &cen_gallery_get(gallery)->known, sizeof before);
}

static void what_cannot_be_calibrated_is_refused(void **state)
{
    const cen_labelled all = strangers_of(0);
    cen_labelled few = all;
    cen_gallery *empty = made(0, 0), *one = made(0, 1), *whole = made(0, ROWS);
    int32_t unknown[PICTURES];
    float broken[PICTURES * D];
    calibrated(whole, 0);
    few.n = 9;
    assert_refused(empty, &all, 0.1, "empty");
    assert_refused(one, NULL, 0.1, "too few");
    assert_refused(whole, &few, 0.1, "too few");
    assert_refused(whole, &all, 0, "between 0 and 1");
    assert_refused(whole, &all, NAN, "between 0 and 1");
    memcpy(unknown, golden[0].labels, sizeof unknown);
    unknown[7] = -1;
    assert_refused(whole, &(cen_labelled){golden[0].pictures, unknown, PICTURES}, 0.1, "row 7");
    memcpy(broken, golden[0].pictures, sizeof broken);
    broken[5 * D] = INFINITY;
    assert_refused(whole, &(cen_labelled){broken, golden[0].labels, PICTURES}, 0.1, "row 5");
    assert_refused(whole, &(cen_labelled){golden[0].gallery, golden[0].labels, ROWS}, 0.1,
                   "copies");
    cen_gallery_free(empty);
    cen_gallery_free(one);
    cen_gallery_free(whole);
    (void)state;
}

static void a_gallery_of_one_name_needs_strangers(void **state)
{
    cen_error error;
    cen_gallery *gallery = made(0, 1);
    const cen_gallery_row row = {.name = names[0], .feature = golden[0].gallery + D};
    for (int i = 0; i < 20; i++) assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    assert_refused(gallery, NULL, 0.1, "give pictures of strangers");
    calibrated(gallery, 0);
    cen_gallery_free(gallery);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_are_those_of_numpy_and_each_question_has_its_own),
        cmocka_unit_test(questions_keep_their_thresholds_when_rows_come_and_go),
        cmocka_unit_test(copies_of_strangers_and_negatives_change_no_threshold),
        cmocka_unit_test(what_cannot_be_calibrated_is_refused),
        cmocka_unit_test(a_gallery_of_one_name_needs_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
