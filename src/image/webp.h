/* What the files of the WebP reader share: the chunks of the container, and who decodes which. */
#ifndef CEN_IMAGE_WEBP_H
#define CEN_IMAGE_WEBP_H

#include "image/decoders.h"

typedef struct cen__webp_chunk {
    size_t at; /* of the name, in the file */
    char name[5];
    const uint8_t *data;
    size_t size;  /* as the chunk says */
    size_t there; /* of these, bytes that the file has */
} cen__webp_chunk;

/* "WebP chunk VP8L at byte 12 ..." */
cen_status cen__webp_fail(const cen__webp_chunk *chunk, cen_status status, const char *what,
                          cen_error *error);

/* What the header of a chunk VP8 or VP8L says of its picture. */
typedef struct cen__webp_size {
    size_t width, height;
    bool has_alpha; /* of VP8L only */
} cen__webp_size;

/* Errors: FORMAT. */
cen_status cen__webp_lossy_size(const cen__webp_chunk *chunk, cen__webp_size *size,
                                cen_error *error);
cen_status cen__webp_lossless_size(const cen__webp_chunk *chunk, cen__webp_size *size,
                                   cen_error *error);

/* Where the pixels of a frame go: RGB or RGBA. */
typedef struct cen__webp_target {
    uint8_t *pixels; /* of the first */
    size_t stride;   /* bytes from a row to the next */
    size_t channels; /* 3 or 4 */
} cen__webp_target;

/* A whole picture of the size that its header says. The lossy one is opaque. Errors: FORMAT, LIMIT, MEMORY. */
cen_status cen__webp_lossy_decode(cen_context *context, const cen__webp_chunk *chunk,
                                  const cen__webp_target *target, cen_error *error);
cen_status cen__webp_lossless_decode(cen_context *context, const cen__webp_chunk *chunk,
                                     const cen__webp_target *target, cen_error *error);

/* A chunk ALPH: the alpha of a lossy picture, into a target of 4 channels. Errors: FORMAT, LIMIT, MEMORY. */
cen_status cen__webp_alpha_decode(cen_context *context, const cen__webp_chunk *chunk, size_t width,
                                  size_t height, const cen__webp_target *target, cen_error *error);

/* The pixels of a lossless stream after its header, as 0xAARRGGBB, the caller's to cen__free. */
cen_status cen__webp_lossless_pixels(cen_context *context, const cen__webp_chunk *chunk,
                                     size_t header_size, size_t width, size_t height,
                                     uint32_t **pixels, cen_error *error);

#endif
