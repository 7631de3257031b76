/* Functions of the system that C99 does not have. os_posix.c, os_windows.c and os_none.c implement them; apart from
 * these and thread_*.c nothing in the library includes a system header. Paths are UTF-8 (on POSIX: any bytes). */
#ifndef CEN_BASE_OS_H
#define CEN_BASE_OS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <centerloss.h>

typedef enum { CEN__NOTHING, CEN__FILE, CEN__FOLDER, CEN__OTHER } cen__path_kind;

/* The kind of what is at path; links are followed. */
cen__path_kind cen__os_kind(const char *path);

/* The same, and two numbers that identify a file or folder at that time; 0, 0 if they are not known. */
cen__path_kind cen__os_identify(const char *path, uint64_t identity[2]);

/* Bytes of the regular file at path; 0: there is none. */
uint64_t cen__os_path_size(const char *path);

typedef struct {
    char **names; /* bytewise sorted, without "." and ".." */
    size_t n_names;
} cen__listing;

/* The names in a folder. Free with cen__listing_free, also after a failure. */
cen_status cen__os_list(cen_context *context, const char *folder, cen__listing *listing,
                        cen_error *error);
void cen__listing_free(cen__listing *listing);
void cen__listing_sort(cen__listing *listing);

/* Makes a folder and those above it, and syncs their names. A folder that exists is fine. */
cen_status cen__os_make_folder(cen_context *context, const char *path, cen_error *error);

/* Opens a regular file for reading. Its kind is checked after the opening, which never waits, also not for the writer
 * of a FIFO. NULL with errno set, and the kind in *kind. */
FILE *cen__os_open_regular(const char *path, cen__path_kind *kind);

/* True if path is written to and not replaced: "-" (standard output), names of open descriptors, devices, pipes,
 * FIFOs. */
bool cen__os_is_stream(const char *path);

/* Opens such a path for writing; NULL with errno set. */
FILE *cen__os_open_stream(const char *path);

/* False with errno set if the file at path may not be written to. */
bool cen__os_may_write(const char *path);

/* True if path itself is a link. */
bool cen__os_is_link(const char *path);

/* The path that links at the end of `path` lead to, also if nothing is there. The caller frees it with cen__free;
 * NULL with errno set. */
char *cen__os_follow(cen_context *context, const char *path);

/* A lock that a crash frees: makes the file at path and holds it. -1 with errno set; EWOULDBLOCK if another process
 * holds it and this one does not wait. */
intptr_t cen__os_lock(const char *path, bool waits);

/* Removes the file at path (NULL: none) and frees the lock. -1 is fine. */
void cen__os_unlock(intptr_t lock, const char *path);

/* Creates path for writing; fails if it exists. NULL with errno set, and then no file is left. Owner and mode are those
 * of the file `like`, if there is one, else those of a new file. While *lock is held, cen__os_remove_dead leaves the
 * file. */
FILE *cen__os_create_new(const char *path, const char *like, intptr_t *lock);

/* Removes a file of cen__os_create_new if its process has ended. */
void cen__os_remove_dead(const char *path);

/* 64 bits that differ from call to call and from process to process. */
uint64_t cen__os_entropy(void);

/* Syncs a file; false with errno set. */
bool cen__os_sync(FILE *file);

/* Replaces `to` by `from` in one step; false with errno set. */
bool cen__os_replace(const char *from, const char *to);

/* Syncs the names in a folder, so that a power cut undoes no replacement; false with errno set. Does nothing if a
 * folder cannot be opened or has nothing to sync. */
bool cen__os_sync_folder(const char *folder);

bool cen__os_remove(const char *path);

/* Seconds of a clock that only goes forward. */
double cen__os_seconds(void);

/* Waits some milliseconds for another process. */
void cen__os_pause(void);

/* Bytes of physical memory; 0: not known. */
uint64_t cen__os_memory(void);

/* Asks for larger pages for what lies there, so that reading it all looks up fewer places. The system need not follow. */
void cen__os_enlarge_pages(void *bytes, size_t size);

/* The absolute path of path, without links, "." and "..", with '/' between names. The caller frees it with cen__free.
 * Errors: IO (nothing is there), MEMORY. */
cen_status cen__os_real_path(cen_context *context, const char *path, char **real, cen_error *error);

/* Bytes of an open file; 0 if it is not a regular one. */
uint64_t cen__os_file_size(FILE *file);

/* Reads size bytes at a place of a file that was opened for reading. False with errno set, 0 if the file ends. */
bool cen__os_read_at(FILE *file, uint64_t place, void *bytes, size_t size);

/* The first size > 0 bytes of a file, to be read only; they stay if another file gets its name. NULL with errno set:
 * ENOSYS if this system has no maps, or none that leave the file free. */
const void *cen__os_map(FILE *file, size_t size);
void cen__os_unmap(const void *bytes, size_t size);

/* Opens a regular file for writing at its end, after it is cut to size bytes. NULL with errno set: ENOSYS if this system
 * cannot. */
FILE *cen__os_open_end(const char *path, uint64_t size);

/* Cuts a file of cen__os_open_end to size bytes again. */
bool cen__os_cut(FILE *file, uint64_t size);

#endif
