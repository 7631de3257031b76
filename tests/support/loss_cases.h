/* What the tests of one loss share: its golden cases, arbitrary numbers, and central differences of a
 * second forward in double. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_LOSS_CASES_H
#define TESTS_SUPPORT_LOSS_CASES_H

#include "base/memory.h"
#include "base/random.h"
#include "support/compare.h"
#include "support/golden.h"

/* A forward is told to find the same slopes within 0.1 %; float32 inputs, float32 sums. */
static const closeness SLOPE = {1e-3, 1e-5, 1e-4};

/* Runs check on each case of the file, which has a record CASE/labels. */
static inline void on_golden_cases(const char *file, size_t n_cases,
                                   void (*check)(const golden *all, const char *of))
{
    golden *all = golden_open(file);
    size_t n_checked = 0;
    for (size_t i = 0; i < all->n_arrays; i++) {
        char of[96];
        const char *name = all->arrays[i].name, *end = strstr(name, "/labels");
        if (end == NULL) continue;
        snprintf(of, sizeof of, "%.*s", (int)(end - name), name);
        check(all, of);
        n_checked++;
    }
    golden_free(all);
    assert_int_equal(n_checked, n_cases);
}

/* A gradient against its golden array, on the scale of its largest entry, or of `least`. */
static inline void assert_gradient(const char *what, const float *got, const golden_array *want,
                                   double least)
{
    double *wide = golden_memory(want->count, sizeof *wide);
    for (size_t i = 0; i < want->count; i++) wide[i] = (double)got[i];
    double scale = fmax(largest(want->values, want->count), least);
    assert_close(what, wide, want->values, want->count, scale, FLOAT32);
    free(wide);
}

/* 64-byte aligned, never 0, full of NaN: nobody may rely on what was there. */
static inline void *scratch_memory(size_t count, size_t size)
{
    void *memory = cen__alloc(NULL, count, size);
    assert_non_null(memory);
    memset(memory, 0xff, count * size);
    return memory;
}

/* Uniform in -1 .. 1. */
static inline float *random_floats(size_t n, uint64_t seed)
{
    float *x = golden_memory(n, sizeof *x);
    for (size_t i = 0; i < n; i++) x[i] = cen__random_float(seed, 97, i) * 2 - 1;
    return x;
}

static inline int32_t *random_labels(size_t n, size_t k, uint64_t seed)
{
    int32_t *labels = golden_memory(n, sizeof *labels);
    for (size_t i = 0; i < n; i++) labels[i] = (int32_t)cen__random_below(seed, 96, i, k);
    return labels;
}

typedef double loss_forward(const void *context, const double *x);

/* got[n] against central differences of forward at x[n]. */
static inline void assert_slopes(const char *what, loss_forward *forward, const void *context,
                                 const float *x, const float *got, size_t n)
{
    double *point = golden_memory(n, sizeof *point), *want = golden_memory(n, sizeof *want);
    double *wide = golden_memory(n, sizeof *wide);
    for (size_t i = 0; i < n; i++) {
        point[i] = (double)x[i];
        wide[i] = (double)got[i];
    }
    for (size_t i = 0; i < n; i++) {
        const double middle = point[i], h = 1e-5;
        point[i] = middle + h;
        const double above = forward(context, point);
        point[i] = middle - h;
        want[i] = (above - forward(context, point)) / (2 * h);
        point[i] = middle;
    }
    assert_true(largest(want, n) > 1e-4); /* there is something to see */
    assert_close(what, wide, want, n, largest(want, n), SLOPE);
    free(point);
    free(want);
    free(wide);
}

#endif
