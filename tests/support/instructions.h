/* Which instruction set the kernels use. Include after cmocka.h, with _POSIX_C_SOURCE for setenv. */
#ifndef TESTS_INSTRUCTIONS_H
#define TESTS_INSTRUCTIONS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/instructions.h"
#include "support/context.h"

static const char *const sets[] = {"baseline", "fma", "avx2", "avx512"};
enum { N_SETS = sizeof sets / sizeof *sets };

/* That of the processor. */
static inline void use_best_set(void)
{
#if defined(_WIN32)
    assert_int_equal(_putenv("CEN_INSTRUCTIONS="), 0);
#else
    assert_int_equal(unsetenv("CEN_INSTRUCTIONS"), 0);
#endif
}

/* False where the processor has not this set. */
static inline bool use_set(const char *name)
{
#if defined(_WIN32)
    assert_int_equal(_putenv_s("CEN_INSTRUCTIONS", name), 0);
#else
    assert_int_equal(setenv("CEN_INSTRUCTIONS", name, 1), 0);
#endif
    return strcmp(instructions_now(), name) == 0;
}

#endif
