/* What a WebP says beside its pixels. */
#ifndef CEN_IMAGE_WEBP_NOTES_H
#define CEN_IMAGE_WEBP_NOTES_H

#include "image/decoders.h"

/* WebP's read_notes: the chunks of the file, those of pictures with their headers only. */
cen_status cen__webp_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                                uint8_t **bytes, size_t *size, cen_error *error);

#endif
