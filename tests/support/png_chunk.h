/* A chunk of a PNG. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_PNG_CHUNK_H
#define TESTS_SUPPORT_PNG_CHUNK_H

#include <stdio.h>
#include <string.h>

#include "image/inflate.h"

static inline void put32(uint8_t *at, size_t n)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(n >> (24 - 8 * i));
}

static inline void put_chunk(FILE *file, const char *name, const uint8_t *data, size_t size)
{
    uint8_t head[8], tail[4];
    put32(head, size);
    memcpy(head + 4, name, 4);
    put32(tail, cen__crc32(cen__crc32(0, head + 4, 4), data, size));
    assert_int_equal(fwrite(head, 1, 8, file), 8);
    if (size > 0) assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fwrite(tail, 1, 4, file), 4);
}

#endif
