/* What a WebP says beside its pixels, read from a file without them: EXIF, which may turn the picture, follows it. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "base/os.h"
#include "image/webp_notes.h"

enum { RIFF_HEADER = 12, BEGIN = 8, KEPT = 64, READ_AT_ONCE = 512 };

typedef struct {
    FILE *file;
    uint8_t *bytes; /* what is kept: room for the whole file, of which only this is touched */
    size_t size;
    size_t left; /* bytes of the file */
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

static void put_number(uint8_t *p, size_t value)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(value >> 8 * i);
}

static bool is_any(const uint8_t *name, const char (*names)[5], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(name, names[i], 4) == 0) return true;
    return false;
}

/* Of a still picture its header is kept, frames are not. */
static bool read_chunk(notes *s)
{
    static const char whole[3][5] = {"VP8X", "EXIF", "XMP "};
    static const char pictures[3][5] = {"VP8 ", "VP8L", "ALPH"};
    const size_t at = s->size;
    if (!keep(s, BEGIN)) return false;
    uint8_t *begin = s->bytes + at;
    size_t size =
        (size_t)begin[7] << 24 | (size_t)begin[6] << 16 | (size_t)begin[5] << 8 | begin[4];
    if (at == RIFF_HEADER &&
        memcmp(begin, "VP8X", 4) != 0) { /* there is nothing beside the picture */
        size = s->left < KEPT ? s->left : KEPT;
        bool is_good = keep(s, size);
        s->left = 0;
        return is_good;
    }
    if (size > s->left || size + (size & 1) > s->left) {
        s->left = 0; /* cut short */
        return true;
    }
    size += size & 1;
    if (is_any(begin, whole, 3)) return keep(s, size);
    if (!is_any(begin, pictures, 3)) {
        s->size = at;
        return pass_over(s, size);
    }
    size_t kept = size < KEPT ? size : KEPT;
    put_number(begin + 4, kept);
    return keep(s, kept) && pass_over(s, size - kept);
}

cen_status cen__webp_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                                uint8_t **bytes, size_t *size, cen_error *error)
{
    const uint64_t there = cen__os_file_size(file);
    notes s = {.file = file, .left = most < LONG_MAX ? most : LONG_MAX};
    if (there < s.left) s.left = (size_t)there;
    *size = 0;
    *bytes = s.bytes = cen__alloc(context, s.left, 1);
    if (s.bytes == NULL) return cen__fail_memory(error, "the header of a WebP");
    bool is_good =
        fseek(file, 0, SEEK_SET) == 0 && keep(&s, s.left < RIFF_HEADER ? 0 : RIFF_HEADER);
    while (is_good && s.left >= BEGIN) is_good = read_chunk(&s);
    *size = s.size;
    if (is_good) return CEN_OK;
    cen_status status =
        cen__fail(error, CEN_ERROR_IO, "%s: reading failed: %s", path, strerror(errno));
    cen__free(s.bytes);
    *bytes = NULL;
    return status;
}
