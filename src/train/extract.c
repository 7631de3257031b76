#include "train/extract.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/folder.h"
#include "train/model.h"

enum { BATCH = 64 };

cen_status cen__extract(cen_predictor *predictor, const cen__reader *reader, size_t *indices,
                        size_t *n, float *x, float *features, cen_progress *progress, void *user,
                        cen_error *error)
{
    size_t d = predictor->model->info.feature_size, batch_size = predictor->max_n;
    size_t n_all = *n, n_done = 0, count;
    cen__predictor_use(predictor);
    for (size_t start = 0; start < n_all; start += batch_size) {
        size_t wanted = n_all - start < batch_size ? n_all - start : batch_size;
        cen_status status =
            cen__reader_read(reader, NULL, 0, 0, indices + start, wanted, x, NULL, &count, error);
        if (status != CEN_OK) return status;
        if (count > 0) {
            const float *f = cen__predict(predictor, x, count);
            memcpy(features + n_done * d, f, count * d * sizeof *f);
            memmove(indices + n_done, indices + start, count * sizeof *indices);
            n_done += count;
        }
        if (progress != NULL && progress(user, start + wanted, n_all) != 0) {
            return cen__fail(error, CEN_ERROR_STOPPED, "the extraction of features was stopped");
        }
    }
    *n = n_done;
    return CEN_OK;
}

/* ---- a folder ------------------------------------------------------------------------------ */

typedef struct {
    cen_predictor *predictor;
    cen_folder *folder;
    float *x, *features; /* x[max_n, input] */
} extraction;

static cen_status check_finite(const extraction *e, size_t first, size_t n, cen_error *error)
{
    size_t d = e->predictor->model->info.feature_size;
    const float *features = e->features + first * d;
    for (size_t i = 0; i < n * d; i++) {
        if (isfinite(features[i])) continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "%s: the model makes a feature of this picture that is not finite; train "
                         "it anew, at a lower learning rate",
                         cen_folder_get(e->folder)->images[first + i / d].path);
    }
    return CEN_OK;
}

static cen_status extract_block(void *visitor, size_t first, size_t n, const uint8_t *bytes,
                                cen_error *error)
{
    const extraction *e = visitor;
    const cen_model *model = e->predictor->model;
    size_t d = model->info.feature_size, size = cen__shape_count(model->net.in);
    size_t batch = e->predictor->max_n;
    for (size_t start = 0; start < n; start += batch) {
        size_t count = n - start < batch ? n - start : batch;
        cen__folder_normalise(&model->info.input, bytes + start * size, count, e->x);
        const float *f = cen__predict(e->predictor, e->x, count);
        memcpy(e->features + (first + start) * d, f, count * d * sizeof *f);
    }
    return check_finite(e, first, n, error);
}

static cen_status skip(void *user, size_t index, const cen_error *why, cen_error *error)
{
    const extraction *e = user;
    return cen__folder_skip(e->folder, e->folder->images[index].path, why, error);
}

/* Pictures that are gone since the folder was loaded go from its list, too. They come after the cached
 * ones, which keep their places. */
static cen_status extract_loaded(extraction *e, cen_progress *progress, void *user,
                                 cen_error *error)
{
    cen_folder *folder = e->folder;
    size_t n = folder->info.n_images;
    cen__reader reader;
    size_t *indices = cen__alloc(e->predictor->model->context, n, sizeof *indices);
    if (indices == NULL) return cen__fail_memory(error, "the images of a batch");
    for (size_t i = 0; i < n; i++) indices[i] = i;
    cen_status status = cen__reader_create(&reader, folder, &e->predictor->model->info.input,
                                           e->predictor->max_n, skip, e, error);
    if (status == CEN_OK) {
        status = cen__extract(e->predictor, &reader, indices, &n, e->x, e->features, progress, user,
                              error);
        if (status == CEN_OK && n == 0) status = cen__reader_fail(&reader, "of the folder", error);
        cen__reader_free(&reader);
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        folder->images[i] = folder->images[indices[i]];
    }
    if (status == CEN_OK) folder->info.n_images = n;
    cen__free(indices);
    return status == CEN_OK ? check_finite(e, 0, n, error) : status;
}

cen_status cen_model_folder_features(const cen_model *model, cen_folder *folder, float *features,
                                     cen_progress *progress, void *user, cen_error *error)
{
    size_t n = cen_folder_get(folder)->n_images, batch = n < BATCH ? n : BATCH;
    if (n == 0) return CEN_OK;
    extraction e = {NULL, folder, NULL, features};
    e.x = cen__alloc(folder->context, batch, cen__shape_count(model->net.in) * sizeof *e.x);
    cen_status status = e.x != NULL ? cen_predictor_create(&e.predictor, model, batch, error)
                                    : cen__fail_memory(error, "the images of a batch");
    if (status == CEN_OK && folder->is_loaded) {
        status = extract_loaded(&e, progress, user, error);
    } else if (status == CEN_OK) {
        status = cen__folder_load(folder, &model->info.input, 0, progress, user, extract_block, &e,
                                  error);
    }
    cen_predictor_free(e.predictor);
    cen__free(e.x);
    return status;
}
