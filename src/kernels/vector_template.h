/* The loops of vector.h, compiled once for each instruction set. */

#if defined(__clang__)
#pragma clang fp contract(off)
#endif

static void adam(size_t n, float *p, float *m, float *v, const float *g, const cen__adam_step *step)
{
    for (size_t i = 0; i < n; i++) {
        float gradient = g != NULL ? g[i] : 0;
        m[i] = step->beta1 * m[i] + step->rest1 * gradient;
        v[i] = step->beta2 * v[i] + step->rest2 * gradient * gradient;
        p[i] -= step->step_size * m[i] / (sqrtf(v[i]) / step->root_correction + step->eps);
    }
}

static void add_scaled(size_t n, float a, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++) y[i] += a * x[i];
}

static double exp_sum(size_t n, float *x, float shift)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] = expf(x[i] - shift);
    return sum;
}

static float max(size_t n, const float *x, size_t *index)
{
    size_t best = 0;
    for (size_t i = 1; i < n && !isnan(x[best]); i++) {
        if (x[i] > x[best] || isnan(x[i])) best = i;
    }
    if (index != NULL) *index = best;
    return x[best];
}

static double squared_distance(size_t n, const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sum;
}

static double sum(size_t n, const float *x)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i];
    return sum;
}

static double dot(size_t n, const float *a, const float *b)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)a[i] * b[i];
    return sum;
}

#define CEN__VECTORS                                                                               \
    {                                                                                              \
        adam, add_scaled, exp_sum, max, squared_distance, sum, dot                                 \
    }
