/* All benchmarks in one program: bench [blink] NAME [ARGUMENTS]. peers.py and steps.py run it beside others;
 * with `blink` each does the least, for a test. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *arguments;
    int (*run)(int argc, char **argv);
} benchmarks[] = {
    {"ask",
     "THREADS SECONDS [ROWS [QUERIES [cosine]]]: one question, beside reading the gallery once",
     bench_ask},
    {"conv", "[NAME]: convolutions, forward and backward, as a share of the multiply-add peak",
     bench_conv},
    {"decode", "SECONDS FILE...: each file decoded at full size on one thread", bench_decode},
    {"gallery", "FOLDER [QUERIES]: makes, or asks, a gallery of FOLDER/rows.f32 for faiss_files.py",
     bench_gallery},
    {"gemm", "[THREADS [SET]]: products as a share of the peak or of the bandwidth", bench_gemm},
    {"knn", "THREADS SECONDS: 100,000 x 128, 1,000 queries, k 5", bench_knn},
    {"layers", ": every kind of layer as a share of its limit", bench_layers},
    {"limits", "SECONDS [CASE]: steps and features on one thread as a share of their limit",
     bench_limits},
    {"load", "FOLDER SIDE CHANNELS THREADS: open, decode, resize and read all images", bench_load},
    {"scaling", "[CASE [BATCH]]: what a training step gains by 4, 16 and 64 cores, reckoned on one",
     bench_scaling},
    {"steps", "CASE THREADS SECONDS [BATCH]: a training step, a batch of features", bench_steps},
};

bool bench_blinks;

enum { N_BENCHMARKS = sizeof benchmarks / sizeof *benchmarks };

static int ascending(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

double bench_median(double *times, size_t n)
{
    qsort(times, n, sizeof *times, ascending);
    return times[n / 2];
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "blink") == 0) {
        bench_blinks = true;
        argc--, argv++;
    }
    for (size_t i = 0; argc > 1 && i < N_BENCHMARKS; i++) {
        if (strcmp(benchmarks[i].name, argv[1]) == 0) {
            return benchmarks[i].run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "usage: bench [blink] NAME ARGUMENTS\n");
    for (size_t i = 0; i < N_BENCHMARKS; i++) {
        fprintf(stderr, "  %-7s %s\n", benchmarks[i].name, benchmarks[i].arguments);
    }
    return 2;
}
