/* Layers of a C file that have no weighted sums, and the net's two ends. The order of each sum is that of
 * vector_template.h. */
#include "export/c_text.h"

/* clang-format off */

/* ---- sums in double ------------------------------------------------------------------------ */

/* The square root, correctly rounded: two bits of x give one of the root. */
SHARED(cen__c_root,
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
SHARED(cen__c_lanes,
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

/* ---- layers ---- */

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

/* ---- the net's two ends: a layer whose x is the output, and y the input, of c x h x w ------------- */

SHARED(cen__c_picture,
static void picture(const layer *v, const uint8_t *pixels, int mirrored, cell *work)
{
    int area = v->h * v->w;
    for (int i = 0; i < v->c * area; i++) {
        int column = mirrored ? v->w - 1 - i % v->w : i % v->w;
        float byte = (float)pixels[(i % area / v->w * v->w + column) * v->c + i / area];
        put(v, work, i, (byte / 255.0f - v->numbers[i / area]) / v->numbers[v->c + i / area]);
    }
})

SHARED(cen__c_average,
static void average(const layer *v, const cell *work, float *f)
{
    for (int i = 0; i < v->k; i++) f[i] = (f[i] + get(v, work, i)) / 2;
})

SHARED(cen__c_scale_like,
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

SHARED(cen__c_unit,
static void unit(int d, float *f)
{
    double sum = 0;
    for (int i = 0; i < d; i++) sum += (double)f[i] * (double)f[i];
    if (sum == 0) return;
    sum = root(sum);
    for (int i = 0; i < d; i++) f[i] = (float)((double)f[i] / sum);
})

/* clang-format on */

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
