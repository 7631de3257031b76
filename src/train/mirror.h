#ifndef CEN_TRAIN_MIRROR_H
#define CEN_TRAIN_MIRROR_H

#include "base/status.h"
#include "train/alike.h"

typedef struct cen__mirror {
    double
        kept; /* the share of what tells classes apart that mirror images keep; NAN: not measured */
    bool is_same;     /* left and right mean the same */
    cen__alike alike; /* of the same rows */
} cen__mirror;

/* Measured on up to 1,000 training rows of classes with two rows or more; the dataset is one that was taken. Errors: as
 * cen__reader_read, MEMORY. */
cen_status cen__mirror_measure(cen_context *context, const cen_dataset *dataset,
                               cen__mirror *mirror, cen_error *error);

#endif
