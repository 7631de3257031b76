/* cl_train --resume: the command line of the run, and its logs cut to where the checkpoint stands. */
#ifndef TOOLS_TRAIN_RESUME_H
#define TOOLS_TRAIN_RESUME_H

#include <centerloss_eval.h>

#include <stdio.h>

/* A command line that stands in one piece of memory. */
typedef struct arguments {
    int argc;
    char **argv, *text;
} arguments;

/* Writes argv[1 ...] to a file. False where that failed. */
bool arguments_save(const char *path, const arguments *given, cen_error *error);

/* given->argv[0], what such a file holds, then given->argv[1 ...]. False where it cannot be read, or
 * without memory. */
bool arguments_load(arguments *all, const char *path, const arguments *given, cen_error *error);

/* The same pointers in memory of its own. */
bool arguments_copy(arguments *all, const arguments *from);
void arguments_free(arguments *all);

/* Cuts a CSV file of at most `most` bytes to its header and the rows whose first number is at most `last`,
 * by writing it anew.
 * What is left, for cen_text_free; NULL where that failed. */
char *keep_rows(const char *path, size_t most, size_t last, cen_error *error);

/* The reports of log.csv's rows, one a call, as on_epoch had them but for the features. False at the end.
 * *text moves to the next row. */
bool read_row(const char **text, size_t n_epochs, cen_epoch_report *report);

/* A row of log.csv, and the line above the first. */
extern const char log_header[];
void print_row(FILE *file, const cen_epoch_report *report);

#endif
