/* Contexts for tests: made when first asked for, kept until the program ends. */
#ifndef TESTS_SUPPORT_CONTEXT_H
#define TESTS_SUPPORT_CONTEXT_H

#include <centerloss.h>

#include <stdlib.h>

#include "kernels/dispatch.h"

enum { CONTEXTS_MOST = 64 };

typedef struct {
    int n_threads;
    cen__instruction_set set;
    cen_context *context;
} kept_context;

static kept_context contexts[CONTEXTS_MOST];

static void free_contexts(void)
{
    for (size_t i = 0; i < CONTEXTS_MOST; i++) {
        cen_context_free(contexts[i].context);
        contexts[i].context = NULL;
    }
}

/* With so many threads, and the instruction set that the environment names now. */
static inline cen_context *threads(int n_threads)
{
    const cen__instruction_set set = cen__instructions_used();
    size_t i = 0;
    for (; i < CONTEXTS_MOST - 1 && contexts[i].context != NULL; i++) {
        if (contexts[i].n_threads == n_threads && contexts[i].set == set)
            return contexts[i].context;
    }
    cen_context_options options = cen_context_options_init();
    options.n_threads = n_threads;
    contexts[i] = (kept_context){.n_threads = n_threads, .set = set};
    if (i == 0) (void)atexit(free_contexts);
    if (cen_context_create(&contexts[i].context, &options, NULL) != CEN_OK) abort();
    return contexts[i].context;
}

/* The kernels that a context made now has. */
static inline const cen__kernels *kernels_now(void)
{
    return cen__kernels_of(cen__instructions_used());
}

static inline const char *instructions_now(void)
{
    return cen__instructions_name(cen__instructions_used());
}

#endif
