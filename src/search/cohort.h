/* Strangers that a calibrated gallery keeps. A question that many strangers are near to is easy to confuse, so it has to
 * be nearer to a name. */
#ifndef CEN_SEARCH_COHORT_H
#define CEN_SEARCH_COHORT_H

#include "search/gallery.h"

enum { CEN__COHORT_MOST = 512, CEN__COHORT_NEAR = 10 };

typedef struct cen__cohort {
    size_t n;        /* 0: none is kept */
    double typical;  /* the mean closeness of strangers */
    float *features; /* [n, d]; cen__free */
} cen__cohort;

/* closeness[n]: the mean distance of each of queries[n, d] to the CEN__COHORT_NEAR nearest of the cohort that `skips`
 * allows (of at least so many). Errors: as cen__search. */
cen_status cen__cohort_measure(const cen_gallery *gallery, const cen__cohort *cohort,
                               const float *queries, size_t n,
                               bool (*skips)(const void *skip_data, size_t query, size_t row),
                               const void *skip_data, double *closeness, cen_error *error);

/* The factor of the thresholds of a question: the root of its closeness over the typical one. */
double cen__cohort_factor(const cen__cohort *cohort, double closeness);

/* The bytes that a gallery keeps of it; NULL without memory. */
uint8_t *cen__cohort_write(const cen_gallery *gallery, const cen__cohort *cohort, size_t *size);

/* Errors: FORMAT (what the gallery keeps is damaged), MEMORY. */
cen_status cen__cohort_read(const cen_gallery *gallery, cen__cohort *cohort, cen_error *error);

#endif
