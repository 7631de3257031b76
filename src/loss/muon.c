#include <centerloss_eval.h>

#include "loss/muon.h"

#include <math.h>
#include <string.h>

#include "base/sizes.h"
#include "kernels/gemm.h"

static const float MOMENTUM = 0.95f;
/* torch takes 0.2, as large as Adam's steps. 0.8 is better on faces: data/README.md. */
static const double FACTOR = 0.8;
static const double LEAST_LENGTH = 1e-7;

/* The coefficients of Jordan et al.: a x + b x^3 + c x^5, five times, brings a singular value from 0.01 to 1 near 1. */
static const float A = 3.4445f, B = -4.7750f, C = 2.0315f;
enum { N_TIMES = 5 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t product_count(const cen__kernels *kernels, size_t rows, size_t columns, int n_threads)
{
    const size_t side = larger(rows, columns);
    size_t gram = cen__gemm_scratch_count(&kernels->micro, smaller(rows, columns),
                                          smaller(rows, columns), side, n_threads);
    return larger(gram, cen__gemm_scratch_count(&kernels->micro, rows, columns,
                                                smaller(rows, columns), n_threads));
}

size_t cen__muon_scratch_count(const cen__kernels *kernels, size_t rows, size_t columns,
                               int n_threads)
{
    const size_t r = smaller(rows, columns);
    const size_t matrices =
        cen__plus(cen__times(2, cen__times(rows, columns)), cen__times(5, cen__times(r, r)));
    return cen__plus(product_count(kernels, rows, columns, n_threads), matrices);
}

/* c[r, r] = a b of matrices [r, r]. */
static void multiply(const cen__muon *muon, size_t r, const float *a, const float *b, float *c)
{
    cen__gemm(&muon->kernels->micro, r, r, r, (cen__matrix){a, r, 1}, (cen__matrix){b, r, 1}, NULL,
              c, r, muon->scratch, muon->context);
}

/* The polynomial of x x' (or x' x) with which x is multiplied: squares[5][r, r], of which the first holds that product.
 * All of these matrices commute. Returns the one that holds the polynomial. */
static const float *find_polynomial(const cen__muon *muon, size_t r, float *squares)
{
    const size_t n = r * r;
    float *gram = squares, *square = gram + n, *all = square + n, *one = all + n, *next = one + n;
    for (int time = 0; time < N_TIMES; time++) {
        multiply(muon, r, gram, gram, square);
        for (size_t i = 0; i < n; i++) one[i] = B * gram[i] + C * square[i];
        for (size_t i = 0; i < r; i++) one[i * r + i] += A;
        if (time == 0) {
            memcpy(all, one, n * sizeof *all);
        } else {
            multiply(muon, r, one, all, next);
            float *before = all;
            all = next;
            next = before;
        }
        multiply(muon, r, one, gram, square);
        multiply(muon, r, square, one, gram);
    }
    return all;
}

/* y = x with its singular values brought near 1; [rows, columns], x of length 1. */
static void orthogonalize(const cen__muon *muon, size_t rows, size_t columns, const float *x,
                          float *y, float *squares)
{
    const size_t r = smaller(rows, columns);
    const cen__micro *micro = &muon->kernels->micro;
    const cen__matrix plain = {x, columns, 1}, turned = {x, 1, columns};
    const bool is_wide = rows <= columns;
    cen__gemm(micro, r, r, is_wide ? columns : rows, is_wide ? plain : turned,
              is_wide ? turned : plain, NULL, squares, r, muon->scratch, muon->context);
    const cen__matrix polynomial = {find_polynomial(muon, r, squares), r, 1};
    cen__gemm(micro, rows, columns, r, is_wide ? polynomial : plain, is_wide ? plain : polynomial,
              NULL, y, columns, muon->scratch, muon->context);
}

void cen__muon_apply(const cen__muon *muon, const cen__adam *adam, size_t start, size_t rows,
                     size_t columns, double weight_decay, float *p, const float *g)
{
    const size_t n = rows * columns;
    float *x = muon->scratch +
               product_count(muon->kernels, rows, columns, cen_context_threads(muon->context));
    float *y = x + n, *m = adam->m + start;
    p += start;
    g += start;
    for (size_t i = 0; i < n; i++) {
        m[i] += (1 - MOMENTUM) * (g[i] - m[i]);
        x[i] = g[i] + MOMENTUM * (m[i] - g[i]); /* of Nesterov */
    }
    const double length = sqrt(muon->kernels->vectors.dot(n, x, x));
    const float inverse = (float)(1 / (length < LEAST_LENGTH ? LEAST_LENGTH : length));
    for (size_t i = 0; i < n; i++) x[i] *= inverse;
    orthogonalize(muon, rows, columns, x, y, y + n);
    const float rate = (float)(FACTOR * adam->lr * sqrt((double)larger(rows, columns)));
    const float keep = (float)(1 - adam->lr * weight_decay);
    for (size_t i = 0; i < n; i++) p[i] = keep * p[i] - rate * y[i];
}
