/* cl_train --resume: the command line of the run, and its logs cut to where the checkpoint stands. */
#ifndef TOOLS_TRAIN_RESUME_H
#define TOOLS_TRAIN_RESUME_H

#include <centerloss.h>

#include <stdio.h>

/* A command line that stands in one piece of memory. */
typedef struct arguments {
    int argc;
    char **argv, *text;
} arguments;

/* Keeps argv[1 ...] in FOLDER/arguments. False where it cannot be written. */
bool arguments_save(const char *folder, int argc, char **argv, cen_error *error);

/* argv[0], what FOLDER/arguments holds, then argv[1 ...]. False where that file cannot be read, or
 * without memory: error->status tells which, and of memory its message too. */
bool arguments_load(arguments *all, const char *folder, int argc, char **argv, cen_error *error);

/* The same pointers in memory of its own. */
bool arguments_copy(arguments *all, const arguments *from);
void arguments_free(arguments *all);

/* Cuts a CSV file to its header and the rows whose first number is at most `last`, by writing it anew.
 * What is left, the caller's to free; NULL where that failed. */
char *keep_rows(const char *path, size_t last, cen_error *error);

/* The reports of log.csv's rows, one a call, as on_epoch had them but for the features. False at the end.
 * *text moves to the next row. */
bool read_row(const char **text, size_t n_epochs, cen_epoch_report *report);

/* A row of log.csv, and the line above the first. */
extern const char log_header[];
void print_row(FILE *file, const cen_epoch_report *report);

#endif
