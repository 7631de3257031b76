#include "base/systems.h"

#if CEN__POSIX
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#define _FILE_OFFSET_BITS 64 /* files beyond 2 GB if a long has 32 bits */

#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"

/* stat that keeps errno: that nothing is there is an answer, not an error. */
static bool look(const char *path, struct stat *found)
{
    const int kept = errno;
    const bool is_there = stat(path, found) == 0;
    errno = kept;
    return is_there;
}

static cen__path_kind kind_of(const struct stat *found)
{
    if (S_ISDIR(found->st_mode)) return CEN__FOLDER;
    return S_ISREG(found->st_mode) ? CEN__FILE : CEN__OTHER;
}

cen__path_kind cen__os_kind(const char *path)
{
    uint64_t identity[2];
    return cen__os_identify(path, identity);
}

cen__path_kind cen__os_identify(const char *path, uint64_t identity[2])
{
    struct stat found;
    identity[0] = identity[1] = 0;
    if (!look(path, &found)) return CEN__NOTHING;
    identity[0] = (uint64_t)found.st_dev;
    identity[1] = (uint64_t)found.st_ino;
    return kind_of(&found);
}

uint64_t cen__os_path_size(const char *path)
{
    struct stat found;
    return look(path, &found) && S_ISREG(found.st_mode) && found.st_size > 0
               ? (uint64_t)found.st_size
               : 0;
}

bool cen__os_is_link(const char *path)
{
    const int kept = errno;
    struct stat found;
    const bool is_link = lstat(path, &found) == 0 && S_ISLNK(found.st_mode);
    errno = kept;
    return is_link;
}

cen_status cen__os_list(cen_context *context, const char *folder, cen__listing *listing,
                        cen_error *error)
{
    const int kept = errno;
    *listing = (cen__listing){NULL, 0};
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return cen__fail(error, CEN_ERROR_IO,
                         "%s: cannot read this folder: %s; make it readable, or name another",
                         folder, strerror(errno));
    }
    cen_status status = CEN_OK;
    size_t capacity = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(stream);
        if (entry == NULL) {
            if (errno != 0) {
                status = cen__fail(error, CEN_ERROR_IO, "%s: reading this folder failed: %s",
                                   folder, strerror(errno));
            }
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        char *name = NULL;
        if (cen__grow(context, &listing->names, &capacity, listing->n_names + 1, sizeof(char *))) {
            name = cen__duplicate(context, entry->d_name);
        }
        if (name == NULL) {
            status = cen__fail_memory(error, "the names in a folder");
            break;
        }
        listing->names[listing->n_names++] = name;
    }
    closedir(stream);
    if (status != CEN_OK) {
        cen__listing_free(listing);
        return status;
    }
    errno = kept;
    cen__listing_sort(listing);
    return CEN_OK;
}

/* Makes a folder and syncs its name in the one above it. partial is path up to `end`. */
static bool make_one(char *partial, char *end)
{
    const int kept = errno;
    if (mkdir(partial, 0777) != 0) {
        if (errno != EEXIST || cen__os_kind(partial) != CEN__FOLDER) return false;
        errno = kept;
        return true;
    }
    char *slash = end;
    while (slash > partial && slash[-1] != '/') slash--;
    if (slash == partial) return cen__os_sync_folder(".");
    const char first = *slash;
    *slash = '\0';
    const bool is_synced = cen__os_sync_folder(partial);
    *slash = first;
    return is_synced;
}

cen_status cen__os_make_folder(cen_context *context, const char *path, cen_error *error)
{
    char *partial = cen__duplicate(context, path);
    if (partial == NULL) return cen__fail_memory(error, "a path");
    cen_status status = CEN_OK;
    for (char *at = partial + 1; status == CEN_OK; at++) {
        if (*at != '/' && *at != '\0') continue;
        char ending = *at;
        *at = '\0';
        if (!make_one(partial, at)) {
            status = cen__fail(error, CEN_ERROR_IO,
                               "%s: cannot make the folder %s: %s; choose another place", path,
                               partial, strerror(errno));
        }
        *at = ending;
        if (ending == '\0') break;
    }
    cen__free(partial);
    return status;
}

/* ---- opening ----------------------------------------------------------------------------------- */

/* A stream of the descriptor, which is closed on failure; NULL with errno set. */
static FILE *stream_of(int descriptor, const char *mode)
{
    FILE *file = descriptor >= 0 ? fdopen(descriptor, mode) : NULL;
    if (file == NULL && descriptor >= 0) {
        int failure = errno;
        (void)close(descriptor);
        errno = failure;
    }
    return file;
}

FILE *cen__os_open_regular(const char *path, cen__path_kind *kind)
{
    *kind = CEN__NOTHING;
    struct stat found;
    int descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (descriptor < 0) {
        const int failure = errno;
        *kind = cen__os_kind(path);
        errno = failure;
        return NULL;
    }
    if (fstat(descriptor, &found) == 0) *kind = kind_of(&found);
    if (*kind == CEN__FILE) return stream_of(descriptor, "rb");
    (void)close(descriptor);
    errno = *kind == CEN__FOLDER ? EISDIR : EINVAL;
    return NULL;
}

/* The open descriptor that a path names, or -1. Opening such a name again would write at the beginning of a file that
 * others append to. */
static int named_descriptor(const char *path)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    if (strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0) return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0) return STDERR_FILENO;
    for (size_t i = 0; i < 2; i++) {
        const size_t size = strlen(folders[i]);
        if (strncmp(path, folders[i], size) != 0) continue;
        const size_t digits = strspn(path + size, "0123456789");
        if (digits > 0 && digits < 7 && path[size + digits] == '\0') return atoi(path + size);
    }
    return -1;
}

bool cen__os_is_stream(const char *path)
{
    return named_descriptor(path) >= 0 || cen__os_kind(path) == CEN__OTHER;
}

FILE *cen__os_open_stream(const char *path)
{
    int named = named_descriptor(path);
    return stream_of(named >= 0 ? fcntl(named, F_DUPFD_CLOEXEC, 3)
                                : open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC),
                     "wb");
}

bool cen__os_may_write(const char *path)
{
    int named = named_descriptor(path);
    if (named < 0) return access(path, W_OK) == 0;
    int flags = fcntl(named, F_GETFL);
    if (flags >= 0 && (flags & O_ACCMODE) == O_RDONLY) errno = EBADF;
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* ---- new files --------------------------------------------------------------------------------- */

/* The target of a link at path: relative to the folder of path, unless it begins at the root. The caller frees it
 * with cen__free. */
static char *beside(cen_context *context, const char *path, const char *link)
{
    const char *slash = strrchr(path, '/');
    size_t folder_size = link[0] == '/' || slash == NULL ? 0 : (size_t)(slash - path) + 1;
    size_t size = strlen(link) + 1;
    char *joined = cen__alloc(context, folder_size + size, 1);
    if (joined == NULL) {
        errno = ENOMEM;
        return NULL;
    }
    memcpy(joined, path, folder_size);
    memcpy(joined + folder_size, link, size);
    return joined;
}

char *cen__os_follow(cen_context *context, const char *path)
{
    enum { MOST_LINKS = 40, LINK_SIZE = 4096 };
    const int kept = errno;
    char link[LINK_SIZE], *at = cen__duplicate(context, path);
    for (int i = 0; i < MOST_LINKS && at != NULL; i++) {
        ssize_t size = readlink(at, link, sizeof link);
        if (size < 0 || size == LINK_SIZE) {
            errno = kept;
            return at;
        }
        link[size] = '\0';
        char *next = beside(context, at, link);
        cen__free(at);
        at = next;
    }
    errno = at == NULL ? ENOMEM : ELOOP;
    cen__free(at);
    return NULL;
}

/* A signal does not end the waiting. */
static bool hold(int descriptor, int how)
{
    while (flock(descriptor, how) != 0) {
        if (errno != EINTR) return false;
    }
    return true;
}

/* True if the descriptor's file still has the name path: its last holder may have removed it. */
static bool is_still_there(int descriptor, const char *path)
{
    struct stat ours, named;
    return fstat(descriptor, &ours) == 0 && look(path, &named) && ours.st_dev == named.st_dev &&
           ours.st_ino == named.st_ino;
}

intptr_t cen__os_lock(const char *path, bool waits)
{
    const int kept = errno;
    for (;;) {
        struct stat found;
        int descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
        if (descriptor < 0) return -1;
        bool is_file = fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
        if (!is_file) errno = EEXIST;
        bool is_held = is_file && hold(descriptor, waits ? LOCK_EX : LOCK_EX | LOCK_NB);
        if (is_held && is_still_there(descriptor, path)) {
            errno = kept;
            return descriptor;
        }
        int failure = errno;
        (void)close(descriptor);
        errno = failure;
        if (!is_held) return -1;
    }
}

void cen__os_unlock(intptr_t lock, const char *path)
{
    const int kept = errno;
    if (lock < 0) return;
    if (path != NULL) (void)remove(path);
    (void)close((int)lock);
    errno = kept;
}

/* Sets owner and mode of another file. If its group cannot be kept, our group gets the rights of all others. */
static bool set_mode(int descriptor, const struct stat *like)
{
    const int kept = errno;
    struct stat ours;
    mode_t mode = like->st_mode & 0777;
    if (fstat(descriptor, &ours) != 0) return false;
    if (ours.st_uid != like->st_uid) (void)!fchown(descriptor, like->st_uid, (gid_t)-1);
    if (ours.st_gid != like->st_gid && fchown(descriptor, (uid_t)-1, like->st_gid) != 0) {
        mode = (mode & ~(mode_t)070) | (mode & (mode & 07) << 3);
    }
    errno = kept;
    return fchmod(descriptor, mode) == 0;
}

/* Locks it, with a second descriptor that keeps the lock when the stream is closed. */
static FILE *open_new(int descriptor, const char *path, intptr_t *lock)
{
    const int kept = errno;
    *lock = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    if (*lock < 0) return NULL;
    /* A file system without locks is no reason not to write. */
    bool is_ours = !hold(descriptor, LOCK_EX) || is_still_there(descriptor, path);
    errno = is_ours
                ? kept
                : EEXIST; /* another process removed it before it was locked: try another name */
    FILE *file = is_ours ? fdopen(descriptor, "wb") : NULL;
    if (file == NULL) {
        const int failure = errno;
        (void)close((int)*lock);
        *lock = -1;
        errno = failure;
    }
    return file;
}

FILE *cen__os_create_new(const char *path, const char *like, intptr_t *lock)
{
    struct stat old;
    bool has_old = look(like, &old) && S_ISREG(old.st_mode);
    mode_t mode = has_old ? 0600 : 0666;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor < 0) return NULL;
    bool is_set = !has_old || set_mode(descriptor, &old);
    FILE *file = is_set ? open_new(descriptor, path, lock) : NULL;
    if (file == NULL) {
        int failure = errno;
        (void)close(descriptor);
        (void)remove(path);
        errno = failure;
    }
    return file;
}

void cen__os_remove_dead(const char *path)
{
    const int kept = errno;
    struct stat found;
    int descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) {
        bool is_dead = fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) &&
                       hold(descriptor, LOCK_EX | LOCK_NB);
        if (is_dead) (void)remove(path);
        (void)close(descriptor);
    }
    errno = kept;
}

uint64_t cen__os_entropy(void)
{
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000007u + (uint64_t)now.tv_nsec + ((uint64_t)getpid() << 40) +
           (uint64_t)(uintptr_t)&now;
}

/* ---- names and disks --------------------------------------------------------------------------- */

bool cen__os_sync(FILE *file)
{
    const int kept = errno;
    if (fflush(file) != 0) return false;
    if (fsync(fileno(file)) == 0) return true;
    if (errno != EINVAL && errno != ENOTSUP) return false;
    errno = kept; /* a pipe or a device, which has nothing to sync */
    return true;
}

bool cen__os_replace(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

bool cen__os_sync_folder(const char *folder)
{
    const int kept = errno;
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failure = descriptor >= 0 && fsync(descriptor) != 0 ? errno : 0;
    if (descriptor >= 0) (void)close(descriptor);
    bool good = failure == 0 || failure == EINVAL || failure == ENOTSUP;
    errno = good ? kept : failure;
    return good;
}

bool cen__os_remove(const char *path)
{
    return remove(path) == 0;
}

double cen__os_seconds(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 0;
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void cen__os_pause(void)
{
    const int kept = errno;
    const struct timespec some = {0, 10 * 1000 * 1000};
    (void)nanosleep(&some, NULL);
    errno = kept;
}

uint64_t cen__os_memory(void)
{
    const int kept = errno;
    long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGESIZE);
    errno = kept;
    return pages < 1 || page_size < 1 ? 0 : (uint64_t)pages * (uint64_t)page_size;
}

/* By whole pages, as madvise wants them. */
void cen__os_enlarge_pages(void *bytes, size_t size)
{
#if defined(MADV_HUGEPAGE)
    const size_t page = (size_t)sysconf(_SC_PAGESIZE),
                 skipped = page - 1 - ((uintptr_t)bytes + page - 1) % page;
    if (size > skipped + page)
        (void)madvise((char *)bytes + skipped, (size - skipped) / page * page, MADV_HUGEPAGE);
#else
    (void)bytes, (void)size;
#endif
}

cen_status cen__os_real_path(cen_context *context, const char *path, char **real, cen_error *error)
{
    const int kept = errno;
    char *found = realpath(path, NULL); /* in memory of the C library */
    *real = found != NULL ? cen__duplicate(context, found) : NULL;
    if (found == NULL && errno != ENOMEM) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot find this: %s", path, strerror(errno));
    }
    free(found);
    if (*real == NULL) return cen__fail_memory(error, "a path");
    errno = kept;
    return CEN_OK;
}

uint64_t cen__os_file_size(FILE *file)
{
    const int kept = errno;
    struct stat found;
    bool is_file = fstat(fileno(file), &found) == 0 && S_ISREG(found.st_mode) && found.st_size > 0;
    errno = kept;
    return is_file ? (uint64_t)found.st_size : 0;
}

/* ---- parts of a file ----------------------------------------------------------------------------- */

bool cen__os_read_at(FILE *file, uint64_t place, void *bytes, size_t size)
{
    const int kept = errno;
    for (size_t done = 0; done < size;) {
        const ssize_t got =
            pread(fileno(file), (char *)bytes + done, size - done, (off_t)(place + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            if (got == 0) errno = 0;
            return false;
        }
        done += (size_t)got;
    }
    errno = kept;
    return true;
}

const void *cen__os_map(FILE *file, size_t size)
{
    void *bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fileno(file), 0);
    return bytes != MAP_FAILED ? bytes : NULL;
}

void cen__os_unmap(const void *bytes, size_t size)
{
    const int kept = errno;
    (void)munmap((void *)(uintptr_t)bytes, size);
    errno = kept;
}

bool cen__os_cut(FILE *file, uint64_t size)
{
    int result;
    do {
        result = ftruncate(fileno(file), (off_t)size);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

FILE *cen__os_open_end(const char *path, uint64_t size)
{
    struct stat found;
    int descriptor = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    bool is_file = descriptor >= 0 && fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode);
    if (descriptor >= 0 && !is_file) {
        (void)close(descriptor);
        errno = EINVAL;
        return NULL;
    }
    FILE *file = stream_of(descriptor, "ab");
    if (file == NULL || cen__os_cut(file, size)) return file;
    const int failure = errno;
    (void)fclose(file);
    errno = failure;
    return NULL;
}

#else
typedef int cen__not_posix;
#endif
