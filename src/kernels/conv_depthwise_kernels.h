/* The inner loops of depthwise convolution; part of conv_kernels.h. */

/* Into the second cache: the first one holds what is computed. */
#if defined(__GNUC__)
#define FETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define FETCH(address) (void)(address)
#endif

INLINE void fetch(cen__ahead ahead[2])
{
    for (size_t i = 0; i < 2; i++) {
        cen__ahead *const a = ahead + i;
        const size_t n = a->left < a->step ? a->left : a->step;
        for (size_t j = 0; j < n; j += 16) FETCH(a->at + j);
        a->at += n, a->left -= n;
    }
}

/* start, which tap_pairs has not, stays. */
INLINE void next_plane(cen__taps *t)
{
    t->planes += t->plane;
    t->w += t->w_plane;
    t->out += t->out_plane;
}

INLINE void next_sums(cen__tap_sums *t)
{
    t->planes += t->plane;
    t->dy += t->dy_plane;
    t->dw += t->dw_plane;
    if (t->dbias != NULL) t->dbias += t->dbias_plane;
}

/* gcc would compute the places of all rows before a loop and keep them in memory for the few vectors of a row: up to
 * 1.1 times as slow. */
#if defined(__GNUC__)
#define COMPUTE_ANEW(number) __asm__("" : "+r"(number))
#else
#define COMPUTE_ANEW(number) (void)0
#endif

/* gcc would read again for each multiply-add what several take from memory. */
#define IN_REGISTER(x) CEN__LONE_SUM(x)

#if LANES == 8
#include "kernels/conv_depthwise_in_place.h"
#endif

/* What a stack of taps adds to `rows` rows of `vectors` vectors, `apart` numbers apart. A vector of the input
 * serves all rows that read it. */
INLINE void add_stack(size_t rows, size_t vectors, size_t height, size_t step, const float *w,
                      ptrdiff_t w_step, const float *from, size_t pitch, size_t apart,
                      vec sums[7][2])
{
    vec weights[7];
    const float *const at[2] = {from, from + apart};
    size_t down = pitch;
    COMPUTE_ANEW(down);
    for (size_t i = 0; i < height; i++) weights[i] = w[(ptrdiff_t)i * w_step] - (vec){0};
    if (rows * vectors == 1) CEN__LONE_SUM(sums[0][0]);
#pragma GCC unroll 16
    for (size_t i = 0; i < (rows - 1) * step + height; i++)
        for (size_t v = 0; v < vectors; v++) {
            const vec x = *(const vec *)(at[v] + i * down);
            for (size_t r = 0; r < rows; r++)
                if (i >= r * step && i < r * step + height) sums[r][v] += weights[i - r * step] * x;
        }
}

INLINE void taps_block(size_t rows, size_t vectors, size_t height, size_t step, const cen__taps *t,
                       size_t row, size_t column, size_t apart)
{
    vec sums[7][2];
    const vec start = (t->start == NULL ? 0 : *t->start) - (vec){0};
    const size_t stacks = t->stacks, pitch = t->pitch;
    const size_t *const at = t->at, *const w_at = t->w_at;
    const ptrdiff_t w_step = t->w_step;
    const float *const w = t->w, *const planes = t->planes + row * step * pitch + column;
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++) sums[r][v] = start;
    for (size_t s = 0; s < stacks; s++)
        add_stack(rows, vectors, height, step, w + w_at[s], w_step, planes + at[s], pitch, apart,
                  sums);
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++)
            *(vec *)(t->out + (row + r) * t->out_pitch + column + v * apart) = sums[r][v];
}

/* The last vector of a row begins again within the one before it. */
INLINE void taps_rows(size_t height, size_t step, const cen__taps *t, size_t row)
{
    size_t column = 0, rest = t->columns;
    while (rest > LANES) {
        const size_t apart = rest < 2 * LANES ? rest - LANES : LANES;
        taps_block(4, 2, height, step, t, row, column, apart);
        column += LANES + apart, rest -= LANES + apart;
    }
    if (rest > 0) taps_block(4, 1, height, step, t, row, column > 0 ? t->columns - LANES : 0, 0);
}

/* Seven rows, a vector at a time: nothing is computed twice for 7 or 14, and less is read than for four. */
INLINE void taps_tall(size_t height, size_t step, const cen__taps *t, size_t row)
{
    size_t column = 0;
    for (; column + LANES < t->columns; column += LANES)
        taps_block(7, 1, height, step, t, row, column, 0);
    taps_block(7, 1, height, step, t, row, t->columns - LANES, 0);
}

/* One row of a plane that has fewer than four. */
INLINE void taps_row(size_t height, size_t step, const cen__taps *t, size_t row)
{
    const size_t columns = t->columns;
    for (size_t column = 0; column < columns; column += LANES) {
        const bool fits = column == 0 || column + LANES <= columns;
        taps_block(1, 1, height, step, t, row, fits ? column : columns - LANES, 0);
    }
}

/* So do the last rows. */
INLINE void taps_planes(size_t height, size_t step, cen__taps *t)
{
    const size_t rows = t->rows;
    for (size_t i = 0; i < t->count; i++) {
        size_t row = 0;
        if (rows % 7 == 0 && t->columns <= LANES) {
            for (; row < rows; row += 7) {
                taps_block(7, 1, height, step, t, row, 0, 0);
                fetch(t->ahead);
            }
        } else if (rows % 7 == 0 && rows <= CEN__SEVENS_MOST) { /* of more, four are faster */
            for (; row < rows; row += 7) {
                taps_tall(height, step, t, row);
                fetch(t->ahead);
            }
        } else if (rows < 4) {
            for (; row < rows; row++) taps_row(height, step, t, row);
            fetch(t->ahead);
        }
        for (; row < rows; row += 4) {
            taps_rows(height, step, t, row + 4 <= rows ? row : rows - 4);
            fetch(t->ahead);
        }
        next_plane(t);
        if (t->start != NULL) t->start += t->start_plane;
    }
}

/* For all pairs of height and step. With a height of 1 only the rows' distance counts. */
#if defined(CEN_SMALL)
#define STACK_CASES
#else
#define STACK_CASES CASE(2, 1) CASE(3, 1) CASE(5, 1) CASE(7, 1) CASE(3, 2) CASE(5, 2) CASE(7, 2)
#endif

static void taps(const cen__taps *job)
{
#if LANES == 8
    if (job->in_place) {
        taps_in_place(job);
        return;
    }
#endif
    cen__taps t = *job; /* stores through floats cannot change a copy */
#define CASE(height, step)                                                                         \
    case 2 * (height) + (step): taps_planes(height, step, &t); return;
    switch (2 * t.height + t.step) {
        STACK_CASES
    default: t.pitch *= t.step; taps_planes(1, 1, &t);
    }
#undef CASE
}

/* Numbers of two vectors in turn. */
INLINE void put_pairs(vec even, vec odd, float *to)
{
#if LANES >= 8
    *(vec *)to = (vec){even[0], odd[0], even[1], odd[1], even[2], odd[2], even[3], odd[3]};
    *(vec *)(to + 8) = (vec){even[4], odd[4], even[5], odd[5], even[6], odd[6], even[7], odd[7]};
#elif LANES >= 4
    *(vec *)to = (vec){even[0], odd[0], even[1], odd[1]};
    *(vec *)(to + 4) = (vec){even[2], odd[2], even[3], odd[3]};
#else
    to[0] = even, to[1] = odd;
#endif
}

/* Even and odd columns of so many rows of one phase. */
INLINE void pairs_block(size_t rows, size_t height, const cen__taps *t, size_t row, size_t column)
{
    vec sums[2][7][2];
    const size_t pitch = t->pitch, n[2] = {t->stacks, t->odd_stacks};
    const size_t *at = t->at, *w_at = t->w_at;
    const float *const planes = t->planes + row * pitch + column;
    for (size_t c = 0; c < 2; c++) {
        for (size_t r = 0; r < rows; r++) sums[c][r][0] = (vec){0};
        for (size_t s = 0; s < n[c]; s++, at++, w_at++)
            add_stack(rows, 1, height, 1, t->w + *w_at, t->w_step, planes + *at, pitch, 0, sums[c]);
    }
    for (size_t r = 0; r < rows; r++)
        put_pairs(sums[0][r][0], sums[1][r][0], t->out + (row + r) * t->out_pitch + 2 * column);
}

/* One row, which is all that small machines take at once, has one loop: less code. Two loops are faster. */
INLINE void pairs_rows(size_t rows, size_t height, const cen__taps *t, size_t row)
{
    const size_t columns = t->columns;
    if (rows == 1) {
        for (size_t column = 0; column < columns; column += LANES) {
            const bool fits = column == 0 || column + LANES <= columns;
            pairs_block(rows, height, t, row, fits ? column : columns - LANES);
        }
    } else {
        size_t column = 0;
        for (; column + LANES < columns; column += LANES) pairs_block(rows, height, t, row, column);
        pairs_block(rows, height, t, row, column > 0 ? columns - LANES : 0);
    }
}

/* By four rows, or one by one on small machines. */
INLINE void pairs_planes(size_t height, cen__taps *t)
{
    for (size_t i = 0; i < t->count; i++) {
        size_t row = 0;
#if !defined(CEN_SMALL)
        for (; t->rows >= 4 && row < t->rows; row += 4) {
            pairs_rows(4, height, t, row + 4 <= t->rows ? row : t->rows - 4);
            fetch(t->ahead);
        }
#endif
        for (; row < t->rows; row++) pairs_rows(1, height, t, row);
        next_plane(t);
    }
}

#if !defined(CEN_SMALL)
/* Two even and two odd rows, of a kernel that has `even` taps for even rows and columns and `odd`, one more or one less,
 * for odd ones, which read the same places. A weight is read once for two rows, a vector once for all taps, and rows
 * are written in order: all even rows before the odd ones took up to 1.2 times as long from memory. */
INLINE void quads_block(size_t even, size_t odd, const cen__taps t[2], size_t row, size_t column)
{
    vec sums[4][2];
    const size_t most = even > odd ? even : odd;
    const size_t skipped = even > odd ? 1 : 0; /* odd ones read from the next place on */
    const size_t pitch = t[0].pitch, *const at = t[0].at;
    const float *const planes = t[0].planes + row * pitch + column;
    for (size_t r = 0; r < 4; r++) sums[r][0] = sums[r][1] = (vec){0};
#pragma GCC unroll 3
    for (size_t s = 0; s < most; s++) {
        const size_t stack[2] = {s, even + s - skipped};
        const bool is_in[2] = {s < even, s >= skipped && s - skipped < odd};
        const float *const from = planes + at[stack[is_in[0] ? 0 : 1]];
        vec x[4];
        size_t down = pitch;
        COMPUTE_ANEW(down);
        for (size_t i = 0; i < most + 1; i++) x[i] = *(const vec *)(from + i * down);
#pragma GCC unroll 3
        for (size_t i = 0; i < most; i++)
            for (size_t a = 0; a < 2; a++)
                for (size_t c = 0; c < 2; c++) {
                    if (i >= (a == 0 ? even : odd) || !is_in[c]) continue;
                    const float *const w = t[a].w + t[a].w_at[stack[c]];
                    const vec weight = w[(ptrdiff_t)i * t[a].w_step] - (vec){0};
                    for (size_t r = 0; r < 2; r++)
                        sums[2 * r + a][c] += weight * x[r + i + (a == 1 ? skipped : 0)];
                }
    }
    /* A row that is not there is written over. For a branch, gcc would keep the sums in memory. */
    for (size_t r = 0; r < 2; r++) {
        float *const to = t[0].out + (row + r) * t[0].out_pitch + 2 * column;
        put_pairs(sums[2 * r + 1][0], sums[2 * r + 1][1],
                  row + r < t[1].rows ? to + (t[1].out - t[0].out) : to);
        put_pairs(sums[2 * r][0], sums[2 * r][1], to);
    }
}

INLINE void quads_planes(size_t even, size_t odd, cen__taps t[2])
{
    const size_t rows = t->rows, columns = t->columns;
    for (size_t i = 0; i < t->count; i++) {
        for (size_t row = 0; row < rows; row += 2) {
            const size_t first = row + 2 <= rows ? row : rows - 2;
            size_t column = 0;
            for (; column + LANES < columns; column += LANES)
                quads_block(even, odd, t, first, column);
            quads_block(even, odd, t, first, column > 0 ? columns - LANES : 0);
            fetch(t->ahead);
        }
        for (size_t a = 0; a < 2; a++) next_plane(t + a);
    }
}

/* Both phases have so many taps in each direction. */
INLINE bool are_quads(const cen__taps t[2], size_t even, size_t odd)
{
    for (size_t a = 0; a < 2; a++)
        if (t[a].stacks != even || t[a].odd_stacks != odd) return false;
    return t[0].height == even && t[1].height == odd && t[0].rows > 1;
}
#endif

static void tap_pairs(const cen__taps taps[2])
{
    cen__taps t[2] = {taps[0], taps[1]};
#if !defined(CEN_SMALL)
    const bool of_three = are_quads(t, 1, 2), of_five = are_quads(t, 3, 2);
    if (of_three) quads_planes(1, 2, t);
    if (of_five) quads_planes(3, 2, t);
    if (of_three || of_five) return;
#endif
    for (size_t a = 0; a < 2; a++) {
        if (a == 1) memcpy(t[1].ahead, t[0].ahead, sizeof t->ahead); /* goes on */
#if !defined(CEN_SMALL)
        if (t[a].height == 2)
            pairs_planes(2, t + a);
        else if (t[a].height == 3)
            pairs_planes(3, t + a);
        else if (t[a].height == 5)
            pairs_planes(5, t + a);
        else if (t[a].height == 7)
            pairs_planes(7, t + a);
        else
#endif
            pairs_planes(1, t + a);
    }
}

/* Of four rows, or two. */
INLINE void sum_rows(size_t n, size_t stacks, size_t height, size_t step, const cen__tap_sums *t,
                     size_t row, const size_t *at, vec *acc, vec *total)
{
    const size_t pitch = t->pitch, columns = t->dy_pitch;
    const float *const dy = t->dy + row * columns, *const planes = t->planes + row * step * pitch;
    for (size_t q = 0; q < columns; q += LANES) {
        vec y[4];
        size_t down = pitch;
        COMPUTE_ANEW(down);
        for (size_t r = 0; r < n; r++) y[r] = *(const vec *)(dy + r * columns + q);
        *total += n == 4 ? (y[0] + y[1]) + (y[2] + y[3]) : y[0] + y[1];
#pragma GCC unroll 16
        for (size_t s = 0; s < stacks; s++) {
            const float *const from = planes + at[s] + q;
            if (stacks * height == 1) CEN__LONE_SUM(acc[0]);
#pragma GCC unroll 16
            for (size_t i = 0; i < (n - 1) * step + height; i++) {
                const vec x = *(const vec *)(from + i * down);
                for (size_t r = 0; r < n; r++)
                    if (i >= r * step && i < r * step + height)
                        acc[s * height + i - r * step] += y[r] * x;
            }
        }
    }
}

INLINE void sum_stacks(size_t stacks, size_t height, size_t step, cen__tap_sums *t, size_t first)
{
    vec acc[10], total = {0};
    for (size_t s = 0; s < stacks * height; s++) acc[s] = (vec){0};
    size_t row = 0;
    for (; row + 4 <= t->rows; row += 4) {
        sum_rows(4, stacks, height, step, t, row, t->at + first, acc, &total);
        if (first == 0) fetch(t->ahead);
    }
    if (CEN__LAST_ROWS == 2 && row < t->rows)
        sum_rows(2, stacks, height, step, t, row, t->at + first, acc, &total);
    for (size_t s = 0; s < stacks; s++)
        add_lane_sums(height, acc + s * height, t->dw + t->w_at[first + s], t->w_step);
    if (first == 0 && t->dbias != NULL) *t->dbias += lane_sum(total);
}

/* Seven rows of a vector stay in registers for all stacks, whose sums are in memory. */
INLINE void sum_sevens(size_t height, size_t step, bool is_first, const cen__tap_sums *t,
                       size_t row, size_t q, vec *sums)
{
    const size_t columns = t->dy_pitch;
    const float *const dy = t->dy + row * columns + q;
    const float *const planes = t->planes + row * step * t->pitch + q;
    vec y[7];
    for (size_t r = 0; r < 7; r++) y[r] = *(const vec *)(dy + r * columns);
    const vec zero = {0}, total = ((y[0] + y[1]) + (y[2] + y[3])) + ((y[4] + y[5]) + y[6]);
    sums[t->dw_plane] = (is_first ? zero : sums[t->dw_plane]) + total;
    for (size_t s = 0; s < t->stacks; s++) {
        const float *const from = planes + t->at[s];
        vec *const to = sums + t->w_at[s], acc[7];
        size_t down = t->pitch;
        COMPUTE_ANEW(down);
        for (size_t i = 0; i < height; i++) acc[i] = is_first ? zero : to[(ptrdiff_t)i * t->w_step];
#pragma GCC unroll 32
        for (size_t i = 0; i < 6 * step + height; i++) {
            vec x = *(const vec *)(from + i * down);
            IN_REGISTER(x);
            for (size_t r = 0; r < 7; r++)
                if (i >= r * step && i < r * step + height) acc[i - r * step] += y[r] * x;
        }
        for (size_t i = 0; i < height; i++) to[(ptrdiff_t)i * t->w_step] = acc[i];
    }
}

/* Reading ahead more often, or at all for planes of seven rows, was no faster. */
INLINE void sum_by_sevens(size_t height, size_t step, cen__tap_sums *t)
{
    const size_t taps = t->dw_plane;
    vec sums[CEN__SEVENS_TAPS + 1];
    if (t->rows == 7 && t->dy_pitch <= LANES) {
        sum_sevens(height, step, true, t, 0, 0, sums);
    } else {
        for (size_t i = 0; i <= taps; i++) sums[i] = (vec){0};
        for (size_t row = 0; row < t->rows; row += 7) {
            for (size_t q = 0; q < t->dy_pitch; q += LANES)
                sum_sevens(height, step, false, t, row, q, sums);
            fetch(t->ahead);
        }
    }
    add_lane_sums(taps, sums, t->dw, 1);
    if (t->dbias != NULL) *t->dbias += lane_sum(sums[taps]);
}

/* As many stacks at once as leave registers for the rows of the gradient. */
INLINE void sum_planes(size_t height, size_t step, cen__tap_sums *t)
{
    const size_t at_once = height == 1 ? 8 : height == 7 ? 1 : 10 / height;
    for (size_t i = 0; i < t->count; i++) {
        size_t s = 0;
        if (t->rows == 7 || (height >= 5 && t->rows % 7 == 0 && t->dw_plane <= CEN__SEVENS_TAPS)) {
            sum_by_sevens(height, step, t);
            s = t->stacks;
        }
        for (; s + at_once <= t->stacks; s += at_once) sum_stacks(at_once, height, step, t, s);
        for (; at_once > 1 && s < t->stacks; s++) sum_stacks(1, height, step, t, s);
        next_sums(t);
    }
}

static void tap_sums(const cen__tap_sums *job)
{
#if LANES == 8
    if (job->in_place) {
        sums_in_place(job);
        return;
    }
#endif
    cen__tap_sums t = *job;
#define CASE(height, step)                                                                         \
    case 2 * (height) + (step): sum_planes(height, step, &t); return;
    switch (2 * t.height + t.step) {
        STACK_CASES
    default: t.pitch *= t.step; sum_planes(1, 1, &t);
    }
#undef CASE
}
#undef STACK_CASES

/* Whole vectors; the last one of a row begins again within the one before it. Rows shorter than a vector are followed
 * by zeros, but for the last: the next one or padding comes there. */
static void copy_rows(size_t rows, size_t n, const float *from, size_t from_row, float *to,
                      size_t to_row)
{
    const float *const end = from + rows * from_row;
    if (n >= LANES) {
        for (; from < end; from += from_row, to += to_row) {
            for (size_t i = 0; i + LANES < n; i += LANES)
                *(vec *)(to + i) = *(const vec *)(from + i);
            *(vec *)(to + n - LANES) = *(const vec *)(from + n - LANES);
        }
    } else if (n >= 4) {
#if LANES == 8
        const lanes kept = lanes_between(0, (ptrdiff_t)n);
        for (; from < end - from_row; from += from_row, to += to_row)
            *(vec *)to = masked(from, kept);
#endif
        for (; from < end; from += from_row, to += to_row) {
            for (size_t i = 0; i + 4 < n; i += 4) *(vec4 *)(to + i) = *(const vec4 *)(from + i);
            *(vec4 *)(to + n - 4) = *(const vec4 *)(from + n - 4);
        }
    } else {
        for (; from < end; from += from_row, to += to_row)
            for (size_t i = 0; i < n; i++) to[i] = from[i];
    }
}

/* Pairs of numbers that are shuffled in registers: as many as a half vector has, or four. */
#if LANES >= 4
INLINE void split_four(const float *from, float *even, float *odd)
{
    const vec4 x = *(const vec4 *)from, y = *(const vec4 *)(from + 4);
    *(vec4 *)even = (vec4){x[0], x[2], y[0], y[2]};
    *(vec4 *)odd = (vec4){x[1], x[3], y[1], y[3]};
}
#else
INLINE void split_four(const float *from, float *even, float *odd)
{
    for (size_t i = 0; i < 4; i++) even[i] = from[2 * i], odd[i] = from[2 * i + 1];
}
#endif

#if LANES >= 8
enum { PAIRS = 8 };

INLINE void split_pairs(const float *from, float *even, float *odd)
{
    const vec x = *(const vec *)from, y = *(const vec *)(from + 8);
    *(vec *)even = (vec){x[0], x[2], x[4], x[6], y[0], y[2], y[4], y[6]};
    *(vec *)odd = (vec){x[1], x[3], x[5], x[7], y[1], y[3], y[5], y[7]};
}
#else
enum { PAIRS = 4 };
#define split_pairs split_four
#endif

/* The last pairs of a row begin again within those before them. */
static void split_rows(size_t rows, size_t n, const float *from, size_t from_row, float *even,
                       float *odd, size_t to_row)
{
    const size_t pairs = n / 2;
    for (size_t r = 0; r < rows; r++, from += from_row, even += to_row, odd += to_row) {
        size_t i = 0;
        if (n % 2 == 1) even[pairs] = from[n - 1];
        if (pairs >= PAIRS) {
            for (; i + PAIRS < pairs; i += PAIRS) split_pairs(from + 2 * i, even + i, odd + i);
            i = pairs - PAIRS;
            split_pairs(from + 2 * i, even + i, odd + i);
        } else if (pairs >= 4) {
            split_four(from, even, odd);
            i = pairs - 4;
            split_four(from + 2 * i, even + i, odd + i);
        } else {
            for (; i < pairs; i++) even[i] = from[2 * i], odd[i] = from[2 * i + 1];
        }
    }
}
