/* Arrays in memory as a dataset. */
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"
#include "base/random.h"
#include "data/dataset.h"

typedef struct arrays_dataset {
    cen_dataset dataset; /* must be first: its address is that of the whole struct */
    cen_arrays arrays;
    cen_split *splits; /* NULL: the caller's */
    size_t row;        /* values of one */
} arrays_dataset;

/* cen_dataset.read */
static cen_status read_values(void *user, const size_t *rows, size_t n, float *x, cen_error *error)
{
    const arrays_dataset *made = user;
    const size_t size = made->row;
    (void)error;
    for (size_t i = 0; i < n; i++, x += size) {
        if (made->arrays.values != NULL) {
            memcpy(x, made->arrays.values + rows[i] * size, size * sizeof *x);
            continue;
        }
        const uint8_t *bytes = made->arrays.bytes + rows[i] * size;
        for (size_t at = 0; at < size; at++) x[at] = (float)bytes[at] / 255.0f;
    }
    return CEN_OK;
}

/* The digest that a folder with the same rows in the same order would have. */
static cen_status draw_splits(cen_context *context, arrays_dataset *made, cen_error *error)
{
    cen_dataset *dataset = &made->dataset;
    cen__by_class by;
    made->splits = cen__alloc_zeroed(context, dataset->n, sizeof *made->splits); /* to train */
    if (made->splits == NULL) return cen__fail_memory(error, "the validation split");
    cen_status status = cen__by_class_create(context, &by, dataset, error);
    if (status != CEN_OK) return status;
    for (size_t c = 0; c < dataset->n_classes; c++) {
        char text[CEN__ROW_NAME];
        size_t *rows = by.rows + by.first[c], n = by.first[c + 1] - by.first[c];
        const char *name = cen__name_of_class(dataset, c, text);
        cen__shuffle(rows, n, made->arrays.seed,
                     cen__substream(CEN__STREAM_SPLIT, cen__hash_name(name)));
        size_t count = cen__validation_count(made->arrays.validation_share, n);
        for (size_t i = 0; i < count; i++) made->splits[rows[i]] = CEN_SPLIT_VALIDATION;
    }
    cen__by_class_free(&by);
    dataset->splits = made->splits;
    return CEN_OK;
}

static cen_status fill(cen_context *context, arrays_dataset *made, cen_error *error)
{
    const cen_arrays *arrays = &made->arrays;
    cen_dataset *dataset = &made->dataset;
    *dataset = cen_dataset_init();
    dataset->n = arrays->n;
    dataset->n_classes = arrays->n_classes;
    dataset->class_names = arrays->class_names;
    dataset->channels = arrays->channels;
    dataset->height = arrays->height;
    dataset->width = arrays->width;
    dataset->resize = arrays->resize;
    dataset->labels = arrays->labels;
    dataset->splits = arrays->splits;
    dataset->user = made;
    dataset->read = read_values;
    if ((arrays->values != NULL) == (arrays->bytes != NULL)) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "a dataset of arrays is of floats or of bytes; set either values or bytes");
    }
    if (!(arrays->validation_share >= 0 && arrays->validation_share < 1)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "a validation share of %g makes no sense; choose one from 0 to below 1",
                         arrays->validation_share);
    }
    cen_dataset taken;
    size_t n_bytes;
    cen_status status = cen__dataset_take(dataset, &taken, error);
    if (status == CEN_OK) status = cen__dataset_check_labels(&taken, error);
    if (status != CEN_OK) return status;
    made->row = arrays->channels * arrays->height * arrays->width;
    if (!cen__multiply(arrays->n, made->row, &n_bytes) ||
        !cen__multiply(n_bytes, arrays->values != NULL ? sizeof(float) : 1, &n_bytes)) {
        return cen__fail(error, CEN_ERROR_LIMIT, "%zu rows of %zu values do not fit into memory",
                         arrays->n, made->row);
    }
    const void *bytes = arrays->values != NULL ? (const void *)arrays->values : arrays->bytes;
    dataset->digest = cen__hash_bytes(bytes, n_bytes);
    return arrays->splits == NULL ? draw_splits(context, made, error) : CEN_OK;
}

cen_status cen_arrays_create(cen_context *context, cen_dataset **dataset, const cen_arrays *arrays,
                             cen_error *error)
{
    *dataset = NULL;
    arrays_dataset *made = cen__alloc_zeroed(context, 1, sizeof *made);
    if (made == NULL) return cen__fail_memory(error, "a dataset");
    made->arrays = cen_arrays_init();
    cen_status status = cen__take_options(&made->arrays, arrays, error);
    if (status == CEN_OK) status = fill(context, made, error);
    *dataset = &made->dataset;
    if (status != CEN_OK) {
        cen_arrays_free(*dataset);
        *dataset = NULL;
    }
    return status;
}

void cen_arrays_free(cen_dataset *dataset)
{
    if (dataset == NULL) return;
    cen__free(((arrays_dataset *)(void *)dataset)->splits);
    cen__free(dataset);
}
