/* What the writer and the readers of feature files share. */
#ifndef CEN_FORMAT_FEATURES_H
#define CEN_FORMAT_FEATURES_H

#include "base/status.h"

/* path with its ending, where it has it, taken off and `beside` put on: the name of the second file of
 * a pair. If path is a link and nothing has that name, it is beside the file that the link leads to. The caller's
 * to cen__free; NULL without memory. */
char *cen__features_beside(cen_context *context, const char *path, const char *ending,
                           const char *beside);

/* What ties a name to its row of numbers: FNV-1a, 64 bits, of their bytes as little-endian float32. */
uint64_t cen__features_digest(const float *row, size_t d);

/* Puts in place the names that a killed writer has left beside a .npy, if its numbers are in place: what
 * is written next would take their reserved name. Errors: IO, MEMORY. */
cen_status cen__features_finish(cen_context *context, const char *path, const char *beside,
                                cen_error *error);

/* Whether features[n, d] with their rows, and `more` bytes besides, can be in the memory of this
 * machine. Errors: LIMIT, in a sentence about the file at path. */
cen_status cen__features_fit(const char *path, size_t n, size_t d, uint64_t more, cen_error *error);

#endif
