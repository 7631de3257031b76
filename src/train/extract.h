/* Features of many images, batch by batch. */
#ifndef CEN_TRAIN_EXTRACT_H
#define CEN_TRAIN_EXTRACT_H

#include "train/inference.h"

/* features[n, D] of the images at indices[n] of a folder. x is room for max_n inputs. Errors:
 * as cen_folder_read, STOPPED. */
cen_status cen__extract(cen__inference *inference, const cen_folder *folder, const size_t *indices,
                        size_t n, float *x, float *features, cen_progress *progress, void *user,
                        cen_error *error);

#endif
