/* The inner loops of depthwise convolution; part of conv_kernels.h. */

#if LANES > 4
typedef float vec4 __attribute__((vector_size(16), aligned(4), may_alias));
#elif LANES == 4
typedef vec vec4;
#else
typedef struct vec4 {
    float x[4];
} vec4;
#endif

/* So many rows of so many vectors. */
INLINE void taps_block(size_t rows, size_t vectors, const cen__taps *t, size_t row, size_t column)
{
    vec sums[4][2];
    const size_t steps = t->steps, pitch = t->pitch;
    const size_t *const at = t->at;
    const float *const w = t->w, *const planes = t->planes + row * pitch + column;
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++) sums[r][v] = (vec){0} + t->start;
    for (size_t s = 0; s < steps; s++) {
        const float *const from = planes + at[s];
        const vec weight = (vec){0} + w[s];
        if (rows * vectors == 1) CEN__LONE_SUM(sums[0][0]);
        for (size_t r = 0; r < rows; r++)
            for (size_t v = 0; v < vectors; v++)
                sums[r][v] += weight * *(const vec *)(from + r * pitch + v * LANES);
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            *(vec *)(t->out + (row + r) * t->out_pitch + column + v * LANES) = sums[r][v];
}

/* What row i of the input adds to the sums of the rows that it serves. */
INLINE void add_nine(size_t rows, size_t i, const vec *w, const cen__taps *t, const float *from,
                     vec *sums)
{
    if (i >= rows + 2) return;
    for (size_t j = 0; j < 3; j++) {
        const vec x = *(const vec *)(from + i * t->pitch + j);
        for (size_t r = 0; r < rows; r++) {
            if (i >= r && i <= r + 2) {
                CEN__LONE_SUM(sums[r]);
                sums[r] += w[(i - r) * 3 + j] * x;
            }
        }
    }
}

/* The same of 3x3 taps side by side: a vector of the input serves up to three rows. */
INLINE void nine_block(size_t rows, const vec *w, const cen__taps *t, size_t row, size_t column)
{
    vec sums[4];
    const float *const from = t->planes + t->at[0] + row * t->pitch + column;
    for (size_t r = 0; r < rows; r++) sums[r] = (vec){0} + t->start;
    add_nine(rows, 0, w, t, from, sums);
    add_nine(rows, 1, w, t, from, sums);
    add_nine(rows, 2, w, t, from, sums);
    add_nine(rows, 3, w, t, from, sums);
    add_nine(rows, 4, w, t, from, sums);
    add_nine(rows, 5, w, t, from, sums);
    for (size_t r = 0; r < rows; r++)
        *(vec *)(t->out + (row + r) * t->out_pitch + column) = sums[r];
}

/* The last vector of a row begins again within the one before it. */
INLINE void taps_rows(size_t rows, const cen__taps *t, size_t row)
{
    size_t column = 0;
    for (; column + 2 * LANES <= t->columns; column += 2 * LANES)
        taps_block(rows, 2, t, row, column);
    if (column + LANES <= t->columns || column == 0) {
        taps_block(rows, 1, t, row, column);
        column += LANES;
    }
    if (column < t->columns) taps_block(rows, 1, t, row, t->columns - LANES);
}

INLINE void nine_rows(size_t rows, const vec *w, const cen__taps *t, size_t row)
{
    size_t column = 0;
    do {
        nine_block(rows, w, t, row, column);
        column += LANES;
    } while (column + LANES <= t->columns);
    if (column < t->columns) nine_block(rows, w, t, row, t->columns - LANES);
}

static void taps(const cen__taps *job)
{
    const cen__taps t = *job; /* stores through floats cannot change a copy */
    const size_t *const at = t.at, rows = t.rows;
    size_t row = 0;
    if (t.steps == 9 && at[2] == at[0] + 2 && at[6] == at[0] + 2 * t.pitch) {
        vec w[9];
        for (size_t s = 0; s < 9; s++) w[s] = (vec){0} + t.w[s];
        for (; row + 4 <= rows; row += 4) nine_rows(4, w, &t, row);
        for (; row + 2 <= rows; row += 2) nine_rows(2, w, &t, row);
        if (row < rows) nine_rows(1, w, &t, row);
        return;
    }
    for (; row + 4 <= rows; row += 4) taps_rows(4, &t, row);
    for (; row < rows; row++) taps_rows(1, &t, row);
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

/* Whole vectors; the last one of a row begins again within the one before it. */
static void copy_rows(size_t rows, size_t n, const float *from, size_t from_row, float *to,
                      size_t to_row)
{
    const float *const end = from + rows * from_row;
    if (n >= LANES)
        for (; from < end; from += from_row, to += to_row) {
            for (size_t i = 0; i + LANES < n; i += LANES)
                *(vec *)(to + i) = *(const vec *)(from + i);
            *(vec *)(to + n - LANES) = *(const vec *)(from + n - LANES);
        }
    else if (n >= 4)
        for (; from < end; from += from_row, to += to_row) {
            for (size_t i = 0; i + 4 < n; i += 4) *(vec4 *)(to + i) = *(const vec4 *)(from + i);
            *(vec4 *)(to + n - 4) = *(const vec4 *)(from + n - 4);
        }
    else
        for (; from < end; from += from_row, to += to_row)
            for (size_t i = 0; i < n; i++) to[i] = from[i];
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
