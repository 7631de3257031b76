/* Every kind of layer, forward and backward on one thread, as a share of its limit: the multiply-adds at
 * the peak, or the bytes at the bandwidth, whichever takes longer. Both are measured beside it. */
#include <stdio.h>
#include <string.h>

#include "bench.h"

#include "base/instructions.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/random.h"
#include "nn/net.h"
#include "support/context.h"

/* n images, so many that the numbers do not stay in the cache. */
static const struct {
    const char *line;
    cen__shape in;
    size_t n;
} cases[] = {
    {"conv 10 2x2", {3, 224, 224}, 32},
    {"conv 64 3x3 pad 1", {64, 32, 32}, 64},
    {"conv 128 5x5 pad 2", {64, 14, 14}, 64},
    {"conv 32 3x3 pad 1 groups 32", {32, 112, 112}, 16},
    {"conv 64 3x3 stride 2 pad 1 groups 64", {64, 112, 112}, 8},
    {"conv 128 3x3 pad 1 groups 128", {128, 28, 28}, 64},
    {"conv 256 3x3 pad 1 groups 256", {256, 14, 14}, 128},
    {"conv 512 3x3 pad 1 groups 512", {512, 7, 7}, 256},
    {"conv 64 5x5 pad 2 groups 64", {64, 28, 28}, 128},
    {"conv 128 5x5 stride 2 pad 2 groups 128", {128, 28, 28}, 64},
    {"conv 256 1x1 groups 4", {256, 14, 14}, 64},
    {"conv 128 3x3 pad 1 groups 4", {128, 14, 14}, 64},
    {"maxpool 2", {32, 64, 64}, 64},
    {"maxpool 3 stride 2", {32, 64, 64}, 64},
    {"maxpool 3 stride 2 pad 1", {32, 64, 64}, 64},
    {"avgpool 2", {32, 64, 64}, 64},
    {"avgpool 3 stride 2 pad 1", {32, 64, 64}, 64},
    {"relu", {32, 64, 64}, 64},
    {"relu6", {32, 64, 64}, 64},
    {"gelu", {32, 64, 64}, 64},
    {"prelu", {32, 64, 64}, 64},
    {"gap", {32, 64, 64}, 64},
    {"dropout 0.5", {32, 64, 64}, 64},
    {"l2norm", {128, 1, 1}, 65536},
    {"dense 128", {8192, 1, 1}, 64},
};

typedef struct room {
    float *x, *y, *dx, *dy, *w, *dw, *scratch, *prepared, *state, *shared;
    double *sums;
    uint8_t *saved;
} room;

static size_t count(size_t (*of)(const cen__layer *), const cen__layer *layer)
{
    return of == NULL ? 0 : of(layer);
}

static float *random_numbers(size_t n, uint64_t stream)
{
    float *numbers = cen__alloc(NULL, n + 16, sizeof *numbers);
    for (size_t i = 0; numbers != NULL && i < n; i++) {
        numbers[i] = cen__random_float(1, stream, i) - 0.5F;
    }
    return numbers;
}

static room make_room(const cen__layer *layer, size_t n)
{
    size_t in = n * cen__shape_count(layer->in), out = n * cen__shape_count(layer->out);
    size_t scratch =
        layer->kind->scratch_count == NULL ? 0 : layer->kind->scratch_count(layer, n, 1);
    return (room){
        .x = random_numbers(in, 1),
        .y = random_numbers(out, 2),
        .dx = random_numbers(in, 3),
        .dy = random_numbers(out, 4),
        .w = random_numbers(layer->count, 5),
        .dw = random_numbers(layer->count, 6),
        .state = random_numbers(layer->state_count, 7),
        .scratch = cen__alloc(NULL, scratch + 16, sizeof(float)),
        .prepared = cen__alloc(NULL, count(layer->kind->prepared_count, layer) + 16, sizeof(float)),
        .shared =
            cen__alloc_zeroed(NULL, count(layer->kind->shared_count, layer) + 16, sizeof(float)),
        .sums = cen__alloc(NULL, count(layer->kind->sums_count, layer) + 16, sizeof(double)),
        .saved = cen__alloc(NULL, n * count(layer->kind->saved_size, layer) + 16, 1)};
}

static void free_room(room *r)
{
    void *all[] = {r->x,       r->y,        r->dx,    r->dy,     r->w,    r->dw,
                   r->scratch, r->prepared, r->state, r->shared, r->sums, r->saved};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) cen__free(all[i]);
}

enum { MOST_TURNS = 9 };

static void run(const cen__layer *layer, const cen__pass *pass, float *prepared, bool backward)
{
    size_t parts = layer->kind->n_parts == NULL ? 0 : layer->kind->n_parts(layer, backward);
    for (size_t i = 0; i < parts; i++) layer->kind->prepare(layer, pass->w, backward, i, prepared);
    (backward ? layer->kind->backward : layer->kind->forward)(layer, pass);
}

double bench_bandwidth(const float *from, float *to, size_t n)
{
    double start = cen__os_seconds();
    for (size_t i = 0; i < n; i++) to[i] = from[i] + 1;
    return 8 * (double)n / (cen__os_seconds() - start);
}

static void measure(const cen__layer *layer, const char *line, size_t n)
{
    room r = make_room(layer, n);
    bool in_place = layer->kind->in_place;
    cen__pass pass = {.n = n,
                      .w = r.w,
                      .prepared = r.prepared,
                      .x = in_place ? r.y : r.x,
                      .y = r.y,
                      .dy = r.dy,
                      .dx = in_place ? r.dy : r.dx,
                      .dw = r.dw,
                      .saved = r.saved,
                      .scratch = r.scratch,
                      .state = r.state,
                      .shared = r.shared,
                      .sums = r.sums,
                      .seed = 1};
    const int turns = (int)bench_most(MOST_TURNS, 1);
    double times[2][MOST_TURNS], shares[2][MOST_TURNS];
    size_t in = n * cen__shape_count(layer->in), out = n * cen__shape_count(layer->out);
    double places = layer->n_outputs == 0 ? 0 : (double)(out / layer->n_outputs);
    double work = 2 * places * (double)(layer->n_parameters > 0 ? layer->parameters[0].count : 0);
    /* Forward: x and y. Backward: dy, dx, and what of x or y its formula needs. */
    bool reads_more = layer->n_outputs > 0 || layer->kind->saved_size == NULL;
    double bytes[2] = {4.0 * (double)(in + out), 4.0 * (double)(in + out + (reads_more ? in : 0))};
    for (int turn = -1; turn < turns; turn++) {
        double peak = bench_peak(), bytes_a_second = bench_bandwidth(r.x, r.dx, in);
        for (int backward = 0; backward < 2; backward++) {
            double start = cen__os_seconds();
            run(layer, &pass, r.prepared, backward);
            double seconds = cen__os_seconds() - start;
            double by_work = (backward ? 2 : 1) * work / peak;
            double by_bytes = bytes[backward] / bytes_a_second;
            if (turn < 0) continue;
            times[backward][turn] = seconds;
            shares[backward][turn] = (by_work > by_bytes ? by_work : by_bytes) / seconds;
        }
    }
    printf(
        "%-38s %4zu x %3zux%3zux%3zu  forward %8.3f ms %4.0f %%  backward %8.3f ms %4.0f %%\n",
        line, n, layer->in.c, layer->in.h, layer->in.w, 1e3 * bench_median(times[0], (size_t)turns),
        100 * bench_median(shares[0], (size_t)turns), 1e3 * bench_median(times[1], (size_t)turns),
        100 * bench_median(shares[1], (size_t)turns));
    free_room(&r);
}

int bench_layers(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("%s, one thread; shares of the multiply-add peak or of the bandwidth (above 100 %%: "
           "arithmetic was saved, or numbers stayed in a cache)\n",
           instructions_now());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cen__net net;
        cen_error error;
        char line[64]; /* a net ends with a vector */
        bool is_image = cases[i].in.h > 1 && strcmp(cases[i].line, "gap") != 0;
        (void)snprintf(line, sizeof line, "%s%s", cases[i].line, is_image ? ", flatten" : "");
        if (cen__net_create(NULL, kernels_now(), &net, line, cases[i].in, 0, &error) != CEN_OK) {
            fprintf(stderr, "%s\n", error.message);
            return 1;
        }
        measure(&net.layers[0], cases[i].line, bench_most(cases[i].n, 1));
        cen__net_free(&net);
    }
    return 0;
}
