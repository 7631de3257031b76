/* The loops over flat buffers: against the C library in double, against torch's Adam, and the same
 * bits on every instruction set of this processor. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "golden/vector.h"
#include "kernels/dispatch.h"
#include "kernels/vector.h"
#include "support/context.h"
#include "support/instructions.h"

enum { POOL_MOST = 4096 };
enum { N = 1013 };

/* Beside every vector's length, every block's, and where the choice of a set begins. */
static const size_t lengths[] = {1,  2,  3,  7,   8,   15,  16,  17,  31,  33,
                                 63, 64, 65, 100, 255, 256, 257, 511, 512, N};
enum { N_LENGTHS = sizeof lengths / sizeof *lengths };

static void fill(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) x[i] = cen__random_float(seed, 98, i) * 8 - 4;
}

/* Runs check with the table of each set that this processor has. */
static void on_every_set(void (*check)(const cen__vectors *vectors))
{
    for (size_t i = 0; i < N_SETS; i++) {
        if (use_set(sets[i])) check(&kernels_now()->vectors);
    }
    use_best_set();
}

static void check_adam(const cen__vectors *vectors)
{
    float p[ADAM_N], m[ADAM_N] = {0}, v[ADAM_N] = {0}, sizes[ADAM_N] = {0};
    memcpy(p, adam_start[0], sizeof p);
    for (int t = 0; t < ADAM_STEPS; t++) {
        double correction1 = 1 - pow(0.9, t + 1), correction2 = 1 - pow(0.999, t + 1);
        cen__adam_step step = {.beta1 = 0.9F,
                               .beta2 = 0.999F,
                               .rest1 = (float)(1 - 0.9),
                               .rest2 = (float)(1 - 0.999),
                               .step_size = (float)(2e-3 / correction1),
                               .root_correction = (float)sqrt(correction2),
                               .eps = 1e-8F,
                               .keep = 1};
        vectors->adam(ADAM_N, p, m, v, t == 2 ? NULL : adam_gradients[t], &step);
        for (size_t i = 0; i < ADAM_N; i++) {
            assert_true(fabsf(p[i] - adam_p[t][i]) <= 2 * FLT_EPSILON * fabsf(adam_p[t][i]));
            sizes[i] += fabsf(adam_gradients[t][i]); /* which may cancel in m */
            assert_true(fabsf(m[i] - adam_m[t][i]) <= FLT_EPSILON / 4 * sizes[i]);
            assert_true(fabsf(v[i] - adam_v[t][i]) <= 4 * FLT_EPSILON * fabsf(adam_v[t][i]));
        }
    }
}

static void test_adam_steps_as_torch_does(void **state)
{
    (void)state;
    on_every_set(check_adam);
}

static void check_adam_bits(const cen__vectors *vectors)
{
    const cen__adam_step step = {0.9F, 0.999F, 0.1F, 0.001F, 0.01F, 0.3F, 1e-8F, 1};
    float start[N], g[N], p[2][N], m[2][N], v[2][N];
    const cen__vectors *both[] = {&cen__kernels_baseline.vectors, vectors};
    fill(start, N, 1);
    fill(g, N, 2);
    for (size_t i = 0; i < N_LENGTHS; i++) {
        for (int set = 0; set < 2; set++) {
            memcpy(p[set], start, sizeof start);
            memcpy(m[set], start, sizeof start);
            for (size_t j = 0; j < N; j++) v[set][j] = fabsf(start[j]);
            both[set]->adam(lengths[i], p[set], m[set], v[set], g, &step);
        }
        assert_memory_equal(p[0], p[1], sizeof *p);
        assert_memory_equal(m[0], m[1], sizeof *m);
        assert_memory_equal(v[0], v[1], sizeof *v);
        assert_memory_equal(p[1] + lengths[i], start + lengths[i],
                            (N - lengths[i]) * sizeof *start);
    }
}

static void test_adam_has_the_same_bits_on_every_set(void **state)
{
    (void)state;
    on_every_set(check_adam_bits);
}

static void check_add_scaled(const cen__vectors *vectors)
{
    float x[N], start[N], y[N];
    fill(x, N, 3);
    fill(start, N, 4);
    for (size_t i = 0; i < N_LENGTHS; i++) {
        memcpy(y, start, sizeof y);
        vectors->add_scaled(lengths[i], 1.7F, x, y);
        for (size_t j = 0; j < N; j++) {
            volatile float product = 1.7F * x[j];
            assert_true(y[j] == (j < lengths[i] ? start[j] + product : start[j]));
        }
    }
}

static void test_add_scaled_adds_a_multiple(void **state)
{
    (void)state;
    on_every_set(check_add_scaled);
}

/* Distance in units of the last place of the expected number. */
static double ulps(float got, double expected)
{
    if (expected < FLT_MIN) return fabs((double)got - expected) / ldexp(1, -149);
    int exponent;
    (void)frexp(expected, &exponent);
    return fabs((double)got - expected) / ldexp(1, exponent - 24);
}

static void check_exp(const cen__vectors *vectors)
{
    for (int block = -104; block < 89; block++) {
        float x[N], shifted[N];
        for (int i = 0; i < N; i++) shifted[i] = x[i] = (float)block + (float)i / N;
        (void)vectors->exp_sum(N, x, 0);
        for (int i = 0; i < N; i++) {
            double expected = exp((double)shifted[i]);
            if (expected > FLT_MAX) {
                assert_true(isinf(x[i]));
            } else {
                assert_true(ulps(x[i], expected) <= 1.5);
            }
        }
    }
}

static void test_exp_is_right_within_one_and_a_half_units_of_the_last_place(void **state)
{
    (void)state;
    on_every_set(check_exp);
}

/* x P(x) and its slope in double, P by the C library's erfc. */
static void check_gelu(const cen__vectors *vectors)
{
    enum { COUNT = 30000 };
    static float x[COUNT], dy[COUNT], y[COUNT], dx[COUNT], same_y[COUNT], same_dx[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = ((float)i - COUNT / 2) / (COUNT / 32.0F);
        dy[i] = cen__random_float(3, 98, i) * 2 - 1;
    }
    vectors->gelu(COUNT, x, y);
    vectors->gelu_backward(COUNT, x, dy, dx);
    for (size_t i = 0; i < COUNT; i++) {
        double z = (double)x[i], share = erfc(-z / sqrt(2)) / 2;
        double slope = share + z * exp(-z * z / 2) / sqrt(2 * acos(-1));
        assert_true(fabs((double)y[i] - z * share) <= 5e-7 * fmax(1, fabs(z)));
        assert_true(fabs((double)dx[i] - (double)dy[i] * slope) <= 1e-6);
    }
    cen__kernels_baseline.vectors.gelu(COUNT, x, same_y);
    cen__kernels_baseline.vectors.gelu_backward(COUNT, x, dy, same_dx);
    assert_memory_equal(y, same_y, sizeof y);
    assert_memory_equal(dx, same_dx, sizeof dx);
    /* As short ones, and in place: the same bits. */
    for (size_t i = 0; i < N_LENGTHS; i++) {
        float part[N];
        vectors->gelu(lengths[i], x + 14500, part);
        assert_memory_equal(part, y + 14500, lengths[i] * sizeof *part);
        memcpy(part, dy + 14500, lengths[i] * sizeof *part);
        vectors->gelu_backward(lengths[i], x + 14500, part, part);
        assert_memory_equal(part, dx + 14500, lengths[i] * sizeof *part);
    }
}

static void test_gelu_is_near_its_definition_with_the_same_bits_on_every_set(void **state)
{
    (void)state;
    on_every_set(check_gelu);
}

static void check_gelu_ends(const cen__vectors *vectors)
{
    const float x[5] = {0, 40, -40, NAN, INFINITY};
    float y[5];
    vectors->gelu(5, x, y);
    assert_true(y[0] == 0 && y[1] == 40 && y[2] == 0 && y[3] != y[3] && y[4] == INFINITY);
}

static void test_gelu_of_what_is_large_or_no_number(void **state)
{
    (void)state;
    on_every_set(check_gelu_ends);
}

static void check_exp_ends(const cen__vectors *vectors)
{
    float x[] = {-INFINITY, -1e30F, -200, -105, 0, 89, 1e30F, INFINITY, NAN, 1};
    (void)vectors->exp_sum(10, x, 0);
    for (int i = 0; i < 4; i++) assert_true(x[i] == 0);
    assert_true(x[4] == 1);
    for (int i = 5; i < 8; i++) assert_true(isinf(x[i]) && x[i] > 0);
    assert_true(isnan(x[8]));
    assert_true(fabsf(x[9] - 2.718281828F) < 1e-6F);
}

static void test_exp_of_infinity_and_of_what_is_no_number(void **state)
{
    (void)state;
    on_every_set(check_exp_ends);
}

static void check_sums(const cen__vectors *vectors)
{
    const cen__vectors *baseline = &cen__kernels_baseline.vectors;
    float a[N], b[N], e[2][N];
    fill(a, N, 5);
    fill(b, N, 6);
    for (size_t i = 0; i < N_LENGTHS; i++) {
        size_t n = lengths[i];
        double sum = 0, dot = 0, distance = 0, exp_sum = 0;
        memcpy(e[0], a, sizeof a);
        memcpy(e[1], a, sizeof a);
        double got = vectors->exp_sum(n, e[0], 1.5F);
        for (size_t j = 0; j < n; j++) {
            sum += (double)a[j];
            dot += (double)a[j] * (double)b[j];
            distance += ((double)a[j] - (double)b[j]) * ((double)a[j] - (double)b[j]);
            exp_sum += (double)e[0][j];
        }
        assert_true(fabs(vectors->sum(n, a) - sum) <= 1e-12 * N);
        assert_true(fabs(vectors->dot(n, a, b) - dot) <= 1e-11 * N);
        assert_true(fabs(vectors->squared_distance(n, a, b) - distance) <= 1e-11 * N);
        assert_true(fabs(got - exp_sum) <= 1e-11 * N);
        assert_true(got == baseline->exp_sum(n, e[1], 1.5F));
        assert_memory_equal(e[0], e[1], sizeof *e);
        assert_true(vectors->sum(n, a) == baseline->sum(n, a));
        assert_true(vectors->dot(n, a, b) == baseline->dot(n, a, b));
        assert_true(vectors->squared_distance(n, a, b) == baseline->squared_distance(n, a, b));
    }
}

static void test_sums_are_right_and_have_the_same_bits_on_every_set(void **state)
{
    (void)state;
    on_every_set(check_sums);
}

static void check_max(const cen__vectors *vectors)
{
    float x[N];
    size_t index;
    for (size_t i = 0; i < N_LENGTHS; i++) {
        size_t n = lengths[i];
        for (size_t at = 0; at < n; at += 1 + n / 13) {
            fill(x, N, 7);
            x[at] = 5;
            x[n - 1] = 5; /* the first of two counts */
            assert_true(vectors->max(n, x, NULL) == 5);
            assert_true(vectors->max(n, x, &index) == 5);
            assert_int_equal(index, at);
            x[at] = INFINITY;
            assert_true(isinf(vectors->max(n, x, &index)) && index == at);
            x[at] = NAN;
            x[n - 1] = n - 1 > at ? INFINITY : NAN;
            assert_true(isnan(vectors->max(n, x, &index)));
            assert_int_equal(index, at);
            assert_true(isnan(vectors->max(n, x, NULL)));
        }
        for (size_t j = 0; j < n; j++) x[j] = -INFINITY;
        assert_true(vectors->max(n, x, &index) == -INFINITY);
        assert_int_equal(index, 0);
        x[n - 1] = -7;
        assert_true(vectors->max(n, x, &index) == -7);
        assert_int_equal(index, n - 1);
    }
}

static void test_max_is_the_first_of_the_largest_or_not_a_number(void **state)
{
    (void)state;
    on_every_set(check_max);
}

/* Small whole numbers, so that there are ties, and some that are no numbers. */
static void check_pool_of(const cen__vectors *vectors, size_t rows, size_t width, size_t w)
{
    static float x[POOL_MOST], y[POOL_MOST], without[POOL_MOST];
    static uint8_t place[POOL_MOST];
    assert_true(2 * rows * w <= POOL_MOST);
    for (size_t i = 0; i < 2 * rows * w; i++) {
        x[i] = (float)(cen__random_bits(3, rows * w, i) % 4) - 2;
        if (cen__random_bits(5, width, i) % 100 == 0) x[i] = NAN;
    }
    vectors->pool_2x2(rows, width, w, x, y, place);
    vectors->pool_2x2(rows, width, w, x, without, NULL);
    for (size_t i = 0; i < rows * width; i++) {
        const float *top = x + i / width * 2 * w + 2 * (i % width), *bottom = top + w;
        const float window[4] = {top[0], top[1], bottom[0], bottom[1]};
        uint8_t at = 0;
        for (uint8_t j = 1; j < 4; j++) {
            if (window[j] > window[at] || isnan(window[j])) at = j;
        }
        assert_int_equal(place[i], at);
        assert_memory_equal(&y[i], &window[at], sizeof y[i]);
        assert_memory_equal(&without[i], &y[i], sizeof y[i]);
    }
}

static void check_pool(const cen__vectors *vectors)
{
    for (size_t width = 1; width <= 150; width++) check_pool_of(vectors, 1, width, 2 * width);
    for (size_t width = 1; width <= 30; width++) check_pool_of(vectors, 31, width, 2 * width + 1);
    check_pool_of(vectors, 3, 70, 143);
}

static void test_pooling_takes_the_first_of_the_largest_or_what_is_no_number(void **state)
{
    (void)state;
    on_every_set(check_pool);
}

static void check_nothing(const cen__vectors *vectors)
{
    float x[1] = {3};
    assert_true(vectors->sum(0, x) == 0);
    assert_true(vectors->dot(0, x, x) == 0);
    assert_true(vectors->squared_distance(0, x, x) == 0);
    assert_true(vectors->exp_sum(0, x, 1) == 0);
    vectors->add_scaled(0, 2, x, x);
    assert_true(x[0] == 3);
}

static void test_nothing_is_summed_to_zero(void **state)
{
    (void)state;
    on_every_set(check_nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adam_steps_as_torch_does),
        cmocka_unit_test(test_adam_has_the_same_bits_on_every_set),
        cmocka_unit_test(test_add_scaled_adds_a_multiple),
        cmocka_unit_test(test_exp_is_right_within_one_and_a_half_units_of_the_last_place),
        cmocka_unit_test(test_gelu_is_near_its_definition_with_the_same_bits_on_every_set),
        cmocka_unit_test(test_gelu_of_what_is_large_or_no_number),
        cmocka_unit_test(test_exp_of_infinity_and_of_what_is_no_number),
        cmocka_unit_test(test_sums_are_right_and_have_the_same_bits_on_every_set),
        cmocka_unit_test(test_max_is_the_first_of_the_largest_or_not_a_number),
        cmocka_unit_test(test_pooling_takes_the_first_of_the_largest_or_what_is_no_number),
        cmocka_unit_test(test_nothing_is_summed_to_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
