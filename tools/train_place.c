/* cl_train: taking the folder of a run, and leaving it. */
#include <string.h>

#include "train.h"
#include "train_run.h"
#include "system.h"
#include "train_json.h"

static int set_folder(run *r, const char *folder, const char *given)
{
    if (strlen(folder) >= sizeof r->folder) {
        return refuse(EXIT_USAGE, "--%s is longer than a path can be", given);
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

/* A run folder may come from a stranger: its files are written anew, never followed elsewhere, and no
 * pipe is waited for. */
static int refuse_special(const run *r)
{
    char path[PATH_SIZE];
    for (size_t i = 0; run_file(i) != NULL; i++) {
        if (!path_is_special(in_run(r, run_file(i), path))) continue;
        return refuse(
            EXIT_FAILED,
            "%s: this is a link, a device or a pipe, which would be written through; put a "
            "file there, or remove it",
            path);
    }
    return 0;
}

static int fail_lock(const run *r, const cen_error *error)
{
    if (error->status != CEN_ERROR_ARGUMENT) {
        return refuse(EXIT_FAILED, "%s", error->message);
    }
    return refuse(EXIT_FAILED,
                  "%s: another training is writing this run; wait until it has ended, or choose "
                  "another -o",
                  r->folder);
}

static cen_status take_lock(run *r, cen_error *error)
{
    char path[PATH_SIZE];
    return cen_lock_take(NULL, &r->lock, in_run(r, ".lock", path), false, error);
}

/* Either finishes what a process that died had begun, or clears it away. */
static bool finish_older(run *r)
{
    char path[PATH_SIZE];
    if (path_exists(in_new(r, checkpoint_name, path))) return move_files(r);
    for (size_t i = 0; i < N_MOVED; i++) (void)remove(in_new(r, moved_files[i], path));
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
    return refuse(EXIT_FAILED, "%s", r->error.message);
}

/* The lock decides between two that come at once; a folder that another one leaves is passed over. */
static int take_next_folder(run *r)
{
    cen_error error;
    for (size_t number = 1;; number++) {
        (void)snprintf(r->folder, sizeof r->folder, "runs/%zu", number);
        if (path_exists(r->folder)) continue;
        if (make_folder(r->folder, &error) != CEN_OK) {
            return refuse(EXIT_FAILED, "%s", error.message);
        }
        cen_status status = take_lock(r, &error);
        if (status == CEN_OK && !has_run(r) && !holds(r, "arguments")) break;
        if (status != CEN_OK && status != CEN_ERROR_ARGUMENT && path_exists(r->folder)) {
            (void)remove(r->folder);
            return refuse(EXIT_FAILED, "%s", error.message);
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
        return refuse(EXIT_FAILED, "%s", error.message);
    }
    r->is_new = !stood;
    code = hold_folder(r);
    if (code != 0) return code;
    r->is_aside = has_run(r);
    if (r->is_aside && !s.overwrite) {
        return refuse(EXIT_FAILED,
                      "%s: a run stands here already; choose another -o, add --overwrite, or go "
                      "on with it by --resume",
                      s.output);
    }
    const char *file = file_of_another(r);
    if (file != NULL && !r->is_aside && !s.overwrite) {
        return refuse(EXIT_FAILED,
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
        return refuse(EXIT_FAILED,
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
