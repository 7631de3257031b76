#include "train/sentinel.h"

#include <math.h>

static bool is_finite(const cen__vectors *vectors, const float *x, size_t n)
{
    return isfinite(vectors->dot(n, x, x));
}

const char *cen__broken_tensor(const cen_model *model)
{
    const cen__vectors *vectors = &model->net.kernels->vectors;
    for (size_t i = 0; i < model->n_tensors; i++) {
        const cen__model_tensor *tensor = &model->tensors[i];
        if (!is_finite(vectors, model->parameters + tensor->offset, tensor->count))
            return tensor->name;
    }
    return NULL;
}

cen_status cen__tell_not_finite(const cen_model *model, const float *x, size_t first, size_t count,
                                const cen_losses *losses, cen_error *error)
{
    size_t size = cen__shape_count(model->net.in);
    for (size_t i = first; i < first + count; i++) {
        if (is_finite(&model->net.kernels->vectors, x + i * size, size)) continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "image %zu of this batch, counted from 0, holds a number that is not "
                         "finite; fix it, or leave it out",
                         i);
    }
    const char *tensor = cen__broken_tensor(model);
    if (tensor != NULL) {
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "the model's tensor %.200s holds a number that is not finite; begin with "
                         "other weights",
                         tensor);
    }
    return cen__fail(error, CEN_ERROR_NOT_FINITE,
                     "the %s is not finite; train with a smaller learning rate or lambda, or clip "
                     "gradients",
                     isfinite(losses->total) ? "square of the gradient" : "loss");
}
