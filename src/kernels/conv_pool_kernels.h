/* Pooling beside convolution, see conv_pool.h. Part of conv_kernels.h. */

static void split(size_t n, const float *x, float *even, float *odd)
{
    for (size_t i = 0; i < n; i++) {
        even[i] = x[2 * i];
        odd[i] = x[2 * i + 1];
    }
}

INLINE void pool_body(size_t n, const float *const place[4], const float *bias, bool one_bias,
                      bool relu, float *restrict y, uint32_t *restrict argmax)
{
    const float *const a = place[0], *const b = place[1], *const c = place[2], *const d = place[3];
    for (size_t i = 0; i < n; i++) {
        float best = a[i];
        uint32_t at = 0;
        const bool b_wins = b[i] > best || b[i] != b[i];
        best = b_wins ? b[i] : best;
        at = b_wins ? 1 : at;
        const bool c_wins = c[i] > best || c[i] != c[i];
        best = c_wins ? c[i] : best;
        at = c_wins ? 2 : at;
        const bool d_wins = d[i] > best || d[i] != d[i];
        best = d_wins ? d[i] : best;
        at = d_wins ? 3 : at;
        best += bias[one_bias ? 0 : i];
        const bool cut = relu && best <= 0;
        y[i] = cut ? 0 : best;
        argmax[i] = cut ? CEN__POOL_CUT : at;
    }
}

static void pool_plane(size_t n, const float *const place[4], const float *bias, bool relu,
                       float *y, uint32_t *argmax)
{
    if (relu)
        pool_body(n, place, bias, true, true, y, argmax);
    else
        pool_body(n, place, bias, true, false, y, argmax);
}

static void pool_lanes(size_t n, const float *const place[4], const float *bias, bool relu,
                       float *y, uint32_t *argmax)
{
    if (relu)
        pool_body(n, place, bias, false, true, y, argmax);
    else
        pool_body(n, place, bias, false, false, y, argmax);
}

INLINE void unpool_body(size_t n, const float *restrict dy, const uint32_t *restrict argmax,
                        float *restrict a, float *restrict b, float *restrict c, float *restrict d)
{
    for (size_t i = 0; i < n; i++) {
        const uint32_t at = argmax[i];
        a[i] = at == 0 ? dy[i] : 0;
        b[i] = at == 1 ? dy[i] : 0;
        c[i] = at == 2 ? dy[i] : 0;
        d[i] = at == 3 ? dy[i] : 0;
    }
}

static void unpool(size_t n, const float *dy, const uint32_t *argmax, float *to, size_t row,
                   size_t column)
{
    unpool_body(n, dy, argmax, to, to + column, to + row, to + row + column);
}

static void narrow(size_t n, const uint32_t *restrict from, uint8_t *restrict to)
{
    for (size_t i = 0; i < n; i++) to[i] = (uint8_t)from[i];
}

static void widen(size_t n, const uint8_t *restrict from, uint32_t *restrict to)
{
    for (size_t i = 0; i < n; i++) to[i] = from[i];
}

static float sum_kept(size_t n, const float *x, const uint8_t *argmax)
{
    float sums[SUMS] = {0};
    size_t i = 0;
    for (; i + SUMS <= n; i += SUMS)
        for (size_t l = 0; l < SUMS; l++) sums[l] += argmax[i + l] == CEN__POOL_CUT ? 0 : x[i + l];
    for (size_t l = 0; i + l < n; l++) sums[l] += argmax[i + l] == CEN__POOL_CUT ? 0 : x[i + l];
    return sum_of_sums(sums);
}
