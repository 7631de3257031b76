#include "fuzz.h"

#include <string.h>

#include "image/decoders.h"

enum { MOST_PIXELS = 1 << 14 };

/* As stated in tools/README.md: 1 MB, and 16 bytes a pixel of a picture whose sides are 32 longer. */
static size_t most_memory(size_t width, size_t height)
{
    return ((size_t)1 << 20) + 16 * (width + 32) * (height + 32);
}

static void decode(const uint8_t *bytes, size_t size, const cen_image_options *options,
                   cen_image *image, cen_error *error)
{
    *error = (cen_error){CEN_OK, ""};
    cen_status status = cen_image_decode(NULL, bytes, size, options, image, error);
    fuzz_check_error(status, error);
    FUZZ_CHECK((status == CEN_OK) == (image->pixels != NULL));
    FUZZ_CHECK(status != CEN_ERROR_ARGUMENT && status != CEN_ERROR_IO &&
               status != CEN_ERROR_MEMORY);
    bool is_whole = status == CEN_OK && options->target_width == 0;
    fuzz_memory_most(is_whole ? most_memory(image->width, image->height)
                              : most_memory(1, options->max_pixels));
    if (status != CEN_OK) return;
    FUZZ_CHECK(image->width > 0 && image->height > 0);
    FUZZ_CHECK(image->channels >= 1 && image->channels <= 4);
    FUZZ_CHECK(image->width <= options->max_pixels / image->height);
    FUZZ_CHECK(options->channels == 0 || image->channels == options->channels);
}

static size_t pixels_size(const cen_image *image)
{
    return image->width * image->height * (size_t)image->channels;
}

/* Header and picture, which is image or, after a failure, error. */
static void check_header(const uint8_t *bytes, size_t size, const cen_image *image,
                         const cen_error *error)
{
    static const cen__image_kind *const kinds[] = {
#define CEN__IMAGE_KIND(name) &cen__##name##_kind,
#include "image/kind_list.h"
#undef CEN__IMAGE_KIND
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!kinds[i]->matches(bytes, size)) continue;
        cen_image header = {0, 0, 0, NULL, NULL, {0}};
        cen_error why = {CEN_OK, ""};
        cen_status status = kinds[i]->read_size(NULL, bytes, size, &header, &why);
        fuzz_check_error(status, &why);
        (void)kinds[i]->read_size(NULL, bytes, size / 2, &header, NULL);
        if (status == CEN_OK) status = kinds[i]->read_size(NULL, bytes, size, &header, &why);
        bool swaps = cen__orientation_swaps(cen__exif_orientation(bytes, size));
        if (error->status == CEN_OK) {
            FUZZ_CHECK(status == CEN_OK);
            FUZZ_CHECK(image->width == (swaps ? header.height : header.width));
            FUZZ_CHECK(image->height == (swaps ? header.width : header.height));
            FUZZ_CHECK(image->channels == header.channels);
        }
        return;
    }
}

/* A decode that wants less sees the same damage. */
static void check_reduced(const uint8_t *bytes, size_t size, const cen_image *image,
                          cen_status status)
{
    cen_image_options options = {sizeof options, 3, MOST_PIXELS, 1 + size % 7, 1 + size % 5};
    cen_image reduced;
    cen_error error;
    decode(bytes, size, &options, &reduced, &error);
    FUZZ_CHECK((status == CEN_OK) == (error.status == CEN_OK));
    if (status == CEN_OK) {
        FUZZ_CHECK(reduced.width <= image->width && reduced.width >= (image->width + 7) / 8);
        FUZZ_CHECK(reduced.height <= image->height && reduced.height >= (image->height + 7) / 8);
    }
    cen_image_free(&reduced);
}

void fuzz_image(const uint8_t *bytes, size_t size)
{
    cen_image_options options = {sizeof options, 0, MOST_PIXELS, 0, 0};
    cen_image image, again;
    cen_error error, error_again;
    fuzz_memory_begin();
    decode(bytes, size, &options, &image, &error);
    decode(bytes, size, &options, &again, &error_again);
    FUZZ_CHECK(error.status == error_again.status &&
               strcmp(error.message, error_again.message) == 0);
    FUZZ_CHECK(image.width == again.width && image.height == again.height);
    FUZZ_CHECK(image.channels == again.channels && image.warning == again.warning);
    FUZZ_CHECK(image.pixels == NULL ||
               memcmp(image.pixels, again.pixels, pixels_size(&image)) == 0);
    cen_image_free(&again);
    check_header(bytes, size, &image, &error);
    check_reduced(bytes, size, &image, error.status);
    cen_image_free(&image);
    fuzz_memory_end();
    if (!fuzz_is_replay) return;
    options = cen_image_options_init();
    decode(bytes, size, &options, &image, &error);
    cen_image_free(&image);
}
