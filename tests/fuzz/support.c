#include "fuzz.h"

#include <string.h>

bool fuzz_is_replay;

void fuzz_fail(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, condition);
    abort();
}

/* ---- memory: takes the place of src/base/memory.c, and counts ---- */

enum { COUNT_SIZE = 16 }; /* before each block, which stays aligned */

static size_t held, peak, base, held_at_begin;

static void *counted(void *block, size_t size)
{
    if (block == NULL) return NULL;
    memcpy(block, &size, sizeof size);
    held += size;
    if (held > peak) peak = held;
    return (char *)block + COUNT_SIZE;
}

static void *counted_malloc(size_t size)
{
    return counted(malloc(size + COUNT_SIZE), size);
}

static void *counted_calloc(size_t count, size_t size)
{
    return counted(calloc(count * size + COUNT_SIZE, 1), count * size);
}

static void counted_free(void *pointer)
{
    char *block = (char *)pointer - COUNT_SIZE;
    size_t size;
    memcpy(&size, block, sizeof size);
    held -= size;
    free(block);
}

#define malloc counted_malloc
#define calloc counted_calloc
#define free counted_free
#include "base/memory.c"
#undef malloc
#undef calloc
#undef free

void fuzz_memory_begin(void)
{
    held_at_begin = base = peak = held;
}

void fuzz_memory_most(size_t most)
{
    if (peak - base > most) {
        fprintf(stderr, "%zu bytes were taken at once, the limit is %zu\n", peak - base, most);
    }
    FUZZ_CHECK(peak - base <= most);
    base = peak = held;
}

void fuzz_memory_end(void)
{
    FUZZ_CHECK(held == held_at_begin);
}

/* ---- errors and files ---- */

void fuzz_check_error(cen_status status, const cen_error *error)
{
    if (status == CEN_OK) return;
    FUZZ_CHECK(error->status == status);
    FUZZ_CHECK(strlen(error->message) > 10);
    FUZZ_CHECK(memchr(error->message, '\0', sizeof error->message) != NULL);
}

void fuzz_write(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(name, "wb");
    FUZZ_CHECK(file != NULL);
    FUZZ_CHECK(size == 0 || fwrite(bytes, 1, size, file) == size);
    FUZZ_CHECK(fclose(file) == 0);
}

bool fuzz_same_files(const char *one, const char *other)
{
    FILE *a = fopen(one, "rb"), *b = fopen(other, "rb");
    FUZZ_CHECK(a != NULL && b != NULL);
    int byte, same;
    do {
        byte = getc(a);
        same = getc(b);
    } while (byte == same && byte != EOF);
    fclose(a);
    fclose(b);
    return byte == same;
}
