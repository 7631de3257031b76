/* Convolution at stride 1 and 2x2 pooling, for few channels.
 *
 * The four places of a pooling window read the input at distances 0, 1, one row, and both. The padded
 * image is copied so that a vector holds one place of many windows: for each row kernel_w + 1 lines,
 *
 *     line v, number q = padded input at column 2 q + v,
 *
 * and tap j of place column s reads line s + j from its start. So the four convolutions whose maximum
 * is taken are four aligned vectors in registers, at one displacement for each tap. A strip of rows
 * stays in the first caches; the output of the convolution is never stored. */
#include "kernels/conv_pool_direct.h"

#include <string.h>

#include "kernels/conv_scratch.h"

/* A strip: what the gradients of some outputs may fill of the first cache. */
enum { PLACES = 4, STRIP_SIZE = 448 };

typedef struct plan {
    const cen__conv *conv;
    const cen__conv_set *set;
    size_t pool_h, pool_w, taps;
    size_t pitch;      /* of a line: pool_w in whole vectors */
    size_t lines;      /* of a row */
    size_t strip;      /* pooled rows that are computed at once */
    size_t input_rows; /* for a strip */
    size_t block;      /* outputs of a tile */
} plan;

static plan make_plan(const cen__conv *v, const cen__conv_set *set)
{
    plan p = {.conv = v, .set = set, .pool_h = v->out_h / 2, .pool_w = v->out_w / 2};
    p.taps = v->c * v->kernel_h * v->kernel_w;
    p.pitch = round_up(p.pool_w, set->lanes);
    p.lines = round_up(v->kernel_w + 1, 2);
    p.strip = least(most(STRIP_SIZE / p.pitch, 1), p.pool_h);
    p.input_rows = 2 * p.strip + v->kernel_h - 1;
    return p;
}

static size_t lines_count(const plan *p)
{
    const size_t row = cen__times(p->lines, p->pitch);
    return cen__times(cen__times(p->conv->c, p->input_rows), row);
}

/* A padded row, as long as its lines reach. */
static size_t row_count(const plan *p)
{
    return 2 * p->pitch + p->lines;
}

/* lines[c][input_rows][lines][pitch] of the strip that begins at pooled row `first`. `row` holds
 * row_count numbers. */
static void fill_lines(const plan *p, const float *x, size_t first, float *row, float *lines)
{
    const cen__conv *const v = p->conv;
    const size_t width = least(v->w, row_count(p) - v->pad_w);
    memset(row, 0, row_count(p) * sizeof *row);
    for (size_t c = 0; c < v->c; c++)
        for (size_t r = 0; r < p->input_rows; r++, lines += p->lines * p->pitch) {
            const size_t padded = 2 * first + r;
            if (padded < v->pad_h || padded - v->pad_h >= v->h) {
                memset(lines, 0, p->lines * p->pitch * sizeof *lines);
                continue;
            }
            memcpy(row + v->pad_w, x + (c * v->h + padded - v->pad_h) * v->w, width * sizeof *row);
            for (size_t line = 0; line < p->lines; line += 2)
                p->set->split(p->pitch, row + line, lines + line * p->pitch,
                              lines + (line + 1) * p->pitch);
        }
}

/* at[c, i, j]: where tap (c, i, j) of place 0 reads the lines. */
static void fill_taps(const plan *p, size_t *at)
{
    for (size_t c = 0; c < p->conv->c; c++)
        for (size_t i = 0; i < p->conv->kernel_h; i++)
            for (size_t j = 0; j < p->conv->kernel_w; j++)
                *at++ = ((c * p->input_rows + i) * p->lines + j) * p->pitch;
}

/* Where place (row, column) of a strip's pooled row r reads, before the tap. */
static size_t place_at(const plan *p, size_t r, size_t place)
{
    return ((2 * r + place / 2) * p->lines + place % 2) * p->pitch;
}

/* ---- forward ------------------------------------------------------------------------------- */

/* sums[k, place, pitch] of one pooled row. */
static void compute_row(const plan *p, const float *lines, const float *panels, const size_t *at,
                        const size_t *panel_at, size_t block, float *sums)
{
    const size_t k = p->conv->k;
    cen__tile tile = {.steps = p->taps,
                      .a_at = panel_at,
                      .b_at = at,
                      .c_row = PLACES * p->pitch,
                      .c_vector = p->pitch};
    for (size_t q = 0; q < p->pitch; q += p->set->lanes) {
        for (size_t place = 0; place < PLACES; place++)
            tile.b[place] = lines + place_at(p, 0, place) + q;
        for (size_t first = 0; first < k; first += block) {
            tile.a = panels + first * p->taps;
            tile.c = sums + first * PLACES * p->pitch + q;
            p->set->tile(least(block, k - first), PLACES, false, &tile);
        }
    }
}

/* Whole vectors are pooled. What goes beyond the end of a row, the next row overwrites; behind the
 * last there may be another plane's first, so that row is pooled aside and copied. */
static void pool_row(const plan *p, const float *sums, const float *bias, bool relu, bool last,
                     float *aside, uint32_t *places, float *y, uint8_t *argmax)
{
    const size_t plane = p->pool_h * p->pool_w;
    for (size_t k = 0; k < p->conv->k; k++) {
        const float *const first = sums + k * PLACES * p->pitch;
        const float *const window[PLACES] = {first, first + p->pitch, first + 2 * p->pitch,
                                             first + 3 * p->pitch};
        float *const to = y + k * plane;
        p->set->pool_plane(p->pitch, window, bias + k, relu, last ? aside : to, places);
        if (last) memcpy(to, aside, p->pool_w * sizeof *to);
        if (argmax != NULL) p->set->narrow(last ? p->pool_w : p->pitch, places, argmax + k * plane);
    }
}

static size_t forward_count(const plan *p, size_t block)
{
    const size_t panels = whole(cen__times(round_up(p->conv->k, block), p->taps));
    const size_t sums = whole(cen__times(p->conv->k, PLACES * p->pitch));
    const size_t rows = whole(row_count(p)) + 2 * whole(p->pitch) + 2 * table_count(p->taps);
    return cen__plus(cen__plus(whole(lines_count(p)), panels), cen__plus(sums, rows));
}

void cen__pool_direct_forward(const cen__conv *v, const cen__conv_set *set, size_t n,
                              const float *x, const float *w, const float *bias, bool relu,
                              float *y, uint8_t *argmax, float *scratch)
{
    const plan p = make_plan(v, set);
    const size_t block = even_block(v->k, set->tile_rows[PLACES]);
    const size_t image_size = v->k * p.pool_h * p.pool_w;
    float *const lines = take(&scratch, lines_count(&p));
    float *const row = take(&scratch, row_count(&p));
    float *const panels = take(&scratch, round_up(v->k, block) * p.taps);
    size_t *const at = take(&scratch, table_count(p.taps));
    size_t *const panel_at = take(&scratch, table_count(p.taps));
    float *const sums = take(&scratch, v->k * PLACES * p.pitch);
    float *const aside = take(&scratch, p.pitch);
    uint32_t *const places = take(&scratch, p.pitch);
    fill_taps(&p, at);
    for (size_t t = 0; t < p.taps; t++) {
        panel_at[t] = t * block;
        for (size_t k = 0; k < v->k; k++)
            panels[k / block * block * p.taps + t * block + k % block] = w[k * p.taps + t];
    }
    for (size_t image = 0; image < n; image++)
        for (size_t r = 0; r < p.pool_h; r++) {
            if (r % p.strip == 0) fill_lines(&p, x + image * v->c * v->h * v->w, r, row, lines);
            compute_row(&p, lines + place_at(&p, r % p.strip, 0), panels, at, panel_at, block,
                        sums);
            const size_t place = image * image_size + r * p.pool_w;
            pool_row(&p, sums, bias, relu, r + 1 == p.pool_h, aside, places, y + place,
                     argmax != NULL ? argmax + place : NULL);
        }
}

/* ---- backward to the weights --------------------------------------------------------------- */

/* gradients[k][strip][place][pitch]: the gradient of the convolution, zero but for one place of each
 * window, and zero right of the last. */
static void fill_gradients(const plan *p, const float *dy, const uint8_t *argmax, size_t first,
                           size_t rows, float *aside, uint32_t *places, float *gradients)
{
    for (size_t k = 0; k < p->conv->k; k++)
        for (size_t r = 0; r < rows; r++) {
            const bool last = first + r + 1 == p->pool_h; /* nothing may be read beyond it */
            const float *from = dy + (k * p->pool_h + first + r) * p->pool_w;
            p->set->widen(last ? p->pool_w : p->pitch,
                          argmax + (k * p->pool_h + first + r) * p->pool_w, places);
            for (size_t q = p->pool_w; q < p->pitch; q++) places[q] = CEN__POOL_CUT;
            if (last) from = memcpy(aside, from, p->pool_w * sizeof *aside);
            p->set->unpool(p->pitch, from, places,
                           gradients + (k * p->strip + r) * PLACES * p->pitch, 2 * p->pitch,
                           p->pitch);
        }
}

static size_t strip_steps(const plan *p)
{
    return p->strip * PLACES * p->pitch / p->set->lanes;
}

static size_t backward_count(const plan *p)
{
    const size_t gradients = whole(cen__times(p->conv->k, p->strip * PLACES * p->pitch));
    const size_t tables = cen__plus(table_count(p->taps), table_count(strip_steps(p)));
    return cen__plus(cen__plus(whole(lines_count(p)), gradients),
                     cen__plus(tables, whole(row_count(p)) + 2 * whole(p->pitch)));
}

void cen__pool_direct_backward_weights(const cen__conv *v, const cen__conv_set *set, size_t n,
                                       const float *x, const float *dy, const uint8_t *argmax,
                                       float *dw, float *scratch)
{
    const plan p = make_plan(v, set);
    const size_t block = even_block(v->k, set->dots_rows), run = p.strip * PLACES * p.pitch;
    float *const lines = take(&scratch, lines_count(&p));
    float *const row = take(&scratch, row_count(&p));
    float *const gradients = take(&scratch, v->k * run);
    float *const aside = take(&scratch, p.pitch);
    uint32_t *const places = take(&scratch, p.pitch);
    size_t *const at = take(&scratch, table_count(p.taps));
    size_t *const step_at = take(&scratch, table_count(strip_steps(&p)));
    fill_taps(&p, at);
    const size_t steps = p.pitch / set->lanes; /* of a place */
    for (size_t s = 0; s < strip_steps(&p); s++)
        step_at[s] = place_at(&p, s / steps / PLACES, s / steps % PLACES) + s % steps * set->lanes;
    memset(aside, 0, p.pitch * sizeof *aside);
    cen__dots dots = {.a_row = run, .b = lines, .step_at = step_at, .c_row = p.taps};
    for (size_t image = 0; image < n; image++)
        for (size_t r = 0; r < p.pool_h; r += p.strip) {
            const size_t rows = least(p.strip, p.pool_h - r),
                         place = image * v->k * p.pool_h * p.pool_w;
            fill_lines(&p, x + image * v->c * v->h * v->w, r, row, lines);
            fill_gradients(&p, dy + place, argmax + place, r, rows, aside, places, gradients);
            dots.steps = rows * PLACES * steps;
            for (size_t k = 0; k < v->k; k += block) {
                dots.a = gradients + k * run;
                for (size_t t = 0; t < p.taps; t += CEN__DOTS_COLUMNS) {
                    dots.b_at = at + t;
                    dots.c = dw + k * p.taps + t;
                    set->dots(least(block, v->k - k), least(CEN__DOTS_COLUMNS, p.taps - t), &dots);
                }
            }
        }
}

/* ---- when ---------------------------------------------------------------------------------- */

bool cen__pool_direct_suits(const cen__conv *v, const cen__conv_set *set)
{
    const plan p = make_plan(v, set);
    /* Few steps a tile, and lines that fill their vectors. */
    return v->stride_h == 1 && v->stride_w == 1 && p.taps <= 128 && 3 * p.pitch <= 4 * p.pool_w;
}

size_t cen__pool_direct_scratch_count(const cen__conv *v, const cen__conv_set *set)
{
    const plan p = make_plan(v, set);
    return most(forward_count(&p, even_block(v->k, set->tile_rows[PLACES])), backward_count(&p));
}
