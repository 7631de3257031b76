/* Puts the directory of a small TIFF together, lowest bytes first. */
#ifndef TESTS_SUPPORT_TIFF_ENTRIES_H
#define TESTS_SUPPORT_TIFF_ENTRIES_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint16_t tag, type;
    uint32_t count, value; /* value: or where the values are */
} tiff_entry;

enum { TIFF_BYTE = 1, TIFF_SHORT = 3, TIFF_LONG = 4, TIFF_HEADER = 8 };

static inline void tiff_put(uint8_t *at, uint32_t value, size_t size)
{
    for (size_t i = 0; i < size; i++) at[i] = (uint8_t)(value >> 8 * i);
}

static inline void tiff_header(uint8_t *bytes, uint32_t directory_at)
{
    tiff_put(bytes, 'I' | 'I' << 8 | '*' << 16, 4);
    tiff_put(bytes + 4, directory_at, 4);
}

/* n entries, 2 + 12 * n + 4 bytes. */
static inline void tiff_directory(uint8_t *at, const tiff_entry *entries, size_t n)
{
    tiff_put(at, (uint32_t)n, 2);
    at += 2;
    for (size_t i = 0; i < n; i++, at += 12) {
        tiff_put(at, entries[i].tag, 2);
        tiff_put(at + 2, entries[i].type, 2);
        tiff_put(at + 4, entries[i].count, 4);
        tiff_put(at + 8, entries[i].value, 4);
    }
    tiff_put(at, 0, 4);
}

#endif
