/* cl_train: what is made when a training is over: features, and the page. */
#include "train_finish.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train.h"
#include "train_facts.h"
#include "train_folds.h"
#include "train_json.h"
#include "train_watch.h"

/* What the page lists as skipped: images that could not be used, and after them those that were there to train on
 * and are gone now. */
typedef struct missing {
    cen_file_note *notes;
    size_t n, n_gone;
    cen_error *reasons; /* [n_gone] */
} missing;

static void missing_free(missing *m)
{
    free(m->notes);
    free(m->reasons);
}

/* rows[n] are left of the dataset. Reading one that is gone again says why. False without memory. */
static bool find_missing(const cen_dataset *dataset, const cen_folder_info *info,
                         const size_t *rows, size_t n, missing *m)
{
    const size_t n_gone = dataset->n - n;
    float *x = malloc(dataset->channels * dataset->height * dataset->width * sizeof *x);
    *m = (missing){calloc(info->n_skipped + n_gone + 1, sizeof *m->notes), info->n_skipped, 0,
                   calloc(n_gone + 1, sizeof *m->reasons)};
    const bool good = x != NULL && m->notes != NULL && m->reasons != NULL;
    for (size_t i = 0; i < info->n_skipped && good; i++) m->notes[i] = info->skipped[i];
    for (size_t row = 0, at = 0; row < dataset->n && good; row++) {
        if (at < n && rows[at] == row) {
            at++;
            continue;
        }
        cen_error *why = &m->reasons[m->n_gone++];
        if (dataset->read(dataset->user, &row, 1, x, why) == CEN_OK) {
            *why = (cen_error){CEN_ERROR_IO, "it could not be read"};
        }
        const char *name = dataset->names[row], *reason = why->message;
        const size_t size = strlen(name);
        if (strncmp(reason, name, size) == 0 && strncmp(reason + size, ": ", 2) == 0) {
            reason += size + 2; /* the note has the name already */
        }
        m->notes[m->n++] = (cen_file_note){name, reason};
    }
    free(x);
    return good;
}

static void warn_gone(run *r, const missing *m)
{
    enum { MOST = 20 };
    for (size_t i = 0; i < m->n_gone && i < MOST; i++) {
        const cen_file_note *note = &m->notes[m->n - m->n_gone + i];
        warn(r, stderr, "no feature of %s: %s", note->path, note->reason);
    }
    if (m->n_gone > MOST) {
        warn(r, stderr, "nor of %zu more, which are not named", m->n_gone - MOST);
    }
}

/* rows[n]: places in the dataset. */
static void name_rows(const cen_dataset *dataset, const size_t *rows, size_t n,
                      cen_feature_row *names)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t label = dataset->labels[rows[i]];
        names[i] = (cen_feature_row){dataset->names[rows[i]], label,
                                     label >= 0 ? dataset->class_names[label] : NULL,
                                     cen_split_name(dataset->splits[rows[i]])};
    }
}

static cen_status show(run *r, page_content *content, cen_error *error)
{
    char path[PATH_SIZE];
    facts list;
    cen_status status = choose_metric(content, in_run(r, "model.safetensors", path), error);
    if (status != CEN_OK || !(is_talking() || s.is_json || !s.no_report)) return status;
    facts_fill(&list, r, content);
    content->facts = list.pairs;
    content->n_facts = list.n;
    status = list.failed ? page_no_memory(error) : page_finish(r->page, content, error);
    facts_free(&list);
    return status;
}

int show_features(void *user, size_t done, size_t total)
{
    progress_images(user, "features", done, total);
    return 0;
}

cen_status finish_run(run *r, const cen_folder *folder, const training *t, cen_error *error)
{
    const cen_dataset *dataset = cen_folder_dataset(folder);
    const size_t d = cen_model_get(r->model)->feature_size;
    size_t n = 0, *rows = calloc(dataset->n, sizeof *rows);
    cen_feature_row *names = calloc(dataset->n, sizeof *names);
    float *features = calloc(dataset->n, d * sizeof *features);
    missing gone = {NULL, 0, 0, NULL};
    cen_status status = CEN_OK;
    if (rows == NULL || names == NULL || features == NULL) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the features"};
    } else {
        status = cen_model_features(r->model, dataset, features, rows, &n, show_features, &r->line,
                                    error);
    }
    progress_clear(&r->line);
    char path[PATH_SIZE];
    if (status == CEN_OK && !find_missing(dataset, cen_folder_get(folder), rows, n, &gone)) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the list of missing pictures"};
    }
    if (status == CEN_OK) {
        warn_gone(r, &gone);
        name_rows(dataset, rows, n, names);
        status = cen_features_write(NULL, in_run(r, "features.npy", path), CEN_FEATURES_NPY,
                                    features, n, d, names, error);
    }
    if (status == CEN_OK && s.n_folds > 0) {
        const fold_images images = {folder, rows, names, features, n};
        status = train_folds(r, &images, t, error);
    }
    if (status == CEN_OK && signal_number() == 0) {
        page_content content = {.context = r->context,
                                .folder = r->folder,
                                .command = r->command,
                                .title = r->folder,
                                .model = r->model,
                                .images = cen_folder_get(folder),
                                .skipped = gone.notes,
                                .n_skipped = gone.n,
                                .features = features,
                                .rows = names,
                                .n = n,
                                .seed = s.seed,
                                .has_svg = s.has_svg,
                                .has_page = !s.no_report};
        status = show(r, &content, error);
    }
    missing_free(&gone);
    free(rows);
    free(names);
    free(features);
    return status;
}
