#include "base/memory.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/os.h"

enum { ALIGNMENT = 64 };

/* For blocks of so many bytes larger pages are asked for; those of x86-64 have 2 MB. */
enum { LARGE = 1 << 22 };

/* Stored in front of each block. */
typedef struct {
    void *raw;                                /* the pointer from the allocator */
    void (*release)(void *user, void *block); /* NULL: free */
    void *user;
} block_header;

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

/* Marks the bytes that alignment leaves free on both sides of a block as out of bounds. free removes the marks;
 * with another allocator nothing is marked, since it could not reach its own memory. */
static void guard(const char *raw, const char *block, size_t total, size_t used)
{
#if defined(CEN__ADDRESS_SANITIZER)
    __asan_poison_memory_region(raw, (size_t)(block - raw) - sizeof(block_header));
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

static void *align(block_header from, size_t total, size_t used)
{
    if (from.raw == NULL) return NULL;
    uintptr_t start = (uintptr_t)from.raw + sizeof from;
    size_t padding = (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
    char *block = (char *)from.raw + sizeof from + padding;
    memcpy(block - sizeof from, &from, sizeof from);
    if (from.release == NULL) guard(from.raw, block, total, used);
    return block;
}

static bool block_size(size_t count, size_t size, size_t *total, size_t *used)
{
    if (!cen__multiply(count, size, used)) return false;
    if (*used > PTRDIFF_MAX - ALIGNMENT - sizeof(block_header)) return false;
    *total = *used + ALIGNMENT + sizeof(block_header);
    return true;
}

/* Keeps errno: the first malloc of a thread counts the processors, and sets errno if /sys is not mounted. Clang
 * assumes that malloc does not change errno, and would drop a plain assignment. */
static void *allocate(const cen_context *context, size_t count, size_t size, bool zeroed)
{
    const bool is_own = context != NULL && context->allocate != NULL;
    size_t total, used;
    const int kept = errno;
    if (!block_size(count, size, &total, &used)) return NULL;
    block_header from = {0};
    if (!is_own) {
        from.raw = zeroed ? calloc(total, 1) : malloc(total);
        if (from.raw != NULL && total >= LARGE) cen__os_enlarge_pages(from.raw, total);
    } else {
        from = (block_header){context->allocate(context->allocator_user, total), context->release,
                              context->allocator_user};
        if (from.raw != NULL && zeroed) memset(from.raw, 0, total);
    }
    if (from.raw != NULL) *(volatile int *)&errno = kept;
    return align(from, total, used);
}

void *cen__alloc(const cen_context *context, size_t count, size_t size)
{
    return allocate(context, count, size, false);
}

void *cen__alloc_zeroed(const cen_context *context, size_t count, size_t size)
{
    return allocate(context, count, size, true);
}

void cen__free(void *pointer)
{
    if (pointer == NULL) return;
    block_header from;
    memcpy(&from, (char *)pointer - sizeof from, sizeof from);
    if (from.release == NULL) {
        free(from.raw);
    } else {
        from.release(from.user, from.raw);
    }
}

bool cen__grow(const cen_context *context, void *items, size_t *capacity, size_t needed,
               size_t size)
{
    if (needed <= *capacity) return true;
    size_t larger = *capacity < 8 ? 8 : *capacity;
    while (larger < needed) {
        if (larger > SIZE_MAX / 2) return false;
        larger *= 2;
    }
    void *block = cen__alloc(context, larger, size), *old;
    if (block == NULL) return false;
    memcpy(&old, items, sizeof old);
    if (*capacity > 0) memcpy(block, old, *capacity * size);
    cen__free(old);
    memcpy(items, &block, sizeof block);
    *capacity = larger;
    return true;
}

char *cen__duplicate(const cen_context *context, const char *string)
{
    size_t size = strlen(string) + 1;
    char *copy = cen__alloc(context, size, 1);
    if (copy != NULL) memcpy(copy, string, size);
    return copy;
}
