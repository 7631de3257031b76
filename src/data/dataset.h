/* What the library needs of any dataset. */
#ifndef CEN_DATA_DATASET_H
#define CEN_DATA_DATASET_H

#include "base/status.h"

enum { CEN__ROW_NAME = 32 };

/* *taken = the fields of `given` that the caller's header knew, and zeros. Errors: ARGUMENT (no read function, a
 * bad size). */
cen_status cen__dataset_take(const cen_dataset *given, cen_dataset *taken, cen_error *error);

/* Checks a dataset for training: rows to train and to validate have labels of classes, and class names differ.
 * Errors: ARGUMENT, MEMORY. */
cen_status cen__dataset_check_labels(const cen_dataset *dataset, cen_error *error);

/* Errors: ARGUMENT if rows are not of this size. */
cen_status cen__dataset_check_size(const cen_dataset *dataset, const cen_input *input,
                                   cen_error *error);

static inline cen_split cen__split_of(const cen_dataset *dataset, size_t row)
{
    return dataset->splits != NULL ? dataset->splits[row] : CEN_SPLIT_TRAIN;
}

/* Lists the rows of a split in their order, and returns their number. */
size_t cen__rows_of(const cen_dataset *dataset, cen_split split, size_t *rows);

/* The name of a row in messages; text is a buffer for it. */
const char *cen__row_name(const cen_dataset *dataset, size_t row, char text[CEN__ROW_NAME]);

/* The name of a class; text is a buffer for it. */
const char *cen__name_of_class(const cen_dataset *dataset, size_t label, char text[CEN__ROW_NAME]);

/* labels[dataset->n_classes]: the place of each class among names[n]. Errors: ARGUMENT, which names the first
 * class that only one side has, or that the dataset has twice; MEMORY. */
cen_status cen__dataset_match(cen_context *context, const cen_dataset *dataset,
                              const char *const *names, size_t n, int32_t *labels,
                              cen_error *error);

/* The training rows by class. */
typedef struct cen__by_class {
    const cen_dataset *dataset;
    size_t n;      /* training rows */
    size_t *rows;  /* [n], by label, then in their order */
    size_t *first; /* [n_classes + 1]: the begin of a label in rows */
} cen__by_class;

/* For a dataset that was checked. Errors: ARGUMENT (a class without a training row), MEMORY. On failure there is
 * nothing to free. */
cen_status cen__by_class_create(cen_context *context, cen__by_class *rows,
                                const cen_dataset *dataset, cen_error *error);
void cen__by_class_free(cen__by_class *rows);

/* cen_dataset_order with n_classes above 0. */
size_t cen__by_class_order(const cen__by_class *rows, size_t n_classes, size_t per_class,
                           uint64_t seed, size_t epoch, size_t *order);

/* The number of a class's n training rows that are drawn for validation. */
size_t cen__validation_count(double share, size_t n);

/* FNV-1a over eight bytes at a time. */
uint64_t cen__hash_bytes(const uint8_t *bytes, size_t size);

#endif
