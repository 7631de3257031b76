/* What the data room needs beside the public functions. */
#ifndef CEN_IMAGE_IMAGE_H
#define CEN_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <centerloss.h>

/* True where the first bytes look like an image of any kind, read here or not, broken or not. False
 * for a file of 0 bytes. The first 64 are enough. */
bool cen__image_is_image(const uint8_t *bytes, size_t size);

/* An image of 1 to 4 channels as the bytes of a PNG, the caller's to cen__free. Errors: MEMORY. */
cen_status cen__png_pack(cen_context *context, const cen_image *image, uint8_t **bytes,
                         size_t *size, cen_error *error);

#endif
