#define _GNU_SOURCE 1
#include "failing_system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const char *const operation_names[N_OPERATIONS] = {
    "allocate", "open",   "read",        "list", "create",   "write", "close",
    "sync",     "rename", "make folder", "lock", "set mode", "remove"};

static failing_system before_main;
failing_system *failing = &before_main;

/* Of each program its own, in memory if that may be written to. */
static char in_memory[] = "/dev/shm/cen-XXXXXX", on_disk[] = "/tmp/cen-XXXXXX", *workplace;

void failing_begin(void)
{
    workplace = mkdtemp(in_memory);
    if (workplace == NULL) workplace = mkdtemp(on_disk);
    if (workplace == NULL || chdir(workplace) != 0) abort();
    void *shared =
        mmap(NULL, sizeof *failing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) abort();
    failing = shared;
    *failing = before_main;
}

void failing_end(void)
{
    if (chdir("/") != 0 || rmdir(workplace) != 0) abort();
}

void failing_arm(size_t fail_at, bool goes_on)
{
    memset(failing->counts, 0, sizeof failing->counts);
    failing->n_bytes_read = failing->n_past = 0;
    failing->fail_at = fail_at;
    failing->goes_on = goes_on;
    failing->has_failed = false;
    failing->is_armed = true;
}

void failing_disarm(void)
{
    failing->is_armed = false;
}

size_t failing_count(void)
{
    size_t n = 0;
    for (size_t i = 0; i < N_OPERATIONS; i++) n += failing->counts[i];
    return n;
}

uint64_t hash_bytes(const void *bytes, size_t size)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ ((const unsigned char *)bytes)[i]) * 1099511628211u;
    }
    return hash;
}

static operation family_of(operation op)
{
    if (op == ALLOCATE || op == REMOVE) return op;
    return op <= LIST ? OPEN : WRITE;
}

/* True, with errno set, where this operation is to fail. */
static bool fails(operation op, int error)
{
    if (!failing->is_armed) return false;
    failing->counts[op]++;
    size_t n = failing_count();
    bool is_now = n == failing->fail_at;
    if (n <= MOST_POINTS) failing->points[n - 1] = (unsigned char)op;
    if (is_now) {
        failing->has_failed = true;
        failing->failed = op;
    }
    bool is_later =
        failing->has_failed && failing->goes_on && family_of(op) == family_of(failing->failed);
    if (!is_now && !is_later) return false;
    errno = error;
    return true;
}

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *block, size_t size);
void __wrap_free(void *block);

/* Whether an allocation by malloc is to fail. */
static bool fails_plainly(void)
{
    if (!failing->has_allocator) return fails(ALLOCATE, ENOMEM);
    failing->n_past += failing->is_armed;
    return false;
}

void *__wrap_malloc(size_t size)
{
    void *block = fails_plainly() ? NULL : __real_malloc(size);
    failing->n_blocks += block != NULL;
    if (failing->is_armed) errno = ENOENT; /* as where a thread's first one finds no /sys */
    return block;
}

void *__wrap_calloc(size_t count, size_t size)
{
    void *block = fails_plainly() ? NULL : __real_calloc(count, size);
    failing->n_blocks += block != NULL;
    return block;
}

void *__wrap_realloc(void *block, size_t size)
{
    void *moved = fails_plainly() ? NULL : __real_realloc(block, size);
    failing->n_blocks += block == NULL && moved != NULL;
    return moved;
}

void __wrap_free(void *block)
{
    failing->n_blocks -= block != NULL;
    __real_free(block);
}

enum { GUARD_SIZE = 16 };
static const char guard[GUARD_SIZE + 1] = "a guard of bytes";

void *failing_allocate(void *user, size_t size)
{
    if (user != failing || size > PTRDIFF_MAX - 3 * GUARD_SIZE) return NULL;
    char *raw = fails(ALLOCATE, ENOMEM) ? NULL : __real_malloc(size + 3 * GUARD_SIZE);
    if (raw == NULL) return NULL;
    memcpy(raw, &size, sizeof size);
    memcpy(raw + GUARD_SIZE, guard, GUARD_SIZE);
    memset(raw + 2 * GUARD_SIZE, 0xA5, size);
    memcpy(raw + 2 * GUARD_SIZE + size, guard, GUARD_SIZE);
    failing->n_blocks++;
    if (failing->is_armed) errno = ENOENT; /* as malloc does */
    return raw + 2 * GUARD_SIZE;
}

void failing_release(void *user, void *block)
{
    char *raw = (char *)block - 2 * GUARD_SIZE;
    size_t size;
    memcpy(&size, raw, sizeof size);
    const bool is_whole = memcmp(raw + GUARD_SIZE, guard, GUARD_SIZE) == 0 &&
                          memcmp(raw + 2 * GUARD_SIZE + size, guard, GUARD_SIZE) == 0;
    if (user != failing || !is_whole) abort();
    memset(raw, 0, size + 3 * GUARD_SIZE); /* is not released twice */
    failing->n_blocks--;
    __real_free(raw);
}

/* ---- streams ---- */

int __real_open(const char *path, int flags, ...);
int __real_close(int descriptor);
FILE *__real_fdopen(int descriptor, const char *mode);
int __real_fileno(FILE *file);
int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int descriptor);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fdopen(int descriptor, const char *mode);
int __wrap_fileno(FILE *file);

enum { MOST_STREAMS = 64 };

typedef struct stream {
    FILE *file; /* NULL: unused */
    int descriptor;
    bool is_written;
} stream;

static stream streams[MOST_STREAMS];

static ssize_t read_stream(void *cookie, char *bytes, size_t size)
{
    const stream *s = cookie;
    if (fails(READ, EIO)) return -1;
    const ssize_t n = read(s->descriptor, bytes, size);
    if (failing->is_armed && n > 0) failing->n_bytes_read += (size_t)n;
    return n;
}

static int seek_stream(void *cookie, off64_t *place, int from)
{
    const stream *s = cookie;
    if (fails(READ, EIO)) return -1;
    *place = lseek(s->descriptor, (off_t)*place, from);
    return *place < 0 ? -1 : 0;
}

/* A write that fails has written half. */
static ssize_t write_stream(void *cookie, const char *bytes, size_t size)
{
    const stream *s = cookie;
    bool cut = fails(WRITE, ENOSPC);
    size_t wanted = cut ? size / 2 : size, done = 0;
    while (done < wanted) {
        ssize_t n = write(s->descriptor, bytes + done, wanted - done);
        if (n <= 0) abort();
        done += (size_t)n;
    }
    if (cut) errno = ENOSPC;
    return cut ? 0 : (ssize_t)size;
}

static int close_stream(void *cookie)
{
    stream *s = cookie;
    bool is_bad = s->is_written && fails(CLOSE, ENOSPC);
    if (__real_close(s->descriptor) != 0) abort();
    failing->n_handles--;
    s->file = NULL;
    if (is_bad) errno = ENOSPC;
    return is_bad ? -1 : 0;
}

static FILE *open_stream(int descriptor, const char *mode)
{
    static const cookie_io_functions_t functions = {read_stream, write_stream, seek_stream,
                                                    close_stream};
    stream *s = streams;
    while (s < streams + MOST_STREAMS && s->file != NULL) s++;
    if (s == streams + MOST_STREAMS) abort();
    s->descriptor = descriptor;
    s->is_written = mode[0] != 'r';
    s->file = fopencookie(s, mode, functions);
    if (s->file == NULL) abort();
    return s->file;
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    int flags = mode[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT;
    if (mode[0] != 'r') flags |= mode[0] == 'a' ? O_APPEND : O_TRUNC;
    if (mode[0] == 'r' ? fails(OPEN, EIO) : fails(CREATE, ENOSPC)) return NULL;
    int descriptor = __real_open(path, flags, 0666);
    if (descriptor < 0) return NULL;
    failing->n_handles++;
    return open_stream(descriptor, mode);
}

FILE *__wrap_fdopen(int descriptor, const char *mode)
{
    if (strchr(mode, '+') != NULL) { /* the counters' own, of gcc's --coverage */
        failing->n_handles--;
        return __real_fdopen(descriptor, mode);
    }
    return fails(ALLOCATE, ENOMEM) ? NULL : open_stream(descriptor, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if ((flags & O_CREAT) != 0) {
        va_list more;
        va_start(more, flags);
        mode = (mode_t)va_arg(more, int);
        va_end(more);
    }
    if ((flags & O_CREAT) != 0 ? fails(CREATE, ENOSPC) : fails(OPEN, EIO)) return -1;
    int descriptor = __real_open(path, flags, mode);
    failing->n_handles += descriptor >= 0;
    return descriptor;
}

#ifdef __GLIBC__ /* whose names these are where offsets have 64 bits */
FILE *__wrap_fopen64(const char *path, const char *mode);
int __wrap_open64(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __wrap___open64_2(const char *path, int flags);
void *__real_readdir64(DIR *folder);
void *__wrap_readdir64(DIR *folder);

FILE *__wrap_fopen64(const char *path, const char *mode)
{
    return __wrap_fopen(path, mode);
}

int __wrap_open64(const char *path, int flags, ...)
{
    return __wrap_open(path, flags, 0666);
}

/* What clang makes of open without a mode where glibc checks calls. */
int __wrap___open_2(const char *path, int flags)
{
    return __wrap_open(path, flags);
}

int __wrap___open64_2(const char *path, int flags)
{
    return __wrap_open(path, flags);
}

void *__wrap_readdir64(DIR *folder)
{
    return fails(LIST, EIO) ? NULL : __real_readdir64(folder);
}
#endif

/* ---- parts of files ---- */

/* Each of a call's two names: as it is, and what glibc makes of it where offsets have 64 bits. */
#define PARTS(end, offset)                                                                         \
    ssize_t __real_pread##end(int descriptor, void *bytes, size_t size, offset place);             \
    ssize_t __wrap_pread##end(int descriptor, void *bytes, size_t size, offset place);             \
    void *__real_mmap##end(void *place, size_t size, int rights, int flags, int file, offset at);  \
    void *__wrap_mmap##end(void *place, size_t size, int rights, int flags, int file, offset at);  \
    int __real_ftruncate##end(int descriptor, offset size);                                        \
    int __wrap_ftruncate##end(int descriptor, offset size);                                        \
    ssize_t __wrap_pread##end(int descriptor, void *bytes, size_t size, offset place)              \
    {                                                                                              \
        if (fails(READ, EIO)) return -1;                                                           \
        const ssize_t n = __real_pread##end(descriptor, bytes, size, place);                       \
        if (failing->is_armed && n > 0) failing->n_bytes_read += (size_t)n;                        \
        return n;                                                                                  \
    }                                                                                              \
    void *__wrap_mmap##end(void *place, size_t size, int rights, int flags, int file, offset at)   \
    {                                                                                              \
        if (fails(ALLOCATE, ENOMEM)) return MAP_FAILED;                                            \
        return __real_mmap##end(place, size, rights, flags, file, at);                             \
    }                                                                                              \
    int __wrap_ftruncate##end(int descriptor, offset size)                                         \
    {                                                                                              \
        return fails(WRITE, EIO) ? -1 : __real_ftruncate##end(descriptor, size);                   \
    }

PARTS(, off_t)
#ifdef __GLIBC__
PARTS(64, off64_t)
#endif
#undef PARTS

int __wrap_close(int descriptor)
{
    failing->n_handles--;
    return __real_close(descriptor);
}

int __wrap_fileno(FILE *file)
{
    for (size_t i = 0; i < MOST_STREAMS; i++) {
        if (streams[i].file == file) return streams[i].descriptor;
    }
    return __real_fileno(file);
}

/* ---- names ---- */

int __real_rename(const char *from, const char *to);
int __real_remove(const char *path);
int __real_mkdir(const char *path, mode_t mode);
DIR *__real_opendir(const char *path);
struct dirent *__real_readdir(DIR *folder);
int __real_closedir(DIR *folder);
int __real_flock(int descriptor, int how);
int __real_fchmod(int descriptor, mode_t mode);
int __real_fcntl(int descriptor, int command, ...);
long __real_sysconf(int name);
int __wrap_flock(int descriptor, int how);
int __wrap_fchmod(int descriptor, mode_t mode);
int __wrap_fcntl(int descriptor, int command, ...);
long __wrap_sysconf(int name);
int __wrap_fsync(int descriptor);
int __wrap_rename(const char *from, const char *to);
int __wrap_remove(const char *path);
int __wrap_mkdir(const char *path, mode_t mode);
DIR *__wrap_opendir(const char *path);
char *__real_realpath(const char *path, char *real);
char *__wrap_realpath(const char *path, char *real);
struct dirent *__wrap_readdir(DIR *folder);
int __wrap_closedir(DIR *folder);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
time_t __wrap_time(time_t *now);

/* The power stays on here, so nothing need reach the disk. */
int __wrap_fsync(int descriptor)
{
    (void)descriptor;
    return fails(SYNC, EIO) ? -1 : 0;
}

int __wrap_flock(int descriptor, int how)
{
    return fails(LOCK, ENOLCK) ? -1 : __real_flock(descriptor, how);
}

int __wrap_fchmod(int descriptor, mode_t mode)
{
    return fails(SET_MODE, EIO) ? -1 : __real_fchmod(descriptor, mode);
}

/* Of all that fcntl does only a second descriptor is asked for. */
int __wrap_fcntl(int descriptor, int command, ...)
{
    va_list more;
    va_start(more, command);
    const int least = va_arg(more, int);
    va_end(more);
    if (command != F_DUPFD_CLOEXEC) abort();
    if (fails(CREATE, EMFILE)) return -1;
    int second = __real_fcntl(descriptor, command, least);
    failing->n_handles += second >= 0;
    return second;
}

#ifdef __GLIBC__
int __wrap_fcntl64(int descriptor, int command, ...);

int __wrap_fcntl64(int descriptor, int command, ...)
{
    va_list more;
    va_start(more, command);
    const int least = va_arg(more, int);
    va_end(more);
    return __wrap_fcntl(descriptor, command, least);
}
#endif

/* As where /sys and /proc are not mounted. */
long __wrap_sysconf(int name)
{
    errno = ENOENT;
    return __real_sysconf(name);
}

static void record_version(const char *path)
{
    static unsigned char bytes[1 << 22];
    int descriptor = __real_open(path, O_RDONLY);
    ssize_t n, size = 0;
    if (descriptor < 0 || failing->n_versions == MOST_VERSIONS) abort();
    while ((n = read(descriptor, bytes + size, sizeof bytes - (size_t)size)) > 0) size += n;
    if (n < 0 || (size_t)size == sizeof bytes) abort();
    (void)__real_close(descriptor);
    failing->versions[failing->n_versions++] =
        (version){hash_bytes(path, strlen(path)), hash_bytes(bytes, (size_t)size)};
}

int __wrap_rename(const char *from, const char *to)
{
    if (fails(RENAME, EIO)) return -1;
    int result = __real_rename(from, to);
    if (result == 0 && failing->records) record_version(to);
    return result;
}

int __wrap_remove(const char *path)
{
    return fails(REMOVE, EIO) ? -1 : __real_remove(path);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    return fails(MAKE_FOLDER, ENOSPC) ? -1 : __real_mkdir(path, mode);
}

DIR *__wrap_opendir(const char *path)
{
    if (fails(OPEN, EIO)) return NULL;
    DIR *folder = __real_opendir(path);
    failing->n_handles += folder != NULL;
    return folder;
}

/* The C library allocates what the caller frees. */
char *__wrap_realpath(const char *path, char *real)
{
    if (fails(OPEN, EIO)) return NULL;
    char *found = __real_realpath(path, real);
    failing->n_blocks += found != NULL;
    return found;
}

struct dirent *__wrap_readdir(DIR *folder)
{
    return fails(LIST, EIO) ? NULL : __real_readdir(folder);
}

int __wrap_closedir(DIR *folder)
{
    failing->n_handles--;
    return __real_closedir(folder);
}

/* A nanosecond passes from call to call, so that logs and pages are the same in each run. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    static long n_calls;
    (void)clock;
    *now = (struct timespec){0, ++n_calls};
    return 0;
}

/* Pages have the date. */
time_t __wrap_time(time_t *now)
{
    if (now != NULL) *now = 0;
    return 0;
}
