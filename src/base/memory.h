/* The only place that calls malloc and free, for a context without an allocator of its own. A block remembers what
 * frees it. context may be NULL: malloc. */
#ifndef CEN_BASE_MEMORY_H
#define CEN_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include <centerloss.h>

/* count items of size bytes, 64-byte aligned, not initialised. NULL if count * size overflows or no memory is left.
 * Zero items give a pointer that may be freed and not read. */
void *cen__alloc(const cen_context *context, size_t count, size_t size);

/* The same, all bytes zero. */
void *cen__alloc_zeroed(const cen_context *context, size_t count, size_t size);

/* NULL is fine. Only for pointers from this header, and before its context is freed. */
void cen__free(void *pointer);

/* Makes room for `needed` items in the array at *items (a pointer to it), and at least doubles its capacity.
 * On failure returns false and leaves the array as it was. */
bool cen__grow(const cen_context *context, void *items, size_t *capacity, size_t needed,
               size_t size);

/* A copy of a string; NULL if no memory is left. */
char *cen__duplicate(const cen_context *context, const char *string);

/* Sets *product to a * b; false if it overflows. */
bool cen__multiply(size_t a, size_t b, size_t *product);

#endif
