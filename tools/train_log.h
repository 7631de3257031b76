/* cl_train: the rows of log.csv, written, read again, and cut to where a checkpoint stands. */
#ifndef TOOLS_TRAIN_LOG_H
#define TOOLS_TRAIN_LOG_H

#include <centerloss_eval.h>

#include <stdio.h>

/* Cuts a CSV file of at most `most` bytes to its header and the rows whose first number is at most `last`,
 * by writing it anew.
 * What is left, for cen_text_free; NULL where that failed. */
char *keep_rows(const char *path, size_t most, size_t last, cen_error *error);

/* The reports of log.csv's rows, one a call, as on_epoch had them but for the features. False at the end.
 * *text moves to the next row. */
bool read_row(const char **text, size_t n_epochs, cen_epoch_report *report);

/* The columns of log.csv. */
enum { N_LOG_COLUMNS = 21, LOG_EPOCH = 0, LOG_SECONDS = 11, LOG_BEST = 12, LOG_HEADER_SIZE = 400 };
extern const char *const log_columns[N_LOG_COLUMNS];
void log_values(const cen_epoch_report *report, double values[N_LOG_COLUMNS]);

/* A row of log.csv, and the line above the first. */
void log_header(char text[LOG_HEADER_SIZE]);
void print_row(FILE *file, const cen_epoch_report *report);

#endif
