/* The loops of batch normalisation on every instruction set against plain loops in double. */
#define _POSIX_C_SOURCE 200112L /* setenv */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "kernels/norm.h"
#include "support/context.h"
#include "support/conv_cases.h"

enum { MOST = 1 << 16, MOST_C = 64, ROWS = 5 };

static float x[MOST], dy[MOST];
static float numbers[ROWS][MOST_C]; /* mean, scale, bias, dbias, dslope */

static cen__norm make_norm(size_t n, size_t c, size_t h, size_t w, bool relu)
{
    assert_true(n * c * h * w <= MOST && c <= MOST_C);
    return (cen__norm){n,          c,          h,          w,          relu,         numbers[0],
                       numbers[1], numbers[2], numbers[3], numbers[4], kernels_now()};
}

static void fill(void)
{
    for (size_t i = 0; i < MOST; i++) {
        x[i] = 2 * cen__random_float(1, 1, i) - 0.7f;
        dy[i] = 2 * cen__random_float(1, 2, i) - 1;
    }
    for (size_t i = 0; i < ROWS * MOST_C; i++) {
        numbers[i / MOST_C][i % MOST_C] = 2 * cen__random_float(1, 3, i) - 1;
    }
    x[5] = x[6] = x[7]; /* equals */
}

static double z_of(const cen__norm *v, size_t k, float number)
{
    return (double)((number - v->mean[k]) * v->scale[k] + v->bias[k]);
}

static void assert_number_near(const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 1e-5 * fabs(want) + 2e-6))
        fail_msg("%s, %s: %.9g and should be %.9g", what, instructions_now(), got, want);
}

/* sums[2, c] of dz and of dz (x - mean). */
static void naive_sums(const cen__norm *v, const double *dz, double *sums)
{
    const size_t area = v->h * v->w;
    for (size_t k = 0; k < 2 * v->c; k++) sums[k] = 0;
    for (size_t i = 0; i < v->n * v->c * area; i++) {
        const size_t k = i / area % v->c;
        sums[k] += dz[i];
        sums[v->c + k] += dz[i] * ((double)x[i] - (double)v->mean[k]);
    }
}

/* y, argmax and dz[n, c, h, w] of a maximum; its sizes are v's. */
static void naive_pool(const cen__norm *v, double *y, uint8_t *argmax, double *dz)
{
    const size_t area = v->h * v->w;
    memset(dz, 0, v->n * v->c * area * sizeof *dz);
    size_t at = 0;
    for (size_t i = 0; i < v->n * v->c; i++)
        for (size_t r = 0; r < v->h / 2; r++)
            for (size_t q = 0; q < v->w / 2; q++, at++) {
                size_t places[4], best = 0;
                for (size_t p = 0; p < 4; p++)
                    places[p] = i * area + (2 * r + p / 2) * v->w + 2 * q + p % 2;
                for (size_t p = 1; p < 4; p++)
                    if (z_of(v, i % v->c, x[places[p]]) > z_of(v, i % v->c, x[places[best]]))
                        best = p;
                y[at] = z_of(v, i % v->c, x[places[best]]);
                argmax[at] = (uint8_t)best;
                if (v->relu && y[at] <= 0) {
                    y[at] = 0;
                    argmax[at] = CEN__POOL_CUT;
                } else
                    dz[places[best]] = (double)dy[at];
            }
}

static double dx_of(const cen__norm *v, size_t i, double dz)
{
    const size_t k = i / (v->h * v->w) % v->c;
    return (double)v->scale[k] *
           (dz - (double)v->dbias[k] - ((double)x[i] - (double)v->mean[k]) * (double)v->dslope[k]);
}

static float y32[MOST], kept[MOST], dx32[MOST];
static uint8_t argmax[MOST], want_argmax[MOST];
static double y64[MOST], dz64[MOST], sums[2 * MOST_C], want_sums[2 * MOST_C];

static void check_sums(const char *what, const cen__norm *v)
{
    for (size_t k = 0; k < 2 * v->c; k++) assert_number_near(what, sums[k], want_sums[k]);
}

static void check_plain(const cen__norm *v)
{
    const size_t area = v->h * v->w, count = v->n * v->c * area;
    cen__norm_measure(v, x, sums);
    memset(want_sums, 0, sizeof want_sums);
    for (size_t i = 0; i < count; i++) {
        want_sums[i / area % v->c] += (double)x[i];
        want_sums[v->c + i / area % v->c] += (double)x[i] * (double)x[i];
    }
    check_sums("measure", v);
    cen__norm_forward(v, x, y32);
    for (size_t i = 0; i < count; i++) {
        const double z = z_of(v, i / area % v->c, x[i]);
        assert_number_near("forward", (double)y32[i], v->relu && z < 0 ? 0 : z);
        dz64[i] = v->relu && z <= 0 ? 0 : (double)dy[i];
    }
    naive_sums(v, dz64, want_sums);
    cen__norm_measure_backward(v, x, dy, sums);
    check_sums("measure_backward", v);
    cen__norm_backward(v, x, dy, dx32);
    for (size_t i = 0; i < count; i++) {
        assert_number_near("backward", (double)dx32[i], dx_of(v, i, dz64[i]));
    }
}

static void check_pooled(const cen__norm *v)
{
    const size_t pooled = v->n * v->c * (v->h / 2) * (v->w / 2);
    naive_pool(v, y64, want_argmax, dz64);
    y32[pooled] = kept[pooled] = 77;
    argmax[pooled] = 77;
    cen__norm_pool_forward(v, x, y32, kept, argmax);
    assert_true(y32[pooled] == 77 && kept[pooled] == 77 && argmax[pooled] == 77);
    assert_memory_equal(argmax, want_argmax, pooled);
    for (size_t i = 0; i < pooled; i++) assert_number_near("pool_forward", (double)y32[i], y64[i]);
    naive_sums(v, dz64, want_sums);
    cen__norm_pool_measure_backward(v, kept, argmax, dy, sums);
    check_sums("pool_measure_backward", v);
    cen__norm_pool_backward(v, x, argmax, dy, dx32);
    for (size_t i = 0; i < v->n * v->c * v->h * v->w; i++) {
        assert_number_near("pool_backward", (double)dx32[i], dx_of(v, i, dz64[i]));
    }
}

static const size_t shapes[][4] = {{1, 1, 2, 2},  {3, 5, 7, 6},   {2, 3, 1, 1}, {9, 37, 1, 1},
                                   {2, 3, 5, 33}, {2, 2, 4, 147}, {1, 4, 3, 3}, {3, 2, 32, 32},
                                   {2, 3, 1, 8},  {2, 3, 9, 1}};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static void every_set_equals_plain_loops(void **state)
{
    (void)state;
    fill();
    for (size_t set = 0; set < N_SETS; set++) {
        if (!use_set(sets[set])) continue;
        for (size_t i = 0; i < 2 * N_SHAPES; i++) {
            const size_t *s = shapes[i / 2];
            const cen__norm v = make_norm(s[0], s[1], s[2], s[3], i % 2);
            check_plain(&v);
            check_pooled(&v);
        }
    }
}

static void every_set_gives_the_same_bits(void **state)
{
    (void)state;
    static float first[MOST], first_dx[MOST];
    double first_sums[4];
    fill();
    cen__norm v = make_norm(3, 2, 31, 37, true);
    for (size_t set = 0; set < N_SETS; set++) {
        if (!use_set(sets[set])) continue;
        v.kernels = kernels_now();
        cen__norm_pool_forward(&v, x, y32, kept, argmax);
        cen__norm_pool_backward(&v, x, argmax, dy, dx32);
        cen__norm_measure_backward(&v, x, dy, sums);
        if (set == 0) {
            memcpy(first, y32, sizeof first);
            memcpy(first_dx, dx32, sizeof first_dx);
            memcpy(first_sums, sums, sizeof first_sums);
        }
        assert_memory_equal(first, y32, sizeof first);
        assert_memory_equal(first_dx, dx32, sizeof first_dx);
        assert_memory_equal(first_sums, sums, sizeof first_sums);
    }
}

static void a_nan_wins_its_window(void **state)
{
    (void)state;
    for (size_t set = 0; set < N_SETS; set++) {
        if (!use_set(sets[set])) continue;
        fill();
        x[2] = x[9] = NAN;
        const cen__norm v = make_norm(1, 1, 2, 8, true);
        cen__norm_pool_forward(&v, x, y32, kept, argmax);
        assert_true(isnan(y32[1]) && argmax[1] == 0);
        assert_true(isnan(y32[0]) && argmax[0] == 3);
        assert_false(isnan(y32[2]) || isnan(y32[3]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_equals_plain_loops),
        cmocka_unit_test(every_set_gives_the_same_bits),
        cmocka_unit_test(a_nan_wins_its_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
