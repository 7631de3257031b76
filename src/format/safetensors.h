/* safetensors: 8 bytes little-endian length, a JSON header, the tensors' bytes.
 * https://github.com/huggingface/safetensors#format */
#ifndef CEN_FORMAT_SAFETENSORS_H
#define CEN_FORMAT_SAFETENSORS_H

#include "base/status.h"

typedef struct cen__named_tensor {
    const char *name;
    cen_tensor
        tensor; /* data: after reading, points into the memory of the file or into the given bytes */
} cen__named_tensor;

typedef struct cen__string_pair {
    const char *key, *value;
} cen__string_pair;

typedef struct cen__safetensors {
    size_t n_tensors, n_metadata;
    const cen__named_tensor *tensors;       /* in the order of their bytes */
    const cen__string_pair *metadata;       /* of __metadata__, in the order of the header */
    struct cen__safetensors_memory *memory; /* private */
} cen__safetensors;

/* Reads and checks a whole file. Only F32 tensors of at most 4 dimensions; F16, BF16 and F64 are
 * converted to float32 (a double beyond float becomes an infinity). A hostile header (offsets that
 * overlap, leave holes, run past the end or do not fit the shape, a length beyond 100 MB or the
 * file, duplicate names, a file beyond 1 GB) is refused with a sentence that names the file and the tensor. Sizes of 0
 * and scalars (no dimension) are fine. Errors: IO, FORMAT, UNSUPPORTED, LIMIT, MEMORY. */
cen_status cen__safetensors_read(cen_context *context, const char *path, cen__safetensors *file,
                                 cen_error *error);

/* The same for bytes in memory, which must outlive *file: aligned F32 is not copied. */
cen_status cen__safetensors_parse(cen_context *context, const uint8_t *bytes, size_t size,
                                  cen__safetensors *file, cen_error *error);
void cen__safetensors_free(cen__safetensors *file);

/* NULL if there is none of this name or key. */
const cen_tensor *cen__safetensors_find(const cen__safetensors *file, const char *name);
const char *cen__safetensors_metadata(const cen__safetensors *file, const char *key);

/* Writes a file (temporary, synced, renamed), header padded with blanks to a multiple of 8. The
 * same input gives the same bytes. The caller makes sure that names and keys differ. Errors: IO, LIMIT (a header that no
 * reader accepts), MEMORY. */
cen_status cen__safetensors_write(cen_context *context, const char *path,
                                  const cen__named_tensor *tensors, size_t n_tensors,
                                  const cen__string_pair *metadata, size_t n_metadata,
                                  cen_error *error);

/* The same; if previous is not NULL, the old file is kept under that name (cen__writer_keep_old). */
cen_status cen__safetensors_write_beside(cen_context *context, const char *path,
                                         const char *previous, const cen__named_tensor *tensors,
                                         size_t n_tensors, const cen__string_pair *metadata,
                                         size_t n_metadata, cen_error *error);

/* The number of its elements: the product of the shape. */
static inline size_t cen__tensor_count(const cen_tensor *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->n_dims; i++) count *= tensor->shape[i];
    return count;
}

/* Writes the same bytes into memory. *size becomes their number. If they are more than `most`, nothing is written, and
 * bytes may be NULL. Errors: LIMIT, MEMORY. */
cen_status cen__safetensors_pack(cen_context *context, uint8_t *bytes, size_t most, size_t *size,
                                 const cen__named_tensor *tensors, size_t n_tensors,
                                 const cen__string_pair *metadata, size_t n_metadata,
                                 cen_error *error);

#endif
