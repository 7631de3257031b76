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

/* One phase is all. */
static bool is_whole(const cen__conv *v)
{
    return v->stride_h == 1 && v->stride_w == 1;
}

static bool is_gradient_in_place(const cen__conv *v, const cen__conv_set *set)
{
    return is_whole(v) && is_in_place(v, set);
}

static padded pad_gradient(const cen__conv *v, const cen__conv_set *set, const phases *of)
{
    if (is_gradient_in_place(v, set)) return no_padding(v->out_h, v->out_w);
    size_t bottom = 0, right = 0;
    padded p = {.phases = v->k};
    for (size_t i = 0; i < v->stride_h; i++) widen_margins(&of->rows[i], v->out_h, &p.top, &bottom);
    for (size_t i = 0; i < v->stride_w; i++)
        widen_margins(&of->columns[i], v->out_w, &p.left, &right);
    /* Rows may be computed in pairs, of which the last odd one is not kept. */
    p.rows = p.top + v->out_h + most(bottom, v->stride_h - 1);
    p.pitch = v->out_w + most(p.left, right);
    return p;
}

/* Where the gradients of count channels are read, see take_input in conv_depthwise.c. */
static const float *take_gradient(const cen__conv *v, const cen__conv_set *set, const padded *p,
                                  size_t count, const float *dy, const float *first,
                                  const float *end, float *planes)
{
    const size_t n = v->k * count, plane = v->out_h * v->out_w;
    if (is_gradient_in_place(v, set)) return take_in_place(dy, n * plane, first, end, set, planes);
    for (size_t k = 0; k < n; k++, dy += plane)
        set->copy_rows(v->out_h, v->out_w, dy, v->out_w,
                       planes + (k * p->rows + p->top) * p->pitch + p->left, p->pitch);
    return planes;
}

/* All phases of columns have the same. */
static size_t phase_columns(const cen__conv *v)
{
    return v->stride_w == 1 ? v->w : (v->w + 1) / 2;
}

/* What computes one phase of rows: the taps of all outputs of a channel, of even columns first. */
typedef struct row_taps {
    stacks all;
    size_t even;
} row_taps;

static void add_columns(stacks *s, const cen__conv *v, const padded *p, const phase *rows,
                        const phase *columns)
{
    const size_t taps = rows->n_taps;
    const size_t row = p->top + (size_t)(rows->base - (ptrdiff_t)(taps - 1));
    const size_t w_row = rows->tap + (taps - 1) * v->stride_h;
    for (size_t k = 0; k < v->k; k++)
        for (size_t j = columns->n_taps; j-- > 0;)
            add_column(
                s, taps,
                (k * p->rows + row) * p->pitch + p->left + (size_t)(columns->base - (ptrdiff_t)j),
                p->pitch, (k * v->kernel_h + w_row) * v->kernel_w + columns->tap + j * v->stride_w);
}

static row_taps take_row_taps(const cen__conv *v, const padded *p, const phases *of,
                              const phase *rows, float **scratch)
{
    row_taps t = {take_stacks(v->k * v->kernel_w, rows->n_taps, 1,
                              -(ptrdiff_t)(v->stride_h * v->kernel_w), scratch),
                  0};
    for (size_t i = 0; i < v->stride_w; i++) {
        const phase *const columns = &of->columns[i == of->columns[0].first ? 0 : 1];
        if (is_used(rows) && is_used(columns)) add_columns(&t.all, v, p, rows, columns);
        if (i == 0) t.even = t.all.n;
    }
    return t;
}

static size_t data_pitch(const cen__conv *v, const cen__conv_set *set)
{
    return cen__times(v->stride_w, strip_pitch(phase_columns(v), set));
}

static size_t data_group(const cen__conv *v, const padded *p)
{
    return group_size(v, padded_size(p));
}

/* Rows of vectors go straight to their place. */
static bool fits(const cen__conv *v, const cen__conv_set *set)
{
    return phase_columns(v) >= set->lanes && v->w % v->stride_w == 0;
}

static size_t out_pitch(const cen__conv *v, const cen__conv_set *set)
{
    return fits(v, set) ? v->w : data_pitch(v, set);
}

/* What is the same for each group of channels, of even rows and of odd ones. */
static void prepare(const cen__conv *v, const cen__conv_set *set, const padded *p, const phases *of,
                    float **scratch, cen__taps both[2])
{
    const size_t pitch = out_pitch(v, set);
    for (size_t a = 0; a < v->stride_h; a++) {
        const phase *const rows = &of->rows[a];
        const row_taps taps = take_row_taps(v, p, of, rows, scratch);
        both[rows->first] = (cen__taps){.stacks = taps.even,
                                        .odd_stacks = taps.all.n - taps.even,
                                        .height = taps.all.height,
                                        .step = 1,
                                        .rows = rows->count,
                                        .columns = phase_columns(v),
                                        .pitch = p->pitch,
                                        .in_place = is_gradient_in_place(v, set),
                                        .at = taps.all.at,
                                        .w_at = taps.all.w_at,
                                        .w_step = taps.all.w_step,
                                        .out_pitch = v->stride_h * pitch,
                                        .plane = padded_size(p),
                                        .w_plane = v->k * v->kernel_h * v->kernel_w,
                                        .out_plane = v->h * pitch};
    }
}

/* The gradient of both->count channels; room: numbers from dx to the end of all. */
static void backward_planes(const cen__conv *v, const cen__conv_set *set, cen__taps both[2],
                            float *strip, float *dx, size_t room)
{
    const size_t pitch = out_pitch(v, set);
    both[0].out = fits(v, set) ? dx : strip;
    both[1].out = both[0].out + pitch;
    if (is_whole(v))
        compute(set, both, dx, v->w, room, strip);
    else if (v->stride_w == 2)
        set->tap_pairs(both);
    else
        for (size_t a = 0; a < v->stride_h; a++) set->taps(both + a);
    if (!fits(v, set) && !is_whole(v))
        set->copy_rows(both->count * v->h, v->w, strip, pitch, dx, v->w);
}

void cen__depthwise_backward_data(const cen__conv *v, const cen__conv_set *set, size_t n,
                                  const float *dy, const float *w, float *dx, float *scratch)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, set, &of);
    const size_t plane = v->out_h * v->out_w, x_plane = v->h * v->w;
    const size_t most_count = data_group(v, &p), numbers = padded_count(&p, most_count, v, set);
    const float *const end = dx + n * v->groups * x_plane;
    const float *const dy_first = dy, *const dy_end = dy + n * v->groups * v->k * plane;
    float *const planes = take(&scratch, numbers);
    float *const strip = take(&scratch, most_count * v->h * data_pitch(v, set));
    cen__taps both[2] = {{0}};
    prepare(v, set, &p, &of, &scratch, both);
    if (!is_gradient_in_place(v, set)) memset(planes, 0, numbers * sizeof *planes);
    for (size_t i = 0; dx < end; i = (i + both->count) % v->groups, dx += both->count * x_plane) {
        const size_t count = least(most_count, v->groups - i);
        const float *const from = take_gradient(v, set, &p, count, dy, dy_first, dy_end, planes);
        dy += v->k * count * plane;
        both[0].planes = both[1].planes = from;
        both[0].count = both[1].count = count;
        both[0].w = both[1].w = w + i * both->w_plane;
        both->ahead[1] = write_ahead(dx + count * x_plane, end, count * x_plane, count, v->h);
        both->ahead[0] = read_ahead(dy, dy_end, v->k * count * plane, count, v->h);
        backward_planes(v, set, both, strip, dx, (size_t)(end - dx));
    }
}

size_t cen__depthwise_data_count(const cen__conv *v, const cen__conv_set *set)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, set, &of);
    const size_t most_count = data_group(v, &p);
    const size_t strip = cen__times(most_count, cen__times(v->h, data_pitch(v, set)));
    size_t count = cen__plus(whole(padded_count(&p, most_count, v, set)), whole(strip));
    for (size_t a = 0; a < v->stride_h; a++) {
        const size_t taps = cen__times(v->k * v->kernel_w, of.rows[a].n_taps);
        count = cen__plus(count, stacks_count(taps));
    }
    return count;
}
