/* The matrix products against the naive reference, on every instruction set of this processor. */
#define _POSIX_C_SOURCE 200809L
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "kernels/affine.h"
#include "kernels/gemm.h"
#include "kernels/micro.h"
#include "support/context.h"
#include "support/instructions.h"

static void fill(float *x, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) x[i] = cen__random_float(seed, 99, i) * 2 - 1;
}

typedef struct {
    size_t m, n, k;
    bool turn_a, turn_b, has_bias;
    size_t gap; /* numbers between a row and the next, of all three */
} shape;

typedef struct {
    shape is;
    float *a, *b, *c, *bias;
    cen__matrix a_matrix, b_matrix;
    size_t c_size, ldc;
} problem;

static cen__matrix make_matrix(size_t rows, size_t columns, bool turn, size_t gap, uint64_t seed,
                               float **data)
{
    size_t stride = (turn ? rows : columns) + gap, n = stride * (turn ? columns : rows);
    n -= n > 0 ? gap : 0; /* what lies past the last number is not there to be read */
    *data = cen__alloc(NULL, n, sizeof **data);
    assert_non_null(*data);
    fill(*data, n, seed);
    return turn ? (cen__matrix){*data, 1, stride} : (cen__matrix){*data, stride, 1};
}

static problem make_problem(shape is, uint64_t seed)
{
    problem made = {.is = is, .ldc = is.n + is.gap};
    made.a_matrix = make_matrix(is.m, is.k, is.turn_a, is.gap, seed, &made.a);
    made.b_matrix = make_matrix(is.k, is.n, is.turn_b, is.gap, seed + 1, &made.b);
    made.c_size = is.m * made.ldc;
    made.c = cen__alloc(NULL, made.c_size, sizeof *made.c);
    assert_non_null(made.c);
    fill(made.c, made.c_size, seed + 2);
    if (is.has_bias) {
        made.bias = cen__alloc(NULL, is.n, sizeof *made.bias);
        assert_non_null(made.bias);
        fill(made.bias, is.n, seed + 3);
    }
    return made;
}

static void free_problem(problem *made)
{
    cen__free(made->a);
    cen__free(made->b);
    cen__free(made->c);
    cen__free(made->bias);
}

/* B as many products share it; NULL: it has too few columns. */
static float *pack(const problem *on)
{
    const cen__micro *micro = &kernels_now()->micro;
    const size_t parts = cen__gemm_packed_parts(micro, on->is.n);
    const size_t count = cen__gemm_packed_count(micro, on->is.n, on->is.k);
    float *packed = parts > 0 ? cen__alloc(NULL, count, sizeof *packed) : NULL;
    for (size_t part = parts; part > 0; part--) {
        cen__gemm_pack(micro, on->is.n, on->is.k, on->b_matrix, part - 1, packed);
    }
    return packed;
}

/* c as the fast product leaves it, on n_threads, of B as it lies (NULL) or packed. */
static float *run_with(const problem *on, const float *packed, int n_threads)
{
    float *c = cen__alloc(NULL, on->c_size, sizeof *c);
    size_t count =
        cen__gemm_scratch_count(&kernels_now()->micro, on->is.m, on->is.n, on->is.k, n_threads);
    float *scratch = cen__alloc(NULL, count, sizeof *scratch);
    assert_non_null(c);
    assert_non_null(scratch);
    for (size_t i = 0; i < count; i++) scratch[i] = NAN;
    memcpy(c, on->c, on->c_size * sizeof *c);
    if (packed != NULL) {
        cen__gemm_packed(&kernels_now()->micro, on->is.m, on->is.n, on->is.k, on->a_matrix, packed,
                         on->bias, c, on->ldc, scratch, threads(n_threads));
    } else {
        cen__gemm(&kernels_now()->micro, on->is.m, on->is.n, on->is.k, on->a_matrix, on->b_matrix,
                  on->bias, c, on->ldc, scratch, threads(n_threads));
    }
    cen__free(scratch);
    return c;
}

static float *run_fast(const problem *on, int n_threads)
{
    return run_with(on, NULL, n_threads);
}

/* Each of k additions of products below 1 rounds a partial sum of about sqrt(k) / 3; these errors add
 * up to about eps k / 6, and among thousands of sums some are several times that. */
static void check_against_naive(const problem *on, const float *c)
{
    float *expected = cen__alloc(NULL, on->c_size, sizeof *expected);
    assert_non_null(expected);
    memcpy(expected, on->c, on->c_size * sizeof *expected);
    cen__gemm_naive(on->is.m, on->is.n, on->is.k, on->a_matrix, on->b_matrix, on->bias, expected,
                    on->ldc);
    double bound = FLT_EPSILON * (4 + (double)on->is.k);
    for (size_t i = 0; i < on->c_size; i++) {
        bool inside = i % on->ldc < on->is.n;
        double error = fabs((double)c[i] - expected[i]);
        if (!(error <= (inside ? bound : 0))) {
            fail_msg("%s: %zu x %zu x %zu, turned %d %d, gap %zu: number %zu is %g, not %g",
                     instructions_now(), on->is.m, on->is.n, on->is.k, on->is.turn_a, on->is.turn_b,
                     on->is.gap, i, (double)c[i], (double)expected[i]);
        }
    }
    cen__free(expected);
}

static void check_shape(shape is, uint64_t seed)
{
    problem on = make_problem(is, seed);
    float *one = run_fast(&on, 1);
    check_against_naive(&on, one);
    for (int n_threads = 2; n_threads <= 3; n_threads++) {
        float *more = run_fast(&on, n_threads);
        assert_memory_equal(one, more, on.c_size * sizeof *one);
        cen__free(more);
    }
    float *packed = pack(&on), *of_packed = run_with(&on, packed, 2);
    assert_memory_equal(one, of_packed, on.c_size * sizeof *one);
    cen__free(packed);
    cen__free(of_packed);
    cen__free(one);
    free_problem(&on);
}

static void check_layouts(size_t m, size_t n, size_t k)
{
    for (unsigned bits = 0; bits < 16; bits++) {
        shape is = {m, n, k, bits & 1, bits & 2, bits & 4, bits & 8 ? 5 : 0};
        check_shape(is, m * 1000003 + n * 1009 + k * 17 + bits);
    }
}

static void on_every_set(void (*check)(void))
{
    for (size_t i = 0; i < N_SETS; i++) {
        if (use_set(sets[i])) check();
    }
    use_best_set();
}

static void check_tiny(void)
{
    static const size_t sizes[] = {1, 2, 3, 5};
    for (size_t i = 0; i < 64; i++) check_layouts(sizes[i / 16], sizes[i / 4 % 4], sizes[i % 4]);
}

static void test_tiny_products_equal_the_reference(void **state)
{
    (void)state;
    on_every_set(check_tiny);
}

static void check_around_the_tile(void)
{
    const cen__micro *micro = &kernels_now()->micro;
    for (size_t m = micro->mr - 1; m <= micro->mr + 2; m++) {
        for (size_t n = micro->nr - 1; n <= micro->nr + 1; n++) check_layouts(m, n, 7);
        check_layouts(m, micro->lanes, 16);
        check_layouts(m, micro->lanes + 1, 16);
    }
    for (size_t m = 1; m <= 2 * micro->mr; m++) check_layouts(m, 3 * micro->nr + 1, 4);
}

static void test_products_around_the_tile_equal_the_reference(void **state)
{
    (void)state;
    on_every_set(check_around_the_tile);
}

static void check_beyond_the_blocks(void)
{
    const cen__micro *micro = &kernels_now()->micro;
    shape shapes[] = {
        {micro->mc + 1, micro->nr + 3, micro->kc + 1, false, false, false, 0},
        {2 * micro->mc + 5, 2 * micro->nr, 2 * micro->kc + 9, true, true, true, 3},
        {micro->mc + 7, micro->nc + 5, 9, false, true, true, 1},
        {13, micro->nc + 1, 33, true, false, false, 0},
        {13, micro->nc + 1, 33, false, false, true, 2},
        {130, 67, 700, true, false, false, 0},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check_shape(shapes[i], i);
}

static void test_products_beyond_every_block_equal_the_reference(void **state)
{
    (void)state;
    on_every_set(check_beyond_the_blocks);
}

static void check_long_k(void)
{
    check_layouts(1, 1, 5003);
    check_layouts(3, 10, 4096);
    check_layouts(10, 7, 9001);
    check_layouts(33, 34, 1030);
    shape deep = {6, 5, 40003, false, true, false, 0};
    check_shape(deep, 1);
    deep.has_bias = true;
    check_shape(deep, 2);
}

static void test_a_long_sum_equals_the_reference(void **state)
{
    (void)state;
    on_every_set(check_long_k);
}

static void check_random(void)
{
    for (uint64_t i = 0; i < 60; i++) {
        uint64_t bits = cen__random_bits(7, 1, i);
        shape is = {
            .turn_a = bits & 1, .turn_b = bits & 2, .has_bias = bits & 4, .gap = (bits >> 3) % 4};
        is.m = 1 + (size_t)cen__random_below(7, 2, i, 150);
        is.n = 1 + (size_t)cen__random_below(7, 3, i, 150);
        is.k = 1 + (size_t)cen__random_below(7, 4, i, i % 4 == 0 ? 1500 : 150);
        check_shape(is, i);
    }
}

static void test_random_products_equal_the_reference(void **state)
{
    (void)state;
    on_every_set(check_random);
}

static void check_strides(void)
{
    /* Neither operand has adjacent numbers: every second row and column of larger ones. */
    enum { M = 29, N = 70, K = 41 };
    static float a[4 * M * K], b[4 * K * N], c[M * N], expected[M * N];
    fill(a, 4 * M * K, 1);
    fill(b, 4 * K * N, 2);
    cen__matrix a_matrix = {a, 4 * K, 2}, b_matrix = {b, 4 * N, 2};
    float *scratch = cen__alloc(NULL, cen__gemm_scratch_count(&kernels_now()->micro, M, N, K, 1),
                                sizeof *scratch);
    assert_non_null(scratch);
    cen__gemm(&kernels_now()->micro, M, N, K, a_matrix, b_matrix, NULL, c, N, scratch, NULL);
    cen__gemm_naive(M, N, K, a_matrix, b_matrix, NULL, expected, N);
    for (size_t i = 0; i < M * N; i++) assert_true(fabsf(c[i] - expected[i]) < 1e-5F);
    cen__free(scratch);
}

static void test_operands_without_adjacent_numbers_equal_the_reference(void **state)
{
    (void)state;
    on_every_set(check_strides);
}

static void test_an_empty_sum_is_the_bias_or_zero(void **state)
{
    (void)state;
    float c[6] = {1, 2, 3, 4, 5, 6}, bias[3] = {7, 8, 9}, scratch[4096];
    cen__matrix none = {c, 1, 1};
    assert_true(cen__gemm_scratch_count(&kernels_now()->micro, 2, 3, 0, 1) <= 4096);
    cen__gemm(&kernels_now()->micro, 2, 3, 0, none, none, bias, c, 3, scratch, NULL);
    for (size_t i = 0; i < 6; i++) assert_true(c[i] == bias[i % 3]);
    cen__gemm(&kernels_now()->micro, 2, 3, 0, none, none, NULL, c, 3, scratch, NULL);
    for (size_t i = 0; i < 6; i++) assert_true(c[i] == 0);
    cen__gemm(&kernels_now()->micro, 0, 3, 5, none, none, bias, c, 3, scratch, NULL);
    cen__gemm(&kernels_now()->micro, 2, 0, 5, none, none, bias, c, 3, scratch, NULL);
    for (size_t i = 0; i < 6; i++) assert_true(c[i] == 0);
}

static void check_rows(void)
{
    static const shape shapes[] = {{70, 512, 4100, false, true, false, 0},
                                   {66, 513, 4100, false, true, true, 0},
                                   {33, 45, 4100, false, true, true, 0},
                                   {1500, 23, 4100, false, true, true, 1},
                                   {300, 130, 700, false, true, true, 0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        problem on = make_problem(shapes[i], i);
        float *together = run_fast(&on, 3);
        for (size_t row = 0; row < shapes[i].m; row += shapes[i].m / 7) {
            problem one = on;
            one.is.m = 1;
            one.a_matrix.data += row * one.a_matrix.row_stride;
            one.c_size = one.ldc;
            float *alone = run_fast(&one, 1);
            assert_memory_equal(alone, together + row * on.ldc, on.is.n * sizeof *alone);
            cen__free(alone);
        }
        cen__free(together);
        free_problem(&on);
    }
}

static void test_a_row_has_the_same_bits_whatever_other_rows_there_are(void **state)
{
    (void)state;
    on_every_set(check_rows);
}

static void check_scratch(void)
{
    for (uint64_t i = 0; i < 3000; i++) {
        size_t most[3], less[3];
        for (uint64_t d = 0; d < 3; d++) {
            most[d] = 1 + (size_t)cen__random_below(3, d, i, i % 2 ? 300 : 9000);
            less[d] = 1 + (size_t)cen__random_below(4, d, i, most[d]);
        }
        assert_true(cen__gemm_scratch_count(&kernels_now()->micro, less[0], less[1], less[2], 2) <=
                    cen__gemm_scratch_count(&kernels_now()->micro, most[0], most[1], most[2], 2));
    }
}

static void test_scratch_for_a_product_serves_every_smaller_one(void **state)
{
    (void)state;
    on_every_set(check_scratch);
}

static void check_not_a_number(void)
{
    /* What is not a number in one row of a and one column of b stays in that row and column. */
    problem on = make_problem((shape){20, 45, 11, false, false, false, 0}, 5);
    on.a[7 * 11 + 3] = NAN;
    on.b[4 * 45 + 9] = INFINITY;
    float *c = run_fast(&on, 1);
    for (size_t i = 0; i < on.c_size; i++) {
        assert_true((isfinite(c[i]) != 0) == (i / 45 != 7 && i % 45 != 9));
    }
    cen__free(c);
    free_problem(&on);
}

static void test_numbers_that_are_none_stay_in_their_row_and_column(void **state)
{
    (void)state;
    on_every_set(check_not_a_number);
}

static void test_a_transpose_puts_each_number_in_its_place(void **state)
{
    (void)state;
    float from[19 * 23], to[23 * 20];
    fill(from, 19 * 23, 8);
    for (size_t rows = 1; rows <= 19; rows++) {
        for (size_t k = 1; k <= 23; k++) {
            memset(to, 0, sizeof to);
            cen__transpose(rows, k, from, 23, to, 20);
            for (size_t i = 0; i < 23 * 20; i++) {
                bool inside = i / 20 < k && i % 20 < rows;
                assert_true(to[i] == (inside ? from[i % 20 * 23 + i / 20] : 0));
            }
        }
    }
}

/* 2,500 outputs: whole blocks of them and a part of one. */
static void test_a_bias_gradient_has_the_same_bits_at_any_number_of_threads(void **state)
{
    (void)state;
    enum { N = 19, OUT = 2500, IN = 3 };
    float *dy = cen__alloc(NULL, N * OUT, sizeof *dy), *dw = cen__alloc(NULL, OUT * IN, sizeof *dw);
    float x[N * IN], dbias[OUT], want[OUT] = {0};
    fill(dy, N * OUT, 9);
    fill(x, N * IN, 10);
    for (size_t i = 0; i < N * OUT; i++) want[i % OUT] += dy[i];
    for (int n_threads = 1; n_threads <= 3; n_threads++) {
        const size_t count = cen__affine_scratch_count(kernels_now(), N, IN, OUT, n_threads);
        cen__affine affine = {kernels_now(),
                              N,
                              IN,
                              OUT,
                              threads(n_threads),
                              cen__alloc(NULL, count, sizeof *affine.scratch)};
        cen__affine_backward(&affine, x, NULL, dy, dw, dbias, NULL);
        assert_memory_equal(dbias, want, sizeof want);
        cen__free(affine.scratch);
    }
    cen__free(dy);
    cen__free(dw);
}

static void test_the_environment_forces_a_lower_set(void **state)
{
    (void)state;
    use_best_set();
    const char *best = instructions_now();
    assert_true(use_set("baseline"));
    (void)use_set("no such set");
    assert_string_equal(instructions_now(), best);
    use_best_set();
    print_message("the best set of this processor: %s\n", best);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiny_products_equal_the_reference),
        cmocka_unit_test(test_products_around_the_tile_equal_the_reference),
        cmocka_unit_test(test_products_beyond_every_block_equal_the_reference),
        cmocka_unit_test(test_a_long_sum_equals_the_reference),
        cmocka_unit_test(test_random_products_equal_the_reference),
        cmocka_unit_test(test_operands_without_adjacent_numbers_equal_the_reference),
        cmocka_unit_test(test_an_empty_sum_is_the_bias_or_zero),
        cmocka_unit_test(test_a_row_has_the_same_bits_whatever_other_rows_there_are),
        cmocka_unit_test(test_scratch_for_a_product_serves_every_smaller_one),
        cmocka_unit_test(test_numbers_that_are_none_stay_in_their_row_and_column),
        cmocka_unit_test(test_a_transpose_puts_each_number_in_its_place),
        cmocka_unit_test(test_a_bias_gradient_has_the_same_bits_at_any_number_of_threads),
        cmocka_unit_test(test_the_environment_forces_a_lower_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
