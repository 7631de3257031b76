/* Whole files in, whole files out. */
#ifndef CEN_BASE_FILE_H
#define CEN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* The first `most` bytes of a file, or all of it (SIZE_MAX). *bytes is the caller's to cen__free;
 * it is NULL after a failure. Errors: CEN_ERROR_IO, CEN_ERROR_MEMORY. */
cen_status cen__file_read(const char *path, size_t most, uint8_t **bytes, size_t *size,
                          cen_error *error);

/* A file being written: to a temporary name beside `path`, synced and renamed by
 * cen__writer_commit, so that a reader sees the old file or the new one, whole, also after a power
 * cut. A failed write is remembered and told by the commit. */
typedef struct cen__writer cen__writer;

cen_status cen__writer_create(cen__writer **writer, const char *path, cen_error *error);
void cen__writer_write(cen__writer *writer, const void *bytes, size_t size);
void cen__writer_print(cen__writer *writer, const char *format, ...) CEN__PRINTF(2, 3);

/* Leaves out the sync, which costs milliseconds: for many small files that can be made again. A
 * reader still sees the old file or the new one; only a power cut may leave neither. */
void cen__writer_skip_sync(cen__writer *writer);

/* The commit gives the old file this name instead of replacing it, once the new one is on the disk:
 * at any moment a whole file has one of the two names. Borrowed until then. */
void cen__writer_keep_old(cen__writer *writer, const char *name);

/* Ends the writing, frees the writer and sets *writer to NULL, whether it succeeds or not. */
cen_status cen__writer_commit(cen__writer **writer, cen_error *error);

/* The same for two files that belong together: both are put in place, or neither. */
cen_status cen__writer_commit_pair(cen__writer **first, cen__writer **second, cen_error *error);

/* Drops what was written. NULL is fine. Sets *writer to NULL. */
void cen__writer_discard(cen__writer **writer);

/* folder and name joined by a slash; the caller's to cen__free; NULL without memory. */
char *cen__path_join(const char *folder, const char *name);

#endif
