#if !defined(_WIN32)
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE 1
#define _FILE_OFFSET_BITS 64 /* files beyond 2 GB where a long has 32 bits */

#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/status.h"

/* stat with errno left alone: that nothing stands there is an answer. */
static bool look(const char *path, struct stat *found)
{
    const int kept = errno;
    const bool is_there = stat(path, found) == 0;
    errno = kept;
    return is_there;
}

cen__path_kind cen__os_kind(const char *path)
{
    struct stat found;
    if (!look(path, &found)) return CEN__NOTHING;
    if (S_ISDIR(found.st_mode)) return CEN__FOLDER;
    return S_ISREG(found.st_mode) ? CEN__FILE : CEN__OTHER;
}

cen_status cen__os_list(const char *folder, cen__listing *listing, cen_error *error)
{
    const int kept = errno;
    *listing = (cen__listing){NULL, 0};
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot read this folder: %s", folder,
                         strerror(errno));
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
        if (cen__grow(&listing->names, &capacity, listing->n_names + 1, sizeof(char *))) {
            name = cen__duplicate(entry->d_name);
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

static bool make_one(const char *path)
{
    const int kept = errno;
    if (mkdir(path, 0777) == 0) return true;
    if (errno != EEXIST || cen__os_kind(path) != CEN__FOLDER) return false;
    errno = kept;
    return true;
}

cen_status cen__os_make_folder(const char *path, cen_error *error)
{
    char *partial = cen__duplicate(path);
    if (partial == NULL) return cen__fail_memory(error, "a path");
    cen_status status = CEN_OK;
    for (char *at = partial + 1; status == CEN_OK; at++) {
        if (*at != '/' && *at != '\0') continue;
        char ending = *at;
        *at = '\0';
        if (!make_one(partial)) {
            status = cen__fail(error, CEN_ERROR_IO, "%s: cannot make the folder %s: %s", path,
                               partial, strerror(errno));
        }
        *at = ending;
        if (ending == '\0') break;
    }
    cen__free(partial);
    return status;
}

FILE *cen__os_open(const char *path, const char *mode)
{
    return fopen(path, mode);
}

FILE *cen__os_create_new(const char *path)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0) return NULL;
    FILE *file = fdopen(descriptor, "wb");
    if (file == NULL) {
        int failure = errno;
        (void)close(descriptor);
        (void)remove(path);
        errno = failure;
    }
    return file;
}

bool cen__os_sync(FILE *file)
{
    const int kept = errno;
    if (fflush(file) != 0) return false;
    if (fsync(fileno(file)) == 0) return true;
    if (errno != EINVAL) return false;
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

int cen__os_processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > 1024 ? 1024 : (int)count;
}

uint64_t cen__os_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_size = sysconf(_SC_PAGESIZE);
    return pages < 1 || page_size < 1 ? 0 : (uint64_t)pages * (uint64_t)page_size;
}

cen_status cen__os_real_path(const char *path, char **real, cen_error *error)
{
    const int kept = errno;
    char *found = realpath(path, NULL); /* in memory of the C library */
    *real = found != NULL ? cen__duplicate(found) : NULL;
    if (found == NULL && errno != ENOMEM) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot find this: %s", path, strerror(errno));
    }
    free(found);
    if (*real == NULL) return cen__fail_memory(error, "a path");
    errno = kept;
    return CEN_OK;
}

uint64_t cen__os_file_size(const char *path)
{
    struct stat found;
    return look(path, &found) && S_ISREG(found.st_mode) ? (uint64_t)found.st_size : 0;
}

int cen__os_terminal_width(FILE *file)
{
    const int kept = errno;
    int descriptor = fileno(file), width = 0;
    struct winsize size;
    if (descriptor >= 0 && isatty(descriptor)) {
        bool is_told = ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
        width = is_told ? size.ws_col : 80;
    }
    errno = kept;
    return width;
}

#else
typedef int cen__not_posix;
#endif
