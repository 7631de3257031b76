/* Features of many images, batch by batch. */
#ifndef CEN_TRAIN_EXTRACT_H
#define CEN_TRAIN_EXTRACT_H

#include "nn/work.h"

/* features[n, D] of the images at indices[n] of a folder. x is room for batch_size inputs. Errors:
 * as cen_folder_read, STOPPED. */
cen_status cen__extract(const cen_model *model, cen__work *work, size_t batch_size,
                        const cen_folder *folder, const size_t *indices, size_t n, float *x,
                        float *features, cen_progress *progress, void *user, cen_error *error);

#endif
