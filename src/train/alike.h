#ifndef CEN_TRAIN_ALIKE_H
#define CEN_TRAIN_ALIKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cen__alike {
    double share; /* the mean correlation of pictures of two classes; NAN: not measured */
    bool is_low;  /* surely: what is shown has no fixed place in the pictures */
} cen__alike;

/* To mean 0 and length 1; zeros for a picture of one grey. */
void cen__alike_normalise(float *picture, size_t size);

/* Of n pictures that were normalised, at most CEN__ALIKE_SIZE numbers each. */
enum { CEN__ALIKE_SIZE = 32 * 32 };
cen__alike cen__alike_measure(const float *pictures, const int32_t *labels, size_t n, size_t size);

#endif
