#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#endif

#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#if !defined(_WIN32)
#include <signal.h>
#include <sys/resource.h>
#endif

#include "format/json.h"
#include "report/report.h"
#include "support/decimal_comma.h"
#include "support/limited_memory.h"
#include "support/tree.h"

#include "golden/report_classes.h"

#define HOSTILE "</script><b a='x' b=\"y\">&\xFF\xC3\xA9"
#define HOSTILE_JSON "</script><b a='x' b=\"y\">&\xEF\xBF\xBD\xC3\xA9"
#define HOSTILE_HTML                                                                               \
    "&lt;/script&gt;&lt;b a=&#39;x&#39; b=&quot;y&quot;&gt;&amp;\xEF\xBF\xBD\xC3\xA9"

enum { N = 12, K = 3 };

/* Twelve pictures of three classes, one file of them there, every second answer wrong. */
typedef struct example {
    cen_measures measures;
    cen_feature_row rows[N];
    int32_t predicted[N], labels[N];
    size_t neighbours[N * K];
    float distances[N * K], genuine[6], impostor[12], points[2][2 * N], centers[2][6];
    cen_confusion confusions[2];
    const char *names[3], *facts[2];
    cen_epoch_report epochs[2];
    cen_report_frame frames[2];
    cen_file_note skipped;
    cen_report_set set;
    cen_report report;
} example;

static void fill_rows(example *e)
{
    cen_measures *m = &e->measures;
    for (size_t i = 0; i < N; i++) {
        e->labels[i] = (int32_t)(i % 3);
        e->rows[i] = (cen_feature_row){i == 0 ? "report/picture.pgm" : "report/gone.png",
                                       e->labels[i], e->names[i % 3], "val"};
        e->predicted[i] = i % 2 == 0 ? e->labels[i] : (e->labels[i] + 1) % 3;
        for (size_t j = 0; j < K; j++) {
            e->neighbours[i * K + j] = (i + j + 1) % N;
            e->distances[i * K + j] = (float)(j + 1) / 3;
        }
    }
    e->confusions[0] = (cen_confusion){1, 2, 4};
    e->confusions[1] = (cen_confusion){0, 1, 2};
    m->n_queries = N;
    m->k = K;
    m->predicted = e->predicted;
    m->neighbours = e->neighbours;
    m->distances = e->distances;
    m->confusions = e->confusions;
    m->n_confusions = 2;
}

static void fill_measures(example *e)
{
    cen_measures *m = &e->measures;
    for (size_t i = 0; i < 6; i++) e->genuine[i] = 0.5f + (float)i / 8;
    for (size_t i = 0; i < 12; i++) e->impostor[i] = 1 + (float)i / 7;
    m->pairs = (cen_pairs){e->genuine, e->impostor, 6, 12, false};
    m->retrieval =
        (cen_retrieval){N, 1, 2.0 / 3, 0.123456789, 1.0 / 7, 1e-9, 0.6, {0.4, 0.9}, {0.05, 0.3}};
    m->verification =
        (cen_verification){6, 12, false, 0.97, 1.0 / 12, 1.0625, {5.0 / 6, 2.0 / 3, NAN}};
    m->few_shot[0] = (cen_episodes){3, 1, 600, 0.875, 0.0041};
    m->few_shot[1] = (cen_episodes){3, 5, 0, NAN, NAN};
    m->intra_inter = 12345678.9;
}

static void fill_run(example *e)
{
    for (size_t i = 0; i < 2; i++) {
        e->epochs[i] = (cen_epoch_report){.epoch = i + 1,
                                          .n_epochs = 2,
                                          .train = {1.1, 1.0 / 3, 2.5, 0.5, 0.2, 0.1},
                                          .validation = {NAN, NAN, NAN, NAN, NAN, NAN},
                                          .knn_accuracy = i == 0 ? NAN : 0.75,
                                          .intra_inter = NAN,
                                          .seconds = 1.5,
                                          .is_best = true};
        for (size_t j = 0; j < 2 * N; j++) e->points[i][j] = (float)(j % 7) - (float)i;
        for (size_t j = 0; j < 6; j++) e->centers[i][j] = (float)j;
        e->frames[i] = (cen_report_frame){i + 1, N, 3, e->points[i], e->centers[i], e->labels};
    }
    e->points[1][4] = NAN;
}

static example *make_example(void)
{
    example *e = calloc(1, sizeof *e);
    e->names[0] = HOSTILE;
    e->names[1] = "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D";
    e->names[2] = "c";
    e->facts[0] = "Net";
    e->facts[1] = HOSTILE;
    e->skipped = (cen_file_note){HOSTILE, "a file of 0 bytes"};
    fill_rows(e);
    fill_measures(e);
    fill_run(e);
    e->set = (cen_report_set){HOSTILE, &e->measures, e->rows, e->rows, HOSTILE, e->predicted};
    const char *const *facts = (const char *const *)e->facts;
    e->report = (cen_report){.size = sizeof(cen_report),
                             .title = HOSTILE,
                             .command = HOSTILE,
                             .facts = facts,
                             .n_facts = 1,
                             .class_names = (const char *const *)e->names,
                             .n_classes = 3,
                             .epochs = e->epochs,
                             .n_epochs = 2,
                             .frames = e->frames,
                             .n_frames = 2,
                             .sets = &e->set,
                             .n_sets = 1,
                             .skipped = &e->skipped,
                             .n_skipped = 1,
                             .seed = 1};
    tree_grey("report/picture.pgm", 80, 40, 77);
    return e;
}

static char *read_text(const char *path)
{
    uint8_t *bytes;
    size_t size;
    assert_int_equal(cen__file_read(NULL, path, SIZE_MAX, &bytes, &size, NULL), CEN_OK);
    char *text = malloc(size + 1);
    memcpy(text, bytes, size);
    text[size] = '\0';
    assert_int_equal(strlen(text), size);
    cen__free(bytes);
    return text;
}

static char *write_and_read(const cen_report *report, bool is_json)
{
    cen_error error;
    const char *path = is_json ? "report/report.json" : "report/report.html";
    cen_status status = is_json ? cen_report_write_json(NULL, report, path, &error)
                                : cen_report_write_html(NULL, report, path, &error);
    if (status != CEN_OK) fail_msg("%s", error.message);
    return read_text(path);
}

/* Tags close in the order in which they were opened, every attribute is quoted, and no character of
 * an unescaped name is left. The bodies of style and script are passed over. */
static void assert_balanced(const char *text)
{
    static const char *const VOID_TAGS[] = {"meta", "link", "img", "input", "br"};
    char open[64][24];
    size_t depth = 0;
    for (const char *at = strchr(text, '<'); at != NULL; at = strchr(at, '<')) {
        bool closes = at[1] == '/';
        char name[24] = "";
        at += closes ? 2 : 1;
        if (*at == '!') continue;
        size_t size = strcspn(at, " >/\n");
        assert_in_range(size, 1, 23);
        memcpy(name, at, size);
        bool quoted = false;
        for (; quoted || *at != '>'; at++) {
            assert_true(*at != '\0' && *at != '<');
            if (*at == '"') quoted = !quoted;
        }
        bool is_void = at[-1] == '/';
        for (size_t i = 0; i < sizeof VOID_TAGS / sizeof *VOID_TAGS; i++)
            is_void = is_void || strcmp(name, VOID_TAGS[i]) == 0;
        if (closes) {
            assert_true(depth > 0);
            assert_string_equal(name, open[--depth]);
        } else if (!is_void) {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
            if (strcmp(name, "style") == 0) at = strstr(at, "</style>");
            if (strcmp(name, "script") == 0) at = strstr(at, "</script>");
            assert_non_null(at);
        }
    }
    assert_int_equal(depth, 0);
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++) {
        size_t size = cen__utf8_size((const char *)c, strlen((const char *)c));
        if (size == 0) fail_msg("byte %zu is no UTF-8", (size_t)((const char *)c - text));
        c += size - 1;
    }
}

static cen__json_document *parse(const char *text)
{
    cen__json_document *document;
    cen_error error;
    if (cen__json_parse(NULL, text, strlen(text), &document, &error) != CEN_OK)
        fail_msg("%s", error.message);
    return document;
}

/* The value at a path such as sets.0.tar_at_far_0.1: keys may hold a point, so the longest that is
 * there is taken. */
static const cen__json *look_up(const cen__json *value, const char *path)
{
    while (value != NULL && *path != '\0') {
        char key[64];
        const cen__json *found = NULL;
        size_t size = value->kind == CEN__JSON_ARRAY ? strcspn(path, ".") : strlen(path);
        for (; size > 0 && found == NULL; size--) {
            if (path[size] != '.' && path[size] != '\0') continue;
            (void)snprintf(key, sizeof key, "%.*s", (int)size, path);
            if (value->kind == CEN__JSON_ARRAY) {
                found = value->child;
                for (long i = strtol(key, NULL, 10); i > 0 && found != NULL; i--)
                    found = found->next;
            } else {
                found = cen__json_get(value, key);
            }
            if (found != NULL) path += size + (path[size] == '.');
            if (found != NULL) break;
        }
        value = found;
    }
    return value;
}

/* The printed number is the JSON's, rounded to as many digits. */
static void assert_shown(const char *key, const char *shown, const cen__json *value)
{
    if (value == NULL) fail_msg("%s is not in the JSON", key);
    if (value->kind == CEN__JSON_NULL) {
        assert_memory_equal(shown, "not measured<", 13);
        return;
    }
    char digits[64];
    size_t n = 0;
    const char *end = shown;
    for (; strchr("+-.,0123456789e", *end) != NULL; end++)
        if (*end != ',') digits[n++] = *end;
    digits[n] = '\0';
    double exact = value->number * (memcmp(end, "\xC2\xA0%", 3) == 0 ? 100 : 1), half = 0.5;
    const char *point = strchr(digits, '.'), *power = strchr(digits, 'e');
    if (point != NULL) half *= pow(10, -(double)strspn(point + 1, "0123456789"));
    if (power != NULL) half *= pow(10, (double)strtol(power + 1, NULL, 10));
    if (!(fabs(strtod(digits, NULL) - exact) <= half * 1.000001))
        fail_msg("%s: shown as %s, is %.17g", key, digits, value->number);
}

/* How many figures there are. */
static size_t assert_all_shown(const char *html, const cen__json *root)
{
    static const char MARK[] = " data-key=\"";
    size_t n = 0;
    for (const char *at = strstr(html, MARK); at != NULL; at = strstr(at, MARK), n++) {
        char key[128];
        at += sizeof MARK - 1;
        (void)snprintf(key, sizeof key, "%.*s", (int)strcspn(at, "\""), at);
        assert_shown(key, strchr(at, '>') + 1, look_up(root, key));
    }
    return n;
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) n++;
    return n;
}

static void text_is_escaped_and_cut_in_its_middle_at_characters(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        size_t most;
    } cases[] = {{HOSTILE, HOSTILE_HTML, SIZE_MAX},
                 {"", "", 0},
                 {"\xC3\xA9tude",
                  "\xC3\xA9\xE2\x80\xA6"
                  "e",
                  2},
                 {"abcdefg<", "abc\xE2\x80\xA6g&lt;", 5},
                 {"\xC3\xA9t", "\xC3\xA9t", 2},
                 {"a\x01\x7F\xC2\x85\xEF\xBF\xBF\tb",
                  "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\tb", SIZE_MAX},
                 {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD", SIZE_MAX},
                 {"\xF0\x9F\x98\x80<", "\xF0\x9F\x98\x80&lt;", SIZE_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen__text text = {0};
        cen__add_escaped(&text, cases[i].in, cases[i].most);
        assert_string_equal(text.data == NULL ? "" : text.data, cases[i].out);
        cen__free(text.data);
    }
}

static void figures_are_rounded_whatever_the_locale(void **state)
{
    (void)state;
    static const struct {
        cen__unit unit;
        double value;
        const char *out;
    } cases[] = {{CEN__PERCENT, 2.0 / 3, "66.67\xC2\xA0%"},
                 {CEN__PERCENT, 0, "0.00\xC2\xA0%"},
                 {CEN__REAL, 2.0 / 3, "0.6667"},
                 {CEN__REAL, 1234.5678, "1235"},
                 {CEN__REAL, -0.00012345, "-0.0001234"},
                 {CEN__REAL, 1.5e-7, "1.500e-07"},
                 {CEN__REAL, 12345678.9, "1.235e+07"},
                 {CEN__REAL, 0, "0"},
                 {CEN__COUNT, 20000000, "20,000,000"},
                 {CEN__COUNT, 999, "999"},
                 {CEN__REAL, NAN, "not measured"},
                 {CEN__REAL, INFINITY, "not measured"}};
    for (int comma = 0; comma < 2; comma++) {
        if (comma && !set_decimal_comma()) skip();
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            cen__text text = {0};
            cen__add_figure(&text, "b", cases[i].unit, cases[i].value, "sets.%d.x", 3);
            assert_memory_equal(text.data, "<b data-key=\"sets.3.x\"", 22);
            const char *shown = strchr(text.data, '>') + 1;
            assert_int_equal(strcspn(shown, "<"), strlen(cases[i].out));
            assert_memory_equal(shown, cases[i].out, strlen(cases[i].out));
            cen__free(text.data);
        }
    }
    (void)setlocale(LC_ALL, "C");
}

static void axes_have_round_steps(void **state)
{
    (void)state;
    static const struct {
        double low, high, step;
    } cases[] = {{0, 1, 0.2}, {0, 30, 5}, {0, 7, 2}, {-3, 4, 2}, {0, 1e-6, 2e-7}, {0, 0, 0.2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen__axis axis = cen__axis_over(NULL, cases[i].low, cases[i].high, i == 1 ? 6 : 5);
        assert_true(fabs(axis.step / cases[i].step - 1) < 1e-12);
        assert_true(axis.high > axis.low);
    }
}

static void every_figure_on_the_page_is_in_the_json(void **state)
{
    (void)state;
    example *e = make_example();
    char *html = write_and_read(&e->report, false), *json = write_and_read(&e->report, true);
    cen__json_document *document = parse(json);
    const cen__json *root = cen__json_root(document);
    assert_balanced(html);
    assert_true(assert_all_shown(html, root) > 80);
    assert_true(look_up(root, "sets.0.knn_accuracy")->number == 2.0 / 3);
    assert_true(look_up(root, "sets.0.intra_inter")->number == 12345678.9);
    assert_int_equal(look_up(root, "sets.0.tar_at_far_0.001")->kind, CEN__JSON_NULL);
    assert_int_equal(look_up(root, "sets.0.few_shot.1.accuracy")->kind, CEN__JSON_NULL);
    assert_int_equal(look_up(root, "epochs.0.knn_accuracy")->kind, CEN__JSON_NULL);
    assert_string_equal(look_up(root, "command")->string, HOSTILE_JSON);
    assert_string_equal(look_up(root, "sets.0.name")->string, HOSTILE_JSON);
    assert_string_equal(look_up(root, "skipped.0.path")->string, HOSTILE_JSON);
    cen__json_free(document);
    free(html);
    free(json);
    free(e);
}

static void hostile_names_are_text_everywhere(void **state)
{
    (void)state;
    example *e = make_example();
    char *html = write_and_read(&e->report, false);
    assert_null(strstr(html, "<b a="));
    assert_true(count(html, HOSTILE_HTML) > 10);
    assert_int_equal(count(html, "<script"), 2);
    free(html);
    free(e);
}

/* A report of one set with nothing but labels and answers. */
static cen_report labelled_report(cen_report_set *set, cen_measures *m, cen_feature_row *rows,
                                  const int32_t *labels, int32_t *predicted, size_t n)
{
    static size_t neighbours[200];
    static float distances[200];
    for (size_t i = 0; i < n; i++) rows[i] = (cen_feature_row){"picture", labels[i], NULL, NULL};
    *m = (cen_measures){.n_queries = n,
                        .k = 1,
                        .predicted = predicted,
                        .neighbours = neighbours,
                        .distances = distances};
    *set = (cen_report_set){"set", m, rows, rows, NULL, NULL};
    return (cen_report){.size = sizeof(cen_report), .title = "t", .sets = set, .n_sets = 1};
}

static void assert_number(const cen__json *root, const char *format, size_t i, double expected)
{
    char path[80];
    (void)snprintf(path, sizeof path, format, i);
    const cen__json *found = look_up(root, path);
    if (found == NULL || found->kind != CEN__JSON_NUMBER ||
        !(fabs(found->number - expected) < 1e-12))
        fail_msg("%s is not %.17g", path, expected);
}

static void classes_and_the_head_fare_as_scikit_learn_and_statsmodels_have_it(void **state)
{
    (void)state;
    enum { MANY = sizeof golden_labels / sizeof *golden_labels };
    static cen_feature_row rows[MANY];
    int32_t predicted[MANY];
    memcpy(predicted, golden_predicted, sizeof predicted);
    cen_measures m;
    cen_report_set set;
    cen_report report = labelled_report(&set, &m, rows, golden_labels, predicted, MANY);
    set.head = golden_head;
    char *json = write_and_read(&report, true), *html = write_and_read(&report, false);
    cen__json_document *document = parse(json);
    const cen__json *root = cen__json_root(document);
    size_t n = sizeof golden_classes / sizeof *golden_classes;
    assert_int_equal(look_up(root, "sets.0.classes")->n_children, n);
    for (size_t i = 0; i < n; i++) {
        const double *c = golden_classes[i];
        assert_number(root, "sets.0.classes.%zu.n", i, c[1]);
        if (c[2] >= 0) assert_number(root, "sets.0.classes.%zu.precision", i, c[2]);
        if (c[1] == 0) continue;
        assert_number(root, "sets.0.classes.%zu.recall", i, c[3]);
        assert_number(root, "sets.0.classes.%zu.recall_interval.0", i, c[4]);
        assert_number(root, "sets.0.classes.%zu.recall_interval.1", i, c[5]);
    }
    assert_number(root, "sets.%zu.head_accuracy", 0, golden_head_accuracy[0]);
    assert_number(root, "sets.%zu.head_accuracy_interval.0", 0, golden_head_accuracy[1]);
    assert_number(root, "sets.%zu.head_accuracy_interval.1", 0, golden_head_accuracy[2]);
    (void)assert_all_shown(html, root);
    assert_balanced(html);
    cen__json_free(document);
    free(json);
    free(html);
}

/* One class: its mean's interval is Wilson's. Two that are alike in all: half of both squares, so 1 / sqrt(2) of
 * one's. */
static void the_interval_of_macro_is_made_of_those_of_the_classes(void **state)
{
    (void)state;
    const int32_t labels[20] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    int32_t predicted[20] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0};
    static cen_feature_row rows[20];
    for (size_t n_classes = 1; n_classes <= 2; n_classes++) {
        cen_measures m;
        cen_report_set set;
        cen_report report = labelled_report(&set, &m, rows, labels, predicted, 10 * n_classes);
        char *json = write_and_read(&report, true);
        cen__json_document *document = parse(json);
        const cen__json *root = cen__json_root(document);
        double low = look_up(root, "sets.0.classes.0.recall_interval.0")->number;
        double high = look_up(root, "sets.0.classes.0.recall_interval.1")->number;
        double shrinks = sqrt((double)n_classes);
        assert_number(root, "sets.%zu.knn_macro_interval.0", 0, 0.7 - (0.7 - low) / shrinks);
        assert_number(root, "sets.%zu.knn_macro_interval.1", 0, 0.7 + (high - 0.7) / shrinks);
        cen__json_free(document);
        free(json);
    }
}

static void classes_stand_in_the_order_in_which_people_count(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"s1", "s10", "s11", "s2", "S3", "s02", "a"};
    static const char *const ORDER[] = {"S3", "a", "s1", "s02", "s2", "s10", "s11"};
    enum { MANY = sizeof NAMES / sizeof *NAMES };
    int32_t labels[MANY], predicted[MANY];
    static cen_feature_row rows[MANY];
    for (int i = 0; i < MANY; i++) labels[i] = predicted[i] = i;
    cen_measures m;
    cen_report_set set;
    cen_report report = labelled_report(&set, &m, rows, labels, predicted, MANY);
    report.class_names = NAMES;
    report.n_classes = MANY;
    char *json = write_and_read(&report, true), *html = write_and_read(&report, false);
    cen__json_document *document = parse(json);
    const char *at = strstr(html, "Most often taken for");
    for (size_t i = 0; i < MANY; i++) {
        char path[64], cell[64];
        (void)snprintf(path, sizeof path, "sets.0.matrix.classes.%zu", i);
        assert_string_equal(look_up(cen__json_root(document), path)->string, ORDER[i]);
        (void)snprintf(cell, sizeof cell, "<th scope=\"row\"><bdi>%s</bdi>", ORDER[i]);
        at = at == NULL ? NULL : strstr(at, cell);
        if (at == NULL) fail_msg("%s is not in its place", ORDER[i]);
    }
    cen__json_free(document);
    free(json);
    free(html);
}

static void the_page_opens_at_the_best_epoch(void **state)
{
    (void)state;
    example *e = make_example();
    e->epochs[1].is_best = false;
    char *html = write_and_read(&e->report, false);
    assert_non_null(strstr(html, "Shown first: epoch 1."));
    assert_non_null(strstr(html, "max=\"1\" value=\"0\""));
    free(html);
    e->epochs[1].is_best = true;
    html = write_and_read(&e->report, false);
    assert_non_null(strstr(html, "Shown first: epoch 2."));
    free(html);
    free(e);
}

static void a_point_has_its_name_and_its_picture(void **state)
{
    (void)state;
    example *e = make_example();
    const char *paths[N];
    for (size_t i = 0; i < N; i++) paths[i] = i == 5 ? "report/picture.pgm" : "report/no" HOSTILE;
    e->report.point_paths = paths;
    e->report.plane = HOSTILE;
    char *html = write_and_read(&e->report, false);
    assert_balanced(html);
    assert_int_equal(count(html, "<li data-cell>picture.pgm</li>"), 1);
    /* Of a path, the name after the last slash; here that is within the hostile name. */
    assert_int_equal(count(html, "<li>script&gt;&lt;b a="), N - 1);
    assert_int_equal(count(html, "<img id=\"sprite\""), 1);
    /* Cells of 32 pixels, 32 in a row: 1024 x 32. */
    assert_non_null(strstr(html, "columns=\"32\" alt=\"\" "
                                 "src=\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAABAAAAAAg"));
    free(html);
    free(e);
}

static void all_wrong_answers_are_listed_with_their_names(void **state)
{
    (void)state;
    example *e = make_example();
    char names[N][32];
    for (size_t i = 0; i < N; i++) {
        (void)snprintf(names[i], sizeof names[i], "some/folder/x%zu/f%zu.png", i % 3, i);
        e->rows[i].path = names[i];
    }
    char *html = write_and_read(&e->report, false), *json = write_and_read(&e->report, true);
    assert_non_null(strstr(html, "Pictures in some/folder/</p>"));
    cen__json_document *document = parse(json);
    assert_int_equal(look_up(cen__json_root(document), "sets.0.wrong")->n_children, 6);
    for (size_t i = 0; i < N; i++) {
        char cell[64];
        (void)snprintf(cell, sizeof cell, "<td class=\"path\">x%zu/f%zu.png</td>", i % 3, i);
        assert_int_equal(count(html, cell), i % 2);
    }
    cen__json_free(document);
    free(html);
    free(json);
    free(e);
}

static void half_of_the_queries_are_wrong_ones_and_marked(void **state)
{
    (void)state;
    example *e = make_example();
    char *html = write_and_read(&e->report, false);
    assert_non_null(strstr(html, "Wrong answers: 6 of <span data-key=\"sets.0.n_wrong\">6<"));
    assert_non_null(strstr(html, "Right answers: 6"));
    assert_int_equal(count(html, "<figure class=\"query\">"), N);
    assert_int_equal(count(html, "\xE2\x9C\x97 taken for"), 6);
    /* Neighbours i + 1, i + 2, i + 3 of three classes in turn: one of each three is right. */
    assert_int_equal(count(html, "<li class=\"wrong\">"), 2 * N);
    assert_int_equal(count(html, "<li class=\"right\">"), N);
    assert_int_equal(count(html, "<img "), 1 + K);
    assert_int_equal(count(html, "<span class=\"missing\">gone.png</span>"), (N - 1) * (1 + K));
    assert_false((cen__os_kind("report/report.html.thumbnail.png") != CEN__NOTHING));
    free(html);
    free(e);
}

static void the_picture_of_a_query_is_a_png_of_56(void **state)
{
    (void)state;
    example *e = make_example();
    char *html = write_and_read(&e->report, false);
    /* The signature, IHDR of 13 bytes, 56 x 28, in base64. */
    assert_non_null(strstr(html, "src=\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAADgAAAAc"));
    free(html);
    free(e);
}

static void the_roc_and_the_histograms_are_those_of_the_pairs(void **state)
{
    (void)state;
    example *e = make_example();
    cen__page page;
    assert_int_equal(cen__page_create(NULL, &page, &e->report, NULL), CEN_OK);
    const cen__set_view *view = &page.views[0];
    double genuine = 0, impostor = 0;
    for (size_t i = 0; i < CEN__N_BINS; i++) {
        genuine += view->genuine[i];
        impostor += view->impostor[i];
    }
    assert_true(fabs(genuine - 1) < 1e-12 && fabs(impostor - 1) < 1e-12);
    for (size_t i = 0; i < view->n_roc; i++) {
        size_t n_pass = (size_t)(view->far[i] * 12), n = 0;
        while (n < 6 && (n_pass == 12 || e->genuine[n] < e->impostor[n_pass])) n++;
        assert_true(view->tar[i] == (double)n / 6);
    }
    assert_true(view->tar[view->n_roc - 1] == 1 && view->far[view->n_roc - 1] == 1);
    cen__page_free(&page);
    free(e);
}

static void many_classes_leave_the_most_confused_in_the_matrix(void **state)
{
    (void)state;
    enum { MANY = 100 };
    static cen_feature_row rows[MANY];
    static int32_t predicted[MANY];
    static size_t neighbours[MANY];
    static float distances[MANY];
    cen_confusion confusions[20];
    for (int i = 0; i < MANY; i++) {
        rows[i] = (cen_feature_row){"", i, NULL, NULL};
        predicted[i] = i >= 50 && i < 70 ? i + 1 : i;
        if (i >= 50 && i < 70) confusions[i - 50] = (cen_confusion){i, i + 1, 1};
    }
    cen_measures m = {.n_queries = MANY,
                      .k = 1,
                      .predicted = predicted,
                      .neighbours = neighbours,
                      .distances = distances,
                      .confusions = confusions,
                      .n_confusions = 20};
    cen_report_set set = {"many", &m, rows, rows, NULL, NULL};
    cen_report report = {.size = sizeof(cen_report), .title = "t", .sets = &set, .n_sets = 1};
    cen__page page;
    assert_int_equal(cen__page_create(NULL, &page, &report, NULL), CEN_OK);
    assert_int_equal(page.views[0].n_classes, MANY);
    assert_int_equal(page.views[0].n_matrix, 21);
    assert_int_equal(page.views[0].matrix_labels[0], 50);
    assert_int_equal(page.views[0].matrix[0][1], 1);
    assert_int_equal(page.views[0].n_wrong, 20);
    assert_int_equal(page.views[0].n_picks, CEN__PICKS_MOST);
    assert_int_equal(page.views[0].n_wrong_picks, CEN__PICKS_MOST / 2);
    cen__page_free(&page);
    char *html = write_and_read(&report, false), *json = write_and_read(&report, true);
    assert_balanced(html);
    assert_non_null(strstr(html, "The 21 classes that are confused most often, of 100"));
    cen__json_document *document = parse(json);
    (void)assert_all_shown(html, cen__json_root(document));
    cen__json_free(document);
    free(html);
    free(json);
}

static void a_report_of_nothing_is_a_page(void **state)
{
    (void)state;
    example *e = make_example();
    cen_measures none = {
        .retrieval = {.knn_accuracy = NAN,
                      .knn_macro = NAN,
                      .precision_at_1 = NAN,
                      .r_precision = NAN,
                      .map_at_r = NAN},
        .verification = {.auc = NAN, .eer = NAN, .eer_threshold = NAN, .tar = {NAN, NAN, NAN}},
        .intra_inter = NAN};
    cen_report_set empty = {"empty", &none, NULL, NULL, NULL, NULL};
    cen_report_frame frame = {1, 0, 0, NULL, NULL, NULL};
    float point[2] = {3, 4}, gone[2] = {NAN, 0};
    cen_report_frame single = {1, 1, 0, point, NULL, e->labels};
    cen_report_frame unseen = {1, 1, 0, gone, NULL, e->labels};
    cen_report cases[] = {
        {.size = sizeof(cen_report), .title = "", .command = NULL},
        {.size = sizeof(cen_report), .title = "t", .command = "c", .sets = &empty, .n_sets = 1},
        {.size = sizeof(cen_report), .title = "t", .frames = &frame, .n_frames = 1},
        {.size = sizeof(cen_report), .title = "t", .frames = &single, .n_frames = 1},
        {.size = sizeof(cen_report), .title = "t", .frames = &unseen, .n_frames = 1},
        {.size = sizeof(cen_report), .title = "t", .epochs = e->epochs, .n_epochs = 1},
        {.size = sizeof(cen_report), .title = "t", .frames = e->frames, .n_frames = 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *html = write_and_read(&cases[i], false), *json = write_and_read(&cases[i], true);
        cen__json_document *document = parse(json);
        assert_balanced(html);
        (void)assert_all_shown(html, cen__json_root(document));
        assert_null(strstr(html, "nan"));
        assert_null(strstr(html, "inf"));
        cen__json_free(document);
        free(html);
        free(json);
        assert_int_equal(cen_report_write_svg(NULL, &cases[i], "report/none", NULL), CEN_OK);
        tree_remove("report/none");
    }
    free(e);
}

static void each_plot_is_a_file_that_stands_alone(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"softmax-loss",   "center-loss",     "accuracy",
                                        "scatter",        "set-1-distances", "set-1-roc",
                                        "set-1-confusion"};
    example *e = make_example();
    tree_remove("report/plots");
    assert_int_equal(cen_report_write_svg(NULL, &e->report, "report/plots", NULL), CEN_OK);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char path[64];
        (void)snprintf(path, sizeof path, "report/plots/%s.svg", NAMES[i]);
        char *svg = read_text(path);
        assert_balanced(svg);
        assert_memory_equal(svg, "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 40);
        assert_int_equal(count(svg, "<svg"), 1);
        assert_non_null(strstr(svg, "<style>"));
        assert_non_null(strstr(svg, "<desc id="));
        free(svg);
    }
    assert_false((cen__os_kind("report/plots/intra-inter.svg") != CEN__NOTHING)); /* all NAN */
    free(e);
}

static char *scatter_of(const cen_report_frame *frames, size_t n_frames)
{
    const cen_report report = {
        .size = sizeof(cen_report), .title = "t", .frames = frames, .n_frames = n_frames};
    tree_remove("report/scatter");
    assert_int_equal(cen_report_write_svg(NULL, &report, "report/scatter", NULL), CEN_OK);
    char *svg = read_text("report/scatter/scatter.svg");
    assert_balanced(svg);
    assert_null(strstr(svg, "nan"));
    assert_null(strstr(svg, "inf"));
    return svg;
}

/* Where the only point of a class is drawn, in half units. */
static int drawn_x(const char *svg, const char *class_of)
{
    int x = 0, y = 0;
    const char *at = strstr(strstr(svg, class_of), " d=\"M");
    assert_int_equal(sscanf(at, " d=\"M%d %d", &x, &y), 2);
    return x;
}

static void a_wild_beginning_and_points_that_are_none_leave_the_scatter_readable(void **state)
{
    (void)state;
    enum { MANY = 14, ALL = MANY + 3 };
    float first[2 * ALL], last[2 * ALL], centers[2 * MANY] = {0};
    int32_t labels[ALL];
    for (int i = 0; i < ALL; i++) {
        labels[i] = i < MANY ? i : -1;
        first[2 * i] = first[2 * i + 1] = i % 2 == 0 ? -1e6f : 1e6f;
        last[2 * i] = i % 2 == 0 ? -1.0f : 1.0f;
        last[2 * i + 1] = 0;
    }
    last[2 * MANY] = NAN;
    last[2 * MANY + 3] = INFINITY;
    centers[2 * 3] = NAN;
    const cen_report_frame frames[2] = {{1, ALL, MANY, first, centers, labels},
                                        {2, ALL, MANY, last, centers, labels}};
    char *svg = scatter_of(frames, 2);
    assert_in_range(drawn_x(svg, "data-label=\"1\"") - drawn_x(svg, "data-label=\"0\""), 200, 560);
    assert_int_equal(count(svg, "<title>no class</title>"), 1);
    /* Of the three without a class one is drawn, then a point each and the crosses with their halos. */
    assert_int_equal(count(strstr(svg, "data-label=\"-1\""), "M"), 1 + MANY + 4 * MANY);
    assert_int_equal(count(svg, "class=\"center small\""), MANY);
    assert_int_equal(count(svg, "visibility=\"hidden\""), 1);
    free(svg);
}

static void of_many_frames_every_second_point_is_drawn(void **state)
{
    (void)state;
    enum { POINTS = 201, MANY = 400 };
    static float points[2 * POINTS];
    static int32_t labels[POINTS];
    static cen_report_frame frames[MANY];
    for (int i = 0; i < 2 * POINTS; i++) points[i] = (float)(i * i % 17);
    for (size_t i = 0; i < MANY; i++) {
        frames[i] = (cen_report_frame){i, POINTS, 0, points, NULL, labels};
    }
    char *few = scatter_of(frames, 2), *many = scatter_of(frames, MANY);
    assert_int_equal(count(few, "m-5 0a5"), 1 + POINTS); /* and the shape itself */
    assert_int_equal(count(many, "m-5 0a5"), 1 + (POINTS + 1) / 2);
    free(few);
    free(many);
}

/* The view of a set of these pairs and no queries. */
static cen__set_view view_of(float *genuine, float *impostor, size_t n)
{
    cen__page page;
    const cen_measures m = {.pairs = {genuine, impostor, n, n, false}};
    const cen_report_set set = {"pairs", &m, NULL, NULL, NULL, NULL};
    const cen_report report = {.size = sizeof(cen_report), .title = "t", .sets = &set, .n_sets = 1};
    assert_int_equal(cen__page_create(NULL, &page, &report, NULL), CEN_OK);
    cen__set_view view = page.views[0];
    cen__page_free(&page);
    return view;
}

static void the_roc_spans_one_to_four_decades_and_equal_distances_have_a_width(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    static float same[MANY];
    for (size_t i = 0; i < MANY; i++) same[i] = 2;
    cen__set_view one = view_of(same, same, 1), many = view_of(same, same, MANY);
    assert_true(one.far_low == 0.1 && many.far_low == 1e-4);
    assert_true(one.bins_low == 2 && one.bins_high == 3);
    assert_true(many.genuine[0] == 1 && many.impostor[0] == 1);
    assert_true(many.tar[0] == 0 && many.tar[many.n_roc - 1] == 1);
}

static void pairs_that_are_a_sample_are_said_to_be(void **state)
{
    (void)state;
    example *e = make_example();
    char *all = write_and_read(&e->report, false);
    e->measures.verification.is_sample = true;
    char *some = write_and_read(&e->report, false);
    assert_int_equal(count(all, "are a sample, drawn by seed"), 0);
    assert_int_equal(count(some, "are a sample, drawn by seed"), 1);
    free(all);
    free(some);
    free(e);
}

static void the_same_report_is_the_same_page(void **state)
{
    (void)state;
    example *e = make_example();
    char *first = write_and_read(&e->report, false), *second = write_and_read(&e->report, false);
    assert_string_equal(first, second);
    e->report.seed = 2;
    char *other = write_and_read(&e->report, false);
    assert_string_not_equal(first, other);
    free(first);
    free(second);
    free(other);
    free(e);
}

static int write_all(void *user)
{
    example *e = user;
    cen_error error = {CEN_OK, ""};
    cen_status status = cen_report_write_html(NULL, &e->report, "report/memory.html", &error);
    if (status == CEN_OK)
        status = cen_report_write_json(NULL, &e->report, "report/memory.json", &error);
    if (status == CEN_OK) status = cen_report_write_svg(NULL, &e->report, "report/memory", &error);
    if (status == CEN_OK) return 1;
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_int_equal(error.status, CEN_ERROR_MEMORY);
    assert_false((cen__os_kind("report/memory.html.thumbnail.png") != CEN__NOTHING));
    return 0;
}

static void every_failed_allocation_is_told_and_nothing_leaks(void **state)
{
    (void)state;
    example *e = make_example();
    tree_remove("report/memory");
    assert_true(fail_each_allocation(write_all, e) > 30);
    free(e);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    (void)state;
    example *e = make_example();
    cen_error error;
    e->report.n_sets = 0; /* no pictures */
    assert_int_equal(cen_report_write_html(NULL, &e->report, "report/no/page.html", &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "report/no/page.html"));
    assert_int_equal(cen_report_write_json(NULL, &e->report, "report/no/page.json", &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "report/no/page.json"));
    assert_int_equal(cen_report_write_svg(NULL, &e->report, "report/picture.pgm/x", &error),
                     CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "report/picture.pgm"));
    e->report.n_sets = 1;
    assert_int_equal(cen_report_write_html(NULL, &e->report, "report/no/page.html", NULL),
                     CEN_ERROR_IO);
    free(e);
}

#if !defined(_WIN32)
/* As on a full disk: the system refuses to write more than 4096 bytes. */
static void a_full_disk_leaves_the_page_that_was_there(void **state)
{
    (void)state;
    example *e = make_example();
    cen_error error;
    struct rlimit before, small;
    tree_text("report/full.html", "old");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    cen_status status = cen_report_write_html(NULL, &e->report, "report/full.html", &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, handler);
    assert_int_equal(status, CEN_ERROR_IO);
    assert_non_null(strstr(error.message, "report/full.html"));
    char *text = read_text("report/full.html");
    assert_string_equal(text, "old");
    assert_false((cen__os_kind("report/full.html.tmp0") != CEN__NOTHING));
    assert_false((cen__os_kind("report/full.html.thumbnail.png") != CEN__NOTHING));
    free(text);
    free(e);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_escaped_and_cut_in_its_middle_at_characters),
        cmocka_unit_test(figures_are_rounded_whatever_the_locale),
        cmocka_unit_test(axes_have_round_steps),
        cmocka_unit_test(every_figure_on_the_page_is_in_the_json),
        cmocka_unit_test(hostile_names_are_text_everywhere),
        cmocka_unit_test(classes_and_the_head_fare_as_scikit_learn_and_statsmodels_have_it),
        cmocka_unit_test(the_interval_of_macro_is_made_of_those_of_the_classes),
        cmocka_unit_test(classes_stand_in_the_order_in_which_people_count),
        cmocka_unit_test(the_page_opens_at_the_best_epoch),
        cmocka_unit_test(a_point_has_its_name_and_its_picture),
        cmocka_unit_test(all_wrong_answers_are_listed_with_their_names),
        cmocka_unit_test(half_of_the_queries_are_wrong_ones_and_marked),
        cmocka_unit_test(the_picture_of_a_query_is_a_png_of_56),
        cmocka_unit_test(the_roc_and_the_histograms_are_those_of_the_pairs),
        cmocka_unit_test(many_classes_leave_the_most_confused_in_the_matrix),
        cmocka_unit_test(a_report_of_nothing_is_a_page),
        cmocka_unit_test(each_plot_is_a_file_that_stands_alone),
        cmocka_unit_test(a_wild_beginning_and_points_that_are_none_leave_the_scatter_readable),
        cmocka_unit_test(of_many_frames_every_second_point_is_drawn),
        cmocka_unit_test(the_roc_spans_one_to_four_decades_and_equal_distances_have_a_width),
        cmocka_unit_test(pairs_that_are_a_sample_are_said_to_be),
        cmocka_unit_test(the_same_report_is_the_same_page),
        cmocka_unit_test(every_failed_allocation_is_told_and_nothing_leaks),
        cmocka_unit_test(a_place_that_cannot_be_written_is_named),
#if !defined(_WIN32)
        cmocka_unit_test(a_full_disk_leaves_the_page_that_was_there),
#endif
    };
    tree_remove("report");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
