/* Models with given weights. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_MODELS_H
#define TESTS_SUPPORT_MODELS_H

#include <centerloss_eval.h>

#include "support/context.h"
#include "support/golden.h"
#include "support/plain_options.h"
#include "format/safetensors.h"

static inline void assert_ok(cen_status status, const cen_error *error)
{
    if (status != CEN_OK) fail_msg("%s: %s", cen_status_name(status), error->message);
}

static inline cen_model *model_create_in(cen_context *context, const char *net, size_t channels,
                                         size_t height, size_t width, size_t n_classes)
{
    cen_model_options options = cen_model_options_init();
    options.net = net;
    options.input.channels = channels;
    options.input.height = height;
    options.input.width = width;
    options.n_classes = n_classes;
    cen_model *model = NULL;
    cen_error error;
    assert_ok(cen_model_create(context, &model, &options, &error), &error);
    return model;
}

static inline cen_model *model_create(const char *net, size_t channels, size_t height, size_t width,
                                      size_t n_classes)
{
    return model_create_in(threads(1), net, channels, height, width, n_classes);
}

static inline cen_trainer *trainer_create(cen_model *model, const cen_train_options *options)
{
    cen_trainer *trainer = NULL;
    cen_error error;
    assert_ok(cen_trainer_create(&trainer, model, options, &error), &error);
    return trainer;
}

/* features[n, D] of x[n, input], by a predictor for them. */
static inline cen_status model_features(const cen_model *model, const float *x, size_t n,
                                        float *features, cen_error *error)
{
    cen_predictor *predictor;
    cen_status status = cen_predictor_create(&predictor, model, n, error);
    if (status == CEN_OK) status = cen_predictor_features(predictor, x, n, features, error);
    cen_predictor_free(predictor);
    return status;
}

/* The tensor by its name; its place in the flat buffers is view.data - parameters. */
static inline cen_tensor model_tensor(cen_model *model, const char *name)
{
    const char *found;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &found, &view); i++)
        if (strcmp(found, name) == 0) return view;
    fail_msg("the model has no tensor %s", name);
    return view;
}

/* Copies a tensor, whose shape must be the array's, into the model. */
static inline void model_set(cen_model *model, const char *name, const golden_array *array)
{
    const cen_tensor view = model_tensor(model, name);
    assert_int_equal(view.n_dims, array->n_dims);
    for (size_t i = 0; i < view.n_dims; i++) assert_int_equal(view.shape[i], array->shape[i]);
    for (size_t i = 0; i < array->count; i++) view.data[i] = (float)array->values[i];
}

/* The model of CASE/net for the images CASE/`images`, with the tensors CASE/parameters/... */
static inline cen_model *model_of_golden(cen_context *context, const golden *all, const char *of,
                                         const char *images)
{
    const golden_array *x = golden_get(all, of, images);
    const size_t n_classes = golden_get(all, of, "parameters/head.bias")->count;
    cen_model *model = model_create_in(context, golden_get(all, of, "net")->text, x->shape[1],
                                       x->shape[2], x->shape[3], n_classes);
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        char full[128];
        snprintf(full, sizeof full, "parameters/%s", name);
        model_set(model, name, golden_get(all, of, full));
    }
    return model;
}

/* The tensor's part of a flat buffer (parameters or gradient), as doubles; the caller's to free. */
static inline double *part_of(cen_model *model, const cen_tensor *view, const float *buffer)
{
    size_t n_parameters;
    const float *parameters = cen_model_parameters(model, &n_parameters);
    const size_t n = cen__tensor_count(view), begin = (size_t)(view->data - parameters);
    assert_true(begin + n <= n_parameters);
    double *part = golden_memory(n, sizeof *part);
    for (size_t i = 0; i < n; i++) part[i] = (double)buffer[begin + i];
    return part;
}

static inline double *doubles(const float *values, size_t n)
{
    double *copy = golden_memory(n, sizeof *copy);
    for (size_t i = 0; i < n; i++) copy[i] = (double)values[i];
    return copy;
}

#endif
