/* The bytes of a file. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_BYTES_H
#define TESTS_SUPPORT_BYTES_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* *n: how many. To be freed. */
static inline unsigned char *bytes_of(const char *path, size_t *n)
{
    enum { MOST = 1 << 20 };
    unsigned char *bytes = malloc(MOST);
    FILE *file = fopen(path, "rb");
    assert_non_null(bytes);
    if (file == NULL) fail_msg("%s cannot be read", path);
    *n = fread(bytes, 1, MOST, file);
    fclose(file);
    assert_true(*n < MOST);
    return bytes;
}

static inline void assert_same_files(const char *a, const char *b)
{
    size_t n_a, n_b;
    unsigned char *of_a = bytes_of(a, &n_a), *of_b = bytes_of(b, &n_b);
    if (n_a != n_b || memcmp(of_a, of_b, n_a) != 0) fail_msg("%s and %s differ", a, b);
    free(of_a);
    free(of_b);
}

#endif
