/* Depthwise convolution backward to the data: the taps of each output's gradient, for the inputs of each place
 * modulo the stride. Planes with their padding and groups of channels as in conv_depthwise.c. */
#include "kernels/conv_depthwise.h"

#include <string.h>

#include "kernels/conv_depthwise_planes.h"
#include "kernels/conv_phase.h"

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
    stacks s = take_stacks(v->k * columns->n_taps, taps, 1, -(ptrdiff_t)(v->stride_h * v->kernel_w),
                           scratch);
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

static size_t data_strip(const cen__conv *v, const cen__conv_set *set)
{
    return strip_count(v->h, phase_columns(v), set);
}

static size_t data_group(const cen__conv *v, const padded *p)
{
    return group_size(v, padded_size(p));
}

/* The gradient of t->count channels: a strip for each phase of columns, then both put together, so that dx is
 * written once from its first row to its last. room: numbers from dx to the end of all. */
static void backward_planes(const cen__conv *v, const cen__conv_set *set, const phases *of,
                            stacks all[2][2], cen__taps *t, const float *w, const float *planes,
                            float *const strips[2], float *dx, size_t room)
{
    const size_t even = of->columns[0].first, pitch = strip_pitch(phase_columns(v), set);
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++) {
            const phase *const rows = &of->rows[a], *const columns = &of->columns[b];
            const stacks *const s = &all[a][b];
            if (!is_used(rows) || !is_used(columns)) continue;
            t->w = w, t->planes = planes;
            t->stacks = s->n, t->height = s->height;
            t->at = s->at, t->w_at = s->w_at, t->w_step = s->w_step;
            t->rows = rows->count, t->columns = columns->count;
            t->out = strips[b] + rows->first * pitch;
            t->out_pitch = v->stride_h * pitch;
            t->out_plane = v->h * pitch;
            if (is_whole(v))
                compute(set, t, dx, v->w, room, strips[b]);
            else
                set->taps(t);
            t->ahead[0].left = t->ahead[1].left = 0;
        }
    if (v->stride_w == 2)
        set->merge_rows(t->count * v->h, v->w, strips[even], strips[1 - even], pitch, dx, v->w);
    else if (!is_whole(v))
        set->copy_rows(t->count * v->h, v->w, strips[0], pitch, dx, v->w);
}

void cen__depthwise_backward_data(const cen__conv *v, const cen__conv_set *set, size_t n,
                                  const float *dy, const float *w, float *dx, float *scratch)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, &of);
    const size_t plane = v->out_h * v->out_w, x_plane = v->h * v->w;
    const size_t most_count = data_group(v, &p), numbers = padded_count(&p, most_count, v, set);
    const size_t strip = most_count * data_strip(v, set);
    const float *const end = dx + n * v->groups * x_plane;
    const float *const dy_end = dy + n * v->groups * v->k * plane;
    float *const planes = take(&scratch, numbers);
    float *const strips[2] = {take(&scratch, strip), take(&scratch, strip)};
    stacks all[2][2];
    cen__taps t = {.step = 1,
                   .pitch = p.pitch,
                   .plane = padded_size(&p),
                   .w_plane = v->k * v->kernel_h * v->kernel_w};
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++)
            all[a][b] = take_phase_stacks(v, &p, &of.rows[a], &of.columns[b], &scratch);
    memset(planes, 0, numbers * sizeof *planes);
    for (size_t i = 0; i < 2; i++) memset(strips[i], 0, strip * sizeof *strips[i]);
    for (size_t i = 0; dx < end; i = (i + t.count) % v->groups, dx += t.count * x_plane) {
        t.count = least(most_count, v->groups - i);
        for (size_t k = 0; k < v->k * t.count; k++, dy += plane)
            set->copy_rows(v->out_h, v->out_w, dy, v->out_w,
                           planes + (k * p.rows + p.top) * p.pitch + p.left, p.pitch);
        t.ahead[1] = is_whole(v) ? write_ahead(dx + t.count * x_plane, end, t.count * x_plane,
                                               t.count, v->out_h)
                                 : read_ahead(dx, end, t.count * x_plane, t.count, v->out_h);
        t.ahead[0] = read_ahead(dy, dy_end, v->k * t.count * plane, t.count, v->out_h);
        backward_planes(v, set, &of, all, &t, w + i * t.w_plane, planes, strips, dx,
                        (size_t)(end - dx));
    }
}

size_t cen__depthwise_data_count(const cen__conv *v, const cen__conv_set *set)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, &of);
    const size_t most_count = data_group(v, &p);
    const size_t strip = whole(cen__times(most_count, data_strip(v, set)));
    size_t count = cen__plus(whole(padded_count(&p, most_count, v, set)), cen__times(2, strip));
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++) {
            const size_t taps = v->k * of.rows[a].n_taps * of.columns[b].n_taps;
            count = cen__plus(count, stacks_count(taps));
        }
    return count;
}
