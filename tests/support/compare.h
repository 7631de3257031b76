/* Numbers against numbers. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_COMPARE_H
#define TESTS_SUPPORT_COMPARE_H

#include <math.h>
#include <stdbool.h>

/* got is close to want where every entry is within relative * |want| + absolute * scale, and the L2
 * norm of the difference is within l2 times that of want (plus absolute * scale). Both are needed:
 * the first finds one wrong entry, the second a small error everywhere. */
typedef struct closeness {
    double relative, absolute, l2;
} closeness;

/* Float32 arithmetic of some hundred terms against float64. A 1 % error in an entry above 1/1000 of
 * the largest is 100 times too much for it. */
static const closeness FLOAT32 = {1e-4, 2e-6, 1e-5};

static inline double largest(const double *values, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        if (!(fabs(values[i]) <= most)) most = fabs(values[i]);
    return most;
}

/* *worst = the entry that is furthest out, or n where it is the norm. */
static inline bool is_close(const double *got, const double *want, size_t n, double scale,
                            closeness limits, size_t *worst)
{
    double furthest = 1, difference = 0, norm = 0;
    *worst = n;
    for (size_t i = 0; i < n; i++) {
        const double error = fabs(got[i] - want[i]);
        const double allowed = limits.relative * fabs(want[i]) + limits.absolute * scale;
        if (!(error <= allowed * furthest)) { /* also NAN */
            furthest = allowed > 0 ? error / allowed : HUGE_VAL;
            *worst = i;
        }
        difference += error * error;
        norm += want[i] * want[i];
    }
    return *worst == n && sqrt(difference) <= limits.l2 * sqrt(norm) + limits.absolute * scale;
}

static inline void assert_close(const char *what, const double *got, const double *want, size_t n,
                                double scale, closeness limits)
{
    size_t worst;
    if (is_close(got, want, n, scale, limits, &worst)) return;
    if (worst < n)
        fail_msg("%s: entry %zu of %zu is %.9g and should be %.9g (scale %.3g)", what, worst, n,
                 got[worst], want[worst], scale);
    fail_msg("%s: its %zu numbers are too far off together", what, n);
}

/* One positive number, a loss. */
static inline void assert_number(const char *what, double got, double want, double relative)
{
    if (!(fabs(got - want) <= relative * fabs(want) + 1e-7))
        fail_msg("%s is %.9g and should be %.9g", what, got, want);
}

#endif
