#include <centerloss_eval.h>

#include "base/context.h"

#include <stdbool.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/thread.h"

enum { MOST_THREADS = 1024 };

/* Waking a thread costs about as long as this takes. */
static const double LEAST_WORK = 1 << 15;

cen_status cen_context_create(cen_context **context, const cen_context_options *options,
                              cen_error *error)
{
    cen_context_options o = cen_context_options_init();
    *context = NULL;
    cen_status status = cen__take_options(&o, options, error);
    if (status != CEN_OK) return status;
    if (o.n_threads < 0 || o.n_threads > MOST_THREADS) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "n_threads is %d; it must be 0 to %d",
                         o.n_threads, MOST_THREADS);
    }
    if ((o.allocate == NULL) != (o.release == NULL)) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "the options of a context have only one of allocate and release; set both or none");
    }
    const int n_processors = cen__processors(); /* which reads files */
    int n_threads = o.n_threads > 0 ? o.n_threads : n_processors;
    if (n_threads > MOST_THREADS) n_threads = MOST_THREADS;
    const cen_context plain = {.n_threads = n_threads,
                               .instructions = cen__instructions_used(),
                               .allocate = o.allocate,
                               .release = o.release,
                               .allocator_user = o.allocator_user};
    cen_context *made = cen__alloc(&plain, 1, sizeof *made);
    if (made == NULL) return cen__fail_memory(error, "a context");
    *made = plain;
    made->pool = cen__pool_create(made, n_threads, n_processors);
    if (made->pool == NULL) {
        cen__free(made);
        return cen__fail_memory(error, "a context");
    }
    *context = made;
    return CEN_OK;
}

void cen_context_free(cen_context *context)
{
    if (context == NULL) return;
    cen__pool_free(context->pool);
    cen__free(context);
}

cen_context *cen__context_use(cen_context *given, cen_context **own)
{
    *own = NULL;
    if (given == NULL) (void)cen_context_create(own, NULL, NULL);
    return given != NULL ? given : *own;
}

cen__instruction_set cen__context_instructions(const cen_context *context)
{
    return context != NULL ? context->instructions : cen__instructions_used();
}

int cen_context_threads(const cen_context *context)
{
    return context != NULL ? context->n_threads : 1;
}

void cen__parallel(cen_context *context, size_t n_tasks, double work, cen__task *run, void *data)
{
    const bool is_shared = context != NULL && work >= LEAST_WORK;
    cen__pool_run(is_shared ? context->pool : NULL, n_tasks, run, data);
}
