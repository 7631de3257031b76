/* One benchmark a file; each gets the arguments behind its name and returns an exit code. */
#ifndef CEN_BENCH_H
#define CEN_BENCH_H

#include <stddef.h>

int bench_conv(int argc, char **argv);
int bench_decode(int argc, char **argv);
int bench_gemm(int argc, char **argv);
int bench_knn(int argc, char **argv);
int bench_layers(int argc, char **argv);
int bench_load(int argc, char **argv);
int bench_steps(int argc, char **argv);

/* Sorts times[n]. */
double bench_median(double *times, size_t n);

/* Floating-point operations a second of multiply-adds in registers, by the instruction set in use. */
double bench_peak(void);

#endif
