/* cl_train: the folder of a run and the files that grow in it. */
#ifndef TOOLS_TRAIN_RUN_H
#define TOOLS_TRAIN_RUN_H

#include <centerloss.h>

#include <stdio.h>

#include "progress.h"
#include "train_page.h"
#include "train_resume.h"

typedef struct run {
    cen_model *model;
    progress line;
    char folder[4096];
    FILE *log, *steps;
    cen_error error; /* of a file that could not be written in a callback */
    size_t n_train;
    double best_knn;
    size_t best_epoch;
    page *page;
    const char *command; /* as it can be typed again */
    const arguments *arguments;
    bool is_resumed; /* there is a checkpoint */
} run;

extern const char checkpoint_name[];

/* path[4200] = that of a file of the run. */
const char *in_run(const run *r, const char *name, char path[4200]);

/* Notes in r->error that a file could not be written. Always -1: for cen_fit, a callback that failed. */
int save_failed(run *r, const char *path);

/* --output, --resume, or the next of runs/N; what an older run left that could be mistaken is removed.
 * An exit code. */
int make_run_folder(run *r);

/* Both files are opened before anything is trained, so that a folder that cannot be written is told at
 * once. An exit code. */
int open_logs(run *r);

/* The same for a resumed run: rows behind the checkpoint are dropped, and those before it go to the
 * page. -1 where that failed, which r->error tells. */
int reopen_logs(run *r, const cen_resume_report *report);

/* Nonzero where that failed, which r->error tells. */
int close_logs(run *r);

#endif
