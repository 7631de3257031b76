/* What a picture file of chunks says beside its pixels, read from a file without them. */
#ifndef CEN_IMAGE_NOTES_H
#define CEN_IMAGE_NOTES_H

#include <stdint.h>
#include <stdio.h>

#include "base/status.h"

enum { CEN__CHUNK_BEGIN = 8 }; /* length and name of a chunk, in either order */

typedef struct cen__notes {
    FILE *file;
    uint8_t *bytes; /* what is kept: room for the whole file, of which only this is touched */
    size_t size;
    size_t left;      /* bytes of the file */
    bool has_picture; /* a chunk with pixels was there */
} cen__notes;

/* Keeps the next n bytes of the file, or those that are there if it shrinks. False if reading failed. */
bool cen__notes_keep(cen__notes *notes, size_t n);

/* Leaves out the next n bytes. */
bool cen__notes_pass_over(cen__notes *notes, size_t n);

/* Keeps the first `signature` bytes, then lets read_chunk take one chunk after another. *bytes is the caller's;
 * `what` it was read for is named if there is no memory. */
cen_status cen__notes_read(cen_context *context, FILE *file, const char *path, size_t most,
                           size_t signature, bool (*read_chunk)(cen__notes *notes),
                           const char *what, uint8_t **bytes, size_t *size, cen_error *error);

#endif
