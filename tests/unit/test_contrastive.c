/* Contrastive-center loss: against PyTorch, finite differences, and numbers worked by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "loss/contrastive.h"
#include "support/context.h"
#include "support/loss_cases.h"

/* dcenters is full of NaN before, df of what was given; both may be NULL. */
static double loss_of(cen__contrastive contrastive, const float *f, const float *centers,
                      const int32_t *labels, float *df, float *dcenters)
{
    size_t count = cen__contrastive_scratch_count(contrastive.n, contrastive.d);
    contrastive.kernels = kernels_now();
    contrastive.scratch = scratch_memory(count, sizeof *contrastive.scratch);
    size_t n_numbers = contrastive.k * contrastive.d;
    if (dcenters != NULL) memset(dcenters, 0xff, n_numbers * sizeof *dcenters);
    double loss = cen__contrastive_loss(&contrastive, f, centers, labels);
    if (df != NULL) cen__contrastive_gradient(&contrastive, f, centers, labels, df, dcenters);
    cen__free(contrastive.scratch);
    return loss;
}

static void check_golden(const golden *all, const char *of)
{
    const golden_array *features = golden_get(all, of, "f"),
                       *table = golden_get(all, of, "centers");
    float *f = golden_floats(features), *centers = golden_floats(table);
    float *df = golden_memory(features->count, sizeof *df);
    float *dcenters = golden_memory(table->count, sizeof *dcenters);
    int32_t *labels = golden_labels(golden_get(all, of, "labels"));
    cen__contrastive contrastive = {.n = features->shape[0],
                                    .d = features->shape[1],
                                    .k = table->shape[0],
                                    .delta = golden_get(all, of, "delta")->values[0],
                                    .scale = 1,
                                    .context = threads(2)};
    double loss = loss_of(contrastive, f, centers, labels, df, dcenters);
    assert_number(of, loss, golden_get(all, of, "loss")->values[0], 1e-6);
    assert_true(loss_of(contrastive, f, centers, labels, NULL, NULL) == loss);
    assert_gradient(of, df, golden_get(all, of, "df"), 1e-6);
    assert_gradient(of, dcenters, golden_get(all, of, "dcenters"), 1e-6);
    free(f);
    free(centers);
    free(df);
    free(dcenters);
    free(labels);
}

static void loss_and_gradients_equal_torch(void **state)
{
    (void)state;
    on_golden_cases("contrastive.bin", 10, check_golden);
}

enum { N = 7, D = 4, K = 5 };

/* The definition, in double, of f[N, D] and centers[K, D] one behind the other. */
static double forward(const void *context, const double *x)
{
    const int32_t *labels = context;
    const double *centers = x + N * D;
    double loss = 0;
    for (size_t i = 0; i < N; i++) {
        double own = 0, others = 0;
        for (size_t j = 0; j < K; j++) {
            double *to = j == (size_t)labels[i] ? &own : &others;
            for (size_t c = 0; c < D; c++) *to += pow(x[i * D + c] - centers[j * D + c], 2);
        }
        loss += own / (others + 0.5) / 2;
    }
    return loss / N;
}

static void gradients_are_the_slopes_of_a_second_forward(void **state)
{
    (void)state;
    float *x = random_floats((N + K) * D, 1), gradient[(N + K) * D] = {0};
    double wide[(N + K) * D];
    const int32_t labels[N] = {4, 0, 4, 1, 4, 0, 1}; /* 2 and 3 are absent */
    cen__contrastive contrastive = {N, D, K, 0.5, 1, NULL, NULL, NULL};
    double loss = loss_of(contrastive, x, x + N * D, labels, gradient, gradient + N * D);
    for (size_t i = 0; i < (N + K) * D; i++) wide[i] = (double)x[i];
    assert_number("loss", loss, forward(labels, wide), 1e-12);
    assert_slopes("features and centers", forward, labels, x, gradient, (N + K) * D);
    free(x);
}

/* f = 1, its center 3, the other -1: 4 / (4 + 1) / 2 = 0.4. With a = 4, u = 5: df = (1 - 3) / u
 * - a (1 + 1) / u^2, and the centers' are (3 - 1) / u and a (1 + 1) / u^2. */
static void one_feature_and_two_centers_are_worked_by_hand(void **state)
{
    (void)state;
    const float f = 1, centers[2] = {-1, 3};
    const int32_t label = 1;
    float df = 10, dcenters[2];
    cen__contrastive contrastive = {1, 1, 2, 1, 3, NULL, NULL, NULL};
    assert_number("loss", loss_of(contrastive, &f, centers, &label, &df, dcenters), 0.4, 1e-15);
    assert_number("df", (double)-df, 3 * (2.0 / 5 + 8.0 / 25) - 10, 1e-6);
    assert_number("own center", (double)dcenters[1], 3 * 2.0 / 5, 1e-6);
    assert_number("other center", (double)dcenters[0], 3 * 8.0 / 25, 1e-6);
}

static void one_class_is_half_the_center_loss_over_delta(void **state)
{
    (void)state;
    const float f[4] = {1, 2, 3, 4}, center[2] = {0, 0};
    const int32_t labels[2] = {0, 0};
    float df[4] = {0}, dcenter[2];
    cen__contrastive contrastive = {2, 2, 1, 2, 1, NULL, NULL, NULL};
    double loss = loss_of(contrastive, f, center, labels, df, dcenter);
    assert_number("loss", loss, (5 + 25) / 2.0 / 2 / 2, 1e-15);
    for (size_t i = 0; i < 4; i++) assert_true(df[i] == f[i] / 4);
    assert_true(dcenter[0] == -1 && dcenter[1] == -1.5f);
}

static void features_on_their_centers_cost_nothing_and_are_not_moved(void **state)
{
    (void)state;
    const float f[4] = {1, 2, 3, 4};
    const int32_t labels[2] = {0, 1};
    float df[4] = {0}, dcenters[4];
    cen__contrastive contrastive = {2, 2, 2, 1, 1, NULL, NULL, NULL};
    assert_true(loss_of(contrastive, f, f, labels, df, dcenters) == 0);
    for (size_t i = 0; i < 4; i++) assert_true(df[i] == 0 && dcenters[i] == 0);
}

/* All of 1e20 but the rounding cancels in the denominator. */
static void rounding_never_turns_the_sign(void **state)
{
    (void)state;
    const int32_t label = 0;
    const float center[33] = {0};
    cen__contrastive contrastive = {1, 33, 1, 1, 1, NULL, NULL, NULL};
    for (uint64_t seed = 0; seed < 50; seed++) {
        float *f = random_floats(33, seed);
        for (size_t i = 0; i < 33; i++) f[i] *= 1e9f;
        assert_true(loss_of(contrastive, f, center, &label, NULL, NULL) > 0);
        free(f);
    }
}

static void a_feature_that_is_no_number_is_seen_in_the_loss(void **state)
{
    (void)state;
    const float f[2] = {NAN, 1}, centers[4] = {1, 2, 3, 4};
    const int32_t label = 0;
    cen__contrastive contrastive = {1, 2, 2, 1, 1, NULL, NULL, NULL};
    assert_true(isnan(loss_of(contrastive, f, centers, &label, NULL, NULL)));
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    enum { ROWS = 40, COLUMNS = 330, CLASSES = 37 };
    static float one[(ROWS + CLASSES) * COLUMNS], more[(ROWS + CLASSES) * COLUMNS];
    float *x = random_floats((ROWS + CLASSES) * COLUMNS, 2);
    int32_t *labels = random_labels(ROWS, CLASSES, 3);
    const size_t split = ROWS * COLUMNS;
    cen__contrastive contrastive = {ROWS, COLUMNS, CLASSES, 1, 0.7, NULL, NULL, NULL};
    const double loss = loss_of(contrastive, x, x + split, labels, one, one + split);
    for (int n = 2; n < 6; n++) {
        contrastive.context = threads(n);
        memset(more, 0, sizeof more);
        assert_true(loss_of(contrastive, x, x + split, labels, more, more + split) == loss);
        assert_memory_equal(more, one, sizeof one);
    }
    free(x);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_and_gradients_equal_torch),
        cmocka_unit_test(gradients_are_the_slopes_of_a_second_forward),
        cmocka_unit_test(one_feature_and_two_centers_are_worked_by_hand),
        cmocka_unit_test(one_class_is_half_the_center_loss_over_delta),
        cmocka_unit_test(features_on_their_centers_cost_nothing_and_are_not_moved),
        cmocka_unit_test(rounding_never_turns_the_sign),
        cmocka_unit_test(a_feature_that_is_no_number_is_seen_in_the_loss),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
