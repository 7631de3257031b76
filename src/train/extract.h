/* Features of many rows, batch by batch. */
#ifndef CEN_TRAIN_EXTRACT_H
#define CEN_TRAIN_EXTRACT_H

#include "data/reader.h"
#include "train/predictor.h"

/* features[*n, D] of the reader's rows[*n]; the reader must fit the predictor's model and max_n. Rows that cannot be read
 * are left out: *n and rows shrink. x is room for max_n inputs. Errors: as cen__reader_read, STOPPED. */
cen_status cen__extract(cen_predictor *predictor, const cen__reader *reader, size_t *rows,
                        size_t *n, float *x, float *features, cen_progress *progress, void *user,
                        cen_error *error);

#endif
