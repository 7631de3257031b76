#include <centerloss_eval.h>

#include "train/predictor.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "data/augment.h"
#include "data/picture.h"
#include "nn/layers.h"
#include "train/model.h"

static bool reserve(cen_predictor *predictor)
{
    const cen_model *model = predictor->model;
    size_t n_inputs, n_features;
    if (!model->info.mirror) return true;
    if (!cen__multiply(predictor->max_n, cen__shape_count(model->net.in), &n_inputs)) return false;
    if (!cen__multiply(predictor->max_n, model->info.feature_size, &n_features)) return false;
    predictor->mirrored = cen__alloc(predictor->model->context, n_inputs, sizeof(float));
    predictor->features = cen__alloc(predictor->model->context, n_features, sizeof(float));
    return predictor->mirrored != NULL && predictor->features != NULL;
}

/* Logits of n features, and what the head computes with, of the model's context. Both NULL without a head. */
static bool alloc_logits(const cen_model *model, size_t n, float **logits, float **scratch)
{
    const cen_model_info *info = &model->info;
    size_t n_logits;
    *logits = *scratch = NULL;
    if (model->head.kind == NULL || info->n_classes == 0) return true;
    if (!cen__multiply(n, info->n_classes, &n_logits)) return false;
    const size_t n_scratch =
        model->head.kind->scratch_count(model->net.kernels, n, info->feature_size, info->n_classes,
                                        cen_context_threads(model->context));
    *logits = cen__alloc(model->context, n_logits, sizeof(float));
    *scratch = cen__alloc(model->context, n_scratch, sizeof(float));
    return *logits != NULL && *scratch != NULL;
}

cen_status cen_predictor_create(cen_predictor **predictor, const cen_model *model, size_t max_n,
                                cen_error *error)
{
    *predictor = NULL;
    if (max_n == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a predictor for no images was asked for; give at least 1");
    }
    cen_predictor *made = cen__alloc_zeroed(model->context, 1, sizeof *made);
    if (made == NULL) return cen__fail_memory(error, "a predictor");
    made->model = model;
    made->max_n = max_n;
    made->n_changes = model->n_changes;
    made->head = model->head.kind;
    cen_status status =
        cen__run_create(&made->run, &model->net, max_n, model->context, false, error);
    if (status == CEN_OK && !reserve(made)) {
        status = cen__fail_memory(error, "the mirror images of a batch");
    }
    if (status == CEN_OK && !alloc_logits(model, max_n, &made->logits, &made->scratch)) {
        status = cen__fail_memory(error, "the logits of a batch");
    }
    if (status != CEN_OK) {
        cen_predictor_free(made);
        return status;
    }
    cen__predictor_use(made);
    *predictor = made;
    return CEN_OK;
}

void cen_predictor_free(cen_predictor *predictor)
{
    if (predictor == NULL) return;
    cen__run_free(predictor->run);
    cen__free(predictor->mirrored);
    cen__free(predictor->features);
    cen__free(predictor->logits);
    cen__free(predictor->scratch);
    cen__free(predictor);
}

void cen__predictor_use(cen_predictor *predictor)
{
    const cen_model *model = predictor->model;
    cen__run_use(predictor->run, model->parameters, cen__model_state(model));
}

/* Scales f[d] to the length of like[d]. */
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

/* features[n, D] = the mean of features and others[n, D]. The mean of two vectors is shorter than they are. If all features
 * have one length (l2norm), it is scaled to that length. */
static void average(const cen_model *model, float *features, const float *others, size_t n)
{
    size_t d = model->info.feature_size;
    bool has_length = model->net.layers[model->net.n_layers - 1].kind == &cen__l2norm_layer;
    for (size_t i = 0; i < n; i++, features += d, others += d) {
        for (size_t j = 0; j < d; j++) features[j] = (features[j] + others[j]) / 2;
        if (has_length) scale_like(features, others, d);
    }
}

const float *cen__predict(cen_predictor *predictor, const float *x, size_t n)
{
    const cen_model *model = predictor->model;
    const float *f = cen__run_forward(predictor->run, x, n);
    if (!model->info.mirror) return f;
    size_t image = cen__shape_count(model->net.in);
    memcpy(predictor->features, f, n * model->info.feature_size * sizeof *f);
    memcpy(predictor->mirrored, x, n * image * sizeof *x);
    for (size_t i = 0; i < n; i++) cen__flip(&model->info.input, predictor->mirrored + i * image);
    f = cen__run_forward(predictor->run, predictor->mirrored, n);
    average(model, predictor->features, f, n);
    return predictor->features;
}

static cen_status check(const cen_predictor *predictor, size_t n, cen_error *error)
{
    if (n > predictor->max_n) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "%zu images are more than the %zu that the predictor was made for", n,
                         predictor->max_n);
    }
    if (predictor->n_changes != predictor->model->n_changes) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "the model has other classes than when the predictor was made; make another");
    }
    return CEN_OK;
}

cen_status cen_predictor_features(cen_predictor *predictor, const float *x, size_t n,
                                  float *features, cen_error *error)
{
    cen_status status = check(predictor, n, error);
    if (status != CEN_OK || n == 0) return status;
    const float *f = cen__predict(predictor, x, n);
    memcpy(features, f, n * predictor->model->info.feature_size * sizeof *f);
    return CEN_OK;
}

/* p[k] = exp(logits) / their sum. The largest logit is subtracted first, so that nothing overflows. */
static void softmax(const float *logits, size_t k, float *p)
{
    float largest = logits[0];
    double sum = 0;
    for (size_t j = 1; j < k; j++) largest = logits[j] > largest ? logits[j] : largest;
    for (size_t j = 0; j < k; j++) sum += exp((double)logits[j] - (double)largest);
    for (size_t j = 0; j < k; j++) {
        p[j] = (float)(exp((double)logits[j] - (double)largest) / sum);
    }
}

static cen_status check_head(const cen_model *model, cen_error *error)
{
    if (model->head.kind != NULL && model->info.n_classes > 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     model->info.n_classes == 0
                         ? "the model has no classes; search its features"
                         : "the model was trained without a head, to compare features; "
                           "search its features");
}

/* Of features f[n, D], with made[n, classes] and the scratch of alloc_logits. */
static void classify(const cen_model *model, const float *f, size_t n, float *made, float *scratch,
                     float *logits, float *probabilities)
{
    const size_t classes = model->info.n_classes;
    const cen__head_pass pass = {.kernels = model->net.kernels,
                                 .context = model->context,
                                 .n = n,
                                 .d = model->info.feature_size,
                                 .k = classes,
                                 .scale = model->head.scale,
                                 .f = f,
                                 .weight = model->parameters + model->head_weight,
                                 .bias = model->parameters + model->head_bias,
                                 .logits = made,
                                 .scratch = scratch};
    model->head.kind->forward(&pass);
    if (logits != NULL) memcpy(logits, made, n * classes * sizeof *logits);
    for (size_t i = 0; i < n && probabilities != NULL; i++) {
        softmax(made + i * classes, classes, probabilities + i * classes);
    }
}

cen_status cen_predictor_classes(cen_predictor *predictor, const float *x, size_t n, float *logits,
                                 float *probabilities, cen_error *error)
{
    const cen_model *model = predictor->model;
    cen_status status = check(predictor, n, error);
    if (status != CEN_OK) return status;
    if (predictor->head != model->head.kind) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the model has been given to a trainer with another loss since the "
                         "predictor was made; make another");
    }
    status = check_head(model, error);
    if (status != CEN_OK || n == 0) return status;
    classify(model, cen__predict(predictor, x, n), n, predictor->logits, predictor->scratch, logits,
             probabilities);
    return CEN_OK;
}

cen_status cen_model_classes(const cen_model *model, const float *features, size_t n, float *logits,
                             float *probabilities, cen_error *error)
{
    enum { BLOCK = 64 };
    const size_t d = model->info.feature_size, classes = model->info.n_classes;
    float *made, *scratch;
    cen_status status = check_head(model, error);
    if (status != CEN_OK || n == 0) return status;
    if (!alloc_logits(model, n < BLOCK ? n : BLOCK, &made, &scratch)) {
        status = cen__fail_memory(error, "the logits of a batch");
    }
    for (size_t i = 0; i < n && status == CEN_OK; i += BLOCK) {
        classify(model, features + i * d, n - i < BLOCK ? n - i : BLOCK, made, scratch,
                 logits != NULL ? logits + i * classes : NULL,
                 probabilities != NULL ? probabilities + i * classes : NULL);
    }
    cen__free(made);
    cen__free(scratch);
    return status;
}

cen_status cen_predictor_input(const cen_predictor *predictor, const cen_image *image, float *x,
                               cen_error *error)
{
    const cen_model *model = predictor->model;
    return cen__picture_input(model->context, &model->info.input, image, x, error);
}

cen_status cen_predictor_decode(const cen_predictor *predictor, const void *bytes, size_t size,
                                float *x, cen_error *error)
{
    const cen_input *input = &predictor->model->info.input;
    cen_image_options options = cen__picture_options(input);
    cen_image image;
    cen_status status =
        cen_image_decode(predictor->model->context, bytes, size, &options, &image, error);
    if (status != CEN_OK) return status;
    status = cen_predictor_input(predictor, &image, x, error);
    cen_image_free(&image);
    return status;
}
