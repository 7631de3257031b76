/* Reads batches of a dataset's rows, changed and normalised. Rows that cannot be read are skipped. */
#ifndef CEN_DATA_READER_H
#define CEN_DATA_READER_H

#include "data/dataset.h"

/* Called for a row that cannot be read. Any result but CEN_OK ends the reading. */
typedef cen_status cen__unread(void *user, size_t row, const cen_error *why, cen_error *error);

/* A cen__unread that skips such a row. */
cen_status cen__reader_skip(void *user, size_t row, const cen_error *why, cen_error *error);

/* The random changes of an epoch's rows. */
typedef struct cen__changes {
    const cen_augment *augment;
    uint64_t seed;
    size_t epoch;
} cen__changes;

typedef struct cen__reader {
    cen_context *context;
    const cen_dataset *dataset;   /* as cen__dataset_take gives it */
    const cen_input *input;       /* NULL: values stay raw */
    const int32_t *labels;        /* of the dataset's classes; NULL: as they are */
    size_t size;                  /* rows of the largest batch */
    size_t n_values;              /* of a row */
    cen_error *errors;            /* [size] */
    float *raw;                   /* [threads, row] */
    const cen_exchange *exchange; /* (NULL): each process reads all rows */
    void *buffer;                 /* of the exchange */
    cen__unread *unread;          /* NULL: such a row is an error */
    void *user;
} cen__reader;

/* Fills errors and raw of a reader whose other fields are set. Errors: MEMORY. On failure there is nothing to
 * free. */
cen_status cen__reader_prepare(cen__reader *reader, cen_error *error);
void cen__reader_free(cen__reader *reader);

/* x[n, row] and labels[n] (NULL: none) of rows[n]; changes may be NULL. Rows that cannot be read are left out:
 * the others move up in rows, labels and x, and *n_read is their number. With an exchange x has this process's
 * share of them only, at its place. Errors: NOT_FINITE; ARGUMENT, MEMORY and STOPPED of the dataset; the result of
 * unread; IO of the exchange. All processes have the same error. */
cen_status cen__reader_read(const cen__reader *reader, const cen__changes *changes, size_t *rows,
                            size_t n, float *x, int32_t *labels, size_t *n_read, cen_error *error);

/* The error if no row could be read: the reason of one row of the last batch. of: what the rows belong to. */
cen_status cen__reader_fail(const cen__reader *reader, const char *of, cen_error *error);

#endif
