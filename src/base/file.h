/* Reads and writes whole files. */
#ifndef CEN_BASE_FILE_H
#define CEN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

/* Opens a regular file for reading; NULL with *error filled. Folders, devices, pipes and sockets are refused without
 * waiting for them. Errors: CEN_ERROR_IO, CEN_ERROR_MEMORY. */
FILE *cen__file_open_regular(const char *path, cen_error *error);

/* Reads a whole regular file. A file of more than `most` bytes is refused before it is read. The caller frees *bytes
 * with cen__free; it is NULL after a failure. Errors: as above, CEN_ERROR_LIMIT. */
cen_status cen__file_read(cen_context *context, const char *path, size_t most, uint8_t **bytes,
                          size_t *size, cen_error *error);

/* The same for a text: it is refused at the first byte that is 0. Errors: FORMAT, too. */
cen_status cen__file_read_text(cen_context *context, const char *path, size_t most, uint8_t **bytes,
                               size_t *size, cen_error *error);

/* Reads the first `most` bytes of a file, or all if it has fewer. */
cen_status cen__file_read_start(cen_context *context, const char *path, size_t most,
                                uint8_t **bytes, size_t *size, cen_error *error);

/* The BLAKE2b digest of a regular file of at most `most` bytes. Errors: as above. */
enum { CEN__FILE_DIGEST = 16 };
cen_status cen__file_digest(const char *path, uint64_t most, uint8_t digest[CEN__FILE_DIGEST],
                            cen_error *error);

/* Continues to read a file of cen__file_open_regular, until *bytes has `most` bytes or the file ends. *bytes holds
 * *size bytes already and may be NULL. The caller frees it with cen__free, also after a failure. Errors: IO,
 * MEMORY. */
cen_status cen__file_read_on(cen_context *context, FILE *file, const char *path, size_t most,
                             uint8_t **bytes, size_t *size, cen_error *error);

/* Writes a file under a hidden temporary name beside it. cen__writer_commit syncs and renames it. So a reader sees the
 * old file or the new one, complete, also after a power cut. The owner and mode of an old file stay, and a link leads
 * to the file that is replaced. A device, a pipe, a FIFO or "-" (standard output) is written to directly. A failed
 * write is remembered and reported by the commit. */
typedef struct cen__writer cen__writer;

cen_status cen__writer_create(cen_context *context, cen__writer **writer, const char *path,
                              cen_error *error);
void cen__writer_write(cen__writer *writer, const void *bytes, size_t size);

/* Leaves out the sync, which costs milliseconds. For many small files that can be made again. A reader still sees the
 * old file or the new one; only a power cut can leave neither. */
void cen__writer_skip_sync(cen__writer *writer);

/* The commit gives the old file this name instead of replacing it, after the new one is on the disk. At any moment a
 * complete file has one of the two names. Borrowed until then. */
void cen__writer_keep_old(cen__writer *writer, const char *name);

/* Ends the writing, frees the writer and sets *writer to NULL, whether it succeeds or not. */
cen_status cen__writer_commit(cen__writer **writer, cen_error *error);

/* The same for a file and its description; readers can see if they belong together. Both are put in place, or
 * neither. In between, the new description has the name of cen__path_hidden(path, ".next"), and readers look there if
 * the other does not fit. */
cen_status cen__writer_commit_pair(cen__writer **file, cen__writer **description, cen_error *error);

/* A hidden name beside the file that path leads to: .NAME and the ending. The caller frees it with cen__free; NULL
 * with errno set. */
char *cen__path_hidden(cen_context *context, const char *path, const char *ending);

/* Discards the new file. NULL is fine. Sets *writer to NULL. */
void cen__writer_discard(cen__writer **writer);

/* Removes the temporary files of killed writers in a folder: files with such a name that no process holds. A commit
 * that syncs does this, too. */
void cen__folder_clear(cen_context *context, const char *folder);

/* folder and name joined by a slash. The caller frees it with cen__free; NULL without memory. */
char *cen__path_join(cen_context *context, const char *folder, const char *name);

#endif
