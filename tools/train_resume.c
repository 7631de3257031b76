#include "train_resume.h"

#include <stdlib.h>
#include <string.h>

/* All of a file, with a NUL behind it; NULL with *error filled. */
static char *read_file(const char *path, size_t *size, cen_error *error)
{
    char *text = NULL;
    size_t capacity = 0;
    bool has_memory = true;
    FILE *file = fopen(path, "rb");
    *size = 0;
    while (file != NULL && has_memory && *size + 1 >= capacity) {
        char *more = realloc(text, 2 * capacity + 4096);
        has_memory = more != NULL;
        if (!has_memory) break;
        text = more;
        capacity = 2 * capacity + 4096;
        *size += fread(text + *size, 1, capacity - 1 - *size, file);
    }
    bool good = file != NULL && has_memory && !ferror(file);
    if (file != NULL) (void)fclose(file);
    if (good) {
        text[*size] = '\0';
        return text;
    }
    free(text);
    error->status = has_memory ? CEN_ERROR_IO : CEN_ERROR_MEMORY;
    (void)snprintf(error->message, sizeof error->message, "%.400s: %s", path,
                   has_memory ? "cannot be read, which resuming needs; put the file back"
                              : "not enough memory to read this file");
    return NULL;
}

/* ---- the command line ---- */

static const char *arguments_path(const char *folder, char path[4200])
{
    (void)snprintf(path, 4200, "%.4000s/arguments", folder);
    return path;
}

bool arguments_save(const char *folder, int argc, char **argv, cen_error *error)
{
    char path[4200], *text;
    size_t size = 0;
    for (int i = 1; i < argc; i++) size += strlen(argv[i]) + 1;
    text = malloc(size + 1);
    if (text == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the command line"};
        return false;
    }
    size = 0;
    for (int i = 1; i < argc; i++) {
        strcpy(text + size, argv[i]);
        size += strlen(argv[i]) + 1;
    }
    cen_status status = cen_file_write(arguments_path(folder, path), text, size, error);
    free(text);
    return status == CEN_OK;
}

bool arguments_load(arguments *all, const char *folder, int argc, char **argv, cen_error *error)
{
    char path[4200];
    size_t size, n = 0;
    *all = (arguments){0, NULL, NULL};
    all->text = read_file(arguments_path(folder, path), &size, error);
    if (all->text == NULL) return false;
    if (size > 0 && all->text[size - 1] != '\0') {
        error->status = CEN_ERROR_FORMAT;
        return false;
    }
    for (size_t i = 0; i < size; i++) n += all->text[i] == '\0';
    all->argv = malloc((n + (size_t)argc + 1) * sizeof *all->argv);
    if (all->argv == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the command line"};
        return false;
    }
    all->argv[all->argc++] = argv[0];
    for (char *at = all->text; at < all->text + size; at += strlen(at) + 1) {
        all->argv[all->argc++] = at;
    }
    for (int i = 1; i < argc; i++) all->argv[all->argc++] = argv[i];
    all->argv[all->argc] = NULL;
    return true;
}

bool arguments_copy(arguments *all, const arguments *from)
{
    size_t size = ((size_t)from->argc + 1) * sizeof *from->argv;
    *all = (arguments){from->argc, malloc(size), NULL};
    if (all->argv == NULL) return false;
    memcpy(all->argv, from->argv, size);
    return true;
}

void arguments_free(arguments *all)
{
    free(all->argv);
    free(all->text);
    *all = (arguments){0, NULL, NULL};
}

/* ---- logs ---- */

const char log_header[] =
    "epoch,train_total,train_softmax,train_center,train_accuracy,val_total,val_softmax,val_center,"
    "val_accuracy,knn_accuracy,intra_inter,seconds,best,lr,lambda,gradient_ratio,center_distance,"
    "center_spread,center_step,knn_macro\n";

void print_row(FILE *file, const cen_epoch_report *report)
{
    const cen_losses *train = &report->train, *val = &report->validation;
    fprintf(file,
            "%zu,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.3f,%d,%.9g,%.9g,%.9g,%.9g,"
            "%.9g,%.9g,%.9g\n",
            report->epoch, train->total, train->softmax, train->center, train->accuracy, val->total,
            val->softmax, val->center, val->accuracy, report->knn_accuracy, report->intra_inter,
            report->seconds, report->is_best, report->lr, train->lambda, train->gradient_ratio,
            report->center_distance, report->center_spread, report->center_step, report->knn_macro);
}

bool read_row(const char **text, size_t n_epochs, cen_epoch_report *report)
{
    enum { N_COLUMNS = 20 };
    double x[N_COLUMNS];
    for (size_t i = 0; i < N_COLUMNS; i++) {
        char *end;
        x[i] = strtod(*text, &end);
        if (end == *text || *end != (i + 1 < N_COLUMNS ? ',' : '\n')) return false;
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
                                 .knn_macro = x[19]};
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

char *keep_rows(const char *path, size_t last, cen_error *error)
{
    size_t size;
    char *text = read_file(path, &size, error);
    if (text == NULL) return NULL;
    size = rows_end(text, last);
    text[size] = '\0';
    if (cen_file_write(path, text, size, error) == CEN_OK) return text;
    free(text);
    return NULL;
}
