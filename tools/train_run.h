/* cl_train: the folder of a run and the files that grow in it. */
#ifndef TOOLS_TRAIN_RUN_H
#define TOOLS_TRAIN_RUN_H

#include <centerloss_eval.h>

#include <stdio.h>

#include "progress.h"
#include "train_page.h"
#include "train_arguments.h"

enum { PATH_SIZE = 4200, CHOICES_MOST = 8 };

typedef struct run {
    cen_context *context;
    cen_model *model;
    progress line;
    char label[56];       /* "epoch 3/40", when its first step is done */
    double epoch_seconds; /* mean over the last ones, with what they measured */
    char folder[4096];
    char checkpoint[PATH_SIZE]; /* in folder/.new until the first one is written */
    cen_lock *lock;
    FILE *log, *steps;
    cen_error error;                         /* of a file that could not be written in a callback */
    size_t n_train, n_gallery, n_unreadable; /* n_gallery: searched by an epoch's k-NN */
    double best_knn;                         /* the figure that chose the best epoch */
    bool is_best_unseen;                     /* it is the AUC of held-out classes */
    size_t best_epoch;
    page *page;
    char misplaced[4000]; /* with --folds: the training images that look so */
    const char *command;  /* as it can be typed again */
    const arguments *arguments;
    char *chosen[CHOICES_MOST]; /* of keep_choice */
    size_t n_chosen;
    bool has_begun;   /* its folder has a log */
    bool is_resumed;  /* there is a checkpoint */
    bool is_limited;  /* what the net takes: it is from a file of the run, and not typed */
    bool is_aside;    /* files of this run lie in folder/.new beside an older run */
    bool is_new;      /* the folder was made for this run */
    bool has_header;  /* the table of epochs has begun */
    unsigned warned;  /* a bit for each kind of warning that was given */
    bool has_settled; /* and has its first checkpoint */
} run;

/* One of the names that a run's files have. */
bool is_run_file(const char *name);
const char *run_file(size_t i); /* NULL after the last */

/* path = that of a file of the run; and of folder/.new. */
const char *in_run(const run *r, const char *name, char path[PATH_SIZE]);
const char *in_new(const run *r, const char *name, char path[PATH_SIZE]);

/* Those that stand in folder/.new at first. */
enum { N_MOVED = 3 };
extern const char scratch_name[], checkpoint_name[], previous_name[], fold_checkpoint_name[],
    fold_previous_name[];
extern const char *const moved_files[N_MOVED];

/* The older run's state goes; its model and features stay until those of the new one replace them. What is done
 * already is passed over, so that this may be cut short anywhere and done again. False if that failed, which
 * r->error tells. */
bool move_files(run *r);

/* Removes the state of the fold that is trained; and with it what folds of older epochs say. */
void drop_fold_checkpoint(const run *r);
void drop_folds(const run *r);

/* Notes in r->error that a file could not be written. Always -1: for cen_fit, a callback that failed. */
int save_failed(run *r, const char *path);

/* --output or the next of runs/N, held by a lock; nothing of an older run is touched. An exit code. */
int take_run_folder(run *r);

/* The same for the folder of --resume; an overwriting that was cut short after its first checkpoint is
 * finished. An exit code. */
int take_old_run(run *r, const char *folder);

/* Lets go of the folder; one that was made in vain is removed. */
void leave_run_folder(run *r);

/* An option that nobody typed, for the command line that --resume reads. The value in a copy, NULL without memory, which
 * r->error tells. */
const char *keep_choice(run *r, const char *name, const char *value);
void free_choices(run *r);

/* Command line and log of a run that begins: aside, where an older run stands. An exit code. */
int begin_run(run *r);

/* After the first checkpoint: the older run's files go, this one's take their place. Then --steps is begun.
 * Nothing at later calls. False where that failed, which r->error tells. */
bool settle_run(run *r);

/* Goes on with the logs of a resumed run: rows after the checkpoint are dropped, and those before it go to
 * the page. -1 where that failed, which r->error tells. */
int reopen_logs(run *r, const cen_resume_report *report);

/* Nonzero where that failed, which r->error tells. */
int close_logs(run *r);

/* A row of the table of epochs; its header comes above the first. */
void print_epoch(run *r, const cen_epoch_report *report);

/* Warns of features that collapse and of centers that do what they should not: of each once. */
void warn_of_epoch(run *r, const cen_epoch_report *report);

/* "k-NN 90.00 %", or "k-NN among 5,000 90.00 %" if not all n_train training images were searched. */
char *knn_text(double accuracy, size_t n_gallery, size_t n_train, char text[96]);

/* What came of it, what to open, and what to type next. */
void print_end(const run *r, const cen_folder_info *info, bool is_stopped);

#endif
