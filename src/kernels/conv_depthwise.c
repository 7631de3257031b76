/* Depthwise convolution: a few planes at once, each while it is in the first cache. The next ones are
 * read ahead, so that memory works while planes are computed.
 *
 * A plane is copied into one with its padding, its columns sorted by their place modulo the stride. There the
 * input of a row of outputs at one tap is a run of numbers too, and the taps of a column lie one below the
 * other. The padding is cleared once a call and stays: each plane fills the same places. Planes of the usual kernels
 * are not copied if vectors have eight lanes: see is_in_place. */
#include "kernels/conv_depthwise.h"

#include <string.h>

#include "kernels/conv_depthwise_planes.h"

/* More outputs a channel share their inputs' vectors in conv_direct.c, larger strides are of no use. */
bool cen__depthwise_suits(const cen__conv *v)
{
    return v->c == 1 && v->k <= 2 && v->stride_h <= 2 && v->stride_w <= 2;
}

/* ---- the input ------------------------------------------------------------------------------ */

/* What so many rows of outputs read. */
static padded pad_input(const cen__conv *v, const cen__conv_set *set, size_t rows)
{
    if (is_in_place(v, set)) return no_padding(v->h, v->w);
    const size_t reach = (v->kernel_w - 1) / v->stride_w;
    return (padded){.rows = (rows - 1) * v->stride_h + v->kernel_h,
                    .pitch = v->out_w + reach - (v->stride_w == 1 ? v->pad_w : 0),
                    .top = v->pad_h,
                    .left = v->pad_w,
                    .phases = v->stride_w};
}

/* Of count channels. */
static void fill_input(const cen__conv *v, const cen__conv_set *set, const padded *p, size_t count,
                       const float *x, float *planes)
{
    const size_t h = least(v->h, p->rows - p->top), plane = p->rows * p->pitch;
    const size_t w = least(v->w, (v->out_w - 1) * v->stride_w + v->kernel_w - v->pad_w);
    float *to = planes + p->top * p->pitch;
    for (size_t i = 0; i < count; i++, x += v->h * v->w, to += p->phases * plane) {
        if (v->stride_w == 1) {
            set->copy_rows(h, w, x, v->w, to + p->left, p->pitch);
            continue;
        }
        float *const even = to + p->left % 2 * plane + p->left / 2;
        float *const odd = to + (p->left + 1) % 2 * plane + (p->left + 1) / 2;
        set->split_rows(h, w, x, v->w, even, odd, p->pitch);
    }
}

/* Where count channels of x, which goes from first to end, are read: where they lie, or in planes with their padding. */
static const float *take_input(const cen__conv *v, const cen__conv_set *set, const padded *p,
                               size_t count, const float *x, const float *first, const float *end,
                               float *planes)
{
    if (is_in_place(v, set)) return take_in_place(x, count * v->h * v->w, first, end, set, planes);
    fill_input(v, set, p, count, x, planes);
    return planes;
}

/* The places that output 0 reads. */
static stacks take_input_stacks(const cen__conv *v, const padded *p, float **scratch)
{
    stacks s = take_stacks(v->kernel_w, v->kernel_h, v->stride_h, (ptrdiff_t)v->kernel_w, scratch);
    for (size_t j = 0; j < v->kernel_w; j++)
        add_column(&s, v->kernel_h, j % v->stride_w * p->rows * p->pitch + j / v->stride_w,
                   p->pitch, j);
    return s;
}

/* ---- forward -------------------------------------------------------------------------------- */

static size_t forward_group(const cen__conv *v, const padded *p)
{
    return group_size(v, padded_size(p));
}

static cen__taps forward_taps(const cen__conv *v, const cen__conv_set *set, const padded *p,
                              const stacks *s)
{
    return (cen__taps){.in_place = is_in_place(v, set),
                       .stacks = s->n,
                       .height = s->height,
                       .step = v->stride_h,
                       .rows = v->out_h,
                       .columns = v->out_w,
                       .pitch = p->pitch,
                       .at = s->at,
                       .w_at = s->w_at,
                       .w_step = s->w_step,
                       .plane = padded_size(p),
                       .w_plane = v->kernel_h * v->kernel_w,
                       .start_plane = 1};
}

void cen__depthwise_forward(const cen__conv *v, const cen__conv_set *set, size_t n, const float *x,
                            const float *w, const float *bias, float *y, float *scratch)
{
    const padded p = pad_input(v, set, v->out_h);
    const size_t x_plane = v->h * v->w, y_plane = v->out_h * v->out_w;
    const size_t most_count = forward_group(v, &p), numbers = padded_count(&p, most_count, v, set);
    const float *const x_first = x, *const x_end = x + n * v->groups * x_plane;
    const float *const y_end = y + n * v->groups * v->k * y_plane;
    float *const planes = take(&scratch, numbers);
    float *const strip = take(&scratch, most_count * strip_count(v->out_h, v->out_w, set));
    const stacks s = take_input_stacks(v, &p, &scratch);
    cen__taps t = forward_taps(v, set, &p, &s);
    t.waiting = strip;
    if (!is_in_place(v, set)) memset(planes, 0, numbers * sizeof *planes);
    for (size_t i = 0; x < x_end; i = (i + t.count) % v->groups) {
        t.count = least(most_count, v->groups - i);
        t.planes = take_input(v, set, &p, t.count, x, x_first, x_end, planes);
        x += t.count * x_plane;
        for (size_t k = 0; k < v->k; k++, y += t.count * y_plane) {
            t.w = w + (i * v->k + k) * t.w_plane;
            t.start = bias + i * v->k + k;
            t.ahead[0] = read_ahead(x, x_end, t.count * x_plane, t.count, v->out_h);
            t.ahead[1] =
                write_ahead(y + t.count * y_plane, y_end, t.count * y_plane, t.count, v->out_h);
            compute(set, &t, y, v->out_w, (size_t)(y_end - y), strip);
        }
    }
}

/* ---- backward to the weights ---------------------------------------------------------------- */

/* Seven rows of one vector are taken at once. */
static bool is_of_sevens(const cen__conv *v, const cen__conv_set *set)
{
    return v->out_h == 7 && v->out_w <= set->lanes && v->kernel_h * v->kernel_w <= CEN__SEVENS_TAPS;
}

/* Of a gradient's rows that are copied: whole vectors. */
static size_t gradient_pitch(const cen__conv *v, const cen__conv_set *set)
{
    return is_in_place(v, set) ? v->out_w : cen__round_up(v->out_w, set->lanes);
}

/* With the rows of zeros that the inner loops need. */
static size_t gradient_rows(const cen__conv *v, const cen__conv_set *set)
{
    return is_in_place(v, set) || is_of_sevens(v, set) ? v->out_h
                                                       : cen__round_up(v->out_h, CEN__LAST_ROWS);
}

static size_t gradient_count(const cen__conv *v, const cen__conv_set *set)
{
    return cen__times(gradient_rows(v, set), gradient_pitch(v, set));
}

/* Of so many channels; in place of one column of vectors, with rows of zeros. */
static size_t gradients_count(const cen__conv *v, const cen__conv_set *set, size_t channels)
{
    return is_in_place(v, set) ? cen__times(cen__plus(v->out_h, v->kernel_h / 2), set->lanes)
                               : cen__times(channels, gradient_count(v, set));
}

static size_t weights_group(const cen__conv *v, const padded *p, const cen__conv_set *set)
{
    return group_size(v, cen__plus(padded_size(p), gradient_count(v, set)));
}

static cen__tap_sums weights_sums(const cen__conv *v, const cen__conv_set *set, const padded *p,
                                  const stacks *s)
{
    return (cen__tap_sums){.in_place = is_in_place(v, set),
                           .stacks = s->n,
                           .height = s->height,
                           .step = v->stride_h,
                           .rows = gradient_rows(v, set),
                           .dy_pitch = gradient_pitch(v, set),
                           .pitch = p->pitch,
                           .at = s->at,
                           .w_at = s->w_at,
                           .w_step = s->w_step,
                           .plane = padded_size(p),
                           .dy_plane = gradient_count(v, set),
                           .dw_plane = v->kernel_h * v->kernel_w,
                           .dbias_plane = 1};
}

void cen__depthwise_backward_weights(const cen__conv *v, const cen__conv_set *set, size_t n,
                                     const float *x, const float *dy, float *dw, float *dbias,
                                     float *scratch)
{
    const padded p = pad_input(v, set, gradient_rows(v, set));
    const size_t x_plane = v->h * v->w, plane = v->out_h * v->out_w;
    const size_t most_count = weights_group(v, &p, set),
                 numbers = padded_count(&p, most_count, v, set),
                 gradients = gradients_count(v, set, most_count);
    const float *const x_first = x, *const x_end = x + n * v->groups * x_plane;
    const float *const dy_end = dy + n * v->groups * v->k * plane;
    float *const planes = take(&scratch, numbers);
    float *const gradient = take(&scratch, gradients);
    const stacks s = take_input_stacks(v, &p, &scratch);
    cen__tap_sums t = weights_sums(v, set, &p, &s);
    t.dy_column = gradient;
    if (!is_in_place(v, set)) {
        memset(planes, 0, numbers * sizeof *planes);
        memset(gradient, 0, gradients * sizeof *gradient);
    }
    for (size_t i = 0; x < x_end; i = (i + t.count) % v->groups) {
        t.count = least(most_count, v->groups - i);
        t.planes = take_input(v, set, &p, t.count, x, x_first, x_end, planes);
        x += t.count * x_plane;
        for (size_t k = 0; k < v->k; k++) {
            for (size_t j = 0; j < t.count && !t.in_place; j++)
                set->copy_rows(v->out_h, v->out_w, dy + j * plane, v->out_w,
                               gradient + j * t.dy_plane, t.dy_pitch);
            t.dy = t.in_place ? dy : gradient;
            t.dw = dw + (i * v->k + k) * t.dw_plane;
            t.dbias = dbias == NULL ? NULL : dbias + i * v->k + k;
            dy += t.count * plane;
            t.ahead[0] = read_ahead(x, x_end, t.count * x_plane, t.count, t.rows);
            t.ahead[1] = read_ahead(dy, dy_end, t.count * plane, t.count, t.rows);
            set->tap_sums(&t);
        }
    }
}

/* ---- scratch -------------------------------------------------------------------------------- */

size_t cen__depthwise_scratch_count(const cen__conv *v, const cen__conv_set *set)
{
    const padded p = pad_input(v, set, v->out_h), q = pad_input(v, set, gradient_rows(v, set));
    const size_t f = forward_group(v, &p), g = weights_group(v, &q, set);
    const size_t strip = cen__times(f, strip_count(v->out_h, v->out_w, set));
    const size_t forward = cen__plus(whole(padded_count(&p, f, v, set)), whole(strip));
    const size_t gradient = gradients_count(v, set, g);
    const size_t weights = cen__plus(whole(padded_count(&q, g, v, set)), whole(gradient));
    const size_t tables = stacks_count(v->kernel_h * v->kernel_w);
    return most(cen__plus(most(forward, weights), tables), cen__depthwise_data_count(v, set));
}
