#include "train/extract.h"

#include <string.h>

#include "base/memory.h"
#include "train/model.h"

enum { BATCH = 64 };

cen_status cen__extract(cen__inference *inference, const cen_folder *folder, const size_t *indices,
                        size_t n, float *x, float *features, cen_progress *progress, void *user,
                        cen_error *error)
{
    const cen_model_info *model = &inference->model->info;
    size_t d = model->feature_size, batch_size = inference->max_n;
    cen__inference_use(inference);
    for (size_t start = 0; start < n; start += batch_size) {
        size_t count = n - start < batch_size ? n - start : batch_size;
        cen_status status =
            cen_folder_read(folder, &model->input, indices + start, count, x, NULL, error);
        if (status != CEN_OK) return status;
        const float *f = cen__infer(inference, x, count);
        memcpy(features + start * d, f, count * d * sizeof *f);
        if (progress != NULL && progress(user, start + count, n) != 0) {
            return cen__fail(error, CEN_ERROR_STOPPED, "the extraction of features was stopped");
        }
    }
    return CEN_OK;
}

cen_status cen_model_features(const cen_model *model, const float *x, size_t n, float *features,
                              int n_threads, cen_error *error)
{
    size_t batch = n < BATCH ? n : BATCH, d = model->info.feature_size;
    if (n == 0) return CEN_OK;
    cen__inference inference;
    cen_status status = cen__inference_create(&inference, model, batch, n_threads, error);
    if (status != CEN_OK) return status;
    size_t image = cen__shape_count(model->net.in);
    cen__inference_use(&inference);
    for (size_t start = 0; start < n; start += batch) {
        size_t count = n - start < batch ? n - start : batch;
        const float *f = cen__infer(&inference, x + start * image, count);
        memcpy(features + start * d, f, count * d * sizeof *f);
    }
    cen__inference_free(&inference);
    return CEN_OK;
}

cen_status cen_model_folder_features(const cen_model *model, const cen_folder *folder,
                                     float *features, int n_threads, cen_progress *progress,
                                     void *user, cen_error *error)
{
    size_t n = cen_folder_get(folder)->n_images;
    size_t batch = n < BATCH ? n : BATCH;
    if (n == 0) return CEN_OK;
    cen__inference inference = {.model = NULL};
    size_t *indices = cen__alloc(n, sizeof *indices);
    float *x = cen__alloc(batch, cen__shape_count(model->net.in) * sizeof *x);
    cen_status status = indices != NULL && x != NULL
                            ? cen__inference_create(&inference, model, batch, n_threads, error)
                            : cen__fail_memory(error, "the images of a batch");
    for (size_t i = 0; i < n && status == CEN_OK; i++) indices[i] = i;
    if (status == CEN_OK) {
        status = cen__extract(&inference, folder, indices, n, x, features, progress, user, error);
    }
    cen__inference_free(&inference);
    cen__free(indices);
    cen__free(x);
    return status;
}
