/* The library's memory with a count of what is held, so that a test can see the most that a call
 * took. Include it once in a program: it takes the place of src/base/memory.c. One thread only. */
#ifndef TESTS_MEASURED_MEMORY_H
#define TESTS_MEASURED_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MEASURED_PREFIX = 64 }; /* holds the size, and keeps what follows aligned */

static size_t memory_held, memory_most;

static void *measured_malloc(size_t size)
{
    uint8_t *block = malloc(MEASURED_PREFIX + size);
    if (block == NULL) return NULL;
    memcpy(block, &size, sizeof size);
    memory_held += size;
    if (memory_held > memory_most) memory_most = memory_held;
    return block + MEASURED_PREFIX;
}

static void *measured_calloc(size_t count, size_t size)
{
    void *bytes = measured_malloc(count * size);
    return bytes == NULL ? NULL : memset(bytes, 0, count * size);
}

static void measured_free(void *bytes)
{
    size_t size;
    if (bytes == NULL) return;
    memcpy(&size, (uint8_t *)bytes - MEASURED_PREFIX, sizeof size);
    memory_held -= size;
    free((uint8_t *)bytes - MEASURED_PREFIX);
}

#define malloc measured_malloc
#define calloc measured_calloc
#define free measured_free
#include "base/memory.c"
#undef malloc
#undef calloc
#undef free

#endif
