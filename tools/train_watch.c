/* cl_train: what is heard while a training runs: its callbacks, and signals. */
#include "train_watch.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "train.h"
#include "train_log.h"
#include "train_ranks.h"
#include "system.h"
#include "train_json.h"

/* ---- signals ---- */

static volatile sig_atomic_t interrupted; /* the number of the signal */
static volatile sig_atomic_t is_waited_for;

/* A quick batch is waited for, and what it made is kept. Before the first there is nothing to keep, and
 * cen_fit has kept each slow one. */
static void interrupt(int number)
{
    interrupted = number;
    signal(number, SIG_DFL); /* a second Ctrl-C ends at once */
    if (!is_waited_for) raise(number);
}

void catch_signals(bool is_on)
{
    static const int numbers[] = {
#ifdef SIGHUP
        SIGHUP,
#endif
        SIGINT, SIGTERM};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        void (*before)(int) = signal(numbers[i], is_on ? interrupt : SIG_DFL);
        if (before == SIG_IGN) signal(numbers[i], SIG_IGN);
    }
}

int signal_number(void)
{
    return interrupted;
}

/* ---- callbacks ---- */

/* Of all that is left; what an epoch measures counts from the second on. */
static double seconds_left(run *r, const cen_step_report *report)
{
    const double an_image = report->seconds / (double)(report->n_images > 0 ? report->n_images : 1);
    const double steps = an_image * (double)r->n_train;
    const double epoch = r->epoch_seconds > steps ? r->epoch_seconds : steps;
    return epoch * (double)(report->n_epochs - report->epoch + 1) - report->seconds;
}

static void show_step(run *r, const cen_step_report *report)
{
    enum { MOST = 6, SIZE = 400 };
    const cen_losses *mean = &report->mean_losses;
    const double seconds = report->seconds > 0 ? report->seconds : 1e-9;
    char text[MOST][SIZE], clock[32];
    const char *parts[MOST];
    size_t n = 0;
    (void)snprintf(r->label, sizeof r->label, "epoch %zu/%zu", report->epoch, report->n_epochs);
    (void)snprintf(text[n++], SIZE, "%s", r->label);
    (void)snprintf(text[n++], SIZE, "%s left", as_clock(seconds_left(r, report), clock));
    (void)snprintf(text[n++], SIZE, "%s %.4f", first_term(), mean->first);
    (void)snprintf(text[n++], SIZE, "center %.4f", mean->center);
    if (!isnan(mean->accuracy)) {
        (void)snprintf(text[n++], SIZE, "accuracy %.1f %%", 100 * mean->accuracy);
    }
    (void)snprintf(text[n++], SIZE, "%.0f images/s", (double)report->n_images / seconds);
    for (size_t i = 0; i < n; i++) parts[i] = text[i];
    progress_show(&r->line, report->n_images, r->n_train, parts, n);
}

static int on_step(void *user, const cen_step_report *report)
{
    run *r = user;
    if (!settle_run(r)) return -1;
    if (r->steps != NULL) {
        const cen_losses *losses = &report->losses;
        fprintf(r->steps, "%zu,%.9g,%.9g,%.9g\n", report->step, losses->total, losses->first,
                losses->center);
        if (fflush(r->steps) != 0) return save_failed(r, s.steps);
    }
    show_step(r, report);
    is_waited_for = !report->is_slow || !(s.checkpoint_minutes > 0);
    return interrupted != 0;
}

static int on_measure(void *user, size_t done, size_t total)
{
    run *r = user;
    char text[80];
    (void)snprintf(text, sizeof text, "%s  measuring", r->label);
    progress_images(&r->line, text, done, total);
    return interrupted != 0;
}

static void on_unreadable(void *user, const char *path, const char *reason)
{
    run *r = user;
    enum { MOST = 20 };
    if (r->n_unreadable++ < MOST) {
        warn(r, stderr, "passed over %s: %s", path, reason);
    } else if (r->n_unreadable == MOST + 1) {
        warn(r, stderr, "passed over more, which are not named");
    }
}

static int on_epoch(void *user, const cen_epoch_report *report)
{
    run *r = user;
    char path[PATH_SIZE];
    progress_clear(&r->line);
    const double before = r->epoch_seconds > 0 ? r->epoch_seconds : report->seconds;
    r->epoch_seconds = 0.8 * before + 0.2 * report->seconds; /* not every epoch is measured */
    r->n_gallery = report->n_gallery;
    if (is_talking()) print_epoch(r, report);
    if (s.is_json) json_epoch(report);
    warn_of_epoch(r, report);
    print_row(r->log, report);
    if (!sync_file(r->log)) return save_failed(r, in_run(r, "log.csv", path));
    drop_folds(r);
    if (!s.no_report && !page_add_epoch(r->page, report, r->model)) {
        r->error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the report of this run"};
        return -1;
    }
    if (!report->is_best) return 0;
    r->is_best_unseen = !isnan(report->unseen_auc);
    r->best_knn = r->is_best_unseen ? report->unseen_auc
                  : s.balance       ? report->knn_macro
                                    : report->knn_accuracy;
    r->best_epoch = report->epoch;
    return cen_model_save(r->model, in_run(r, "model.safetensors", path), &r->error) == CEN_OK ? 0
                                                                                               : -1;
}

static int on_resume(void *user, const cen_resume_report *report)
{
    run *r = user;
    r->best_epoch = report->best_epoch;
    r->best_knn = report->best_epoch > 0 ? report->best_knn : NAN;
    if (report->warning != NULL) {
        warn(r, stderr, "%s; the checkpoint before it is used", report->warning);
    }
    const size_t n_begun = report->epoch - (report->batch == 0);
    char text[64];
    if (n_begun > s.n_epochs) {
        warn(r, stderr,
             "%zu epochs were begun already, more than --epochs %zu: only features and report are "
             "made anew",
             n_begun, s.n_epochs);
    }
    if (s.is_json) json_resume(report);
    if (is_talking()) {
        printf("resumed   at epoch %zu, batch %zu, after %s\n", report->epoch, report->batch + 1,
               counted(report->step, "step", text));
        if (strcmp(report->machine, report->machine_before) != 0) {
            print_names(
                stdout,
                "note      begun with %s, goes on with %s: the last bits of its numbers may "
                "differ\n",
                report->machine_before, report->machine);
        }
    }
    return reopen_logs(r, report);
}

/* Of a process that only computes. */
static int on_silent_step(void *user, const cen_step_report *report)
{
    (void)user;
    is_waited_for = !report->is_slow || !(s.checkpoint_minutes > 0);
    return interrupted != 0;
}

void watch(cen_fit_options *fit, run *r)
{
    if (!is_first_rank()) {
        fit->on_step = on_silent_step;
        return;
    }
    fit->on_step = on_step;
    fit->on_epoch = on_epoch;
    fit->on_resume = on_resume;
    fit->on_measure = on_measure;
    fit->on_unreadable = on_unreadable;
    fit->user = r;
}
