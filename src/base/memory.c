#include "base/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

#if defined(__SANITIZE_ADDRESS__)
#define CEN__ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CEN__ADDRESS_SANITIZER 1
#endif
#endif

#if defined(CEN__ADDRESS_SANITIZER)
void __asan_poison_memory_region(const volatile void *begin, size_t size);
#endif

/* What alignment leaves free on both sides of a block is out of its bounds too. */
static void guard(const char *raw, const char *block, size_t total, size_t used)
{
#if defined(CEN__ADDRESS_SANITIZER)
    __asan_poison_memory_region(raw, (size_t)(block - raw) - sizeof raw);
    __asan_poison_memory_region(block + used, total - used - (size_t)(block - raw));
#else
    (void)raw, (void)block, (void)total, (void)used;
#endif
}

bool cen__multiply(size_t a, size_t b, size_t *product)
{
    if (b != 0 && a > SIZE_MAX / b) return false;
    *product = a * b;
    return true;
}

/* The pointer that malloc gave stands just before the aligned block. */
static void *align(void *raw, size_t total, size_t used)
{
    if (raw == NULL) return NULL;
    uintptr_t start = (uintptr_t)raw + sizeof(void *);
    size_t padding = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
    char *block = (char *)raw + sizeof(void *) + padding;
    memcpy(block - sizeof(void *), &raw, sizeof raw);
    guard(raw, block, total, used);
    return block;
}

static bool block_size(size_t count, size_t size, size_t *total, size_t *used)
{
    if (!cen__multiply(count, size, used)) return false;
    if (*used > PTRDIFF_MAX - ALIGNMENT - sizeof(void *)) return false;
    *total = *used + ALIGNMENT + sizeof(void *);
    return true;
}

/* errno stays: a thread's first malloc counts the processors, and sets it if /sys is not mounted. Clang takes malloc
 * for a function that leaves errno alone, and would drop a plain assignment. */
static void *allocate(size_t count, size_t size, bool zeroed)
{
    size_t total, used;
    const int kept = errno;
    if (!block_size(count, size, &total, &used)) return NULL;
    void *raw = zeroed ? calloc(total, 1) : malloc(total);
    if (raw != NULL) *(volatile int *)&errno = kept;
    return align(raw, total, used);
}

void *cen__alloc(size_t count, size_t size)
{
    return allocate(count, size, false);
}

void *cen__alloc_zeroed(size_t count, size_t size)
{
    return allocate(count, size, true);
}

void cen__free(void *pointer)
{
    if (pointer == NULL) return;
    void *raw;
    memcpy(&raw, (char *)pointer - sizeof(void *), sizeof raw);
    free(raw);
}

bool cen__grow(void *items, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity) return true;
    size_t larger = *capacity < 8 ? 8 : *capacity;
    while (larger < needed) {
        if (larger > SIZE_MAX / 2) return false;
        larger *= 2;
    }
    void *block = cen__alloc(larger, size), *old;
    if (block == NULL) return false;
    memcpy(&old, items, sizeof old);
    if (*capacity > 0) memcpy(block, old, *capacity * size);
    cen__free(old);
    memcpy(items, &block, sizeof block);
    *capacity = larger;
    return true;
}

char *cen__duplicate(const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = cen__alloc(size, 1);
    if (copy != NULL) memcpy(copy, string, size);
    return copy;
}
