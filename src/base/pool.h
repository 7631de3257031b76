/* Threads that share the tasks of their caller. A task writes only what belongs to it, so the result is the
 * same bits at any number of threads; sums over tasks are added by the caller, in index order. */
#ifndef CEN_BASE_POOL_H
#define CEN_BASE_POOL_H

#include <stddef.h>

#include <centerloss.h>

typedef struct cen__pool cen__pool;

/* worker is 0 .. n_threads - 1 and names a scratch area that no other running task of this call uses. */
typedef void cen__task(void *data, size_t task, int worker);

/* A pool of n_threads (at least 1) with the caller; they are started when there is work for them. More than the
 * processors sleep at once when they wait. NULL if no memory is left. */
cen__pool *cen__pool_create(cen_context *context, int n_threads, int n_processors);
void cen__pool_free(cen__pool *pool);

/* Runs tasks 0 .. n_tasks - 1, in any order; they are handed out one by one, so that a thread that a busy
 * neighbour delays takes fewer. The caller runs all of them itself if pool is NULL or busy (a task of its
 * own calls, or another thread), and takes the share of threads that the system refuses. After a fork the
 * child starts its own. */
void cen__pool_run(cen__pool *pool, size_t n_tasks, cen__task *run, void *data);

#endif
