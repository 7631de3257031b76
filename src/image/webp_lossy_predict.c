/* Prediction from the neighbours and the inverse DCT (RFC 6386, sections 12 and 14). */
#include "image/webp_lossy.h"

#include <string.h>

static uint8_t clamp(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* ---- the inverse DCT ------------------------------------------------------------------------- */

/* a * sqrt(2) cos(pi / 8) and a * sqrt(2) sin(pi / 8) in 16 bits of fraction. */
static int times_cos(int a)
{
    return (a * 20091 >> 16) + a;
}

static int times_sin(int a)
{
    return a * 35468 >> 16;
}

static void add_transform(const int16_t *in, uint8_t *out, size_t stride)
{
    int16_t t[16]; /* which a damaged file may wrap */
    for (int i = 0; i < 4; i++) {
        int a = in[i] + in[8 + i], b = in[i] - in[8 + i];
        int c = times_sin(in[4 + i]) - times_cos(in[12 + i]);
        int d = times_cos(in[4 + i]) + times_sin(in[12 + i]);
        t[4 * i] = (int16_t)(a + d);
        t[4 * i + 1] = (int16_t)(b + c);
        t[4 * i + 2] = (int16_t)(b - c);
        t[4 * i + 3] = (int16_t)(a - d);
    }
    for (int i = 0; i < 4; i++, out += stride) {
        int a = t[i] + 4 + t[8 + i], b = t[i] + 4 - t[8 + i];
        int c = times_sin(t[4 + i]) - times_cos(t[12 + i]);
        int d = times_cos(t[4 + i]) + times_sin(t[12 + i]);
        out[0] = clamp(out[0] + ((int16_t)(a + d) >> 3));
        out[1] = clamp(out[1] + ((int16_t)(b + c) >> 3));
        out[2] = clamp(out[2] + ((int16_t)(b - c) >> 3));
        out[3] = clamp(out[3] + ((int16_t)(a - d) >> 3));
    }
}

static void add_row(int middle, int inner, int outer, uint8_t *out)
{
    out[0] = clamp(out[0] + ((middle + outer) >> 3));
    out[1] = clamp(out[1] + ((middle + inner) >> 3));
    out[2] = clamp(out[2] + ((middle - inner) >> 3));
    out[3] = clamp(out[3] + ((middle - outer) >> 3));
}

/* Of a block with the first three coefficients only: DC, the next to the right and the next below. */
static void add_three(const int16_t *in, uint8_t *out, size_t stride)
{
    int dc = in[0] + 4, inner = times_sin(in[1]), outer = times_cos(in[1]);
    int c = times_sin(in[4]), d = times_cos(in[4]);
    add_row(dc + d, inner, outer, out);
    add_row(dc + c, inner, outer, out + stride);
    add_row(dc - c, inner, outer, out + 2 * stride);
    add_row(dc - d, inner, outer, out + 3 * stride);
}

static void add_dc(int dc, uint8_t *out, size_t stride)
{
    int value = (dc + 4) >> 3;
    for (int y = 0; y < 4; y++, out += stride)
        for (int x = 0; x < 4; x++) out[x] = clamp(out[x] + value);
}

static void add_block(const int16_t *in, int filled, uint8_t *out, size_t stride)
{
    if (filled == 3)
        add_transform(in, out, stride);
    else if (filled == 2)
        add_three(in, out, stride);
    else if (filled == 1)
        add_dc(in[0], out, stride);
}

/* ---- squares of 16 and 8 --------------------------------------------------------------------- */

static void fill(uint8_t *out, size_t stride, size_t n, int value)
{
    for (size_t y = 0; y < n; y++) memset(out + y * stride, value, n);
}

/* The mean of those edges that lie within the picture. */
static void predict_dc(uint8_t *out, size_t stride, size_t n, bool has_left, bool has_above)
{
    const uint8_t *above = out - stride, *left = out - 1;
    unsigned sum = 0, count = (unsigned)n * (has_left + has_above);
    for (size_t i = 0; i < n && has_above; i++) sum += above[i];
    for (size_t i = 0; i < n && has_left; i++) sum += left[i * stride];
    fill(out, stride, n, count == 0 ? 128 : (int)((sum + count / 2) / count));
}

/* Left plus above less the corner. */
static void predict_tm(uint8_t *out, size_t stride, size_t n)
{
    const uint8_t *above = out - stride;
    int corner = above[-1];
    for (size_t y = 0; y < n; y++, out += stride) {
        int difference = out[-1] - corner;
        for (size_t x = 0; x < n; x++) out[x] = clamp(above[x] + difference);
    }
}

static void predict_square(int mode, uint8_t *out, size_t stride, size_t n, bool has_left,
                           bool has_above)
{
    if (mode == CEN__DC_PRED) {
        predict_dc(out, stride, n, has_left, has_above);
    } else if (mode == CEN__TM_PRED) {
        predict_tm(out, stride, n);
    } else if (mode == CEN__V_PRED) {
        for (size_t y = 0; y < n; y++) memcpy(out + y * stride, out - stride, n);
    } else {
        for (size_t y = 0; y < n; y++) memset(out + y * stride, (out - 1)[y * stride], n);
    }
}

/* ---- squares of 4 (section 12.3) ------------------------------------------------------------- */

static uint8_t mean2(const uint8_t *e)
{
    return (uint8_t)((e[0] + e[1] + 1) >> 1);
}

static uint8_t mean3(const uint8_t *e)
{
    return (uint8_t)((e[-1] + 2 * e[0] + e[1] + 2) >> 2);
}

/* The edge runs from below left over the corner, e[4], to above right, e[12]. */
enum { CORNER = 4 };

/* Rows that are each four of seven values in a line, one further to the right (step 1) or left. */
static void put_diagonal(const uint8_t *line, int step, uint8_t *out, size_t stride)
{
    for (int y = 0; y < 4; y++, out += stride, line += step) memcpy(out, line, 4);
}

static void predict_rd(const uint8_t *e, uint8_t *out, size_t stride)
{
    uint8_t line[7];
    for (int i = 0; i < 7; i++) line[i] = mean3(e + 1 + i);
    put_diagonal(line + 3, -1, out, stride);
}

static void predict_ld(const uint8_t *e, uint8_t *out, size_t stride)
{
    uint8_t line[7];
    for (int i = 0; i < 6; i++) line[i] = mean3(e + CORNER + 2 + i);
    line[6] = (uint8_t)((e[11] + 3 * e[12] + 2) >> 2);
    put_diagonal(line, 1, out, stride);
}

static void predict_vr(const uint8_t *e, uint8_t *out, size_t stride)
{
    for (int x = 0; x < 4; x++) {
        out[x] = mean2(e + CORNER + x);
        out[stride + (size_t)x] = mean3(e + CORNER + x);
    }
    for (int y = 2; y < 4; y++) {
        uint8_t *row = out + (size_t)y * stride;
        memcpy(row + 1, row - 2 * stride, 3);
        row[0] = mean3(e + CORNER + 1 - y);
    }
}

static void predict_vl(const uint8_t *e, uint8_t *out, size_t stride)
{
    const uint8_t *above = e + CORNER + 1;
    for (int x = 0; x < 4; x++) {
        out[x] = mean2(above + x);
        out[stride + (size_t)x] = mean3(above + 1 + x);
    }
    for (int y = 2; y < 4; y++) {
        uint8_t *row = out + (size_t)y * stride;
        memcpy(row, row - 2 * stride + 1, 3);
        row[3] = mean3(above + 3 + y); /* of both, as the codec has it from its beginning */
    }
}

static void predict_hd(const uint8_t *e, uint8_t *out, size_t stride)
{
    uint8_t line[10]; /* from below left on: a mean of two, a mean of three */
    for (int i = 0; i < 4; i++) {
        line[2 * i] = mean2(e + i);
        line[2 * i + 1] = mean3(e + i + 1);
    }
    line[8] = mean3(e + CORNER + 1);
    line[9] = mean3(e + CORNER + 2);
    put_diagonal(line + 6, -2, out, stride);
}

static void predict_hu(const uint8_t *e, uint8_t *out, size_t stride)
{
    uint8_t line[10]; /* from the top of the left on */
    for (int i = 0; i < 3; i++) {
        line[2 * i] = mean2(e + 2 - i);
        line[2 * i + 1] = i < 2 ? mean3(e + 2 - i) : (uint8_t)((e[1] + 3 * e[0] + 2) >> 2);
    }
    memset(line + 6, e[0], 4);
    put_diagonal(line, 2, out, stride);
}

/* right: the four pixels above and to the right. */
static void predict_block(int mode, const uint8_t *right, uint8_t *out, size_t stride)
{
    uint8_t e[13];
    for (size_t i = 0; i < 4; i++) e[i] = (out - 1)[(3 - i) * stride];
    memcpy(e + CORNER, out - stride - 1, 5);
    memcpy(e + CORNER + 5, right, 4);
    switch (mode) {
    case CEN__DC_PRED: predict_dc(out, stride, 4, true, true); break;
    case CEN__TM_PRED: predict_tm(out, stride, 4); break;
    case CEN__V_PRED:
        for (int x = 0; x < 4; x++) out[x] = mean3(e + CORNER + 1 + x);
        for (size_t y = 1; y < 4; y++) memcpy(out + y * stride, out, 4);
        break;
    case CEN__H_PRED:
        for (size_t y = 0; y < 3; y++) memset(out + y * stride, mean3(e + 3 - y), 4);
        memset(out + 3 * stride, (e[1] + 3 * e[0] + 2) >> 2, 4);
        break;
    case CEN__RD_PRED: predict_rd(e, out, stride); break;
    case CEN__VR_PRED: predict_vr(e, out, stride); break;
    case CEN__LD_PRED: predict_ld(e, out, stride); break;
    case CEN__VL_PRED: predict_vl(e, out, stride); break;
    case CEN__HD_PRED: predict_hd(e, out, stride); break;
    default: predict_hu(e, out, stride); break;
    }
}

/* ---- a macroblock ---------------------------------------------------------------------------- */

/* The blocks of the right column all have the pixels above the next macroblock to their right. Below the first row
 * the last macroblock, which has no next one, repeats the last pixel above it. */
static void reconstruct_blocks(const cen__vp8 *vp8, size_t column, size_t row, uint8_t *out,
                               size_t stride)
{
    const cen__vp8_macroblock *block = &vp8->block;
    uint8_t right[4];
    memcpy(right, out - stride + 16, 4);
    if (row > 0 && column + 1 == vp8->n_columns) memset(right, out[15 - (ptrdiff_t)stride], 4);
    for (size_t i = 0; i < 16; i++) {
        uint8_t *at = out + i / 4 * 4 * stride + i % 4 * 4;
        predict_block(block->modes[i], i % 4 == 3 ? right : at - stride + 4, at, stride);
        add_block(block->coefficients + 16 * i, block->filled[i], at, stride);
    }
}

void cen__vp8_reconstruct(cen__vp8 *vp8, size_t column, size_t row)
{
    const cen__vp8_macroblock *block = &vp8->block;
    size_t stride = vp8->planes[0].stride;
    uint8_t *out = vp8->planes[0].first + 16 * (row * stride + column);
    if (block->has_blocks) {
        reconstruct_blocks(vp8, column, row, out, stride);
    } else {
        predict_square(block->modes[0], out, stride, 16, column > 0, row > 0);
        for (size_t i = 0; i < 16; i++)
            add_block(block->coefficients + 16 * i, block->filled[i],
                      out + i / 4 * 4 * stride + i % 4 * 4, stride);
    }
    for (size_t p = 1; p < 3; p++) {
        stride = vp8->planes[p].stride;
        out = vp8->planes[p].first + 8 * (row * stride + column);
        predict_square(block->chroma_mode, out, stride, 8, column > 0, row > 0);
        for (size_t i = 0; i < 4; i++)
            add_block(block->coefficients + 192 + 64 * p + 16 * i, block->filled[12 + 4 * p + i],
                      out + i / 2 * 4 * stride + i % 2 * 4, stride);
    }
}
