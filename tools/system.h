/* What programs need of the system beside C99 and the library. Paths are UTF-8. */
#ifndef TOOLS_SYSTEM_H
#define TOOLS_SYSTEM_H

#include <centerloss.h>

#include <stdio.h>

/* Seconds of a clock that only goes forward. */
double clock_seconds(void);

/* A hundredth of a second. */
void pause_shortly(void);

/* Columns of the terminal that file writes to, 0 if it is none. */
int terminal_width(FILE *file);

/* What switches a terminal to such letters, and back by LOOK_PLAIN. "" if file is no terminal with colours, or the
 * user has set NO_COLOR. */
typedef enum { LOOK_PLAIN, LOOK_BEST, LOOK_WARNING, LOOK_ERROR } look;
const char *terminal_look(FILE *file, look which);

/* Bytes of memory that this process has used at most, 0 if the system does not say. */
double peak_memory(void);

/* The processor's name into text[size]; false if the system does not say. */
bool processor_name(char *text, size_t size);

/* To be called first in a program: the standard streams that are closed are opened, so that no file gets the
 * number of one and is written to by what is printed. Reading or writing them fails as before. False with errno
 * set. */
bool fill_streams(void);

/* True if something stands at path, links followed. */
bool path_exists(const char *path);

/* True if that is a folder. */
bool path_is_folder(const char *path);

/* Standard input gives its bytes as they are. */
void read_binary(FILE *file);

/* Bytes of the file at path; 0: not known. */
double file_size(const char *path);

/* True if something stands at path that is neither a regular file nor a folder: a link, wherever it leads, a
 * device, a pipe. */
bool path_is_special(const char *path);

/* The absolute path of what stands at path, without links; the caller frees it. NULL if that is not known. */
char *absolute_path(const char *path);

/* Makes a folder and those above it, with their names on the disk; one that exists is fine. Errors: IO, LIMIT. */
cen_status make_folder(const char *path, cen_error *error);

/* Gives the file `from` the name `to` in one step, also if that is taken; false if that failed. */
bool replace_path(const char *from, const char *to);

/* Brings what was written to file onto the disk; false if that failed. */
bool sync_file(FILE *file);

#endif
