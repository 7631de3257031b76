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
    return cen__plus(planes, v->kernel_w + 2 * set->lanes);
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

/* In stacks, see conv_set.h; the weight of tap s is number w_at[s] of its output's. */
typedef struct stacks {
    size_t taps, height, *at, *w_at;
    float *w;
} stacks;

static size_t stacks_count(size_t taps)
{
    return cen__plus(cen__times(2, table_count(taps)), whole(taps));
}

/* For so many taps, `tall` of them in a column. */
static stacks take_stacks(size_t taps, size_t tall, float **scratch)
{
    return (stacks){.height = cen__stack_height(tall),
                    .at = take(scratch, table_count(taps)),
                    .w_at = take(scratch, table_count(taps)),
                    .w = take(scratch, taps)};
}

/* Column by column, downwards. */
static void add_tap(stacks *s, size_t at, size_t w_at)
{
    if (s->taps % s->height == 0) s->at[s->taps / s->height] = at;
    s->w_at[s->taps++] = w_at;
}

static void pick_weights(const stacks *s, const float *w)
{
    for (size_t i = 0; i < s->taps; i++) s->w[i] = w[s->w_at[i]];
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
    stacks s = take_stacks(v->kernel_h * v->kernel_w, v->kernel_h, scratch);
    for (size_t j = 0; j < v->kernel_w; j++)
        for (size_t i = 0; i < v->kernel_h; i++)
            add_tap(&s, (j % v->stride_w * p->rows + i) * p->pitch + j / v->stride_w,
                    i * v->kernel_w + j);
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
    cen__taps t = {.stacks = s.taps / s.height,
                   .height = s.height,
                   .step = v->stride_h,
                   .rows = v->out_h,
                   .columns = v->out_w,
                   .pitch = p.pitch,
                   .w = s.w,
                   .planes = planes,
                   .at = s.at};
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    for (size_t i = 0; i < n * v->groups; i++, x += v->h * v->w) {
        fill_input(v, set, &p, x, planes);
        for (size_t k = 0; k < v->k; k++, y += plane) {
            const size_t output = i % v->groups * v->k + k;
            pick_weights(&s, w + output * s.taps);
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
    stacks s = take_stacks(v->k * rows->n_taps * columns->n_taps, rows->n_taps, scratch);
    for (size_t k = 0; k < v->k; k++)
        for (size_t j = columns->n_taps; j-- > 0;)
            for (size_t i = rows->n_taps; i-- > 0;) {
                const size_t row = k * p->rows + p->top + (size_t)(rows->base - (ptrdiff_t)i);
                const size_t column = p->left + (size_t)(columns->base - (ptrdiff_t)j);
                add_tap(&s, row * p->pitch + column,
                        (k * v->kernel_h + rows->tap + i * v->stride_h) * v->kernel_w +
                            columns->tap + j * v->stride_w);
            }
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
            cen__taps t = {.stacks = s->taps / s->height,
                           .height = s->height,
                           .step = 1,
                           .rows = rows->count,
                           .columns = columns->count,
                           .pitch = p->pitch,
                           .w = s->w,
                           .planes = planes,
                           .at = s->at,
                           .out = strips[b] + rows->first * pitch,
                           .out_pitch = v->stride_h * pitch};
            pick_weights(s, w);
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

static size_t gradient_count(const cen__conv *v, const cen__conv_set *set)
{
    return cen__times(v->out_h, gradient_pitch(v, set));
}

void cen__depthwise_backward_weights(const cen__conv *v, const cen__conv_set *set, size_t n,
                                     const float *x, const float *dy, float *dw, float *dbias,
                                     float *scratch)
{
    const padded p = pad_input(v);
    const size_t plane = v->out_h * v->out_w;
    float *const planes = take(&scratch, padded_count(&p, v, set));
    float *const gradient = take(&scratch, gradient_count(v, set));
    const stacks s = take_input_stacks(v, &p, &scratch);
    cen__tap_sums t = {.stacks = s.taps / s.height,
                       .height = s.height,
                       .step = v->stride_h,
                       .rows = v->out_h,
                       .dy_pitch = gradient_pitch(v, set),
                       .pitch = p.pitch,
                       .planes = planes,
                       .at = s.at,
                       .sums = s.w};
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    memset(gradient, 0, gradient_count(v, set) * sizeof *gradient);
    for (size_t i = 0; i < n * v->groups; i++, x += v->h * v->w) {
        fill_input(v, set, &p, x, planes);
        for (size_t k = 0; k < v->k; k++, dy += plane) {
            const size_t output = i % v->groups * v->k + k;
            t.dy = dy;
            if (t.dy_pitch != v->out_w) {
                set->copy_rows(v->out_h, v->out_w, dy, v->out_w, gradient, t.dy_pitch);
                t.dy = gradient;
            }
            set->tap_sums(&t);
            for (size_t a = 0; a < s.taps; a++) dw[output * s.taps + s.w_at[a]] += s.w[a];
            if (dbias != NULL) dbias[output] += set->sum(plane, dy);
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
