/* All that knows of threads. A task writes only what belongs to it, so the result is the same bits
 * at any number of threads; sums over tasks are added by the caller, in index order. */
#ifndef CEN_BASE_PARALLEL_H
#define CEN_BASE_PARALLEL_H

#include <stddef.h>

/* worker is 0 .. n_threads - 1 and names a scratch area that no other running task uses. */
typedef void cen__task(void *context, size_t task, int worker);

/* Runs tasks 0 .. n_tasks - 1, in any order, on up to n_threads threads (at least 1). Without
 * OpenMP a plain loop with worker 0. */
void cen__parallel(int n_threads, size_t n_tasks, cen__task *run, void *context);

/* n_threads as asked for, or one a processor where it is 0; 1 without OpenMP. */
int cen__thread_count(int n_threads);

#endif
