#include "train_fold_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system.h"
#include "train_finish.h"
#include "train_json.h"
#include "train_judge.h"
#include "train_watch.h"

/* ---- one fold ---- */

static int on_step(void *user, const cen_step_report *report)
{
    const folds *f = user;
    char fold[64], epoch[64];
    const char *const parts[] = {fold, epoch};
    (void)snprintf(fold, sizeof fold, "fold %zu/%zu", f->current, s.n_folds);
    (void)snprintf(epoch, sizeof epoch, "epoch %zu/%zu", report->epoch, report->n_epochs);
    progress_show(&f->r->line, report->n_images, f->r->n_train, parts, 2);
    return signal_number() != 0;
}

static int on_measure(void *user, size_t done, size_t total)
{
    const folds *f = user;
    progress_images(&f->r->line, "measuring", done, total);
    return signal_number() != 0;
}

static cen_status fit_fold(folds *f, cen_model *model, cen_error *error)
{
    char path[PATH_SIZE], previous[PATH_SIZE];
    cen_trainer *trainer;
    cen_dataset dataset = *f->dataset;
    cen_fit_options fit = f->t->fit;
    cen_status status = CEN_OK;
    for (size_t i = 0; i < dataset.n; i++) {
        f->splits[i] = f->numbers[i] == f->current ? CEN_SPLIT_TEST : f->dataset->splits[i];
    }
    dataset.splits = f->splits;
    fit.checkpoint = in_run(f->r, fold_checkpoint_name, path);
    fit.resume = path_exists(path) || path_exists(in_run(f->r, fold_previous_name, previous));
    fit.on_step = on_step;
    fit.on_measure = on_measure;
    fit.on_epoch = NULL;
    fit.on_resume = NULL;
    fit.on_unreadable = NULL;
    fit.user = f;
    if (s.init != NULL && !fit.resume) status = cen_model_load_weights(model, s.init, NULL, error);
    if (status == CEN_OK) status = cen_trainer_create(&trainer, model, &f->t->train, error);
    if (status != CEN_OK) return status;
    catch_signals(true);
    status = cen_fit(trainer, &dataset, &fit, error);
    catch_signals(false);
    cen_trainer_free(trainer);
    progress_clear(&f->r->line);
    return status;
}

/* By the net that left out fold `number`, or with 0 by the run's own: the verdicts of these rows. */
static cen_status judge_fold(folds *f, const cen_model *model, const float *features, size_t number,
                             cen_error *error)
{
    const fold_images *images = f->images;
    const witness w = {f->r->context, model, features, f->labels, f->known, f->asked, images->n};
    size_t n_right, n_asked = 0;
    bool *is_trained = calloc(f->dataset->n_classes + 1, sizeof *is_trained);
    if (is_trained == NULL) {
        *error = (cen_error){CEN_ERROR_MEMORY, "not enough memory for the folds"};
        return error->status;
    }
    for (size_t i = 0; i < images->n; i++) {
        const size_t row = images->rows[i];
        f->known[i] = f->dataset->splits[row] == CEN_SPLIT_TRAIN &&
                      (number == 0 || f->numbers[row] != number);
        if (f->known[i]) is_trained[f->labels[i]] = true;
    }
    for (size_t i = 0; i < images->n; i++) {
        const size_t row = images->rows[i];
        const bool is_left_out = number > 0 ? f->numbers[row] == number
                                            : f->dataset->splits[row] == CEN_SPLIT_VALIDATION ||
                                                  f->dataset->splits[row] == CEN_SPLIT_TEST;
        f->asked[i] = is_left_out && f->labels[i] >= 0 && is_trained[f->labels[i]];
        n_asked += f->asked[i];
        if (f->asked[i]) f->verdicts[i * VERDICT_SIZE + VERDICT_FOLD] = (float)number;
    }
    free(is_trained);
    cen_status status = judge_pictures(&w, f->verdicts, &n_right, error);
    if (status != CEN_OK || number == 0 || n_asked == 0) return status;
    if (s.is_json) {
        printf("{\"kind\": \"fold\", \"fold\": %zu, \"n_folds\": %zu, \"accuracy\": %.9g}\n",
               number, s.n_folds, (double)n_right / (double)n_asked);
        fflush(stdout);
    }
    if (is_talking()) {
        char text[64];
        printf("fold      %zu of %zu: %.2f %% of %s left out look like their class\n", number,
               s.n_folds, 100 * (double)n_right / (double)n_asked, counted(n_asked, "image", text));
    }
    return CEN_OK;
}

static cen_status ask_fold(folds *f, const cen_model *model, cen_error *error)
{
    size_t n = 0;
    cen_status status = cen_model_features(model, f->dataset, f->features, f->rows, &n,
                                           show_features, &f->r->line, error);
    progress_clear(&f->r->line);
    if (status != CEN_OK) return status;
    if (n != f->images->n || memcmp(f->rows, f->images->rows, n * sizeof *f->rows) != 0) {
        *error = (cen_error){CEN_ERROR_IO, "images came or went while the folds were trained; go "
                                           "on with --resume"};
        return CEN_ERROR_IO;
    }
    status = judge_fold(f, model, f->features, f->current, error);
    if (status != CEN_OK) return status;
    drop_fold_checkpoint(f->r); /* first, or it would be taken for one of the next fold */
    return save_verdicts(f, error);
}

static cen_status train_fold(folds *f, cen_error *error)
{
    cen_model *model;
    cen_status status = cen_model_create(f->r->context, &model, &f->t->model, error);
    if (status != CEN_OK) return status;
    status = fit_fold(f, model, error);
    if (status == CEN_OK && signal_number() == 0) status = ask_fold(f, model, error);
    cen_model_free(model);
    return status;
}

/* ---- all ---- */

static bool reserve(folds *f)
{
    const size_t n = f->images->n, n_all = f->dataset->n;
    f->numbers = calloc(n_all, sizeof *f->numbers);
    f->splits = calloc(n_all, sizeof *f->splits);
    f->labels = calloc(n, sizeof *f->labels);
    f->known = calloc(n, sizeof *f->known);
    f->asked = calloc(n, sizeof *f->asked);
    f->verdicts = calloc(n, VERDICT_SIZE * sizeof *f->verdicts);
    f->features = calloc(n_all, cen_model_get(f->r->model)->feature_size * sizeof *f->features);
    f->rows = calloc(n_all, sizeof *f->rows);
    return f->numbers != NULL && f->splits != NULL && f->labels != NULL && f->known != NULL &&
           f->asked != NULL && f->verdicts != NULL && f->features != NULL && f->rows != NULL;
}

static cen_status train_all(folds *f, cen_error *error)
{
    const fold_images *images = f->images;
    for (size_t i = 0; i < images->n; i++) {
        f->labels[i] = f->dataset->labels[images->rows[i]];
        f->verdicts[i * VERDICT_SIZE + VERDICT_FOLD] = -1;
        f->verdicts[i * VERDICT_SIZE + VERDICT_FOLDS] = (float)s.n_folds;
    }
    cen_status status = choose_folds(f, error);
    if (status != CEN_OK) return status;
    take_verdicts(f);
    status = judge_fold(f, f->r->model, images->features, 0, error);
    for (f->current = 1; f->current <= s.n_folds && status == CEN_OK; f->current++) {
        if (signal_number() != 0) break;
        if (!is_done(f, f->current)) status = train_fold(f, error);
    }
    if (status == CEN_OK && signal_number() == 0) note_misplaced(f);
    return status;
}

cen_status train_folds(run *r, const fold_images *images, const training *t, cen_error *error)
{
    folds f = {.r = r, .images = images, .t = t, .dataset = cen_folder_dataset(images->folder)};
    cen_status status = CEN_OK;
    if (images->n > 1 << 24) { /* floats count no farther */
        status = CEN_ERROR_LIMIT;
        *error = (cen_error){status, "--folds takes at most 16,777,216 images; leave it out"};
    } else if (!reserve(&f)) {
        status = CEN_ERROR_MEMORY;
        *error = (cen_error){status, "not enough memory for the folds"};
    } else {
        status = train_all(&f, error);
    }
    free(f.numbers);
    free(f.splits);
    free(f.labels);
    free(f.known);
    free(f.asked);
    free(f.verdicts);
    free(f.features);
    free(f.rows);
    return status;
}
