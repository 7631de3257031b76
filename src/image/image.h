/* What the data room needs beside the public functions. */
#ifndef CEN_IMAGE_IMAGE_H
#define CEN_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True where the first bytes look like an image of any kind, read here or not, broken or not. False
 * for a file of 0 bytes. The first 64 are enough. */
bool cen__image_is_image(const uint8_t *bytes, size_t size);

#endif
