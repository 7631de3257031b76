#ifndef CEN_SEARCH_EIGEN_H
#define CEN_SEARCH_EIGEN_H

#include <stddef.h>

/* Eigenvalues and eigenvectors of the symmetric a[n, n], which is overwritten: values[n] in no order, and the
 * vector of each as a row of vectors[n, n], orthonormal. scratch[2 n]. */
void cen__eigen(size_t n, double *a, double *values, double *vectors, double *scratch);

/* x . y, summed in the same order everywhere. */
double cen__dot(size_t n, const double *x, const double *y);

#endif
