/* Both triplet losses: against PyTorch, finite differences, and what is known without computing. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "loss/triplet.h"
#include "support/context.h"
#include "support/loss_cases.h"

static const cen__triplet_kind kinds[2] = {CEN__TRIPLET_BATCH_HARD, CEN__TRIPLET_SEMI_HARD};
static const char *const kind_names[2] = {"batch_hard", "semi_hard"};

/* df may be NULL; full of NaN before. */
static double loss_of(cen__triplet triplet, const float *f, const int32_t *labels, float *df)
{
    size_t count = cen__triplet_scratch_count(triplet.n, cen_context_threads(triplet.context));
    triplet.kernels = kernels_now();
    triplet.scratch = scratch_memory(count, sizeof *triplet.scratch);
    if (df != NULL) memset(df, 0xff, triplet.n * triplet.d * sizeof *df);
    double loss = cen__triplet_loss(&triplet, f, labels, df);
    cen__free(triplet.scratch);
    return loss;
}

static void check_golden(const golden *all, const char *of)
{
    static const double margins[2] = {0.2, 1};
    const golden_array *features = golden_get(all, of, "f");
    size_t n = features->shape[0], d = features->shape[1];
    float *f = golden_floats(features), *df = golden_memory(n * d, sizeof *df);
    int32_t *labels = golden_labels(golden_get(all, of, "labels"));
    for (size_t i = 0; i < 4; i++) {
        char what[128], name[64];
        snprintf(what, sizeof what, "%s/%s_%g", of, kind_names[i / 2], margins[i % 2]);
        snprintf(name, sizeof name, "%s_%g/loss", kind_names[i / 2], margins[i % 2]);
        cen__triplet triplet = {n, d, kinds[i / 2], margins[i % 2], NULL, NULL, NULL};
        double loss = loss_of(triplet, f, labels, df);
        assert_number(what, loss, golden_get(all, of, name)->values[0], 1e-6);
        assert_true(loss_of(triplet, f, labels, NULL) == loss);
        snprintf(name, sizeof name, "%s_%g/df", kind_names[i / 2], margins[i % 2]);
        assert_gradient(what, df, golden_get(all, of, name), 1e-6);
    }
    free(f);
    free(df);
    free(labels);
}

static void losses_and_gradients_equal_torch_also_with_ties_and_equal_features(void **state)
{
    (void)state;
    on_golden_cases("triplet.bin", 7, check_golden);
}

/* A second forward in double. Arbitrary numbers have no tie or closing hinge within 1e-5, where there
 * would be no slope. */
typedef struct example {
    size_t n, d;
    cen__triplet_kind kind;
    double margin;
    const int32_t *labels;
} example;

static double distance(const example *e, const double *f, size_t a, size_t b)
{
    double sum = 0;
    for (size_t c = 0; c < e->d; c++) sum += pow(f[a * e->d + c] - f[b * e->d + c], 2);
    return sqrt(sum);
}

/* The distance of the nearest negative that is farther than `outside`, or of the farthest; HUGE_VAL
 * where anchor a has none. */
static double negative_of(const example *e, const double *f, size_t a, double outside)
{
    double nearest = HUGE_VAL, farthest = -1;
    for (size_t q = 0; q < e->n; q++) {
        if (e->labels[q] == e->labels[a]) continue;
        double to_q = distance(e, f, a, q);
        if (to_q > outside) nearest = fmin(nearest, to_q);
        farthest = fmax(farthest, to_q);
    }
    return farthest < 0 || nearest < HUGE_VAL ? nearest : farthest;
}

static double forward(const void *context, const double *f)
{
    const example *e = context;
    double sum = 0, count = 0;
    for (size_t a = 0; a < e->n; a++) {
        double hardest = -1;
        for (size_t p = 0; p < e->n; p++) {
            if (p == a || e->labels[p] != e->labels[a]) continue;
            double to_p = distance(e, f, a, p), negative = negative_of(e, f, a, to_p);
            hardest = fmax(hardest, to_p);
            if (e->kind != CEN__TRIPLET_SEMI_HARD || negative == HUGE_VAL) continue;
            sum += fmax(0, e->margin + to_p - negative);
            count++;
        }
        double nearest = negative_of(e, f, a, -1);
        if (e->kind != CEN__TRIPLET_BATCH_HARD || hardest < 0 || nearest == HUGE_VAL) continue;
        sum += fmax(0, e->margin + hardest - nearest);
        count++;
    }
    return sum / count;
}

static void gradients_are_the_slopes_of_a_second_forward(void **state)
{
    (void)state;
    enum { N = 15, D = 5 };
    float *f = random_floats(N * D, 3), df[N * D];
    int32_t *labels = random_labels(N, 5, 4);
    for (size_t i = 0; i < 4; i++) {
        const example e = {N, D, kinds[i % 2], i < 2 ? 0.3 : 1.5, labels};
        double x[N * D];
        for (size_t j = 0; j < N * D; j++) x[j] = (double)f[j];
        cen__triplet triplet = {N, D, e.kind, e.margin, NULL, NULL, NULL};
        assert_number(kind_names[i % 2], loss_of(triplet, f, labels, df), forward(&e, x), 1e-12);
        assert_slopes(kind_names[i % 2], forward, &e, f, df, N * D);
    }
    free(f);
    free(labels);
}

/* On a line: a0 = 0, a1 = 3, b = 2. Anchor a0: 1 + 3 - 2 = 2; a1: 1 + 3 - 1 = 3; b has no positive.
 * Semi-hard has no negative outside of 3, so both take b too. */
static void a_triplet_on_a_line_is_worked_by_hand(void **state)
{
    (void)state;
    const float f[3] = {0, 3, 2};
    const int32_t labels[3] = {5, 5, 9};
    for (size_t i = 0; i < 2; i++) {
        float df[3];
        cen__triplet triplet = {3, 1, kinds[i], 1, NULL, NULL, NULL};
        assert_true(loss_of(triplet, f, labels, df) == 2.5);
        /* each anchor: +1 along the positive and -1 along the negative, over 2 */
        assert_true(df[0] == (-1.0f + 1 - 1) / 2 && df[1] == (1 + 1.0f - 1) / 2 && df[2] == 0);
    }
}

static void the_hinge_is_closed_where_the_negative_is_farther_by_the_margin(void **state)
{
    (void)state;
    const float f[4] = {0, 1, 10, 11};
    const int32_t labels[4] = {0, 0, 1, 1};
    for (size_t i = 0; i < 2; i++) {
        float df[4];
        /* the nearest negative of row 1 is 9 away, its positive 1: closed up to and with 8 */
        cen__triplet triplet = {4, 1, kinds[i], 8, NULL, NULL, NULL};
        assert_true(loss_of(triplet, f, labels, df) == 0);
        for (size_t j = 0; j < 4; j++) assert_true(df[j] == 0);
        triplet.margin = 8.5;
        assert_true(loss_of(triplet, f, labels, df) == 0.25);
    }
}

static void a_batch_without_a_triplet_costs_nothing(void **state)
{
    (void)state;
    const float f[8] = {1, 2, 3, 5, 8, 13, 21, 34};
    const int32_t same[4] = {2, 2, 2, 2}, all_different[4] = {3, 1, 0, 2};
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 1; n <= 4; n++) {
            float df[8];
            cen__triplet triplet = {n, 2, kinds[i], 1, NULL, NULL, NULL};
            assert_true(loss_of(triplet, f, same, df) == 0);
            for (size_t j = 0; j < 2 * n; j++) assert_true(df[j] == 0);
            assert_true(loss_of(triplet, f, all_different, df) == 0);
            for (size_t j = 0; j < 2 * n; j++) assert_true(df[j] == 0);
        }
    }
}

static void a_collapsed_batch_costs_the_margin_and_has_no_gradient(void **state)
{
    (void)state;
    const float f[8] = {7, 8, 7, 8, 7, 8, 7, 8};
    const int32_t labels[4] = {0, 1, 0, 1};
    for (size_t i = 0; i < 2; i++) {
        float df[8];
        cen__triplet triplet = {4, 2, kinds[i], 0.75, NULL, NULL, NULL};
        assert_true(loss_of(triplet, f, labels, df) == 0.75);
        for (size_t j = 0; j < 8; j++) assert_true(df[j] == 0);
    }
}

static void a_feature_that_is_no_number_is_seen_in_the_loss(void **state)
{
    (void)state;
    const float f[4] = {0, NAN, 2, 3};
    const int32_t labels[4] = {0, 0, 1, 1};
    for (size_t i = 0; i < 2; i++) {
        cen__triplet triplet = {4, 1, kinds[i], 1, NULL, NULL, NULL};
        assert_true(isnan(loss_of(triplet, f, labels, NULL)));
    }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    enum { N = 67, D = 33 };
    float *f = random_floats(N * D, 5), one[N * D], more[N * D];
    int32_t *labels = random_labels(N, 9, 6);
    for (size_t i = 0; i < 2; i++) {
        cen__triplet triplet = {N, D, kinds[i], 1, NULL, NULL, NULL};
        const double loss = loss_of(triplet, f, labels, one);
        assert_true(loss > 0);
        for (int n = 2; n < 6; n++) {
            triplet.context = threads(n);
            assert_true(loss_of(triplet, f, labels, more) == loss);
            assert_memory_equal(more, one, sizeof one);
        }
    }
    free(f);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_equal_torch_also_with_ties_and_equal_features),
        cmocka_unit_test(gradients_are_the_slopes_of_a_second_forward),
        cmocka_unit_test(a_triplet_on_a_line_is_worked_by_hand),
        cmocka_unit_test(the_hinge_is_closed_where_the_negative_is_farther_by_the_margin),
        cmocka_unit_test(a_batch_without_a_triplet_costs_nothing),
        cmocka_unit_test(a_collapsed_batch_costs_the_margin_and_has_no_gradient),
        cmocka_unit_test(a_feature_that_is_no_number_is_seen_in_the_loss),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
