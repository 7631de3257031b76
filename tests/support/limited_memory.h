/* The library's memory with a limit on the number of allocations, so that a test can fail each in
 * turn. Include it once in a program: it takes the place of src/base/memory.c. */
#ifndef TESTS_LIMITED_MEMORY_H
#define TESTS_LIMITED_MEMORY_H

#include <stdint.h>
#include <stdlib.h>

static size_t allocations_left = SIZE_MAX;

static void *limited_malloc(size_t size)
{
    if (allocations_left == 0) return NULL;
    allocations_left--;
    return malloc(size);
}

static void *limited_calloc(size_t count, size_t size)
{
    if (allocations_left == 0) return NULL;
    allocations_left--;
    return calloc(count, size);
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
    for (int done = 0; !done; n++) {
        allocations_left = n;
        done = run(user);
    }
    allocations_left = SIZE_MAX;
    return n - 1;
}

#endif
