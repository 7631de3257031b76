#include "train/collapse.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "loss/kinds.h"
#include "train/model.h"

/* The entropy of the training labels: ln C for C classes of equal size. counts[n_classes] is 0 at first. */
static double entropy(const cen_dataset *dataset, size_t *counts)
{
    size_t n = 0;
    double sum = 0;
    for (size_t i = 0; i < dataset->n; i++) {
        if (cen__split_of(dataset, i) != CEN_SPLIT_TRAIN) continue;
        counts[dataset->labels[i]]++;
        n++;
    }
    for (size_t c = 0; c < dataset->n_classes; c++) {
        double share = (double)counts[c] / (double)n;
        if (counts[c] > 0) sum -= share * log(share);
    }
    return sum;
}

/* Balanced draws take each class equally often. */
static double chance_loss(const cen_train_options *options, const cen_dataset *dataset,
                          bool is_balanced, size_t *counts)
{
    const cen__loss_kind *kind = cen__loss_kind_of(options->loss);
    if (kind->chance != NULL) return kind->chance(options);
    return is_balanced ? log((double)dataset->n_classes) : entropy(dataset, counts);
}

cen_status cen__sample_create(cen__sample *sample, cen_trainer *trainer, const cen_dataset *dataset,
                              const size_t *rows, size_t n, bool is_balanced, cen_error *error)
{
    size_t d = cen__trainer_model(trainer)->info.feature_size;
    *sample = (cen__sample){.trainer = trainer};
    sample->n = n < CEN__SAMPLE_MOST ? n : CEN__SAMPLE_MOST;
    for (size_t i = 0; i < sample->n; i++) {
        sample->rows[i] = rows[(size_t)((double)i * (double)n / (double)sample->n)];
    }
    cen_context *context = cen__trainer_model(trainer)->context;
    size_t *counts = cen__alloc_zeroed(context, dataset->n_classes, sizeof *counts);
    sample->features = cen__alloc(context, sample->n, d * sizeof *sample->features);
    if (counts == NULL || sample->features == NULL) {
        cen__free(counts);
        cen__free(sample->features);
        sample->features = NULL;
        return cen__fail_memory(error, "the features of a sample");
    }
    sample->chance = chance_loss(cen__trainer_options(trainer), dataset, is_balanced, counts);
    cen__free(counts);
    return CEN_OK;
}

void cen__sample_free(cen__sample *sample)
{
    cen__free(sample->features);
}

static double spread_of(const float *features, size_t n, size_t d)
{
    double squares = 0;
    for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)features[i * d + j];
        for (size_t i = 0; i < n; i++) {
            double apart = (double)features[i * d + j] - sum / (double)n;
            squares += apart * apart;
        }
    }
    return sqrt(squares / (double)n);
}

cen_status cen__sample_spread(cen__sample *sample, const cen__reader *reader, float *x,
                              double *spread, cen_error *error)
{
    size_t d = cen__trainer_model(sample->trainer)->info.feature_size, n_done = 0, count;
    for (size_t at = 0; at < sample->n; at += reader->size) {
        size_t wanted = sample->n - at < reader->size ? sample->n - at : reader->size;
        cen_status status =
            cen__reader_read(reader, NULL, sample->rows + at, wanted, x, NULL, &count, error);
        if (status != CEN_OK) return status;
        if (count == 0) continue;
        status =
            cen__trainer_features(sample->trainer, x, count, sample->features + n_done * d, error);
        if (status != CEN_OK) return status;
        memmove(sample->rows + n_done, sample->rows + at, count * sizeof *sample->rows);
        n_done += count;
    }
    if (n_done == 0) return cen__reader_fail(reader, "of a sample of training", error);
    sample->n = n_done;
    *spread = spread_of(sample->features, n_done, d);
    return CEN_OK;
}

bool cen__is_collapsed(const cen__sample *sample, double loss, double spread, double spread_before)
{
    return loss >= 0.99 * sample->chance && isfinite(spread_before) &&
           spread <= 0.2 * spread_before;
}
