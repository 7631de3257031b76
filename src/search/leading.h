/* The leading principal components of many numbers, without their covariance matrix. */
#ifndef CEN_SEARCH_LEADING_H
#define CEN_SEARCH_LEADING_H

#include <stdbool.h>

#include "base/status.h"

/* True if the search pays: the components are few beside the d numbers. */
bool cen__leading_pays(size_t d, size_t n_components);

/* values[n_components], falling, and vectors[n_components, d], orthonormal, of the covariance of
 * features[n, d]. *converged false: the spectrum is too flat for this method, and nothing is set. Errors: MEMORY. */
cen_status cen__leading(cen_context *context, const float *features, size_t n, size_t d,
                        const double *mean, size_t n_components, double *values, double *vectors,
                        bool *converged, cen_error *error);

#endif
