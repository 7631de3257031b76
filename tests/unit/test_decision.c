/* cen_gallery_ask: against cen_knn_classify, and against a decision that compares everything with everything. */
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

#include "support/gallery_twin.h"

enum { D = 3, ROWS = 90, QUESTIONS = 23, K_MOST = 120, NAMES = 6 };

/* Not in the order of their bytes. */
static const char *const names[NAMES] = {"Zoe", "anna", "Bo", "\xc3\x84nne", "B", "ben"};

/* A gallery that is written down, and questions. Numbers are few, so that distances are often equal. */
typedef struct {
    cen_gallery *gallery;
    float features[ROWS * D], queries[QUESTIONS * D];
    int32_t labels[ROWS]; /* places in sorted[] */
    bool negative[ROWS];
    size_t n;
    const char *sorted[NAMES];
    cen_metric metric;
} world;

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void assert_ok(cen_status status, const cen_error *error)
{
    if (status != CEN_OK) fail_msg("%s", error->message);
}

static cen_context *one_thread(void)
{
    cen_context *context;
    cen_error error;
    cen_context_options options = cen_context_options_init();
    options.n_threads = 1;
    assert_ok(cen_context_create(&context, &options, &error), &error);
    return context;
}

static void fill(float *x, size_t n, uint64_t *draws)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)twin_draw(draws, 4) - 1;
}

static void make(world *w, size_t n, size_t n_names, bool negatives, cen_metric metric,
                 cen_context *context, uint64_t *draws)
{
    cen_error error;
    cen_gallery_options options = cen_gallery_options_init();
    memset(w, 0, sizeof *w);
    options.d = D;
    options.metric = w->metric = metric;
    w->n = n;
    assert_ok(cen_gallery_create(context, &w->gallery, &options, &error), &error);
    memcpy(w->sorted, names, sizeof names);
    qsort(w->sorted, NAMES, sizeof names[0], compare_names);
    fill(w->features, n * D, draws);
    fill(w->queries, QUESTIONS * D, draws);
    for (size_t i = 0; i < n; i++) {
        w->labels[i] = (int32_t)twin_draw(draws, n_names);
        w->negative[i] = negatives && twin_draw(draws, 5) == 0;
        const cen_gallery_row row = {.name = w->sorted[w->labels[i]],
                                     .is_negative = w->negative[i],
                                     .feature = w->features + i * D};
        assert_ok(cen_gallery_add(w->gallery, &row, 1, &error), &error);
    }
}

/* Rounded to float, as all distances of answers are. The sums are exact. */
static double distance_of(const world *w, const float *q, size_t row)
{
    const float *x = w->features + row * D;
    double square = 0, dot = 0, lengths[2] = {0, 0};
    for (size_t j = 0; j < D; j++) {
        const double a = (double)q[j], b = (double)x[j];
        square += (a - b) * (a - b);
        dot += a * b;
        lengths[0] += a * a;
        lengths[1] += b * b;
    }
    if (w->metric == CEN_METRIC_L2) return (double)(float)sqrt(square);
    if (lengths[0] == 0 || lengths[1] == 0) return 1;
    const double distance = 1 - dot / sqrt(lengths[0] * lengths[1]);
    return (double)(float)(distance < 0 ? 0 : distance > 2 ? 2 : distance);
}

static void answers_are_those_of_classify_if_nothing_else_is_known(void **state)
{
    uint64_t draws = 5;
    cen_error error;
    cen_context *context = one_thread();
    for (int round = 0; round < 120; round++) {
        world w;
        const cen_metric metric = round % 2 == 0 ? CEN_METRIC_L2 : CEN_METRIC_COSINE;
        make(&w, 1 + twin_draw(&draws, ROWS), 1 + twin_draw(&draws, NAMES), false, metric, context,
             &draws);
        cen_knn_options options = cen_knn_options_init();
        options.metric = metric;
        options.k = 1 + twin_draw(&draws, w.n);
        options.weights = (cen_weights)(round % 3);
        if (round % 4 < 2) options.most_distance = (double)(float)(0.4 * (double)(round % 7));
        const cen_labelled gallery = {w.features, w.labels, w.n};
        const cen_labelled queries = {w.queries, NULL, QUESTIONS};
        int32_t predicted[QUESTIONS];
        size_t indices[QUESTIONS * ROWS], rows[QUESTIONS * ROWS];
        float distances[QUESTIONS * ROWS], given[QUESTIONS * ROWS];
        assert_ok(cen_knn_classify(context, &gallery, &queries, D, &options, predicted, indices,
                                   distances, &error),
                  &error);
        cen_ask_options ask = cen_ask_options_init();
        cen_answer answers[QUESTIONS];
        ask.k = options.k;
        ask.weights = options.weights;
        if (isfinite(options.most_distance)) ask.threshold = options.most_distance;
        assert_ok(
            cen_gallery_ask(w.gallery, w.queries, QUESTIONS, &ask, answers, rows, given, &error),
            &error);
        assert_memory_equal(rows, indices, QUESTIONS * options.k * sizeof *rows);
        assert_memory_equal(given, distances, QUESTIONS * options.k * sizeof *given);
        for (size_t i = 0; i < QUESTIONS; i++) {
            assert_int_equal(answers[i].n_nearest, options.k);
            assert_string_equal(answers[i].nearest, w.sorted[w.labels[indices[i * options.k]]]);
            assert_int_equal(answers[i].name != NULL, predicted[i] >= 0);
            if (predicted[i] >= 0) assert_string_equal(answers[i].name, w.sorted[predicted[i]]);
        }
        cen_gallery_free(w.gallery);
    }
    cen_context_free(context);
    (void)state;
}

typedef struct {
    double distance;
    int32_t label;
} seen;

static int compare_seen(const void *a, const void *b)
{
    const seen *x = a, *y = b;
    return (x->distance > y->distance) - (x->distance < y->distance);
}

/* The nearest row of a label (is_own) or of the others; infinity: none. */
static double nearest_of(const world *w, const float *q, bool negative, int32_t label, bool is_own)
{
    double least = INFINITY;
    for (size_t i = 0; i < w->n; i++) {
        if (w->negative[i] != negative || (w->labels[i] == label) != is_own) continue;
        const double distance = distance_of(w, q, i);
        if (distance < least) least = distance;
    }
    return least;
}

/* True if negatives speak against a name. */
static bool refuses(const world *w, const float *q, int32_t own)
{
    const double distance = nearest_of(w, q, false, own, true);
    return nearest_of(w, q, true, own, true) < distance ||
           nearest_of(w, q, true, own, false) < distance;
}

/* The decision by the words of the header. Distances are sums of few integers, so that ties are exact. */
static void assert_decided(const world *w, const float *q, const cen_ask_options *ask,
                           const cen_answer *answer)
{
    seen rows[ROWS];
    double votes[NAMES] = {0}, all = 0;
    size_t n = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (!w->negative[i]) rows[n++] = (seen){distance_of(w, q, i), w->labels[i]};
    }
    if (n == 0) {
        assert_null(answer->name);
        assert_null(answer->nearest);
        assert_int_equal(answer->n_nearest, 0);
        return;
    }
    qsort(rows, n, sizeof *rows, compare_seen);
    const size_t k = ask->k < n ? ask->k : n;
    /* Whom a tie at the k-th row counts depends on the order of rows, which the other test compares. */
    if (k < n && rows[k].distance == rows[k - 1].distance) return;
    const bool is_steep = ask->weights == CEN_WEIGHTS_STEEP;
    const double power = is_steep ? w->metric == CEN_METRIC_COSINE ? 8 : 16 : 0;
    for (size_t j = 0; j < k && rows[j].distance <= ask->threshold; j++) {
        const double distance = rows[j].distance;
        const double vote = distance > 0 ? pow(rows[0].distance / distance, power) : 1;
        votes[rows[j].label] += vote;
        all += vote;
    }
    int32_t own = -1;
    for (int32_t c = 0; c < NAMES; c++) {
        if (votes[c] > 0 && (own < 0 || votes[c] > votes[own])) own = c;
    }
    for (int32_t c = 0; c < NAMES && is_steep; c++) { /* the sums are not exact: no ties */
        if (c != own && own >= 0 && votes[c] > 0.999 * votes[own]) return;
    }
    if (own >= 0 && refuses(w, q, own)) own = -1;
    assert_int_equal(answer->name != NULL, own >= 0);
    assert_true(fabs(answer->share - (own >= 0 ? votes[own] / all : 0)) <= is_steep * 1e-5);
    if (own >= 0) assert_string_equal(answer->name, w->sorted[own]);
    if (own < 0) {
        own = 0;
        while (strcmp(w->sorted[own], answer->nearest) != 0) own++;
        assert_true(nearest_of(w, q, false, own, true) == rows[0].distance);
    }
    const double other = nearest_of(w, q, false, own, false);
    assert_true(answer->distance == nearest_of(w, q, false, own, true));
    assert_true(answer->margin == (isfinite(other) ? other - answer->distance : INFINITY));
    assert_true(answer->threshold == ask->threshold);
}

static void answers_with_negatives_are_those_of_comparing_all(void **state)
{
    uint64_t draws = 8;
    cen_error error;
    cen_context *context = one_thread();
    for (int round = 0; round < 150; round++) {
        world w;
        /* few names, so that all rows that are found first are often of one */
        make(&w, twin_draw(&draws, ROWS), 1 + twin_draw(&draws, 3), true,
             round % 2 == 0 ? CEN_METRIC_L2 : CEN_METRIC_COSINE, context, &draws);
        cen_ask_options ask = cen_ask_options_init();
        cen_answer answers[QUESTIONS];
        ask.k = 1 + twin_draw(&draws, round % 3 == 0 ? K_MOST : 5);
        if (round % 4 < 2) ask.weights = CEN_WEIGHTS_UNIFORM;
        ask.threshold = round % 5 == 0 ? INFINITY : 0.5 * (double)twin_draw(&draws, 6);
        assert_ok(
            cen_gallery_ask(w.gallery, w.queries, QUESTIONS, &ask, answers, NULL, NULL, &error),
            &error);
        for (size_t i = 0; i < QUESTIONS; i++) {
            assert_decided(&w, w.queries + i * D, &ask, &answers[i]);
        }
        cen_gallery_free(w.gallery);
    }
    cen_context_free(context);
    (void)state;
}

static void a_claim_is_compared_with_its_own_rows(void **state)
{
    uint64_t draws = 9;
    cen_error error;
    cen_context *context = one_thread();
    for (int round = 0; round < 60; round++) {
        world w;
        make(&w, 20 + twin_draw(&draws, ROWS - 20), 4, true, CEN_METRIC_L2, context, &draws);
        cen_ask_options ask = cen_ask_options_init();
        cen_answer answers[QUESTIONS];
        const int32_t own = (int32_t)twin_draw(&draws, 4);
        ask.claim = w.sorted[own];
        ask.threshold = (double)twin_draw(&draws, 4);
        const cen_status status =
            cen_gallery_ask(w.gallery, w.queries, QUESTIONS, &ask, answers, NULL, NULL, &error);
        if (!isfinite(nearest_of(&w, w.queries, false, own, true))) {
            assert_int_equal(status, CEN_ERROR_ARGUMENT);
        } else {
            assert_ok(status, &error);
            for (size_t i = 0; i < QUESTIONS; i++) {
                const float *q = w.queries + i * D;
                const double distance = nearest_of(&w, q, false, own, true);
                const bool is = distance <= ask.threshold && !refuses(&w, q, own);
                assert_int_equal(answers[i].name != NULL, is);
                if (is) assert_string_equal(answers[i].name, ask.claim);
                assert_true(answers[i].distance == distance);
                const double other = nearest_of(&w, q, false, own, false);
                assert_true(answers[i].margin == (isfinite(other) ? other - distance : INFINITY));
            }
        }
        cen_gallery_free(w.gallery);
    }
    cen_context_free(context);
    (void)state;
}

/* Rows of two numbers, none with a source. */
static cen_gallery *make_plane(const char *const *who, const bool *negative, const float (*rows)[2],
                               size_t n)
{
    cen_gallery *gallery;
    cen_error error;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = 2;
    assert_ok(cen_gallery_create(NULL, &gallery, &options, &error), &error);
    for (size_t i = 0; i < n; i++) {
        const cen_gallery_row row = {
            .name = who[i], .is_negative = negative != NULL && negative[i], .feature = rows[i]};
        assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    }
    return gallery;
}

static const char *name_at(const cen_gallery *gallery, float x, float y, cen_weights weights)
{
    const float question[] = {x, y};
    cen_ask_options ask = cen_ask_options_init();
    cen_answer answer;
    cen_error error;
    if (weights != CEN_WEIGHTS_STEEP) ask.weights = weights;
    assert_ok(cen_gallery_ask(gallery, question, 1, &ask, &answer, NULL, NULL, &error), &error);
    return answer.name != NULL ? answer.name : "unknown";
}

static void a_name_with_one_picture_wins_near_it_against_names_with_many(void **state)
{
    static const char *const who[] = {"one", "many", "many", "many", "many", "many"};
    static const float rows[][2] = {{0, 0}, {10, 0}, {10, 1}, {10, 2}, {11, 0}, {11, 1}};
    cen_gallery *gallery = make_plane(who, NULL, rows, 6);
    assert_string_equal(name_at(gallery, 4, 0, CEN_WEIGHTS_STEEP), "one");
    assert_string_equal(name_at(gallery, 4, 0, CEN_WEIGHTS_UNIFORM), "many");
    assert_string_equal(name_at(gallery, 4, 0, CEN_WEIGHTS_DISTANCE), "many");
    /* of two that are nearly as near, the name with more pictures there wins */
    assert_string_equal(name_at(gallery, 4.99f, 1, CEN_WEIGHTS_STEEP), "many");
    cen_gallery_free(gallery);
    (void)state;
}

static void a_negative_speaks_against_every_name_but_that_of_a_copy(void **state)
{
    static const char *const who[] = {"Ada", "Ben", "Ada", "Ada", "Ben"};
    static const bool negative[] = {false, false, true, true, false};
    static const float rows[][2] = {{0, 0}, {20, 0}, {10, 0}, {20, 9}, {20, 9}};
    cen_gallery *gallery = make_plane(who, negative, rows, 5);
    assert_string_equal(name_at(gallery, 4, 0, CEN_WEIGHTS_STEEP), "Ada");
    /* 5.1 from Ada, 4.9 from her negative */
    assert_string_equal(name_at(gallery, 5.1f, 0, CEN_WEIGHTS_STEEP), "unknown");
    /* 4.9 from Ben, 5.1 from the negative of Ada */
    assert_string_equal(name_at(gallery, 15.1f, 0, CEN_WEIGHTS_STEEP), "Ben");
    assert_string_equal(name_at(gallery, 14, 0, CEN_WEIGHTS_STEEP), "unknown");
    /* the same picture is a row of Ben */
    assert_string_equal(name_at(gallery, 20, 8, CEN_WEIGHTS_STEEP), "Ben");
    cen_gallery_free(gallery);
    (void)state;
}

static void pictures_together_are_one_question_of_their_mean_direction(void **state)
{
    static const float rows[][2] = {{10, 0}, {0, 10}, {9, 1}};
    static const char *const who[] = {"A", "B", "A"};
    /* Their mean is (3, 3), as short as 4.2; with the mean of their lengths, 6, it is (4.24, 4.24). */
    static const float pictures[][2] = {{6, 0}, {0, 6}}, mean[] = {4.2426405f, 4.2426405f};
    cen_gallery *gallery;
    cen_error error;
    cen_gallery_options options = cen_gallery_options_init();
    options.d = 2;
    assert_ok(cen_gallery_create(NULL, &gallery, &options, &error), &error);
    for (size_t i = 0; i < 3; i++) {
        const cen_gallery_row row = {.name = who[i], .feature = rows[i]};
        assert_ok(cen_gallery_add(gallery, &row, 1, &error), &error);
    }
    cen_ask_options ask = cen_ask_options_init();
    cen_answer one, other;
    size_t found[10];
    ask.k = 1;
    assert_ok(cen_gallery_ask(gallery, mean, 1, &ask, &one, found, NULL, &error), &error);
    ask.together = true;
    assert_ok(cen_gallery_ask(gallery, pictures[0], 2, &ask, &other, found, NULL, &error), &error);
    assert_true(fabs(one.distance - other.distance) < 1e-6);
    assert_string_equal(other.nearest, "A");
    assert_int_equal(found[0], 2);
    /* one picture is itself */
    assert_ok(cen_gallery_ask(gallery, pictures[1], 1, &ask, &other, NULL, NULL, &error), &error);
    assert_true(other.distance == 4);
    assert_string_equal(other.name, "B");
    cen_gallery_free(gallery);
    (void)state;
}

static void answers_do_not_depend_on_threads(void **state)
{
    enum { N = 4500 }; /* more than are answered at once */
    cen_error error;
    static cen_answer answers[2][N];
    static float queries[N * D], distances[2][N * 5];
    static size_t rows[2][N * 5];
    uint64_t draws = 4;
    fill(queries, N * D, &draws);
    for (int run = 0; run < 2; run++) {
        cen_context *context;
        cen_context_options options = cen_context_options_init();
        options.n_threads = run == 0 ? 1 : 3;
        assert_ok(cen_context_create(&context, &options, &error), &error);
        world w;
        draws = 6;
        make(&w, ROWS, 3, true, CEN_METRIC_COSINE, context, &draws);
        cen_ask_options ask = cen_ask_options_init();
        ask.threshold = 0.25;
        ask.weights = CEN_WEIGHTS_DISTANCE;
        assert_ok(cen_gallery_ask(w.gallery, queries, N, &ask, answers[run], rows[run],
                                  distances[run], &error),
                  &error);
        for (size_t i = 0; i < N; i++) { /* names are borrowed */
            cen_answer *answer = &answers[run][i];
            for (size_t j = 0; j < NAMES; j++) {
                if (answer->name != NULL && strcmp(answer->name, names[j]) == 0) {
                    answer->name = names[j];
                }
                if (strcmp(answer->nearest, names[j]) == 0) answer->nearest = names[j];
            }
        }
        cen_gallery_free(w.gallery);
        cen_context_free(context);
    }
    assert_memory_equal(rows[0], rows[1], sizeof rows[0]);
    assert_memory_equal(distances[0], distances[1], sizeof distances[0]);
    assert_memory_equal(answers[0], answers[1], sizeof answers[0]);
    (void)state;
}

static void questions_that_mean_nothing_are_refused(void **state)
{
    world w;
    uint64_t draws = 1;
    cen_error error;
    cen_answer answer;
    make(&w, 10, 2, false, CEN_METRIC_L2, NULL, &draws);
    cen_ask_options ask = cen_ask_options_init();
    const cen_ask_options plain = ask;
    ask.k = 0;
    assert_int_equal(cen_gallery_ask(w.gallery, w.queries, 1, &ask, &answer, NULL, NULL, &error),
                     CEN_ERROR_ARGUMENT);
    ask = plain;
    ask.threshold = NAN;
    assert_int_equal(cen_gallery_ask(w.gallery, w.queries, 1, &ask, &answer, NULL, NULL, &error),
                     CEN_ERROR_ARGUMENT);
    ask = plain;
    ask.claim = w.sorted[0]; /* nothing says how near is near enough */
    assert_int_equal(cen_gallery_ask(w.gallery, w.queries, 1, &ask, &answer, NULL, NULL, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "calibrate"));
    ask.threshold = 1;
    ask.claim = "Nobody";
    assert_int_equal(cen_gallery_ask(w.gallery, w.queries, 1, &ask, &answer, NULL, NULL, &error),
                     CEN_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "Nobody"));
    w.queries[D + 1] = NAN;
    assert_int_equal(cen_gallery_ask(w.gallery, w.queries, 2, NULL, &answer, NULL, NULL, &error),
                     CEN_ERROR_NOT_FINITE);
    assert_ok(cen_gallery_ask(w.gallery, w.queries, 0, NULL, &answer, NULL, NULL, &error), &error);
    cen_gallery_free(w.gallery);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_classify_if_nothing_else_is_known),
        cmocka_unit_test(answers_with_negatives_are_those_of_comparing_all),
        cmocka_unit_test(a_claim_is_compared_with_its_own_rows),
        cmocka_unit_test(a_name_with_one_picture_wins_near_it_against_names_with_many),
        cmocka_unit_test(a_negative_speaks_against_every_name_but_that_of_a_copy),
        cmocka_unit_test(pictures_together_are_one_question_of_their_mean_direction),
        cmocka_unit_test(answers_do_not_depend_on_threads),
        cmocka_unit_test(questions_that_mean_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
