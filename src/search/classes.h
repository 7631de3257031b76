/* The rows of a labelled set by class. Negative labels mean none and belong to no class. */
#ifndef CEN_SEARCH_CLASSES_H
#define CEN_SEARCH_CLASSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <centerloss.h>

typedef struct cen__classes {
    size_t n_classes, n_rows;
    int32_t *labels; /* [n_classes] ascending */
    size_t *starts;  /* [n_classes + 1] */
    size_t *rows;    /* [n_rows] the rows of class c begin at starts[c], ascending */
} cen__classes;

/* False without memory; then nothing is left to free. */
bool cen__classes_create(cen_context *context, cen__classes *classes, const int32_t *labels,
                         size_t n);
void cen__classes_free(cen__classes *classes);

/* The place of a label; n_classes if it does not occur. */
size_t cen__classes_find(const cen__classes *classes, int32_t label);

/* Rows of the class at a place, 0 for n_classes. */
size_t cen__classes_count(const cen__classes *classes, size_t place);

#endif
