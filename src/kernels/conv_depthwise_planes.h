/* What the passes of depthwise convolution share: planes with their padding, groups of channels, and stacks of
 * taps. */
#ifndef CEN_KERNELS_CONV_DEPTHWISE_PLANES_H
#define CEN_KERNELS_CONV_DEPTHWISE_PLANES_H

#include <string.h>

#include "kernels/conv_scratch.h"
#include "kernels/conv_set.h"

/* A plane with its padding; zeros right of a row serve as those left of the next. */
typedef struct padded {
    size_t rows, pitch;
    size_t top, left; /* padding */
    size_t phases;
} padded;

/* Numbers of a channel. */
static inline size_t padded_size(const padded *p)
{
    return cen__times(p->phases, cen__times(p->rows, p->pitch));
}

/* Of count channels, and what is read after them. */
static inline size_t padded_count(const padded *p, size_t count, const cen__conv *v,
                                  const cen__conv_set *set)
{
    return cen__plus(cen__times(count, padded_size(p)), v->kernel_w + 2 * set->lanes);
}

/* Outputs that are not yet in their place: rows of whole vectors. */
static inline size_t strip_pitch(size_t columns, const cen__conv_set *set)
{
    return most(columns, set->lanes);
}

static inline size_t strip_count(size_t rows, size_t columns, const cen__conv_set *set)
{
    return cen__times(rows, strip_pitch(columns, set));
}

/* So many channels of `size` numbers are taken together: few enough for the first cache, and enough that what
 * is read of a copy was not written just before. */
static inline size_t group_size(const cen__conv *v, size_t size)
{
    return v->k > 1 ? 1 : most(1, least(v->groups, CEN__PLANE_NUMBERS / most(size, 1)));
}

/* Planes that loops read where they lie, see conv_depthwise_in_place.h. */
static inline bool is_in_place(const cen__conv *v, const cen__conv_set *set)
{
    const size_t size = v->kernel_h, step = v->stride_h;
    const bool is_padded_by_half = v->pad_h == size / 2 && v->pad_w == size / 2;
    const bool is_of_seven = step == 1 && v->h == 7 && v->w == 7;
    const bool is_wide = v->out_w >= 8 && (step == 1 ? size == 3 : v->h % 2 == 0 && v->w % 2 == 0);
    return CEN__IN_PLACE_LANES > 0 && set->lanes == CEN__IN_PLACE_LANES && v->k == 1 &&
           v->stride_w == step && v->kernel_w == size && is_padded_by_half &&
           (size == 3 || size == 5) && (is_of_seven || is_wide);
}

static inline padded no_padding(size_t rows, size_t columns)
{
    return (padded){.rows = rows, .pitch = columns, .phases = 1};
}

/* Such planes, n numbers of those from first to end. Loops read up to a vector beside them, so the first and the last
 * ones are copied. */
static inline const float *take_in_place(const float *x, size_t n, const float *first,
                                         const float *end, const cen__conv_set *set, float *copy)
{
    return x > first && x + n < end ? x : memcpy(copy + set->lanes, x, n * sizeof *x);
}

/* While count planes of so many rows are computed, n numbers at `from` are read ahead, but none from end on. */
static inline cen__ahead read_ahead(const float *from, const float *end, size_t n, size_t count,
                                    size_t rows)
{
    const size_t turns = count * ((rows + 3) / 4), left = least(n, (size_t)(end - from));
    return (cen__ahead){.at = from, .left = left, .step = (left + turns - 1) / turns};
}

/* The same for outputs that are written next. Of large planes only: small ones became slower by it. */
static inline cen__ahead write_ahead(const float *to, const float *end, size_t n, size_t count,
                                     size_t rows)
{
    return n > count * CEN__PLANE_NUMBERS && to < end ? read_ahead(to, end, n, count, rows)
                                                      : (cen__ahead){0};
}

/* Outputs straight to their place, `room` numbers from there to the end of all. Rows that are narrower than
 * a vector are written with what follows them and is written later; the last ones by way of a strip. */
static inline void compute(const cen__conv_set *set, cen__taps *t, float *out, size_t pitch,
                           size_t room, float *strip)
{
    const size_t plane = t->rows * pitch, strip_plane = strip_count(t->rows, t->columns, set);
    const bool fits = t->columns >= set->lanes || t->count * plane - pitch + set->lanes <= room;
    t->out = fits ? out : strip;
    t->out_pitch = fits ? pitch : strip_pitch(t->columns, set);
    t->out_plane = fits ? plane : strip_plane;
    set->taps(t);
    if (!fits) set->copy_rows(t->count * t->rows, t->columns, strip, t->out_pitch, out, pitch);
}

/* Stacks of taps, see conv_set.h. */
typedef struct stacks {
    size_t n, height, *at, *w_at;
    ptrdiff_t w_step;
} stacks;

/* For so many taps. */
static inline size_t stacks_count(size_t taps)
{
    return cen__times(2, table_count(taps));
}

/* So many columns of `taps` taps, read at rows `step` apart, with weights w_step apart. */
static inline stacks take_stacks(size_t columns, size_t taps, size_t step, ptrdiff_t w_step,
                                 float **scratch)
{
    return (stacks){.height = cen__stack_height(taps, step),
                    .at = take(scratch, table_count(columns * taps)),
                    .w_at = take(scratch, table_count(columns * taps)),
                    .w_step = w_step};
}

/* A column from its first tap downwards, at places `pitch` apart. */
static inline void add_column(stacks *s, size_t taps, size_t at, size_t pitch, size_t w_at)
{
    for (size_t i = 0; i < taps; i += s->height, s->n++) {
        s->at[s->n] = at + i * pitch;
        s->w_at[s->n] = (size_t)((ptrdiff_t)w_at + (ptrdiff_t)i * s->w_step);
    }
}

#endif
