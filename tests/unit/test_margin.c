/* CosFace's head, alone and below the softmax: against PyTorch, finite differences, and what is known
 * without computing. */
#include <centerloss_eval.h>

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "loss/softmax.h"
#include "loss/cosface.h"
#include "support/context.h"
#include "support/loss_cases.h"

/* Of one forward and backward; all full of NaN before. */
typedef struct results {
    float *logits, *dlogits, *df, *dw;
    double *row_losses, loss;
    bool *row_hits;
} results;

static results results_create(size_t n, size_t d, size_t k)
{
    return (results){.logits = scratch_memory(n * k, sizeof(float)),
                     .dlogits = scratch_memory(n * k, sizeof(float)),
                     .df = scratch_memory(n * d, sizeof(float)),
                     .dw = scratch_memory(k * d, sizeof(float)),
                     .row_losses = scratch_memory(n, sizeof(double)),
                     .row_hits = scratch_memory(n, sizeof(bool))};
}

static void results_free(results *r)
{
    cen__free(r->logits);
    cen__free(r->dlogits);
    cen__free(r->df);
    cen__free(r->dw);
    cen__free(r->row_losses);
    cen__free(r->row_hits);
}

/* f -> logits -> cross-entropy -> dlogits -> df, dw */
static results run(cen__margin head, const float *f, const float *w, const int32_t *labels)
{
    const size_t n = head.n, d = head.d, k = head.k;
    results r = results_create(n, d, k);
    size_t count =
        cen__margin_scratch_count(kernels_now(), n, d, k, cen_context_threads(head.context));
    head.kernels = kernels_now();
    head.scratch = scratch_memory(count, sizeof *head.scratch);
    cen__margin_forward(&head, f, w, labels, r.logits, r.row_hits);
    memcpy(r.dlogits, r.logits, n * k * sizeof *r.logits);
    cen__softmax softmax = {.kernels = kernels_now(),
                            .n = n,
                            .k = k,
                            .context = head.context,
                            .row_losses = r.row_losses,
                            .has_gradient = true};
    cen__softmax_cross_entropy(&softmax, r.dlogits, labels);
    cen__margin_backward(&head, r.dlogits, r.df, r.dw);
    for (size_t i = 0; i < n; i++) r.loss += r.row_losses[i] / (double)n;
    cen__free(head.scratch);
    return r;
}

static void check_golden(const golden *all, const char *of)
{
    const golden_array *features = golden_get(all, of, "f"), *weights = golden_get(all, of, "w");
    const double *numbers = golden_get(all, of, "numbers")->values;
    float *f = golden_floats(features), *w = golden_floats(weights);
    int32_t *labels = golden_labels(golden_get(all, of, "labels"));
    const size_t n = features->shape[0];
    cen__margin head = {.n = n,
                        .d = features->shape[1],
                        .k = weights->shape[0],
                        .scale = numbers[0],
                        .margin = numbers[1],
                        .context = threads(2)};
    results r = run(head, f, w, labels);
    assert_number(of, r.loss, numbers[2], 2e-6);
    assert_gradient(of, r.logits, golden_get(all, of, "logits"), 0);
    assert_gradient(of, r.dlogits, golden_get(all, of, "dlogits"), 0.1);
    assert_gradient(of, r.df, golden_get(all, of, "df"), 1e-6);
    assert_gradient(of, r.dw, golden_get(all, of, "dw"), 1e-6);
    for (size_t i = 0; i < n; i++)
        assert_true(r.row_hits[i] == (golden_get(all, of, "hits")->values[i] > 0));
    results_free(&r);
    free(f);
    free(w);
    free(labels);
}

static void logits_loss_and_gradients_equal_torch(void **state)
{
    (void)state;
    on_golden_cases("margin.bin", 9, check_golden);
}

enum { N = 6, D = 5, K = 4 };

static const int32_t some_labels[N] = {3, 0, 3, 1, 0, 3};

/* Head and cross-entropy in double, of f[N, D] and w[K, D] one behind the other; s = 8, m = 0.3. */
static double forward(const void *context, const double *x)
{
    (void)context;
    const double *w = x + N * D;
    double loss = 0;
    for (size_t i = 0; i < N; i++) {
        double sum = 0, own = 0;
        for (size_t j = 0; j < K; j++) {
            double dot = 0, f2 = 0, w2 = 0;
            for (size_t c = 0; c < D; c++) {
                dot += x[i * D + c] * w[j * D + c];
                f2 += x[i * D + c] * x[i * D + c];
                w2 += w[j * D + c] * w[j * D + c];
            }
            bool is_own = j == (size_t)some_labels[i];
            double logit = 8 * (dot / sqrt(f2 * w2) - (is_own ? 0.3 : 0));
            sum += exp(logit);
            if (is_own) own = logit;
        }
        loss += (log(sum) - own) / N;
    }
    return loss;
}

static void gradients_are_the_slopes_of_a_second_forward(void **state)
{
    (void)state;
    float *x = random_floats((N + K) * D, 11);
    double wide[(N + K) * D];
    cen__margin head = {N, D, K, 8, 0.3, NULL, NULL, NULL};
    results r = run(head, x, x + N * D, some_labels);
    float gradient[(N + K) * D];
    memcpy(gradient, r.df, N * D * sizeof *gradient);
    memcpy(gradient + N * D, r.dw, K * D * sizeof *gradient);
    for (size_t i = 0; i < (N + K) * D; i++) wide[i] = (double)x[i];
    assert_number("loss", r.loss, forward(NULL, wide), 2e-6);
    assert_slopes("features and weights", forward, NULL, x, gradient, (N + K) * D);
    results_free(&r);
    free(x);
}

/* (3, 4) against (5, 0) and (0, 1): cosines 0.6 and 0.8. */
static void logits_are_scaled_cosines_less_the_margin_of_the_label(void **state)
{
    (void)state;
    const float f[2] = {3, 4}, w[4] = {5, 0, 0, 1};
    const int32_t label = 1;
    cen__margin head = {1, 2, 2, 10, 0.35, NULL, NULL, NULL};
    results r = run(head, f, w, &label);
    assert_number("other", (double)r.logits[0], 6, 1e-6);
    assert_number("label", (double)r.logits[1], 8 - 3.5, 1e-6);
    assert_true(r.row_hits[0]); /* although 4.5 < 6 */
    results_free(&r);
}

static void lengths_do_not_matter_and_gradients_stand_at_right_angles(void **state)
{
    (void)state;
    float *x = random_floats((N + K) * D, 12), scaled[(N + K) * D];
    for (size_t i = 0; i < (N + K) * D; i++) scaled[i] = x[i] * 1024;
    cen__margin head = {N, D, K, 16, 0.35, NULL, NULL, NULL};
    results r = run(head, x, x + N * D, some_labels);
    results other = run(head, scaled, scaled + N * D, some_labels);
    for (size_t i = 0; i < N * K; i++) assert_true(fabsf(r.logits[i] - other.logits[i]) <= 1e-5f);
    for (size_t i = 0; i < N; i++) {
        double dot = 0, size = 0;
        for (size_t c = 0; c < D; c++) {
            dot += (double)r.df[i * D + c] * (double)x[i * D + c];
            size += fabs((double)r.df[i * D + c]);
        }
        assert_true(fabs(dot) <= 1e-6 * size);
    }
    results_free(&r);
    results_free(&other);
    free(x);
}

static void of_equal_cosines_the_first_counts(void **state)
{
    (void)state;
    const float f[4] = {1, 0, 1, 0}, w[4] = {2, 0, 2, 0};
    const int32_t labels[2] = {0, 1};
    cen__margin head = {2, 2, 2, 4, 0.1, NULL, NULL, NULL};
    results r = run(head, f, w, labels);
    assert_true(r.row_hits[0] && !r.row_hits[1]);
    results_free(&r);
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    enum { ROWS = 70, COLUMNS = 67, CLASSES = 301 };
    float *x = random_floats((ROWS + CLASSES) * COLUMNS, 13), *w = x + ROWS * COLUMNS;
    int32_t *labels = random_labels(ROWS, CLASSES, 14);
    cen__margin head = {ROWS, COLUMNS, CLASSES, 30, 0.35, NULL, NULL, NULL};
    results one = run(head, x, w, labels);
    for (int n = 2; n < 6; n++) {
        head.context = threads(n);
        results more = run(head, x, w, labels);
        assert_true(more.loss == one.loss);
        assert_memory_equal(more.logits, one.logits, ROWS * CLASSES * sizeof(float));
        assert_memory_equal(more.df, one.df, ROWS * COLUMNS * sizeof(float));
        assert_memory_equal(more.dw, one.dw, CLASSES * COLUMNS * sizeof(float));
        assert_memory_equal(more.row_hits, one.row_hits, ROWS * sizeof(bool));
        results_free(&more);
    }
    results_free(&one);
    free(x);
    free(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_loss_and_gradients_equal_torch),
        cmocka_unit_test(gradients_are_the_slopes_of_a_second_forward),
        cmocka_unit_test(logits_are_scaled_cosines_less_the_margin_of_the_label),
        cmocka_unit_test(lengths_do_not_matter_and_gradients_stand_at_right_angles),
        cmocka_unit_test(of_equal_cosines_the_first_counts),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
