/* The public functions for files and locks. */
#include <centerloss_eval.h>

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/os.h"

cen_status cen_path_check_writable(cen_context *context, const char *path, cen_error *error)
{
    cen__writer *writer;
    if (cen__os_is_stream(path)) {
        if (cen__os_may_write(path)) return CEN_OK;
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot write here: %s; choose another place",
                         path, strerror(errno));
    }
    cen_status status = cen__writer_create(context, &writer, path, error);
    if (status == CEN_OK) cen__writer_discard(&writer);
    return status;
}

void cen_clear_temporary(cen_context *context, const char *folder)
{
    cen__folder_clear(context, folder);
}

cen_status cen_file_write(cen_context *context, const char *path, const void *bytes, size_t size,
                          cen_error *error)
{
    cen__writer *writer;
    cen_status status = cen__writer_create(context, &writer, path, error);
    if (status != CEN_OK) return status;
    cen__writer_write(writer, bytes, size);
    return cen__writer_commit(&writer, error);
}

cen_status cen_text_read(cen_context *context, const char *path, size_t most, char **text,
                         size_t *size, cen_error *error)
{
    uint8_t *bytes;
    cen_status status = cen__file_read(context, path, most, &bytes, size, error);
    *text = NULL;
    if (status != CEN_OK) return status;
    *text = cen__alloc(context, *size + 1, 1);
    if (*text != NULL) {
        if (*size > 0) memcpy(*text, bytes, *size);
        (*text)[*size] = '\0';
    }
    cen__free(bytes);
    return *text != NULL ? CEN_OK : cen__fail_memory(error, "the text of a file");
}

void cen_text_free(char *text)
{
    cen__free(text);
}

struct cen_lock {
    intptr_t handle;
    char *path;
};

cen_status cen_lock_take(cen_context *context, cen_lock **lock, const char *path, bool waits,
                         cen_error *error)
{
    *lock = cen__alloc_zeroed(context, 1, sizeof **lock);
    if (*lock == NULL || ((*lock)->path = cen__duplicate(context, path)) == NULL) {
        cen__free(*lock);
        *lock = NULL;
        return cen__fail_memory(error, "a lock");
    }
    (*lock)->handle = cen__os_lock(path, waits);
    if ((*lock)->handle >= 0) return CEN_OK;
    const int failure = errno;
    cen__free((*lock)->path);
    cen__free(*lock);
    *lock = NULL;
    if (failure == EWOULDBLOCK) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%s: this is in use by another process; wait until that has ended", path);
    }
    const bool is_refused = failure == EACCES || failure == ENOENT; /* by the folder, or the file */
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: cannot make and lock this file: %s; %s, or choose another place", path,
                     strerror(failure),
                     is_refused && cen__os_kind(path) == CEN__NOTHING ? "make its folder writable"
                                                                      : "remove it");
}

void cen_lock_release(cen_lock *lock)
{
    if (lock == NULL) return;
    cen__os_unlock(lock->handle, lock->path);
    cen__free(lock->path);
    cen__free(lock);
}
