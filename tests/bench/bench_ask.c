/* One question, or a few, to a large gallery, beside the limit of an exact search: each number of the gallery read once. */
#include <centerloss_eval.h>

#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#include "base/context.h"
#include "base/os.h"
#include "support/context.h"

enum { D = 128, K = 5, MOST = 100, PART = 1 << 18, LANES = 64 };

typedef struct {
    const float *x;
    size_t n;
    float *sums; /* [tasks] */
} reading;

static void read_part(void *data, size_t task, int worker)
{
    const reading *r = data;
    size_t first = task * PART, end = first + PART < r->n ? first + PART : r->n;
    float lanes[LANES] = {0};
    for (; first < end; first += LANES) { /* PART and rows are multiples of it */
        for (size_t l = 0; l < LANES; l++) lanes[l] += r->x[first + l];
    }
    r->sums[task] = 0;
    for (size_t l = 0; l < LANES; l++) r->sums[task] += lanes[l];
    (void)worker;
}

/* Rows in groups of a hundred near each other, as the features of classes are. */
static void draw(float *x, size_t n_rows)
{
    uint32_t state = 1;
    float center[D];
    for (size_t i = 0; i < n_rows * D; i++) {
        state = state * 1664525 + 1013904223;
        float number = (float)(state >> 8) / (1 << 24) - 0.5f;
        if (i / D % 100 == 0) center[i % D] = number;
        x[i] = center[i % D] + 0.6f * number;
    }
}

/* Milliseconds of the median search, of the median reading, and their ratio. */
int bench_ask(int argc, char **argv)
{
    if (argc < 3) return 2;
    const size_t n_rows = bench_most(argc > 3 ? strtoull(argv[3], NULL, 10) : 1000000, 1000);
    const size_t n_queries = argc > 4 ? strtoull(argv[4], NULL, 10) : 1;
    const cen_metric metric = argc > 5 ? CEN_METRIC_COSINE : CEN_METRIC_L2;
    const size_t n = n_rows * D, n_parts = (n - 1) / PART + 1, step = n_rows / (n_queries + 1);
    cen_context *context = threads(atoi(argv[1]));
    float *x = malloc(n * sizeof *x), *sums = malloc(n_parts * sizeof *sums);
    float *queries = malloc(n_queries * D * sizeof *queries);
    size_t *indices = malloc(n_queries * K * sizeof *indices), turns = 0;
    if (x == NULL || sums == NULL || queries == NULL || indices == NULL) {
        fprintf(stderr, "bench: not enough memory\n");
        return 1;
    }
    draw(x, n_rows);
    for (size_t i = 0; i < n_queries * D; i++)
        queries[i] = x[(i / D + 1) * step * D + i % D] + 1e-3f;
    double searches[MOST], readings[MOST], end = cen__os_seconds() + atof(argv[2]);
    while (turns < 3 || (turns < MOST && cen__os_seconds() < end)) {
        cen_error error;
        double start = cen__os_seconds();
        reading r = {x, n, sums};
        cen__parallel(context, n_parts, (double)n, read_part, &r);
        double middle = cen__os_seconds();
        if (cen_knn_search(context, x, n_rows, queries, n_queries, D, K, metric, false, indices,
                           NULL, &error) != CEN_OK) {
            fprintf(stderr, "bench: %s\n", error.message);
            return 1;
        }
        searches[turns] = cen__os_seconds() - middle;
        readings[turns++] = middle - start;
    }
    double search = bench_median(searches, turns), limit = bench_median(readings, turns);
    printf("%.3f ms, reading %.3f ms, ratio %.2f, of the least times %.2f\n", 1e3 * search,
           1e3 * limit, search / limit, searches[0] / readings[0]);
    free(x);
    free(sums);
    free(queries);
    free(indices);
    return 0;
}
