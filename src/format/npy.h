/* NumPy's .npy: the format of one array (numpy/lib/format.py, versions 1.0 to 3.0). */
#ifndef CEN_FORMAT_NPY_H
#define CEN_FORMAT_NPY_H

#include <centerloss_eval.h>

#include "base/status.h"

/* features[n, d] of a 2-D array of float32 or float64, either byte order, C or Fortran order. The
 * caller frees it with cen__free; NULL after a failure. Errors: as cen_features_read. */
cen_status cen__npy_read(cen_context *context, const char *path, float **features, size_t *n,
                         size_t *d, cen_error *error);

#endif
