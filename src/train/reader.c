#include "train/reader.h"

#include <string.h>

#include "base/memory.h"
#include "data/folder.h"

cen_status cen__reader_create(cen__reader *reader, const cen_folder *folder, const cen_input *input,
                              size_t size, cen__unread *unread, void *user, cen_error *error)
{
    *reader = (cen__reader){folder, input, size, NULL, unread, user};
    reader->errors = cen__alloc_zeroed(folder->context, size, sizeof *reader->errors);
    return reader->errors != NULL ? CEN_OK : cen__fail_memory(error, "the images of a batch");
}

void cen__reader_free(cen__reader *reader)
{
    cen__free(reader->errors);
    *reader = (cen__reader){NULL, NULL, 0, NULL, NULL, NULL};
}

cen_status cen__reader_read(const cen__reader *reader, const cen_augment *augment, uint64_t seed,
                            size_t epoch, size_t *indices, size_t n, float *x, int32_t *labels,
                            size_t *n_read, cen_error *error)
{
    const cen_input *input = reader->input;
    const size_t size = input->channels * input->height * input->width;
    size_t kept = 0;
    cen_status status = cen__folder_read_some(reader->folder, input, augment, seed, epoch, indices,
                                              n, x, labels, reader->errors, error);
    for (size_t i = 0; i < n && status == CEN_OK; i++) {
        if (reader->errors[i].status != CEN_OK) {
            status = reader->unread(reader->user, indices[i], &reader->errors[i], error);
            if (i > 0) reader->errors[0] = reader->errors[i];
            continue;
        }
        indices[kept] = indices[i];
        if (labels != NULL) labels[kept] = labels[i];
        if (kept < i) memcpy(x + kept * size, x + i * size, size * sizeof *x);
        kept++;
    }
    *n_read = kept;
    return status;
}

cen_status cen__reader_fail(const cen__reader *reader, const char *of, cen_error *error)
{
    return cen__fail(error, reader->errors[0].status,
                     "%s; no picture %s can be read, put them back and resume",
                     reader->errors[0].message, of);
}
