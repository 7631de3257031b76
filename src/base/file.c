#include "base/file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/blake2b.h"
#include "base/memory.h"
#include "base/os.h"
#include "base/random.h"

enum { FIRST_READ = 1 << 16, MOST_TRIES = 100, NAME_MOST = 200 };

static const char ending[] = ".cen-tmp"; /* ending of temporary names: .NAME.NUMBER.cen-tmp */

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

static cen_status fail_limit(const char *path, uint64_t size, uint64_t most, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%s: this file has %llu bytes or more, and at most %llu are read of its kind; "
                     "check that it is the right one",
                     path, (unsigned long long)size, (unsigned long long)most);
}

typedef enum { WHOLE, START, TEXT } part;

/* Grows *bytes to `capacity` bytes and keeps the first *size of them. */
static bool make_room(cen_context *context, uint8_t **bytes, size_t size, size_t capacity)
{
    uint8_t *larger = cen__alloc(context, capacity, 1);
    if (larger == NULL) return false;
    if (size > 0) memcpy(larger, *bytes, size);
    cen__free(*bytes);
    *bytes = larger;
    return true;
}

/* Reads until there are `most` bytes or the file ends; its size may change meanwhile. A file gets memory for its
 * size. A text is read in growing pieces, because a file that is no text may be a hole of any size. */
static cen_status read_bytes(cen_context *context, FILE *file, const char *path, size_t most,
                             part wanted_part, uint8_t **bytes, size_t *size, cen_error *error)
{
    const uint64_t there = cen__os_file_size(file) + 1; /* one byte more shows the end */
    size_t capacity = wanted_part == TEXT && there > FIRST_READ ? FIRST_READ
                      : there < most                            ? (size_t)there
                                                                : most;
    bool has_room =
        (capacity <= *size && *bytes != NULL) || make_room(context, bytes, *size, capacity);
    if (capacity < *size) capacity = *size;
    while (*size < most) {
        if (!has_room || !cen__grow(context, bytes, &capacity, *size + 1, 1)) {
            return cen__fail(error, CEN_ERROR_MEMORY, "%s: not enough memory to read this file",
                             path);
        }
        size_t wanted = (capacity < most ? capacity : most) - *size;
        size_t got = fread(*bytes + *size, 1, wanted, file);
        if (wanted_part == TEXT && got > 0 && memchr(*bytes + *size, 0, got) != NULL) {
            return cen__fail(error, CEN_ERROR_FORMAT, "%s: this is no text, it holds a byte of 0",
                             path);
        }
        *size += got;
        if (got == wanted) continue;
        if (!ferror(file)) return CEN_OK;
        return cen__fail(error, CEN_ERROR_IO, "%s: reading failed after %zu bytes: %s", path, *size,
                         strerror(errno));
    }
    return CEN_OK;
}

cen_status cen__file_read_on(cen_context *context, FILE *file, const char *path, size_t most,
                             uint8_t **bytes, size_t *size, cen_error *error)
{
    return read_bytes(context, file, path, most, START, bytes, size, error);
}

static cen_status read_file(cen_context *context, const char *path, size_t most, part wanted,
                            uint8_t **bytes, size_t *size, cen_error *error)
{
    *bytes = NULL;
    *size = 0;
    cen_error why = {CEN_OK, ""};
    FILE *file = cen__file_open_regular(path, &why);
    if (file == NULL) return cen__fail(error, why.status, "%s", why.message);
    const uint64_t there = wanted == START ? 0 : cen__os_file_size(file);
    const size_t limit = wanted != START && most < SIZE_MAX ? most + 1 : most; /* to see more */
    cen_status status = there > most
                            ? fail_limit(path, there, most, error)
                            : read_bytes(context, file, path, limit, wanted, bytes, size, error);
    if (status == CEN_OK && *size > most) status = fail_limit(path, *size, most, error);
    fclose(file);
    if (status == CEN_OK) return CEN_OK;
    cen__free(*bytes);
    *bytes = NULL;
    *size = 0;
    return status;
}

cen_status cen__file_read(cen_context *context, const char *path, size_t most, uint8_t **bytes,
                          size_t *size, cen_error *error)
{
    return read_file(context, path, most, WHOLE, bytes, size, error);
}

cen_status cen__file_read_text(cen_context *context, const char *path, size_t most, uint8_t **bytes,
                               size_t *size, cen_error *error)
{
    return read_file(context, path, most, TEXT, bytes, size, error);
}

cen_status cen__file_read_start(cen_context *context, const char *path, size_t most,
                                uint8_t **bytes, size_t *size, cen_error *error)
{
    return read_file(context, path, most, START, bytes, size, error);
}

cen_status cen__file_digest(const char *path, uint64_t most, uint8_t digest[CEN__FILE_DIGEST],
                            cen_error *error)
{
    cen__blake2b hash;
    uint8_t bytes[1 << 14];
    uint64_t size = 0;
    cen_status status = CEN_OK;
    cen_error why = {CEN_OK, ""};
    FILE *file = cen__file_open_regular(path, &why);
    if (file == NULL) return cen__fail(error, why.status, "%s", why.message);
    if (cen__os_file_size(file) > most) {
        status = fail_limit(path, cen__os_file_size(file), most, error);
    }
    cen__blake2b_start(&hash, CEN__FILE_DIGEST);
    for (size_t got = sizeof bytes; got == sizeof bytes && status == CEN_OK;) {
        got = fread(bytes, 1, sizeof bytes, file);
        size += got;
        cen__blake2b_add(&hash, bytes, got);
        if (size > most) status = fail_limit(path, size, most, error);
    }
    if (status == CEN_OK && ferror(file)) {
        status = cen__fail(error, CEN_ERROR_IO, "%s: reading failed after %llu bytes: %s", path,
                           (unsigned long long)size, strerror(errno));
    }
    fclose(file);
    if (status == CEN_OK) cen__blake2b_end(&hash, digest);
    return status;
}

/* ---- names ------------------------------------------------------------------------------------- */

/* The folder of path; the caller frees it. */
static char *folder_of(cen_context *context, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = cen__duplicate(context, slash != NULL ? path : ".");
    if (folder != NULL && slash != NULL) folder[slash == path ? 1 : slash - path] = '\0';
    return folder;
}

/* The name .NAME with the ending in the folder of path; NAME may be cut. The caller frees it. */
static char *hidden_beside(cen_context *context, const char *path, const char *end)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    size_t size = strlen(path) + strlen(end) + 2, cut = strlen(name);
    if (cut > NAME_MOST) cut = NAME_MOST;
    while (cut > 0 && ((unsigned char)name[cut] & 0xC0) == 0x80)
        cut--; /* do not cut a character in half */
    char *hidden = cen__alloc(context, size, 1);
    if (hidden == NULL) return NULL;
    (void)snprintf(hidden, size, "%.*s.%.*s%s", (int)(name - path), path, (int)cut, name, end);
    return hidden;
}

char *cen__path_hidden(cen_context *context, const char *path, const char *end)
{
    char *file = cen__os_follow(context, path),
         *hidden = file != NULL ? hidden_beside(context, file, end) : NULL;
    if (file != NULL && hidden == NULL) errno = ENOMEM;
    cen__free(file);
    return hidden;
}

static char *temporary_of(cen_context *context, const char *path, uint64_t number)
{
    char end[16 + sizeof ending + 1];
    (void)snprintf(end, sizeof end, ".%016llx%s", (unsigned long long)number, ending);
    return hidden_beside(context, path, end);
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

/* A file that cannot be removed does no harm: no name is used twice. */
void cen__folder_clear(cen_context *context, const char *folder)
{
    const int kept = errno;
    cen__listing listing;
    if (cen__os_list(context, folder, &listing, NULL) == CEN_OK) {
        for (size_t i = 0; i < listing.n_names; i++) {
            if (!is_temporary(listing.names[i])) continue;
            char *path = cen__path_join(context, folder, listing.names[i]);
            if (path != NULL) cen__os_remove_dead(path);
            cen__free(path);
        }
        cen__listing_free(&listing);
    }
    errno = kept;
}

/* ---- writing ----------------------------------------------------------------------------------- */

struct cen__writer {
    cen_context *context;            /* for memory */
    char *name;                      /* the path as the caller wrote it */
    char *path, *temporary, *folder; /* of the file that the links lead to; NULL: a stream */
    const char *old_name;            /* NULL: the old file is replaced */
    FILE *file;
    intptr_t lock; /* on the temporary file: shows that its writer lives */
    int failure;   /* the first errno; 0: no error so far */
    bool skips_sync, has_moved_old;
};

static bool open_temporary(cen__writer *w)
{
    const int kept = errno;
    w->path = cen__os_follow(w->context, w->name);
    w->folder = w->path != NULL ? folder_of(w->context, w->path) : NULL;
    for (uint64_t i = 0; i < MOST_TRIES && w->folder != NULL; i++) {
        const uint64_t number = cen__random_bits(cen__os_entropy(), CEN__STREAM_NAMES, i);
        cen__free(w->temporary);
        w->temporary = temporary_of(w->context, w->path, number);
        if (w->temporary == NULL) break;
        w->file = cen__os_create_new(w->temporary, w->path, &w->lock);
        if (w->file != NULL) errno = kept;
        if (w->file != NULL || errno != EEXIST) return w->file != NULL;
    }
    if (w->path != NULL && (w->folder == NULL || w->temporary == NULL)) errno = ENOMEM;
    return false;
}

cen_status cen__writer_create(cen_context *context, cen__writer **writer, const char *path,
                              cen_error *error)
{
    cen__writer *w = *writer = cen__alloc_zeroed(context, 1, sizeof **writer);
    if (w == NULL) return cen__fail_memory(error, "a file to be written");
    w->context = context;
    w->lock = -1;
    w->name = cen__duplicate(context, path);
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

/* Gives the old file its name back. */
static void restore_old(cen__writer *w)
{
    if (w->has_moved_old) w->has_moved_old = !cen__os_replace(w->old_name, w->path);
}

/* A folder of that name is not moved: the last rename refuses it. */
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
    cen__folder_clear(w->context, w->folder);
    if (cen__os_sync_folder(w->folder)) return CEN_OK;
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: this file is written, but its name could not be brought onto the disk: "
                     "%s; check that disk",
                     w->name, strerror(errno));
}

static cen_status fail_writing(const cen__writer *w, cen_error *error)
{
    if (w->temporary == NULL) {
        return cen__fail(error, CEN_ERROR_IO, "%s: writing failed: %s; choose another place",
                         w->name, strerror(w->failure));
    }
    (void)cen__os_remove(w->temporary);
    return cen__fail(error, CEN_ERROR_IO,
                     "%s: writing failed: %s; free some space or choose another place, what stood "
                     "there before is %s%s",
                     w->name, strerror(w->failure), w->has_moved_old ? "now " : "untouched",
                     w->has_moved_old ? w->old_name : "");
}

cen_status cen__writer_commit(cen__writer **writer, cen_error *error)
{
    cen__writer *w = *writer;
    bool good = close_file(w) && put_in_place(w);
    cen_status status = good ? sync_name(w, error) : fail_writing(w, error);
    free_writer(writer);
    return status;
}

/* Gives the new file the name that stays if this process is killed. */
static bool put_aside(cen__writer *w)
{
    char *next = hidden_beside(w->context, w->path, ".next");
    if (next == NULL) errno = ENOMEM;
    bool is_there = next != NULL && cen__os_replace(w->temporary, next);
    if (is_there) {
        cen__free(w->temporary);
        w->temporary = next;
        is_there = cen__os_sync_folder(w->folder);
    } else {
        const int failure = errno;
        cen__free(next);
        errno = failure;
    }
    if (!is_there) w->failure = errno ? errno : EIO;
    return is_there;
}

/* Each step is on the disk before the next one. So a reader finds the old pair until the file is renamed, and the
 * new pair from then on. */
static cen_status commit_both(cen__writer *file, cen__writer *description, cen_error *error)
{
    bool is_good = close_file(file), is_other_good = close_file(description);
    if (is_good && is_other_good) is_other_good = put_aside(description);
    if (is_good && is_other_good) is_good = put_in_place(file);
    if (!is_good || !is_other_good) {
        (void)cen__os_remove((is_good ? file : description)->temporary);
        cen__writer *failed = is_good ? description : file;
        if (failed->failure != ENOMEM) return fail_writing(failed, error);
        (void)cen__os_remove(failed->temporary);
        return cen__fail_memory(error, "the name of a file");
    }
    cen_status status = sync_name(file, error);
    if (status != CEN_OK) return status;
    if (put_in_place(description)) return sync_name(description, error);
    return cen__fail(
        error, CEN_ERROR_IO,
        "%s: it is written, but could not be put in place: %s; until the next write it "
        "is read from %s",
        description->name, strerror(description->failure), description->temporary);
}

cen_status cen__writer_commit_pair(cen__writer **file, cen__writer **description, cen_error *error)
{
    cen_status status = commit_both(*file, *description, error);
    free_writer(file);
    free_writer(description);
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

char *cen__path_join(cen_context *context, const char *folder, const char *name)
{
    size_t folder_size = strlen(folder), name_size = strlen(name);
    while (folder_size > 1 && folder[folder_size - 1] == '/') folder_size--;
    bool slash = folder_size > 0 && folder[folder_size - 1] != '/';
    char *path = cen__alloc(context, folder_size + slash + name_size + 1, 1);
    if (path == NULL) return NULL;
    memcpy(path, folder, folder_size);
    if (slash) path[folder_size] = '/';
    memcpy(path + folder_size + slash, name, name_size + 1);
    return path;
}
