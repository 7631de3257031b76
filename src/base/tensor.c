#include "base/memory.h"
#include "base/status.h"

cen_status cen_tensor_create(cen_context *context, cen_tensor *tensor, size_t n_dims,
                             const size_t *shape, cen_error *error)
{
    *tensor = (cen_tensor){.n_dims = n_dims, .shape = {1, 1, 1, 1}, .data = NULL};
    if (n_dims > CEN_MAX_DIMS) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "a tensor has at most %d dimensions, not %zu",
                         CEN_MAX_DIMS, n_dims);
    }
    size_t count = 1;
    for (size_t i = 0; i < n_dims; i++) {
        tensor->shape[i] = shape[i];
        if (!cen__multiply(count, shape[i], &count)) {
            return cen__fail(error, CEN_ERROR_LIMIT,
                             "a tensor of this shape does not fit into memory; make it smaller");
        }
    }
    tensor->data = cen__alloc_zeroed(context, count, sizeof(float));
    return tensor->data != NULL ? CEN_OK : cen__fail_memory(error, "a tensor");
}

void cen_tensor_free(cen_tensor *tensor)
{
    if (tensor == NULL) return;
    cen__free(tensor->data);
    *tensor = (cen_tensor){.n_dims = 0, .shape = {0, 0, 0, 0}, .data = NULL};
}

size_t cen_tensor_count(const cen_tensor *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->n_dims; i++) count *= tensor->shape[i];
    return count;
}
