/* Functions that the writer and the readers of feature files share. */
#ifndef CEN_FORMAT_FEATURES_H
#define CEN_FORMAT_FEATURES_H

#include "base/status.h"

/* The name of the second file of a pair: path without its ending (if it has it) and with `beside`. If path is a link and
 * nothing has that name, the second file is beside the file that the link leads to. The caller frees it with cen__free;
 * NULL without memory. */
char *cen__features_beside(cen_context *context, const char *path, const char *ending,
                           const char *beside);

/* The digest that ties a name to its row of numbers: FNV-1a, 64 bits, of their bytes as little-endian float32. */
uint64_t cen__features_digest(const float *row, size_t d);

/* Finishes the work of a killed writer: puts the names that it left beside a .npy in place, if its numbers are in place.
 * Otherwise the next writer would overwrite their reserved name. Errors: IO, MEMORY. */
cen_status cen__features_finish(cen_context *context, const char *path, const char *beside,
                                cen_error *error);

/* Checks that features[n, d] with their rows, and `more` bytes, fit into the memory of this machine. Errors: LIMIT, in a
 * sentence about the file at path. */
cen_status cen__features_fit(const char *path, size_t n, size_t d, uint64_t more, cen_error *error);

#endif
