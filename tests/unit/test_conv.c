/* Convolution: every instruction set against the references, the references against torch. */
#define _POSIX_C_SOURCE 200112L /* setenv */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "support/conv_cases.h"

/* Numbers after those that are computed. */
enum { MARGIN = 64 };

static void assert_unwritten(const float *margin)
{
    static const unsigned char bytes[4] = {0xff, 0xff, 0xff, 0xff};
    for (size_t i = 0; i < MARGIN; i++) assert_memory_equal(margin + i, bytes, sizeof bytes);
}

/* Every set's three passes, against given numbers. dw and dbias are added to what is there. */
static void check_fast(const cen__conv *shape, size_t n, const float *x, const float *w,
                       const float *bias, const float *dy, const float *y, const float *dx,
                       const float *dw, const float *dbias, double limit)
{
    cen__conv of_set = *shape, *const v = &of_set;
    const sizes s = count(v, n);
    for (size_t set = 0; set < N_SETS; set++) {
        if (!use_set(sets[set])) continue;
        of_set.kernels = kernels_now();
        const size_t scratch_count = cen__conv_scratch_count(v, n);
        float *const scratch = cen__alloc(NULL, scratch_count, sizeof *scratch);
        const size_t got_count = s.y + MARGIN + s.x + MARGIN + s.w + s.k;
        float *const got = cen__alloc(NULL, got_count, sizeof *got);
        assert_non_null(scratch);
        assert_non_null(got);
        memset(scratch, 0xff, scratch_count * sizeof *scratch);
        memset(got, 0xff, got_count * sizeof *got); /* NaN */
        float *const got_dx = got + s.y + MARGIN, *const got_dw = got_dx + s.x + MARGIN;
        float *const got_db = got_dw + s.w;
        float *const forward = prepare(v, w, false), *const backward = prepare(v, w, true);
        cen__conv_forward(v, n, x, w, forward, bias, got, scratch);
        assert_near("y", v, s.y, got, y, limit);
        assert_unwritten(got + s.y);
        cen__conv_backward_data(v, n, dy, w, backward, got_dx, scratch);
        assert_near("dx", v, s.x, got_dx, dx, limit);
        assert_unwritten(got_dx + s.x);
        memset(got_dw, 0, (s.w + s.k) * sizeof *got_dw);
        cen__conv_backward_weights(v, n, x, dy, got_dw, got_db, scratch);
        assert_near("dw", v, s.w, got_dw, dw, limit);
        assert_near("dbias", v, s.k, got_db, dbias, limit);
        cen__conv_backward_weights(v, n, x, dy, got_dw, got_db, scratch);
        for (size_t i = 0; i < s.w + s.k; i++) got_dw[i] /= 2;
        assert_near("dw + dw", v, s.w, got_dw, dw, limit);
        assert_near("dbias + dbias", v, s.k, got_db, dbias, limit);
        memset(got_dw, 0, s.w * sizeof *got_dw);
        cen__conv_backward_weights(v, n, x, dy, got_dw, NULL, scratch);
        assert_near("dw without dbias", v, s.w, got_dw, dw, limit);
        cen__free(forward);
        cen__free(backward);
        cen__free(got);
        cen__free(scratch);
    }
    use_best_set();
}

static void check_against_naive(size_t n, const size_t shape[10], size_t groups, uint64_t seed)
{
    const cen__conv v = make_conv(shape, groups);
    const sizes s = count(&v, n);
    float *const x = draw(s.x, seed, 1), *const w = draw(s.w, seed, 2);
    float *const bias = draw(s.k, seed, 3), *const dy = draw(s.y, seed, 4);
    float *const want = cen__alloc_zeroed(NULL, s.x + s.y + s.w + s.k, sizeof *want);
    assert_non_null(want);
    float *const dx = want + s.y, *const dw = dx + s.x, *const dbias = dw + s.w;
    cen__conv_forward_naive(&v, n, x, w, bias, want);
    cen__conv_backward_data_naive(&v, n, dy, w, dx);
    cen__conv_backward_weights_naive(&v, n, x, dy, dw, dbias);
    check_fast(&v, n, x, w, bias, dy, want, dx, dw, dbias, 1e-5);
    cen__free(x);
    cen__free(w);
    cen__free(bias);
    cen__free(dy);
    cen__free(want);
}

/* c h w k kernel stride pad */
static const size_t chosen[][10] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 0, 0},
    {1, 1, 1, 1, 3, 3, 1, 1, 1, 1},
    {3, 20, 24, 10, 2, 2, 1, 1, 0, 0},
    {1, 28, 28, 32, 5, 5, 1, 1, 2, 2},
    {32, 7, 7, 32, 5, 5, 1, 1, 2, 2},
    {16, 14, 14, 40, 5, 5, 1, 1, 2, 2},
    {16, 16, 16, 32, 3, 3, 1, 1, 1, 1},
    {32, 9, 11, 24, 3, 3, 1, 1, 1, 1},
    {17, 6, 5, 33, 3, 3, 1, 1, 0, 0},
    {32, 4, 4, 16, 3, 3, 1, 1, 2, 2},
    {16, 3, 3, 16, 3, 3, 1, 1, 0, 0},
    {64, 5, 5, 64, 5, 5, 1, 1, 4, 4},
    {20, 8, 8, 70, 1, 1, 1, 1, 0, 0},
    {5, 9, 9, 7, 1, 1, 2, 2, 0, 0},
    {4, 11, 13, 6, 3, 3, 2, 2, 1, 1},
    {2, 13, 9, 3, 3, 2, 3, 2, 2, 1},
    {3, 4, 300, 5, 3, 5, 1, 1, 1, 4},
    {2, 5, 1000, 3, 2, 7, 1, 2, 0, 3},
    {3, 40, 2, 5, 7, 1, 2, 1, 6, 0},
    {1, 1, 1, 2, 1, 41, 1, 1, 0, 20},
    {2, 6, 7, 3, 2, 2, 1, 1, 3, 4},
    {1, 9, 9, 1, 2, 2, 3, 3, 0, 0},
    /* sides that fit tiles of three, four and five outputs */
    {128, 3, 3, 64, 3, 3, 1, 1, 1, 1},
    {64, 14, 14, 64, 3, 3, 1, 1, 1, 1},
    {64, 7, 7, 128, 3, 3, 1, 1, 1, 1},
    {32, 15, 10, 48, 3, 3, 1, 1, 1, 1},
    {16, 12, 17, 16, 3, 3, 1, 1, 2, 0},
};

static void fast_equals_naive_on_chosen_shapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++)
        for (size_t n = 1; n <= 3; n += 2) check_against_naive(n, chosen[i], 1, i);
}

/* groups c h w k kernel stride pad, by which method: depthwise, with several outputs a channel; the
 * direct one; Winograd's. */
static const size_t grouped[][11] = {
    {7, 1, 9, 11, 1, 3, 3, 1, 1, 1, 1},
    {2, 1, 56, 61, 1, 3, 3, 1, 1, 1, 1},
    {9, 1, 7, 7, 1, 3, 3, 1, 1, 1, 1},
    {5, 1, 8, 8, 2, 3, 3, 1, 1, 0, 1},
    {3, 1, 17, 14, 1, 3, 3, 2, 2, 1, 1},
    {3, 1, 13, 40, 3, 5, 5, 1, 1, 2, 2},
    {4, 1, 16, 15, 1, 5, 5, 2, 2, 2, 2},
    {3, 1, 5, 6, 1, 1, 1, 1, 1, 0, 0},
    {3, 1, 9, 7, 2, 2, 4, 3, 1, 1, 3},
    {2, 1, 3, 3, 1, 3, 3, 1, 1, 2, 2},
    {4, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1},
    {2, 1, 4, 90, 1, 7, 7, 1, 1, 3, 3},
    {3, 2, 8, 9, 5, 3, 3, 1, 1, 1, 1},
    {4, 6, 7, 7, 4, 1, 1, 1, 1, 0, 0},
    {2, 3, 11, 8, 4, 3, 2, 2, 3, 1, 0},
    {2, 16, 9, 8, 16, 3, 3, 1, 1, 1, 1},
    {3, 32, 6, 6, 16, 5, 5, 1, 1, 2, 2},
    {2, 4, 5, 5, 1, 3, 3, 1, 1, 1, 1},
    {2, 1, 9, 9, 1, 2, 2, 3, 3, 0, 0},
    /* depthwise, each height of a stack at both strides: odd and even sides, fewer rows than four, one pixel */
    {2, 1, 28, 28, 1, 5, 5, 1, 1, 2, 2},
    {2, 1, 14, 14, 1, 7, 7, 1, 1, 3, 3},
    {2, 1, 16, 32, 1, 3, 3, 2, 2, 1, 1},
    {2, 1, 15, 33, 1, 3, 3, 2, 2, 1, 1},
    {3, 1, 14, 14, 1, 5, 5, 2, 2, 2, 2},
    {2, 1, 29, 27, 2, 5, 5, 2, 2, 2, 2},
    {2, 1, 21, 18, 1, 7, 7, 2, 2, 3, 3},
    {2, 1, 12, 17, 1, 2, 2, 2, 2, 0, 0},
    {2, 1, 10, 16, 2, 2, 3, 1, 1, 1, 1},
    {2, 1, 20, 13, 1, 4, 6, 2, 2, 1, 2},
    {2, 1, 11, 24, 1, 5, 3, 2, 1, 2, 1},
    {2, 1, 24, 11, 1, 3, 5, 1, 2, 1, 2},
    {2, 1, 24, 11, 2, 2, 2, 1, 2, 0, 1},
    {2, 1, 24, 34, 1, 5, 5, 1, 2, 2, 2},
    {2, 1, 24, 21, 2, 7, 7, 1, 2, 3, 3},
    {2, 1, 17, 34, 1, 4, 3, 1, 2, 1, 1},
    {2, 1, 17, 34, 1, 6, 6, 1, 2, 1, 1},
    {3, 1, 1, 1, 1, 5, 5, 2, 2, 2, 2},
    {3, 1, 1, 1, 1, 7, 7, 1, 1, 3, 3},
    {2, 1, 1, 40, 1, 7, 7, 1, 1, 3, 3},
    {2, 1, 40, 1, 1, 3, 3, 2, 2, 1, 1},
    {2, 1, 3, 2, 1, 5, 5, 1, 1, 2, 2},
    {2, 1, 2, 3, 1, 3, 3, 2, 2, 1, 1},
    {1, 1, 9, 8, 1, 11, 3, 1, 1, 5, 1},
    /* depthwise, more channels than are taken together: planes of a vector and narrower, seven rows */
    {40, 1, 7, 7, 1, 5, 5, 1, 1, 2, 2},
    {33, 1, 7, 7, 1, 3, 3, 1, 1, 1, 1},
    {37, 1, 14, 14, 1, 3, 3, 2, 2, 1, 1},
    {19, 1, 14, 14, 1, 5, 5, 2, 2, 2, 2},
    {9, 1, 7, 16, 1, 7, 7, 1, 1, 3, 3},
    {70, 1, 1, 1, 1, 3, 3, 2, 2, 1, 1},
    {50, 1, 3, 3, 1, 3, 3, 1, 1, 1, 1},
    {40, 1, 7, 7, 2, 1, 1, 1, 1, 0, 0},
    {21, 1, 13, 13, 1, 1, 3, 2, 2, 0, 1},
    /* depthwise, planes that are read where they lie, and others before and after them */
    {90, 1, 7, 7, 1, 3, 3, 1, 1, 1, 1},
    {90, 1, 7, 7, 1, 5, 5, 1, 1, 2, 2},
    {4, 1, 18, 21, 1, 3, 3, 1, 1, 1, 1},
    {17, 1, 11, 8, 1, 3, 3, 1, 1, 1, 1},
    {4, 1, 1, 9, 1, 3, 3, 1, 1, 1, 1},
    {3, 1, 16, 38, 1, 3, 3, 2, 2, 1, 1},
    {4, 1, 2, 16, 1, 3, 3, 2, 2, 1, 1},
    {3, 1, 20, 34, 1, 5, 5, 2, 2, 2, 2},
    {17, 1, 8, 16, 1, 5, 5, 2, 2, 2, 2},
    {4, 1, 2, 18, 1, 5, 5, 2, 2, 2, 2},
    /* rows that go straight to their place, an odd number of them */
    {3, 1, 15, 32, 1, 3, 3, 2, 2, 1, 1},
    {3, 1, 17, 34, 1, 5, 5, 2, 2, 2, 2},
};

static void fast_equals_naive_in_groups(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof grouped / sizeof *grouped; i++)
        for (size_t n = 1; n <= 3; n += 2)
            check_against_naive(n, grouped[i] + 1, grouped[i][0], 200 + i);
}

static size_t pick(uint64_t seed, uint64_t *counter, size_t low, size_t high)
{
    return low + (size_t)cen__random_below(seed, 9, (*counter)++, high - low + 1);
}

static void fast_equals_naive_on_random_shapes(void **state)
{
    (void)state;
    uint64_t counter = 0;
    for (uint64_t seed = 1; seed <= 150; seed++) {
        size_t s[10];
        const bool square = seed % 2 == 0; /* where Winograd's methods apply */
        s[0] = square ? pick(seed, &counter, 8, 36) : pick(seed, &counter, 1, 9);
        s[3] = square ? pick(seed, &counter, 8, 36) : pick(seed, &counter, 1, 20);
        s[4] = square ? (seed % 4 == 0 ? 3 : 5) : pick(seed, &counter, 1, 6);
        s[5] = square ? s[4] : pick(seed, &counter, 1, 6);
        s[6] = square ? 1 : pick(seed, &counter, 1, 3);
        s[7] = square ? 1 : pick(seed, &counter, 1, 3);
        s[8] = pick(seed, &counter, 0, s[4] - 1);
        s[9] = pick(seed, &counter, 0, s[5] - 1);
        s[1] = pick(seed, &counter, 1, 17);
        s[2] = pick(seed, &counter, 1, 19);
        if (s[1] + 2 * s[8] < s[4]) s[1] = s[4];
        if (s[2] + 2 * s[9] < s[5]) s[2] = s[5];
        check_against_naive(pick(seed, &counter, 1, 4), s,
                            seed % 3 == 0 ? pick(seed, &counter, 2, 5) : 1, seed);
    }
}

static void check_golden_case(FILE *file)
{
    uint32_t read[12];
    read_little_endian(read, sizeof *read, 12, file);
    size_t shape[10];
    for (size_t i = 0; i < 10; i++) shape[i] = read[i + 1];
    const size_t n = read[0];
    const size_t groups = read[11];
    shape[0] /= groups;
    shape[3] /= groups;
    const cen__conv v = make_conv(shape, groups);
    const sizes s = count(&v, n);
    const size_t counts[8] = {s.x, s.w, s.k, s.y, s.y, s.x, s.w, s.k};
    float *t[8]; /* x w bias dy y dx dw dbias */
    for (size_t i = 0; i < 8; i++) t[i] = read_floats(file, counts[i]);
    float *const got = cen__alloc_zeroed(NULL, s.y + s.x + s.w + s.k, sizeof *got);
    assert_non_null(got);
    cen__conv_forward_naive(&v, n, t[0], t[1], t[2], got);
    assert_near("y of torch", &v, s.y, got, t[4], 1e-6);
    cen__conv_backward_data_naive(&v, n, t[3], t[1], got + s.y);
    assert_near("dx of torch", &v, s.x, got + s.y, t[5], 1e-6);
    float *const dw = got + s.y + s.x;
    cen__conv_backward_weights_naive(&v, n, t[0], t[3], dw, dw + s.w);
    assert_near("dw of torch", &v, s.w, dw, t[6], 1e-6);
    assert_near("dbias of torch", &v, s.k, dw + s.w, t[7], 1e-6);
    check_fast(&v, n, t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7], 1e-5);
    for (size_t i = 0; i < 8; i++) cen__free(t[i]);
    cen__free(got);
}

static void naive_and_fast_equal_torch(void **state)
{
    (void)state;
    FILE *const file = fopen(CEN_TESTS_FOLDER "/golden/conv.bin", "rb");
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
        cmocka_unit_test(fast_equals_naive_on_chosen_shapes),
        cmocka_unit_test(fast_equals_naive_in_groups),
        cmocka_unit_test(fast_equals_naive_on_random_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
