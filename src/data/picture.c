#include <centerloss_eval.h>

#include "data/picture.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "image/decoders.h"

cen_image_options cen__picture_options(const cen_input *input)
{
    cen_image_options options = cen_image_options_init();
    options.channels = (int)input->channels;
    options.target_height = input->height;
    options.target_width = input->width;
    return options;
}

/* pixels[h, w, c] -> bytes[c, h, w] */
static void make_planar(const uint8_t *pixels, size_t plane, size_t channels, uint8_t *bytes)
{
    if (channels == 1) {
        memcpy(bytes, pixels, plane);
        return;
    }
    uint8_t *red = bytes, *green = bytes + plane, *blue = bytes + 2 * plane;
    for (size_t i = 0; i < plane; i++) {
        red[i] = pixels[3 * i];
        green[i] = pixels[3 * i + 1];
        blue[i] = pixels[3 * i + 2];
    }
}

cen_status cen__picture_bytes(cen_context *context, const cen_input *input, const cen_image *image,
                              uint8_t *bytes, cen_error *error)
{
    size_t plane = input->height * input->width;
    if (image->height == input->height && image->width == input->width) {
        make_planar(image->pixels, plane, input->channels, bytes);
        return CEN_OK;
    }
    cen_image resized;
    cen_status status = cen_image_resize(context, image, input->height, input->width, input->resize,
                                         &resized, error);
    if (status != CEN_OK) return status;
    make_planar(resized.pixels, plane, input->channels, bytes);
    cen_image_free(&resized);
    return CEN_OK;
}

static void make_numbers(const cen_input *input, const uint8_t *bytes, float *x)
{
    size_t plane = input->height * input->width;
    for (size_t c = 0; c < input->channels; c++, bytes += plane, x += plane) {
        for (size_t i = 0; i < plane; i++) {
            x[i] = ((float)bytes[i] / 255.0f - input->mean[c]) / input->std[c];
        }
    }
}

/* A copy with as many channels. */
static cen_status convert(cen_context *context, const cen_image *image, size_t channels,
                          cen_image *copy, cen_error *error)
{
    size_t size = image->width * image->height * (size_t)image->channels;
    *copy = *image;
    copy->pixels = cen__alloc(context, size, 1);
    if (copy->pixels == NULL) return cen__fail_memory(error, "a picture");
    memcpy(copy->pixels, image->pixels, size);
    cen_status status = cen__image_convert(context, copy, (int)channels, error);
    if (status != CEN_OK) cen_image_free(copy);
    return status;
}

cen_status cen__picture_input(cen_context *context, const cen_input *input, const cen_image *image,
                              float *x, cen_error *error)
{
    if (image->pixels == NULL || image->width == 0 || image->height == 0) {
        return cen__fail(error, CEN_ERROR_ARGUMENT, "an image without pixels is no input");
    }
    if (input->channels != 1 && input->channels != 3) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an image is no input of %zu channels; it has 1 or 3", input->channels);
    }
    if (image->channels < 1 || image->channels > 4) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an image of %d channels is no input; it has 1 to 4", image->channels);
    }
    if ((size_t)image->channels != input->channels) {
        cen_image copy;
        cen_status status = convert(context, image, input->channels, &copy, error);
        if (status != CEN_OK) return status;
        status = cen__picture_input(context, input, &copy, x, error);
        cen_image_free(&copy);
        return status;
    }
    uint8_t *bytes = cen__alloc(context, input->height * input->width, input->channels);
    cen_status status = bytes != NULL ? cen__picture_bytes(context, input, image, bytes, error)
                                      : cen__fail_memory(error, "a picture");
    if (status == CEN_OK) make_numbers(input, bytes, x);
    cen__free(bytes);
    return status;
}
