/* Depthwise convolution: plane by plane, each while it is in the cache.
 *
 * A plane is copied into one with its padding, its columns sorted by their place modulo the stride. There the
 * input of a row of outputs at one tap is a run of numbers too, and the taps of a column lie one below the
 * other. The padding is cleared once a call and stays: each plane fills the same places. */
#include "kernels/conv_depthwise.h"

#include <string.h>

#include "kernels/conv_phase.h"
#include "kernels/conv_scratch.h"

/* More outputs a channel share their inputs' vectors in conv_direct.c, larger strides are of no use. */
bool cen__depthwise_suits(const cen__conv *v)
{
    return v->c == 1 && v->k <= 2 && v->stride_h <= 2 && v->stride_w <= 2;
}

/* A plane with its padding; zeros right of a row serve as those left of the next. */
typedef struct padded {
    size_t rows, pitch;
    size_t top, left; /* padding */
    size_t phases;
} padded;

static size_t padded_count(const padded *p, const cen__conv *v, const cen__conv_set *set)
{
    const size_t planes = cen__times(p->phases, cen__times(p->rows, p->pitch));
    const size_t below = cen__times(3 * v->stride_h, p->pitch); /* rows of zeros of a gradient */
    return cen__plus(cen__plus(planes, below), v->kernel_w + 2 * set->lanes);
}

/* Outputs that are not yet in their place: rows of whole vectors. */
static size_t strip_pitch(size_t columns, const cen__conv_set *set)
{
    return most(columns, set->lanes);
}

static size_t strip_count(size_t rows, size_t columns, const cen__conv_set *set)
{
    return cen__times(rows, strip_pitch(columns, set));
}

/* Outputs straight to their place, `room` numbers from there to the end of all. Rows that are narrower than
 * a vector are written with what follows them and is written later; the last ones by way of a strip. */
static void compute(const cen__conv_set *set, cen__taps *t, float *out, size_t pitch, size_t room,
                    float *strip)
{
    const bool fits = t->columns >= set->lanes || (t->rows - 1) * pitch + set->lanes <= room;
    t->out = fits ? out : strip;
    t->out_pitch = fits ? pitch : strip_pitch(t->columns, set);
    set->taps(t);
    if (!fits) set->copy_rows(t->rows, t->columns, strip, t->out_pitch, out, pitch);
}

/* ---- taps ----------------------------------------------------------------------------------- */

/* Stacks of taps, see conv_set.h. */
typedef struct stacks {
    size_t n, height, *at, *w_at;
    ptrdiff_t w_step;
} stacks;

/* For so many taps. */
static size_t stacks_count(size_t taps)
{
    return cen__times(2, table_count(taps));
}

/* So many columns of `taps` taps, with weights w_step apart. */
static stacks take_stacks(size_t columns, size_t taps, ptrdiff_t w_step, float **scratch)
{
    return (stacks){.height = cen__stack_height(taps),
                    .at = take(scratch, table_count(columns * taps)),
                    .w_at = take(scratch, table_count(columns * taps)),
                    .w_step = w_step};
}

/* A column from its first tap downwards, at places `pitch` apart. */
static void add_column(stacks *s, size_t taps, size_t at, size_t pitch, size_t w_at)
{
    for (size_t i = 0; i < taps; i += s->height, s->n++) {
        s->at[s->n] = at + i * pitch;
        s->w_at[s->n] = (size_t)((ptrdiff_t)w_at + (ptrdiff_t)i * s->w_step);
    }
}

/* ---- the input ------------------------------------------------------------------------------ */

static padded pad_input(const cen__conv *v)
{
    const size_t reach = (v->kernel_w - 1) / v->stride_w;
    return (padded){.rows = (v->out_h - 1) * v->stride_h + v->kernel_h,
                    .pitch = v->out_w + reach - (v->stride_w == 1 ? v->pad_w : 0),
                    .top = v->pad_h,
                    .left = v->pad_w,
                    .phases = v->stride_w};
}

static void fill_input(const cen__conv *v, const cen__conv_set *set, const padded *p,
                       const float *x, float *planes)
{
    const size_t h = least(v->h, p->rows - p->top), plane = p->rows * p->pitch;
    const size_t w = least(v->w, (v->out_w - 1) * v->stride_w + v->kernel_w - v->pad_w);
    float *const to = planes + p->top * p->pitch;
    if (v->stride_w == 1) {
        set->copy_rows(h, w, x, v->w, to + p->left, p->pitch);
        return;
    }
    float *const even = to + p->left % 2 * plane + p->left / 2;
    float *const odd = to + (p->left + 1) % 2 * plane + (p->left + 1) / 2;
    set->split_rows(h, w, x, v->w, even, odd, p->pitch);
}

/* The places that output 0 reads. */
static stacks take_input_stacks(const cen__conv *v, const padded *p, float **scratch)
{
    stacks s = take_stacks(v->kernel_w, v->kernel_h, (ptrdiff_t)v->kernel_w, scratch);
    for (size_t j = 0; j < v->kernel_w; j++)
        add_column(&s, v->kernel_h, j % v->stride_w * p->rows * p->pitch + j / v->stride_w,
                   p->pitch, j);
    return s;
}

/* ---- forward -------------------------------------------------------------------------------- */

void cen__depthwise_forward(const cen__conv *v, const cen__conv_set *set, size_t n, const float *x,
                            const float *w, const float *bias, float *y, float *scratch)
{
    const padded p = pad_input(v);
    const size_t plane = v->out_h * v->out_w;
    const float *const end = y + n * v->groups * v->k * plane;
    float *const planes = take(&scratch, padded_count(&p, v, set));
    float *const strip = take(&scratch, strip_count(v->out_h, v->out_w, set));
    const stacks s = take_input_stacks(v, &p, &scratch);
    cen__taps t = {.stacks = s.n,
                   .height = s.height,
                   .step = v->stride_h,
                   .rows = v->out_h,
                   .columns = v->out_w,
                   .pitch = p.pitch,
                   .planes = planes,
                   .at = s.at,
                   .w_at = s.w_at,
                   .w_step = s.w_step};
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    for (size_t i = 0; i < n * v->groups; i++, x += v->h * v->w) {
        fill_input(v, set, &p, x, planes);
        for (size_t k = 0; k < v->k; k++, y += plane) {
            const size_t output = i % v->groups * v->k + k;
            t.w = w + output * v->kernel_h * v->kernel_w;
            t.start = bias[output];
            compute(set, &t, y, v->out_w, (size_t)(end - y), strip);
        }
    }
}

/* ---- backward to the data ------------------------------------------------------------------- */

/* Inputs by their place modulo the stride, at most two of rows and of columns. */
typedef struct phases {
    phase rows[2], columns[2];
} phases;

static phases make_phases(const cen__conv *v)
{
    phases p;
    for (size_t i = 0; i < 2; i++) {
        p.rows[i] = make_phase(i, v->h, v->stride_h, v->pad_h, v->kernel_h);
        p.columns[i] = make_phase(i, v->w, v->stride_w, v->pad_w, v->kernel_w);
    }
    return p;
}

/* What is read before and after `size` numbers of a gradient. */
static void widen_margins(const phase *p, size_t size, size_t *before, size_t *after)
{
    if (!is_used(p)) return;
    const ptrdiff_t first = p->base - (ptrdiff_t)(p->n_taps - 1);
    const ptrdiff_t end = p->base + (ptrdiff_t)p->count - (ptrdiff_t)size;
    if (first < 0) *before = most(*before, (size_t)-first);
    if (end > 0) *after = most(*after, (size_t)end);
}

static padded pad_gradient(const cen__conv *v, const phases *of)
{
    size_t bottom = 0, right = 0;
    padded p = {.phases = v->k};
    for (size_t i = 0; i < v->stride_h; i++) widen_margins(&of->rows[i], v->out_h, &p.top, &bottom);
    for (size_t i = 0; i < v->stride_w; i++)
        widen_margins(&of->columns[i], v->out_w, &p.left, &right);
    p.rows = p.top + v->out_h + bottom;
    p.pitch = v->out_w + most(p.left, right);
    return p;
}

/* One phase is all. */
static bool is_whole(const cen__conv *v)
{
    return v->stride_h == 1 && v->stride_w == 1;
}

/* All phases of columns have the same. */
static size_t phase_columns(const cen__conv *v)
{
    return v->stride_w == 1 ? v->w : (v->w + 1) / 2;
}

/* What computes one phase of rows and of columns: the taps of all outputs of a channel. */
static stacks take_phase_stacks(const cen__conv *v, const padded *p, const phase *rows,
                                const phase *columns, float **scratch)
{
    const size_t taps = rows->n_taps;
    stacks s =
        take_stacks(v->k * columns->n_taps, taps, -(ptrdiff_t)(v->stride_h * v->kernel_w), scratch);
    if (taps == 0) return s;
    const size_t row = p->top + (size_t)(rows->base - (ptrdiff_t)(taps - 1));
    const size_t w_row = rows->tap + (taps - 1) * v->stride_h;
    for (size_t k = 0; k < v->k; k++)
        for (size_t j = columns->n_taps; j-- > 0;)
            add_column(
                &s, taps,
                (k * p->rows + row) * p->pitch + p->left + (size_t)(columns->base - (ptrdiff_t)j),
                p->pitch, (k * v->kernel_h + w_row) * v->kernel_w + columns->tap + j * v->stride_w);
    return s;
}

/* The gradient of a channel: a strip for each phase of columns, then both put together, so that dx is
 * written once from its first row to its last. room: numbers from dx to the end of all. */
static void backward_plane(const cen__conv *v, const cen__conv_set *set, const padded *p,
                           const phases *of, stacks all[2][2], const float *w, const float *planes,
                           float *const strips[2], float *dx, size_t room)
{
    const size_t even = of->columns[0].first, pitch = strip_pitch(phase_columns(v), set);
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++) {
            const phase *const rows = &of->rows[a], *const columns = &of->columns[b];
            const stacks *const s = &all[a][b];
            if (!is_used(rows) || !is_used(columns)) continue;
            cen__taps t = {.stacks = s->n,
                           .height = s->height,
                           .step = 1,
                           .rows = rows->count,
                           .columns = columns->count,
                           .pitch = p->pitch,
                           .w = w,
                           .planes = planes,
                           .at = s->at,
                           .w_at = s->w_at,
                           .w_step = s->w_step,
                           .out = strips[b] + rows->first * pitch,
                           .out_pitch = v->stride_h * pitch};
            if (is_whole(v))
                compute(set, &t, dx, v->w, room, strips[b]);
            else
                set->taps(&t);
        }
    if (v->stride_w == 2)
        set->merge_rows(v->h, v->w, strips[even], strips[1 - even], pitch, dx, v->w);
    else if (!is_whole(v))
        set->copy_rows(v->h, v->w, strips[0], pitch, dx, v->w);
}

void cen__depthwise_backward_data(const cen__conv *v, const cen__conv_set *set, size_t n,
                                  const float *dy, const float *w, float *dx, float *scratch)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, &of);
    const size_t plane = v->out_h * v->out_w, taps = v->k * v->kernel_h * v->kernel_w;
    const size_t strip = strip_count(v->h, phase_columns(v), set);
    const float *const end = dx + n * v->groups * v->h * v->w;
    float *const planes = take(&scratch, padded_count(&p, v, set));
    float *const strips[2] = {take(&scratch, strip), take(&scratch, strip)};
    stacks all[2][2];
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++)
            all[a][b] = take_phase_stacks(v, &p, &of.rows[a], &of.columns[b], &scratch);
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    for (size_t i = 0; i < 2; i++) memset(strips[i], 0, strip * sizeof *strips[i]);
    for (size_t i = 0; i < n * v->groups; i++, dx += v->h * v->w) {
        for (size_t k = 0; k < v->k; k++, dy += plane)
            set->copy_rows(v->out_h, v->out_w, dy, v->out_w,
                           planes + (k * p.rows + p.top) * p.pitch + p.left, p.pitch);
        backward_plane(v, set, &p, &of, all, w + i % v->groups * taps, planes, strips, dx,
                       (size_t)(end - dx));
    }
}

/* ---- backward to the weights ---------------------------------------------------------------- */

/* Of a gradient's rows: whole vectors. */
static size_t gradient_pitch(const cen__conv *v, const cen__conv_set *set)
{
    return cen__round_up(v->out_w, set->lanes);
}

/* With rows of zeros, that the inner loop takes four at once. */
static size_t gradient_rows(const cen__conv *v)
{
    return cen__round_up(v->out_h, 4);
}

static size_t gradient_count(const cen__conv *v, const cen__conv_set *set)
{
    return cen__times(gradient_rows(v), gradient_pitch(v, set));
}

void cen__depthwise_backward_weights(const cen__conv *v, const cen__conv_set *set, size_t n,
                                     const float *x, const float *dy, float *dw, float *dbias,
                                     float *scratch)
{
    const padded p = pad_input(v);
    const size_t plane = v->out_h * v->out_w, taps = v->kernel_h * v->kernel_w;
    float *const planes = take(&scratch, padded_count(&p, v, set));
    float *const gradient = take(&scratch, gradient_count(v, set));
    const stacks s = take_input_stacks(v, &p, &scratch);
    cen__tap_sums t = {.stacks = s.n,
                       .height = s.height,
                       .step = v->stride_h,
                       .rows = gradient_rows(v),
                       .dy_pitch = gradient_pitch(v, set),
                       .pitch = p.pitch,
                       .dy = gradient,
                       .planes = planes,
                       .at = s.at,
                       .w_at = s.w_at,
                       .w_step = s.w_step};
    const bool in_place = t.rows == v->out_h && t.dy_pitch == v->out_w;
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    memset(gradient, 0, gradient_count(v, set) * sizeof *gradient);
    for (size_t i = 0; i < n * v->groups; i++, x += v->h * v->w) {
        fill_input(v, set, &p, x, planes);
        for (size_t k = 0; k < v->k; k++, dy += plane) {
            const size_t output = i % v->groups * v->k + k;
            if (in_place)
                t.dy = dy;
            else
                set->copy_rows(v->out_h, v->out_w, dy, v->out_w, gradient, t.dy_pitch);
            t.dw = dw + output * taps;
            t.dbias = dbias == NULL ? NULL : dbias + output;
            set->tap_sums(&t);
        }
    }
}

/* ---- scratch -------------------------------------------------------------------------------- */

static size_t backward_data_count(const cen__conv *v, const cen__conv_set *set)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, &of);
    const size_t strip = whole(strip_count(v->h, phase_columns(v), set));
    size_t count = cen__plus(whole(padded_count(&p, v, set)), cen__times(2, strip));
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++) {
            const size_t taps = v->k * of.rows[a].n_taps * of.columns[b].n_taps;
            count = cen__plus(count, stacks_count(taps));
        }
    return count;
}

size_t cen__depthwise_scratch_count(const cen__conv *v, const cen__conv_set *set)
{
    const padded p = pad_input(v);
    const size_t taps = stacks_count(v->kernel_h * v->kernel_w);
    const size_t input = cen__plus(whole(padded_count(&p, v, set)), taps);
    const size_t forward = cen__plus(input, whole(strip_count(v->out_h, v->out_w, set)));
    const size_t weights = cen__plus(input, whole(gradient_count(v, set)));
    return most(most(forward, weights), backward_data_count(v, set));
}
