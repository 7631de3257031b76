#include "train_run.h"

#include <centerloss_eval.h>
#include "system.h"

#include <stdlib.h>
#include <string.h>

#include "train.h"

static const char checkpoint_name[] = "checkpoint.safetensors";
static const char previous_name[] = "checkpoint.safetensors.previous";

/* What an --overwrite writes before its first checkpoint stands in folder/.new: until that checkpoint is
 * there whole, the older run is the run; from then on, it is this one, though the files are still to be
 * moved. */
static const char *const moved[] = {"arguments", "log.csv", checkpoint_name};
enum {
    N_MOVED = sizeof moved / sizeof *moved,
    LOG_MOST =
        1 << 28, /* bytes of log.csv and of --steps that are read: they may be a stranger's */
    STEPS_MOST = 1 << 30 /* (a million epochs, twenty million steps) */
};

const char *in_run(const run *r, const char *name, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/%s", r->folder, name);
    return path;
}

/* The same in folder/.new. */
static const char *in_new(const run *r, const char *name, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/.new/%s", r->folder, name);
    return path;
}

static const char *begun(const run *r, const char *name, char path[PATH_SIZE])
{
    return r->is_aside ? in_new(r, name, path) : in_run(r, name, path);
}

int save_failed(run *r, const char *path)
{
    r->error.status = CEN_ERROR_IO;
    (void)snprintf(r->error.message, sizeof r->error.message,
                   "%.400s: writing failed; free some space or choose another place", path);
    return -1;
}

/* ---- taking a folder ---- */

static int set_folder(run *r, const char *folder, const char *given)
{
    if (strlen(folder) >= sizeof r->folder) {
        return fail(&train_tool, EXIT_USAGE, "--%s is longer than a path can be", given);
    }
    strcpy(r->folder, folder);
    return 0;
}

static bool holds(const run *r, const char *name)
{
    char path[PATH_SIZE];
    return path_exists(in_run(r, name, path));
}

static bool has_checkpoint(const run *r)
{
    return holds(r, checkpoint_name) || holds(r, previous_name);
}

static bool has_run(const run *r)
{
    return holds(r, "model.safetensors") || has_checkpoint(r);
}

/* A file that a training would replace, and that no training which began here can have left; NULL if there is
 * none. */
static const char *file_of_another(const run *r)
{
    static const char *const files[] = {"features.npy", "features.tsv", "report.html",
                                        "report.json",  "svg",          "log.csv"};
    enum { N_FILES = sizeof files / sizeof *files };
    size_t i = 0;
    while (i < N_FILES && !holds(r, files[i])) i++;
    return i < N_FILES && !holds(r, "arguments") ? files[i] : NULL;
}

static const char *const run_files[] = {".lock",
                                        ".new",
                                        "arguments",
                                        checkpoint_name,
                                        "features.npy",
                                        "features.tsv",
                                        previous_name,
                                        "log.csv",
                                        "model.safetensors",
                                        "report.html",
                                        "report.json",
                                        "svg",
                                        ".new/arguments",
                                        ".new/log.csv",
                                        ".new/checkpoint.safetensors",
                                        ".new/checkpoint.safetensors.previous"};
enum { N_RUN_FILES = sizeof run_files / sizeof *run_files };

bool is_run_file(const char *name)
{
    size_t i = 0;
    while (i < N_RUN_FILES && strcmp(name, run_files[i]) != 0) i++;
    return i < N_RUN_FILES;
}

/* A run folder may come from a stranger: its files are written anew, never followed elsewhere, and no
 * pipe is waited for. */
static int refuse_special(const run *r)
{
    char path[PATH_SIZE];
    for (size_t i = 0; i < N_RUN_FILES; i++) {
        if (!path_is_special(in_run(r, run_files[i], path))) continue;
        return fail(&train_tool, EXIT_FAILED,
                    "%s: this is a link, a device or a pipe, which would be written through; put a "
                    "file there, or remove it",
                    path);
    }
    return 0;
}

static int fail_lock(const run *r, const cen_error *error)
{
    if (error->status != CEN_ERROR_ARGUMENT) {
        return fail(&train_tool, EXIT_FAILED, "%s", error->message);
    }
    return fail(&train_tool, EXIT_FAILED,
                "%s: another training is writing this run; wait until it has ended, or choose "
                "another -o",
                r->folder);
}

static cen_status take_lock(run *r, cen_error *error)
{
    char path[PATH_SIZE];
    return cen_lock_take(NULL, &r->lock, in_run(r, ".lock", path), false, error);
}

/* The older run's state goes; its model and features stay until those of the new one replace them. What is done
 * already is passed over, so that this may be cut short anywhere and done again. */
static bool move_files(run *r)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    (void)remove(in_run(r, previous_name, to));
    for (size_t i = 0; i < N_MOVED; i++) {
        if (!path_exists(in_new(r, moved[i], from))) continue;
        if (replace_path(from, in_run(r, moved[i], to))) continue;
        (void)save_failed(r, to);
        return false;
    }
    cen_clear_temporary(NULL, in_run(r, ".new", to));
    (void)remove(to);
    return true;
}

/* Either finishes what a process that died had begun, or clears it away. */
static bool finish_older(run *r)
{
    char path[PATH_SIZE];
    if (path_exists(in_new(r, checkpoint_name, path))) return move_files(r);
    for (size_t i = 0; i < N_MOVED; i++) (void)remove(in_new(r, moved[i], path));
    cen_clear_temporary(NULL, in_run(r, ".new", path));
    (void)remove(path);
    return true;
}

/* A folder that stands already. */
static int hold_folder(run *r)
{
    cen_error error;
    int code = refuse_special(r);
    if (code != 0) return code;
    if (take_lock(r, &error) != CEN_OK) return fail_lock(r, &error);
    if (finish_older(r)) return 0;
    return fail(&train_tool, EXIT_FAILED, "%s", r->error.message);
}

/* The lock decides between two that come at once; a folder that another one leaves is passed over. */
static int take_next_folder(run *r)
{
    cen_error error;
    for (size_t number = 1;; number++) {
        (void)snprintf(r->folder, sizeof r->folder, "runs/%zu", number);
        if (path_exists(r->folder)) continue;
        if (make_folder(r->folder, &error) != CEN_OK) {
            return fail(&train_tool, EXIT_FAILED, "%s", error.message);
        }
        cen_status status = take_lock(r, &error);
        if (status == CEN_OK && !has_run(r) && !holds(r, "arguments")) break;
        if (status != CEN_OK && status != CEN_ERROR_ARGUMENT && path_exists(r->folder)) {
            (void)remove(r->folder);
            return fail(&train_tool, EXIT_FAILED, "%s", error.message);
        }
        cen_lock_release(r->lock);
        r->lock = NULL;
    }
    r->is_new = true;
    return 0;
}

int take_run_folder(run *r)
{
    if (s.output == NULL) return take_next_folder(r);
    int code = set_folder(r, s.output, "output");
    if (code != 0) return code;
    cen_error error;
    bool stood = path_exists(r->folder);
    if (make_folder(r->folder, &error) != CEN_OK) {
        return fail(&train_tool, EXIT_FAILED, "%s", error.message);
    }
    r->is_new = !stood;
    code = hold_folder(r);
    if (code != 0) return code;
    r->is_aside = has_run(r);
    if (r->is_aside && !s.overwrite) {
        return fail(&train_tool, EXIT_FAILED,
                    "%s: a run stands here already; choose another -o, add --overwrite, or go "
                    "on with it by --resume",
                    s.output);
    }
    const char *file = file_of_another(r);
    if (file != NULL && !r->is_aside && !s.overwrite) {
        return fail(&train_tool, EXIT_FAILED,
                    "%s: %s stands here already, and is of no run; choose another -o, or add "
                    "--overwrite",
                    s.output, file);
    }
    return 0;
}

int take_old_run(run *r, const char *folder)
{
    int code = set_folder(r, folder, "resume");
    if (code != 0) return code;
    if (!holds(r, "arguments")) {
        return fail(&train_tool, EXIT_FAILED,
                    "%s: this is no run that can be resumed (it has no file 'arguments'); name "
                    "the folder of a run",
                    folder);
    }
    code = hold_folder(r);
    r->is_resumed = has_checkpoint(r);
    return code;
}

void leave_run_folder(run *r)
{
    if (r->lock != NULL) (void)finish_older(r);
    cen_lock_release(r->lock);
    r->lock = NULL;
    if (r->is_new && !holds(r, "arguments")) (void)remove(r->folder);
}

/* ---- the files that grow ---- */

/* A new file of rows, whose header is on the disk. */
static FILE *begin_rows(run *r, const char *path, const char *header)
{
    FILE *file = fopen(path, "wb");
    if (file != NULL && (fputs(header, file) < 0 || !sync_file(file))) {
        (void)fclose(file);
        file = NULL;
    }
    if (file == NULL) (void)save_failed(r, path);
    return file;
}

int begin_run(run *r)
{
    char path[PATH_SIZE];
    strcpy(r->checkpoint, begun(r, checkpoint_name, path));
    if (r->is_resumed) return 0; /* on_resume knows which rows stay */
    bool good = !r->is_aside || make_folder(in_run(r, ".new", path), &r->error) == CEN_OK;
    if (s.resume == NULL) { /* else it was stopped before its first checkpoint, and begins anew */
        good = good && arguments_save(begun(r, "arguments", path), r->arguments, &r->error);
    }
    if (good) r->log = begin_rows(r, begun(r, "log.csv", path), log_header);
    return r->log != NULL ? 0 : fail(&train_tool, EXIT_FAILED, "%s", r->error.message);
}

bool settle_run(run *r)
{
    char path[PATH_SIZE];
    if (r->has_settled) return true;
    r->has_settled = true;
    if (s.steps != NULL && r->steps == NULL) {
        r->steps = begin_rows(r, s.steps, "step,total,softmax,center\n");
        if (r->steps == NULL) { /* then the older run stays */
            if (r->is_aside) (void)remove(in_new(r, checkpoint_name, path));
            return false;
        }
    }
    if (r->is_aside) { /* some systems move no file that is open */
        bool is_closed = r->log == NULL || fclose(r->log) == 0;
        r->log = NULL;
        if (!is_closed) return save_failed(r, in_new(r, "log.csv", path)) == 0;
        if (!move_files(r)) return false;
        r->is_aside = false;
        strcpy(r->checkpoint, in_run(r, checkpoint_name, path));
        r->log = fopen(in_run(r, "log.csv", path), "ab");
        if (r->log == NULL) return save_failed(r, path) == 0;
    }
    return true;
}

int close_logs(run *r)
{
    FILE *steps = r->steps, *log = r->log;
    r->steps = r->log = NULL;
    char path[PATH_SIZE];
    bool is_log_bad = log != NULL && fclose(log) != 0;
    bool are_steps_bad = steps != NULL && (ferror(steps) | fclose(steps)) != 0;
    if (is_log_bad) return save_failed(r, in_run(r, "log.csv", path));
    return are_steps_bad ? save_failed(r, s.steps) : 0;
}

/* A file of rows goes on after row `last`. */
static FILE *reopen(run *r, const char *path, size_t most, size_t last, char **rows)
{
    *rows = keep_rows(path, most, last, &r->error);
    FILE *file = *rows != NULL ? fopen(path, "ab") : NULL;
    if (*rows != NULL && file == NULL) (void)save_failed(r, path);
    return file;
}

int reopen_logs(run *r, const cen_resume_report *report)
{
    char path[PATH_SIZE], *rows, *steps;
    r->log = reopen(r, in_run(r, "log.csv", path), LOG_MOST, report->epoch - 1, &rows);
    if (r->log == NULL) {
        cen_text_free(rows);
        return -1;
    }
    const char *at = rows + strcspn(rows, "\n");
    cen_epoch_report row;
    bool good = true;
    if (*at == '\n') at++;
    while (good && read_row(&at, s.n_epochs, &row)) {
        good = s.no_report || page_add_epoch(r->page, &row, r->model);
    }
    cen_text_free(rows);
    if (!good) r->error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for this run's report"};
    if (!good) return -1;
    if (s.steps == NULL) return 0;
    if (report->step == 0) return 0; /* settle_run begins it */
    r->steps = reopen(r, s.steps, STEPS_MOST, report->step, &steps);
    cen_text_free(steps);
    return r->steps != NULL ? 0 : -1;
}
