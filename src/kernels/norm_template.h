/* The loops of norm.h, compiled once for each instruction set behind vector_template.h. A channel's
 * plane is a row of numbers; where it is a single one (behind a dense layer) the loops run over the
 * channels. */

CEN__INLINE float normal(const cen__norm *v, size_t k, float x)
{
    return (x - v->mean[k]) * v->scale[k] + v->bias[k];
}

/* dy where the relu lets it pass. */
CEN__INLINE float passed(bool relu, float z, float dy)
{
    return relu && z <= 0 ? 0 : dy;
}

/* ---- sums ---------------------------------------------------------------------------------- */

static void norm_measure_plane(size_t n, const float *restrict x, double *restrict sum,
                               double *restrict squares)
{
    double lanes[SUM_LANES] = {0}, square_lanes[SUM_LANES] = {0};
    size_t i = 0;
    for (; i + SUM_LANES <= n; i += SUM_LANES) {
        for (size_t l = 0; l < SUM_LANES; l++) {
            double number = (double)x[i + l];
            lanes[l] += number;
            square_lanes[l] += number * number;
        }
    }
    for (size_t l = 0; i + l < n; l++) {
        double number = (double)x[i + l];
        lanes[l] += number;
        square_lanes[l] += number * number;
    }
    *sum += add_lanes(lanes);
    *squares += add_lanes(square_lanes);
}

static void norm_measure(const cen__norm *v, const float *x, double *sums)
{
    size_t area = v->h * v->w, c = v->c;
    double *restrict sum = sums, *restrict squares = sums + c;
    memset(sums, 0, 2 * c * sizeof *sums);
    for (size_t i = 0; i < v->n; i++, x += c * area) {
        for (size_t k = 0; k < c && area > 1; k++) {
            norm_measure_plane(area, x + k * area, sum + k, squares + k);
        }
        for (size_t k = 0; k < c && area == 1; k++) {
            double number = (double)x[k];
            sum[k] += number;
            squares[k] += number * number;
        }
    }
}

CEN__INLINE void gradient_plane(size_t n, bool relu, float mean, float scale, float bias,
                                const float *restrict x, const float *restrict dy,
                                double *restrict sum, double *restrict products)
{
    double lanes[SUM_LANES] = {0}, product_lanes[SUM_LANES] = {0};
    size_t i = 0;
    for (; i + SUM_LANES <= n; i += SUM_LANES) {
        for (size_t l = 0; l < SUM_LANES; l++) {
            float centered = x[i + l] - mean;
            float dz = passed(relu, centered * scale + bias, dy[i + l]);
            lanes[l] += (double)dz;
            product_lanes[l] += (double)dz * (double)centered;
        }
    }
    for (size_t l = 0; i + l < n; l++) {
        float centered = x[i + l] - mean;
        float dz = passed(relu, centered * scale + bias, dy[i + l]);
        lanes[l] += (double)dz;
        product_lanes[l] += (double)dz * (double)centered;
    }
    *sum += add_lanes(lanes);
    *products += add_lanes(product_lanes);
}

CEN__INLINE void norm_measure_backward_as(const cen__norm *v, bool relu, const float *x,
                                          const float *dy, double *sums)
{
    size_t area = v->h * v->w, c = v->c;
    double *restrict sum = sums, *restrict products = sums + c;
    memset(sums, 0, 2 * c * sizeof *sums);
    for (size_t i = 0; i < v->n; i++, x += c * area, dy += c * area) {
        for (size_t k = 0; k < c && area > 1; k++) {
            gradient_plane(area, relu, v->mean[k], v->scale[k], v->bias[k], x + k * area,
                           dy + k * area, sum + k, products + k);
        }
        for (size_t k = 0; k < c && area == 1; k++) {
            float dz = passed(relu, normal(v, k, x[k]), dy[k]);
            sum[k] += (double)dz;
            products[k] += (double)dz * (double)(x[k] - v->mean[k]);
        }
    }
}

static void norm_measure_backward(const cen__norm *v, const float *x, const float *dy, double *sums)
{
    if (v->relu)
        norm_measure_backward_as(v, true, x, dy, sums);
    else
        norm_measure_backward_as(v, false, x, dy, sums);
}

static void norm_pool_measure_backward(const cen__norm *v, const float *kept, const uint8_t *argmax,
                                       const float *dy, double *sums)
{
    size_t area = (v->h / 2) * (v->w / 2);
    memset(sums, 0, 2 * v->c * sizeof *sums);
    for (size_t i = 0; i < v->n * v->c; i++, kept += area, argmax += area, dy += area) {
        size_t k = i % v->c;
        for (size_t j = 0; j < area; j += POOL_BLOCK) {
            size_t count = area - j < POOL_BLOCK ? area - j : POOL_BLOCK;
            uint32_t places[POOL_BLOCK];
            float dz[POOL_BLOCK];
            for (size_t l = 0; l < count; l++) places[l] = argmax[j + l];
            for (size_t l = 0; l < count; l++) dz[l] = places[l] == CEN__POOL_CUT ? 0 : dy[j + l];
            gradient_plane(count, false, 0, 1, 0, kept + j, dz, sums + k, sums + v->c + k);
        }
    }
}

/* ---- forward ------------------------------------------------------------------------------- */

static void norm_forward(const cen__norm *v, const float *x, float *y)
{
    size_t area = v->h * v->w, c = v->c;
    for (size_t i = 0; i < v->n; i++, x += c * area, y += c * area) {
        for (size_t k = 0; k < c && area > 1; k++) {
            float mean = v->mean[k], scale = v->scale[k], bias = v->bias[k];
            const float *from = x + k * area;
            float *to = y + k * area;
            for (size_t j = 0; j < area; j++) to[j] = (from[j] - mean) * scale + bias;
        }
        for (size_t k = 0; k < c && area == 1; k++) y[k] = normal(v, k, x[k]);
        for (size_t j = 0; j < c * area && v->relu; j++) y[j] = y[j] < 0 ? 0 : y[j];
    }
}

CEN__INLINE void norm_pool_forward_as(const cen__norm *v, bool relu, const float *x, float *y,
                                      float *kept, uint8_t *argmax)
{
    size_t w = v->w, out_h = v->h / 2, out_w = w / 2;
    pool_block block;
    for (size_t i = 0; i < v->n * v->c; i++, x += v->h * w) {
        size_t k = i % v->c, rows;
        for (size_t row = 0; row < out_h; row += rows) {
            rows = pool_rows(out_h - row, out_w);
            for (size_t q = 0; q < out_w; q += POOL_BLOCK) {
                size_t width = out_w - q < POOL_BLOCK ? out_w - q : POOL_BLOCK, n = rows * width;
                pool_gather(&block, rows, width, w, v->mean[k], x + 2 * row * w + 2 * q);
                pool_windows(pool_padded(n), relu, v->scale[k], v->bias[k], &block);
                memcpy(y, block.out, n * sizeof *y);
                memcpy(kept, block.from, n * sizeof *kept);
                for (size_t j = 0; j < n; j++) argmax[j] = (uint8_t)block.places[j];
                y += n;
                kept += n;
                argmax += n;
            }
        }
    }
}

static void norm_pool_forward(const cen__norm *v, const float *x, float *y, float *kept,
                              uint8_t *argmax)
{
    if (v->relu)
        norm_pool_forward_as(v, true, x, y, kept, argmax);
    else
        norm_pool_forward_as(v, false, x, y, kept, argmax);
}

/* ---- backward ------------------------------------------------------------------------------ */

CEN__INLINE float input_gradient(float scale, float dbias, float dslope, float centered, float dz)
{
    return scale * ((dz - dbias) - centered * dslope);
}

CEN__INLINE void norm_backward_as(const cen__norm *v, bool relu, const float *x, const float *dy,
                                  float *dx)
{
    size_t area = v->h * v->w, c = v->c;
    for (size_t i = 0; i < v->n; i++, x += c * area, dy += c * area, dx += c * area) {
        for (size_t k = 0; k < c && area > 1; k++) {
            float mean = v->mean[k], scale = v->scale[k], bias = v->bias[k];
            float dbias = v->dbias[k], dslope = v->dslope[k];
            const float *restrict from = x + k * area, *restrict by = dy + k * area;
            float *restrict to = dx + k * area;
            for (size_t j = 0; j < area; j++) {
                float dz = passed(relu, (from[j] - mean) * scale + bias, by[j]);
                to[j] = input_gradient(scale, dbias, dslope, from[j] - mean, dz);
            }
        }
        for (size_t k = 0; k < c && area == 1; k++) {
            float dz = passed(relu, normal(v, k, x[k]), dy[k]);
            dx[k] = input_gradient(v->scale[k], v->dbias[k], v->dslope[k], x[k] - v->mean[k], dz);
        }
    }
}

static void norm_backward(const cen__norm *v, const float *x, const float *dy, float *dx)
{
    if (v->relu)
        norm_backward_as(v, true, x, dy, dx);
    else
        norm_backward_as(v, false, x, dy, dx);
}

/* A block's windows, dz and places of maxima, one for each number of a row of x: where at is 0, the
 * upper was the maximum, where it is 2, the lower. */
typedef struct unpool_block {
    float dz[2 * POOL_BLOCK];
    uint32_t at[2 * POOL_BLOCK];
} unpool_block;

CEN__INLINE void unpool_spread(size_t n, const float *restrict dy, const uint8_t *restrict argmax,
                               unpool_block *block)
{
    float *restrict dz = block->dz;
    uint32_t *restrict at = block->at;
    for (size_t i = 0; i < n; i++) {
        dz[2 * i] = dz[2 * i + 1] = dy[i];
        at[2 * i] = argmax[i];
        at[2 * i + 1] = argmax[i] - 1U;
    }
}

/* From x - mean to what times the scale is the gradient. */
CEN__INLINE void unpool_row(size_t n, uint32_t place, float dbias, float dslope,
                            const unpool_block *block, float *restrict x)
{
    const float *restrict dz = block->dz;
    const uint32_t *restrict at = block->at;
    for (size_t i = 0; i < n; i++) {
        x[i] = input_gradient(1, dbias, dslope, x[i], at[i] == place ? dz[i] : 0);
    }
}

/* What no window covers: of odd sides the last. */
CEN__INLINE void rest_gradient(size_t h, size_t w, float mean, float scale, float dbias,
                               float dslope, const float *restrict x, float *restrict dx)
{
    for (size_t j = w - 1; w % 2 == 1 && j < h * w; j += w) {
        dx[j] = input_gradient(scale, dbias, dslope, x[j] - mean, 0);
    }
    for (size_t j = (h - 1) * w; h % 2 == 1 && j < h * w; j++) {
        dx[j] = input_gradient(scale, dbias, dslope, x[j] - mean, 0);
    }
}

static void norm_pool_backward(const cen__norm *v, const float *x, const uint8_t *argmax,
                               const float *dy, float *dx)
{
    size_t w = v->w, area = v->h * w, out_h = v->h / 2, out_w = w / 2;
    pool_block block;
    unpool_block spread = {.dz = {0}};
    for (size_t i = 0; i < v->n * v->c; i++, x += area, dx += area) {
        size_t k = i % v->c, rows;
        float mean = v->mean[k], scale = v->scale[k], dbias = v->dbias[k], dslope = v->dslope[k];
        rest_gradient(v->h, w, mean, scale, dbias, dslope, x, dx);
        for (size_t row = 0; row < out_h; row += rows) {
            rows = pool_rows(out_h - row, out_w);
            for (size_t q = 0; q < out_w; q += POOL_BLOCK) {
                size_t width = out_w - q < POOL_BLOCK ? out_w - q : POOL_BLOCK, n = rows * width;
                pool_gather(&block, rows, width, w, mean, x + 2 * row * w + 2 * q);
                unpool_spread(n, dy, argmax, &spread);
                unpool_row(2 * pool_padded(n), 0, dbias, dslope, &spread, block.top);
                unpool_row(2 * pool_padded(n), 2, dbias, dslope, &spread, block.bottom);
                pool_scatter(&block, rows, width, w, scale, dx + 2 * row * w + 2 * q);
                dy += n;
                argmax += n;
            }
        }
    }
}

#define CEN__NORMS                                                                                 \
    norm_measure, norm_forward, norm_measure_backward, norm_backward, norm_pool_forward,           \
        norm_pool_measure_backward, norm_pool_backward
