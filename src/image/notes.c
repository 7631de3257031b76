/* What a picture file of chunks says beside its pixels, read from a file without them. */
#include "image/notes.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"

bool cen__notes_keep(cen__notes *notes, size_t n)
{
    size_t got = fread(notes->bytes + notes->size, 1, n, notes->file);
    notes->size += got;
    notes->left = got == n ? notes->left - n : 0;
    return got == n || !ferror(notes->file);
}

/* To read a few bytes costs less than to seek. */
bool cen__notes_pass_over(cen__notes *notes, size_t n)
{
    uint8_t few[512];
    notes->left -= n;
    if (n > sizeof few) return fseek(notes->file, (long)n, SEEK_CUR) == 0;
    return fread(few, 1, n, notes->file) == n || !ferror(notes->file);
}

cen_status cen__notes_read(cen_context *context, FILE *file, const char *path, size_t most,
                           size_t signature, bool (*read_chunk)(cen__notes *notes),
                           const char *what, uint8_t **bytes, size_t *size, cen_error *error)
{
    const uint64_t there = cen__os_file_size(file);
    cen__notes notes = {.file = file, .left = most < LONG_MAX ? most : LONG_MAX};
    if (there < notes.left) notes.left = (size_t)there;
    *size = 0;
    *bytes = notes.bytes = cen__alloc(context, notes.left, 1);
    if (notes.bytes == NULL) return cen__fail_memory(error, what);
    bool is_good = fseek(file, 0, SEEK_SET) == 0 &&
                   cen__notes_keep(&notes, notes.left < signature ? 0 : signature);
    while (is_good && notes.left >= CEN__CHUNK_BEGIN) is_good = read_chunk(&notes);
    *size = notes.size;
    if (is_good) return CEN_OK;
    cen_status status =
        cen__fail(error, CEN_ERROR_IO, "%s: reading failed: %s", path, strerror(errno));
    cen__free(notes.bytes);
    *bytes = NULL;
    return status;
}
