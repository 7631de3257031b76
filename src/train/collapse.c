#include "train/collapse.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "loss/kinds.h"
#include "train/model.h"

/* Of the training images' classes: ln C where these are alike in number. Images are in order of split and
 * class. */
static double entropy(const cen_folder_info *info)
{
    size_t n = 0, end;
    double sum = 0;
    while (n < info->n_images && info->images[n].split == CEN_SPLIT_TRAIN) n++;
    for (size_t i = 0; i < n; i = end) {
        end = i + 1;
        while (end < n && info->images[end].label == info->images[i].label) end++;
        double share = (double)(end - i) / (double)n;
        sum -= share * log(share);
    }
    return sum;
}

/* Balanced draws take each class alike often. */
static double chance_loss(const cen_train_options *options, const cen_folder_info *info,
                          bool is_balanced)
{
    const cen__loss_kind *kind = cen__loss_kind_of(options->loss);
    if (kind->chance != NULL) return kind->chance(options);
    return is_balanced ? log((double)info->n_classes) : entropy(info);
}

cen_status cen__sample_create(cen__sample *sample, cen_trainer *trainer, const cen_folder *folder,
                              const size_t *indices, size_t n, bool is_balanced, cen_error *error)
{
    size_t d = cen__trainer_model(trainer)->info.feature_size;
    *sample = (cen__sample){.trainer = trainer};
    sample->n = n < CEN__SAMPLE_MOST ? n : CEN__SAMPLE_MOST;
    for (size_t i = 0; i < sample->n; i++) {
        sample->indices[i] = indices[(size_t)((double)i * (double)n / (double)sample->n)];
    }
    sample->chance =
        chance_loss(cen__trainer_options(trainer), cen_folder_get(folder), is_balanced);
    sample->features =
        cen__alloc(cen__trainer_model(trainer)->context, sample->n, d * sizeof *sample->features);
    return sample->features != NULL ? CEN_OK : cen__fail_memory(error, "the features of a sample");
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
        cen_status status = cen__reader_read(reader, NULL, 0, 0, sample->indices + at, wanted, x,
                                             NULL, &count, error);
        if (status != CEN_OK) return status;
        if (count == 0) continue;
        cen__trainer_features(sample->trainer, x, count, sample->features + n_done * d);
        memmove(sample->indices + n_done, sample->indices + at, count * sizeof *sample->indices);
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
