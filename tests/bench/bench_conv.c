/* Each convolution of the nets that are measured: GFLOP/s of direct multiply-adds, and their share of
 * the multiply-add peak that is measured beside them. Above 100 %: arithmetic was saved. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#include "base/instructions.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/random.h"
#include "kernels/conv_pool.h"
#include "kernels/conv_set.h"
#include "kernels/vector.h"
#include "support/context.h"

static const struct layer {
    const char *name;
    cen__conv conv;
    size_t n;
    bool pooled; /* 2x2 max-pooling follows: measured with it as well, in one */
} layers[] = {
    {"article 3>10 2x2 224", {3, 224, 224, 10, 2, 2, 1, 1, 0, 0, 223, 223, NULL, 1}, 2, true},
    {"lenet 1>32 5x5 28", {1, 28, 28, 32, 5, 5, 1, 1, 2, 2, 28, 28, NULL, 1}, 8, false},
    {"lenet 32>32 5x5 28", {32, 28, 28, 32, 5, 5, 1, 1, 2, 2, 28, 28, NULL, 1}, 8, false},
    {"lenet 32>64 5x5 14", {32, 14, 14, 64, 5, 5, 1, 1, 2, 2, 14, 14, NULL, 1}, 8, false},
    {"lenet 64>64 5x5 14", {64, 14, 14, 64, 5, 5, 1, 1, 2, 2, 14, 14, NULL, 1}, 8, false},
    {"lenet 64>128 5x5 7", {64, 7, 7, 128, 5, 5, 1, 1, 2, 2, 7, 7, NULL, 1}, 16, false},
    {"lenet 128>128 5x5 7", {128, 7, 7, 128, 5, 5, 1, 1, 2, 2, 7, 7, NULL, 1}, 16, false},
    {"vgg 3>32 3x3 64", {3, 64, 64, 32, 3, 3, 1, 1, 1, 1, 64, 64, NULL, 1}, 8, true},
    {"vgg 32>64 3x3 32", {32, 32, 32, 64, 3, 3, 1, 1, 1, 1, 32, 32, NULL, 1}, 8, true},
    {"vgg 64>128 3x3 16", {64, 16, 16, 128, 3, 3, 1, 1, 1, 1, 16, 16, NULL, 1}, 8, true},
    {"depthwise 32 3x3 112", {1, 112, 112, 1, 3, 3, 1, 1, 1, 1, 112, 112, NULL, 32}, 1, false},
    {"depthwise 128 3x3 28", {1, 28, 28, 1, 3, 3, 1, 1, 1, 1, 28, 28, NULL, 128}, 1, false},
    {"depthwise 256 3x3 14", {1, 14, 14, 1, 3, 3, 1, 1, 1, 1, 14, 14, NULL, 256}, 1, false},
    {"depthwise 512 3x3 7", {1, 7, 7, 1, 3, 3, 1, 1, 1, 1, 7, 7, NULL, 512}, 1, false},
    {"depthwise 128 3x3/2 28", {1, 28, 28, 1, 3, 3, 2, 2, 1, 1, 14, 14, NULL, 128}, 1, false},
    {"depthwise 64 5x5 28", {1, 28, 28, 1, 5, 5, 1, 1, 2, 2, 28, 28, NULL, 64}, 1, false},
    {"stride 32>64 3x3/2 32", {32, 32, 32, 64, 3, 3, 2, 2, 1, 1, 16, 16, NULL, 1}, 8, false},
};

enum { ROUNDS = 25, PEAK_STEPS = 200000 };

/* The tile kernel on operands that stay in the first cache: what multiply-adds can reach. */
static double peak(const cen__conv_set *set, const float *numbers, float *out)
{
    enum { STEPS = 64 };
    size_t a_at[STEPS], b_at[STEPS], vectors = 3;
    const size_t rows = set->tile_rows[vectors];
    for (size_t s = 0; s < STEPS; s++) a_at[s] = s * rows, b_at[s] = s * vectors * set->lanes;
    cen__tile tile = {.steps = STEPS,
                      .a = numbers,
                      .a_at = a_at,
                      .b_at = b_at,
                      .c = out,
                      .c_row = vectors * set->lanes,
                      .c_vector = set->lanes};
    for (size_t v = 0; v < vectors; v++) tile.b[v] = numbers + 8192 + v * set->lanes;
    const double begin = cen__os_seconds();
    for (size_t i = 0; i < PEAK_STEPS / STEPS; i++) set->tile(rows, vectors, false, &tile);
    const double seconds = cen__os_seconds() - begin;
    return 2.0 * (double)(PEAK_STEPS / STEPS * STEPS * rows * vectors * set->lanes) / seconds *
           1e-9;
}

typedef struct tensors {
    float *x, *dx, *y, *dy, *w, *dw, *bias, *dbias, *numbers, *scratch, *prepared;
    uint8_t *argmax;
} tensors;

static void run(const struct layer *layer, bool pooled, int pass, const tensors *t)
{
    const cen__conv *const v = &layer->conv;
    const size_t n = layer->n;
    for (size_t part = 0; pass < 2 && part < cen__conv_parts(v, pass == 1); part++)
        cen__conv_prepare(v, t->w, pass == 1, part, t->prepared);
    if (pass == 0 && !pooled)
        cen__conv_forward(v, n, t->x, t->w, t->prepared, t->bias, t->y, t->scratch);
    if (pass == 1 && !pooled)
        cen__conv_backward_data(v, n, t->dy, t->w, t->prepared, t->dx, t->scratch);
    if (pass == 2 && !pooled)
        cen__conv_backward_weights(v, n, t->x, t->dy, t->dw, t->dbias, t->scratch);
    if (pass == 0 && pooled)
        cen__conv_pool_forward(v, n, t->x, t->w, t->prepared, t->bias, true, t->y, t->argmax,
                               t->scratch);
    if (pass == 1 && pooled)
        cen__conv_pool_backward_data(v, n, t->dy, t->argmax, t->w, t->prepared, t->dx, t->scratch);
    if (pass == 2 && pooled)
        cen__conv_pool_backward_weights(v, n, t->x, t->dy, t->argmax, t->dw, t->dbias, t->scratch);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* The best of rounds that take the passes and the peak in turn: other processes only slow down. */
static void measure(const struct layer *layer, bool pooled, const tensors *t,
                    const cen__conv_set *set)
{
    const cen__conv *const v = &layer->conv;
    double seconds[3] = {HUGE_VAL, HUGE_VAL, HUGE_VAL}, top = 0;
    for (int round = 0; (size_t)round < bench_most(ROUNDS, 1); round++) {
        for (int pass = 0; pass < 3; pass++) {
            const double begin = cen__os_seconds();
            run(layer, pooled, pass, t);
            seconds[pass] = least(seconds[pass], cen__os_seconds() - begin);
        }
        top = -least(-top, -peak(set, t->numbers, t->y));
    }
    const double flops = 2.0 * (double)(layer->n * v->groups * cen__conv_y_count(v)) *
                         (double)(v->c * v->kernel_h * v->kernel_w);
    printf("%-20s %-5s", layer->name, pooled ? "+pool" : "");
    for (int pass = 0; pass < 3; pass++) {
        const double rate = flops / seconds[pass] * 1e-9;
        printf("  %6.2f ms %4.0f GF/s %4.0f %%", seconds[pass] * 1e3, rate, 100 * rate / top);
    }
    printf("   peak %.0f\n", top);
}

static void measure_layer(const struct layer *layer, const cen__conv_set *set)
{
    const cen__conv *const v = &layer->conv;
    const size_t n_x = layer->n * v->groups * cen__conv_x_count(v);
    const size_t n_y = layer->n * v->groups * cen__conv_y_count(v);
    const size_t n_w = v->groups * cen__conv_w_count(v), n_k = v->groups * v->k;
    const size_t total = 2 * (n_x + n_y + n_w + n_k) + 32768;
    const size_t plain = cen__conv_scratch_count(v, layer->n);
    const size_t pooled = cen__conv_pool_scratch_count(v);
    tensors t = {.x = cen__alloc(NULL, total, sizeof *t.x),
                 .argmax = cen__alloc(NULL, n_y, 1),
                 .scratch = cen__alloc(NULL, plain > pooled ? plain : pooled, sizeof *t.scratch),
                 .prepared = cen__alloc(NULL, cen__conv_prepared_count(v), sizeof *t.prepared)};
    if (t.x != NULL && t.argmax != NULL && t.scratch != NULL && t.prepared != NULL) {
        for (size_t i = 0; i < total; i++) t.x[i] = cen__random_float(1, 1, i) - 0.5f;
        t.dx = t.x + n_x, t.y = t.dx + n_x, t.dy = t.y + n_y, t.w = t.dy + n_y;
        t.dw = t.w + n_w, t.bias = t.dw + n_w, t.dbias = t.bias + n_k;
        t.numbers = t.dbias + n_k;
        measure(layer, false, &t, set);
        if (layer->pooled) measure(layer, true, &t, set);
    }
    cen__free(t.x);
    cen__free(t.argmax);
    cen__free(t.scratch);
    cen__free(t.prepared);
}

int bench_conv(int argc, char **argv)
{
    printf("%s, one thread; forward, backward to data, backward to weights\n", instructions_now());
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (argc < 2 || strstr(layers[i].name, argv[1]) != NULL) {
            struct layer layer = layers[i];
            layer.n = bench_most(layer.n, 1);
            layer.conv.kernels = kernels_now();
            measure_layer(&layer, layer.conv.kernels->conv);
        }
    return 0;
}
