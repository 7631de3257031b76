/* Thresholds from the distances of strangers, for the files of this folder. */
#ifndef CEN_SEARCH_THRESHOLD_H
#define CEN_SEARCH_THRESHOLD_H

#include <centerloss_eval.h>

#include "search/classes.h"

/* A picture of a stranger that is compared with a gallery, or with one name of it. */
typedef struct cen__impostor {
    double score;    /* it passes if this is at most the threshold */
    size_t stranger; /* whose picture it is */
    double value;    /* scratch */
} cen__impostor;

/* The pictures of strangers that are enough for a useful threshold; with a small share, enough that some pass. */
size_t cen__threshold_most(double false_accepts);

/* About `most` of the rows, equally many of each class if not all. sample has no labels. False without memory; free
 * sample in any case. */
bool cen__threshold_draw(cen_context *context, const cen__classes *all, size_t most,
                         cen__classes *sample);

/* Errors: ARGUMENT. n: pictures of strangers. */
cen_status cen__threshold_check(double false_accepts, size_t n_gallery, size_t n, cen_error *error);
cen_status cen__threshold_check_set(cen_labelled set, const char *what, size_t d, cen_error *error);
cen_status cen__threshold_fail_one_class(cen_error *error);

/* The features of these rows, in their order: [n, d]; NULL without memory. */
float *cen__threshold_gather(cen_context *context, const float *features, const size_t *rows,
                             size_t n, size_t d);

/* Sets all of *threshold but false_accepts, which is given. The half-width of the interval is multiplied by widening.
 * Sorts impostors[n], which are of all the strangers. Errors: ARGUMENT (too many are copies), MEMORY. */
cen_status cen__threshold_choose(cen_context *context, cen__impostor *impostors, size_t n,
                                 size_t n_strangers, double widening, cen_threshold *threshold,
                                 cen_error *error);

#endif
