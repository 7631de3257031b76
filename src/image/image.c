/* The front door: from a file or bytes to pixels, whatever the kind. */
#include "image/image.h"

#include "base/file.h"
#include "base/memory.h"
#include "image/decoders.h"

enum { HEADER_SIZE = 1 << 16 };

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
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "this is no image of a kind that is read here (PNG, JPEG, BMP, PNM)");
}

static cen_status name_file(const char *path, cen_status status, cen_error *error)
{
    if (status == CEN_OK || error == NULL) return status;
    return cen__fail(error, status, "%s: %s", path, error->message);
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
    if (status == CEN_OK) status = cen__image_convert(image, wanted.channels, error);
    if (status == CEN_OK) status = cen__image_orient(image, orientation, error);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

cen_status cen_image_read(const char *path, const cen_image_options *options, cen_image *image,
                          cen_error *error)
{
    *image = (cen_image){0};
    uint8_t *bytes;
    size_t size;
    cen_status status = cen__file_read(path, SIZE_MAX, &bytes, &size, error);
    if (status != CEN_OK) return status;
    status = name_file(path, cen_image_decode(bytes, size, options, image, error), error);
    cen__free(bytes);
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

cen_status cen_image_read_size(const char *path, cen_image *image, cen_error *error)
{
    *image = (cen_image){0};
    bool whole = false;
    cen_status status = CEN_OK;
    for (int attempt = 0; attempt < 2; attempt++) {
        uint8_t *bytes;
        size_t size, most = attempt == 0 ? HEADER_SIZE : SIZE_MAX;
        status = cen__file_read_start(path, most, &bytes, &size, error);
        if (status != CEN_OK) return status;
        status = measure(bytes, size, image, &whole, error);
        cen__free(bytes);
        if (!whole || size < HEADER_SIZE) break;
    }
    return name_file(path, status, error);
}
