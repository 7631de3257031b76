/* Golden values are kept as little-endian machines hold them. Include after cmocka.h. */
#ifndef TESTS_LITTLE_ENDIAN_H
#define TESTS_LITTLE_ENDIAN_H

#include <stdint.h>
#include <stdio.h>

/* Reads n numbers of size bytes each. */
static inline void read_little_endian(void *numbers, size_t size, size_t n, FILE *file)
{
    const uint16_t one = 1;
    unsigned char *bytes = numbers;
    assert_int_equal(fread(bytes, size, n, file), n);
    if (*(const unsigned char *)&one == 1) return;
    for (; n > 0; n--, bytes += size) {
        for (size_t i = 0; i < size / 2; i++) {
            const unsigned char byte = bytes[i];
            bytes[i] = bytes[size - 1 - i];
            bytes[size - 1 - i] = byte;
        }
    }
}

#endif
