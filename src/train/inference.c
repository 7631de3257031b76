#include "train/inference.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/augment.h"
#include "nn/layers.h"
#include "train/model.h"

static bool reserve(cen__inference *inference)
{
    const cen_model *model = inference->model;
    size_t n_inputs, n_features;
    if (!model->info.mirror) return true;
    if (!cen__multiply(inference->max_n, cen__shape_count(model->net.in), &n_inputs)) return false;
    if (!cen__multiply(inference->max_n, model->info.feature_size, &n_features)) return false;
    inference->mirrored = cen__alloc(n_inputs, sizeof(float));
    inference->features = cen__alloc(n_features, sizeof(float));
    return inference->mirrored != NULL && inference->features != NULL;
}

cen_status cen__inference_create(cen__inference *inference, const cen_model *model, size_t max_n,
                                 int n_threads, cen_error *error)
{
    *inference = (cen__inference){.model = model, .max_n = max_n};
    cen_status status =
        cen__work_create(&inference->work, &model->net, max_n, n_threads, false, error);
    if (status != CEN_OK || reserve(inference)) return status;
    cen__inference_free(inference);
    return cen__fail_memory(error, "the mirror images of a batch");
}

void cen__inference_free(cen__inference *inference)
{
    cen__work_free(inference->work);
    cen__free(inference->mirrored);
    cen__free(inference->features);
    *inference = (cen__inference){.model = NULL};
}

void cen__inference_use(cen__inference *inference)
{
    const cen_model *model = inference->model;
    cen__work_use(inference->work, model->parameters, cen__model_state(model));
}

/* Gives f[d] the length of like[d]. */
static void scale_like(float *f, const float *like, size_t d)
{
    double square = 0, wanted = 0;
    for (size_t j = 0; j < d; j++) {
        square += (double)f[j] * (double)f[j];
        wanted += (double)like[j] * (double)like[j];
    }
    if (square == 0) return;
    float factor = (float)sqrt(wanted / square);
    for (size_t j = 0; j < d; j++) f[j] *= factor;
}

/* features[n, D] = the mean of them and of others[n, D]. The mean of two vectors of one length is shorter: where
 * all features have one (l2norm), it gets that again. */
static void average(const cen_model *model, float *features, const float *others, size_t n)
{
    size_t d = model->info.feature_size;
    bool has_length = model->net.layers[model->net.n_layers - 1].kind == &cen__l2norm_layer;
    for (size_t i = 0; i < n; i++, features += d, others += d) {
        for (size_t j = 0; j < d; j++) features[j] = (features[j] + others[j]) / 2;
        if (has_length) scale_like(features, others, d);
    }
}

const float *cen__infer(cen__inference *inference, const float *x, size_t n)
{
    const cen_model *model = inference->model;
    const float *f = cen__work_forward(inference->work, x, n);
    if (!model->info.mirror) return f;
    size_t image = cen__shape_count(model->net.in);
    memcpy(inference->features, f, n * model->info.feature_size * sizeof *f);
    memcpy(inference->mirrored, x, n * image * sizeof *x);
    for (size_t i = 0; i < n; i++) cen__flip(&model->info.input, inference->mirrored + i * image);
    f = cen__work_forward(inference->work, inference->mirrored, n);
    average(model, inference->features, f, n);
    return inference->features;
}
