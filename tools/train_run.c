#include "train_run.h"

#include <stdlib.h>
#include <string.h>

#include "train.h"

const char *in_run(const run *r, const char *name, char path[4200])
{
    (void)snprintf(path, 4200, "%s/%s", r->folder, name);
    return path;
}

int save_failed(run *r, const char *path)
{
    r->error.status = CEN_ERROR_IO;
    (void)snprintf(r->error.message, sizeof r->error.message,
                   "%.400s: writing failed; free some space or choose another place", path);
    return 1;
}

const char checkpoint_name[] = "checkpoint.safetensors";

/* The two files that a training keeps its state in. */
static void checkpoint_paths(const run *r, char newer[4200], char older[4300])
{
    (void)snprintf(older, 4300, "%s.previous", in_run(r, checkpoint_name, newer));
}

/* A run that was stopped before its first checkpoint begins anew. */
static int find_checkpoint(run *r)
{
    char path[4200], previous[4300];
    if (strlen(s.resume) >= sizeof r->folder) {
        return fail(&train_tool, EXIT_USAGE, "--resume is longer than a path can be");
    }
    strcpy(r->folder, s.resume);
    checkpoint_paths(r, path, previous);
    r->is_resumed = cen_path_exists(path) || cen_path_exists(previous);
    return 0;
}

/* Nothing of an older run may be taken for this one's. */
static int begin_run_folder(run *r)
{
    char path[4200], previous[4300];
    checkpoint_paths(r, path, previous);
    (void)remove(path);
    (void)remove(previous);
    if (arguments_save(r->folder, r->arguments->argc, r->arguments->argv)) return 0;
    return fail(&train_tool, EXIT_FAILED, "%s: cannot write here; choose another -o", r->folder);
}

int make_run_folder(run *r)
{
    cen_error error;
    if (s.resume != NULL) return find_checkpoint(r);
    if (s.output != NULL) {
        if (strlen(s.output) >= sizeof r->folder) {
            return fail(&train_tool, EXIT_USAGE, "--output is longer than a path can be");
        }
        strcpy(r->folder, s.output);
        char path[4200];
        bool stands = cen_path_exists(in_run(r, "model.safetensors", path)) ||
                      cen_path_exists(in_run(r, checkpoint_name, path));
        if (stands && !s.overwrite) {
            return fail(&train_tool, EXIT_FAILED,
                        "%s: a run stands here already; choose another -o, add --overwrite, or go "
                        "on with it by --resume",
                        s.output);
        }
    } else {
        size_t number = 1;
        do {
            (void)snprintf(r->folder, sizeof r->folder, "runs/%zu", number++);
        } while (cen_path_exists(r->folder));
    }
    if (cen_make_folder(r->folder, &error) != CEN_OK) {
        return fail(&train_tool, EXIT_FAILED, "%s", error.message);
    }
    return begin_run_folder(r);
}

int open_logs(run *r)
{
    char path[4200];
    if (r->is_resumed) return 0; /* on_resume knows which rows stay */
    r->log = fopen(in_run(r, "log.csv", path), "w");
    if (r->log == NULL) {
        return fail(&train_tool, EXIT_FAILED, "%s: cannot write here; choose another -o", path);
    }
    fputs(log_header, r->log);
    if (fflush(r->log) != 0) {
        (void)save_failed(r, path);
        return fail(&train_tool, EXIT_FAILED, "%s", r->error.message);
    }
    if (s.steps == NULL) return 0;
    r->steps = fopen(s.steps, "w");
    if (r->steps == NULL) {
        return fail(&train_tool, EXIT_FAILED, "%s: cannot write here; choose another --steps",
                    s.steps);
    }
    fprintf(r->steps, "step,total,softmax,center\n");
    return 0;
}

int close_logs(run *r)
{
    FILE *steps = r->steps, *log = r->log;
    r->steps = r->log = NULL;
    bool failed = log != NULL && fclose(log) != 0;
    if (failed) return save_failed(r, "log.csv");
    if (steps != NULL && (ferror(steps) | fclose(steps)) != 0) return save_failed(r, s.steps);
    return 0;
}

/* A file of rows goes on behind row `last`. */
static FILE *reopen(run *r, const char *path, size_t last, char **rows)
{
    *rows = keep_rows(path, last);
    FILE *file = *rows != NULL ? fopen(path, "a") : NULL;
    if (file == NULL) {
        r->error.status = CEN_ERROR_IO;
        (void)snprintf(r->error.message, sizeof r->error.message,
                       "%.400s: cannot be read or written, which resuming needs; free some space "
                       "or put the file back",
                       path);
    }
    return file;
}

int reopen_logs(run *r, const cen_resume_report *report)
{
    char path[4200], *rows, *steps;
    r->log = reopen(r, in_run(r, "log.csv", path), report->epoch - 1, &rows);
    if (r->log == NULL) {
        free(rows);
        return 1;
    }
    const char *at = rows + strcspn(rows, "\n");
    cen_epoch_report row;
    bool good = true;
    if (*at == '\n') at++;
    while (good && read_row(&at, s.n_epochs, &row)) {
        good = s.no_report || page_add_epoch(r->page, &row, r->model);
    }
    free(rows);
    if (!good) r->error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for this run's report"};
    if (!good || s.steps == NULL) return !good;
    r->steps = reopen(r, s.steps, report->step, &steps);
    free(steps);
    return r->steps == NULL;
}
