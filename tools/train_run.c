#include "train_run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_log.h"
#include "system.h"
#include "train_json.h"

/* What an --overwrite writes before its first checkpoint stands in folder/.new: until that checkpoint is
 * there whole, the older run is the run; from then on, it is this one, though the files are still to be
 * moved. */
const char *const moved_files[N_MOVED] = {"arguments", "log.csv", checkpoint_name};
enum {
    LOG_MOST =
        1 << 28, /* bytes of log.csv and of --steps that are read: they may be a stranger's */
    STEPS_MOST = 1 << 30 /* (a million epochs, twenty million steps) */
};

const char *in_run(const run *r, const char *name, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/%s", r->folder, name);
    return path;
}

const char *in_new(const run *r, const char *name, char path[PATH_SIZE])
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

bool move_files(run *r)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    (void)remove(in_run(r, previous_name, to));
    for (size_t i = 0; i < N_MOVED; i++) {
        if (!path_exists(in_new(r, moved_files[i], from))) continue;
        if (replace_path(from, in_run(r, moved_files[i], to))) continue;
        (void)save_failed(r, to);
        return false;
    }
    cen_clear_temporary(NULL, in_run(r, ".new", to));
    (void)remove(to);
    return true;
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

const char *keep_choice(run *r, const char *name, const char *value)
{
    const size_t size = strlen(name) + strlen(value) + 4;
    char *text = malloc(size);
    if (text == NULL) {
        r->error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the command line"};
        return NULL;
    }
    (void)snprintf(text, size, "--%s=%s", name, value);
    r->chosen[r->n_chosen++] = text;
    return text + strlen(name) + 3;
}

void free_choices(run *r)
{
    while (r->n_chosen > 0) free(r->chosen[--r->n_chosen]);
}

int begin_run(run *r)
{
    char path[PATH_SIZE], header[LOG_HEADER_SIZE];
    strcpy(r->checkpoint, begun(r, checkpoint_name, path));
    r->has_begun = r->is_resumed;
    if (r->is_resumed) return 0; /* on_resume knows which rows stay */
    bool good = !r->is_aside || make_folder(in_run(r, ".new", path), &r->error) == CEN_OK;
    if (s.resume == NULL) { /* else it was stopped before its first checkpoint, and begins anew */
        char epochs[32];
        (void)snprintf(epochs, sizeof epochs, "%zu", s.n_epochs);
        good = good && (!(s.minutes > 0) || keep_choice(r, "epochs", epochs) != NULL) &&
               arguments_save(begun(r, "arguments", path), r->arguments, r->chosen, r->n_chosen,
                              &r->error);
    }
    log_header(header);
    if (good) r->log = begin_rows(r, begun(r, "log.csv", path), header);
    r->has_begun = r->log != NULL;
    return r->log != NULL ? 0 : refuse(EXIT_FAILED, "%s", r->error.message);
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
        if (!isnan(row.unseen_auc)) r->is_best_unseen = true;
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
