/* Convolution with pooling: every instruction set against the references, these against torch. */
#define _POSIX_C_SOURCE 200112L /* setenv */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/conv_cases.h"
#include "kernels/conv_pool.h"

static size_t pooled_count(const cen__conv *v, size_t n)
{
    return n * v->k * (v->out_h / 2) * (v->out_w / 2);
}

static void *make(size_t count, size_t size)
{
    void *const made = cen__alloc(NULL, count, size);
    assert_non_null(made);
    return memset(made, 0xff, count * size); /* NaN */
}

/* argmax names a number of the convolution (z) that is as large as y, or cuts where y is 0. */
static void check_argmax(const cen__conv *v, size_t n, const float *z, bool relu, const float *y,
                         const uint8_t *argmax)
{
    const size_t half_h = v->out_h / 2, half_w = v->out_w / 2;
    float most = 0;
    for (size_t i = 0; i < count(v, n).y; i++)
        if (fabsf(z[i]) > most) most = fabsf(z[i]);
    for (size_t i = 0; i < pooled_count(v, n); i++) {
        const size_t row = i / half_w % half_h, plane = i / half_w / half_h;
        if (argmax[i] == CEN__POOL_CUT) {
            assert_true(relu && y[i] == 0);
            continue;
        }
        assert_in_range(argmax[i], 0, 3);
        const float at = z[(plane * v->out_h + 2 * row + argmax[i] / 2) * v->out_w +
                           2 * (i % half_w) + argmax[i] % 2];
        assert_true(fabsf(at - y[i]) <= 1e-5f * most + 1e-6f); /* as in assert_near */
        assert_true(!relu || y[i] > 0);
    }
}

typedef struct want {
    const float *z, *y, *dx, *dw, *dbias;
    const uint8_t *argmax;
} wanted;

static void check_fast(const cen__conv *shape, size_t n, const float *x, const float *w,
                       const float *bias, const float *dy, bool relu, const wanted *want)
{
    cen__conv of_set = *shape, *const v = &of_set;
    const sizes s = count(v, n);
    const size_t pooled = pooled_count(v, n);
    for (size_t set = 0; set < N_SETS; set++) {
        if (!use_set(sets[set])) continue;
        of_set.kernels = kernels_now();
        float *const scratch = make(cen__conv_pool_scratch_count(v), sizeof *scratch);
        float *const got = make(pooled + s.x + s.w + v->k, sizeof *got);
        uint8_t *const argmax = make(pooled, 1);
        float *const dx = got + pooled, *const dw = dx + s.x, *const dbias = dw + s.w;
        float *const forward = prepare(v, w, false), *const backward = prepare(v, w, true);
        cen__conv_pool_forward(v, n, x, w, forward, bias, relu, got, NULL, scratch);
        assert_near("y without argmax", v, pooled, got, want->y, 1e-5);
        cen__conv_pool_forward(v, n, x, w, forward, bias, relu, got, argmax, scratch);
        assert_near("y", v, pooled, got, want->y, 1e-5);
        check_argmax(v, n, want->z, relu, got, argmax);
        cen__conv_pool_backward_data(v, n, dy, want->argmax, w, backward, dx, scratch);
        assert_near("dx", v, s.x, dx, want->dx, 1e-5);
        memset(dw, 0, (s.w + v->k) * sizeof *dw);
        for (int times = 0; times < 2; times++)
            cen__conv_pool_backward_weights(v, n, x, dy, want->argmax, dw, dbias, scratch);
        for (size_t i = 0; i < s.w + v->k; i++) dw[i] /= 2;
        assert_near("dw + dw", v, s.w, dw, want->dw, 2e-5);
        assert_near("dbias + dbias", v, v->k, dbias, want->dbias, 1e-5);
        cen__free(forward);
        cen__free(backward);
        cen__free(scratch);
        cen__free(got);
        cen__free(argmax);
    }
    use_best_set();
}

static void check_against_naive(size_t n, const size_t shape[10], uint64_t seed)
{
    const cen__conv v = make_conv(shape, 1);
    const sizes s = count(&v, n);
    const size_t pooled = pooled_count(&v, n);
    float *const x = draw(s.x, seed, 1), *const w = draw(s.w, seed, 2);
    float *const bias = draw(v.k, seed, 3), *const dy = draw(pooled, seed, 4);
    float *const z = make(s.y, sizeof *z), *const between = make(s.y, sizeof *between);
    float *const y = make(pooled + s.x + s.w + v.k, sizeof *y);
    uint8_t *const argmax = make(pooled, 1);
    float *const dx = y + pooled, *const dw = dx + s.x, *const dbias = dw + s.w;
    for (int relu = 0; relu < 2; relu++) {
        cen__conv_pool_forward_naive(&v, n, x, w, bias, relu != 0, y, argmax, z);
        cen__conv_pool_backward_data_naive(&v, n, dy, argmax, w, dx, between);
        memset(dw, 0, (s.w + v.k) * sizeof *dw);
        cen__conv_pool_backward_weights_naive(&v, n, x, dy, argmax, dw, dbias, between);
        check_fast(&v, n, x, w, bias, dy, relu != 0, &(wanted){z, y, dx, dw, dbias, argmax});
    }
    cen__free(x);
    cen__free(w);
    cen__free(bias);
    cen__free(dy);
    cen__free(z);
    cen__free(between);
    cen__free(y);
    cen__free(argmax);
}

static void fast_equals_naive_on_chosen_shapes(void **state)
{
    (void)state;
    static const size_t chosen[][10] = {
        {3, 20, 34, 10, 2, 2, 1, 1, 0, 0},
        {3, 33, 69, 10, 2, 2, 1, 1, 0, 0},
        {3, 16, 16, 32, 3, 3, 1, 1, 1, 1},
        {1, 28, 28, 20, 5, 5, 1, 1, 2, 2},
        {1, 29, 31, 7, 5, 5, 1, 1, 4, 4},
        {2, 2, 60, 3, 1, 1, 1, 1, 0, 0},
        {16, 16, 16, 32, 3, 3, 1, 1, 1, 1},
        {16, 15, 13, 17, 3, 3, 1, 1, 1, 1},
        {32, 7, 7, 16, 5, 5, 1, 1, 2, 2},
        {20, 9, 10, 33, 5, 5, 1, 1, 0, 0},
        {4, 11, 13, 6, 3, 3, 2, 2, 1, 1},
        {9, 8, 40, 5, 4, 4, 1, 1, 3, 2},
        {2, 3, 3, 4, 2, 2, 1, 1, 0, 0},
        {30, 7, 7, 5, 3, 2, 1, 1, 1, 1},
        /* windows across tiles of five and three outputs */
        {16, 14, 14, 32, 3, 3, 1, 1, 1, 1},
        {32, 9, 6, 16, 3, 3, 1, 1, 1, 1},
    };
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++)
        for (size_t n = 1; n <= 3; n += 2) check_against_naive(n, chosen[i], i);
}

static size_t pick(uint64_t seed, uint64_t *counter, size_t low, size_t high)
{
    return low + (size_t)cen__random_below(seed, 9, (*counter)++, high - low + 1);
}

static void fast_equals_naive_on_random_shapes(void **state)
{
    (void)state;
    uint64_t counter = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        size_t s[10];
        s[0] = pick(seed, &counter, 1, 6);
        s[3] = pick(seed, &counter, 1, 20);
        for (size_t i = 4; i < 6; i++) s[i] = pick(seed, &counter, 1, 5);
        for (size_t i = 6; i < 8; i++) s[i] = seed % 5 == 0 ? 2 : 1;
        for (size_t i = 8; i < 10; i++) s[i] = pick(seed, &counter, 0, s[i - 4] - 1);
        s[1] = pick(seed, &counter, s[4] + 2, 15);
        s[2] = pick(seed, &counter, s[5] + 2, 70);
        check_against_naive(pick(seed, &counter, 1, 3), s, seed);
    }
}

/* The article's layer, where a strip of rows does not divide the image. */
static void the_first_of_equals_wins_and_nan_before_any_number(void **state)
{
    (void)state;
    static const size_t shapes[][10] = {{1, 9, 33, 1, 1, 1, 1, 1, 0, 0},
                                        {1, 5, 7, 1, 1, 1, 1, 1, 0, 0}};
    const float w = 1, bias = 0;
    for (size_t shape = 0; shape < 2; shape++)
        for (size_t set = 0; set < N_SETS; set++) {
            if (!use_set(sets[set])) continue;
            cen__conv v = make_conv(shapes[shape], 1);
            v.kernels = kernels_now();
            const size_t pooled = pooled_count(&v, 1);
            float *const x = make(v.h * v.w, sizeof *x), *const y = make(pooled, sizeof *y);
            uint8_t *const argmax = make(pooled, 1);
            float *const scratch = make(cen__conv_pool_scratch_count(&v), sizeof *scratch);
            for (size_t i = 0; i < v.h * v.w; i++) x[i] = 2;
            x[v.w + 2] = x[v.w + 3] = 3; /* the second window: 2 2 / 3 3 */
            x[4] = NAN;                  /* the third: NaN 2 / 2 2 */
            cen__conv_pool_forward(&v, 1, x, &w, NULL, &bias, true, y, argmax, scratch);
            assert_int_equal(argmax[0], 0);
            assert_true(y[1] == 3);
            assert_int_equal(argmax[1], 2);
            assert_true(isnan(y[2]));
            assert_int_equal(argmax[2], 0);
            cen__free(x);
            cen__free(y);
            cen__free(argmax);
            cen__free(scratch);
        }
    use_best_set();
}

static void check_golden_case(FILE *file)
{
    uint32_t read[12];
    read_little_endian(read, sizeof *read, 12, file);
    size_t shape[10];
    for (size_t i = 0; i < 10; i++) shape[i] = read[i + 1];
    const size_t n = read[0];
    const bool relu = read[11] != 0;
    const cen__conv v = make_conv(shape, 1);
    const sizes s = count(&v, n);
    const size_t pooled = pooled_count(&v, n);
    const size_t counts[8] = {s.x, s.w, v.k, pooled, pooled, s.x, s.w, v.k};
    float *t[8]; /* x w bias dy y dx dw dbias */
    for (size_t i = 0; i < 8; i++) t[i] = read_floats(file, counts[i]);
    float *const z = make(s.y, sizeof *z), *const between = make(s.y, sizeof *between);
    float *const got = make(pooled + s.x + s.w + v.k, sizeof *got);
    uint8_t *const argmax = make(pooled, 1);
    float *const dx = got + pooled, *const dw = dx + s.x, *const dbias = dw + s.w;
    cen__conv_pool_forward_naive(&v, n, t[0], t[1], t[2], relu, got, argmax, z);
    assert_near("y of torch", &v, pooled, got, t[4], 1e-6);
    cen__conv_pool_backward_data_naive(&v, n, t[3], argmax, t[1], dx, between);
    assert_near("dx of torch", &v, s.x, dx, t[5], 1e-6);
    memset(dw, 0, (s.w + v.k) * sizeof *dw);
    cen__conv_pool_backward_weights_naive(&v, n, t[0], t[3], argmax, dw, dbias, between);
    assert_near("dw of torch", &v, s.w, dw, t[6], 1e-6);
    assert_near("dbias of torch", &v, v.k, dbias, t[7], 1e-6);
    check_fast(&v, n, t[0], t[1], t[2], t[3], relu, &(wanted){z, t[4], t[5], t[6], t[7], argmax});
    for (size_t i = 0; i < 8; i++) cen__free(t[i]);
    cen__free(z);
    cen__free(between);
    cen__free(got);
    cen__free(argmax);
}

static void naive_and_fast_equal_torch(void **state)
{
    (void)state;
    FILE *const file = fopen(CEN_TESTS_FOLDER "/golden/conv_pool.bin", "rb");
    assert_non_null(file);
    uint32_t n_cases;
    read_little_endian(&n_cases, sizeof n_cases, 1, file);
    for (uint32_t i = 0; i < n_cases; i++) check_golden_case(file);
    assert_int_equal(fgetc(file), EOF);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(naive_and_fast_equal_torch),
        cmocka_unit_test(the_first_of_equals_wins_and_nan_before_any_number),
        cmocka_unit_test(fast_equals_naive_on_chosen_shapes),
        cmocka_unit_test(fast_equals_naive_on_random_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
