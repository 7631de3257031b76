/* What the features are worth on classes that are not trained: the measure of held-out rows that chooses the best epoch. */
#include <centerloss_eval.h>

#include <math.h>

#include "base/memory.h"
#include "train/extract.h"
#include "train/fit.h"
#include "train/model.h"
#include "train/sentinel.h"
#include "train/suspects.h"

/* More rows and pairs hardly steady the measure. */
enum { MOST_ROWS = 1000, MOST_PAIRS = 1 << 18 };

/* Rows with a label, evenly: they mostly come class by class. */
cen_status cen__fit_prepare_unseen(cen__fit *f, cen_error *error)
{
    const cen_dataset *dataset = f->dataset;
    size_t n = 0, taken = 0, d = f->model->info.feature_size;
    for (size_t i = 0; i < dataset->n && dataset->labels != NULL; i++) {
        n += cen__split_of(dataset, i) == CEN_SPLIT_HELD_OUT && dataset->labels[i] >= 0;
    }
    size_t most = n < MOST_ROWS ? n : MOST_ROWS, seen = 0;
    if (n == 0) return CEN_OK;
    f->unseen = cen__alloc(f->model->context, most, sizeof *f->unseen);
    f->unseen_labels = cen__alloc(f->model->context, most, sizeof *f->unseen_labels);
    f->unseen_features = cen__alloc(f->model->context, most, d * sizeof *f->unseen_features);
    if (f->unseen == NULL || f->unseen_labels == NULL || f->unseen_features == NULL) {
        return cen__fail_memory(error, "the rows of held-out classes");
    }
    for (size_t i = 0; i < dataset->n; i++) {
        if (cen__split_of(dataset, i) != CEN_SPLIT_HELD_OUT || dataset->labels[i] < 0) continue;
        if ((double)taken * (double)n <= (double)seen++ * (double)most) f->unseen[taken++] = i;
    }
    f->n_unseen = taken;
    return CEN_OK;
}

cen_status cen__fit_measure_unseen(cen__fit *f, cen_progress *progress, double *auc,
                                   cen_error *error)
{
    *auc = (double)NAN;
    if (f->n_unseen == 0) return CEN_OK;
    size_t d = f->model->info.feature_size;
    cen_status status = cen__extract(cen__trainer_predictor(f->trainer), &f->reader, f->unseen,
                                     &f->n_unseen, f->x, f->unseen_features, progress, f, error);
    if (status != CEN_OK) return status;
    if (!cen__is_below(&f->model->net.kernels->vectors, f->unseen_features, f->n_unseen * d,
                       INFINITY, f->model->context)) {
        cen__batch all = {f->trainer, f->dataset, f->unseen, NULL, NULL, f->n_unseen};
        return cen__tell_measure(&all, f->at.epoch, f->unseen_features, error);
    }
    for (size_t i = 0; i < f->n_unseen; i++) {
        f->unseen_labels[i] = f->dataset->labels[f->unseen[i]];
    }
    cen_pairs pairs;
    cen_verification verification;
    const cen_labelled unseen = {f->unseen_features, f->unseen_labels, f->n_unseen};
    status = cen_pairs_create(f->model->context, &pairs, &unseen, NULL, d, CEN_METRIC_COSINE,
                              MOST_PAIRS, f->options->seed, error);
    if (status == CEN_ERROR_ARGUMENT) return CEN_OK; /* no two rows of a class, or only one class */
    if (status != CEN_OK) return status;
    cen_pairs_verify(&pairs, &verification);
    *auc = verification.auc;
    cen_pairs_free(&pairs);
    return CEN_OK;
}
