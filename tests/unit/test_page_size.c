/* The page of a run stays small whatever the run has: the parts that grow have a limit each. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/tree.h"

enum {
    CLASSES = 1000,
    SETS = 3,
    FRAMES = 42, /* the most that cl_train keeps, as are the points */
    POINTS = 600,
    EPOCHS = 1001,
    SKIPPED = 3000,
    K = 5,
    SIDE = 64,
    PAGE_MOST = 2000000 /* bytes */
};

/* Nothing in it repeats: colours of noise, all classes confused, long names. */
typedef struct worst {
    char names[CLASSES][120];
    const char *class_names[CLASSES], *paths[POINTS];
    cen_feature_row rows[CLASSES];
    int32_t predicted[CLASSES], labels[POINTS];
    size_t neighbours[CLASSES * K];
    float distances[CLASSES * K], points[FRAMES][2 * POINTS], genuine[1000], impostor[1000];
    cen_confusion confusions[CLASSES];
    cen_epoch_report epochs[EPOCHS];
    cen_report_frame frames[FRAMES];
    cen_file_note skipped[SKIPPED];
    cen_measures measures;
    cen_report_set sets[SETS];
} worst;

static const char *const PICTURE = "page_size/noise.ppm";

static uint32_t draw(void)
{
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

static float unit(void)
{
    return (float)(draw() % 100000) / 100000;
}

static void write_noise(void)
{
    static char bytes[64 + 3 * SIDE * SIDE];
    const int header = snprintf(bytes, sizeof bytes, "P6\n%d %d\n255\n", SIDE, SIDE);
    for (int i = 0; i < 3 * SIDE * SIDE; i++) bytes[header + i] = (char)draw();
    tree_write(PICTURE, bytes, (size_t)header + 3 * SIDE * SIDE);
}

static void fill_rows(worst *w)
{
    for (int i = 0; i < CLASSES; i++) {
        char *name = w->names[i];
        (void)snprintf(name, sizeof w->names[i], "%04d", i);
        memset(name + 4, 'n', sizeof w->names[i] - 5);
        w->class_names[i] = name;
        w->rows[i] = (cen_feature_row){PICTURE, i, name, "val"};
        w->predicted[i] = (i + 1) % CLASSES;
        w->confusions[i] = (cen_confusion){i, (i + 1) % CLASSES, 1};
        for (int j = 0; j < K; j++) {
            w->neighbours[i * K + j] = draw() % CLASSES;
            w->distances[i * K + j] = unit();
        }
        w->genuine[i] = (float)i / CLASSES;
        w->impostor[i] = (float)i / CLASSES + 1;
    }
    w->measures = (cen_measures){.n_queries = CLASSES,
                                 .k = K,
                                 .predicted = w->predicted,
                                 .neighbours = w->neighbours,
                                 .distances = w->distances,
                                 .confusions = w->confusions,
                                 .n_confusions = CLASSES,
                                 .pairs = {w->genuine, w->impostor, CLASSES, CLASSES, false}};
    for (int i = 0; i < SETS; i++)
        w->sets[i] = (cen_report_set){"set", &w->measures, w->rows, w->rows, NULL, w->predicted};
}

static void fill_run(worst *w)
{
    for (size_t i = 0; i < POINTS; i++) {
        w->labels[i] = (int32_t)i;
        w->paths[i] = PICTURE;
    }
    for (size_t i = 0; i < FRAMES; i++) {
        for (size_t j = 0; j < 2 * POINTS; j++) w->points[i][j] = unit();
        w->frames[i] = (cen_report_frame){i + 1, POINTS, 0, w->points[i], NULL, w->labels};
    }
    for (size_t i = 0; i < EPOCHS; i++) {
        double x = (double)unit();
        w->epochs[i] = (cen_epoch_report){.epoch = i + 1,
                                          .n_epochs = EPOCHS,
                                          .train = {x, x, x, x, x, x},
                                          .validation = {x, x, x, x, x, x},
                                          .knn_accuracy = x,
                                          .intra_inter = x,
                                          .center_distance = x,
                                          .center_spread = x,
                                          .lr = x,
                                          .seconds = 1,
                                          .is_best = i == 500};
    }
    for (size_t i = 0; i < SKIPPED; i++) w->skipped[i] = (cen_file_note){w->names[0], "broken"};
}

static char *page_of(const cen_report *report, const char *path)
{
    cen_error error;
    uint8_t *bytes;
    size_t size;
    if (cen_report_write_html(NULL, report, path, &error) != CEN_OK) fail_msg("%s", error.message);
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    char *text = calloc(1, size + 1);
    memcpy(text, bytes, size);
    cen__free(bytes);
    return text;
}

static bool has(const char *page, const char *text)
{
    return strstr(page, text) != NULL;
}

static void the_page_of_the_largest_run_stays_below_two_megabytes(void **state)
{
    (void)state;
    worst *w = calloc(1, sizeof *w);
    fill_rows(w);
    fill_run(w);
    write_noise();
    const cen_report report = {.size = sizeof report,
                               .title = "worst",
                               .class_names = w->class_names,
                               .n_classes = CLASSES,
                               .epochs = w->epochs,
                               .n_epochs = EPOCHS,
                               .frames = w->frames,
                               .n_frames = FRAMES,
                               .point_paths = w->paths,
                               .sets = w->sets,
                               .n_sets = SETS,
                               .skipped = w->skipped,
                               .n_skipped = SKIPPED};
    char *page = page_of(&report, "page_size/worst.html");
    assert_true(strlen(page) < PAGE_MOST);
    /* What is left out is named, and the ends of a list are there. */
    assert_true(has(page, " of 1000 classes; report.json has the others"));
    assert_true(has(page, " of 3000; report.json lists the others"));
    assert_true(has(page, "One epoch of 9, the best and the last"));
    assert_true(has(page, "<th scope=\"row\">501 <span class=\"note\">best yet</span></th>"));
    assert_true(has(page, "<th scope=\"row\">1001</th>"));
    assert_true(has(page, "id=\"sprite\""));
    /* Only what is in the window is laid out at once, and all of it on paper. */
    assert_true(has(page, "section{content-visibility:auto"));
    assert_true(has(page, "print{section{content-visibility:visible}"));
    assert_false(has(page, "<li data-pick=\"1\"><svg"));
    free(page);
    free(w);
}

static void the_rows_of_a_small_run_are_all_there(void **state)
{
    (void)state;
    worst *w = calloc(1, sizeof *w);
    fill_rows(w);
    fill_run(w);
    const cen_report report = {.size = sizeof report,
                               .title = "small",
                               .epochs = w->epochs,
                               .n_epochs = 120,
                               .skipped = w->skipped,
                               .n_skipped = 100};
    char *page = page_of(&report, "page_size/small.html");
    assert_true(has(page, "<th scope=\"row\">119</th>"));
    assert_false(has(page, "report.json has the others"));
    assert_false(has(page, "report.json lists the others"));
    free(page);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_of_the_largest_run_stays_below_two_megabytes),
        cmocka_unit_test(the_rows_of_a_small_run_are_all_there),
    };
    tree_remove("page_size");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
