#include "train/sentinel.h"

#include <math.h>

#include "base/context.h"

/* The parts that a long x is cut into, and how long that is. */
enum { PARTS = 32, LONG = 1 << 15 };

typedef struct squares {
    const cen__vectors *vectors;
    const float *x;
    size_t n, n_parts;
    double sums[PARTS];
} squares;

static void sum_part(void *data, size_t part, int worker)
{
    (void)worker;
    squares *s = data;
    size_t first = part * s->n / s->n_parts, end = (part + 1) * s->n / s->n_parts;
    s->sums[part] = s->vectors->dot(end - first, s->x + first, s->x + first);
}

bool cen__is_below(const cen__vectors *vectors, const float *x, size_t n, double limit,
                   cen_context *context)
{
    squares s = {.vectors = vectors, .x = x, .n = n, .n_parts = n < LONG ? 1 : PARTS};
    bool is_below = true;
    cen__parallel(context, s.n_parts, (double)n, sum_part, &s);
    /* A sum of squares of finite floats in double is finite; that of others is not. */
    for (size_t i = 0; i < s.n_parts; i++) {
        is_below = is_below && isfinite(s.sums[i]) && sqrt(s.sums[i]) < limit;
    }
    return is_below;
}

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

cen_status cen__tell_not_finite(const cen_model *model, const float *x, size_t n,
                                const cen_losses *losses, cen_error *error)
{
    size_t size = cen__shape_count(model->net.in);
    for (size_t i = 0; i < n; i++) {
        if (is_finite(&model->net.kernels->vectors, x + i * size, size)) continue;
        return cen__fail(error, CEN_ERROR_NOT_FINITE,
                         "image %zu of this batch, counted from 0, holds a number that is not "
                         "finite; mend it or leave it out",
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
