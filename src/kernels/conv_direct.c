/* Convolution on flat planes.
 *
 * The padded image is copied once, its rows and columns sorted by their place modulo the stride. On
 * such planes every convolution has stride 1, and the input of a run of outputs at one tap is a run
 * too, at a constant offset: no im2col. A run goes on over the end of a row, at the price of a few
 * outputs that belong to no column; the zeros right of a row serve as those left of the next. */
#include "kernels/conv_direct.h"

#include <stdint.h>
#include <string.h>

#include "kernels/conv_phase.h"
#include "kernels/conv_scratch.h"

/* Part of a plane of h x w and what lies around it: number (r, q) is source number
 * (r * step_h + row, q * step_w + column), or 0 outside. Rows are pitch apart. */
typedef struct window {
    ptrdiff_t row, column;
    size_t step_h, step_w, rows, pitch;
} window;

static void fill(const float *from, size_t h, size_t w, const window *v, float *to)
{
    for (size_t r = 0; r < v->rows; r++, to += v->pitch) {
        const ptrdiff_t row = (ptrdiff_t)(r * v->step_h) + v->row;
        size_t q = 0;
        if (row >= 0 && row < (ptrdiff_t)h) {
            const float *const source = from + (size_t)row * w;
            ptrdiff_t column = v->column;
            for (; q < v->pitch && column < 0; q++, column += (ptrdiff_t)v->step_w) to[q] = 0;
            if (v->step_w == 1 && column < (ptrdiff_t)w && q < v->pitch) {
                size_t count = w - (size_t)column;
                if (count > v->pitch - q) count = v->pitch - q;
                memcpy(to + q, source + column, count * sizeof *to);
                q += count;
            } else {
                for (; q < v->pitch && column < (ptrdiff_t)w; q++, column += (ptrdiff_t)v->step_w)
                    to[q] = source[column];
            }
        }
        memset(to + q, 0, (v->pitch - q) * sizeof *to);
    }
}

/* Floats that a run may read or write beyond its end. */
static size_t slack(const cen__conv_set *set)
{
    return CEN__TILE_VECTORS * set->lanes;
}

/* ---- a correlation of flat planes ---------------------------------------------------------- */

/* out[m, r, q] = bias[m] + sum over s < steps of weights[s, m] planes[r * pitch + q + at[s]], written
 * to out[m * out_plane + r * out_row + q * out_step]. */
typedef struct flat {
    size_t n_outputs, rows, columns, pitch, steps;
    size_t block, vectors; /* of a tile: outputs, and vectors of a run */
    const float *planes;
    float *panels;      /* [n_outputs / block][steps][block] */
    size_t *at;         /* [steps] */
    size_t *weights_at; /* [steps]: s * block */
    const float *bias;  /* NULL: none */
    size_t out_plane, out_row, out_step;
} flat;

/* Chooses the tile: the fewest cycles a step and number, where a step takes two multiply-adds or two
 * loads a cycle, and a vector that crosses a cache line takes two loads. */
static void shape_tile(flat *f, const cen__conv_set *set)
{
    size_t best = SIZE_MAX;
    for (size_t vectors = CEN__TILE_VECTORS; vectors >= 1; vectors--) {
        const size_t block = even_block(f->n_outputs, set->tile_rows[vectors]);
        const size_t blocks = (f->n_outputs + block - 1) / block;
        const size_t cost = 12 / vectors * blocks * most(block * vectors, block + 2 * vectors + 2);
        if (cost >= best) continue;
        best = cost;
        f->block = block;
        f->vectors = vectors;
    }
}

/* Output rows that are computed before they are written out: what stays in the cache. */
static size_t strip_rows(const flat *f)
{
    const size_t rows = 32768 / (f->n_outputs * f->pitch);
    return least(f->rows, most(rows, 1));
}

static size_t strip_pitch(const flat *f, const cen__conv_set *set)
{
    return round_up(strip_rows(f) * f->pitch, f->vectors * set->lanes);
}

/* strip[m, p] = the sums of a run of outputs that begins at row `row`. */
static void compute_strip(const flat *f, const cen__conv_set *set, size_t row, size_t count,
                          float *strip)
{
    const size_t pitch = strip_pitch(f, set), run = f->vectors * set->lanes;
    for (size_t p = 0; p < count; p += run) {
        const size_t vectors = (least(run, count - p) + set->lanes - 1) / set->lanes;
        cen__tile tile = {.steps = f->steps, .a_at = f->weights_at, .b_at = f->at};
        for (size_t v = 0; v < vectors; v++)
            tile.b[v] = f->planes + row * f->pitch + p + v * set->lanes;
        tile.c_row = pitch;
        tile.c_vector = set->lanes;
        for (size_t m = 0; m < f->n_outputs; m += f->block) {
            tile.a = f->panels + m * f->steps;
            tile.c = strip + m * pitch + p;
            set->tile(least(f->block, f->n_outputs - m), vectors, false, &tile);
        }
    }
}

static void write_strip(const flat *f, const cen__conv_set *set, size_t row, size_t rows,
                        const float *strip, float *out)
{
    for (size_t m = 0; m < f->n_outputs; m++)
        for (size_t r = 0; r < rows; r++) {
            const float *const from = strip + m * strip_pitch(f, set) + r * f->pitch;
            float *const to = out + m * f->out_plane + (row + r) * f->out_row;
            if (f->out_step == 1)
                set->add(f->columns, from, f->bias != NULL ? f->bias[m] : 0, to);
            else
                for (size_t q = 0; q < f->columns; q++) to[q * f->out_step] = from[q];
        }
}

static void correlate(const flat *f, const cen__conv_set *set, float *out, float *strip)
{
    const size_t most_rows = strip_rows(f);
    for (size_t row = 0; row < f->rows; row += most_rows) {
        const size_t rows = least(most_rows, f->rows - row);
        compute_strip(f, set, row, (rows - 1) * f->pitch + f->columns, strip);
        write_strip(f, set, row, rows, strip, out);
    }
}

/* Where weights[s, m] goes in the panels. */
static float *panel_place(const flat *f, size_t s, size_t m)
{
    const size_t first = m / f->block * f->block;
    return f->panels + first * f->steps + s * f->block + (m - first);
}

static size_t flat_count(const flat *f, const cen__conv_set *set)
{
    const size_t panels = whole(cen__times(round_up(f->n_outputs, f->block), f->steps));
    const size_t strip = cen__times(f->n_outputs, strip_pitch(f, set));
    return cen__plus(cen__plus(panels, cen__times(2, table_count(f->steps))),
                     whole(cen__plus(strip, slack(set))));
}

/* Takes what flat_count counts; returns the strip. */
static float *take_flat(flat *f, const cen__conv_set *set, float **scratch)
{
    f->panels = take(scratch, round_up(f->n_outputs, f->block) * f->steps);
    f->at = take(scratch, table_count(f->steps));
    f->weights_at = take(scratch, table_count(f->steps));
    for (size_t s = 0; s < f->steps; s++) f->weights_at[s] = s * f->block;
    return take(scratch, f->n_outputs * strip_pitch(f, set) + slack(set));
}

/* ---- forward ------------------------------------------------------------------------------- */

/* Places modulo the stride that some tap reads. */
static size_t phases_h(const cen__conv *v)
{
    return least(v->stride_h, v->kernel_h);
}

static size_t phases_w(const cen__conv *v)
{
    return least(v->stride_w, v->kernel_w);
}

/* The planes of the input, [c][phases_h][phases_w][rows][pitch]. */
static size_t input_rows(const cen__conv *v)
{
    return v->out_h + (v->kernel_h - 1) / v->stride_h;
}

static size_t input_pitch(const cen__conv *v)
{
    const size_t reach = (v->kernel_w - 1) / v->stride_w;
    return v->out_w + reach - (v->stride_w == 1 ? least(v->pad_w, reach) : 0);
}

static size_t input_count(const cen__conv *v, const cen__conv_set *set)
{
    const size_t planes = cen__times(v->c, cen__times(phases_h(v), phases_w(v)));
    const size_t plane = cen__times(input_rows(v), input_pitch(v));
    return cen__plus(cen__times(planes, plane), v->kernel_w + slack(set));
}

static void fill_input(const cen__conv *v, const cen__conv_set *set, const float *x, float *planes)
{
    const size_t plane = input_rows(v) * input_pitch(v);
    float *to = planes;
    for (size_t c = 0; c < v->c; c++)
        for (size_t a = 0; a < phases_h(v); a++)
            for (size_t b = 0; b < phases_w(v); b++, to += plane)
                fill(x + c * v->h * v->w, v->h, v->w,
                     &(window){(ptrdiff_t)a - (ptrdiff_t)v->pad_h,
                               (ptrdiff_t)b - (ptrdiff_t)v->pad_w, v->stride_h, v->stride_w,
                               input_rows(v), input_pitch(v)},
                     to);
    memset(to, 0, (v->kernel_w + slack(set)) * sizeof *to);
}

/* at[c, i, j]: where output 0 reads the planes of the input. */
static void fill_taps(const cen__conv *v, size_t *at)
{
    const size_t pitch = input_pitch(v), plane = input_rows(v) * pitch;
    for (size_t c = 0; c < v->c; c++)
        for (size_t i = 0; i < v->kernel_h; i++)
            for (size_t j = 0; j < v->kernel_w; j++)
                *at++ =
                    ((c * phases_h(v) + i % v->stride_h) * phases_w(v) + j % v->stride_w) * plane +
                    i / v->stride_h * pitch + j / v->stride_w;
}

static flat forward_flat(const cen__conv *v, const cen__conv_set *set)
{
    flat f = {.n_outputs = v->k,
              .rows = v->out_h,
              .columns = v->out_w,
              .pitch = input_pitch(v),
              .steps = v->c * v->kernel_h * v->kernel_w,
              .out_plane = v->out_h * v->out_w,
              .out_row = v->out_w,
              .out_step = 1};
    shape_tile(&f, set);
    return f;
}

void cen__direct_forward(const cen__conv *v, const cen__conv_set *set, size_t n, const float *x,
                         const float *w, const float *bias, float *y, float *scratch)
{
    flat f = forward_flat(v, set);
    float *const strip = take_flat(&f, set, &scratch);
    float *const planes = take(&scratch, input_count(v, set));
    f.bias = bias;
    f.planes = planes;
    fill_taps(v, f.at);
    for (size_t k = 0; k < v->k; k++)
        for (size_t s = 0; s < f.steps; s++) *panel_place(&f, s, k) = w[k * f.steps + s];
    for (size_t image = 0; image < n; image++) {
        fill_input(v, set, x + image * v->groups * cen__conv_x_count(v), planes);
        correlate(&f, set, y + image * v->groups * cen__conv_y_count(v), strip);
    }
}

/* ---- backward to the data ------------------------------------------------------------------ */

/* The gradient of one phase as a correlation of dy; *from is the window of dy. */
static flat backward_flat(const cen__conv *v, const cen__conv_set *set, const phase *rows,
                          const phase *columns, window *from)
{
    const size_t reach = columns->n_taps - 1;
    from->row = rows->base - (ptrdiff_t)(rows->n_taps - 1);
    from->column = columns->base - (ptrdiff_t)reach;
    from->step_h = from->step_w = 1;
    from->rows = rows->count + rows->n_taps - 1;
    /* The zeros left and right of dy that may be shared. */
    const ptrdiff_t right =
        from->column + (ptrdiff_t)(columns->count + reach) - (ptrdiff_t)v->out_w;
    const ptrdiff_t shared = right < -from->column ? right : -from->column;
    from->pitch = columns->count + reach - (shared > 0 ? least((size_t)shared, reach) : 0);
    flat f = {.n_outputs = v->c,
              .rows = rows->count,
              .columns = columns->count,
              .pitch = from->pitch,
              .steps = v->k * rows->n_taps * columns->n_taps,
              .out_plane = v->h * v->w,
              .out_row = v->stride_h * v->w,
              .out_step = v->stride_w};
    shape_tile(&f, set);
    return f;
}

/* Taps and weights of one phase, both turned around. */
static void fill_phase(const cen__conv *v, const flat *f, const window *from, const phase *rows,
                       const phase *columns, const float *w)
{
    size_t s = 0;
    for (size_t k = 0; k < v->k; k++)
        for (size_t u = 0; u < rows->n_taps; u++)
            for (size_t t = 0; t < columns->n_taps; t++, s++) {
                const size_t i = rows->tap + u * v->stride_h, j = columns->tap + t * v->stride_w;
                f->at[s] = k * from->rows * from->pitch + (rows->n_taps - 1 - u) * from->pitch +
                           (columns->n_taps - 1 - t);
                for (size_t c = 0; c < v->c; c++)
                    *panel_place(f, s, c) = w[((k * v->c + c) * v->kernel_h + i) * v->kernel_w + j];
            }
}

static size_t gradient_count(const cen__conv *v, const cen__conv_set *set, const window *from)
{
    const size_t plane = cen__times(from->rows, from->pitch);
    return cen__plus(cen__times(v->k, plane), v->kernel_w + slack(set));
}

static void backward_phase(const cen__conv *v, const cen__conv_set *set, size_t n, const float *dy,
                           const float *w, float *dx, const phase *rows, const phase *columns,
                           float *scratch)
{
    window from;
    flat f = backward_flat(v, set, rows, columns, &from);
    float *const strip = take_flat(&f, set, &scratch);
    float *const planes = take(&scratch, gradient_count(v, set, &from));
    const size_t plane = from.rows * from.pitch;
    f.planes = planes;
    fill_phase(v, &f, &from, rows, columns, w);
    memset(planes + v->k * plane, 0, (v->kernel_w + slack(set)) * sizeof *planes);
    for (size_t image = 0; image < n; image++) {
        for (size_t k = 0; k < v->k; k++)
            fill(dy + (image * v->groups * v->k + k) * v->out_h * v->out_w, v->out_h, v->out_w,
                 &from, planes + k * plane);
        correlate(&f, set,
                  dx + image * v->groups * cen__conv_x_count(v) + rows->first * v->w +
                      columns->first,
                  strip);
    }
}

void cen__direct_backward_data(const cen__conv *v, const cen__conv_set *set, size_t n,
                               const float *dy, const float *w, float *dx, float *scratch)
{
    const bool is_read = v->kernel_h >= v->stride_h && v->kernel_w >= v->stride_w;
    for (size_t image = 0; image < n && !is_read; image++) /* inputs that no output reads */
        memset(dx + image * v->groups * cen__conv_x_count(v), 0, cen__conv_x_count(v) * sizeof *dx);
    for (size_t a = 0; a < phases_h(v); a++)
        for (size_t b = 0; b < phases_w(v); b++) {
            const phase rows = make_phase(a, v->h, v->stride_h, v->pad_h, v->kernel_h);
            const phase columns = make_phase(b, v->w, v->stride_w, v->pad_w, v->kernel_w);
            if (is_used(&rows) && is_used(&columns))
                backward_phase(v, set, n, dy, w, dx, &rows, &columns, scratch);
        }
}

/* ---- backward to the weights --------------------------------------------------------------- */

/* dw[k, tap] = sum over the flat run of dy[k] x[tap offset]; dy has zeros where no column is. */
static size_t run_steps(const cen__conv *v, const cen__conv_set *set)
{
    return (v->out_h * input_pitch(v) + set->lanes - 1) / set->lanes;
}

void cen__direct_backward_weights(const cen__conv *v, const cen__conv_set *set, size_t n,
                                  const float *x, const float *dy, float *dw, float *scratch)
{
    const size_t taps = v->c * v->kernel_h * v->kernel_w;
    const size_t steps = run_steps(v, set), run = steps * set->lanes;
    const size_t block = even_block(v->k, set->dots_rows);
    float *const planes = take(&scratch, input_count(v, set));
    float *const gradient = take(&scratch, v->k * run);
    size_t *const at = take(&scratch, table_count(taps));
    size_t *const step_at = take(&scratch, table_count(steps));
    fill_taps(v, at);
    for (size_t i = 0; i < steps; i++) step_at[i] = i * set->lanes;
    cen__dots job = {.steps = steps, .a_row = run, .b = planes, .step_at = step_at, .c_row = taps};
    memset(gradient, 0, v->k * run * sizeof *gradient);
    for (size_t image = 0; image < n; image++) {
        fill_input(v, set, x + image * v->groups * cen__conv_x_count(v), planes);
        for (size_t k = 0; k < v->k; k++)
            fill(dy + (image * v->groups * v->k + k) * v->out_h * v->out_w, v->out_h, v->out_w,
                 &(window){0, 0, 1, 1, v->out_h, input_pitch(v)}, gradient + k * run);
        for (size_t k = 0; k < v->k; k += block) {
            job.a = gradient + k * run;
            for (size_t t = 0; t < taps; t += CEN__DOTS_COLUMNS) {
                job.b_at = at + t;
                job.c = dw + k * taps + t;
                set->dots(least(block, v->k - k), least(CEN__DOTS_COLUMNS, taps - t), &job);
            }
        }
    }
}

/* ---- scratch ------------------------------------------------------------------------------- */

static size_t backward_weights_count(const cen__conv *v, const cen__conv_set *set)
{
    const size_t steps = run_steps(v, set), taps = v->c * v->kernel_h * v->kernel_w;
    const size_t gradient = whole(cen__times(v->k, cen__times(steps, set->lanes)));
    return cen__plus(cen__plus(whole(input_count(v, set)), gradient),
                     cen__plus(table_count(taps), table_count(steps)));
}

size_t cen__direct_scratch_count(const cen__conv *v, const cen__conv_set *set)
{
    const flat f = forward_flat(v, set);
    size_t count = cen__plus(flat_count(&f, set), whole(input_count(v, set)));
    count = most(count, backward_weights_count(v, set));
    for (size_t a = 0; a < phases_h(v); a++)
        for (size_t b = 0; b < phases_w(v); b++) {
            const phase rows = make_phase(a, v->h, v->stride_h, v->pad_h, v->kernel_h);
            const phase columns = make_phase(b, v->w, v->stride_w, v->pad_w, v->kernel_w);
            if (!is_used(&rows) || !is_used(&columns)) continue;
            window from;
            const flat g = backward_flat(v, set, &rows, &columns, &from);
            count =
                most(count, cen__plus(flat_count(&g, set), whole(gradient_count(v, set, &from))));
        }
    return count;
}
