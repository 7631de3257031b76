/* cl_train: the names of the files of a run. */
#include <stdio.h>
#include <string.h>

#include "train_run.h"

const char checkpoint_name[] = "checkpoint.safetensors";
const char scratch_name[] = ".scratch";
const char previous_name[] = "checkpoint.safetensors.previous";
const char fold_checkpoint_name[] = "folds.checkpoint.safetensors";
const char fold_previous_name[] = "folds.checkpoint.safetensors.previous";

static const char *const run_files[] = {".lock",
                                        ".new",
                                        scratch_name,
                                        "arguments",
                                        checkpoint_name,
                                        "features.npy",
                                        "features.tsv",
                                        "folds.npy",
                                        "folds.tsv",
                                        fold_checkpoint_name,
                                        fold_previous_name,
                                        previous_name,
                                        "log.csv",
                                        "model.safetensors",
                                        "report.html",
                                        "report.json",
                                        "svg",
                                        ".new/arguments",
                                        ".new/log.csv",
                                        ".new/checkpoint.safetensors",
                                        ".new/checkpoint.safetensors.previous",
                                        NULL};

const char *run_file(size_t i)
{
    return run_files[i];
}

bool is_run_file(const char *name)
{
    size_t i = 0;
    while (run_files[i] != NULL && strcmp(name, run_files[i]) != 0) i++;
    return run_files[i] != NULL;
}

void drop_fold_checkpoint(const run *r)
{
    char path[PATH_SIZE];
    (void)remove(in_run(r, fold_checkpoint_name, path));
    (void)remove(in_run(r, fold_previous_name, path));
}

void drop_folds(const run *r)
{
    char path[PATH_SIZE];
    drop_fold_checkpoint(r);
    (void)remove(in_run(r, "folds.npy", path));
    (void)remove(in_run(r, "folds.tsv", path));
}
