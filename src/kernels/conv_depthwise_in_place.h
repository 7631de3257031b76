/* Depthwise convolution of planes that are read where they lie, in vectors of eight; part of conv_depthwise_kernels.h.
 * Kernels have 3x3 or 5x5 taps and are padded by half of that. Columns that a row has not are masked. */

typedef int32_t lanes __attribute__((vector_size(32), aligned(4), may_alias));

/* In one function with others gcc would keep sums in memory. */
#define BY_ITSELF static __attribute__((noinline))

/* All bits of the lanes from `first` to `end`. */
INLINE lanes lanes_between(ptrdiff_t first, ptrdiff_t end)
{
    static const int32_t bits[24] = {[8] = -1, -1, -1, -1, -1, -1, -1, -1};
    first = first < 0 ? 0 : first;
    end = end > 8 ? 8 : end;
    return *(const lanes *)(bits + 8 - first) & *(const lanes *)(bits + 16 - end);
}

INLINE vec masked(const float *from, lanes kept)
{
    return (vec)(*(const lanes *)from & kept);
}

/* While a plane is computed, the same place is read ahead so many numbers further on, in the next one if there is one. */
INLINE void fetch_next(const float *at, size_t plane)
{
    FETCH((const char *)((uintptr_t)at + plane * sizeof *at));
}

/* The same for outputs. Those of small planes became slower by it: they stay where they are. */
INLINE size_t next_output(const cen__taps *t)
{
    return t->plane > CEN__PLANE_NUMBERS ? t->out_plane : 0;
}

/* In a sum that begins with two products a compiler may fuse either one: this one is rounded, in all of them. */
INLINE vec product(vec weight, vec x)
{
    vec rounded = weight * x;
    IN_REGISTER(rounded);
    return rounded;
}

/* ---- stride 1: maps of 7x7 ------------------------------------------------------------------ */

/* What the taps of column s meet of row r. */
INLINE vec row_of_7x7(size_t size, const float *plane, size_t s, size_t r)
{
    const ptrdiff_t shift = (ptrdiff_t)s - (ptrdiff_t)(size / 2);
    vec x = masked(plane + (ptrdiff_t)r * 7 + shift, lanes_between(-shift, 7 - shift));
    IN_REGISTER(x);
    return x;
}

INLINE void add_7x7(size_t size, const cen__taps *t)
{
    const vec start = (t->start == NULL ? 0 : *t->start) - (vec){0};
    vec sums[7] = {start, start, start, start, start, start, start};
#pragma GCC unroll 5
    for (size_t s = 0; s < size; s++) {
        const float *const w = t->w + t->w_at[s];
        vec weights[5];
        for (size_t i = 0; i < size; i++) weights[i] = w[(ptrdiff_t)i * t->w_step] - (vec){0};
#pragma GCC unroll 7
        for (size_t r = 0; r < 7; r++) {
            const vec x = row_of_7x7(size, t->planes, s, r);
            for (size_t i = 0; i < size; i++)
                if (r + size / 2 - i < 7) sums[r + size / 2 - i] += weights[i] * x;
        }
    }
    for (size_t r = 0; r < 7; r++) *(vec *)(t->out + r * t->out_pitch) = sums[r];
}

INLINE void sum_7x7(size_t size, const cen__tap_sums *t)
{
    vec y[7], sums[25];
    const vec last = *(const vec *)(t->dy + 41);
    for (size_t r = 0; r < 6; r++) y[r] = masked(t->dy + r * 7, lanes_between(0, 7));
    y[6] = (vec){last[1], last[2], last[3], last[4], last[5], last[6], last[7], 0};
    const vec total = ((y[0] + y[1]) + (y[2] + y[3])) + ((y[4] + y[5]) + y[6]);
#pragma GCC unroll 5
    for (size_t s = 0; s < size; s++) {
        vec acc[5] = {{0}};
#pragma GCC unroll 7
        for (size_t r = 0; r < 7; r++) {
            const vec x = row_of_7x7(size, t->planes, s, r);
            for (size_t i = 0; i < size; i++)
                if (r + size / 2 - i < 7) acc[i] += y[r + size / 2 - i] * x;
        }
        for (size_t i = 0; i < size; i++) sums[i * size + s] = acc[i];
    }
    add_lane_sums(size * size, sums, t->dw, 1);
    if (t->dbias != NULL) *t->dbias += lane_sum(total);
}

BY_ITSELF void add_7x7_3(const cen__taps *t)
{
    add_7x7(3, t);
}

BY_ITSELF void add_7x7_5(const cen__taps *t)
{
    add_7x7(5, t);
}

BY_ITSELF void sum_7x7_3(const cen__tap_sums *t)
{
    sum_7x7(3, t);
}

BY_ITSELF void sum_7x7_5(const cen__tap_sums *t)
{
    sum_7x7(5, t);
}

/* ---- stride 1: 3x3, a vector of columns from the first row to the last ---------------------- */

/* Where a row has columns left and right of the vector's. */
typedef struct beside {
    lanes left, right;
} beside;

INLINE beside columns_beside(size_t column, size_t width)
{
    return (beside){lanes_between(column == 0, 8),
                    lanes_between(0, (ptrdiff_t)width - (ptrdiff_t)column - 1)};
}

INLINE void add_three(bool at_edge, const cen__taps *t, size_t column)
{
    const vec start = (t->start == NULL ? 0 : *t->start) - (vec){0};
    const beside kept = columns_beside(column, t->columns);
    const size_t pitch = t->pitch, out_pitch = t->out_pitch, next = next_output(t);
    const float *row = t->planes + column;
    float *out = t->out + column;
    vec w[3][3], above = start, here = start;
    for (size_t i = 0; i < 3; i++)
        for (size_t s = 0; s < 3; s++)
            w[i][s] = t->w[(ptrdiff_t)t->w_at[s] + (ptrdiff_t)i * t->w_step] - (vec){0};
    for (size_t r = 0; r < t->rows; r++, row += pitch) {
        const vec x = *(const vec *)row;
        vec left = *(const vec *)(row - 1), right = *(const vec *)(row + 1);
        if (at_edge)
            left = (vec)((lanes)left & kept.left), right = (vec)((lanes)right & kept.right);
        above += product(w[2][0], left) + w[2][1] * x + w[2][2] * right;
        here += product(w[1][0], left) + w[1][1] * x + w[1][2] * right;
        fetch_next(row, t->plane);
        if (r > 0) {
            *(vec *)out = above;
            fetch_next(out, next);
            out += out_pitch;
        }
        above = here;
        here = start + (product(w[0][0], left) + w[0][1] * x + w[0][2] * right);
    }
    *(vec *)out = above;
}

BY_ITSELF void add_three_inner(const cen__taps *t, size_t column)
{
    add_three(false, t, column);
}

BY_ITSELF void add_three_edge(const cen__taps *t, size_t column)
{
    add_three(true, t, column);
}

/* counted: lanes of the gradient; the others belong to another vector. Returns its sum. */
BY_ITSELF vec sum_three(const cen__tap_sums *t, size_t column, const lanes *counted, bool is_first,
                        vec *sums)
{
    const beside kept = columns_beside(column, t->dy_pitch);
    const size_t pitch = t->pitch, dy_pitch = t->dy_pitch;
    const float *row = t->planes + column, *dy = t->dy + column;
    const vec zero = {0};
    vec acc[3][3], above = zero, here = masked(dy, *counted), total = here;
#pragma GCC unroll 3
    for (size_t s = 0; s < 3; s++)
#pragma GCC unroll 3
        for (size_t i = 0; i < 3; i++) acc[s][i] = is_first ? zero : sums[3 * i + s];
    for (size_t r = t->rows; r > 0; r--, row += pitch) {
        fetch_next(row, t->plane);
        fetch_next(dy, t->dy_plane);
        if (r > 1) dy += dy_pitch;
        const vec below = r > 1 ? masked(dy, *counted) : zero;
        for (size_t s = 0; s < 3; s++) {
            const vec x = s == 0   ? masked(row - 1, kept.left)
                          : s == 1 ? masked(row, lanes_between(0, 8))
                                   : masked(row + 1, kept.right);
            acc[s][0] += below * x;
            acc[s][1] += here * x;
            acc[s][2] += above * x;
        }
        total += below;
        above = here, here = below;
    }
#pragma GCC unroll 3
    for (size_t s = 0; s < 3; s++)
#pragma GCC unroll 3
        for (size_t i = 0; i < 3; i++) sums[3 * i + s] = acc[s][i];
    return total;
}

/* ---- stride 2: two columns of the input at a time ------------------------------------------- */

/* In pass p the output of a column meets tap FIRST_TAP and the next one, of which one may not be of the kernel: tap -1
 * of 3x3, which as a size_t is no tap either, or the one after the last. In pass 1 both are in every row. */
#define PASSES(size) ((size) / 2 + 1)
#define FIRST_TAP(size, p) (2 * (p) + (size) / 2 - 2)
#define IS_TAP(size, p, c) (FIRST_TAP(size, p) + (c) < (size))

/* Rows 2 m and 2 m + 1 of the input meet size / 2 + 1 rows of outputs, from m - LAG on: at tap i the MET-th. */
#define LAG(size) ((size) / 4)
#define MEETS(size, r, i) (((r) + (size) / 2 + (i)) % 2 == 0)
#define MET(size, r, i) (((r) + (size) / 2 + 2 * LAG(size) - (i)) / 2)

/* Even and odd ones of 16 columns. Their order of lanes, which in_order restores, saves a shuffle of each. */
INLINE void take_columns(size_t p, const float *from, lanes kept, vec x[2])
{
    const vec a = *(const vec *)from, b = *(const vec *)(from + 8);
    x[0] = (vec){a[0], a[2], b[0], b[2], a[4], a[6], b[4], b[6]};
    x[1] = (vec){a[1], a[3], b[1], b[3], a[5], a[7], b[5], b[7]};
    for (size_t c = 0; c < 2 && p != 1; c++) x[c] = (vec)((lanes)x[c] & kept);
}

INLINE vec in_order(vec x)
{
    return (vec){x[0], x[1], x[4], x[5], x[2], x[3], x[6], x[7]};
}

/* Lanes whose outputs meet columns of the row. */
INLINE lanes met_lanes(size_t p, size_t column, size_t columns)
{
    return lanes_between(p == 0 && column == 0, p == 2 && column + 8 == columns ? 7 : 8);
}

/* Sums of the passes but the last one wait in t->waiting. */
INLINE void add_pass(size_t size, size_t p, const cen__taps *t, size_t column)
{
    const size_t span = size / 2 + 1, lag = LAG(size), rows = t->rows, pitch = t->pitch;
    const bool is_last = p + 1 == PASSES(size);
    const size_t out_pitch = is_last ? t->out_pitch : LANES, next = next_output(t);
    const vec start = (t->start == NULL ? 0 : *t->start) - (vec){0};
    const vec *const waiting = (const vec *)t->waiting;
    const lanes kept = met_lanes(p, column, t->columns);
    const float *row = t->planes + 2 * (column + p) - 2;
    float *const out = is_last ? t->out + column : t->waiting;
    vec w[5][2], sums[3];
#pragma GCC unroll 5
    for (size_t i = 0; i < size; i++)
#pragma GCC unroll 2
        for (size_t c = 0; c < 2; c++)
            if (IS_TAP(size, p, c))
                w[i][c] =
                    t->w[(ptrdiff_t)t->w_at[FIRST_TAP(size, p) + c] + (ptrdiff_t)i * t->w_step] -
                    (vec){0};
    for (size_t d = 0; d < span; d++)
        sums[d] = p == 0 || d < lag || d - lag >= rows ? start : waiting[d - lag];
    for (size_t m = 0; m < rows; m++, row += 2 * pitch) {
        for (size_t r = 0; r < 2; r++) {
            vec x[2];
            if (is_last) fetch_next(row + r * pitch, t->plane);
            take_columns(p, row + r * pitch, kept, x);
            for (size_t i = 0; i < size; i++) {
                if (!MEETS(size, r, i)) continue;
                vec *const sum = &sums[MET(size, r, i)];
                if (!IS_TAP(size, p, 0))
                    *sum += w[i][1] * x[1];
                else if (!IS_TAP(size, p, 1))
                    *sum += w[i][0] * x[0];
                else
                    *sum += product(w[i][0], x[0]) + w[i][1] * x[1];
            }
        }
        if (m >= lag) {
            float *const to = out + (m - lag) * out_pitch;
            *(vec *)to = is_last ? in_order(sums[0]) : sums[0];
            if (is_last) fetch_next(to, next);
        }
        for (size_t d = 0; d + 1 < span; d++) sums[d] = sums[d + 1];
        if (p == 0)
            sums[span - 1] = start;
        else if (m + span - lag < rows)
            sums[span - 1] = waiting[m + span - lag];
    }
    for (size_t d = 0; d < lag; d++)
        *(vec *)(out + (rows - lag + d) * out_pitch) = is_last ? in_order(sums[d]) : sums[d];
}

/* t->dy_column has rows of the gradient in the order of take_columns, with LAG rows of zeros before them and others after
 * them. */
INLINE void sum_pass(size_t size, size_t p, const cen__tap_sums *t, size_t column, bool is_first,
                     vec *sums)
{
    const lanes kept = met_lanes(p, column, t->dy_pitch);
    const size_t pitch = t->pitch;
    const float *row = t->planes + 2 * (column + p) - 2;
    const vec *y = (const vec *)t->dy_column, *const end = y + t->rows;
    vec acc[5][2];
#pragma GCC unroll 5
    for (size_t i = 0; i < size; i++)
#pragma GCC unroll 2
        for (size_t c = 0; c < 2; c++)
            if (IS_TAP(size, p, c))
                acc[i][c] = is_first ? (vec){0} : sums[i * size + FIRST_TAP(size, p) + c];
    do {
        for (size_t r = 0; r < 2; r++, row += pitch) {
            vec x[2];
            if (p == 0) fetch_next(row, t->plane);
            take_columns(p, row, kept, x);
            for (size_t i = 0; i < size; i++)
                for (size_t c = 0; c < 2; c++)
                    if (IS_TAP(size, p, c) && MEETS(size, r, i))
                        acc[i][c] += y[MET(size, r, i)] * x[c];
        }
    } while (++y < end);
#pragma GCC unroll 5
    for (size_t i = 0; i < size; i++)
#pragma GCC unroll 2
        for (size_t c = 0; c < 2; c++)
            if (IS_TAP(size, p, c)) sums[i * size + FIRST_TAP(size, p) + c] = acc[i][c];
}

/* Returns the sum of what sum_pass takes. */
INLINE vec fill_gradient(size_t size, const cen__tap_sums *t, size_t column, lanes counted)
{
    vec *y = (vec *)t->dy_column, total = {0};
    for (size_t d = 0; d < LAG(size); d++) *y++ = (vec){0};
    for (size_t r = 0; r < t->rows; r++) {
        const float *const dy = t->dy + r * t->dy_pitch + column;
        fetch_next(dy, t->dy_plane);
        *y = in_order(masked(dy, counted));
        total += *y++;
    }
    for (size_t d = LAG(size); d < size / 2; d++) *y++ = (vec){0};
    return total;
}

#define PASS(size, p)                                                                              \
    BY_ITSELF void add_pass_##size##p(const cen__taps *t, size_t column)                           \
    {                                                                                              \
        add_pass(size, p, t, column);                                                              \
    }                                                                                              \
    BY_ITSELF void sum_pass_##size##p(const cen__tap_sums *t, size_t column, bool is_first,        \
                                      vec *sums)                                                   \
    {                                                                                              \
        sum_pass(size, p, t, column, is_first, sums);                                              \
    }
PASS(3, 0)
PASS(3, 1)
PASS(5, 0)
PASS(5, 1)
PASS(5, 2)
#undef PASS

/* ---- planes --------------------------------------------------------------------------------- */

INLINE void add_vector(const cen__taps *t, size_t column)
{
    if (t->step == 1) {
        if (column == 0 || column + LANES == t->columns)
            add_three_edge(t, column);
        else
            add_three_inner(t, column);
    } else if (t->height == 3) {
        add_pass_30(t, column);
        add_pass_31(t, column);
    } else {
        add_pass_50(t, column);
        add_pass_51(t, column);
        add_pass_52(t, column);
    }
}

static void taps_in_place(const cen__taps *job)
{
    cen__taps t = *job;
    for (size_t i = 0; i < t.count; i++) {
        if (t.columns >= LANES) {
            for (size_t column = 0; column < t.columns; column += LANES)
                add_vector(&t, column + LANES <= t.columns ? column : t.columns - LANES);
        } else {
            if (t.height == 3) add_7x7_3(&t);
            if (t.height == 5) add_7x7_5(&t);
        }
        next_plane(&t);
        if (t.start != NULL) t.start += t.start_plane;
    }
}

/* Of the vector that begins at `next`, or ends with the row. */
INLINE void sum_vector(const cen__tap_sums *t, size_t next, vec *sums, vec *total)
{
    const size_t column = next + LANES <= t->dy_pitch ? next : t->dy_pitch - LANES;
    const lanes counted = lanes_between((ptrdiff_t)(next - column), 8);
    const bool is_first = next == 0;
    if (t->step == 1) {
        *total += sum_three(t, column, &counted, is_first, sums);
    } else if (t->height == 3) {
        *total += fill_gradient(3, t, column, counted);
        sum_pass_30(t, column, is_first, sums);
        sum_pass_31(t, column, is_first, sums);
    } else {
        *total += fill_gradient(5, t, column, counted);
        sum_pass_50(t, column, is_first, sums);
        sum_pass_51(t, column, is_first, sums);
        sum_pass_52(t, column, is_first, sums);
    }
}

INLINE void sum_vectors(const cen__tap_sums *t)
{
    vec sums[25], total = {0};
    for (size_t next = 0; next < t->dy_pitch; next += LANES) sum_vector(t, next, sums, &total);
    add_lane_sums(t->dw_plane, sums, t->dw, 1);
    if (t->dbias != NULL) *t->dbias += lane_sum(total);
}

static void sums_in_place(const cen__tap_sums *job)
{
    cen__tap_sums t = *job;
    for (size_t i = 0; i < t.count; i++) {
        if (t.dy_pitch >= LANES) {
            sum_vectors(&t);
        } else {
            if (t.height == 3) sum_7x7_3(&t);
            if (t.height == 5) sum_7x7_5(&t);
        }
        next_sums(&t);
    }
}
