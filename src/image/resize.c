/* Antialiased bilinear resizing with the arithmetic of Pillow's Resample.c, so that a pixel here is
 * the pixel there: weights of a triangle filter in double, rounded to 22 bits of fraction; first
 * along x, rounded to bytes, then along y. Only what lies in the crop is computed. */
#include <centerloss_eval.h>

#include "image/kernels.h"

#include <math.h>
#include <string.h>

#include "base/checks.h"
#include "base/context.h"
#include "base/memory.h"
#include "base/status.h"

enum { FRACTION_BITS = CEN__RESIZE_BITS, LANES = CEN__RESIZE_LANES, BLOCK = 16 };

/* How the outputs of one axis are weighted sums of n_in inputs. Output i takes counts[i] inputs from
 * starts[i] with weights[i * most ...], which sum to about 2^22. */
typedef struct {
    size_t n_in, n_out, most;
    size_t *starts, *counts;
    uint32_t *weights;
} axis;

/* The part of a picture scaled to width x height that is kept, and where the picture lies in the
 * pixels. */
typedef struct {
    size_t width, height, left, top;
    double x[2], y[2];     /* the first and the last edge */
    bool along_x, along_y; /* something is to be computed */
    cen__lane_sums *sums;
} scaling;

static void axis_free(axis *a)
{
    cen__free(a->starts);
    cen__free(a->counts);
    cen__free(a->weights);
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static size_t clamp(double place, size_t most)
{
    if (place <= 0) return 0;
    return place >= (double)most ? most : (size_t)place;
}

/* Outputs first .. first + n_out - 1 of n_scaled, to which n_in inputs are scaled from edge to
 * edge. */
static cen_status axis_create(cen_context *context, axis *a, size_t n_in, const double edges[2],
                              size_t n_scaled, size_t first, size_t n_out, cen_error *error)
{
    double scale = (edges[1] - edges[0]) / (double)n_scaled, support = scale < 1 ? 1 : scale;
    size_t most = 2 * (size_t)ceil(support) + 1, n_weights;
    *a = (axis){.n_in = n_in, .n_out = n_out, .most = most};
    a->starts = cen__alloc(context, n_out, sizeof *a->starts);
    a->counts = cen__alloc(context, n_out, sizeof *a->counts);
    if (cen__multiply(n_out, most, &n_weights)) {
        a->weights = cen__alloc(context, n_weights, sizeof *a->weights);
    }
    if (a->starts == NULL || a->counts == NULL || a->weights == NULL) {
        axis_free(a);
        return cen__fail_memory(error, "the weights of a resize");
    }
    for (size_t i = 0; i < n_out; i++) {
        double center = edges[0] + ((double)(first + i) + 0.5) * scale, sum = 0;
        size_t start = clamp(center - support + 0.5, n_in);
        size_t count = clamp(center + support + 0.5, n_in) - start;
        double inverse = 1 / support;
        uint32_t *weights = a->weights + i * most;
        for (size_t j = 0; j < count; j++) {
            sum += triangle(((double)(start + j) - center + 0.5) * inverse);
        }
        for (size_t j = 0; j < count; j++) {
            double weight = triangle(((double)(start + j) - center + 0.5) * inverse);
            if (sum != 0) weight /= sum;
            weights[j] = (uint32_t)(0.5 + weight * (1 << FRACTION_BITS));
        }
        a->starts[i] = start;
        a->counts[i] = count;
    }
    return CEN_OK;
}

static void copy_rows(const uint8_t *from, size_t from_size, size_t n_rows, size_t n_bytes,
                      uint8_t *to, size_t to_size)
{
    if (n_bytes == BLOCK) { /* a constant, which becomes one load and one store */
        for (size_t y = 0; y < n_rows; y++) memcpy(to + y * to_size, from + y * from_size, BLOCK);
    } else {
        for (size_t y = 0; y < n_rows; y++) memcpy(to + y * to_size, from + y * from_size, n_bytes);
    }
}

/* out[2 i + j] = in[128 j + i]: the bits of an index turn left by one. */
static void interleave(const uint8_t *in, uint8_t *out)
{
    for (int i = 0; i < BLOCK * BLOCK / 2; i++) {
        out[2 * i] = in[i];
        out[2 * i + 1] = in[BLOCK * BLOCK / 2 + i];
    }
}

/* to[column * to_size + row] = from[row * from_size + column], in blocks of 16 x 16: four interleaves
 * exchange the bits of row and column, and compilers know them as vector instructions. */
static void transpose(const uint8_t *from, size_t from_size, size_t n_rows, size_t n_columns,
                      uint8_t *to, size_t to_size)
{
    uint8_t a[BLOCK * BLOCK] = {0}, b[BLOCK * BLOCK];
    for (size_t row = 0; row < n_rows; row += BLOCK) {
        size_t rows = n_rows - row < BLOCK ? n_rows - row : BLOCK;
        for (size_t column = 0; column < n_columns; column += BLOCK) {
            size_t columns = n_columns - column < BLOCK ? n_columns - column : BLOCK;
            copy_rows(from + row * from_size + column, from_size, rows, columns, a, BLOCK);
            interleave(a, b);
            interleave(b, a);
            interleave(a, b);
            interleave(b, a);
            copy_rows(a, BLOCK, columns, rows, to + column * to_size + row, to_size);
        }
    }
}

/* from[n_rows, n_in, c] to to[n_rows, n_out, c], whose rows are row_size apart: LANES rows at a time,
 * turned so that the lanes of a sum are rows. */
static cen_status resize_x(cen_context *context, cen__lane_sums *sums, const axis *a,
                           const uint8_t *from, size_t n_rows, size_t c, uint8_t *to,
                           size_t row_size, cen_error *error)
{
    size_t first = a->starts[0], end = a->starts[a->n_out - 1] + a->counts[a->n_out - 1];
    uint8_t *in = cen__alloc_zeroed(context, (end - first) * c, LANES),
            *out = cen__alloc(context, a->n_out * c, LANES);
    if (in == NULL || out == NULL) {
        cen__free(in);
        cen__free(out);
        return cen__fail_memory(error, "a resized image");
    }
    size_t in_size = a->n_in * c;
    for (size_t row = 0; row < n_rows; row += LANES) {
        size_t n = n_rows - row < LANES ? n_rows - row : LANES;
        transpose(from + row * in_size + first * c, in_size, n, (end - first) * c, in, LANES);
        for (size_t x = 0; x < a->n_out; x++) {
            const uint32_t *weights = a->weights + x * a->most;
            for (size_t i = 0; i < c; i++) {
                sums(in + ((a->starts[x] - first) * c + i) * LANES, c * LANES, weights,
                     a->counts[x], out + (x * c + i) * LANES);
            }
        }
        transpose(out, LANES, a->n_out * c, n, to + row * row_size, row_size);
    }
    cen__free(in);
    cen__free(out);
    return CEN_OK;
}

/* from has the rows that the outputs need, from starts[0] on, row_size apart and readable up to a
 * multiple of LANES; to[n_out, width]. */
static void resize_y(cen__lane_sums *sums, const axis *a, const uint8_t *from, size_t row_size,
                     size_t width, uint8_t *to)
{
    for (size_t y = 0; y < a->n_out; y++, to += width) {
        const uint8_t *rows = from + (a->starts[y] - a->starts[0]) * row_size;
        const uint32_t *weights = a->weights + y * a->most;
        for (size_t x = 0; x < width; x += LANES) {
            if (width - x >= LANES) {
                sums(rows + x, row_size, weights, a->counts[y], to + x);
            } else {
                uint8_t last[LANES];
                sums(rows + x, row_size, weights, a->counts[y], last);
                memcpy(to + x, last, width - x);
            }
        }
    }
}

/* Both passes, with an image between them that has as many rows as the second needs. */
static cen_status resize_passes(cen_context *context, const cen_image *image, const scaling *s,
                                const axis *x, const axis *y, cen_image *resized, cen_error *error)
{
    size_t c = (size_t)image->channels, width = resized->width * c, in_size = image->width * c;
    size_t first = s->along_y ? y->starts[0] : s->top, n_rows = resized->height;
    size_t row_size = width;
    uint8_t *between = resized->pixels;
    if (s->along_y) {
        n_rows = y->starts[y->n_out - 1] + y->counts[y->n_out - 1] - first;
        row_size = (width + LANES - 1) / LANES * LANES;
        between = cen__alloc_zeroed(context, n_rows, row_size);
        if (between == NULL) return cen__fail_memory(error, "a resized image");
    }
    const uint8_t *from = image->pixels + first * in_size;
    cen_status status = CEN_OK;
    if (s->along_x) {
        status = resize_x(context, s->sums, x, from, n_rows, c, between, row_size, error);
    } else {
        copy_rows(from + s->left * c, in_size, n_rows, width, between, row_size);
    }
    if (s->along_y) {
        if (status == CEN_OK) resize_y(s->sums, y, between, row_size, width, resized->pixels);
        cen__free(between);
    }
    return status;
}

/* ---- alpha: colours are weighted by it, so that what is transparent does not shine through ---- */

static uint8_t multiply_bytes(unsigned a, unsigned b)
{
    unsigned product = a * b + 128;
    return (uint8_t)((product + (product >> 8)) >> 8);
}

static void premultiply(const uint8_t *from, size_t n, size_t c, uint8_t *to)
{
    for (size_t i = 0; i < n; i++, from += c, to += c) {
        for (size_t j = 0; j + 1 < c; j++) to[j] = multiply_bytes(from[j], from[c - 1]);
        to[c - 1] = from[c - 1];
    }
}

static void unpremultiply(uint8_t *pixels, size_t n, size_t c)
{
    for (size_t i = 0; i < n; i++, pixels += c) {
        unsigned alpha = pixels[c - 1];
        if (alpha == 0 || alpha == 255) continue;
        for (size_t j = 0; j + 1 < c; j++) {
            unsigned color = 255u * pixels[j] / alpha;
            pixels[j] = (uint8_t)(color > 255 ? 255 : color);
        }
    }
}

static cen_status resize_with_alpha(cen_context *context, const cen_image *image, const scaling *s,
                                    const axis *x, const axis *y, cen_image *resized,
                                    cen_error *error)
{
    size_t c = (size_t)image->channels, n = image->width * image->height;
    cen_image weighted = *image;
    weighted.pixels = cen__alloc(context, n, c);
    if (weighted.pixels == NULL) return cen__fail_memory(error, "a resized image");
    premultiply(image->pixels, n, c, weighted.pixels);
    cen_status status = resize_passes(context, &weighted, s, x, y, resized, error);
    if (status == CEN_OK) unpremultiply(resized->pixels, resized->width * resized->height, c);
    cen__free(weighted.pixels);
    return status;
}

/* ---- the sizes ---- */

static size_t half_to_even(size_t n)
{
    size_t half = n / 2;
    return n % 2 == 1 && half % 2 == 1 ? half + 1 : half;
}

/* torchvision's Resize and CenterCrop, to any target: the side with the larger scale fits exactly,
 * the other is cut to a whole number. The picture's size is in eighths of a pixel of the image. */
static bool cover(size_t height, size_t width, size_t full_height, size_t full_width, scaling *s)
{
    size_t by_height, by_width;
    if (!cen__multiply(height, full_width, &by_height)) return false;
    if (!cen__multiply(width, full_height, &by_width)) return false;
    bool fit_height = by_height >= by_width;
    s->height = fit_height ? height : by_width / full_width;
    s->width = fit_height ? by_height / full_height : width;
    s->top = half_to_even(s->height - height);
    s->left = half_to_even(s->width - width);
    return true;
}

/* *full: of n pixels in eighths, without what is over at both ends. */
static bool measure_axis(size_t n, unsigned before, unsigned after, double edges[2], size_t *full)
{
    size_t eighths;
    if (!cen__multiply(n, 8, &eighths) || eighths <= before + after) return false;
    *full = eighths - before - after;
    edges[0] = before / 8.0;
    edges[1] = (double)n - after / 8.0;
    return true;
}

static cen_status resize_to(cen_context *context, const cen_image *image, const scaling *s,
                            cen_image *resized, cen_error *error)
{
    size_t c = (size_t)image->channels;
    if (!s->along_x && !s->along_y) {
        copy_rows(image->pixels + (s->top * image->width + s->left) * c, image->width * c,
                  resized->height, resized->width * c, resized->pixels, resized->width * c);
        return CEN_OK;
    }
    axis x, y;
    cen_status status =
        axis_create(context, &x, image->width, s->x, s->width, s->left, resized->width, error);
    if (status != CEN_OK) return status;
    status =
        axis_create(context, &y, image->height, s->y, s->height, s->top, resized->height, error);
    if (status == CEN_OK) {
        status = (c % 2 == 0 ? resize_with_alpha : resize_passes)(context, image, s, &x, &y,
                                                                  resized, error);
        axis_free(&y);
    }
    axis_free(&x);
    return status;
}

cen_status cen_image_resize(cen_context *context, const cen_image *image, size_t height,
                            size_t width, cen_resize mode, cen_image *resized, cen_error *error)
{
    *resized = (cen_image){0};
    cen_status known =
        cen__check_choice("the way to resize", (long)mode, CEN_RESIZE_STRETCH, error);
    if (known != CEN_OK) return known;
    if (height == 0 || width == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an image cannot be resized to %zu x %zu pixels; ask for 1 or more a side",
                         width, height);
    }
    if (image->pixels == NULL || image->width == 0 || image->height == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "an image without pixels cannot be resized");
    }
    scaling s = {.width = width,
                 .height = height,
                 .sums = cen__image_kernels_of(cen__context_instructions(context))->lane_sums};
    const uint8_t *excess = image->excess;
    size_t n_pixels, full_width, full_height;
    if (!measure_axis(image->width, excess[0], excess[2], s.x, &full_width) ||
        !measure_axis(image->height, excess[1], excess[3], s.y, &full_height)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an image of %zu x %zu pixels cannot be resized, for its excess leaves "
                         "nothing of it",
                         image->width, image->height);
    }
    bool fits = cen__multiply(width, height, &n_pixels);
    if (mode == CEN_RESIZE_CROP) {
        fits = fits && cover(height, width, full_height, full_width, &s);
    }
    s.along_x = s.width != image->width || excess[0] + excess[2] > 0;
    s.along_y = s.height != image->height || excess[1] + excess[3] > 0;
    uint8_t *pixels = fits ? cen__alloc(context, n_pixels, (size_t)image->channels) : NULL;
    if (pixels == NULL) {
        return cen__fail(error, CEN_ERROR_MEMORY, "not enough memory for %zu x %zu pixels", width,
                         height);
    }
    *resized = (cen_image){.width = width,
                           .height = height,
                           .channels = image->channels,
                           .pixels = pixels,
                           .warning = image->warning};
    cen_status status = resize_to(context, image, &s, resized, error);
    if (status != CEN_OK) cen_image_free(resized);
    return status;
}
