/* One benchmark a file; each gets the arguments behind its name and returns an exit code. */
#ifndef CEN_BENCH_H
#define CEN_BENCH_H

#include <centerloss.h>

#include <stdbool.h>
#include <stddef.h>

/* Nets that are trained here. */
typedef struct bench_case {
    const char *name, *net;
    size_t channels, side, batch, n_classes;
    size_t n_sampled; /* classes of a step; 0: all */
} bench_case;

extern const bench_case bench_cases[];
extern const size_t bench_n_cases;

/* *trainer is NULL if one cannot be made, which is printed. */
void bench_model(const bench_case *c, size_t batch, int n_threads, cen_model **model,
                 cen_trainer **trainer);

/* NULL if there is none of this name. */
const bench_case *bench_find(const char *name);

/* Medians of the milliseconds of a training step and of a batch of features, over so many seconds each; 0, or 1 if
 * a model cannot be made, which is printed. n_parameters, of body and head, may be NULL. */
int bench_time(const bench_case *c, size_t batch, int n_threads, double seconds, double medians[2],
               size_t *n_parameters);

int bench_ask(int argc, char **argv);
int bench_conv(int argc, char **argv);
int bench_decode(int argc, char **argv);
int bench_gallery(int argc, char **argv);
int bench_gemm(int argc, char **argv);
int bench_knn(int argc, char **argv);
int bench_layers(int argc, char **argv);
int bench_limits(int argc, char **argv);
int bench_load(int argc, char **argv);
int bench_scaling(int argc, char **argv);
int bench_steps(int argc, char **argv);

/* `bench blink NAME ...`: of so many turns, images or rows only the least, to show that all still runs. */
extern bool bench_blinks;

static inline size_t bench_most(size_t n, size_t least)
{
    return bench_blinks && n > least ? least : n;
}

/* Sorts times[n]. */
double bench_median(double *times, size_t n);

/* Floating-point operations a second of multiply-adds in registers, by the instruction set in use. */
double bench_peak(void);

/* Bytes a second of a loop that reads and writes n numbers. */
double bench_bandwidth(const float *from, float *to, size_t n);

#endif
