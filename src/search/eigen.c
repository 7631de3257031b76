/* A = Q T Q^T by Householder reflections, T tridiagonal; then T = S L S^T by implicit QR steps with
 * Wilkinson's shift (Golub and Van Loan, Matrix Computations, 8.3). The result is kept as (Q S)^T, whose
 * rows are the eigenvectors, so that every loop runs along rows. */
#include "search/eigen.h"

#include <float.h>
#include <math.h>

enum { LANES = 8, STEPS_MOST = 60 };

/* The lanes are written out, so that the compiler makes vectors of them. */
double cen__dot(size_t n, const double *x, const double *y)
{
    double lanes[LANES] = {0}, sum = 0;
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        for (size_t j = 0; j < LANES; j++) lanes[j] += x[i + j] * y[i + j];
    }
    for (; i < n; i++) sum += x[i] * y[i];
    for (size_t j = 0; j < LANES; j++) sum += lanes[j];
    return sum;
}

/* Replaces x[n], n > 1, by the v with |v|^2 = 2 for which (1 - v v^T) x = (result, 0, ..., 0). v is zero if x has
 * that form already. */
static double reflector(size_t n, double *x)
{
    double size = 0;
    for (size_t i = 1; i < n; i++) size = fmax(size, fabs(x[i]));
    double head = x[0];
    if (size == 0) {
        x[0] = 0;
        return head;
    }
    size = fmax(size, fabs(head));
    for (size_t i = 0; i < n; i++) x[i] /= size;
    double length = sqrt(cen__dot(n, x, x));
    double result = head > 0 ? -length : length;
    x[0] -= result;
    double factor = sqrt(2 / cen__dot(n, x, x));
    for (size_t i = 0; i < n; i++) x[i] *= factor;
    return result * size;
}

/* Afterwards a[k][k + 1 ..] holds the reflector of column k, and diagonal[n], beside[n - 1] hold T. */
static void make_tridiagonal(size_t n, double *a, double *diagonal, double *beside, double *w)
{
    for (size_t k = 0; k + 1 < n; k++) {
        size_t m = n - k - 1;
        double *v = a + k * n + k + 1, *rest = a + (k + 1) * n + k + 1; /* [m], [m, m] */
        diagonal[k] = a[k * n + k];
        if (m == 1) {
            beside[k] = v[0];
            v[0] = 0;
            break;
        }
        beside[k] = reflector(m, v);
        for (size_t i = 0; i < m; i++) w[i] = cen__dot(m, rest + i * n, v);
        /* (1 - v v^T) R (1 - v v^T) = R - v w^T - w v^T with w = R v - (v . R v / 2) v */
        double half = cen__dot(m, v, w) / 2;
        for (size_t i = 0; i < m; i++) w[i] -= half * v[i];
        for (size_t i = 0; i < m; i++) {
            double *row = rest + i * n, vi = v[i], wi = w[i];
            for (size_t j = 0; j < m; j++) row[j] -= vi * w[j] + wi * v[j];
        }
    }
    diagonal[n - 1] = a[n * n - 1];
}

/* vectors = Q^T = H_{n-2} ... H_0, multiplied from the last reflector on: H_k changes only what follows row and
 * column k. */
static void multiply_reflectors(size_t n, const double *a, double *vectors)
{
    for (size_t i = 0; i < n * n; i++) vectors[i] = 0;
    for (size_t i = 0; i < n; i++) vectors[i * n + i] = 1;
    for (size_t k = n - 1; k-- > 0;) {
        size_t m = n - k - 1;
        const double *v = a + k * n + k + 1;
        for (size_t i = k + 1; i < n; i++) {
            double *row = vectors + i * n + k + 1, factor = cen__dot(m, row, v);
            for (size_t j = 0; j < m; j++) row[j] -= factor * v[j];
        }
    }
}

/* Rows x and y become c x + s y and c y - s x. */
static void rotate(size_t n, double *x, double *y, double c, double s)
{
    for (size_t i = 0; i < n; i++) {
        double xi = x[i], yi = y[i];
        x[i] = c * xi + s * yi;
        y[i] = c * yi - s * xi;
    }
}

/* One implicit QR step on rows low .. high of T. */
static void step(size_t n, size_t low, size_t high, double *diagonal, double *beside,
                 double *vectors)
{
    double half = (diagonal[high - 1] - diagonal[high]) / 2, last = beside[high - 1];
    double root = hypot(half, last);
    double shift = diagonal[high] - last * (last / (half + (half < 0 ? -root : root)));
    double x = diagonal[low] - shift, z = beside[low];
    for (size_t k = low; k < high; k++) {
        double r = hypot(x, z), c = r > 0 ? x / r : 1, s = r > 0 ? z / r : 0;
        double p = diagonal[k], q = diagonal[k + 1], b = beside[k];
        if (k > low) beside[k - 1] = r;
        diagonal[k] = c * c * p + 2 * c * s * b + s * s * q;
        diagonal[k + 1] = s * s * p - 2 * c * s * b + c * c * q;
        beside[k] = c * s * (q - p) + (c * c - s * s) * b;
        if (k + 1 < high) {
            x = beside[k];
            z = s * beside[k + 1];
            beside[k + 1] *= c;
        }
        rotate(n, vectors + k * n, vectors + (k + 1) * n, c, s);
    }
}

static int is_split(const double *diagonal, const double *beside, size_t k)
{
    return fabs(beside[k]) <= DBL_EPSILON * (fabs(diagonal[k]) + fabs(diagonal[k + 1])) + DBL_MIN;
}

void cen__eigen(size_t n, double *a, double *values, double *vectors, double *scratch)
{
    double *beside = scratch;
    if (n == 0) return;
    make_tridiagonal(n, a, values, beside, scratch + n);
    multiply_reflectors(n, a, vectors);
    size_t high = n - 1;
    for (size_t steps = 0; high > 0 && steps < STEPS_MOST * n; steps++) { /* about 2 n are needed */
        size_t low = high;
        while (low > 0 && !is_split(values, beside, low - 1)) low--;
        if (low < high) {
            step(n, low, high, values, beside, vectors);
        } else {
            high--;
        }
    }
}
