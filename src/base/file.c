#include "base/file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"
#include "base/random.h"

enum { FIRST_READ = 1 << 16, MOST_TRIES = 100, NAME_MOST = 200 };

static const char ending[] = ".cen-tmp"; /* of temporary names: .NAME.NUMBER.cen-tmp */

/* ---- reading ----------------------------------------------------------------------------------- */

FILE *cen__file_open_regular(const char *path, cen_error *error)
{
    cen__path_kind kind;
    FILE *file = cen__os_open_regular(path, &kind);
    if (file != NULL) return file;
    if (kind == CEN__FOLDER) {
        (void)cen__fail(error, CEN_ERROR_IO, "%s: this is a folder, name a file", path);
    } else if (kind == CEN__OTHER) {
        (void)cen__fail(
            error, CEN_ERROR_IO,
            "%s: this is a device, a pipe or a socket; copy what it gives to a file and "
            "name that",
            path);
    } else if (errno == ENOMEM) {
        (void)cen__fail(error, CEN_ERROR_MEMORY, "%s: not enough memory to open this file", path);
    } else {
        (void)cen__fail(error, CEN_ERROR_IO, "%s: cannot open this file: %s", path,
                        strerror(errno));
    }
    return NULL;
}

static cen_status fail_limit(const char *path, uint64_t size, size_t most, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%s: this file has %llu bytes or more, and at most %zu are read of its kind; "
                     "check that it is the right one",
                     path, (unsigned long long)size, most);
}

/* Until `most` bytes are there or the file ends; its size may change while it is read. */
static cen_status read_bytes(FILE *file, const char *path, size_t most, uint8_t **bytes,
                             size_t *size, cen_error *error)
{
    const uint64_t first = cen__os_file_size(file) + 1;
    size_t capacity = 0;
    while (*size < most) {
        size_t wanted = first > FIRST_READ && first <= SIZE_MAX / 2 ? (size_t)first : FIRST_READ;
        if (*size >= wanted) wanted = *size;
        if (wanted > most - *size) wanted = most - *size;
        if (!cen__grow(bytes, &capacity, *size + wanted, 1)) {
            return cen__fail(error, CEN_ERROR_MEMORY, "%s: not enough memory to read this file",
                             path);
        }
        size_t got = fread(*bytes + *size, 1, wanted, file);
        *size += got;
        if (got == wanted) continue;
        if (!ferror(file)) return CEN_OK;
        return cen__fail(error, CEN_ERROR_IO, "%s: reading failed after %zu bytes: %s", path, *size,
                         strerror(errno));
    }
    return CEN_OK;
}

static cen_status read_file(const char *path, size_t most, bool is_whole, uint8_t **bytes,
                            size_t *size, cen_error *error)
{
    *bytes = NULL;
    *size = 0;
    cen_error why = {CEN_OK, ""};
    FILE *file = cen__file_open_regular(path, &why);
    if (file == NULL) return cen__fail(error, why.status, "%s", why.message);
    const uint64_t there = cen__os_file_size(file);
    const size_t limit =
        is_whole && most < SIZE_MAX ? most + 1 : most; /* to see that there is more */
    cen_status status = is_whole && there > most
                            ? fail_limit(path, there, most, error)
                            : read_bytes(file, path, limit, bytes, size, error);
    if (status == CEN_OK && *size > most) status = fail_limit(path, *size, most, error);
    fclose(file);
    if (status == CEN_OK) return CEN_OK;
    cen__free(*bytes);
    *bytes = NULL;
    *size = 0;
    return status;
}

cen_status cen__file_read(const char *path, size_t most, uint8_t **bytes, size_t *size,
                          cen_error *error)
{
    return read_file(path, most, true, bytes, size, error);
}

cen_status cen__file_read_start(const char *path, size_t most, uint8_t **bytes, size_t *size,
                                cen_error *error)
{
    return read_file(path, most, false, bytes, size, error);
}

/* ---- names ------------------------------------------------------------------------------------- */

/* Where path lies; the caller's to free. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = cen__duplicate(slash != NULL ? path : ".");
    if (folder != NULL && slash != NULL) folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

/* path's folder with the name .NAME.NUMBER.cen-tmp, of which NAME may be cut; the caller's to free. */
static char *temporary_of(const char *path, uint64_t number)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t size = strlen(path) + 16 + sizeof ending + 3, cut = strlen(name);
    if (cut > NAME_MOST) cut = NAME_MOST;
    while (cut > 0 && ((unsigned char)name[cut] & 0xC0) == 0x80) cut--; /* no half of a character */
    char *temporary = cen__alloc(size, 1);
    if (temporary == NULL) return NULL;
    (void)snprintf(temporary, size, "%.*s.%.*s.%016llx%s", (int)(name - path), path, (int)cut, name,
                   (unsigned long long)number, ending);
    return temporary;
}

static bool is_temporary(const char *name)
{
    enum { DIGITS = 16, ENDING = sizeof ending - 1 };
    size_t size = strlen(name);
    if (name[0] != '.' || size < 2 + DIGITS + ENDING) return false;
    const char *digits = name + size - ENDING - DIGITS;
    return digits[-1] == '.' && strspn(digits, "0123456789abcdef") == DIGITS &&
           strcmp(digits + DIGITS, ending) == 0;
}

/* What cannot be removed does not matter: no name is used twice. */
void cen__folder_clear(const char *folder)
{
    const int kept = errno;
    cen__listing listing;
    if (cen__os_list(folder, &listing, NULL) == CEN_OK) {
        for (size_t i = 0; i < listing.n_names; i++) {
            if (!is_temporary(listing.names[i])) continue;
            char *path = cen__path_join(folder, listing.names[i]);
            if (path != NULL) cen__os_remove_dead(path);
            cen__free(path);
        }
        cen__listing_free(&listing);
    }
    errno = kept;
}

/* ---- writing ----------------------------------------------------------------------------------- */

struct cen__writer {
    char *name;                      /* as the caller calls it */
    char *path, *temporary, *folder; /* of the file behind the links; NULL: a stream */
    const char *old_name;            /* NULL: the old file is replaced */
    FILE *file;
    intptr_t lock; /* on the temporary file: it is not dead */
    int failure;   /* the first errno, 0 while all is well */
    bool skips_sync, has_moved_old;
};

static bool open_temporary(cen__writer *w)
{
    const int kept = errno;
    w->path = cen__os_follow(w->name);
    w->folder = w->path != NULL ? folder_of(w->path) : NULL;
    for (uint64_t i = 0; i < MOST_TRIES && w->folder != NULL; i++) {
        const uint64_t number = cen__random_bits(cen__os_entropy(), CEN__STREAM_NAMES, i);
        cen__free(w->temporary);
        w->temporary = temporary_of(w->path, number);
        if (w->temporary == NULL) break;
        w->file = cen__os_create_new(w->temporary, w->path, &w->lock);
        if (w->file != NULL) errno = kept;
        if (w->file != NULL || errno != EEXIST) return w->file != NULL;
    }
    if (w->path != NULL && (w->folder == NULL || w->temporary == NULL)) errno = ENOMEM;
    return false;
}

cen_status cen__writer_create(cen__writer **writer, const char *path, cen_error *error)
{
    cen__writer *w = *writer = cen__alloc_zeroed(1, sizeof **writer);
    if (w == NULL) return cen__fail_memory(error, "a file to be written");
    w->lock = -1;
    w->name = cen__duplicate(path);
    bool is_stream = cen__os_is_stream(path), is_folder = cen__os_kind(path) == CEN__FOLDER;
    errno = w->name == NULL ? ENOMEM : is_folder ? EISDIR : errno;
    if (w->name != NULL && !is_folder) {
        if (is_stream) w->file = cen__os_open_stream(path);
        if (is_stream ? w->file != NULL : open_temporary(w)) return CEN_OK;
    }
    const int failure = errno;
    cen__writer_discard(writer);
    if (failure == ENOMEM) return cen__fail_memory(error, "a file to be written");
    return cen__fail(error, CEN_ERROR_IO, "%s: cannot write here: %s; choose another place", path,
                     strerror(failure));
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
    cen__os_unlock(w->lock, NULL);
    cen__free(w->name);
    cen__free(w->path);
    cen__free(w->temporary);
    cen__free(w->folder);
    cen__free(w);
    *writer = NULL;
}

static bool close_file(cen__writer *w)
{
    bool is_synced = w->skips_sync ? fflush(w->file) == 0 : cen__os_sync(w->file);
    if (!is_synced && w->failure == 0) w->failure = errno ? errno : EIO;
    if (fclose(w->file) != 0 && w->failure == 0) w->failure = errno ? errno : EIO;
    w->file = NULL;
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
    if (w->temporary == NULL) return true;
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
    if (w->skips_sync || w->temporary == NULL) return CEN_OK;
    cen__folder_clear(w->folder);
    if (cen__os_sync_folder(w->folder)) return CEN_OK;
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: this file is written, but its name could not be brought onto the disk: "
                     "%s; check that disk",
                     w->name, strerror(errno));
}

/* Says where the old file of `moved` is to be found. */
static cen_status fail_writing(const cen__writer *w, const cen__writer *moved, cen_error *error)
{
    if (w->temporary == NULL) {
        return cen__fail(error, CEN_ERROR_IO, "%s: writing failed: %s; choose another place",
                         w->name, strerror(w->failure));
    }
    (void)cen__os_remove(w->temporary);
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: writing failed: %s; free some space or choose another place, what stood "
                     "there before is %s%s",
                     w->name, strerror(w->failure), moved->has_moved_old ? "now " : "untouched",
                     moved->has_moved_old ? moved->old_name : "");
}

cen_status cen__writer_commit(cen__writer **writer, cen_error *error)
{
    cen__writer *w = *writer;
    bool good = close_file(w) && put_in_place(w);
    cen_status status = good ? sync_name(w, error) : fail_writing(w, w, error);
    free_writer(writer);
    return status;
}

/* With the first one's old file kept until the second is in place. */
static cen_status commit_both(cen__writer *first, cen__writer *second, cen_error *error)
{
    bool is_first_good = close_file(first), is_second_good = close_file(second);
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
        if (w->temporary != NULL) (void)cen__os_remove(w->temporary);
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
