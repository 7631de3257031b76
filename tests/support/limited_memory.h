/* The library's memory with a limit on the number of allocations, so that a test can fail each in
 * turn. Include it once in a program: it takes the place of src/base/memory.c. */
#ifndef TESTS_LIMITED_MEMORY_H
#define TESTS_LIMITED_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "support/context.h"

static size_t allocations_left = SIZE_MAX;

/* Threads may ask at once, but only while there is no limit. */
static bool may_allocate(void)
{
    if (__atomic_load_n(&allocations_left, __ATOMIC_RELAXED) == SIZE_MAX) return true;
    if (allocations_left == 0) return false;
    allocations_left--;
    return true;
}

static void *limited_malloc(size_t size)
{
    return may_allocate() ? malloc(size) : NULL;
}

static void *limited_calloc(size_t count, size_t size)
{
    return may_allocate() ? calloc(count, size) : NULL;
}

#define malloc limited_malloc
#define calloc limited_calloc
#include "base/memory.c"
#undef malloc
#undef calloc

/* Calls run(user) with 0, 1, 2, ... allocations allowed, until it needs no more than it has: run
 * returns true where it succeeded, and asserts itself that a failure was the right one. Returns how
 * many it needs. */
static size_t fail_each_allocation(int (*run)(void *user), void *user)
{
    size_t n = 0;
    (void)threads(1); /* is there before allocations fail */
    for (int done = 0; !done; n++) {
        allocations_left = n;
        done = run(user);
    }
    allocations_left = SIZE_MAX;
    return n - 1;
}

#endif
