/* cl_train --json, and the sentences that text and JSON share. One object per line, by "kind":
 *   start     the run folder, what was found in the images, input, net and settings
 *   resume    where a resumed training goes on; after start
 *   epoch     the columns of log.csv by their names; null for what was not measured, best is true or false
 *   net       --nets: a preset with its name, line, input and sizes; and images per second
 *   fold      with --folds: its number, how many there are, and accuracy: the share of the images that it left out
 *             which are nearest to the mean of their own class
 *   warning   message
 *   measures  per set, with the names of report.json
 *   plan      --dry-run: as start, with epoch_seconds, seconds and memory_bytes
 *   end       state (done, stopped, failed), code, message, and the paths of what was written; always the last */
#ifndef TOOLS_TRAIN_JSON_H
#define TOOLS_TRAIN_JSON_H

#include "train_run.h"

/* Neither --quiet nor --json: text goes to standard output. */
bool is_talking(void);

/* Prints an error as fail does, keeps its sentence for json_end, and returns the exit code that was given. */
int refuse(int code, const char *format, ...);

/* One sentence that is no error: as an object; else on stdout, unless --quiet, or on stderr. */
void warn(run *r, FILE *file, const char *format, ...);

/* What --dry-run has found. */
typedef struct estimate {
    double epoch_seconds, seconds, memory; /* of an epoch on average, of all, in bytes */
    double train_seconds, measure_seconds; /* of one epoch's steps; of measuring after one */
} estimate;

/* One object each. planned: NULL for a training that begins. */
void json_start(const run *r, const cen_folder_info *info, const estimate *planned);
void json_warning(const char *text);
void json_resume(const cen_resume_report *report);
void json_epoch(const cen_epoch_report *report);
void json_end(const run *r, int code);
void json_net(const char *name, const cen_model_info *info, double multiply_adds, double trained,
              double features);

/* One object per set. */
void json_measures(const cen_report_set *sets, size_t n, cen_metric metric);

#endif
