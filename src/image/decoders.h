/* One decoder a file kind. Each fills *image with the picture as it is in the file (1 to 4
 * channels; palettes expanded, 16 bits cut to the upper 8, CMYK turned into RGB as Pillow does),
 * before EXIF orientation. A message does not name the file: image.c puts it in front. */
#ifndef CEN_IMAGE_DECODERS_H
#define CEN_IMAGE_DECODERS_H

#include <stdio.h>

#include "base/status.h"

typedef struct cen__image_kind {
    const char *name;                                   /* "PNG" */
    bool (*matches)(const uint8_t *bytes, size_t size); /* by the first bytes */
    /* Width, height and channels from the header; bytes may be just the beginning of the file. */
    cen_status (*read_size)(cen_context *context, const uint8_t *bytes, size_t size,
                            cen_image *image, cen_error *error);
    /* options->max_pixels is checked before memory is taken; options->channels is image.c's. */
    cen_status (*decode)(cen_context *context, const uint8_t *bytes, size_t size,
                         const cen_image_options *options, cen_image *image, cen_error *error);
    /* Of an open file of at most `most` bytes, what says its size and orientation, as a file of this kind without
     * its pixels. *bytes is the caller's to cen__free; it is NULL after a failure. NULL: the beginning says it all.
     * Errors: IO, MEMORY. */
    cen_status (*read_notes)(cen_context *context, FILE *file, const char *path, size_t most,
                             uint8_t **bytes, size_t *size, cen_error *error);
} cen__image_kind;

#define CEN__IMAGE_KIND(name) extern const cen__image_kind cen__##name##_kind;
#include "image/kind_list.h"
#undef CEN__IMAGE_KIND

/* PNG's read_notes: the chunks up to the picture, an empty IDAT, and the texts after it. */
cen_status cen__png_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                               uint8_t **bytes, size_t *size, cen_error *error);

/* The name of a kind that is told by its first bytes but not read ("AVIF"), and the program that converts it; or
 * NULL. */
const char *cen__image_unsupported(const uint8_t *bytes, size_t size, const char **converter);

/* What else a file is by its first bytes ("a web page (HTML)"), or NULL. */
const char *cen__image_other(const uint8_t *bytes, size_t size);

/* 1 to 8, 1 where the file says nothing: the orientation of a JPEG or WebP (EXIF, XMP), a PNG (eXIf, EXIF as
 * text, XMP) or a TIFF. */
int cen__exif_orientation(const uint8_t *bytes, size_t size);

/* The same of a TIFF, from its first directory. */
int cen__tiff_orientation(const uint8_t *bytes, size_t size);

/* True where an orientation exchanges width and height. */
bool cen__orientation_swaps(int orientation);

/* FORMAT where a side is 0. */
cen_status cen__image_check_sides(size_t width, size_t height, cen_error *error);

/* LIMIT above options->max_pixels. */
cen_status cen__image_check_pixels(size_t width, size_t height, const cen_image_options *options,
                                   cen_error *error);

/* Of samples of 16 bits, the largest or the bits of all joined: a warning where they are so small that
 * a byte keeps only a few levels of them, else NULL. */
const char *cen__image_dark(unsigned largest);

/* Takes the pixels of width * height * channels for *image after the checks that every decoder
 * owes: no side of 0, max_pixels, overflow. Errors: FORMAT, LIMIT, MEMORY. */
cen_status cen__image_allocate(cen_context *context, cen_image *image, size_t width, size_t height,
                               int channels, const cen_image_options *options, cen_error *error);

/* Turns the picture as an EXIF orientation says, and converts it to 1, 3 or 4 channels as Pillow's
 * convert does. Where memory is short *image stays as it was. */
cen_status cen__image_orient(cen_context *context, cen_image *image, int orientation,
                             cen_error *error);
cen_status cen__image_convert(cen_context *context, cen_image *image, int channels,
                              cen_error *error);

#endif
