/* What a training step would gain by more cores, reckoned on one.
 *
 *     bench scaling [CASE [BATCH]]      CASE as in bench steps, all without
 *
 * Each task that the library hands to its pool is run and timed by itself, with a context of so many threads;
 * then the tasks of each call are given to so many cores one by one, as the pool does, and what runs between
 * calls, or in a call too small to wake threads for, stays serial. Of several steps each time is the shortest. Prints the
 * factors for 4, 16 and 64 cores, and which parts take the time that is left on 64. Shared caches and memory
 * bandwidth are not reckoned.
 *
 * The hooks are the linker's: --wrap puts these functions between the library's own (tests/CMakeLists.txt). */
#include <centerloss.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/os.h"
#include "bench.h"
#include "kernels/gemm.h"
#include "loss/adam.h"
#include "loss/loss.h"
#include "nn/run.h"
#include "support/context.h"
#include "support/plain_options.h"

#ifdef CEN_BENCH_WRAP

enum { MOST_PARTS = 4096, MOST_TASKS = 1 << 20, MOST_STEPS = 12, SHOWN = 5 };

static const double least_work = 1 << 15; /* below it cen__parallel wakes nobody */
static const double wake = 5e-6;          /* what a call on several cores costs beside its tasks */

/* A call of the pool with its tasks, or what runs between two of them as one task. */
typedef struct part {
    const char *within;
    size_t n_tasks, first; /* in task_times */
    bool is_serial;
} part;

static bool is_recording;
static const char *within = "the step";
static part parts[MOST_PARTS];
static double task_times[MOST_TASKS], last;
static size_t n_parts, n_times;

static part *begin_part(size_t n_tasks, bool is_serial)
{
    if (n_parts == MOST_PARTS || n_tasks > MOST_TASKS - n_times) abort();
    part *p = &parts[n_parts++];
    *p = (part){within, n_tasks, n_times, is_serial};
    n_times += n_tasks;
    return p;
}

static void keep_time(size_t at)
{
    const double now = cen__os_seconds(), passed = now - last;
    if (task_times[at] < 0 || passed < task_times[at]) task_times[at] = passed;
    last = now;
}

/* What has run by itself since the last part. */
static void end_serial(void)
{
    if (is_recording) keep_time(begin_part(1, true)->first);
}

void __real_cen__parallel(cen_context *context, size_t n, double work, cen__task *run, void *data);
void __wrap_cen__parallel(cen_context *context, size_t n, double work, cen__task *run, void *data);

void __wrap_cen__parallel(cen_context *context, size_t n, double work, cen__task *run, void *data)
{
    if (!is_recording) {
        __real_cen__parallel(context, n, work, run, data);
        return;
    }
    end_serial();
    const part *p = begin_part(n, context == NULL || work < least_work || n < 2);
    for (size_t task = 0; task < n; task++) {
        run(data, task, 0);
        keep_time(p->first + task);
    }
}

static const char *enter(const char *name)
{
    const char *outer = within;
    end_serial();
    within = name;
    return outer;
}

static void leave(const char *outer)
{
    end_serial();
    within = outer;
}

const float *__real_cen__run_forward(cen__run *run, const float *x, size_t n);
const float *__wrap_cen__run_forward(cen__run *run, const float *x, size_t n);
void __real_cen__run_backward(cen__run *run, const float *x, size_t n, float *df, float *dw);
void __wrap_cen__run_backward(cen__run *run, const float *x, size_t n, float *df, float *dw);
void __real_cen__gemm(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                      cen__matrix b, const float *bias, float *c, size_t ldc, float *scratch,
                      cen_context *context);
void __wrap_cen__gemm(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                      cen__matrix b, const float *bias, float *c, size_t ldc, float *scratch,
                      cen_context *context);
void __real_cen__loss_backward(cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses);
void __wrap_cen__loss_backward(cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses);
void __real_cen__adam_apply(cen__adam *adam, size_t start, size_t count, double decay, float *p,
                            const float *g);
void __wrap_cen__adam_apply(cen__adam *adam, size_t start, size_t count, double decay, float *p,
                            const float *g);

const float *__wrap_cen__run_forward(cen__run *run, const float *x, size_t n)
{
    const char *outer = enter("forward");
    const float *y = __real_cen__run_forward(run, x, n);
    leave(outer);
    return y;
}

void __wrap_cen__run_backward(cen__run *run, const float *x, size_t n, float *df, float *dw)
{
    const char *outer = enter("backward");
    __real_cen__run_backward(run, x, n, df, dw);
    leave(outer);
}

void __wrap_cen__gemm(const cen__micro *micro, size_t m, size_t n, size_t k, cen__matrix a,
                      cen__matrix b, const float *bias, float *c, size_t ldc, float *scratch,
                      cen_context *context)
{
    const char *outer = enter("a product");
    __real_cen__gemm(micro, m, n, k, a, b, bias, c, ldc, scratch, context);
    leave(outer);
}

void __wrap_cen__loss_backward(cen__loss *loss, const cen__loss_pass *pass, cen_losses *losses)
{
    const char *outer = enter("the loss");
    __real_cen__loss_backward(loss, pass, losses);
    leave(outer);
}

void __wrap_cen__adam_apply(cen__adam *adam, size_t start, size_t count, double decay, float *p,
                            const float *g)
{
    const char *outer = enter("Adam");
    __real_cen__adam_apply(adam, start, count, decay, p, g);
    leave(outer);
}

/* The seconds of a part on so many cores, each of which takes the next task when it is free. */
static double length_of(const part *p, int n_cores)
{
    double free_at[64] = {0}, end = 0;
    const int most = p->is_serial ? 1 : n_cores;
    for (size_t task = 0; task < p->n_tasks; task++) {
        int first = 0;
        for (int i = 1; i < most; i++) first = free_at[i] < free_at[first] ? i : first;
        free_at[first] += task_times[p->first + task];
        if (free_at[first] > end) end = free_at[first];
    }
    return end + (most > 1 ? wake : 0);
}

static double length_of_all(int n_cores)
{
    double sum = 0;
    for (size_t i = 0; i < n_parts; i++) sum += length_of(&parts[i], n_cores);
    return sum;
}

/* Some steps of the case in a context of so many threads, of which the library's plans know. */
static int record(const bench_case *c, size_t batch, int n_cores)
{
    cen_model *model;
    cen_trainer *trainer;
    cen_error error;
    cen_losses losses;
    bench_model(c, batch, n_cores, &model, &trainer);
    size_t count = batch * c->channels * c->side * c->side;
    float *x = malloc(count * sizeof *x);
    int32_t *labels = malloc(batch * sizeof *labels);
    if (model == NULL || trainer == NULL || x == NULL || labels == NULL) return 1;
    for (size_t i = 0; i < count; i++) x[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    for (size_t i = 0; i < batch; i++) labels[i] = (int32_t)((size_t)rand() % c->n_classes);
    for (size_t i = 0; i < MOST_TASKS; i++) task_times[i] = -1;
    int code = 0;
    for (size_t step = 0; step < bench_most(MOST_STEPS, 1); step++) {
        n_parts = n_times = 0;
        is_recording = true;
        last = cen__os_seconds();
        if (cen_trainer_backward(trainer, x, labels, batch, &losses, &error) != CEN_OK) code = 1;
        cen_trainer_update(trainer);
        end_serial();
        is_recording = false;
    }
    free(x);
    free(labels);
    cen_trainer_free(trainer);
    cen_model_free(model);
    return code;
}

/* The parts that take the most of what is left. */
static void print_parts(int n_cores)
{
    double whole = length_of_all(n_cores);
    static bool is_shown[MOST_PARTS];
    memset(is_shown, 0, sizeof is_shown);
    for (int shown = 0; shown < SHOWN; shown++) {
        size_t best = 0;
        for (size_t i = 1; i < n_parts; i++) {
            bool is_longer = length_of(&parts[i], n_cores) > length_of(&parts[best], n_cores);
            if (!is_shown[i] && (is_shown[best] || is_longer)) best = i;
        }
        if (is_shown[best]) return;
        is_shown[best] = true;
        const part *p = &parts[best];
        printf("    %4.1f %%  part %zu of %zu, in %s: ", 100 * length_of(p, n_cores) / whole,
               best + 1, n_parts, p->within);
        if (p->is_serial) printf("serial\n");
        if (!p->is_serial) printf("%zu tasks\n", p->n_tasks);
    }
}

static int reckon(const bench_case *c, size_t batch)
{
    static const int cores[] = {4, 16, 64};
    double one = 0, serial = 0;
    if (record(c, batch, 1) != 0) return 1;
    one = length_of_all(1);
    printf("%s, batch %zu: %.2f ms on one core;", c->name, batch, 1e3 * one);
    for (size_t i = 0; i < 3; i++) {
        if (record(c, batch, cores[i]) != 0) return 1;
        printf(" %d cores %.1fx%s", cores[i], one / length_of_all(cores[i]), i < 2 ? "," : "");
    }
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].is_serial) serial += length_of(&parts[i], 1);
    }
    printf("; serial %.2f %% of one core\n", 100 * serial / one);
    print_parts(64);
    return 0;
}

int bench_scaling(int argc, char **argv)
{
    int code = 0;
    for (size_t i = 0; i < bench_n_cases && code == 0; i++) {
        const bench_case *c = &bench_cases[i];
        if (argc > 1 && strcmp(argv[1], c->name) != 0) continue;
        code = reckon(c, argc > 2 ? (size_t)atoi(argv[2]) : c->batch);
    }
    return code;
}

#else

int bench_scaling(int argc, char **argv)
{
    (void)argc, (void)argv;
    fprintf(stderr, "bench scaling needs a linker with --wrap\n");
    return 2;
}

#endif
