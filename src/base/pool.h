/* Threads that share the tasks of their caller. A task writes only its own memory, and the caller adds sums over tasks
 * in the order of their index. So the result has the same bits at any number of threads. */
#ifndef CEN_BASE_POOL_H
#define CEN_BASE_POOL_H

#include <stddef.h>

#include <centerloss.h>

typedef struct cen__pool cen__pool;

/* worker is 0 .. n_threads - 1 and names a scratch area that no other running task of this call uses. */
typedef void cen__task(void *data, size_t task, int worker);

/* A pool of n_threads (at least 1), which counts the caller. They start when there is work for them. If there are more
 * threads than processors, they sleep immediately when they wait. NULL if no memory is left. */
cen__pool *cen__pool_create(cen_context *context, int n_threads, int n_processors);
void cen__pool_free(cen__pool *pool);

/* Runs tasks 0 .. n_tasks - 1, in any order. They are handed out one by one, so a thread that other work delays takes
 * fewer. The caller runs all of them itself if pool is NULL or busy (called from one of its own tasks, or from another
 * thread), and does the work of threads that the system refuses. After a fork the child starts its own threads. */
void cen__pool_run(cen__pool *pool, size_t n_tasks, cen__task *run, void *data);

#endif
