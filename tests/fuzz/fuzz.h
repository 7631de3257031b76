/* What the harnesses share. Each is one file with LLVMFuzzerTestOneInput, the entry that libFuzzer and
 * AFL++ know; replay_main.c gives it a main() that needs neither. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <centerloss.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* What must hold for every input. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) fuzz_fail(#condition, __FILE__, __LINE__);                               \
    } while (0)
void fuzz_fail(const char *condition, const char *file, int line);

/* Since the last call, or fuzz_memory_begin, the library took at most so many bytes at once beyond what
 * it held then. */
void fuzz_memory_begin(void);
void fuzz_memory_most(size_t most);

/* It holds no more than it did at fuzz_memory_begin. */
void fuzz_memory_end(void);

/* A failure has its sentence, and the status that was returned; a success has none to check. */
void fuzz_check_error(cen_status status, const cen_error *error);

/* Writes a file of this name in the current folder, in place of the one before. */
void fuzz_write(const char *name, const void *bytes, size_t size);

/* Whether two files hold the same bytes. */
bool fuzz_same_files(const char *one, const char *other);

/* True in replay_main.c, which can take its time. */
extern bool fuzz_is_replay;

/* Decodes bytes in every way that must agree: twice, at a reduced size, the header alone. */
void fuzz_image(const uint8_t *bytes, size_t size);

#endif
