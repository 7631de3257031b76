/* What of a picture could make it useless for recognition: how sharp, how bright, how rich in contrast it is. */
#include <centerloss_eval.h>

#include <math.h>

static double grey_at(const cen_image *image, size_t x, size_t y)
{
    const uint8_t *p = image->pixels + (y * image->width + x) * (size_t)image->channels;
    if (image->channels < 3) return (double)p[0];
    return 0.299 * (double)p[0] + 0.587 * (double)p[1] + 0.114 * (double)p[2];
}

/* The mean square of the Laplacian of the four neighbours, over the mean square of the gradient. */
static double sharpness_of(const cen_image *image)
{
    const size_t width = image->width, height = image->height;
    double laplacian = 0, across = 0, down = 0;
    if (width < 3 || height < 3) return 0;
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            const double here = grey_at(image, x, y);
            const double right = x + 1 < width ? grey_at(image, x + 1, y) : here;
            const double below = y + 1 < height ? grey_at(image, x, y + 1) : here;
            across += (right - here) * (right - here);
            down += (below - here) * (below - here);
            if (x == 0 || y == 0 || x + 1 == width || y + 1 == height) continue;
            const double around = grey_at(image, x - 1, y) + grey_at(image, x, y - 1);
            const double curve = around + right + below - 4 * here;
            laplacian += curve * curve;
        }
    }
    const double gradient =
        across / (double)((width - 1) * height) + down / (double)(width * (height - 1));
    return gradient > 0 ? laplacian / (double)((width - 2) * (height - 2)) / gradient : 0;
}

void cen_image_quality(const cen_image *image, cen_quality *quality)
{
    const double n = (double)(image->width * image->height);
    double sum = 0, squares = 0;
    for (size_t y = 0; y < image->height; y++) {
        for (size_t x = 0; x < image->width; x++) {
            const double here = grey_at(image, x, y) / 255;
            sum += here;
            squares += here * here;
        }
    }
    const double variance = squares / n - sum / n * (sum / n);
    *quality = (cen_quality){sharpness_of(image), sum / n, variance > 0 ? sqrt(variance) : 0};
}
