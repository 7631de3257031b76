#include "base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"

enum { FIRST_READ = 1 << 16 };

cen_status cen__file_read(const char *path, size_t most, uint8_t **bytes, size_t *size,
                          cen_error *error)
{
    *bytes = NULL;
    *size = 0;
    if (cen__os_kind(path) == CEN__FOLDER) {
        return cen__fail(error, CEN_ERROR_IO, "%s: this is a folder, name a file", path);
    }
    FILE *file = cen__os_open(path, "rb");
    if (file == NULL) {
        return cen__fail(error, CEN_ERROR_IO, "%s: cannot open this file: %s", path,
                         strerror(errno));
    }
    cen_status status = CEN_OK;
    size_t capacity = 0, used = 0;
    while (used < most) {
        size_t wanted = used < FIRST_READ ? FIRST_READ : used;
        if (wanted > most - used) wanted = most - used;
        if (!cen__grow(bytes, &capacity, used + wanted, 1)) {
            status =
                cen__fail(error, CEN_ERROR_MEMORY, "%s: not enough memory to read this file", path);
            break;
        }
        size_t got = fread(*bytes + used, 1, wanted, file);
        used += got;
        if (got < wanted) {
            if (ferror(file)) {
                status = cen__fail(error, CEN_ERROR_IO, "%s: reading failed after %zu bytes: %s",
                                   path, used, strerror(errno));
            }
            break;
        }
    }
    fclose(file);
    if (status != CEN_OK) {
        cen__free(*bytes);
        *bytes = NULL;
        return status;
    }
    *size = used;
    return CEN_OK;
}

struct cen__writer {
    char *path, *temporary, *folder;
    const char *old_name; /* NULL: the old file is replaced */
    FILE *file;
    int failure; /* the first errno, 0 while all is well */
    bool skips_sync, has_moved_old;
};

/* Where path lies; the caller's to free. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = cen__duplicate(slash != NULL ? path : ".");
    if (folder != NULL && slash != NULL) folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

static cen_status open_temporary(cen__writer *writer, const char *path, cen_error *error)
{
    size_t size = strlen(path) + 16;
    writer->path = cen__duplicate(path);
    writer->temporary = cen__alloc(size, 1);
    writer->folder = folder_of(path);
    if (writer->path == NULL || writer->temporary == NULL || writer->folder == NULL) {
        return cen__fail_memory(error, "the name of a file");
    }
    const int kept = errno;
    for (unsigned attempt = 0; attempt < 1000; attempt++) {
        (void)snprintf(writer->temporary, size, "%s.tmp%u", path, attempt);
        writer->file = cen__os_create_new(writer->temporary);
        if (writer->file != NULL) {
            errno = kept;
            return CEN_OK;
        }
        if (errno != EEXIST) break;
    }
    if (errno == ENOMEM) return cen__fail_memory(error, "a file to be written");
    return cen__fail(error, CEN_ERROR_IO, "%s: cannot write here: %s; choose another place", path,
                     strerror(errno));
}

cen_status cen__writer_create(cen__writer **writer, const char *path, cen_error *error)
{
    *writer = cen__alloc_zeroed(1, sizeof **writer);
    if (*writer == NULL) return cen__fail_memory(error, "a file to be written");
    cen_status status = open_temporary(*writer, path, error);
    if (status != CEN_OK) cen__writer_discard(writer);
    return status;
}

void cen__writer_write(cen__writer *writer, const void *bytes, size_t size)
{
    if (writer->failure != 0 || size == 0) return;
    if (fwrite(bytes, 1, size, writer->file) != size) writer->failure = errno ? errno : EIO;
}

void cen__writer_print(cen__writer *writer, const char *format, ...)
{
    if (writer->failure != 0) return;
    va_list arguments;
    va_start(arguments, format);
    if (vfprintf(writer->file, format, arguments) < 0) writer->failure = errno ? errno : EIO;
    va_end(arguments);
}

void cen__writer_skip_sync(cen__writer *writer)
{
    writer->skips_sync = true;
}

void cen__writer_keep_old(cen__writer *writer, const char *name)
{
    writer->old_name = name;
}

static void free_writer(cen__writer **writer)
{
    cen__writer *w = *writer;
    cen__free(w->path);
    cen__free(w->temporary);
    cen__free(w->folder);
    cen__free(w);
    *writer = NULL;
}

static bool close_temporary(cen__writer *w)
{
    bool is_synced = w->skips_sync ? fflush(w->file) == 0 : cen__os_sync(w->file);
    if (!is_synced && w->failure == 0) w->failure = errno ? errno : EIO;
    if (fclose(w->file) != 0 && w->failure == 0) w->failure = errno ? errno : EIO;
    return w->failure == 0;
}

/* The old file goes back to its name. */
static void restore_old(cen__writer *w)
{
    if (w->has_moved_old) w->has_moved_old = !cen__os_replace(w->old_name, w->path);
}

/* A folder that stands in the way is not moved: the last rename refuses it. */
static bool put_in_place(cen__writer *w)
{
    if (w->old_name != NULL && cen__os_kind(w->path) == CEN__FILE) {
        w->has_moved_old = cen__os_replace(w->path, w->old_name);
        if (!w->has_moved_old) w->failure = errno ? errno : EIO;
    }
    if (w->failure == 0 && !cen__os_replace(w->temporary, w->path)) {
        w->failure = errno ? errno : EIO;
        restore_old(w);
    }
    return w->failure == 0;
}

static cen_status sync_name(const cen__writer *w, cen_error *error)
{
    if (w->skips_sync || cen__os_sync_folder(w->folder)) return CEN_OK;
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: this file is written, but its name could not be brought onto the disk: "
                     "%s; check that disk",
                     w->path, strerror(errno));
}

/* Says where the old file of `moved` is to be found. */
static cen_status fail_writing(const cen__writer *w, const cen__writer *moved, cen_error *error)
{
    (void)cen__os_remove(w->temporary);
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: writing failed: %s; free some space or choose another place, what stood "
                     "there before is %s%s",
                     w->path, strerror(w->failure), moved->has_moved_old ? "now " : "untouched",
                     moved->has_moved_old ? moved->old_name : "");
}

cen_status cen__writer_commit(cen__writer **writer, cen_error *error)
{
    cen__writer *w = *writer;
    bool good = close_temporary(w) && put_in_place(w);
    cen_status status = good ? sync_name(w, error) : fail_writing(w, w, error);
    free_writer(writer);
    return status;
}

/* With the first one's old file kept until the second is in place. */
static cen_status commit_both(cen__writer *first, cen__writer *second, cen_error *error)
{
    bool is_first_good = close_temporary(first), is_second_good = close_temporary(second);
    if (is_first_good && is_second_good) is_first_good = put_in_place(first);
    if (!is_first_good) {
        (void)cen__os_remove(second->temporary);
        return fail_writing(first, first, error);
    }
    if (!is_second_good || !put_in_place(second)) {
        bool was_there = first->has_moved_old;
        restore_old(first);
        if (!was_there) (void)cen__os_remove(is_second_good ? first->path : first->temporary);
        return fail_writing(second, first, error);
    }
    if (first->has_moved_old) (void)cen__os_remove(first->old_name);
    cen_status status = sync_name(first, error);
    return status == CEN_OK ? sync_name(second, error) : status;
}

cen_status cen__writer_commit_pair(cen__writer **first, cen__writer **second, cen_error *error)
{
    size_t size = strlen((*first)->path) + sizeof ".old";
    char *old_name = cen__alloc(size, 1);
    if (old_name == NULL) {
        cen__writer_discard(first);
        cen__writer_discard(second);
        return cen__fail_memory(error, "the name of a file");
    }
    (void)snprintf(old_name, size, "%s.old", (*first)->path);
    cen__writer_keep_old(*first, old_name);
    cen_status status = commit_both(*first, *second, error);
    free_writer(first);
    free_writer(second);
    cen__free(old_name);
    return status;
}

void cen__writer_discard(cen__writer **writer)
{
    cen__writer *w = *writer;
    if (w == NULL) return;
    if (w->file != NULL) {
        fclose(w->file);
        (void)cen__os_remove(w->temporary);
    }
    free_writer(writer);
}

char *cen__path_join(const char *folder, const char *name)
{
    size_t folder_size = strlen(folder), name_size = strlen(name);
    while (folder_size > 1 && folder[folder_size - 1] == '/') folder_size--;
    bool slash = folder_size > 0 && folder[folder_size - 1] != '/';
    char *path = cen__alloc(folder_size + slash + name_size + 1, 1);
    if (path == NULL) return NULL;
    memcpy(path, folder, folder_size);
    if (slash) path[folder_size] = '/';
    memcpy(path + folder_size + slash, name, name_size + 1);
    return path;
}
