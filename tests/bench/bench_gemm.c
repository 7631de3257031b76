/* Matrix products as a share of the multiply-add peak, or of the memory bandwidth, that are measured
 * in turn with them. Prints one line a product, for each instruction set of this processor.
 *
 *     bench gemm [n_threads [set]] */
#define _POSIX_C_SOURCE 200809L
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#include "base/memory.h"
#include "base/os.h"
#include "kernels/dispatch.h"
#include "kernels/gemm.h"
#include "support/context.h"

/* ---- the two limits ---- */

enum { PEAK_STEPS = 20000, PEAK_SUMS = 12 };

/* 12 chains of multiply-adds in registers; gives back how many floating-point operations it did. */
#define PEAK(name, lanes, attributes)                                                              \
    typedef float name##_vector __attribute__((vector_size(4 * lanes)));                           \
    attributes __attribute__((noinline)) static double peak_##name(float *out)                     \
    {                                                                                              \
        name##_vector sum[PEAK_SUMS], factor, term;                                                \
        for (int l = 0; l < lanes; l++) factor[l] = out[0], term[l] = out[1];                      \
        for (int i = 0; i < PEAK_SUMS; i++) sum[i] = term;                                         \
        for (int step = 0; step < PEAK_STEPS; step++) {                                            \
            for (int i = 0; i < PEAK_SUMS; i++) sum[i] = sum[i] * factor + term;                   \
        }                                                                                          \
        for (int i = 1; i < PEAK_SUMS; i++) sum[0] += sum[i];                                      \
        out[2] = sum[0][0];                                                                        \
        return 2.0 * lanes * PEAK_SUMS * PEAK_STEPS;                                               \
    }

#if defined(__clang__)
#pragma clang fp contract(fast)
#define FUSED
#else
#define FUSED __attribute__((optimize("O3", "fp-contract=fast")))
#endif
PEAK(baseline, 4, FUSED)
#if CEN__X86_SETS
PEAK(avx2, 8, FUSED __attribute__((target("avx2,fma"))))
PEAK(avx512, 16, FUSED __attribute__((target("avx512f,avx512vl"))))
#endif

typedef struct {
    const cen__kernels *kernels;
    double (*peak)(float *out);
} instruction_set;

static const instruction_set sets[] = {
#if CEN__X86_SETS
    {&cen__kernels_avx512, peak_avx512},
    {&cen__kernels_avx2, peak_avx2},
#endif
    {&cen__kernels_baseline, peak_baseline},
};

/* Reads n_read numbers and writes n_written, as a loop that does nothing else. */
static float stream(const float *from, size_t n_read, float *to, size_t n_written, float value)
{
    float sum[64] = {0};
    size_t n_both = n_read < n_written ? n_read : n_written, i = 0;
    for (; i < n_both; i++) to[i] = from[i] + value;
    for (; i + 64 <= n_read; i += 64) {
        for (size_t l = 0; l < 64; l++) sum[l] += from[i + l];
    }
    for (i = n_both; i < n_written; i++) to[i] = value;
    for (size_t l = 1; l < 64; l++) sum[0] += sum[l];
    return sum[0];
}

/* ---- products ---- */

typedef struct {
    const char *what;
    size_t m, n, k;
    bool turn_a, turn_b;
} shape;

static const shape shapes[] = {
    {"square", 256, 256, 256, false, false},
    {"square", 512, 512, 512, false, false},
    {"square", 1024, 1024, 1024, false, false},
    {"square", 2048, 2048, 2048, false, false},
    {"square, B turned", 256, 256, 256, false, true},
    {"square, A turned", 512, 512, 512, true, false},
    {"wide dense, forward", 32, 32, 123210, false, true},
    {"wide dense, dW", 32, 123210, 32, true, false},
    {"wide dense, dX", 32, 123210, 32, false, false},
    {"many classes, forward", 64, 100000, 128, false, true},
    {"many classes, dW", 100000, 128, 64, true, false},
    {"many classes, dX", 64, 128, 100000, false, false},
    {"tall", 100000, 10, 128, false, true},
    {"small", 128, 128, 128, false, true},
    {"small", 32, 32, 32, false, true},
};

typedef struct {
    const shape *is;
    cen__matrix a, b;
    float *data, *c, *scratch; /* data: a, then b */
    size_t n_read, n_written;
    int repeats; /* so many products take a time that can be measured */
} problem;

static problem make_problem(const shape *is, int n_threads)
{
    problem on = {.is = is, .n_read = is->k * (is->m + is->n), .n_written = is->m * is->n};
    double work = (double)is->m * (double)is->n * (double)is->k;
    on.repeats = (int)bench_most(1 + (size_t)(5e7 / work), 1);
    on.data = cen__alloc(NULL, on.n_read, sizeof(float));
    on.c = cen__alloc_zeroed(NULL, on.n_written, sizeof(float));
    on.scratch = cen__alloc(
        NULL, cen__gemm_scratch_count(&kernels_now()->micro, is->m, is->n, is->k, n_threads),
        sizeof(float));
    if (on.data == NULL || on.c == NULL || on.scratch == NULL) {
        fprintf(stderr, "bench: not enough memory\n");
        exit(1);
    }
    for (size_t i = 0; i < on.n_read; i++) on.data[i] = (float)(i % 7) - 3;
    const float *b = on.data + is->m * is->k;
    on.a = is->turn_a ? (cen__matrix){on.data, 1, is->m} : (cen__matrix){on.data, is->k, 1};
    on.b = is->turn_b ? (cen__matrix){b, 1, is->k} : (cen__matrix){b, is->n, 1};
    return on;
}

static void multiply(const problem *on, int n_threads)
{
    const shape *is = on->is;
    cen__gemm(&kernels_now()->micro, is->m, is->n, is->k, on->a, on->b, NULL, on->c, is->n,
              on->scratch, threads(n_threads));
}

/* One thread by processor time, which other programs disturb least; several by the wall clock. */
static double now(int n_threads)
{
    return n_threads == 1 ? (double)clock() / CLOCKS_PER_SEC : cen__os_seconds();
}

enum { MOST_TURNS = 15 };

/* Seconds that this product would take at the nearer of the two limits, each measured now. */
static double limit_seconds(const instruction_set *set, const problem *on, bool *by_bandwidth)
{
    static float out[3] = {0.5F, 0.25F, 0};
    double start = now(1), operations = 0;
    while (now(1) - start < 1e-3) operations += set->peak(out);
    double work = 2.0 * (double)on->is->m * (double)on->is->n * (double)on->is->k;
    double at_peak = (now(1) - start) * work / operations;
    start = now(1);
    for (int i = 0; i < on->repeats; i++) {
        out[2] += stream(on->data, on->n_read, on->c, on->n_written, out[1]);
    }
    double at_bandwidth = (now(1) - start) / on->repeats;
    *by_bandwidth = at_bandwidth > at_peak;
    return *by_bandwidth ? at_bandwidth : at_peak;
}

static void measure(const instruction_set *set, const shape *is, int n_threads)
{
    problem on = make_problem(is, n_threads);
    double work = 2e-9 * (double)is->m * (double)is->n * (double)is->k;
    const size_t turns = bench_most(MOST_TURNS, 1);
    double seconds[MOST_TURNS], shares[MOST_TURNS], speedups[MOST_TURNS];
    bool by_bandwidth = false;
    multiply(&on, n_threads);
    for (size_t turn = 0; turn < turns; turn++) {
        double limit = limit_seconds(set, &on, &by_bandwidth), start = now(n_threads);
        for (int i = 0; i < on.repeats; i++) multiply(&on, n_threads);
        seconds[turn] = (now(n_threads) - start) / on.repeats;
        shares[turn] = limit / seconds[turn];
        if (n_threads == 1) continue;
        start = now(n_threads);
        for (int i = 0; i < on.repeats; i++) multiply(&on, 1);
        speedups[turn] = (now(n_threads) - start) / on.repeats / seconds[turn];
    }
    printf("%-8s %-22s %6zu x %6zu x %6zu %9.3f ms %7.1f GFLOP/s  %3.0f %% of one core's %s",
           set->kernels->name, is->what, is->m, is->n, is->k, 1e3 * bench_median(seconds, turns),
           work / bench_median(seconds, turns), 100 * bench_median(shares, turns),
           by_bandwidth ? "bandwidth" : "peak");
    if (n_threads > 1) printf("  %.2f x 1 thread", bench_median(speedups, turns));
    printf("\n");
    fflush(stdout);
    cen__free(on.data);
    cen__free(on.c);
    cen__free(on.scratch);
}

double bench_peak(void)
{
    static float out[3] = {0.5F, 0.25F, 0};
    const char *best = instructions_now();
    size_t s = 0;
    while (strcmp(sets[s].kernels->name, best) != 0) s++;
    double start = cen__os_seconds(), operations = 0;
    while (cen__os_seconds() - start < 1e-3) operations += sets[s].peak(out);
    return operations / (cen__os_seconds() - start);
}

int bench_gemm(int argc, char **argv)
{
    int n_threads = argc > 1 ? atoi(argv[1]) : 1;
    const char *best = instructions_now();
    bool found = false;
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        found = found || strcmp(sets[s].kernels->name, best) == 0;
        if (!found || (argc > 2 && strcmp(argv[2], sets[s].kernels->name) != 0)) continue;
        if (setenv("CEN_INSTRUCTIONS", sets[s].kernels->name, 1) != 0) return 1;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            shape is = shapes[i];
            is.m = bench_most(is.m, 64), is.n = bench_most(is.n, 64), is.k = bench_most(is.k, 64);
            measure(&sets[s], &is, n_threads < 1 ? 1 : n_threads);
        }
    }
    return 0;
}
