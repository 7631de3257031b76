/* Depthwise convolution: plane by plane, each while it is in the cache.
 *
 * A plane is copied into one with its padding, rows and columns sorted by their place modulo the stride,
 * as in conv_direct.c. There the input of a run of outputs at one tap is a run too, at a constant
 * offset; a run goes on over the ends of rows, at the price of a few outputs that belong to no column. The
 * padding is cleared once a call and stays: each plane fills the same places. */
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

/* ---- the input ------------------------------------------------------------------------------ */

static padded pad_input(const cen__conv *v)
{
    const size_t reach = (v->kernel_w - 1) / v->stride_w;
    return (padded){.rows = v->out_h + (v->kernel_h - 1) / v->stride_h,
                    .pitch = v->out_w + reach - (v->stride_w == 1 ? v->pad_w : 0),
                    .top = v->pad_h,
                    .left = v->pad_w,
                    .phases = v->stride_h * v->stride_w};
}

static void fill_input(const cen__conv *v, const cen__conv_set *set, const padded *p,
                       const float *x, float *planes)
{
    const size_t h = least(v->h, (v->out_h - 1) * v->stride_h + v->kernel_h - v->pad_h);
    const size_t w = least(v->w, (v->out_w - 1) * v->stride_w + v->kernel_w - v->pad_w);
    const size_t plane = p->rows * p->pitch;
    for (size_t first = 0; first < v->stride_h && first < h; first++) {
        const size_t row = first + p->top, rows = (h - 1 - first) / v->stride_h + 1;
        float *const to =
            planes + row % v->stride_h * v->stride_w * plane + row / v->stride_h * p->pitch;
        const float *const from = x + first * v->w;
        if (v->stride_w == 1) {
            set->copy_rows(rows, w, from, v->stride_h * v->w, to + p->left, p->pitch);
            continue;
        }
        float *const even = to + p->left % 2 * plane + p->left / 2;
        float *const odd = to + (p->left + 1) % 2 * plane + (p->left + 1) / 2;
        set->split_rows(rows, w, from, v->stride_h * v->w, even, odd, p->pitch);
    }
}

/* at[i, j]: the place that output 0 reads. */
static void fill_taps(const cen__conv *v, const padded *p, size_t *at)
{
    for (size_t i = 0; i < v->kernel_h; i++)
        for (size_t j = 0; j < v->kernel_w; j++) {
            const size_t plane = i % v->stride_h * v->stride_w + j % v->stride_w;
            *at++ = (plane * p->rows + i / v->stride_h) * p->pitch + j / v->stride_w;
        }
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
    size_t *const at = take(&scratch, table_count(v->kernel_h * v->kernel_w));
    cen__taps t = {.steps = v->kernel_h * v->kernel_w,
                   .rows = v->out_h,
                   .columns = v->out_w,
                   .pitch = p.pitch,
                   .planes = planes,
                   .at = at};
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    fill_taps(v, &p, at);
    for (size_t i = 0; i < n * v->groups; i++, x += v->h * v->w) {
        fill_input(v, set, &p, x, planes);
        for (size_t k = 0; k < v->k; k++, y += plane) {
            const size_t output = i % v->groups * v->k + k;
            t.w = w + output * t.steps;
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

/* What computes one phase of rows and of columns: the taps of all outputs of a channel. */
typedef struct part {
    size_t steps, *at, *w_at;
    float *strip, *w;
    size_t pitch;
} part;

/* One part is all. */
static bool is_whole(const cen__conv *v)
{
    return v->stride_h == 1 && v->stride_w == 1;
}

/* All have the same. */
static size_t part_columns(const cen__conv *v)
{
    return v->stride_w == 1 ? v->w : (v->w + 1) / 2;
}

static part take_part(const cen__conv *v, const cen__conv_set *set, const padded *p,
                      const phase *rows, const phase *columns, float **scratch)
{
    const size_t steps = v->k * rows->n_taps * columns->n_taps;
    part made = {.steps = steps,
                 .at = take(scratch, table_count(steps)),
                 .w_at = take(scratch, table_count(steps)),
                 .w = take(scratch, steps),
                 .pitch = strip_pitch(part_columns(v), set)};
    size_t s = 0;
    for (size_t k = 0; k < v->k; k++)
        for (size_t i = rows->n_taps; i-- > 0;)
            for (size_t j = columns->n_taps; j-- > 0; s++) {
                const size_t row = k * p->rows + p->top + (size_t)(rows->base - (ptrdiff_t)i);
                const size_t column = p->left + (size_t)(columns->base - (ptrdiff_t)j);
                made.at[s] = row * p->pitch + column;
                made.w_at[s] = (k * v->kernel_h + rows->tap + i * v->stride_h) * v->kernel_w +
                               columns->tap + j * v->stride_w;
            }
    const size_t count = strip_count(v->h, part_columns(v), set);
    made.strip = take(scratch, count);
    if (steps == 0) memset(made.strip, 0, count * sizeof *made.strip);
    return made;
}

/* The gradient of a channel: of the rows and columns of each phase, put together. room: numbers from dx to
 * the end of all. */
static void backward_plane(const cen__conv *v, const cen__conv_set *set, const padded *p,
                           const phases *of, part parts[2][2], const float *w, const float *planes,
                           float *dx, size_t room)
{
    const size_t even = of->columns[0].first, step = v->stride_h * v->w;
    for (size_t a = 0; a < v->stride_h; a++) {
        const phase *const rows = &of->rows[a];
        float *const to = dx + rows->first * v->w;
        const size_t pitch = parts[a][0].pitch;
        for (size_t b = 0; b < v->stride_w; b++) {
            const part *const one = &parts[a][b];
            cen__taps t = {.steps = one->steps,
                           .rows = rows->count,
                           .columns = of->columns[b].count,
                           .pitch = p->pitch,
                           .w = one->w,
                           .planes = planes,
                           .at = one->at,
                           .out = one->strip,
                           .out_pitch = pitch};
            if (t.steps == 0 || t.rows == 0 || t.columns == 0) continue;
            for (size_t s = 0; s < t.steps; s++) one->w[s] = w[one->w_at[s]];
            if (is_whole(v))
                compute(set, &t, dx, v->w, room, one->strip);
            else
                set->taps(&t);
        }
        if (is_whole(v)) return;
        if (v->stride_w == 1)
            set->copy_rows(rows->count, v->w, parts[a][0].strip, pitch, to, step);
        else
            set->merge_rows(rows->count, v->w, parts[a][even].strip, parts[a][1 - even].strip,
                            pitch, to, step);
    }
}

void cen__depthwise_backward_data(const cen__conv *v, const cen__conv_set *set, size_t n,
                                  const float *dy, const float *w, float *dx, float *scratch)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, &of);
    const size_t plane = v->out_h * v->out_w, taps = v->k * v->kernel_h * v->kernel_w;
    const float *const end = dx + n * v->groups * v->h * v->w;
    float *const planes = take(&scratch, padded_count(&p, v, set));
    part parts[2][2];
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++)
            parts[a][b] = take_part(v, set, &p, &of.rows[a], &of.columns[b], &scratch);
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    for (size_t i = 0; i < n * v->groups; i++, dx += v->h * v->w) {
        for (size_t k = 0; k < v->k; k++, dy += plane)
            set->copy_rows(v->out_h, v->out_w, dy, v->out_w,
                           planes + (k * p.rows + p.top) * p.pitch + p.left, p.pitch);
        backward_plane(v, set, &p, &of, parts, w + i % v->groups * taps, planes, dx,
                       (size_t)(end - dx));
    }
}

/* ---- backward to the weights ---------------------------------------------------------------- */

/* Of a gradient at the pitch of the input: whole vectors. */
static size_t gradient_count(const cen__conv *v, const padded *p, const cen__conv_set *set)
{
    return cen__round_up(cen__times(v->out_h, p->pitch), set->lanes);
}

void cen__depthwise_backward_weights(const cen__conv *v, const cen__conv_set *set, size_t n,
                                     const float *x, const float *dy, float *dw, float *dbias,
                                     float *scratch)
{
    const padded p = pad_input(v);
    const size_t taps = v->kernel_h * v->kernel_w, block = even_block(taps, CEN__TAP_SUMS);
    float *const planes = take(&scratch, padded_count(&p, v, set));
    float *const gradient = take(&scratch, gradient_count(v, &p, set));
    size_t *const at = take(&scratch, table_count(taps));
    cen__tap_sums t = {.n = gradient_count(v, &p, set), .dy = gradient, .planes = planes};
    memset(planes, 0, padded_count(&p, v, set) * sizeof *planes);
    memset(gradient, 0, t.n * sizeof *gradient);
    fill_taps(v, &p, at);
    for (size_t i = 0; i < n * v->groups; i++, x += v->h * v->w) {
        fill_input(v, set, &p, x, planes);
        for (size_t k = 0; k < v->k; k++, dy += v->out_h * v->out_w) {
            const size_t output = i % v->groups * v->k + k;
            set->copy_rows(v->out_h, v->out_w, dy, v->out_w, gradient, p.pitch);
            for (size_t s = 0; s < taps; s += block) {
                t.steps = least(block, taps - s);
                t.at = at + s;
                t.dw = dw + output * taps + s;
                t.dbias = s == 0 && dbias != NULL ? dbias + output : NULL;
                set->tap_sums(&t);
            }
        }
    }
}

/* ---- scratch -------------------------------------------------------------------------------- */

static size_t backward_data_count(const cen__conv *v, const cen__conv_set *set)
{
    const phases of = make_phases(v);
    const padded p = pad_gradient(v, &of);
    const size_t strip = whole(strip_count(v->h, part_columns(v), set));
    size_t count = whole(padded_count(&p, v, set));
    for (size_t a = 0; a < v->stride_h; a++)
        for (size_t b = 0; b < v->stride_w; b++) {
            const size_t steps = v->k * of.rows[a].n_taps * of.columns[b].n_taps;
            const size_t tables = cen__plus(cen__times(2, table_count(steps)), whole(steps));
            count = cen__plus(count, cen__plus(tables, strip));
        }
    return count;
}

size_t cen__depthwise_scratch_count(const cen__conv *v, const cen__conv_set *set)
{
    const padded p = pad_input(v);
    const size_t tables = table_count(v->kernel_h * v->kernel_w);
    const size_t input = cen__plus(whole(padded_count(&p, v, set)), tables);
    const size_t forward = cen__plus(input, whole(strip_count(v->out_h, v->out_w, set)));
    const size_t weights = cen__plus(input, whole(gradient_count(v, &p, set)));
    return most(most(forward, weights), backward_data_count(v, set));
}
