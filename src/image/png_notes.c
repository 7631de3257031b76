/* What a PNG says beside its pixels, read from a file without them: a text after them may turn the picture. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"
#include "image/decoders.h"

enum { SIGNATURE = 8, BEGIN = 8, CRC = 4, READ_AT_ONCE = 512 };

typedef struct {
    FILE *file;
    uint8_t *bytes; /* what is kept: room for the whole file, of which only this is touched */
    size_t size;
    size_t left; /* bytes of the file */
    bool has_picture;
} notes;

/* Keeps the next n bytes of the file, or those that are there if it shrinks. False if reading failed. */
static bool keep(notes *s, size_t n)
{
    size_t got = fread(s->bytes + s->size, 1, n, s->file);
    s->size += got;
    s->left = got == n ? s->left - n : 0;
    return got == n || !ferror(s->file);
}

/* To read a few bytes costs less than to seek. */
static bool pass_over(notes *s, size_t n)
{
    uint8_t few[READ_AT_ONCE];
    s->left -= n;
    if (n > sizeof few) return fseek(s->file, (long)n, SEEK_CUR) == 0;
    return fread(few, 1, n, s->file) == n || !ferror(s->file);
}

/* Whether cen__exif_orientation looks into such a chunk. */
static bool may_turn(const uint8_t *name)
{
    static const char names[4][5] = {"eXIf", "tEXt", "zTXt", "iTXt"};
    for (size_t i = 0; i < 4; i++) {
        if (memcmp(name, names[i], 4) == 0) return true;
    }
    return false;
}

static bool read_chunk(notes *s)
{
    const size_t at = s->size;
    if (!keep(s, BEGIN)) return false;
    if (s->left < CRC) return true;
    uint8_t *begin = s->bytes + at;
    const uint32_t length =
        (uint32_t)begin[0] << 24 | (uint32_t)begin[1] << 16 | (uint32_t)begin[2] << 8 | begin[3];
    if (length > s->left - CRC) {
        s->left = 0; /* cut short */
        return true;
    }
    const bool is_last = memcmp(begin + 4, "IEND", 4) == 0, had_picture = s->has_picture;
    bool is_good;
    if (memcmp(begin + 4, "IDAT", 4) == 0 && !had_picture) {
        s->has_picture = true;
        memset(begin, 0, 4); /* its length */
        is_good = pass_over(s, length) && keep(s, CRC);
    } else if (!had_picture || may_turn(begin + 4)) {
        is_good = keep(s, length + CRC);
    } else {
        s->size = at;
        is_good = pass_over(s, length + CRC);
    }
    if (is_last) s->left = 0;
    return is_good;
}

cen_status cen__png_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                               uint8_t **bytes, size_t *size, cen_error *error)
{
    const uint64_t there = cen__os_file_size(file);
    notes s = {.file = file, .left = most < LONG_MAX ? most : LONG_MAX};
    if (there < s.left) s.left = (size_t)there;
    *size = 0;
    *bytes = s.bytes = cen__alloc(context, s.left, 1);
    if (s.bytes == NULL) return cen__fail_memory(error, "the texts of a PNG");
    bool is_good = fseek(file, 0, SEEK_SET) == 0 && keep(&s, s.left < SIGNATURE ? 0 : SIGNATURE);
    while (is_good && s.left >= BEGIN) is_good = read_chunk(&s);
    *size = s.size;
    if (is_good) return CEN_OK;
    cen_status status =
        cen__fail(error, CEN_ERROR_IO, "%s: reading failed: %s", path, strerror(errno));
    cen__free(s.bytes);
    *bytes = NULL;
    return status;
}
