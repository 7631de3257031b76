/* The front door: from a file or bytes to pixels, whatever the kind. */
#include <centerloss_eval.h>

#include "image/image.h"

#include <errno.h>
#include <string.h>

#include "base/checks.h"
#include "base/file.h"
#include "base/memory.h"
#include "image/decoders.h"

enum {
    HEADER_SIZE = 1 << 16, /* read of a file to learn its kind and size */
    OTHER_BYTES = 1 << 24, /* profiles, previews and the like */
    BYTES_A_PIXEL = 24,    /* more than any encoding takes */
    BUFFER_SIZE = 1 << 10
};

static const cen__image_kind *const kinds[] = {
#define CEN__IMAGE_KIND(name) &cen__##name##_kind,
#include "image/kind_list.h"
#undef CEN__IMAGE_KIND
};
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
    const char *converter;
    return find_kind(bytes, size) != NULL ||
           cen__image_unsupported(bytes, size, &converter) != NULL;
}

static cen_status fail_unknown(const uint8_t *bytes, size_t size, cen_error *error)
{
    if (size == 0) return cen__fail(error, CEN_ERROR_FORMAT, "the file is empty");
    const char *converter, *name = cen__image_unsupported(bytes, size, &converter);
    if (name != NULL) {
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "%s is not supported; convert it to PNG or JPEG (with %s)", name,
                         converter);
    }
    name = cen__image_other(bytes, size);
    if (name != NULL) {
        return cen__fail(error, CEN_ERROR_FORMAT,
                         "this is %s and no image; put a PNG or JPEG in its place", name);
    }
    char names[BUFFER_SIZE] = "";
    for (size_t i = 0, at = 0; i < N_KINDS; i++) {
        cen__append(names, sizeof names, &at, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
    }
    return cen__fail(error, CEN_ERROR_FORMAT, "this is no image of a kind that is read here (%s)",
                     names);
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

cen_status cen_image_decode(cen_context *context, const void *bytes, size_t size,
                            const cen_image_options *options, cen_image *image, cen_error *error)
{
    *image = (cen_image){0};
    cen_image_options wanted = cen_image_options_init();
    cen_status status = cen__take_options(&wanted, options, error);
    if (status != CEN_OK) return status;
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
    status = kind->decode(context, bytes, size, &wanted, image, error);
    if (status == CEN_OK && (wanted.channels == 1 || wanted.channels == 3)) note_alpha(image);
    if (status == CEN_OK) status = cen__image_convert(context, image, wanted.channels, error);
    if (status == CEN_OK) status = cen__image_orient(context, image, orientation, error);
    if (status != CEN_OK) cen_image_free(image);
    return status;
}

static cen_status measure(cen_context *context, const uint8_t *bytes, size_t size, cen_image *image,
                          cen_error *error)
{
    *image = (cen_image){0};
    const cen__image_kind *kind = find_kind(bytes, size);
    if (kind == NULL) return fail_unknown(bytes, size, error);
    cen_status status = kind->read_size(context, bytes, size, image, error);
    if (status == CEN_OK) status = cen__image_check_sides(image->width, image->height, error);
    if (status != CEN_OK) {
        *image = (cen_image){0};
        return status;
    }
    if (cen__orientation_swaps(cen__exif_orientation(bytes, size))) {
        size_t width = image->width;
        image->width = image->height;
        image->height = width;
    }
    return CEN_OK;
}

/* ---- files ------------------------------------------------------------------------------------- */

/* A file that is read as far as its picture needs. */
typedef struct {
    const char *path;
    FILE *file;
    uint8_t *bytes; /* its first ones: [size], `most` if there are more */
    size_t size, most;
    char buffer[BUFFER_SIZE]; /* of the stream, small so that what is passed over is not read */
} source;

static void close_source(source *s)
{
    cen__free(s->bytes);
    (void)fclose(s->file);
}

static cen_status read_on(cen_context *context, source *s, size_t most, cen_error *error)
{
    s->most = most;
    return cen__file_read_on(context, s->file, s->path, most, &s->bytes, &s->size, error);
}

/* Reads the beginning, which has the size. If it succeeds, close the source. */
static cen_status open_source(cen_context *context, source *s, const char *path, cen_error *error)
{
    s->path = path;
    s->bytes = NULL;
    s->size = 0;
    s->file = cen__file_open_regular(path, error);
    if (s->file == NULL) return error->status;
    (void)setvbuf(s->file, s->buffer, _IOFBF, sizeof s->buffer);
    cen_status status = read_on(context, s, HEADER_SIZE, error);
    if (status != CEN_OK) close_source(s);
    return status;
}

/* The size of the picture by what the file says beside its pixels. The place in the file stays. */
static cen_status measure_notes(cen_context *context, const source *s, const cen__image_kind *kind,
                                size_t most, cen_image *image, cen_error *error)
{
    uint8_t *notes;
    size_t size;
    cen_status status = kind->read_notes(context, s->file, s->path, most, &notes, &size, error);
    if (status != CEN_OK) return status;
    status = name_file(s->path, measure(context, notes, size, image, error), error);
    cen__free(notes);
    if (status == CEN_OK && fseek(s->file, (long)s->size, SEEK_SET) != 0)
        status = cen__fail(error, CEN_ERROR_IO, "%s: reading failed: %s", s->path, strerror(errno));
    return status;
}

/* The size of the picture, for which more is read if it may come after much else. */
static cen_status find_size(cen_context *context, source *s, cen_image *image, cen_error *error)
{
    cen_status status = measure(context, s->bytes, s->size, image, error);
    const cen__image_kind *kind = find_kind(s->bytes, s->size);
    if (status == CEN_ERROR_FORMAT && s->size == s->most && kind != NULL) {
        if (kind->read_notes != NULL)
            return measure_notes(context, s, kind, OTHER_BYTES, image, error);
        status = read_on(context, s, OTHER_BYTES, error);
        if (status != CEN_OK) return status;
        status = measure(context, s->bytes, s->size, image, error);
    }
    return name_file(s->path, status, error);
}

/* Bytes that a file with such a picture can need. */
static size_t bytes_needed(const cen_image *image)
{
    size_t n_pixels, n_bytes;
    bool is_known = cen__multiply(image->width, image->height, &n_pixels) &&
                    cen__multiply(n_pixels, BYTES_A_PIXEL, &n_bytes) &&
                    n_bytes < SIZE_MAX - OTHER_BYTES;
    return is_known ? n_bytes + OTHER_BYTES : OTHER_BYTES;
}

/* As much of a file as its picture can need. What is wrong with one that is there whole, its decoder tells. */
static cen_status read_needed(cen_context *context, source *s, const cen_image_options *options,
                              cen_error *error)
{
    cen_image image;
    if (s->size < s->most) return CEN_OK;
    cen_status status = find_size(context, s, &image, error);
    if (status != CEN_OK) return s->size < s->most && status == CEN_ERROR_FORMAT ? CEN_OK : status;
    status = cen__image_check_pixels(image.width, image.height, options, error);
    if (status != CEN_OK) return name_file(s->path, status, error);
    const size_t needed = bytes_needed(&image);
    return needed > s->most ? read_on(context, s, needed, error) : CEN_OK;
}

cen_status cen_image_read(cen_context *context, const char *path, const cen_image_options *options,
                          cen_image *image, cen_error *error)
{
    *image = (cen_image){0};
    cen_image_options wanted = cen_image_options_init();
    cen_error why = {CEN_OK, ""};
    source s;
    cen_status status = cen__take_options(&wanted, options, &why);
    if (status == CEN_OK) status = open_source(context, &s, path, &why);
    if (status != CEN_OK) return cen__fail(error, status, "%s", why.message);
    status = read_needed(context, &s, &wanted, &why);
    if (status == CEN_OK) {
        status =
            name_file(path, cen_image_decode(context, s.bytes, s.size, &wanted, image, &why), &why);
        /* A TIFF is warned of for its values, and may go on with other pictures. */
        const bool may_lack_bytes =
            status == CEN_ERROR_FORMAT ||
            (image->warning != NULL && !cen__tiff_kind.matches(s.bytes, s.size));
        if (s.size == s.most && may_lack_bytes) {
            cen_image_free(image);
            status = cen__fail(&why, CEN_ERROR_LIMIT,
                               "%s: the picture does not end within the first %zu bytes of the "
                               "file, more than its size can need; save it again",
                               path, s.size);
        }
    }
    close_source(&s);
    return status == CEN_OK ? CEN_OK : cen__fail(error, status, "%s", why.message);
}

cen_status cen_image_read_size(cen_context *context, const char *path, cen_image *image,
                               cen_error *error)
{
    *image = (cen_image){0};
    cen_error why = {CEN_OK, ""};
    source s;
    cen_status status = open_source(context, &s, path, &why);
    if (status != CEN_OK) return cen__fail(error, status, "%s", why.message);
    status = find_size(context, &s, image, &why);
    const cen__image_kind *kind = status == CEN_OK ? find_kind(s.bytes, s.size) : NULL;
    if (kind != NULL && s.size == s.most && kind->read_notes != NULL)
        status = measure_notes(context, &s, kind, bytes_needed(image), image, &why);
    close_source(&s);
    if (status == CEN_OK) return CEN_OK;
    *image = (cen_image){0};
    return cen__fail(error, status, "%s", why.message);
}
