/* Reads the texts with the names of rows that features.c writes. */
#ifndef CEN_FORMAT_TABLE_H
#define CEN_FORMAT_TABLE_H

#include <centerloss_eval.h>

#include "base/status.h"

/* Rows with labels and names as in a file: "" for an empty field. */
typedef struct cen__table {
    cen_context *context;  /* for memory */
    cen_feature_row *rows; /* [n] */
    float *features;       /* [n, d]; NULL from a .tsv */
    uint64_t *digests;     /* [n]; NULL from a .csv, or from a .tsv without that column */
    size_t n, d;
    char *text; /* the memory that the rows point into */
} cen__table;

/* Lines of row, path, label, class, split, and digest if it is there. Errors: IO, FORMAT, LIMIT,
 * MEMORY. */
cen_status cen__table_read_tsv(cen_context *context, const char *path, cen__table *table,
                               cen_error *error);

/* Lines of path, label, class, split and numbers. A number that is not finite becomes NAN. */
cen_status cen__table_read_csv(cen_context *context, const char *path, cen__table *table,
                               cen_error *error);

/* Frees what the table holds; also after a failure. */
void cen__table_free(cen__table *table);

#endif
