/* The system's calls with one that fails: the n-th allocation, read, write, sync, rename, ... of all that
 * the library and the tools make. The linker puts these in the place of the real ones (--wrap, see
 * tests/CMakeLists.txt). Streams are real stdio on top of descriptors that fail, so an error surfaces where
 * it does on a full disk: in fflush or fclose, after half of the bytes. */
#ifndef TESTS_FAILING_SYSTEM_H
#define TESTS_FAILING_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum operation {
    ALLOCATE,
    OPEN, /* for reading, of a file or a folder */
    READ, /* or seeking */
    LIST,
    CREATE,
    WRITE,
    CLOSE, /* of what was written */
    SYNC,
    RENAME,
    MAKE_FOLDER,
    LOCK,
    SET_MODE,
    REMOVE,
    N_OPERATIONS
} operation;

extern const char *const operation_names[N_OPERATIONS];

/* One content that a file has had, or that it came to in one step. */
typedef struct version {
    uint64_t path, content;
} version;

enum { MOST_VERSIONS = 4096, MOST_POINTS = 1 << 16 };

/* In memory that a process shares with its children. */
typedef struct failing_system {
    /* set by the test */
    bool is_armed;
    size_t fail_at;     /* 1: the first */
    bool goes_on;       /* all later ones of its family fail too: memory, reading, or writing */
    bool records;       /* each file that a rename puts in place is noted in versions */
    bool has_allocator; /* memory is failing_allocate's: malloc's is none of the operations */
    /* told to it */
    size_t counts[N_OPERATIONS];
    size_t n_bytes_read;
    unsigned char points[MOST_POINTS]; /* each operation since the arming */
    bool has_failed;
    operation failed;
    long n_blocks, n_handles; /* allocated and not freed, opened and not closed */
    size_t n_past;            /* taken while armed from malloc, past the allocator */
    version versions[MOST_VERSIONS];
    size_t n_versions;
} failing_system;

extern failing_system *failing;

/* Before anything else. Goes to a new folder, in memory where there is a file system for that: thousands of
 * renames on a disk take their time. */
void failing_begin(void);

/* Removes the folder, which must be empty. */
void failing_end(void);

/* From here on operation number fail_at (0: none) of the process fails. */
void failing_arm(size_t fail_at, bool goes_on);
void failing_disarm(void);

/* An allocator for cen_context_options. Ends the program if a block is not its own, or written beyond. */
void *failing_allocate(void *user, size_t size);
void failing_release(void *user, void *block);

/* All operations since the arming. */
size_t failing_count(void);

/* Of paths and of contents (FNV-1a). */
uint64_t hash_bytes(const void *bytes, size_t size);

#endif
