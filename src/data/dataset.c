#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checks.h"
#include "base/memory.h"

const char *cen_split_name(cen_split split)
{
    switch (split) {
    case CEN_SPLIT_TRAIN: return "train";
    case CEN_SPLIT_VALIDATION: return "val";
    case CEN_SPLIT_TEST: return "test";
    case CEN_SPLIT_HELD_OUT: return "heldout";
    }
    return "unknown";
}

const char *cen__row_name(const cen_dataset *dataset, size_t row, char text[CEN__ROW_NAME])
{
    if (dataset->names != NULL && dataset->names[row] != NULL) return dataset->names[row];
    (void)snprintf(text, CEN__ROW_NAME, "row %zu", row);
    return text;
}

const char *cen__name_of_class(const cen_dataset *dataset, size_t label, char text[CEN__ROW_NAME])
{
    if (dataset->class_names != NULL) return dataset->class_names[label];
    (void)snprintf(text, CEN__ROW_NAME, "%zu", label);
    return text;
}

size_t cen__rows_of(const cen_dataset *dataset, cen_split split, size_t *rows)
{
    size_t n = 0;
    for (size_t i = 0; i < dataset->n; i++) {
        if (cen__split_of(dataset, i) == split) rows[n++] = i;
    }
    return n;
}

uint64_t cen__hash_bytes(const uint8_t *bytes, size_t size)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t at = 0; at < size;) {
        uint64_t word = 0;
        for (int shift = 0; shift < 64 && at < size; shift += 8) {
            word |= (uint64_t)bytes[at++] << shift;
        }
        hash = (hash ^ word) * UINT64_C(1099511628211);
        hash ^= hash >> 32;
    }
    return hash;
}

/* share * n, rounded half up, but at least one image and not all. The share counts as it was written in
 * decimals: 0.29 * 50 is 14.5. */
size_t cen__validation_count(double share, size_t n)
{
    if (share == 0 || n < 2) return 0;
    size_t count = (size_t)floor(share * (double)n + 0.5 + 1e-9);
    return count < 1 ? 1 : count > n - 1 ? n - 1 : count;
}

/* ---- checks -------------------------------------------------------------------------------- */

cen_status cen__dataset_take(const cen_dataset *given, cen_dataset *taken, cen_error *error)
{
    *taken = cen_dataset_init();
    if (given == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "there is no dataset; that of a folder is there after cen_folder_load");
    }
    cen_status status = cen__take_options(taken, given, error);
    if (status != CEN_OK) return status;
    if (taken->read == NULL) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the dataset has no function to read rows; set read");
    }
    if (taken->n_classes > INT32_MAX) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the dataset has %zu classes, more than labels can name; give it fewer",
                         taken->n_classes);
    }
    size_t plane, count;
    bool fits = cen__multiply(taken->height, taken->width, &plane) &&
                cen__multiply(plane, taken->channels, &count) && count <= SIZE_MAX / sizeof(float);
    if (fits && count > 0 && taken->channels <= CEN_MAX_CHANNELS) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "the dataset has rows of %zu x %zu x %zu (channels, height, width); use 1 to "
                     "%d channels, and sides of at least 1 that fit into memory",
                     taken->channels, taken->height, taken->width, CEN_MAX_CHANNELS);
}

cen_status cen__dataset_check_size(const cen_dataset *dataset, const cen_input *input,
                                   cen_error *error)
{
    if (dataset->channels == input->channels && dataset->height == input->height &&
        dataset->width == input->width && dataset->resize == input->resize) {
        return CEN_OK;
    }
    if (dataset->resize != input->resize) {
        return cen__fail(
            error, CEN_ERROR_ARGUMENT,
            "the dataset's pictures were resized in another way than the model's input "
            "has it (resize %d, not %d); load them with that",
            (int)dataset->resize, (int)input->resize);
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "the dataset has rows of %zu x %zu x %zu (channels, height, width), not of "
                     "%zu x %zu x %zu; load a folder with the model's input, or make a model for "
                     "these rows",
                     dataset->channels, dataset->height, dataset->width, input->channels,
                     input->height, input->width);
}

static cen_status check_row(const cen_dataset *dataset, size_t row, cen_error *error)
{
    char text[CEN__ROW_NAME];
    const int32_t label = dataset->labels[row];
    const cen_split split = cen__split_of(dataset, row);
    if ((unsigned)split > CEN_SPLIT_HELD_OUT) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "%.300s: its split %d does not exist",
                         cen__row_name(dataset, row, text), (int)split);
    }
    const bool is_trained = split == CEN_SPLIT_TRAIN || split == CEN_SPLIT_VALIDATION;
    if (label >= (is_trained ? 0 : -1) && (!is_trained || (size_t)label < dataset->n_classes)) {
        return CEN_OK;
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%.300s: its label is %d, and there are %zu classes; give it one of them, or "
                     "make it a row to test, with label -1",
                     cen__row_name(dataset, row, text), (int)label, dataset->n_classes);
}

cen_status cen__dataset_check_labels(const cen_dataset *dataset, cen_error *error)
{
    if (dataset->labels == NULL && dataset->n > 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "the dataset has no labels; set them");
    }
    cen_status status = CEN_OK;
    for (size_t i = 0; i < dataset->n && status == CEN_OK; i++) {
        status = check_row(dataset, i, error);
    }
    for (size_t c = 0; dataset->class_names != NULL && c < dataset->n_classes; c++) {
        if (status != CEN_OK || dataset->class_names[c] != NULL) continue;
        status = cen__fail(error, CEN_ERROR_ARGUMENT, "class %zu has no name; give one", c);
    }
    return status;
}

/* ---- classes by name ----------------------------------------------------------------------- */

typedef struct named {
    const char *name;
    size_t place;
} named;

static int compare_named(const void *a, const void *b)
{
    return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

/* Each class of the dataset takes one of sorted[n] names. */
static cen_status take_names(const cen_dataset *dataset, const named *sorted, size_t n,
                             bool *is_taken, int32_t *labels, cen_error *error)
{
    char text[CEN__ROW_NAME];
    for (size_t c = 0; c < dataset->n_classes; c++) {
        const named key = {cen__name_of_class(dataset, c, text), 0};
        const named *found = bsearch(&key, sorted, n, sizeof *sorted, compare_named);
        if (found != NULL && !is_taken[found->place]) {
            is_taken[found->place] = true;
            labels[c] = (int32_t)found->place;
            continue;
        }
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         found != NULL
                             ? "the dataset has two classes '%.200s'; give each a name of "
                               "its own"
                             : "the model has no class '%.200s', which the dataset has; "
                               "train on the model's classes, or make a model for these",
                         key.name);
    }
    return CEN_OK;
}

cen_status cen__dataset_match(cen_context *context, const cen_dataset *dataset,
                              const char *const *names, size_t n, int32_t *labels, cen_error *error)
{
    named *sorted = cen__alloc(context, n, sizeof *sorted);
    bool *is_taken = cen__alloc_zeroed(context, n, sizeof *is_taken);
    cen_status status = sorted != NULL && is_taken != NULL
                            ? CEN_OK
                            : cen__fail_memory(error, "the names of classes");
    if (status == CEN_OK) {
        for (size_t i = 0; i < n; i++) sorted[i] = (named){names[i], i};
        qsort(sorted, n, sizeof *sorted, compare_named);
        status = take_names(dataset, sorted, n, is_taken, labels, error);
    }
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        if (is_taken[i]) continue;
        status = cen__fail(error, CEN_ERROR_ARGUMENT,
                           "the dataset has no class '%.200s', which the model has; train on the "
                           "model's classes, or make a model for these",
                           names[i]);
    }
    cen__free(sorted);
    cen__free(is_taken);
    return status;
}
