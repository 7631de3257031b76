/* The front door: from a file or bytes to pixels, whatever the kind. */
#include "image/image.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "image/decoders.h"

enum {
    HEADER_SIZE = 1 << 16, /* read of a file to learn its kind and size */
    OTHER_BYTES = 1 << 24, /* profiles, previews and the like */
    BYTES_A_PIXEL = 24     /* more than any encoding takes */
};

static const cen__image_kind *const kinds[] = {&cen__png_kind, &cen__jpeg_kind, &cen__bmp_kind,
                                               &cen__pnm_kind};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static const cen__image_kind *find_kind(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (kinds[i]->matches(bytes, size)) return kinds[i];
    }
    return NULL;
}

bool cen__image_is_image(const uint8_t *bytes, size_t size)
{
    return find_kind(bytes, size) != NULL || cen__image_unsupported(bytes, size) != NULL;
}

static cen_status fail_unknown(const uint8_t *bytes, size_t size, cen_error *error)
{
    if (size == 0) return cen__fail(error, CEN_ERROR_FORMAT, "the file is empty");
    const char *name = cen__image_unsupported(bytes, size);
    if (name != NULL) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "%s is not supported; convert it to PNG or JPEG", name);
    }
    name = cen__image_other(bytes, size);
    if (name != NULL) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "this is %s and no image; put a PNG or JPEG in its place", name);
    }
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "this is no image of a kind that is read here (PNG, JPEG, BMP, PNM)");
}

static cen_status name_file(const char *path, cen_status status, cen_error *error)
{
    if (status == CEN_OK || error == NULL) return status;
    return cen__fail(error, status, "%s: %s", path, error->message);
}

/* Of a drawing in the alpha channel nothing is left when it is dropped. */
static void note_alpha(cen_image *image)
{
    size_t c = (size_t)image->channels, n = image->width * image->height;
    bool alpha_varies = false;
    if (c % 2 != 0 || image->warning != NULL) return;
    for (const uint8_t *p = image->pixels + c, *end = image->pixels + n * c; p < end; p += c) {
        if (memcmp(p, image->pixels, c - 1) != 0) return;
        alpha_varies = alpha_varies || p[c - 1] != image->pixels[c - 1];
    }
    if (alpha_varies) {
        image->warning = "the picture has one colour and is drawn in its alpha channel, which is "
                         "dropped; draw it on a background and save it without alpha";
    }
}

cen_status cen_image_decode(const void *bytes, size_t size, const cen_image_options *options,
                            cen_image *image, cen_error *error)
{
    *image = (cen_image){0};
    cen_image_options wanted = options != NULL ? *options : cen_image_options_default();
    if (wanted.channels < 0 || wanted.channels == 2 || wanted.channels > 4) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "an image cannot be converted to %d channels; ask for 0, 1, 3 or 4",
                         wanted.channels);
    }
    const cen__image_kind *kind = find_kind(bytes, size);
    if (kind == NULL) return fail_unknown(bytes, size, error);

    int orientation = cen__exif_orientation(bytes, size);
    if (cen__orientation_swaps(orientation)) {
        size_t height = wanted.target_height;
        wanted.target_height = wanted.target_width;
        wanted.target_width = height;
    }
    cen_status status = kind->decode(bytes, size, &wanted, image, error);
    if (status == CEN_OK && (wanted.channels == 1 || wanted.channels == 3)) note_alpha(image);
    if (status == CEN_OK) status = cen__image_convert(image, wanted.channels, error);
    if (status == CEN_OK) status = cen__image_orient(image, orientation, error);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

/* *whole: the answer may change with the rest of the file. */
static cen_status measure(const uint8_t *bytes, size_t size, cen_image *image, bool *whole,
                          cen_error *error)
{
    *image = (cen_image){0};
    *whole = false;
    const cen__image_kind *kind = find_kind(bytes, size);
    if (kind == NULL) return fail_unknown(bytes, size, error);
    cen_status status = kind->read_size(bytes, size, image, error);
    if (status == CEN_OK) status = cen__image_check_sides(image->width, image->height, error);
    if (status != CEN_OK) {
        *whole = status == CEN_ERROR_FORMAT;
        *image = (cen_image){0};
        return status;
    }
    int orientation = cen__exif_orientation(bytes, size);
    /* A PNG may say it after its pixels. */
    *whole = kind == &cen__png_kind && orientation == 1;
    if (cen__orientation_swaps(orientation)) {
        size_t width = image->width;
        image->width = image->height;
        image->height = width;
    }
    return CEN_OK;
}

/* As much of a file as its picture can need, first its beginning, which has the size. *size: less
 * than *most if that is all. */
static cen_status read_needed(const char *path, const cen_image_options *options, uint8_t **bytes,
                              size_t *size, size_t *most, cen_error *error)
{
    *most = HEADER_SIZE;
    for (;;) {
        cen_image image;
        cen_error why = {CEN_OK, ""};
        bool whole;
        size_t n_bytes, wanted = OTHER_BYTES;
        cen_status status = cen__file_read_start(path, *most, bytes, size, error);
        if (status != CEN_OK || *size < *most) return status;
        status = measure(*bytes, *size, &image, &whole, &why);
        if (status == CEN_OK) {
            status = cen__image_check_pixels(image.width, image.height, options, &why);
            if (cen__multiply(image.width * image.height, BYTES_A_PIXEL, &n_bytes) &&
                n_bytes < SIZE_MAX - OTHER_BYTES) {
                wanted += n_bytes;
            }
        } else if (whole && *most < OTHER_BYTES) {
            status = CEN_OK; /* the size may come later */
        }
        if (status == CEN_OK && wanted <= *most) return CEN_OK;
        cen__free(*bytes);
        *bytes = NULL;
        if (status != CEN_OK) return cen__fail(error, status, "%s: %s", path, why.message);
        *most = wanted;
    }
}

cen_status cen_image_read(const char *path, const cen_image_options *options, cen_image *image,
                          cen_error *error)
{
    *image = (cen_image){0};
    cen_image_options wanted = options != NULL ? *options : cen_image_options_default();
    uint8_t *bytes;
    size_t size, most;
    cen_status status = read_needed(path, &wanted, &bytes, &size, &most, error);
    if (status != CEN_OK) return status;
    status = cen_image_decode(bytes, size, &wanted, image, error);
    cen__free(bytes);
    if (size == most && (status == CEN_ERROR_FORMAT || image->warning != NULL)) {
        cen_image_free(image);
        return cen__fail(error, CEN_ERROR_LIMIT,
                         "%s: the picture does not end within the first %zu bytes of the file, "
                         "more than its size can need; save it again",
                         path, size);
    }
    return name_file(path, status, error);
}

cen_status cen_image_read_size(const char *path, cen_image *image, cen_error *error)
{
    *image = (cen_image){0};
    const cen_image_options options = {.max_pixels = SIZE_MAX};
    uint8_t *bytes;
    size_t size, most;
    bool whole;
    cen_status status = cen__file_read_start(path, HEADER_SIZE, &bytes, &size, error);
    if (status != CEN_OK) return status;
    status = measure(bytes, size, image, &whole, error);
    cen__free(bytes);
    if (whole && size == HEADER_SIZE) {
        status = read_needed(path, &options, &bytes, &size, &most, error);
        if (status != CEN_OK) return status;
        status = measure(bytes, size, image, &whole, error);
        cen__free(bytes);
    }
    return name_file(path, status, error);
}
