/* What happens to pixels whatever file they came from: memory, channels, orientation. */
#include "image/decoders.h"

#include "base/memory.h"

cen_status cen__image_check_sides(size_t width, size_t height, cen_error *error)
{
    if (width > 0 && height > 0) return CEN_OK;
    return cen__fail(error, CEN_ERROR_FORMAT, "the header says %zu x %zu pixels, that is none",
                     width, height);
}

cen_status cen__image_check_pixels(size_t width, size_t height, const cen_image_options *options,
                                   cen_error *error)
{
    size_t n_pixels;
    if (cen__multiply(width, height, &n_pixels) && n_pixels <= options->max_pixels) return CEN_OK;
    return cen__fail(error, CEN_ERROR_LIMIT,
                     "%zu x %zu pixels are more than the %zu allowed; raise that limit "
                     "(max_pixels, --max-pixels) to read "
                     "it all the same",
                     width, height, options->max_pixels);
}

const char *cen__image_dark(unsigned largest)
{
#define DARK(limit, levels)                                                                        \
    if (largest < (limit))                                                                         \
    return "all 16-bit values are below " #limit " of 65536, so at 8 bits the picture has " levels \
           "; multiply its values until they fill the range and save it again"
    DARK(256, "one level, black");
    DARK(512, "2 levels");
    DARK(1024, "4 levels");
    DARK(2048, "8 levels");
    DARK(4096, "16 levels");
#undef DARK
    return NULL;
}

cen_status cen__image_allocate(cen_context *context, cen_image *image, size_t width, size_t height,
                               int channels, const cen_image_options *options, cen_error *error)
{
    *image = (cen_image){0};
    cen_status status = cen__image_check_sides(width, height, error);
    if (status == CEN_OK) status = cen__image_check_pixels(width, height, options, error);
    if (status != CEN_OK) return status;
    uint8_t *pixels = cen__alloc(context, width * height, (size_t)channels);
    if (pixels == NULL) {
        return cen__fail(error, CEN_ERROR_MEMORY, "not enough memory for %zu x %zu pixels", width,
                         height);
    }
    *image = (cen_image){.width = width, .height = height, .channels = channels, .pixels = pixels};
    return CEN_OK;
}

void cen_image_free(cen_image *image)
{
    if (image == NULL) return;
    cen__free(image->pixels);
    *image = (cen_image){0};
}

/* ITU-R 601 in 16 bits of fraction, the weights of Pillow's convert("L"). */
static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

static void convert_to_grey(const uint8_t *from, size_t n, int channels, uint8_t *to)
{
    if (channels == 2) {
        for (size_t i = 0; i < n; i++) to[i] = from[2 * i];
    } else if (channels == 3) {
        for (size_t i = 0; i < n; i++) to[i] = luma(from + 3 * i);
    } else {
        for (size_t i = 0; i < n; i++) to[i] = luma(from + 4 * i);
    }
}

static void convert_to_rgb(const uint8_t *from, size_t n, int channels, uint8_t *to)
{
    size_t step = (size_t)channels, green = channels > 2 ? 1 : 0, blue = 2 * green;
    for (size_t i = 0; i < n; i++) {
        to[3 * i] = from[step * i];
        to[3 * i + 1] = from[step * i + green];
        to[3 * i + 2] = from[step * i + blue];
    }
}

static void convert_to_rgba(const uint8_t *from, size_t n, int channels, uint8_t *to)
{
    size_t step = (size_t)channels, green = channels > 2 ? 1 : 0, blue = 2 * green;
    for (size_t i = 0; i < n; i++) {
        to[4 * i] = from[step * i];
        to[4 * i + 1] = from[step * i + green];
        to[4 * i + 2] = from[step * i + blue];
        to[4 * i + 3] = channels == 2 ? from[2 * i + 1] : 255;
    }
}

cen_status cen__image_convert(cen_context *context, cen_image *image, int channels,
                              cen_error *error)
{
    if (channels == 0 || channels == image->channels) return CEN_OK;
    size_t n = image->width * image->height;
    uint8_t *pixels = cen__alloc(context, n, (size_t)channels);
    if (pixels == NULL) return cen__fail_memory(error, "a converted image");
    if (channels == 1) {
        convert_to_grey(image->pixels, n, image->channels, pixels);
    } else if (channels == 3) {
        convert_to_rgb(image->pixels, n, image->channels, pixels);
    } else {
        convert_to_rgba(image->pixels, n, image->channels, pixels);
    }
    cen__free(image->pixels);
    image->pixels = pixels;
    image->channels = channels;
    return CEN_OK;
}

bool cen__orientation_swaps(int orientation)
{
    return orientation >= 5;
}

/* to[height, width, c] read from `from` by pointer steps; 32 x 32 pixels at a time, so that columns
 * become rows within the cache. */
static void copy_turned(const uint8_t *from, ptrdiff_t step_x, ptrdiff_t step_y, uint8_t *to,
                        size_t width, size_t height, size_t c)
{
    enum { TILE = 32 };
    for (size_t top = 0; top < height; top += TILE) {
        size_t bottom = height - top < TILE ? height : top + TILE;
        for (size_t left = 0; left < width; left += TILE) {
            size_t right = width - left < TILE ? width : left + TILE;
            for (size_t y = top; y < bottom; y++) {
                const uint8_t *at = from + (ptrdiff_t)y * step_y + (ptrdiff_t)left * step_x;
                uint8_t *out = to + (y * width + left) * c;
                for (size_t x = left; x < right; x++, at += step_x) {
                    for (size_t i = 0; i < c; i++) *out++ = at[i];
                }
            }
        }
    }
}

static void exchange(uint8_t *a, uint8_t *b)
{
    uint8_t was = *a;
    *a = *b;
    *b = was;
}

cen_status cen__image_orient(cen_context *context, cen_image *image, int orientation,
                             cen_error *error)
{
    if (orientation <= 1 || orientation > 8) return CEN_OK;
    size_t width = image->width, height = image->height, c = (size_t)image->channels;
    uint8_t *pixels = cen__alloc(context, width * height, c);
    if (pixels == NULL) return cen__fail_memory(error, "a turned image");

    /* EXIF 2.3, 4.6.4 A: where the file's row 0 and column 0 lie in the picture as it is seen. */
    bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool from_below = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    ptrdiff_t along_row = (ptrdiff_t)c, along_column = (ptrdiff_t)(width * c);
    const uint8_t *from = image->pixels;
    if (from_right) {
        from += (width - 1) * c;
        along_row = -along_row;
    }
    if (from_below) {
        from += (height - 1) * width * c;
        along_column = -along_column;
    }
    if (from_right) exchange(&image->excess[0], &image->excess[2]);
    if (from_below) exchange(&image->excess[1], &image->excess[3]);
    if (cen__orientation_swaps(orientation)) {
        exchange(&image->excess[0], &image->excess[1]);
        exchange(&image->excess[2], &image->excess[3]);
        image->width = height;
        image->height = width;
        copy_turned(from, along_column, along_row, pixels, height, width, c);
    } else {
        copy_turned(from, along_row, along_column, pixels, width, height, c);
    }
    cen__free(image->pixels);
    image->pixels = pixels;
    return CEN_OK;
}
