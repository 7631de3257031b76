/* A model whose tensors all have numbers, also those that are constant at first. Include after cmocka.h. */
#ifndef TESTS_SUPPORT_EXPORTED_H
#define TESTS_SUPPORT_EXPORTED_H

#include <string.h>

#include "base/random.h"
#include "support/models.h"

static inline cen_model *exported_model(const char *net, bool mirror, cen_input input)
{
    cen_model_options options = cen_model_options_init();
    options.net = net;
    options.mirror = mirror;
    options.n_classes = 3;
    options.input.channels = input.channels;
    options.input.height = input.height;
    options.input.width = input.width;
    for (size_t i = 0; i < input.channels; i++) {
        options.input.mean[i] = 0.25f + 0.125f * (float)i;
        options.input.std[i] = 0.5f - 0.0625f * (float)i;
    }
    cen_model *model = NULL;
    cen_error error;
    assert_ok(cen_model_create(threads(1), &model, &options, &error), &error);
    const char *name;
    cen_tensor view;
    for (size_t i = 0; cen_model_tensor(model, i, &name, &view); i++) {
        const bool is_matrix = view.n_dims > 1, is_variance = strstr(name, "running_var") != NULL;
        for (size_t j = 0; j < cen__tensor_count(&view) && !is_matrix; j++) {
            view.data[j] = cen__random_float(7, (uint32_t)i, j) + (is_variance ? 0.5f : -0.25f);
        }
    }
    return model;
}

#endif
