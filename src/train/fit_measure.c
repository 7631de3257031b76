/* The measures at the end of an epoch. */
#include <centerloss_eval.h>

#include <math.h>
#include <string.h>

#include "search/classify.h"
#include "train/extract.h"
#include "train/fit.h"
#include "train/model.h"
#include "train/sentinel.h"
#include "train/suspects.h"

/* Of n rows so many, evenly; in place if need be. Returns their number. */
static size_t draw_evenly(const size_t *rows, size_t n, size_t most, size_t *drawn)
{
    if (most > n) most = n;
    for (size_t i = 0; i < most; i++) {
        drawn[i] = rows[(size_t)((double)i * (double)n / (double)most)];
    }
    return most;
}

void cen__fit_choose_measured(cen__fit *f)
{
    const size_t of_classes = CEN_MEASURED_PER_CLASS * f->dataset->n_classes;
    f->n_gallery = draw_evenly(
        f->train, cen__rows_of(f->dataset, CEN_SPLIT_TRAIN, f->train),
        of_classes > CEN_MEASURED_GALLERY ? of_classes : CEN_MEASURED_GALLERY, f->gallery);
    f->n_validation =
        draw_evenly(f->validation, cen__rows_of(f->dataset, CEN_SPLIT_VALIDATION, f->validation),
                    CEN_MEASURED_QUERIES, f->validation);
}

/* The cen_progress of the measures of an epoch. */
static int on_measure(void *user, size_t done, size_t total)
{
    cen__fit *f = user;
    const cen_fit_options *options = f->options;
    int answer = options->on_measure != NULL ? options->on_measure(options->user, done, total) : 0;
    (void)cen__fit_agree(f, &answer, NULL); /* the next exchange fails as well */
    if (answer == 0) return 0;
    f->is_stopped = f->is_cut = true;
    return 1;
}

static cen_status be_cut(cen_error *error)
{
    return cen__fail(error, CEN_ERROR_STOPPED, "the measuring of an epoch was stopped");
}

/* Rows that cannot be read leave the list for good. */
static cen_status evaluate_validation(cen__fit *f, cen_losses *mean, cen_error *error)
{
    cen_losses sums = {.total = 0}, losses;
    size_t d = f->model->info.feature_size, n = f->n_validation, n_done = 0, count;
    for (size_t at = 0; at < n; at += f->batch_size) {
        size_t wanted = n - at < f->batch_size ? n - at : f->batch_size;
        size_t *rows = f->validation + at;
        float *features = f->validation_features + n_done * d;
        if (on_measure(f, at, n) != 0) return be_cut(error);
        cen_status status =
            cen__reader_read(&f->reader, NULL, rows, wanted, f->x, f->labels, &count, error);
        if (status != CEN_OK) return status;
        if (count == 0) continue;
        status = cen__trainer_measure(f->trainer, f->x, f->labels, count, true, &losses, features,
                                      error);
        if (status == CEN_ERROR_NOT_FINITE) {
            cen__batch batch = {f->trainer, f->dataset, rows, f->x, f->labels, count};
            return cen__tell_measure(&batch, f->at.epoch, features, error);
        }
        if (status != CEN_OK) return status;
        cen__losses_add(&sums, &losses, count);
        memmove(f->validation + n_done, rows, count * sizeof *rows);
        memcpy(f->validation_labels + n_done, f->labels, count * sizeof *f->labels);
        n_done += count;
    }
    if (n_done == 0) return cen__reader_fail(&f->reader, "to validate", error);
    f->n_validation = n_done;
    *mean = cen__losses_mean(&sums, n_done);
    return CEN_OK;
}

/* The accuracy over images, and its mean over classes. */
static void count_hits(cen__fit *f, cen_epoch_report *report)
{
    size_t n_classes = f->model->info.n_classes, n_seen = 0, hits = 0;
    double shares = 0;
    memset(f->n_of, 0, n_classes * sizeof *f->n_of);
    memset(f->n_hits, 0, n_classes * sizeof *f->n_hits);
    for (size_t i = 0; i < f->n_validation; i++) {
        int32_t label = f->validation_labels[i];
        int32_t vote = cen__knn_vote(f->neighbours + i * f->k, f->k, f->gallery_labels);
        f->n_of[label]++;
        f->n_hits[label] += vote == label;
        hits += vote == label;
    }
    for (size_t i = 0; i < n_classes; i++) {
        if (f->n_of[i] == 0) continue;
        shares += (double)f->n_hits[i] / (double)f->n_of[i];
        n_seen++;
    }
    report->knn_accuracy = (double)hits / (double)f->n_validation;
    report->knn_macro = shares / (double)n_seen;
}

/* Queries between two checks for a stop: at most so many, with so many multiply-adds. */
enum { KNN_BLOCK = 4096 };
static const double knn_work = 1e10;

static size_t knn_block(const cen__fit *f)
{
    double of_one = (double)f->n_gallery * (double)f->model->info.feature_size;
    return of_one * (double)KNN_BLOCK <= knn_work ? KNN_BLOCK : (size_t)(knn_work / of_one) + 1;
}

/* Searches the gallery for validation images, in folder order, so that ties are decided in the same way in each epoch. */
static cen_status measure_knn(cen__fit *f, cen_epoch_report *report, cen_error *error)
{
    size_t d = f->model->info.feature_size;
    cen_status status =
        cen__extract(cen__trainer_predictor(f->trainer), &f->reader, f->gallery, &f->n_gallery,
                     f->x, f->gallery_features, on_measure, f, error);
    if (status != CEN_OK) return status;
    if (f->n_gallery == 0) return cen__reader_fail(&f->reader, "of the k-NN's gallery", error);
    f->gallery_epoch = f->at.epoch;
    if (f->k > f->n_gallery) f->k = f->n_gallery;
    for (size_t i = 0; i < f->n_gallery; i++) {
        f->gallery_labels[i] = f->label_of[f->dataset->labels[f->gallery[i]]];
    }
    if (!cen__is_below(&f->model->net.kernels->vectors, f->gallery_features, f->n_gallery * d,
                       INFINITY, f->model->context)) {
        cen__batch all = {f->trainer, f->dataset, f->gallery, NULL, NULL, f->n_gallery};
        return cen__tell_measure(&all, f->at.epoch, f->gallery_features, error);
    }
    const size_t block = knn_block(f);
    for (size_t at = 0; at < f->n_validation; at += block) {
        size_t count = f->n_validation - at < block ? f->n_validation - at : block;
        if (on_measure(f, at, f->n_validation) != 0) return be_cut(error);
        status = cen_knn_search(f->model->context, f->gallery_features, f->n_gallery,
                                f->validation_features + at * d, count, d, f->k, CEN_METRIC_L2,
                                false, f->neighbours + at * f->k, NULL, error);
        if (status != CEN_OK) return status;
    }
    count_hits(f, report);
    return CEN_OK;
}

double cen__fit_score(const cen__fit *f, const cen_epoch_report *report)
{
    if (!isnan(report->unseen_auc)) return report->unseen_auc;
    return f->options->balance ? report->knn_macro : report->knn_accuracy;
}

bool cen__fit_is_measured(const cen__fit *f, size_t epoch)
{
    const size_t n = f->options->n_epochs,
                 apart = n / CEN_MEASURED_EPOCHS + (n % CEN_MEASURED_EPOCHS > 0);
    return epoch % apart == 0 || epoch == 1 || epoch >= n || f->is_stopped;
}

/* Without a figure, a later epoch is better. */
static bool is_best(const cen__fit *f, const cen_epoch_report *report)
{
    double score = cen__fit_score(f, report), best = f->at.best_knn;
    if (!cen__fit_is_measured(f, report->epoch)) return f->n_validation + f->n_unseen == 0;
    if (report->epoch == 1 || isnan(score)) return true;
    return score > best || (score == best && report->validation.total < f->at.best_loss);
}

static cen_status measure_epoch(cen__fit *f, cen_epoch_report *report, cen_error *error)
{
    if (f->n_validation == 0 || !cen__fit_is_measured(f, report->epoch)) {
        report->validation = (cen_losses){NAN, NAN, NAN, NAN, NAN, NAN};
        report->knn_accuracy = report->knn_macro = report->intra_inter = NAN;
        report->n_gallery = f->n_validation > 0 ? f->n_gallery : 0;
        return CEN_OK;
    }
    cen_status status = evaluate_validation(f, &report->validation, error);
    if (status == CEN_OK) status = measure_knn(f, report, error);
    if (status == CEN_OK) {
        cen_labelled queries = {f->validation_features, f->validation_labels, f->n_validation};
        cen_labelled gallery = {f->gallery_features, f->gallery_labels, f->n_gallery};
        status = cen_intra_inter(f->model->context, &queries, &gallery, f->model->info.feature_size,
                                 f->model->info.n_classes, &report->intra_inter, error);
    }
    report->n_gallery = f->n_gallery;
    report->features = f->validation_features;
    report->n_features = f->n_validation;
    return status;
}

/* Root mean square distances: of the centers to their mean, and to `before`. */
static void measure_centers(const cen__fit *f, cen_epoch_report *report)
{
    size_t n = f->model->info.n_classes, d = f->model->info.feature_size;
    const float *centers = f->model->parameters + f->model->centers;
    double spread = 0, step = 0;
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)centers[i * d + j];
        for (size_t i = 0; i < n; i++) {
            double apart = (double)centers[i * d + j] - sum / (double)n;
            double moved = (double)centers[i * d + j] - (double)f->centers[i * d + j];
            spread += apart * apart;
            step += moved * moved;
        }
    }
    memcpy(f->centers, centers, n * d * sizeof *centers);
    report->lr = f->at.lr;
    report->center_spread = sqrt(spread / (double)n);
    report->center_step = sqrt(step / (double)n);
    report->center_distance = sqrt(report->train.center);
}

static cen_status measure_features(cen__fit *f, cen_epoch_report *report, cen_error *error)
{
    if (on_measure(f, 0, f->sample.n) != 0) return be_cut(error);
    cen_status status =
        cen__sample_spread(&f->sample, &f->reader, f->x, &report->feature_spread, error);
    if (status != CEN_OK) return status;
    if (!isfinite(report->feature_spread)) {
        cen__batch batch = {f->trainer, f->dataset, f->sample.rows, NULL, NULL, f->sample.n};
        return cen__tell_measure(&batch, f->at.epoch, f->sample.features, error);
    }
    report->feature_spread_before = f->at.spread_before;
    report->is_collapsed = cen__is_collapsed(&f->sample, report->train.first,
                                             report->feature_spread, f->at.spread_before);
    return CEN_OK;
}

cen_status cen__fit_measure(cen__fit *f, cen_epoch_report *report, cen_error *error)
{
    cen_status status = measure_features(f, report, error);
    if (status == CEN_OK) status = measure_epoch(f, report, error);
    report->unseen_auc = (double)NAN;
    if (status == CEN_OK && cen__fit_is_measured(f, report->epoch)) {
        status = cen__fit_measure_unseen(f, on_measure, &report->unseen_auc, error);
    }
    if (status == CEN_OK) report->is_best = is_best(f, report);
    if (status == CEN_OK) measure_centers(f, report);
    return status;
}
