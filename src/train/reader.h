/* Batches of a folder's pictures, of which some may be gone since it was loaded. */
#ifndef CEN_TRAIN_READER_H
#define CEN_TRAIN_READER_H

#include "base/status.h"

/* Hears of a picture that cannot be read. Anything but CEN_OK ends the reading. */
typedef cen_status cen__unread(void *user, size_t index, const cen_error *why, cen_error *error);

typedef struct cen__reader {
    const cen_folder *folder;
    const cen_input *input;
    size_t size;       /* of a batch, at most */
    cen_error *errors; /* [size] */
    cen__unread *unread;
    void *user;
} cen__reader;

/* Errors: MEMORY. On failure there is nothing to free. */
cen_status cen__reader_create(cen__reader *reader, const cen_folder *folder, const cen_input *input,
                              size_t size, cen__unread *unread, void *user, cen_error *error);
void cen__reader_free(cen__reader *reader);

/* x[n, input] and labels[n] (NULL: none) of the pictures at indices[n]. Those that cannot be read are left out:
 * *n_read is how many are left, and indices, labels and x have moved up. Errors: as
 * cen_folder_read_augmented (augment NULL: cen_folder_read), but for unreadable files; what unread gave. */
cen_status cen__reader_read(const cen__reader *reader, const cen_augment *augment, uint64_t seed,
                            size_t epoch, size_t *indices, size_t n, float *x, int32_t *labels,
                            size_t *n_read, cen_error *error);

/* The error of pictures of which none could be read: why one of the last batch could not. of: of what. */
cen_status cen__reader_fail(const cen__reader *reader, const char *of, cen_error *error);

#endif
