/* What a WebP says beside its pixels, read from a file without them: EXIF, which may turn the picture, follows it. */
#include <string.h>

#include "base/bytes.h"
#include "image/notes.h"
#include "image/webp_notes.h"

enum { RIFF_HEADER = 12, KEPT = 64 };

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
static bool read_chunk(cen__notes *s)
{
    static const char whole[3][5] = {"VP8X", "EXIF", "XMP "};
    static const char pictures[3][5] = {"VP8 ", "VP8L", "ALPH"};
    const size_t at = s->size;
    if (!cen__notes_keep(s, CEN__CHUNK_BEGIN)) return false;
    uint8_t *begin = s->bytes + at;
    size_t size = cen__le32(begin + 4);
    if (at == RIFF_HEADER &&
        memcmp(begin, "VP8X", 4) != 0) { /* there is nothing beside the picture */
        size = s->left < KEPT ? s->left : KEPT;
        bool is_good = cen__notes_keep(s, size);
        s->left = 0;
        return is_good;
    }
    if (size > s->left || size + (size & 1) > s->left) {
        s->left = 0; /* cut short */
        return true;
    }
    size += size & 1;
    if (is_any(begin, whole, 3)) return cen__notes_keep(s, size);
    if (!is_any(begin, pictures, 3)) {
        s->size = at;
        return cen__notes_pass_over(s, size);
    }
    size_t kept = size < KEPT ? size : KEPT;
    put_number(begin + 4, kept);
    return cen__notes_keep(s, kept) && cen__notes_pass_over(s, size - kept);
}

cen_status cen__webp_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                                uint8_t **bytes, size_t *size, cen_error *error)
{
    return cen__notes_read(context, file, path, most, RIFF_HEADER, read_chunk,
                           "the header of a WebP", bytes, size, error);
}
