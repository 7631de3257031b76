#include "data/augment.h"

#include <math.h>
#include <string.h>

#include "base/checks.h"
#include "base/random.h"

enum {
    SEGMENT = 64,           /* pixels whose sources are computed together */
    LONGEST_SIDE = 1 << 24, /* the largest index that a float holds exactly */
    LEAST_ERASED = 50,      /* a 50th to */
    MOST_ERASED = 5         /* one fifth of the area */
};

bool cen__augment_is_none(const cen_augment *augment)
{
    return augment->shift == 0 && augment->rotation == 0 && augment->scale == 0 &&
           augment->brightness == 0 && augment->contrast == 0 && augment->erase == 0 &&
           !augment->flip;
}

static bool is_resampling(const cen_augment *augment)
{
    return augment->rotation > 0 || augment->scale > 0;
}

static cen_status check(const cen_augment *augment, const cen_input *input, cen_error *error)
{
    const struct {
        const char *name;
        double value, most;
    } switches[] = {
        {"shift", augment->shift, 1},        {"rotation", augment->rotation, 180},
        {"scale", augment->scale, 10},       {"brightness", augment->brightness, 1},
        {"contrast", augment->contrast, 10}, {"erase", augment->erase, 1},
    };
    for (size_t i = 0; i < sizeof switches / sizeof switches[0]; i++) {
        if (switches[i].value >= 0 && switches[i].value <= switches[i].most) continue;
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "augmentation: %s is %g; choose a number from 0 to %g", switches[i].name,
                         switches[i].value, switches[i].most);
    }
    if (is_resampling(augment) && (input->height > LONGEST_SIDE || input->width > LONGEST_SIDE)) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "augmentation: images of %zu x %zu cannot be turned or scaled; choose a "
                         "smaller image size",
                         input->height, input->width);
    }
    return CEN_OK;
}

cen_status cen__augment_take(const cen_augment *given, const cen_input *input, cen_augment *taken,
                             cen_error *error)
{
    *taken = cen_augment_init();
    cen_status status = cen__take_options(taken, given, error);
    return status == CEN_OK ? check(taken, input, error) : status;
}

/* ---- drawing ------------------------------------------------------------------------------- */

/* Each has a random number of its own per image. */
enum {
    DRAW_RIGHT,
    DRAW_DOWN,
    DRAW_ANGLE,
    DRAW_SCALE,
    DRAW_BRIGHTNESS,
    DRAW_CONTRAST,
    DRAW_ERASE,
    DRAW_ERASE_AREA,
    DRAW_ERASE_SHAPE,
    DRAW_ERASE_TOP,
    DRAW_ERASE_LEFT,
    DRAW_FLIP
};

typedef struct {
    uint64_t seed, stream;
} source;

/* Uniform in [0, 1) and in [-1, 1). */
static double draw_share(source s, uint64_t which)
{
    return (double)cen__random_float(s.seed, s.stream, which);
}

static double draw_signed(source s, uint64_t which)
{
    return 2 * draw_share(s, which) - 1;
}

/* In 1 / (1 + most) .. 1 + most: it grows as often as it shrinks. */
static double draw_factor(source s, uint64_t which, double most)
{
    double number = draw_signed(s, which), factor = 1 + fabs(number) * most;
    return number < 0 ? 1 / factor : factor;
}

/* Uniform in -most .. most. */
static ptrdiff_t draw_pixels(source s, uint64_t which, double most)
{
    size_t whole = (size_t)floor(most + 1e-9);
    return (ptrdiff_t)cen__random_below(s.seed, s.stream, which, 2 * whole + 1) - (ptrdiff_t)whole;
}

/* Zhong et al., Random Erasing Data Augmentation, 2017. The rectangle has the shape of the image, stretched
 * by up to 3 in either direction, so it always fits. */
static void draw_erased(cen__change *change, const cen_input *input, source s)
{
    size_t area = input->height * input->width;
    size_t least = (area + LEAST_ERASED - 1) / LEAST_ERASED, most = area / MOST_ERASED;
    if (most < least) return; /* the image has only a few pixels */
    double share = draw_share(s, DRAW_ERASE_AREA);
    double pixels = (double)least + share * (double)(most - least);
    double stretch = draw_factor(s, DRAW_ERASE_SHAPE, 2);
    double height = (double)input->height * sqrt(pixels / (double)area * stretch);
    change->height = height < 1 ? 1 : (size_t)floor(height + 0.5);
    change->width = (size_t)floor(pixels / (double)change->height + 0.5);
    if (change->width * change->height > most) change->width--;
    if (change->width * change->height < least) change->width++;
    if (change->width > input->width) change->width = input->width;
    if (change->width * change->height > most) change->height = most / change->width;
    change->top = (size_t)cen__random_below(s.seed, s.stream, DRAW_ERASE_TOP,
                                            input->height - change->height + 1);
    change->left = (size_t)cen__random_below(s.seed, s.stream, DRAW_ERASE_LEFT,
                                             input->width - change->width + 1);
}

/* An image changes its side in every epoch. So two epochs show each image from both sides; random sides would
 * show half of the images twice from the same side (Jordan, 94% on CIFAR-10 in 3.29 Seconds on a Single
 * GPU, 2024). */
static bool is_flipped(uint64_t seed, size_t epoch, size_t index)
{
    const source s = {seed, cen__substream(cen__substream(CEN__STREAM_AUGMENT, 0), index)};
    return (draw_share(s, DRAW_FLIP) < 0.5) != (epoch % 2 == 1);
}

cen__change cen__augment_draw(const cen_augment *augment, const cen_input *input, uint64_t seed,
                              size_t epoch, size_t index)
{
    const double degree = 3.14159265358979323846 / 180;
    uint64_t stream = cen__substream(cen__substream(CEN__STREAM_AUGMENT, epoch), index);
    const source s = {seed, stream};
    double across = augment->shift * (double)input->width;
    double along = augment->shift * (double)input->height;
    cen__change change = {.is_resampled = is_resampling(augment)};
    if (change.is_resampled) {
        cen__change_place(&change, input, draw_signed(s, DRAW_ANGLE) * augment->rotation * degree,
                          draw_factor(s, DRAW_SCALE, augment->scale),
                          draw_signed(s, DRAW_RIGHT) * across, draw_signed(s, DRAW_DOWN) * along);
    } else {
        change.right = draw_pixels(s, DRAW_RIGHT, across);
        change.down = draw_pixels(s, DRAW_DOWN, along);
    }
    change.brightness = (float)(draw_signed(s, DRAW_BRIGHTNESS) * augment->brightness);
    change.contrast = (float)draw_factor(s, DRAW_CONTRAST, augment->contrast);
    if (draw_share(s, DRAW_ERASE) < augment->erase) draw_erased(&change, input, s);
    change.is_flipped = augment->flip && is_flipped(seed, epoch, index);
    return change;
}

/* With the middle m and the shift t: source = m + R(-angle) (x - m - t) / factor. */
void cen__change_place(cen__change *change, const cen_input *input, double angle, double factor,
                       double right, double down)
{
    double middle_x = (double)(input->width - 1) / 2, middle_y = (double)(input->height - 1) / 2;
    double cosine = cos(angle) / factor, sine = sin(angle) / factor;
    double from_x = middle_x + right, from_y = middle_y + down;
    change->is_resampled = true;
    change->matrix[0][0] = (float)cosine;
    change->matrix[0][1] = (float)sine;
    change->matrix[0][2] = (float)(middle_x - cosine * from_x - sine * from_y);
    change->matrix[1][0] = (float)-sine;
    change->matrix[1][1] = (float)cosine;
    change->matrix[1][2] = (float)(middle_y + sine * from_x - cosine * from_y);
}

/* ---- making the change --------------------------------------------------------------------- */

/* The sources of the pixels of a part of a row: the left and upper neighbour, and the distance beyond it. */
typedef struct {
    int32_t left[SEGMENT], upper[SEGMENT];
    float beyond_left[SEGMENT], beyond_upper[SEGMENT];
} places;

/* One axis: step * (first + i) + start, limited to 0 .. side - 1. Both neighbours lie in the image: the last
 * pixel is described as the one before it, plus 1. */
static void place(float step, float start, size_t first, size_t n, size_t side, int32_t *pixel,
                  float *beyond)
{
    float last = (float)(side - 1);
    int32_t last_pixel = side > 1 ? (int32_t)(side - 2) : 0;
    for (int32_t i = 0; i < (int32_t)n; i++) {
        float at = step * (float)((int32_t)first + i) + start;
        at = at > 0 ? at : 0;
        at = at < last ? at : last;
        int32_t whole = (int32_t)at;
        pixel[i] = whole < last_pixel ? whole : last_pixel;
        beyond[i] = at - (float)pixel[i];
    }
}

/* x[n] = scale * 255 value + offset, of one channel. Values times 255 are whole numbers if they are pixels, so
 * blending rounds only once. The four neighbours are fetched first, so that the rest runs in vectors. */
static void blend(const places *from, size_t n, const cen_input *input, const float *raw,
                  float scale, float offset, float *x)
{
    size_t width = input->width, right = width > 1, down = input->height > 1 ? width : 0;
    float upper_left[SEGMENT], upper_right[SEGMENT], lower_left[SEGMENT], lower_right[SEGMENT];
    for (size_t i = 0; i < n; i++) {
        const float *upper = raw + (size_t)from->upper[i] * width + (size_t)from->left[i];
        upper_left[i] = upper[0];
        upper_right[i] = upper[right];
        lower_left[i] = upper[down];
        lower_right[i] = upper[down + right];
    }
    for (size_t i = 0; i < n; i++) {
        float upper = 255 * upper_left[i], lower = 255 * lower_left[i];
        float above = upper + from->beyond_left[i] * (255 * upper_right[i] - upper);
        float below = lower + from->beyond_left[i] * (255 * lower_right[i] - lower);
        x[i] = (above + from->beyond_upper[i] * (below - above)) * scale + offset;
    }
}

static void resample(const cen__change *change, const cen_input *input, const float *raw, float *x)
{
    size_t height = input->height, width = input->width, plane = height * width;
    const float *across = change->matrix[0], *along = change->matrix[1];
    places from;
    for (size_t row = 0; row < height; row++) {
        float start_x = across[1] * (float)row + across[2];
        float start_y = along[1] * (float)row + along[2];
        for (size_t first = 0; first < width; first += SEGMENT) {
            size_t n = width - first < SEGMENT ? width - first : SEGMENT;
            place(across[0], start_x, first, n, width, from.left, from.beyond_left);
            place(along[0], start_y, first, n, height, from.upper, from.beyond_upper);
            for (size_t c = 0; c < input->channels; c++) {
                blend(&from, n, input, raw + c * plane, 1 / (255 * input->std[c]),
                      -input->mean[c] / input->std[c], x + c * plane + row * width + first);
            }
        }
    }
}

/* One channel. Pixels before `begin` repeat the first one of their row, those from `end` on the last one. */
static void shift(const cen__change *change, const cen_input *input, size_t c, const float *raw,
                  float *x)
{
    ptrdiff_t h = (ptrdiff_t)input->height, w = (ptrdiff_t)input->width, right = change->right;
    ptrdiff_t begin = right > 0 ? right : 0, end = right < 0 ? w + right : w;
    const float mean = input->mean[c], std = input->std[c];
    if (begin > w) begin = w;
    if (end < 0) end = 0;
    for (ptrdiff_t row = 0; row < h; row++, x += w) {
        ptrdiff_t from = row - change->down;
        const float *in = raw + (from < 0 ? 0 : from < h ? from : h - 1) * w;
        for (ptrdiff_t i = 0; i < begin; i++) x[i] = (in[0] - mean) / std;
        for (ptrdiff_t i = begin; i < end; i++) x[i] = (in[i - right] - mean) / std;
        for (ptrdiff_t i = end; i < w; i++) x[i] = (in[w - 1] - mean) / std;
    }
}

/* The mean over all channels. The sum of pixels is exact, since values times 255 are whole numbers. */
static float mean_of(const cen_input *input, const float *raw)
{
    double sum = 0;
    size_t n_rows = input->channels * input->height, n = n_rows * input->width;
    for (size_t i = 0; i < n; i++) sum += (double)(255 * raw[i]);
    return (float)(sum / (255.0 * (double)n_rows * (double)input->width));
}

/* With v the value and m the row's mean, ((v - m) contrast + m + brightness - mean) / std
 * is contrast x + offset. */
static void light(const cen__change *change, const cen_input *input, const float *raw, float *x)
{
    size_t plane = input->height * input->width;
    float mean = change->contrast == 1 ? 0 : mean_of(input, raw);
    for (size_t c = 0; c < input->channels; c++, x += plane) {
        float contrast = change->contrast;
        float offset =
            ((1 - contrast) * (mean - input->mean[c]) + change->brightness) / input->std[c];
        for (size_t i = 0; i < plane; i++) x[i] = contrast * x[i] + offset;
    }
}

static void erase(const cen__change *change, const cen_input *input, float *x)
{
    for (size_t c = 0; c < input->channels; c++, x += input->height * input->width) {
        float *row = x + change->top * input->width + change->left;
        for (size_t i = 0; i < change->height; i++, row += input->width) {
            memset(row, 0, change->width * sizeof *row);
        }
    }
}

void cen__flip(const cen_input *input, float *x)
{
    size_t width = input->width, n_rows = input->channels * input->height;
    for (size_t row = 0; row < n_rows; row++, x += width) {
        for (size_t i = 0; i < width / 2; i++) {
            float left = x[i];
            x[i] = x[width - 1 - i];
            x[width - 1 - i] = left;
        }
    }
}

void cen__change_apply(const cen__change *change, const cen_input *input, const float *raw,
                       float *x)
{
    size_t plane = input->height * input->width;
    if (change->is_resampled) {
        resample(change, input, raw, x);
    } else {
        for (size_t c = 0; c < input->channels; c++) {
            shift(change, input, c, raw + c * plane, x + c * plane);
        }
    }
    if (change->contrast != 1 || change->brightness != 0) light(change, input, raw, x);
    if (change->height > 0) erase(change, input, x);
    if (change->is_flipped) cen__flip(input, x);
}
