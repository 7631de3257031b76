/* What C99 has not. os_posix.c and os_windows.c hold the two implementations; nothing else in the
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

typedef struct {
    char **names; /* bytewise sorted, without "." and ".." */
    size_t n_names;
} cen__listing;

/* The names in a folder. Free with cen__listing_free, also after a failure. */
cen_status cen__os_list(const char *folder, cen__listing *listing, cen_error *error);
void cen__listing_free(cen__listing *listing);
void cen__listing_sort(cen__listing *listing);

/* Makes a folder and those above it; one that exists is fine. */
cen_status cen__os_make_folder(const char *path, cen_error *error);

/* fopen for UTF-8 paths. */
FILE *cen__os_open(const char *path, const char *mode);

/* Creates path for writing, failing where it exists; NULL with errno set, and then nothing is left. */
FILE *cen__os_create_new(const char *path);

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

/* Processors that this process may use, at least 1. */
int cen__os_processors(void);

/* Bytes of physical memory, 0 where that is not known. */
uint64_t cen__os_memory(void);

/* The absolute path without links, "." and ".." of what stands at path, with '/' between names; the
 * caller's to cen__free. Errors: IO (nothing stands there), MEMORY. */
cen_status cen__os_real_path(const char *path, char **real, cen_error *error);

/* Bytes of a file, 0 where it is none. */
uint64_t cen__os_file_size(const char *path);

/* Columns of the terminal behind file, 0 where it is none. */
int cen__os_terminal_width(FILE *file);

#endif
