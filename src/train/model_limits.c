/* The limits of models that come from elsewhere, checked before memory is taken. */
#include "base/checks.h"
#include "base/sizes.h"
#include "nn/run.h"
#include "train/model.h"

/* Bytes that an image may take while it runs, per pixel of the largest input: 64 channels of two layers. */
enum { NUMBERS_A_PIXEL = 128 };

cen_status cen__limits_take(cen_model_limits *limits, const cen_model_limits *given,
                            cen_error *error)
{
    cen_status status = cen__take_options(limits, given, error);
    if (status != CEN_OK || (limits->max_input > 0 && limits->max_work > 0)) return status;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "limits of %zu pixels and %g multiply-adds allow no model; give both above 0",
                     limits->max_input, limits->max_work);
}

static cen_status fail_bytes(const char *what, size_t count, size_t most, const char *how,
                             cen_error *error)
{
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%s %.3g bytes, the limit is %.3g; if you trust its maker, raise the limit%s",
                     what, (double)count * sizeof(float), (double)most * sizeof(float), how);
}

cen_status cen__model_check_limits(const cen_model *model, const cen_model_limits *limits,
                                   bool is_file, cen_error *error)
{
    const cen_model_info *info = &model->info;
    const char *how = is_file ? " with --max-input" : "";
    const size_t most = cen__times(limits->max_input, NUMBERS_A_PIXEL);
    size_t height = info->input.height, width = info->input.width, count;
    if (cen__times(height, width) > limits->max_input) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "its input of %zux%zu has more pixels than the limit of %zu; if you trust "
                         "its maker, raise the limit%s",
                         height, width, limits->max_input, how);
    }
    if (info->work > limits->max_work) {
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "an image takes %.3g multiply-adds, the limit is %.3g; if you trust its "
                         "maker, raise the limit%s",
                         info->work, limits->max_work, is_file ? " with --max-work" : "");
    }
    if (!is_file && model->n_numbers > most)
        return fail_bytes("its parameters take", model->n_numbers, most, how, error);
    cen_status status = cen__run_measure(model->context, &model->net, &count, error);
    if (status != CEN_OK || count <= most) return status;
    return fail_bytes("while it runs, an image takes", count, most, how, error);
}
