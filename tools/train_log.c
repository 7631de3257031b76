#include "train_log.h"

#include <stdlib.h>
#include <string.h>

#include "options.h"

const char *const log_columns[N_LOG_COLUMNS] = {
    "epoch",          "train_total",     "train_softmax", "train_center", "train_accuracy",
    "val_total",      "val_softmax",     "val_center",    "val_accuracy", "knn_accuracy",
    "intra_inter",    "seconds",         "best",          "lr",           "lambda",
    "gradient_ratio", "center_distance", "center_spread", "center_step",  "knn_macro",
    "unseen_auc"};

void log_values(const cen_epoch_report *report, double values[N_LOG_COLUMNS])
{
    const cen_losses *train = &report->train, *val = &report->validation;
    const double all[N_LOG_COLUMNS] = {(double)report->epoch,
                                       train->total,
                                       train->first,
                                       train->center,
                                       train->accuracy,
                                       val->total,
                                       val->first,
                                       val->center,
                                       val->accuracy,
                                       report->knn_accuracy,
                                       report->intra_inter,
                                       report->seconds,
                                       report->is_best,
                                       report->lr,
                                       train->lambda,
                                       train->gradient_ratio,
                                       report->center_distance,
                                       report->center_spread,
                                       report->center_step,
                                       report->knn_macro,
                                       report->unseen_auc};
    memcpy(values, all, sizeof all);
}

void log_header(char text[LOG_HEADER_SIZE])
{
    text[0] = '\0';
    for (size_t i = 0; i < N_LOG_COLUMNS; i++) {
        append(text, LOG_HEADER_SIZE, i > 0 ? ",%s" : "%s", log_columns[i]);
    }
    append(text, LOG_HEADER_SIZE, "\n");
}

void print_row(FILE *file, const cen_epoch_report *report)
{
    double values[N_LOG_COLUMNS];
    log_values(report, values);
    for (size_t i = 0; i < N_LOG_COLUMNS; i++) {
        if (i > 0) fputc(',', file);
        fprintf(file, i == LOG_EPOCH ? "%.0f" : i == LOG_SECONDS ? "%.3f" : "%.9g", values[i]);
    }
    fputc('\n', file);
}

bool read_row(const char **text, size_t n_epochs, cen_epoch_report *report)
{
    double x[N_LOG_COLUMNS];
    for (size_t i = 0; i < N_LOG_COLUMNS; i++) {
        char *end;
        x[i] = strtod(*text, &end);
        if (end == *text || *end != (i + 1 < N_LOG_COLUMNS ? ',' : '\n')) return false;
        *text = end + 1;
    }
    if (!(x[0] >= 1 && x[0] <= 1e9)) return false; /* --epochs takes no more */
    *report = (cen_epoch_report){.epoch = (size_t)x[0],
                                 .n_epochs = n_epochs,
                                 .train = {x[1], x[2], x[3], x[4], x[14], x[15]},
                                 .validation = {x[5], x[6], x[7], x[8], x[14], x[15]},
                                 .knn_accuracy = x[9],
                                 .intra_inter = x[10],
                                 .seconds = x[11],
                                 .is_best = x[12] > 0,
                                 .lr = x[13],
                                 .center_distance = x[16],
                                 .center_spread = x[17],
                                 .center_step = x[18],
                                 .knn_macro = x[19],
                                 .unseen_auc = x[20]};
    return true;
}

/* Where the rows end that are kept; one without its end of line was being written when it was cut. */
static size_t rows_end(const char *text, size_t last)
{
    const char *end = strchr(text, '\n');
    if (end == NULL) return 0;
    while (*++end != '\0' && strtod(end, NULL) <= (double)last) {
        const char *next = strchr(end, '\n');
        if (next == NULL) break;
        end = next;
    }
    return (size_t)(end - text);
}

char *keep_rows(const char *path, size_t most, size_t last, cen_error *error)
{
    size_t size;
    char *text;
    if (cen_text_read(NULL, path, most, &text, &size, error) != CEN_OK) return NULL;
    size = rows_end(text, last);
    text[size] = '\0';
    if (cen_file_write(NULL, path, text, size, error) == CEN_OK) return text;
    cen_text_free(text);
    return NULL;
}
