/* Layers of a C file but for the weighted sums of c_sums.c. The order of each sum is that of vector_template.h. */
#include "export/c_text.h"

#include <string.h>

/* clang-format off */

/* ---- cells of the work memory: floats, or bytes of which (cell - zero) * scale is the number ---- */

#define get get_float
#define put put_float
#define get_second get_second_float
CODE(float_cells,
static float get(const layer *v, const cell *work, int i)
{
    return work[v->x + i];
}

static void put(const layer *v, cell *work, int i, float x)
{
    work[v->y + i] = x;
})
CODE(float_second,
static float get_second(const layer *v, const cell *work, int i)
{
    return work[v->x2 + i];
})
#undef get
#undef put
#undef get_second
#define get get_byte
#define put put_byte
#define get_second get_second_byte
CODE(byte_cells,
static float get(const layer *v, const cell *work, int i)
{
    return ((float)work[v->x + i] - (float)v->x_zero) * v->x_scale;
}

static void put(const layer *v, cell *work, int i, float x)
{
    float steps = x * v->y_steps;
    int q = (int)(steps > 300 ? 300 : steps < -300 ? -300 : steps < 0 ? steps - 0.5f : steps + 0.5f) + v->y_zero;
    work[v->y + i] = (cell)(q < -128 ? -128 : q > 127 ? 127 : q);
})
CODE(byte_second,
static float get_second(const layer *v, const cell *work, int i)
{
    return ((float)work[v->x2 + i] - (float)v->x2_zero) * v->x2_scale;
})
#undef get
#undef put
#undef get_second

/* The library's cells are floats that hold either. */
static float get(const layer *v, const cell *work, int i)
{
    return v->x_scale > 0 ? get_byte(v, work, i) : get_float(v, work, i);
}

static float get_second(const layer *v, const cell *work, int i)
{
    return v->x2_scale > 0 ? get_second_byte(v, work, i) : get_second_float(v, work, i);
}

static void put(const layer *v, cell *work, int i, float x)
{
    if (v->y_steps > 0) {
        put_byte(v, work, i, x);
    } else {
        put_float(v, work, i, x);
    }
}

/* ---- sums in double ------------------------------------------------------------------------ */

/* The square root, correctly rounded: two bits of x give one of the root. */
CODE(root,
static double root(double x)
{
    union bits { double number; uint64_t bits; } made;
    uint64_t from, result = 0, rest = 0;
    int exponent;
    if (!(x > 0) || x - x != 0) return x;
    made.number = x;
    exponent = (int)(made.bits >> 52) - 1023;
    from = (made.bits & 0xFFFFFFFFFFFFFu) | (uint64_t)1 << 52;
    if (exponent % 2 != 0) {
        from *= 2;
        exponent -= 1;
    }
    for (int i = 0; i < 54; i++) {
        rest = rest << 2 | (from >> 52 & 3);
        from = from << 2 & 0x3FFFFFFFFFFFFFu;
        result *= 2;
        if (rest > 2 * result) {
            rest -= 2 * result + 1;
            result++;
        }
    }
    result = result / 2 + (result & 1);
    made.bits = ((uint64_t)(exponent / 2 + 1022) << 52) + result;
    return made.number;
})

/* Of n numbers, or of their squares. */
CODE(lanes,
static double lane_sum(const layer *v, const cell *work, int start, int n, int squared)
{
    double lanes[16];
    for (int l = 0; l < 16; l++) lanes[l] = 0;
    for (int i = 0; i < n; i++) {
        double x = (double)get(v, work, start + i);
        lanes[i % 16] += squared ? x * x : x;
    }
    for (int width = 8; width > 0; width /= 2) {
        for (int l = 0; l < width; l++) lanes[l] += lanes[l + width];
    }
    return lanes[0];
})

/* ---- in whole numbers ---- */

CODE(conv8,
static float window_sum8(const layer *v, const cell *x, const number *w, int k, int row, int column)
{
    int top = row * v->stride_h - v->pad_h, left = column * v->stride_w - v->pad_w;
    int i_begin = top < 0 ? -top : 0, i_end = top + v->kernel_h > v->h ? v->h - top : v->kernel_h;
    int j_begin = left < 0 ? -left : 0, j_end = left + v->kernel_w > v->w ? v->w - left : v->kernel_w;
    int sum = 0;
    for (int c = 0; c < v->c; c++) {
        for (int i = i_begin; i < i_end; i++) {
            const cell *from = x + (c * v->h + top + i) * v->w + left;
            const number *weights = w + (c * v->kernel_h + i) * v->kernel_w;
            for (int j = j_begin; j < j_end; j++) sum += (int)weights[j] * ((int)from[j] - v->x_zero);
        }
    }
    return (float)sum * v->numbers[v->groups * v->k + k] + v->numbers[k];
}

static void conv8(const layer *v, cell *work)
{
    int side = v->pooled ? 2 : 1, y = 0;
    for (int k = 0; k < v->groups * v->k; k++) {
        const cell *x = work + v->x + k / v->k * v->c * v->h * v->w;
        const number *w = v->weights + k * v->c * v->kernel_h * v->kernel_w;
        for (int row = 0; row + side <= v->out_h; row += side) {
            for (int column = 0; column + side <= v->out_w; column += side) {
                float best = window_sum8(v, x, w, k, row, column);
                for (int i = 1; i < side * side; i++) {
                    float other = window_sum8(v, x, w, k, row + i / 2, column + i % 2);
                    if (other > best) best = other;
                }
                put(v, work, y++, best);
            }
        }
    }
})

CODE(dense8,
static void dense8(const layer *v, cell *work)
{
    const cell *x = work + v->x;
    for (int k = 0; k < v->k; k++) {
        const number *w = v->weights + k * v->c;
        int sum = 0;
        for (int i = 0; i < v->c; i++) sum += (int)w[i] * ((int)x[i] - v->x_zero);
        put(v, work, k, (float)sum * v->numbers[v->k + k] + v->numbers[k]);
    }
})

CODE(maxpool,
static void maxpool(const layer *v, cell *work)
{
    for (int i = 0; i < v->c * v->out_h * v->out_w; i++) {
        int plane = i / (v->out_h * v->out_w) * v->h * v->w;
        int top = i / v->out_w % v->out_h * v->stride_h - v->pad_h;
        int left = i % v->out_w * v->stride_w - v->pad_w, is_first = 1;
        float best = 0;
        for (int p = 0; p < v->kernel_h * v->kernel_w; p++) {
            int r = top + p / v->kernel_w, q = left + p % v->kernel_w;
            if (r < 0 || q < 0 || r >= v->h || q >= v->w) continue;
            float other = get(v, work, plane + r * v->w + q);
            if (is_first || other > best || other != other) best = other;
            is_first = 0;
        }
        put(v, work, i, best);
    }
})

CODE(avgpool,
static void avgpool(const layer *v, cell *work)
{
    int size = v->kernel_h * v->kernel_w;
    for (int i = 0; i < v->c * v->out_h * v->out_w; i++) {
        int plane = i / (v->out_h * v->out_w) * v->h * v->w;
        int top = i / v->out_w % v->out_h * v->stride_h - v->pad_h;
        int left = i % v->out_w * v->stride_w - v->pad_w;
        float sum = 0;
        for (int p = 0; p < size; p++) {
            int r = top + (v->columns_first ? p % v->kernel_h : p / v->kernel_w);
            int q = left + (v->columns_first ? p / v->kernel_h : p % v->kernel_w);
            if (r >= 0 && q >= 0 && r < v->h && q < v->w) sum += get(v, work, plane + r * v->w + q);
        }
        put(v, work, i, sum / (float)size);
    }
})

CODE(gap,
static void gap(const layer *v, cell *work)
{
    int area = v->h * v->w;
    for (int c = 0; c < v->c; c++) {
        put(v, work, c, (float)(lane_sum(v, work, c * area, area, 0) / (double)area));
    }
})

CODE(affine,
static void affine(const layer *v, cell *work)
{
    int area = v->h * v->w;
    for (int i = 0; i < v->c * area; i++) {
        put(v, work, i, get(v, work, i) * v->numbers[i / area] + v->numbers[v->c + i / area]);
    }
})

CODE(add,
static void add(const layer *v, cell *work)
{
    for (int i = 0; i < v->c * v->h * v->w; i++) {
        put(v, work, i, get(v, work, i) + get_second(v, work, i));
    }
})

CODE(relu,
static void relu(const layer *v, cell *work)
{
    for (int i = 0; i < v->c * v->h * v->w; i++) {
        float x = get(v, work, i);
        put(v, work, i, x < 0 ? 0 : x);
    }
})

CODE(relu6,
static void relu6(const layer *v, cell *work)
{
    for (int i = 0; i < v->c * v->h * v->w; i++) {
        float x = get(v, work, i), above = x < 0 ? 0 : x;
        put(v, work, i, above > 6 ? 6 : above);
    }
})

CODE(prelu,
static void prelu(const layer *v, cell *work)
{
    int area = v->h * v->w;
    for (int i = 0; i < v->c * area; i++) {
        float x = get(v, work, i), above = x < 0 ? 0 : x, below = x < 0 ? x : 0;
        put(v, work, i, above + v->numbers[i / area] * below);
    }
})

CODE(gelu,
static float power_of_two(uint32_t k)
{
    union bits { uint32_t bits; float number; } made;
    made.bits = (k - 1) << 23;
    return made.number;
}

static float exponential(float x)
{
    union bits { uint32_t bits; float number; } made;
    const float rounder = 12582912.0F;
    float shifted = x * 1.44269504F + rounder, k = shifted - rounder;
    float r = x - k * 0.693359375F + k * 2.12194440e-4F;
    float e = 1.9875691500e-4F;
    uint32_t biased, half;
    e = e * r + 1.3981999507e-3F;
    e = e * r + 8.3334519073e-3F;
    e = e * r + 4.1665795894e-2F;
    e = e * r + 1.6666665459e-1F;
    e = e * r + 5.0000001201e-1F;
    e = e * (r * r) + r + 1;
    made.number = shifted;
    biased = made.bits - 0x4b400000U + 256;
    half = biased / 2;
    return e * power_of_two(half) * power_of_two(biased - half);
}

static void gelu(const layer *v, cell *work)
{
    for (int i = 0; i < v->c * v->h * v->w; i++) {
        float x = get(v, work, i), z = x < 0 ? -x : x, exponent = -0.5F * x * x;
        float peak = exponential(exponent < -105.0F ? -105.0F : exponent);
        float t = 1 / (1 + 0.35F * z), p = -2.915949561e-02F, share;
        p = p * t + 1.440388916e-01F;
        p = p * t - 2.558557908e-01F;
        p = p * t + 1.593392707e-01F;
        p = p * t - 2.322613541e-02F;
        p = p * t + 1.055584804e-01F;
        p = p * t + 1.198197332e-01F;
        p = p * t + 1.398637362e-01F;
        p = p * t + 1.396212938e-01F;
        share = peak * (p * t);
        put(v, work, i, x * (x < 0 ? share : 1 - share));
    }
})

CODE(l2norm,
static void l2norm(const layer *v, cell *work)
{
    double length = root(lane_sum(v, work, 0, v->c, 1));
    float factor = (float)((double)v->numbers[0] / (length > 1e-12 ? length : 1e-12));
    for (int i = 0; i < v->c; i++) put(v, work, i, factor * get(v, work, i));
})

/* A weight of 16 bits (IEEE 754, binary16). */
#undef value
#define value value_of_half
CODE(half,
static float value(uint16_t weight)
{
    union bits { uint32_t bits; float number; } made;
    float small = (float)(weight & 1023) * 5.9604644775390625e-8f;
    int exponent = weight >> 10 & 31;
    made.bits = ((uint32_t)exponent + 112) << 23 | (uint32_t)(weight & 1023) << 13;
    if (exponent == 0) made.number = small;
    return weight & 0x8000 ? -made.number : made.number;
})

/* ---- the net's two ends: a layer whose x is the output, and y the input, of c x h x w ------------- */

CODE(picture,
static void picture(const layer *v, const uint8_t *pixels, int mirrored, cell *work)
{
    int area = v->h * v->w;
    for (int i = 0; i < v->c * area; i++) {
        int column = mirrored ? v->w - 1 - i % v->w : i % v->w;
        float byte = (float)pixels[(i % area / v->w * v->w + column) * v->c + i / area];
        put(v, work, i, (byte / 255.0f - v->numbers[i / area]) / v->numbers[v->c + i / area]);
    }
})

CODE(average,
static void average(const layer *v, const cell *work, float *f)
{
    for (int i = 0; i < v->k; i++) f[i] = (f[i] + get(v, work, i)) / 2;
})

CODE(scale_like,
static void scale_like(const layer *v, const cell *work, float *f)
{
    double square = 0, wanted = 0;
    float factor;
    for (int i = 0; i < v->k; i++) {
        double like = (double)get(v, work, i);
        square += (double)f[i] * (double)f[i];
        wanted += like * like;
    }
    if (square == 0) return;
    factor = (float)root(wanted / square);
    for (int i = 0; i < v->k; i++) f[i] *= factor;
})

CODE(unit,
static void unit(int d, float *f)
{
    double sum = 0;
    for (int i = 0; i < d; i++) sum += (double)f[i] * (double)f[i];
    if (sum == 0) return;
    sum = root(sum);
    for (int i = 0; i < d; i++) f[i] = (float)((double)f[i] / sum);
})

/* clang-format on */

#define FUNCTION(name, needs, in_place)                                                            \
    static const cen__c_function name##_function = {#name, name, name##_text, needs, in_place};
FUNCTION(conv8, 0, false)
FUNCTION(dense8, 0, false)
FUNCTION(maxpool, 0, false)
FUNCTION(avgpool, 0, false)
FUNCTION(gap, NEEDS(LANES), false)
FUNCTION(affine, 0, true)
FUNCTION(add, NEEDS(SECOND), true)
FUNCTION(relu, 0, true)
FUNCTION(relu6, 0, true)
FUNCTION(gelu, 0, true)
FUNCTION(prelu, 0, true)
FUNCTION(l2norm, NEEDS(LANES) | NEEDS(ROOT), true)

const cen__c_function *const cen__c_functions[CEN__C_N_KINDS] = {
    [CEN__C_CONV] = &cen__c_conv,
    [CEN__C_WINOGRAD] = &cen__c_winograd,
    [CEN__C_DENSE] = &cen__c_dense,
    [CEN__C_CONV_BYTES] = &conv8_function,
    [CEN__C_DENSE_BYTES] = &dense8_function,
    [CEN__C_MAXPOOL] = &maxpool_function,
    [CEN__C_AVGPOOL] = &avgpool_function,
    [CEN__C_GAP] = &gap_function,
    [CEN__C_AFFINE] = &affine_function,
    [CEN__C_ADD] = &add_function,
    [CEN__C_RELU] = &relu_function,
    [CEN__C_RELU6] = &relu6_function,
    [CEN__C_GELU] = &gelu_function,
    [CEN__C_PRELU] = &prelu_function,
    [CEN__C_L2NORM] = &l2norm_function,
};

static const char layer_text[] =
    "typedef struct layer {" EXPANDED(CEN__C_LAYER_FIELDS(number)) "} layer;";
static const char byte_layer_text[] =
    "typedef struct layer {" EXPANDED(CEN__C_LAYER_FIELDS(number) CEN__C_BYTE_FIELDS) "} layer;";

#define TEXTS(types, fields, weight, cells, second)                                                \
    {                                                                                              \
        types, fields, weight, cells, second, root_text, lanes_text, cen__c_lines_text,            \
            picture_text, average_text, scale_like_text, unit_text                                 \
    }

const char *const cen__c_texts[CEN__C_N_FORMATS][CEN__C_N_TEXTS] = {
    TEXTS("typedef float cell; typedef float number;", layer_text,
          "static float value(number weight) { return weight; }", float_cells_text,
          float_second_text),
    TEXTS("typedef float cell; typedef uint16_t number;", layer_text, half_text, float_cells_text,
          float_second_text),
    TEXTS("typedef int8_t cell; typedef int8_t number;", byte_layer_text, "", byte_cells_text,
          byte_second_text)};

void cen__c_begin(const cen__c_layer *ends, const uint8_t *pixels, bool is_mirrored, float *work)
{
    picture(ends, pixels, is_mirrored, work);
}

void cen__c_output(const cen__c_layer *ends, const float *work, float *f)
{
    for (int i = 0; i < ends->k; i++) f[i] = get(ends, work, i);
}

void cen__c_average(const cen__c_layer *ends, const float *work, bool has_length, float *f)
{
    average(ends, work, f);
    if (has_length) scale_like(ends, work, f);
}

void cen__c_unit(int d, float *f)
{
    unit(d, f);
}

float cen__c_whole(uint16_t half)
{
    return value_of_half(half);
}

/* To the nearest, of two equally near ones to the even one. |weight| is at most 65504. */
uint16_t cen__c_half(float weight)
{
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000, exponent = bits >> 23 & 255;
    uint32_t digits = (bits & 0x7FFFFF) | 0x800000;
    const uint32_t shift = exponent >= 113 ? 13 : exponent > 101 ? 126 - exponent : 25;
    const uint32_t rest = digits & ((1u << shift) - 1), middle = 1u << (shift - 1);
    digits >>= shift;
    if (rest > middle || (rest == middle && digits % 2 == 1)) digits++;
    /* The leading digit adds one to the exponent, and so does a carry. */
    return (uint16_t)(sign | (exponent >= 113 ? ((exponent - 113) << 10) + digits : digits));
}
