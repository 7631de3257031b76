/* cl_train --folds: what its files share. */
#ifndef TOOLS_TRAIN_FOLD_PARTS_H
#define TOOLS_TRAIN_FOLD_PARTS_H

#include "train_folds.h"
#include "verdict.h"

typedef struct folds {
    run *r;
    const fold_images *images;
    const training *t;
    const cen_dataset *dataset;
    size_t current;      /* from 1 */
    size_t *numbers;     /* [dataset->n] the fold of a training row, from 1; 0: of no fold */
    cen_split *splits;   /* [dataset->n] for the current fold */
    int32_t *labels;     /* [n] */
    bool *known, *asked; /* [n] */
    float *verdicts;     /* [n, VERDICT_SIZE] */
    float *features;     /* [n, D] of the net of a fold */
    size_t *rows;        /* [dataset->n] */
} folds;

/* Fills numbers by the seed. Images of a group get one fold. A class that lies in one fold is never left out. */
cen_status choose_folds(folds *f, cen_error *error);

/* folds.npy. What is taken of a run that was stopped among its folds; what cannot be read, or is of other folds, is
 * made anew. */
cen_status save_verdicts(const folds *f, cen_error *error);
void take_verdicts(folds *f);
bool is_done(const folds *f, size_t number);

/* The first of the list of cl_knn audit, for the page. */
void note_misplaced(folds *f);

#endif
