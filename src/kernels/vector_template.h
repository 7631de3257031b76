/* The loops of vector.h, compiled once for each instruction set, with the same bits on each of them:
 * no fused multiply-add, and sums over SUM_LANES lanes whatever the vectors' length. */

#if defined(__clang__)
#pragma clang fp contract(off)
#endif

/* sqrtf may set errno, which keeps a loop from becoming vectors; declared without side effects it may
 * not. */
#if defined(__GNUC__)
float sqrtf(float x) __attribute__((const));
#endif

enum { SUM_LANES = 16 };

CEN__INLINE float adam_moment(float beta, float rest, float moment, float x)
{
    return beta * moment + rest * x;
}

CEN__INLINE float adam_change(const cen__adam_step *step, float m, float v)
{
    return step->step_size * m / (sqrtf(v) / step->root_correction + step->eps);
}

static void adam(size_t n, float *restrict p, float *restrict m, float *restrict v,
                 const float *restrict g, const cen__adam_step *step)
{
    const cen__adam_step s = *step;
    if (g == NULL) {
        for (size_t i = 0; i < n; i++) {
            m[i] *= s.beta1;
            v[i] *= s.beta2;
            p[i] = s.keep * p[i] - adam_change(&s, m[i], v[i]);
        }
        return;
    }
    for (size_t i = 0; i < n; i++) {
        m[i] = adam_moment(s.beta1, s.rest1, m[i], g[i]);
        v[i] = adam_moment(s.beta2, s.rest2 * g[i], v[i], g[i]);
        p[i] = s.keep * p[i] - adam_change(&s, m[i], v[i]);
    }
}

static void add_scaled(size_t n, float a, const float *restrict x, float *restrict y)
{
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

static double add_lanes(double *lanes)
{
    for (size_t width = SUM_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) lanes[l] += lanes[l + width];
    }
    return lanes[0];
}

static double sum(size_t n, const float *x)
{
    double lanes[SUM_LANES] = {0};
    size_t i = 0;
    for (; i + SUM_LANES <= n; i += SUM_LANES) {
        for (size_t l = 0; l < SUM_LANES; l++) lanes[l] += (double)x[i + l];
    }
    for (size_t l = 0; i + l < n; l++) lanes[l] += (double)x[i + l];
    return add_lanes(lanes);
}

/* 2^(k - 128) */
CEN__INLINE float power_of_two(uint32_t k)
{
    uint32_t bits = (k - 1) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* e^x = 2^k e^r with |r| <= ln 2 / 2: k by rounding x / ln 2 (adding and taking away 1.5 * 2^23), ln 2
 * in two parts so that r is exact, e^r by a polynomial (Cephes, expf), 2^k as two factors so that
 * neither overflows and a denormal result is rounded once.
 * x is NaN or in [-105, 89], at whose ends e^x is 0 and infinity. */
CEN__INLINE float exponential(float x)
{
    const float rounder = 12582912.0F;
    float shifted = x * 1.44269504F + rounder, k = shifted - rounder;
    float r = x - k * 0.693359375F + k * 2.12194440e-4F;
    float e = 1.9875691500e-4F;
    e = e * r + 1.3981999507e-3F;
    e = e * r + 8.3334519073e-3F;
    e = e * r + 4.1665795894e-2F;
    e = e * r + 1.6666665459e-1F;
    e = e * r + 5.0000001201e-1F;
    e = e * (r * r) + r + 1;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    uint32_t biased = bits - 0x4b400000U + 256; /* k + 256 */
    uint32_t half = biased / 2, rest = biased - half;
    return e * power_of_two(half) * power_of_two(rest);
}

enum { EXP_BLOCK = 256 };

/* The bounds in a loop of their own: within one, compilers make branches of them. */
static void exp_block(size_t n, float *x, float shift)
{
    float bounded[EXP_BLOCK];
    for (size_t i = 0; i < n; i++) {
        float difference = x[i] - shift;
        difference = difference < -105.0F ? -105.0F : difference;
        bounded[i] = difference > 89.0F ? 89.0F : difference;
    }
    for (size_t i = 0; i < n; i++) x[i] = exponential(bounded[i]);
}

static double exp_sum(size_t n, float *x, float shift)
{
    double total = 0;
    for (size_t i = 0; i < n; i += EXP_BLOCK) {
        size_t count = n - i < EXP_BLOCK ? n - i : EXP_BLOCK;
        exp_block(count, x + i, shift);
        total += sum(count, x + i);
    }
    return total;
}

/* The first NaN, or else the first of the largest numbers. */
static size_t find_largest(size_t n, const float *x)
{
    size_t best = 0;
    for (size_t i = 0; i < n && x[best] == x[best]; i++) {
        if (!(x[i] <= x[best])) best = i;
    }
    return best;
}

/* So many that gcc makes vectors of them and not scalars. */
enum { MAX_LANES = 64 };

static float max(size_t n, const float *x, size_t *index)
{
    /* x - x is 0 but for infinity and NaN, which take the slow way. */
    float best[MAX_LANES], zero[MAX_LANES] = {0};
    size_t i = 0, first = 0, lanes = n < MAX_LANES ? n : MAX_LANES;
    for (size_t l = 0; l < MAX_LANES; l++) best[l] = x[0];
    for (; i + MAX_LANES <= n; i += MAX_LANES) {
        for (size_t l = 0; l < MAX_LANES; l++) {
            best[l] = x[i + l] > best[l] ? x[i + l] : best[l];
            zero[l] += x[i + l] - x[i + l];
        }
    }
    for (size_t l = 0; i + l < n; l++) {
        best[l] = x[i + l] > best[l] ? x[i + l] : best[l];
        zero[l] += x[i + l] - x[i + l];
    }
    for (size_t l = 1; l < lanes; l++) {
        best[0] = best[l] > best[0] ? best[l] : best[0];
        zero[0] += zero[l];
    }
    if (!(zero[0] == 0)) {
        first = find_largest(n, x);
    } else if (index != NULL) {
        while (x[first] != best[0]) first++;
    } else {
        return best[0];
    }
    if (index != NULL) *index = first;
    return x[first];
}

static double squared_distance(size_t n, const float *a, const float *b)
{
    double lanes[SUM_LANES] = {0};
    size_t i = 0;
    for (; i + SUM_LANES <= n; i += SUM_LANES) {
        for (size_t l = 0; l < SUM_LANES; l++) {
            double difference = (double)a[i + l] - (double)b[i + l];
            lanes[l] += difference * difference;
        }
    }
    for (size_t l = 0; i + l < n; l++) {
        double difference = (double)a[i + l] - (double)b[i + l];
        lanes[l] += difference * difference;
    }
    return add_lanes(lanes);
}

static double dot(size_t n, const float *a, const float *b)
{
    double lanes[SUM_LANES] = {0};
    size_t i = 0;
    for (; i + SUM_LANES <= n; i += SUM_LANES) {
        for (size_t l = 0; l < SUM_LANES; l++) lanes[l] += (double)a[i + l] * (double)b[i + l];
    }
    for (size_t l = 0; i + l < n; l++) lanes[l] += (double)a[i + l] * (double)b[i + l];
    return add_lanes(lanes);
}

/* The lanes of a sum in float, as vectors: gcc keeps two arrays of 16 floats in memory. What is over is added at the
 * end, number by number. */
enum { SUM_VECTORS = SUM_LANES / LANES };

CEN__INLINE float add_vectors(const vector *sums)
{
#if CEN__LANES > 1
    typedef float quarter __attribute__((vector_size(16)));
    quarter quarters[SUM_LANES / 4];
    memcpy(quarters, sums, sizeof quarters);
    quarter lanes = (quarters[0] + quarters[2]) + (quarters[1] + quarters[3]);
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
#else
    float lanes[SUM_LANES];
    memcpy(lanes, sums, sizeof lanes);
    for (size_t width = SUM_LANES / 2; width > 0; width /= 2) {
        for (size_t l = 0; l < width; l++) lanes[l] += lanes[l + width];
    }
    return lanes[0];
#endif
}

static void squared_distances(size_t rows, size_t n, const float *b, const float *x, float *sums)
{
    for (size_t row = 0; row < rows; row++, x += n) {
        vector lanes[SUM_VECTORS];
        size_t i = 0;
        memset(lanes, 0, sizeof lanes);
        for (; i + SUM_LANES <= n; i += SUM_LANES) {
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                vector here, there;
                memcpy(&here, x + i + v * LANES, sizeof here);
                memcpy(&there, b + i + v * LANES, sizeof there);
                here -= there;
                lanes[v] += here * here;
            }
        }
        float total = add_vectors(lanes);
        for (; i < n; i++) total += (x[i] - b[i]) * (x[i] - b[i]);
        sums[row] = total;
    }
}

static void dots(size_t rows, size_t n, const float *b, const float *x, float *sums, float *squares)
{
    for (size_t row = 0; row < rows; row++, x += n) {
        vector lanes[SUM_VECTORS], square_lanes[SUM_VECTORS];
        size_t i = 0;
        memset(lanes, 0, sizeof lanes);
        memset(square_lanes, 0, sizeof square_lanes);
        for (; i + SUM_LANES <= n; i += SUM_LANES) {
            for (size_t v = 0; v < SUM_VECTORS; v++) {
                vector here, there;
                memcpy(&here, x + i + v * LANES, sizeof here);
                memcpy(&there, b + i + v * LANES, sizeof there);
                lanes[v] += here * there;
                square_lanes[v] += here * here;
            }
        }
        float total = add_vectors(lanes), square = add_vectors(square_lanes);
        for (; i < n; i++) {
            total += x[i] * b[i];
            square += x[i] * x[i];
        }
        sums[row] = total;
        squares[row] = square;
    }
}

enum { GELU_BLOCK = 256 };

/* What gelu and its gradient are made of, for a block: peak[i] = exp(-x^2 / 2), and the share of the normal
 * distribution below x. The share beyond z = |x| is exp(-z^2 / 2) times a smooth function of z: t times a
 * polynomial in t = 1 / (1 + 0.35 z), fitted for z <= 14.6, where the former is 0, with a relative error of
 * 3.2e-8. */
static void normal_share(size_t n, const float *restrict x, float *restrict peak,
                         float *restrict share)
{
    float z[GELU_BLOCK];
    for (size_t i = 0; i < n; i++) {
        float exponent = -0.5F * x[i] * x[i];
        z[i] = x[i] < 0 ? -x[i] : x[i];
        peak[i] = exponent < -105.0F ? -105.0F : exponent;
    }
    for (size_t i = 0; i < n; i++) peak[i] = exponential(peak[i]);
    for (size_t i = 0; i < n; i++) {
        float t = 1 / (1 + 0.35F * z[i]), p = -2.915949561e-02F;
        p = p * t + 1.440388916e-01F;
        p = p * t - 2.558557908e-01F;
        p = p * t + 1.593392707e-01F;
        p = p * t - 2.322613541e-02F;
        p = p * t + 1.055584804e-01F;
        p = p * t + 1.198197332e-01F;
        p = p * t + 1.398637362e-01F;
        p = p * t + 1.396212938e-01F;
        share[i] = peak[i] * (p * t);
    }
    /* Compilers make branches of x < 0 ? share : 1 - share. */
    for (size_t i = 0; i < n; i++) {
        float whole = x[i] < 0 ? 0.0F : 1.0F, sign = x[i] < 0 ? 1.0F : -1.0F;
        share[i] = whole + sign * share[i];
    }
}

static void gelu(size_t n, const float *x, float *y)
{
    float peak[GELU_BLOCK], share[GELU_BLOCK];
    for (size_t i = 0; i < n; i += GELU_BLOCK) {
        size_t count = n - i < GELU_BLOCK ? n - i : GELU_BLOCK;
        normal_share(count, x + i, peak, share);
        for (size_t j = 0; j < count; j++) y[i + j] = x[i + j] * share[j];
    }
}

static void gelu_backward(size_t n, const float *x, const float *dy, float *dx)
{
    float peak[GELU_BLOCK], share[GELU_BLOCK];
    for (size_t i = 0; i < n; i += GELU_BLOCK) {
        size_t count = n - i < GELU_BLOCK ? n - i : GELU_BLOCK;
        normal_share(count, x + i, peak, share);
        for (size_t j = 0; j < count; j++) {
            float slope = share[j] + x[i + j] * (peak[j] * 0.398942280F);
            dx[i + j] = dy[i + j] * slope;
        }
    }
}

#include "kernels/pool_template.h"

#define CEN__VECTORS                                                                               \
    adam, add_scaled, exp_sum, max, squared_distance, pool_2x2, sum, dot, squared_distances, dots, \
        gelu, gelu_backward
