/* What C99 has not. os_posix.c, os_windows.c and os_none.c hold the implementations; nothing else in the
 * library includes a system header. Paths are UTF-8 (on POSIX: any bytes). */
#ifndef CEN_BASE_OS_H
#define CEN_BASE_OS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <centerloss.h>

typedef enum { CEN__NOTHING, CEN__FILE, CEN__FOLDER, CEN__OTHER } cen__path_kind;

/* What stands at path, links followed. */
cen__path_kind cen__os_kind(const char *path);

/* The same, and two numbers that no other file or folder has at that time: 0, 0 if they are not known. */
cen__path_kind cen__os_identify(const char *path, uint64_t identity[2]);

typedef struct {
    char **names; /* bytewise sorted, without "." and ".." */
    size_t n_names;
} cen__listing;

/* The names in a folder. Free with cen__listing_free, also after a failure. */
cen_status cen__os_list(cen_context *context, const char *folder, cen__listing *listing,
                        cen_error *error);
void cen__listing_free(cen__listing *listing);
void cen__listing_sort(cen__listing *listing);

/* Makes a folder and those above it, with their names on the disk; one that exists is fine. */
cen_status cen__os_make_folder(cen_context *context, const char *path, cen_error *error);

/* Opens a regular file for reading. What it is is judged after the opening, which never waits: a FIFO has
 * no writer to wait for. NULL with errno set and what stands there in *kind. */
FILE *cen__os_open_regular(const char *path, cen__path_kind *kind);

/* Whether path is written to and not replaced: "-" (standard output) and names of open descriptors,
 * devices, pipes, FIFOs. */
bool cen__os_is_stream(const char *path);

/* Opens such a path for writing; NULL with errno set. */
FILE *cen__os_open_stream(const char *path);

/* False with errno set if what stands at path may not be written to. */
bool cen__os_may_write(const char *path);

/* What stands at path itself is a link. */
bool cen__os_is_link(const char *path);

/* The path that links at the end of `path` lead to, also if nothing stands there: the caller's to
 * cen__free; NULL with errno set. */
char *cen__os_follow(cen_context *context, const char *path);

/* Locks that a crash frees: the file at path is made and held. -1 with errno set; EWOULDBLOCK if
 * another holds it and this one does not wait. */
intptr_t cen__os_lock(const char *path, bool waits);

/* Removes the file at path (NULL: none) and lets go of the lock. -1 is fine. */
void cen__os_unlock(intptr_t lock, const char *path);

/* Creates path for writing, failing if it exists; NULL with errno set, and then nothing is left. Owner and
 * mode are those of the file `like`, if there is one, else those of a new file. Until *lock is let go,
 * cen__os_remove_dead leaves the file. */
FILE *cen__os_create_new(const char *path, const char *like, intptr_t *lock);

/* Removes a file of cen__os_create_new whose process is gone. */
void cen__os_remove_dead(const char *path);

/* 64 bits that differ from call to call and from process to process. */
uint64_t cen__os_entropy(void);

/* Writes through to the disk; false with errno set. */
bool cen__os_sync(FILE *file);

/* Puts `from` in the place of `to` in one step; false with errno set. */
bool cen__os_replace(const char *from, const char *to);

/* Brings the names in a folder onto the disk, so that a power cut undoes no replacement; false with
 * errno set. Nothing where a folder cannot be opened or has nothing to sync. */
bool cen__os_sync_folder(const char *folder);

bool cen__os_remove(const char *path);

/* Seconds of a clock that only goes forward. */
double cen__os_seconds(void);

/* Waits some milliseconds for another process. */
void cen__os_pause(void);

/* Bytes of physical memory, 0 where that is not known. */
uint64_t cen__os_memory(void);

/* The absolute path without links, "." and ".." of what stands at path, with '/' between names; the
 * caller's to cen__free. Errors: IO (nothing stands there), MEMORY. */
cen_status cen__os_real_path(cen_context *context, const char *path, char **real, cen_error *error);

/* Bytes of an open file, 0 where it is no regular one. */
uint64_t cen__os_file_size(FILE *file);

#endif
