/* The twin of os_posix.c for systems of which only the C library is known, if it has files at all. There are no
 * folders, links and locks; a file is written under a temporary name and renamed, but not synced. */
#include "base/systems.h"

#if !CEN__POSIX && !CEN__WINDOWS

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/os.h"
#include "base/status.h"

static cen_status fail_folder(const char *path, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_IO, "%s: there are no folders on this system; name files",
                     path);
}

cen__path_kind cen__os_kind(const char *path)
{
    const int kept = errno;
    FILE *file = fopen(path, "rb");
    if (file != NULL) (void)fclose(file);
    errno = kept;
    return file != NULL ? CEN__FILE : CEN__NOTHING;
}

cen__path_kind cen__os_identify(const char *path, uint64_t identity[2])
{
    identity[0] = identity[1] = 0;
    return cen__os_kind(path);
}

uint64_t cen__os_path_size(const char *path)
{
    FILE *file = fopen(path, "rb");
    const uint64_t size = file != NULL ? cen__os_file_size(file) : 0;
    if (file != NULL) (void)fclose(file);
    return size;
}

cen_status cen__os_list(cen_context *context, const char *folder, cen__listing *listing,
                        cen_error *error)
{
    (void)context;
    *listing = (cen__listing){NULL, 0};
    return fail_folder(folder, error);
}

cen_status cen__os_make_folder(cen_context *context, const char *path, cen_error *error)
{
    (void)context;
    return fail_folder(path, error);
}

FILE *cen__os_open_regular(const char *path, cen__path_kind *kind)
{
    FILE *file = fopen(path, "rb");
    *kind = file != NULL ? CEN__FILE : CEN__NOTHING;
    return file;
}

bool cen__os_is_stream(const char *path)
{
    (void)path;
    return false;
}

FILE *cen__os_open_stream(const char *path)
{
    return fopen(path, "wb");
}

bool cen__os_may_write(const char *path)
{
    (void)path;
    return true;
}

bool cen__os_is_link(const char *path)
{
    (void)path;
    return false;
}

char *cen__os_follow(cen_context *context, const char *path)
{
    char *copy = cen__duplicate(context, path);
    if (copy == NULL) errno = ENOMEM;
    return copy;
}

cen_status cen__os_real_path(cen_context *context, const char *path, char **real, cen_error *error)
{
    *real = NULL;
    if (cen__os_kind(path) == CEN__NOTHING) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot find this", path);
    }
    *real = cen__duplicate(context, path);
    return *real != NULL ? CEN_OK : cen__fail_memory(error, "a path");
}

intptr_t cen__os_lock(const char *path, bool waits)
{
    (void)path, (void)waits;
    return 0;
}

void cen__os_unlock(intptr_t lock, const char *path)
{
    (void)lock, (void)path;
}

FILE *cen__os_create_new(const char *path, const char *like, intptr_t *lock)
{
    (void)like;
    *lock = -1;
    return fopen(path, "wb");
}

void cen__os_remove_dead(const char *path)
{
    (void)path;
}

/* Nobody else writes at the same time. */
uint64_t cen__os_entropy(void)
{
    return 0;
}

bool cen__os_sync(FILE *file)
{
    return fflush(file) == 0;
}

bool cen__os_replace(const char *from, const char *to)
{
    if (rename(from, to) == 0) return true;
    (void)remove(to); /* some systems do not replace a file by renaming */
    return rename(from, to) == 0;
}

bool cen__os_sync_folder(const char *folder)
{
    (void)folder;
    return true;
}

bool cen__os_remove(const char *path)
{
    return remove(path) == 0;
}

double cen__os_seconds(void)
{
    return (double)time(NULL); /* some systems have no clock() */
}

void cen__os_pause(void) {}

uint64_t cen__os_memory(void)
{
    return 0;
}

void cen__os_enlarge_pages(void *bytes, size_t size)
{
    (void)bytes, (void)size;
}

uint64_t cen__os_file_size(FILE *file)
{
    const long at = ftell(file);
    if (at < 0 || fseek(file, 0, SEEK_END) != 0) return 0;
    const long size = ftell(file);
    return fseek(file, at, SEEK_SET) == 0 && size > 0 ? (uint64_t)size : 0;
}

bool cen__os_read_at(FILE *file, uint64_t place, void *bytes, size_t size)
{
    if (place > LONG_MAX || fseek(file, (long)place, SEEK_SET) != 0) return false;
    errno = 0;
    return fread(bytes, 1, size, file) == size;
}

const void *cen__os_map(FILE *file, size_t size)
{
    (void)file, (void)size;
    errno = ENOSYS;
    return NULL;
}

void cen__os_unmap(const void *bytes, size_t size)
{
    (void)bytes, (void)size;
}

FILE *cen__os_open_end(const char *path, uint64_t size)
{
    (void)path, (void)size;
    errno = ENOSYS;
    return NULL;
}

bool cen__os_cut(FILE *file, uint64_t size)
{
    (void)file, (void)size;
    return false;
}

#else
typedef int cen__not_plain;
#endif
