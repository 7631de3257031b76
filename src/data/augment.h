/* The random changes of one training row: drawn, then made while it is normalised. */
#ifndef CEN_DATA_AUGMENT_H
#define CEN_DATA_AUGMENT_H

#include "base/status.h"

/* The changes of one image, in this order. */
typedef struct cen__change {
    bool is_resampled;               /* else the image moves by whole pixels */
    float matrix[2][3];              /* resampled: source (x, y) = matrix (x, y, 1) */
    ptrdiff_t right, down;           /* whole pixels */
    float contrast, brightness;      /* (p - mean of the image) * contrast + mean + brightness */
    size_t top, left, height, width; /* erased; height 0: nothing */
    bool is_flipped;
} cen__change;

/* *taken: what the caller gave (NULL: nothing is changed). Errors: ARGUMENT (a switch that is negative, not a number or
 * too large). */
cen_status cen__augment_take(const cen_augment *given, const cen_input *input, cen_augment *taken,
                             cen_error *error);

/* True if no image is changed. */
bool cen__augment_is_none(const cen_augment *augment);

/* A function of the arguments only. Each switch has random numbers of its own, so turning one on does not
 * change the others. */
cen__change cen__augment_draw(const cen_augment *augment, const cen_input *input, uint64_t seed,
                              size_t epoch, size_t index);

/* Sets the change: a turn by `angle` (radians) and a scaling by `factor` about the middle, then a shift to the
 * right and down in pixels. All in one resampling. */
void cen__change_place(cen__change *change, const cen_input *input, double angle, double factor,
                       double right, double down);

/* x[c, h, w] = the row raw[c, h, w], changed and normalised together. That saves a pass, and an erased part
 * becomes the mean. */
void cen__change_apply(const cen__change *change, const cen_input *input, const float *raw,
                       float *x);

/* x[c, h, w]: left and right change places. */
void cen__flip(const cen_input *input, float *x);

#endif
