/* cl_train: rows of one split, with their features. */
#ifndef TOOLS_TRAIN_SPLIT_H
#define TOOLS_TRAIN_SPLIT_H

#include "train_page.h"

typedef struct split_rows {
    size_t n, n_all; /* those taken, of all */
    float *features;
    int32_t *labels;
    cen_feature_row *rows;
} split_rows;

/* Up to `most` rows of a split, evenly. */
cen_status take_split(const page_content *content, cen_split split, size_t most, split_rows *set,
                      cen_error *error);
void free_split(split_rows *set);
cen_labelled labelled(const split_rows *set);

#endif
