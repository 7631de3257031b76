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
    return -1;
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
    if (cen_path_exists(path) || cen_path_exists(previous)) {
        return fail(&train_tool, EXIT_FAILED,
                    "%s: the checkpoint of an older run cannot be removed; choose another -o",
                    r->folder);
    }
    if (arguments_save(r->folder, r->arguments->argc, r->arguments->argv, &r->error)) return 0;
    return fail(&train_tool, EXIT_FAILED, "%s", r->error.message);
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

/* A new file of rows. Its header is on the disk before the first checkpoint, so that resuming finds it. */
static FILE *begin_rows(const char *path, const char *header, const char *remedy)
{
    FILE *file = fopen(path, "wb");
    if (file != NULL && (fputs(header, file) < 0 || !cen_file_sync(file))) {
        (void)fclose(file);
        file = NULL;
    }
    if (file == NULL) {
        (void)fail(&train_tool, EXIT_FAILED,
                   "%s: writing failed; free some space or choose another %s", path, remedy);
    }
    return file;
}

int open_logs(run *r)
{
    char path[4200];
    if (r->is_resumed) return 0; /* on_resume knows which rows stay */
    r->log = begin_rows(in_run(r, "log.csv", path), log_header, "-o");
    if (r->log == NULL) return EXIT_FAILED;
    if (s.steps == NULL) return 0;
    r->steps = begin_rows(s.steps, "step,total,softmax,center\n", "--steps");
    return r->steps != NULL ? 0 : EXIT_FAILED;
}

int close_logs(run *r)
{
    FILE *steps = r->steps, *log = r->log;
    r->steps = r->log = NULL;
    char path[4200];
    bool is_log_bad = log != NULL && fclose(log) != 0;
    bool are_steps_bad = steps != NULL && (ferror(steps) | fclose(steps)) != 0;
    if (is_log_bad) return save_failed(r, in_run(r, "log.csv", path));
    return are_steps_bad ? save_failed(r, s.steps) : 0;
}

/* A file of rows goes on behind row `last`. */
static FILE *reopen(run *r, const char *path, size_t last, char **rows)
{
    *rows = keep_rows(path, last, &r->error);
    FILE *file = *rows != NULL ? fopen(path, "ab") : NULL;
    if (*rows != NULL && file == NULL) (void)save_failed(r, path);
    return file;
}

int reopen_logs(run *r, const cen_resume_report *report)
{
    char path[4200], *rows, *steps;
    r->log = reopen(r, in_run(r, "log.csv", path), report->epoch - 1, &rows);
    if (r->log == NULL) {
        free(rows);
        return -1;
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
    if (!good) return -1;
    if (s.steps == NULL) return 0;
    r->steps = reopen(r, s.steps, report->step, &steps);
    free(steps);
    return r->steps != NULL ? 0 : -1;
}
