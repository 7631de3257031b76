/* Turns a picture into an input: bytes [channels, height, width], then numbers. */
#ifndef CEN_DATA_PICTURE_H
#define CEN_DATA_PICTURE_H

#include <centerloss.h>

/* How to decode a picture for this input: a large JPEG at a fraction of its size. */
cen_image_options cen__picture_options(const cen_input *input);

/* bytes[channels, height, width] of a picture that has as many channels as the input. Errors: MEMORY. */
cen_status cen__picture_bytes(cen_context *context, const cen_input *input, const cen_image *image,
                              uint8_t *bytes, cen_error *error);

/* x[channels, height, width] of a picture of 1 to 4 channels. Errors: ARGUMENT (no picture, an input that pictures
 * do not fit), MEMORY. */
cen_status cen__picture_input(cen_context *context, const cen_input *input, const cen_image *image,
                              float *x, cen_error *error);

#endif
