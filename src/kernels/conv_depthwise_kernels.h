/* The inner loops of depthwise convolution; part of conv_kernels.h. */

enum { RUN = 4 * LANES };

/* Three by three at stride 1 or 2 is what nets have: its weights stay in registers. */
INLINE void run_of_nine(const cen__taps *t)
{
    vec w[9];
    const float *from[9];
    for (size_t s = 0; s < 9; s++) {
        w[s] = (vec){0} + t->w[s];
        from[s] = t->planes + t->at[s];
    }
    const vec start = (vec){0} + t->start;
    for (size_t p = 0; p < t->n; p += LANES) {
        vec sum = start;
        if (t->accumulate) sum = *(const vec *)(t->out + p);
        for (size_t s = 0; s < 9; s++) {
            CEN__LONE_SUM(sum);
            sum += w[s] * *(const vec *)(from[s] + p);
        }
        *(vec *)(t->out + p) = sum;
    }
}

static void taps(const cen__taps *t)
{
    if (t->steps == 9) {
        run_of_nine(t);
        return;
    }
    for (size_t p = 0; p < t->n; p += RUN) {
        vec sums[4];
        for (size_t v = 0; v < 4; v++) {
            sums[v] = (vec){0} + t->start;
            if (t->accumulate) sums[v] = *(const vec *)(t->out + p + v * LANES);
        }
        for (size_t s = 0; s < t->steps; s++) {
            const float *const from = t->planes + t->at[s] + p;
            for (size_t v = 0; v < 4; v++) sums[v] += t->w[s] * *(const vec *)(from + v * LANES);
        }
        for (size_t v = 0; v < 4; v++) *(vec *)(t->out + p + v * LANES) = sums[v];
    }
}

INLINE void tap_sums_body(size_t steps, const cen__tap_sums *t)
{
    vec acc[CEN__TAP_SUMS], total = {0};
    const float *from[CEN__TAP_SUMS];
    for (size_t s = 0; s < steps; s++) {
        acc[s] = (vec){0};
        from[s] = t->planes + t->at[s];
    }
    for (size_t p = 0; p < t->n; p += LANES) {
        const vec y = *(const vec *)(t->dy + p);
        total += y;
        if (steps == 1) CEN__LONE_SUM(acc[0]);
        for (size_t s = 0; s < steps; s++) acc[s] += y * *(const vec *)(from[s] + p);
    }
    for (size_t s = 0; s < steps; s++) t->dw[s] += lane_sum(acc[s]);
    if (t->dbias != NULL) *t->dbias += lane_sum(total);
}

static void tap_sums(const cen__tap_sums *t)
{
#define CASE(s)                                                                                    \
    case s: tap_sums_body(s, t); break;
    switch (t->steps) {
        CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9)
    }
#undef CASE
}

/* Whole vectors; the last one begins again within the one before it. */
INLINE void copy_row(size_t n, const float *restrict from, float *restrict to)
{
#if LANES > 4
    typedef float vec4 __attribute__((vector_size(16), aligned(4), may_alias));
    if (n < LANES && n >= 4) {
        for (size_t i = 0; i + 4 <= n; i += 4) *(vec4 *)(to + i) = *(const vec4 *)(from + i);
        *(vec4 *)(to + n - 4) = *(const vec4 *)(from + n - 4);
        return;
    }
#endif
    if (n < LANES) {
        for (size_t i = 0; i < n; i++) to[i] = from[i];
        return;
    }
    for (size_t i = 0; i + LANES <= n; i += LANES) *(vec *)(to + i) = *(const vec *)(from + i);
    *(vec *)(to + n - LANES) = *(const vec *)(from + n - LANES);
}

static void copy_rows(size_t rows, size_t n, const float *from, size_t from_row, float *to,
                      size_t to_row)
{
    for (size_t r = 0; r < rows; r++) copy_row(n, from + r * from_row, to + r * to_row);
}

static void split_rows(size_t rows, size_t n, const float *from, size_t from_row, float *even,
                       float *odd, size_t to_row)
{
    for (size_t r = 0; r < rows; r++) {
        const float *restrict const x = from + r * from_row;
        float *restrict const a = even + r * to_row, *restrict const b = odd + r * to_row;
        for (size_t i = 0; i < n / 2; i++) a[i] = x[2 * i], b[i] = x[2 * i + 1];
        if (n % 2 == 1) a[n / 2] = x[n - 1];
    }
}

static void merge_rows(size_t rows, size_t n, const float *even, const float *odd, size_t from_row,
                       float *to, size_t to_row)
{
    for (size_t r = 0; r < rows; r++) {
        const float *restrict const a = even + r * from_row, *restrict const b = odd + r * from_row;
        float *restrict const x = to + r * to_row;
        for (size_t i = 0; i < n / 2; i++) x[2 * i] = a[i], x[2 * i + 1] = b[i];
        if (n % 2 == 1) x[n - 1] = a[n / 2];
    }
}
