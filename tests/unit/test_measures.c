#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include <centerloss_eval.h>

#include "base/random.h"
#include "golden/measures.h"
#include "support/context.h"
#include "support/limited_memory.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

typedef struct {
    const float *gallery, *queries;
    const int32_t *labels, *query_labels;
    cen_metric metric;
    bool alone; /* leave-one-out */
    const double *retrieval;
    const int32_t *votes; /* [2, n]: uniform, by distance */
    const double *verification;
} golden;

#define CASE(set, name, metric)                                                                    \
    {set##_gallery,                                                                                \
     set##_queries,                                                                                \
     set##_labels,                                                                                 \
     set##_query_labels,                                                                           \
     metric,                                                                                       \
     false,                                                                                        \
     set##_##name##_queries_retrieval,                                                             \
     set##_##name##_queries_votes,                                                                 \
     set##_##name##_queries_verification},                                                         \
    {                                                                                              \
        set##_gallery, set##_gallery, set##_labels, set##_labels, metric, true,                    \
            set##_##name##_alone_retrieval, set##_##name##_alone_votes,                            \
            set##_##name##_alone_verification                                                      \
    }

static const golden cases[] = {
    CASE(smooth, l2, CEN_METRIC_L2),
    CASE(smooth, cosine, CEN_METRIC_COSINE),
    CASE(grid, l2, CEN_METRIC_L2),
};

static void assert_near(double value, double expected)
{
    if (!(fabs(value - expected) <= 1e-6)) fail_msg("%.9g is not %.9g", value, expected);
}

static size_t n_queries_of(const golden *g)
{
    return g->alone ? N : QUERIES;
}

static cen_labelled gallery_of(const golden *g)
{
    return (cen_labelled){g->gallery, g->labels, N};
}

static cen_labelled queries_of(const golden *g)
{
    return (cen_labelled){g->queries, g->query_labels, n_queries_of(g)};
}

/* The votes' options in *knn. */
static cen_measure_options options_of(const golden *g, cen_weights weights, cen_knn_options *knn)
{
    cen_measure_options options = cen_measure_options_init();
    *knn = cen_knn_options_init();
    options.knn = knn;
    knn->metric = g->metric;
    knn->weights = weights;
    knn->leave_one_out = g->alone;
    options.n_episodes = 10;
    return options;
}

/* ---- against scikit-learn and the definitions in Python --------------------------------------- */

static void votes_are_those_of_scikit_learn_with_either_weight(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(cases); c++) {
        for (int weights = 0; weights < 2; weights++) {
            const golden *g = &cases[c];
            int32_t predicted[N];
            cen_knn_options knn;
            cen_measure_options o = options_of(g, (cen_weights)weights, &knn);
            assert_int_equal(cen_knn_classify(threads(1), (cen_labelled[]){gallery_of(g)},
                                              (cen_labelled[]){queries_of(g)}, D, o.knn, predicted,
                                              NULL, NULL, NULL),
                             CEN_OK);
            assert_memory_equal(predicted, g->votes + (size_t)weights * n_queries_of(g),
                                n_queries_of(g) * sizeof *predicted);
        }
    }
}

static void retrieval_is_that_of_the_definition(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(cases); c++) {
        for (int weights = 0; weights < 2; weights++) {
            const golden *g = &cases[c];
            cen_measures m;
            cen_knn_options knn;
            cen_measure_options o = options_of(g, (cen_weights)weights, &knn);
            assert_int_equal(cen_measures_create(threads(1), &m, (cen_labelled[]){gallery_of(g)},
                                                 (cen_labelled[]){queries_of(g)}, D, &o, NULL),
                             CEN_OK);
            assert_int_equal(m.n_queries, n_queries_of(g));
            assert_int_equal(m.retrieval.n_queries, n_queries_of(g));
            assert_near((double)m.retrieval.n_lone, g->retrieval[0]);
            assert_near(m.retrieval.knn_accuracy, g->retrieval[1 + weights]);
            assert_near(m.retrieval.precision_at_1, g->retrieval[3]);
            assert_near(m.retrieval.r_precision, g->retrieval[4]);
            assert_near(m.retrieval.map_at_r, g->retrieval[5]);
            assert_memory_equal(m.predicted, g->votes + (size_t)weights * m.n_queries,
                                m.n_queries * sizeof *m.predicted);
            cen_measures_free(&m);
            assert_null(m.predicted);
        }
    }
}

static void verification_is_that_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(cases); c++) {
        const golden *g = &cases[c];
        cen_measures m;
        cen_knn_options knn;
        cen_measure_options o = options_of(g, CEN_WEIGHTS_UNIFORM, &knn);
        assert_int_equal(cen_measures_create(threads(1), &m, (cen_labelled[]){gallery_of(g)},
                                             (cen_labelled[]){queries_of(g)}, D, &o, NULL),
                         CEN_OK);
        const cen_verification *v = &m.verification;
        assert_near((double)v->n_genuine, g->verification[0]);
        assert_near((double)v->n_impostor, g->verification[1]);
        assert_near(v->auc, g->verification[2]);
        assert_near(v->eer, g->verification[3]);
        assert_near(v->eer_threshold, g->verification[4]);
        for (size_t i = 0; i < 3; i++) assert_near(v->tar[i], g->verification[5 + i]);
        assert_false(v->is_sample || m.pairs.is_sample);
        cen_measures_free(&m);
    }
}

static void neighbours_are_those_of_the_search(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(cases); c++) {
        const golden *g = &cases[c];
        cen_measures m;
        size_t indices[N * K];
        float distances[N * K];
        cen_knn_options knn;
        cen_measure_options o = options_of(g, CEN_WEIGHTS_UNIFORM, &knn);
        assert_int_equal(cen_measures_create(threads(1), &m, (cen_labelled[]){gallery_of(g)},
                                             (cen_labelled[]){queries_of(g)}, D, &o, NULL),
                         CEN_OK);
        assert_int_equal(cen_knn_search(threads(1), g->gallery, N, g->queries, m.n_queries, D, K,
                                        g->metric, g->alone, indices, distances, NULL),
                         CEN_OK);
        assert_int_equal(m.k, K);
        assert_memory_equal(m.neighbours, indices, m.n_queries * K * sizeof *indices);
        assert_memory_equal(m.distances, distances, m.n_queries * K * sizeof *distances);
        cen_measures_free(&m);
    }
}

static void confusions_are_counted_and_in_order(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(cases); c++) {
        const golden *g = &cases[c];
        cen_measures m;
        size_t sum = 0;
        cen_knn_options knn;
        cen_measure_options o = options_of(g, CEN_WEIGHTS_UNIFORM, &knn);
        assert_int_equal(cen_measures_create(threads(1), &m, (cen_labelled[]){gallery_of(g)},
                                             (cen_labelled[]){queries_of(g)}, D, &o, NULL),
                         CEN_OK);
        assert_true(m.n_confusions > 1);
        for (size_t i = 0; i < m.n_confusions; i++) {
            const cen_confusion *now = &m.confusions[i], *last = now - 1;
            size_t count = 0;
            for (size_t q = 0; q < m.n_queries; q++) {
                count += g->query_labels[q] == now->label && m.predicted[q] == now->predicted;
            }
            assert_int_equal(now->count, count);
            assert_int_not_equal(now->label, now->predicted);
            sum += count;
            if (i == 0) continue;
            assert_true(last->count > now->count ||
                        (last->count == now->count &&
                         (last->label < now->label ||
                          (last->label == now->label && last->predicted < now->predicted))));
        }
        assert_near(1 - (double)sum / (double)m.n_queries, m.retrieval.knn_accuracy);
        cen_measures_free(&m);
    }
}

static void compactness_is_that_of_cen_intra_inter(void **state)
{
    (void)state;
    cen_measures m;
    double ratio;
    cen_knn_options knn;
    cen_measure_options o = options_of(&cases[0], CEN_WEIGHTS_UNIFORM, &knn);
    assert_int_equal(cen_measures_create(threads(1), &m, (cen_labelled[]){gallery_of(&cases[0])},
                                         (cen_labelled[]){queries_of(&cases[0])}, D, &o, NULL),
                     CEN_OK);
    assert_int_equal(cen_intra_inter(NULL, (cen_labelled[]){queries_of(&cases[0])},
                                     (cen_labelled[]){gallery_of(&cases[0])}, D, 7, &ratio, NULL),
                     CEN_OK);
    assert_near(m.intra_inter, ratio);
    cen_measures_free(&m);
}

/* ---- properties ------------------------------------------------------------------------------ */

static void assert_same(const cen_measures *a, const cen_measures *b)
{
    assert_int_equal(a->n_queries, b->n_queries);
    assert_memory_equal(&a->retrieval, &b->retrieval, sizeof a->retrieval);
    assert_memory_equal(a->predicted, b->predicted, a->n_queries * sizeof *a->predicted);
    assert_memory_equal(a->distances, b->distances, a->n_queries * a->k * sizeof *a->distances);
    assert_int_equal(a->pairs.n_genuine, b->pairs.n_genuine);
    assert_memory_equal(a->pairs.genuine, b->pairs.genuine,
                        a->pairs.n_genuine * sizeof *a->pairs.genuine);
    assert_memory_equal(a->pairs.impostor, b->pairs.impostor,
                        a->pairs.n_impostor * sizeof *a->pairs.impostor);
    assert_true(a->verification.auc == b->verification.auc);
    for (size_t i = 0; i < 2; i++) {
        assert_true(a->few_shot[i].accuracy == b->few_shot[i].accuracy);
        assert_true(a->few_shot[i].interval == b->few_shot[i].interval);
    }
}

/* Blocks of depth 3,000 and of depth 5, of two thousand rows and more. */
static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    enum { ROWS = 4000, ASKED = 2500, SIDE = 3 };
    static float x[(ROWS + ASKED) * SIDE];
    static int32_t labels[ROWS + ASKED];
    for (size_t i = 0; i < COUNT(x); i++) x[i] = cen__random_float(5, 1, i);
    for (size_t i = 0; i < COUNT(labels); i++) {
        labels[i] = (int32_t)cen__random_below(5, 2, i, 4) == 0 ? (int32_t)(i % 300) : 7;
    }
    cen_labelled gallery = {x, labels, ROWS};
    cen_labelled queries = {x + ROWS * SIDE, labels + ROWS, ASKED};
    cen_measure_options o = cen_measure_options_init();
    cen_knn_options o_knn = cen_knn_options_init();
    o.knn = &o_knn;
    cen_measures first, other;
    o.most_pairs = 100000;
    assert_int_equal(cen_measures_create(threads(1), &first, &gallery, &queries, SIDE, &o, NULL),
                     CEN_OK);
    assert_true(first.few_shot[0].n_episodes == 600 && first.few_shot[0].n_ways == 20);
    for (int n = 2; n < 6; n += 3) {
        assert_int_equal(
            cen_measures_create(threads(n), &other, &gallery, &queries, SIDE, &o, NULL), CEN_OK);
        assert_same(&first, &other);
        cen_measures_free(&other);
    }
    cen_measures_free(&first);
}

static void queries_without_a_label_are_answered_and_not_measured(void **state)
{
    (void)state;
    const golden *g = &cases[0];
    cen_measures with, without;
    static float x[(QUERIES + 2) * D];
    static int32_t labels[QUERIES + 2];
    cen_knn_options knn;
    cen_measure_options o = options_of(g, CEN_WEIGHTS_UNIFORM, &knn);
    memcpy(x, g->gallery + 9 * D, 2 * D * sizeof(float));
    memcpy(x + 2 * D, g->queries, QUERIES * D * sizeof(float));
    labels[0] = labels[1] = -1;
    memcpy(labels + 2, g->query_labels, QUERIES * sizeof *labels);
    cen_labelled queries = {x, labels, QUERIES + 2};
    assert_int_equal(cen_measures_create(threads(1), &with, (cen_labelled[]){gallery_of(g)},
                                         &queries, D, &o, NULL),
                     CEN_OK);
    assert_int_equal(cen_measures_create(threads(1), &without, (cen_labelled[]){gallery_of(g)},
                                         (cen_labelled[]){queries_of(g)}, D, &o, NULL),
                     CEN_OK);
    assert_int_equal(with.n_queries, QUERIES + 2);
    assert_int_equal(with.neighbours[0], 9);
    assert_int_equal(with.retrieval.n_queries, QUERIES);
    assert_int_equal(with.retrieval.n_lone, without.retrieval.n_lone);
    assert_near(with.retrieval.map_at_r, without.retrieval.map_at_r);
    assert_near(with.retrieval.knn_accuracy, without.retrieval.knn_accuracy);
    assert_near(with.verification.auc, without.verification.auc);
    assert_near(with.intra_inter, without.intra_inter);
    assert_int_equal(with.n_confusions, without.n_confusions);
    cen_measures_free(&with);
    cen_measures_free(&without);
}

static void what_a_set_is_too_small_for_stays_empty(void **state)
{
    (void)state;
    static const float x[] = {0, 1, 3};
    static const int32_t same[] = {2, 2, 2}, apart[] = {0, 1, 2};
    cen_measure_options o = cen_measure_options_init();
    cen_knn_options o_knn = cen_knn_options_init();
    o.knn = &o_knn;
    cen_measures m;
    o_knn.leave_one_out = true;
    cen_labelled one_class = {x, same, 3}, all_alone = {x, apart, 3};
    assert_int_equal(cen_measures_create(threads(1), &m, &one_class, &one_class, 1, &o, NULL),
                     CEN_OK);
    assert_int_equal(m.k, 2);
    assert_true(m.retrieval.map_at_r == 1 && m.n_confusions == 0);
    assert_true(isnan(m.verification.auc) && m.pairs.n_genuine == 0 && m.pairs.impostor == NULL);
    assert_true(m.few_shot[0].n_episodes == 0 && isnan(m.few_shot[0].accuracy));
    assert_true(isnan(m.intra_inter));
    cen_measures_free(&m);
    assert_int_equal(cen_measures_create(threads(1), &m, &all_alone, &all_alone, 1, &o, NULL),
                     CEN_OK);
    assert_int_equal(m.retrieval.n_lone, 3);
    assert_true(m.retrieval.knn_accuracy == 0 && isnan(m.retrieval.precision_at_1));
    assert_true(isnan(m.verification.eer) && m.n_confusions == 3);
    cen_measures_free(&m);
    o_knn.leave_one_out = false;
    all_alone.n = 0;
    assert_int_equal(cen_measures_create(threads(1), &m, &one_class, &all_alone, 1, &o, NULL),
                     CEN_OK);
    assert_true(m.n_queries == 0 && isnan(m.retrieval.knn_accuracy));
    cen_measures_free(&m);
}

static void neighbours_at_distance_zero_alone_have_weight(void **state)
{
    (void)state;
    static const float x[] = {1, 1, 1.5f, 2, 2, 2.25f}, asked[] = {1, 2, 1.75f};
    static const int32_t labels[] = {4, 3, 1, 1, 0, 1}, expected[] = {3, 0, 1};
    int32_t predicted[3];
    cen_knn_options o = cen_knn_options_init();
    o.weights = CEN_WEIGHTS_DISTANCE;
    cen_labelled gallery = {x, labels, 6}, queries = {asked, NULL, 3};
    assert_int_equal(
        cen_knn_classify(threads(1), &gallery, &queries, 1, &o, predicted, NULL, NULL, NULL),
        CEN_OK);
    assert_memory_equal(predicted, expected, sizeof expected);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void assert_refused(cen_labelled gallery, cen_labelled queries, size_t d,
                           const cen_measure_options *options, const char *part)
{
    cen_error error = {CEN_OK, ""};
    cen_measures m;
    assert_int_equal(cen_measures_create(threads(1), &m, &gallery, &queries, d, options, &error),
                     CEN_ERROR_ARGUMENT);
    if (strstr(error.message, part) == NULL) fail_msg("\"%s\" lacks \"%s\"", error.message, part);
    assert_null(m.predicted);
}

static void arguments_without_sense_are_refused(void **state)
{
    (void)state;
    static const float x[] = {0, 1, 2}, broken[] = {0, NAN, 1};
    static const int32_t labels[] = {0, 0, 1}, unlabelled[] = {0, 0, -1};
    cen_measure_options o = cen_measure_options_init();
    cen_knn_options o_knn = cen_knn_options_init();
    o.knn = &o_knn;
    cen_labelled set = {x, labels, 3}, one = {x, labels, 1}, none = {x, labels, 0};
    cen_labelled bad = {broken, labels, 3}, partly = {x, unlabelled, 3};
    assert_refused(none, set, 1, &o, "0 rows");
    assert_refused(set, set, 0, &o, "at least one number");
    assert_refused(partly, set, 1, &o, "row 2 of the gallery has no label");
    assert_refused(bad, set, 1, &o, "row 1 of the gallery");
    assert_refused(set, bad, 1, &o, "row 1 of the queries");
    o_knn.leave_one_out = true;
    assert_refused(set, one, 1, &o, "the 1 queries must be the 3 rows");
    assert_refused(one, one, 1, &o, "no neighbour");
    o_knn.k = 0;
    assert_refused(set, set, 1, &o, "k is 0");
    cen_knn_options knn = cen_knn_options_init();
    int32_t predicted[3];
    assert_int_equal(cen_knn_classify(threads(1), &set, &set, 1, &knn, predicted, NULL, NULL, NULL),
                     CEN_ERROR_ARGUMENT);
    knn.k = SIZE_MAX;
    assert_int_equal(cen_knn_classify(threads(1), &set, &set, 1, &knn, predicted, NULL, NULL, NULL),
                     CEN_ERROR_ARGUMENT);
    cen_measures_free(NULL);
}

static int run_with_little_memory(void *user)
{
    const golden *g = user;
    int32_t predicted[N];
    cen_measures m;
    cen_error error = {CEN_OK, ""};
    cen_knn_options knn;
    cen_measure_options o = options_of(g, CEN_WEIGHTS_DISTANCE, &knn);
    cen_status status =
        cen_knn_classify(threads(1), (cen_labelled[]){gallery_of(g)},
                         (cen_labelled[]){queries_of(g)}, D, o.knn, predicted, NULL, NULL, &error);
    if (status == CEN_OK) {
        status = cen_measures_create(threads(1), &m, (cen_labelled[]){gallery_of(g)},
                                     (cen_labelled[]){queries_of(g)}, D, &o, &error);
        if (status == CEN_OK) cen_measures_free(&m);
    }
    if (status == CEN_OK) return 1;
    assert_int_equal(status, CEN_ERROR_MEMORY);
    assert_int_equal(error.status, CEN_ERROR_MEMORY);
    return 0;
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    golden of_queries = cases[0], alone = cases[1];
    assert_true(fail_each_allocation(run_with_little_memory, &of_queries) > 40);
    assert_true(fail_each_allocation(run_with_little_memory, &alone) > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(votes_are_those_of_scikit_learn_with_either_weight),
        cmocka_unit_test(retrieval_is_that_of_the_definition),
        cmocka_unit_test(verification_is_that_of_scikit_learn),
        cmocka_unit_test(neighbours_are_those_of_the_search),
        cmocka_unit_test(confusions_are_counted_and_in_order),
        cmocka_unit_test(compactness_is_that_of_cen_intra_inter),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(queries_without_a_label_are_answered_and_not_measured),
        cmocka_unit_test(what_a_set_is_too_small_for_stays_empty),
        cmocka_unit_test(neighbours_at_distance_zero_alone_have_weight),
        cmocka_unit_test(arguments_without_sense_are_refused),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
