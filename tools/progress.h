/* What the tools print while they work. */
#ifndef TOOLS_PROGRESS_H
#define TOOLS_PROGRESS_H

#include <centerloss.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "options.h"

/* A line that is rewritten in place on a terminal; elsewhere a new line, once a second at most. */
typedef struct progress {
    FILE *file; /* where it is printed */
    bool is_quiet;
    double shown;   /* when a line was last printed */
    size_t n_shown; /* columns of the line that stands on the terminal */
} progress;

/* Where a tool talks that writes to `output`: the error stream, if that is standard output. */
FILE *talk_beside(const char *output);

progress progress_start(bool is_quiet, FILE *file);

/* Shows parts[n], the most important first: on a terminal those that fit its width at this moment, with a
 * bar if there is room. More often than ten times a second is passed over, unless done is total. */
void progress_show(progress *line, size_t done, size_t total, const char *const *parts, size_t n);

/* The same with a label and "done / total images". */
void progress_images(progress *line, const char *label, size_t done, size_t total);

/* Wipes the line, so that another can be printed. */
void progress_clear(progress *line);

/* Notes as JSON objects with commas between; *is_first says whether none was printed before, and is kept up. */
void print_json_notes(const cen_file_note *notes, size_t n, bool *is_first);

/* Says on the error stream which images were skipped or are damaged. */
void print_folder_notes(const command *tool, const cen_folder_info *info);

/* features[*n, D] and rows[*n] of the images of a lazy folder; is_strict: one that cannot be read is the
 * error. */
cen_status folder_features(const cen_model *model, cen_folder *folder, bool is_strict,
                           float *features, size_t *rows, size_t *n, cen_progress *show, void *user,
                           cen_error *error);

/* The input, the layers, the head: a line each. */
void print_model(const cen_model *model);

#endif
