/* The runs that a page compares, read from their folders. */
#ifndef CEN_REPORT_RUNS_H
#define CEN_REPORT_RUNS_H

#include "format/json.h"
#include "report/report.h"

enum { CEN__RUNS_MOST = 16 };

typedef struct cen__compared {
    const char *name;              /* its folder */
    cen__json_document *document;  /* of report.json; NULL: the run has none yet */
    const cen__json *facts, *sets; /* arrays in it; NULL: none */
    cen_epoch_report *epochs;
    size_t n_epochs;
    char kind[8]; /* the class of its strokes */
} cen__compared;

/* Errors: IO, FORMAT, LIMIT, MEMORY; then there is nothing to free. */
cen_status cen__compared_read(cen_context *context, cen__compared *run, const char *folder,
                              size_t index, cen_error *error);
void cen__compared_free(cen__compared *run);

/* A member of an object, which may be NULL: its text, or NULL; its number, or NAN. */
const char *cen__text_of(const cen__json *object, const char *key);
double cen__number_of(const cen__json *object, const char *key);

#endif
