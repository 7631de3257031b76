/* Winograd's minimal filtering F(m x m, r x r) (Lavin and Gray, "Fast algorithms for convolutional neural
 * networks", 2016): tiles of s x s inputs, s = m + r - 1, give m x m outputs,
 *
 *     y = A^T [ sum over c of (G g G^T) . (B^T d B) ] A,
 *
 * so the sum over channels is s^2 matrix products, one for each point, with m^2 r^2 / s^2 times fewer
 * multiplications than the direct method: 4 for 3x3 (m = 4, s = 6), 6.25 for 5x5 (m = 4, s = 8). m is the one of a
 * few that leaves the least of the tiles empty. Backward to the data is the same with the kernel turned around;
 * backward to the weights is the transpose,
 *
 *     dg = G^T [ sum over tiles of (B^T d B) . (A dy A^T) ] G.
 *
 * Inside, vectors run along channels: tensors are [channels / lanes][...][lanes], written cb and kb
 * for the blocks of lanes. */
#include "kernels/conv_winograd.h"

#include <string.h>

#include "kernels/conv_scratch.h"

/* Kernels are moved in groups, for longer runs. */
enum { GROUP = 8 };

/* Tiles that are computed at once: so many, or more if there are few channels. A gradient's sums are read and
 * written once in that time: of 64 channels, 72 tiles take 0.8 times as long as 24. */
enum { LEAST_TILES = 24, LEAST_GRADIENT_TILES = 72 };

/* One pass: c channels of h x w in, k channels of out_h x out_w out. */
typedef struct plan {
    const cen__conv_set *set;
    const cen__conv_winograd *transforms;
    size_t side, points, m, r, c, k, h, w, pad_h, pad_w, out_h, out_w;
    size_t cb, kb;                       /* blocks of lanes */
    size_t tiles_h, tiles_w, tiles;      /* of one image */
    size_t rows, columns;                /* of the padded image: tiles * m + r - 1 */
    size_t kept;                         /* rows of outputs until they are written */
    size_t block;                        /* tiles that are computed at once */
    size_t c_stride, k_stride, u_stride; /* numbers from point to point of [cb, block], [kb, block]
                                            and [cb, kb] */
} plan;

/* The method with the fewest products for an image of h x w outputs; the first of equals. */
static const cen__conv_winograd *choose(const cen__conv_set *set, size_t r, size_t h, size_t w)
{
    const cen__conv_winograd *best = set->winograds;
    size_t fewest = SIZE_MAX;
    for (const cen__conv_winograd *method = best; method->m > 0; method++) {
        const size_t m = method->m, side = m + r - 1;
        const size_t tiles = cen__times((h + m - 1) / m, (w + m - 1) / m);
        const size_t products = cen__times(tiles, side * side);
        if (method->r != r || products >= fewest) continue;
        fewest = products;
        best = method;
    }
    return best;
}

static plan make_plan(const cen__conv *v, const cen__conv_set *set, bool backward,
                      size_t least_tiles)
{
    const size_t lanes = set->lanes;
    plan p = {.set = set, .r = v->kernel_h};
    p.c = backward ? v->k : v->c;
    p.k = backward ? v->c : v->k;
    p.h = backward ? v->out_h : v->h;
    p.w = backward ? v->out_w : v->w;
    p.pad_h = backward ? p.r - 1 - v->pad_h : v->pad_h;
    p.pad_w = backward ? p.r - 1 - v->pad_w : v->pad_w;
    p.out_h = backward ? v->h : v->out_h;
    p.out_w = backward ? v->w : v->out_w;
    p.transforms = choose(set, p.r, p.out_h, p.out_w);
    p.m = p.transforms->m;
    p.side = p.m + p.r - 1;
    p.points = p.side * p.side;
    p.cb = (p.c + lanes - 1) / lanes;
    p.kb = (p.k + lanes - 1) / lanes;
    p.tiles_h = (p.out_h + p.m - 1) / p.m;
    p.tiles_w = (p.out_w + p.m - 1) / p.m;
    p.tiles = p.tiles_h * p.tiles_w;
    p.rows = p.tiles_h * p.m + p.r - 1;
    p.columns = p.tiles_w * p.m + p.r - 1;
    p.kept = p.m % 2 == 0 ? p.m : 2 * p.m; /* so that two rows that are pooled are there */
    /* Both sides of a block, all points, fill most of the second cache. */
    p.block = most(least_tiles, 131072 / p.points / lanes / (p.cb + p.kb) / 12 * 12);
    /* One vector more than needed: strides of whole pages would meet in one set of the cache. */
    p.c_stride = cen__times(cen__times(p.cb, p.block) + 1, lanes);
    p.k_stride = cen__times(cen__times(p.kb, p.block) + 1, lanes);
    p.u_stride = cen__times(cen__times(p.cb * p.kb, lanes) + 1, lanes);
    return p;
}

/* The padded image as [blocks][rows][columns][lanes]. Rows and columns around it stay zero: they are
 * cleared once. */
static size_t image_count(const plan *p, size_t blocks)
{
    return blocks * p->rows * p->columns * p->set->lanes;
}

/* The same, to be planned: SIZE_MAX if it does not fit. */
static size_t image_need(const plan *p, size_t blocks)
{
    const size_t lanes = p->set->lanes;
    return whole(cen__times(cen__times(blocks, lanes), cen__times(p->rows, p->columns)));
}

/* Images that go in: [n, channels, h, w]; with argmax, gradients of their pooled halves. */
typedef struct source {
    const float *images;
    const uint8_t *argmax;
    size_t channels, h, w, pad_h, pad_w;
    size_t apart; /* channels from one image to the next: those of all groups */
} source;

static void gather_plain(const plan *p, const source *from, size_t image, float *to)
{
    const size_t lanes = p->set->lanes, plane = from->h * from->w;
    for (size_t c = 0; c < from->channels; c += lanes, to += p->rows * p->columns * lanes)
        p->set->gather(least(lanes, from->channels - c), from->h, from->w,
                       from->images + (image * from->apart + c) * plane, plane,
                       to + (from->pad_h * p->columns + from->pad_w) * lanes, p->columns * lanes);
}

/* Each number goes to the place of its window that argmax names. */
static void gather_pooled(const plan *p, const source *from, size_t image, float *vectors,
                          float *to)
{
    const size_t lanes = p->set->lanes, half = from->w / 2, plane = from->h / 2 * half;
    uint32_t *const places = (uint32_t *)(vectors + half * lanes);
    for (size_t c = 0; c < from->channels; c += lanes, to += p->rows * p->columns * lanes)
        for (size_t row = 0; row < from->h / 2; row++) {
            const size_t valid = least(lanes, from->channels - c);
            const size_t first = (image * from->apart + c) * plane + row * half;
            float *const begin = to + ((2 * row + from->pad_h) * p->columns + from->pad_w) * lanes;
            p->set->gather(valid, 1, half, from->images + first, plane, vectors, 0);
            for (size_t q = 0; q < half; q++)
                for (size_t l = 0; l < lanes; l++)
                    places[q * lanes + l] = l < valid ? from->argmax[first + l * plane + q] : 0;
            for (size_t q = 0; q < half; q++)
                p->set->unpool(lanes, vectors + q * lanes, places + q * lanes,
                               begin + 2 * q * lanes, p->columns * lanes, lanes);
        }
}

/* Numbers of `vectors` above, and of the same in finish_row. */
static size_t pooled_count(const plan *p)
{
    return p->columns * p->set->lanes;
}

static void gather_image(const plan *p, const source *from, size_t image, float *vectors, float *to)
{
    if (from->argmax != NULL)
        gather_pooled(p, from, image, vectors, to);
    else
        gather_plain(p, from, image, to);
}

/* The transforms of one tile of the image, over all blocks, to `to`[points][blocks][block][lanes]. */
static void transform_tile(const plan *p, cen__conv_transform *transform, size_t blocks,
                           const float *image, size_t tile, float *to, size_t stride)
{
    const size_t lanes = p->set->lanes, row = tile / p->tiles_w, column = tile % p->tiles_w;
    const cen__tile_place from_place = {(ptrdiff_t)(p->columns * lanes), (ptrdiff_t)lanes};
    const cen__tile_place to_place = {(ptrdiff_t)(p->side * stride), (ptrdiff_t)stride};
    const float *from = image + (row * p->m * p->columns + column * p->m) * lanes;
    for (size_t b = 0; b < blocks; b++) {
        transform(from, from_place, to, to_place);
        from += p->rows * p->columns * lanes;
        to += p->block * lanes;
    }
}

/* ---- forward, and backward to the data ----------------------------------------------------- */

/* products[points, kb, tile] = sum over c of kernels[points, kb, c] inputs[points, cb, tile]. at[c] is the place
 * of channel c in inputs, kernel_at[c] in kernels. */
static void multiply(const plan *p, size_t n_tiles, const float *inputs, const size_t *at,
                     const float *kernels, const size_t *kernel_at, float *products)
{
    const size_t lanes = p->set->lanes, vectors = even_block(p->kb, p->set->winograd_vectors);
    cen__tile tile = {
        .steps = p->c, .a_at = at, .b_at = kernel_at, .c_row = lanes, .c_vector = p->block * lanes};
    for (size_t point = 0; point < p->points; point++)
        for (size_t kb = 0; kb < p->kb; kb += vectors) {
            const size_t n_vectors = least(vectors, p->kb - kb);
            const size_t rows = p->set->tile_rows[n_vectors];
            for (size_t v = 0; v < n_vectors; v++)
                tile.b[v] = kernels + point * p->u_stride + (kb + v) * p->cb * lanes * lanes;
            for (size_t t = 0; t < n_tiles; t += rows) {
                tile.a = inputs + point * p->c_stride + t * lanes;
                tile.c = products + point * p->k_stride + (kb * p->block + t) * lanes;
                p->set->tile(least(rows, n_tiles - t), n_vectors, true, &tile);
            }
        }
}

size_t cen__winograd_prepared_count(const cen__conv *v, const cen__conv_set *set)
{
    const plan forward = make_plan(v, set, false, LEAST_TILES);
    const plan backward = make_plan(v, set, true, LEAST_TILES);
    return most(cen__times(forward.points, forward.u_stride),
                cen__times(backward.points, backward.u_stride));
}

/* One for each block of lanes that comes out. */
size_t cen__winograd_parts(const cen__conv *v, const cen__conv_set *set, bool backward)
{
    return make_plan(v, set, backward, LEAST_TILES).kb;
}

/* Block kb of kernels[points, kb, c, lanes]; backward: of w turned around, with c and k exchanged. */
void cen__winograd_prepare(const cen__conv *v, const cen__conv_set *set, const float *w,
                           bool backward, size_t kb, float *kernels)
{
    const plan made = make_plan(v, set, backward, LEAST_TILES);
    const plan *const p = &made;
    const size_t lanes = p->set->lanes, taps = p->r * p->r;
    const size_t k_apart = backward ? taps : p->c * taps, c_apart = backward ? p->k * taps : taps;
    const cen__tile_place to = {(ptrdiff_t)(p->side * p->u_stride), (ptrdiff_t)p->u_stride};
    const ptrdiff_t sign = backward ? -1 : 1, column = sign * (ptrdiff_t)lanes;
    const size_t valid = least(lanes, p->k - kb * lanes);
    float vectors[GROUP * 25 * 16];
    for (size_t c = 0; c < p->c; c += GROUP) {
        const size_t n = least(GROUP, p->c - c);
        const float *const from = w + kb * lanes * k_apart + c * c_apart;
        if (c_apart == taps) p->set->gather(valid, 1, n * taps, from, k_apart, vectors, 0);
        for (size_t i = 0; i < n; i++) {
            float *const kernel = vectors + i * taps * lanes;
            if (c_apart != taps)
                p->set->gather(valid, 1, taps, from + i * c_apart, k_apart, kernel, 0);
            p->transforms->kernel(backward ? kernel + (taps - 1) * lanes : kernel,
                                  (cen__tile_place){column * (ptrdiff_t)p->r, column},
                                  kernels + (kb * p->cb * lanes + c + i) * lanes, to);
        }
    }
}

/* Where outputs go: y[n, k, out_h, out_w], or the pooled half of it. */
typedef struct outlet {
    const float *bias;           /* [kb * lanes] */
    const cen__pooling *pooling; /* NULL: none */
    float *y;
    size_t apart; /* outputs from one image to the next */
} outlet;

/* rows[kb][kept][tiles_w * m][lanes], with a finished row of tiles, goes to y. Row i of the outputs is i % kept. */
static const float *kept_row(const plan *p, const float *rows, size_t k, size_t i)
{
    return rows + (k * p->kept + i % p->kept * p->set->lanes) * p->tiles_w * p->m;
}

static void write_row(const plan *p, const outlet *to, const float *rows, size_t image, size_t row)
{
    const size_t lanes = p->set->lanes, first = row * p->m;
    for (size_t k = 0; k < p->k; k += lanes)
        p->set->scatter(least(lanes, p->k - k), least(p->m, p->out_h - first), p->out_w,
                        kept_row(p, rows, k, first), p->tiles_w * p->m * lanes, to->bias + k,
                        to->y + ((image * to->apart + k) * p->out_h + first) * p->out_w,
                        p->out_h * p->out_w);
}

static void write_pooled_row(const plan *p, const outlet *to, const float *rows, size_t image,
                             size_t row, float *vectors)
{
    const size_t lanes = p->set->lanes, end = least((row + 1) * p->m, p->out_h);
    const size_t half = p->out_w / 2, plane = p->out_h / 2 * half;
    uint32_t *const places = (uint32_t *)(vectors + half * lanes);
    for (size_t k = 0; k < p->k; k += lanes)
        for (size_t i = row * p->m / 2 * 2; i + 1 < end; i += 2) {
            const float *const top = kept_row(p, rows, k, i);
            const float *const bottom = kept_row(p, rows, k, i + 1);
            const size_t first = (image * to->apart + k) * plane + i / 2 * half;
            const size_t valid = least(lanes, p->k - k);
            for (size_t q = 0; q < half; q++) {
                const float *const a = top + 2 * q * lanes, *const c = bottom + 2 * q * lanes;
                const float *const window[4] = {a, a + lanes, c, c + lanes};
                p->set->pool_lanes(lanes, window, to->bias + k, to->pooling->relu,
                                   vectors + q * lanes, places + q * lanes);
            }
            p->set->scatter(valid, 1, half, vectors, 0, NULL, to->y + first, plane);
            if (to->pooling->argmax == NULL) continue;
            for (size_t l = 0; l < valid; l++)
                for (size_t q = 0; q < half; q++)
                    to->pooling->argmax[first + l * plane + q] = (uint8_t)places[q * lanes + l];
        }
}

static void finish_tile(const plan *p, const float *products, const outlet *to, size_t image,
                        size_t tile, float *vectors, float *rows)
{
    const size_t lanes = p->set->lanes, row = tile / p->tiles_w, column = tile % p->tiles_w;
    const size_t width = p->tiles_w * p->m, first = row * p->m % p->kept;
    const cen__tile_place from = {(ptrdiff_t)(p->side * p->k_stride), (ptrdiff_t)p->k_stride};
    for (size_t kb = 0; kb < p->kb; kb++)
        p->transforms->output(products + kb * p->block * lanes, from,
                              rows + ((kb * p->kept + first) * width + column * p->m) * lanes,
                              (cen__tile_place){(ptrdiff_t)(width * lanes), (ptrdiff_t)lanes});
    if (column + 1 < p->tiles_w) return;
    if (to->pooling != NULL)
        write_pooled_row(p, to, rows, image, row, vectors);
    else
        write_row(p, to, rows, image, row);
}

static size_t filter_scratch_count(const plan *p)
{
    const size_t lanes = p->set->lanes;
    const size_t points = cen__plus(whole(cen__times(p->points, p->c_stride)),
                                    whole(cen__times(p->points, p->k_stride)));
    const size_t rows = whole(cen__times(p->kb * lanes, p->kept * p->m * p->tiles_w));
    const size_t images = cen__plus(image_need(p, p->cb), whole(pooled_count(p)));
    const size_t tables = cen__plus(cen__times(2, table_count(p->c)), whole(p->kb * lanes));
    return cen__plus(cen__plus(points, rows), cen__plus(images, tables));
}

static void filter(const plan *p, size_t n, const source *from, const float *kernels, outlet to,
                   float *scratch)
{
    const size_t lanes = p->set->lanes;
    float *const image = take(&scratch, image_count(p, p->cb));
    float *const inputs = take(&scratch, p->points * p->c_stride);
    float *const products = take(&scratch, p->points * p->k_stride);
    float *const rows = take(&scratch, p->kb * p->kept * p->tiles_w * p->m * lanes);
    size_t *const at = take(&scratch, table_count(p->c));
    size_t *const kernel_at = take(&scratch, table_count(p->c));
    float *const vectors = take(&scratch, pooled_count(p));
    float *const bias = take(&scratch, p->kb * lanes);
    for (size_t c = 0; c < p->c; c++) {
        at[c] = c / lanes * p->block * lanes + c % lanes;
        kernel_at[c] = c * lanes;
    }
    for (size_t k = 0; k < p->kb * lanes; k++)
        bias[k] = to.bias != NULL && k < p->k ? to.bias[k] : 0;
    to.bias = bias;
    memset(image, 0, image_count(p, p->cb) * sizeof *image);
    for (size_t first = 0; first < n * p->tiles; first += p->block) {
        const size_t count = least(p->block, n * p->tiles - first);
        for (size_t t = 0; t < count; t++) {
            const size_t tile = (first + t) % p->tiles;
            if (tile == 0) gather_image(p, from, (first + t) / p->tiles, vectors, image);
            transform_tile(p, p->transforms->input, p->cb, image, tile, inputs + t * lanes,
                           p->c_stride);
        }
        multiply(p, count, inputs, at, kernels, kernel_at, products);
        for (size_t t = 0; t < count; t++)
            finish_tile(p, products + t * lanes, &to, (first + t) / p->tiles,
                        (first + t) % p->tiles, vectors, rows);
    }
}

void cen__winograd_forward(const cen__conv *v, const cen__conv_set *set, size_t n, const float *x,
                           const float *prepared, const float *bias, const cen__pooling *pooling,
                           float *y, float *scratch)
{
    const plan p = make_plan(v, set, false, LEAST_TILES);
    filter(&p, n, &(source){x, NULL, p.c, p.h, p.w, p.pad_h, p.pad_w, v->groups * v->c}, prepared,
           (outlet){bias, pooling, y, v->groups * v->k}, scratch);
}

void cen__winograd_backward_data(const cen__conv *v, const cen__conv_set *set, size_t n,
                                 const float *dy, const uint8_t *argmax, const float *prepared,
                                 float *dx, float *scratch)
{
    const plan p = make_plan(v, set, true, LEAST_TILES);
    filter(&p, n, &(source){dy, argmax, p.c, p.h, p.w, p.pad_h, p.pad_w, v->groups * v->k},
           prepared, (outlet){NULL, NULL, dx, v->groups * v->c}, scratch);
}

/* ---- backward to the weights --------------------------------------------------------------- */

/* sums[points, cb, kb, lanes of c, lanes of k] = or += sum over tiles of inputs[points, cb, tile]
 * gradients[points, kb, tile]; at[t] = t * lanes. */
static void multiply_gradients(const plan *p, size_t n_tiles, const float *inputs,
                               const float *gradients, const size_t *at, bool accumulate,
                               float *sums)
{
    const size_t lanes = p->set->lanes, vectors = even_block(p->kb, p->set->winograd_vectors);
    cen__tile tile = {.steps = n_tiles,
                      .a_at = at,
                      .b_at = at,
                      .c_row = lanes,
                      .c_vector = lanes * lanes,
                      .accumulate = accumulate};
    for (size_t point = 0; point < p->points; point++)
        for (size_t kb = 0; kb < p->kb; kb += vectors) {
            const size_t n_vectors = least(vectors, p->kb - kb);
            const size_t rows = even_block(lanes, p->set->tile_rows[n_vectors]);
            for (size_t v = 0; v < n_vectors; v++)
                tile.b[v] = gradients + point * p->k_stride + (kb + v) * p->block * lanes;
            for (size_t cb = 0; cb < p->cb; cb++)
                for (size_t c = 0; c < lanes; c += rows) {
                    tile.a = inputs + point * p->c_stride + cb * p->block * lanes + c;
                    tile.c = sums + point * p->u_stride + ((cb * p->kb + kb) * lanes + c) * lanes;
                    p->set->tile(least(rows, lanes - c), n_vectors, false, &tile);
                }
        }
}

static void add_kernels(const plan *p, const float *sums, float *dw)
{
    const size_t lanes = p->set->lanes, taps = p->r * p->r;
    const cen__tile_place from = {(ptrdiff_t)(p->side * p->u_stride), (ptrdiff_t)p->u_stride};
    const cen__tile_place to = {(ptrdiff_t)(p->r * lanes), (ptrdiff_t)lanes};
    float vectors[GROUP * 25 * 16];
    for (size_t kb = 0; kb < p->kb; kb++)
        for (size_t c = 0; c < p->c; c += GROUP) {
            const size_t n = least(GROUP, p->c - c);
            for (size_t i = 0; i < n; i++) {
                const size_t place = ((c + i) / lanes * p->kb + kb) * lanes + (c + i) % lanes;
                p->transforms->kernel_gradient(sums + place * lanes, from,
                                               vectors + i * taps * lanes, to);
            }
            p->set->scatter_add(least(lanes, p->k - kb * lanes), n * taps, vectors,
                                dw + (kb * lanes * p->c + c) * taps, p->c * taps);
        }
}

static size_t weights_scratch_count(const plan *p)
{
    const size_t images = cen__plus(image_need(p, p->cb), image_need(p, p->kb));
    const size_t strides = cen__plus(cen__plus(p->c_stride, p->k_stride), p->u_stride);
    const size_t points = cen__plus(cen__times(p->points, strides), whole(1) * 3);
    return cen__plus(cen__plus(images, points),
                     cen__plus(table_count(p->block), whole(pooled_count(p))));
}

void cen__winograd_backward_weights(const cen__conv *v, const cen__conv_set *set, size_t n,
                                    const float *x, const float *dy, const uint8_t *argmax,
                                    float *dw, float *scratch)
{
    const plan p = make_plan(v, set, false, LEAST_GRADIENT_TILES);
    const size_t lanes = set->lanes;
    const source inputs_from = {x, NULL, p.c, p.h, p.w, p.pad_h, p.pad_w, v->groups * v->c};
    const source gradients_from = {dy, argmax, p.k, p.out_h, p.out_w, 0, 0, v->groups * v->k};
    float *const image = take(&scratch, image_count(&p, p.cb));
    float *const gradient = take(&scratch, image_count(&p, p.kb));
    float *const inputs = take(&scratch, p.points * p.c_stride);
    float *const gradients = take(&scratch, p.points * p.k_stride);
    float *const sums = take(&scratch, p.points * p.u_stride);
    size_t *const at = take(&scratch, table_count(p.block));
    float *const vectors = take(&scratch, pooled_count(&p));
    for (size_t t = 0; t < p.block; t++) at[t] = t * lanes;
    memset(image, 0, image_count(&p, p.cb) * sizeof *image);
    memset(gradient, 0, image_count(&p, p.kb) * sizeof *gradient);
    for (size_t first = 0; first < n * p.tiles; first += p.block) {
        const size_t count = least(p.block, n * p.tiles - first);
        for (size_t t = 0; t < count; t++) {
            const size_t i = (first + t) / p.tiles, tile = (first + t) % p.tiles;
            if (tile == 0) {
                gather_image(&p, &inputs_from, i, vectors, image);
                gather_image(&p, &gradients_from, i, vectors, gradient);
            }
            transform_tile(&p, p.transforms->input, p.cb, image, tile, inputs + t * lanes,
                           p.c_stride);
            transform_tile(&p, p.transforms->gradient, p.kb, gradient, tile, gradients + t * lanes,
                           p.k_stride);
        }
        multiply_gradients(&p, count, inputs, gradients, at, first > 0, sums);
    }
    add_kernels(&p, sums, dw);
}

/* ---- when ---------------------------------------------------------------------------------- */

#if !defined(CEN_SMALL)
bool cen__winograd_suits(const cen__conv *v, const cen__conv_set *set)
{
    const bool shape = v->kernel_h == v->kernel_w && (v->kernel_h == 3 || v->kernel_h == 5) &&
                       v->stride_h == 1 && v->stride_w == 1 && v->pad_h < v->kernel_h &&
                       v->pad_w < v->kernel_w;
    /* Lanes without a channel are work for nothing. */
    const size_t c = round_up(v->c, set->lanes), k = round_up(v->k, set->lanes);
    return shape && v->c >= 12 && v->k >= 12 && 2 * c * k <= 3 * v->c * v->k;
}
#endif

size_t cen__winograd_outputs(const cen__conv *v, const cen__conv_set *set)
{
    return choose(set, v->kernel_h, v->out_h, v->out_w)->m;
}

size_t cen__winograd_scratch_count(const cen__conv *v, const cen__conv_set *set)
{
    const plan forward = make_plan(v, set, false, LEAST_TILES);
    const plan backward = make_plan(v, set, true, LEAST_TILES);
    const plan weights = make_plan(v, set, false, LEAST_GRADIENT_TILES);
    return most(most(filter_scratch_count(&forward), filter_scratch_count(&backward)),
                weights_scratch_count(&weights));
}
