/* The things that objects of one context share. */
#ifndef CEN_BASE_CONTEXT_H
#define CEN_BASE_CONTEXT_H

#include <centerloss.h>

#include "base/instructions.h"
#include "base/pool.h"

struct cen_context {
    int n_threads;
    cen__instruction_set instructions;
    void *(*allocate)(void *user, size_t size); /* NULL: malloc and free */
    void (*release)(void *user, void *block);
    void *allocator_user;
    cen__pool *pool;
};

/* Returns `given`, and sets *own to NULL. If `given` is NULL, returns a new context, also in *own, which is freed
 * together with its object. NULL: no memory is left. */
cen_context *cen__context_use(cen_context *given, cen_context **own);

/* The instruction set of a context; NULL: that of a context made now. */
cen__instruction_set cen__context_instructions(const cen_context *context);

/* The work of a task that reads files or waits. */
#define CEN__MUCH_WORK 1e30

/* cen__pool_run with the threads of the context. The caller does the work itself if the context is NULL or the work
 * is small. work: about how many multiply-adds, or numbers moved, all tasks take together. */
void cen__parallel(cen_context *context, size_t n_tasks, double work, cen__task *run, void *data);

#endif
