/* Training steps and features on one thread as a share of what they need at least: for each op the multiply-adds
 * of the method that computes it at the peak, or its bytes at the bandwidth, whichever takes longer. Peak and bandwidth
 * are measured in turn with it.
 *
 *     bench limits SECONDS [CASE [BATCH]] */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#include "base/instructions.h"
#include "base/memory.h"
#include "kernels/conv_winograd.h"
#include "nn/layers.h"
#include "nn/net.h"
#include "support/context.h"
#include "train/presets.h"

/* Numbers of an array that no cache holds; rounds, of which the median counts; times that the peak is measured in
 * one, so that neighbours slow it down as they do a step. */
enum { MUCH = 1 << 24, ROUNDS = 9, PEAKS = 50 };

/* Of an image and one pass: direct ones, or those of Winograd's products. */
static double multiply_adds(const cen__layer *layer)
{
    const cen__window *k = &layer->window;
    if (layer->n_outputs == 0) return 0;
    if (k->h == 0) return (double)layer->parameters[0].count;
    const cen__conv conv = cen__conv_of(layer);
    if (!cen__winograd_suits(&conv, layer->kernels->conv)) {
        return (double)(layer->parameters[0].count * conv.out_h * conv.out_w);
    }
    const size_t m = cen__winograd_outputs(&conv, layer->kernels->conv), side = m + k->h - 1;
    const size_t tiles = ((conv.out_h + m - 1) / m) * ((conv.out_w + m - 1) / m);
    return (double)(tiles * side * side * conv.c * conv.k * conv.groups);
}

/* Of an image's output, if it is not where the input was. */
static double numbers_of(const cen__layer *op)
{
    const bool stays = op->kind->keeps_memory || op->kind->in_place || op->kind->keeps_x;
    return stays ? 0 : (double)cen__shape_count(op->out);
}

typedef struct need {
    double work, bytes, seconds;
} need;

static void add(need *to, double work, double bytes, double peak, double bytes_a_second)
{
    const double by_work = 2 * work / peak, by_bytes = bytes / bytes_a_second;
    to->work += work;
    to->bytes += bytes;
    to->seconds += by_work > by_bytes ? by_work : by_bytes;
}

/* An output is written and read, in training also its gradient, and the output once more. A parameter takes part in
 * forward, backward, gradient and Adam's moments: ten times in a step. */
static need need_of(const cen__net *net, size_t n, size_t n_parameters, double head, bool training,
                    double peak, double bytes_a_second)
{
    need all = {0, 0, 0};
    bool learns_before = false;
    const cen__ops *ops = training ? &net->training : &net->inference;
    for (size_t i = 0; i < ops->n; i++) {
        const cen__layer *op = &ops->ops[i];
        const double passes = !training ? 1 : learns_before ? 3 : 2;
        add(&all, passes * (double)n * multiply_adds(op),
            (training ? 20 : 8) * (double)n * numbers_of(op), peak, bytes_a_second);
        learns_before = learns_before || op->n_outputs > 0;
    }
    add(&all, training ? 3 * (double)n * head : 0, 0, peak, bytes_a_second);
    add(&all, 0, (training ? 40.0 : 4.0) * (double)n_parameters, peak, bytes_a_second);
    return all;
}

static double mean_peak(void)
{
    const size_t n = bench_most(PEAKS, 1);
    double seconds_each = 0; /* of an operation */
    for (size_t i = 0; i < n; i++) seconds_each += 1 / bench_peak();
    return (double)n / seconds_each;
}

static int measure(const bench_case *c, size_t batch, const cen__net *net, double seconds,
                   float *numbers)
{
    const size_t rounds = bench_most(ROUNDS, 1);
    const size_t head = c->n_classes * cen__shape_count(net->out);
    double ms[2][ROUNDS], shares[2][ROUNDS];
    need least[2];
    for (size_t round = 0; round < rounds; round++) {
        double now[2];
        size_t n_parameters;
        if (bench_time(c, batch, 1, seconds / (double)rounds, now, &n_parameters) != 0) return 1;
        const double peak = mean_peak();
        const double bytes_a_second = bench_bandwidth(numbers, numbers + MUCH, MUCH);
        for (size_t mode = 0; mode < 2; mode++) {
            const size_t moved = mode == 0 ? n_parameters + head : net->n_parameters; /* centers */
            least[mode] = need_of(net, batch, moved, (double)head, mode == 0, peak, bytes_a_second);
            ms[mode][round] = now[mode];
            shares[mode][round] = 1e5 * least[mode].seconds / now[mode];
        }
    }
    for (size_t mode = 0; mode < 2; mode++)
        printf("%-8s %-8s %9.2f ms  %6.2f GFLOP %7.1f MB  %3.0f %%\n", c->name,
               mode == 0 ? "step" : "features", bench_median(ms[mode], rounds),
               2e-9 * least[mode].work, 1e-6 * least[mode].bytes,
               bench_median(shares[mode], rounds));
    return 0;
}

static int measure_case(const bench_case *c, size_t batch, double seconds)
{
    const cen_preset *preset = cen__preset_find(c->net);
    const cen__shape in = {c->channels, c->side, c->side};
    float *numbers = cen__alloc_zeroed(NULL, (size_t)2 * MUCH, sizeof *numbers);
    cen__net net;
    cen_error error;
    int failed = 1;
    if (numbers == NULL) return 1;
    (void)bench_bandwidth(numbers, numbers + MUCH, MUCH); /* the first time takes the memory */
    if (cen__net_create(NULL, kernels_now(), &net, preset != NULL ? preset->net : c->net, in, 0,
                        &error) == CEN_OK) {
        failed = measure(c, batch, &net, seconds, numbers);
        cen__net_free(&net);
    } else {
        fprintf(stderr, "%s\n", error.message);
    }
    cen__free(numbers);
    return failed;
}

int bench_limits(int argc, char **argv)
{
    const bench_case *only = argc == 3 || argc == 4 ? bench_find(argv[2]) : NULL;
    const size_t batch = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
    if ((argc != 2 && only == NULL) || (argc == 4 && batch == 0)) return 2;
    printf("%s, one thread; the limit is the multiply-add peak or the bandwidth, op by op\n",
           instructions_now());
    for (size_t i = 0; i < bench_n_cases; i++) {
        const bench_case *c = &bench_cases[i];
        if (only != NULL ? c != only : c->n_sampled > 0) continue;
        if (measure_case(c, bench_most(batch > 0 ? batch : c->batch, 2), atof(argv[1])) != 0)
            return 1;
    }
    return 0;
}
