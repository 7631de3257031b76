/* What a PNG says beside its pixels, read from a file without them: a text after them may turn the picture. */
#include <string.h>

#include "base/bytes.h"
#include "image/decoders.h"
#include "image/notes.h"

enum { SIGNATURE = 8, CRC = 4 };

/* Whether cen__exif_orientation looks into such a chunk. */
static bool may_turn(const uint8_t *name)
{
    static const char names[4][5] = {"eXIf", "tEXt", "zTXt", "iTXt"};
    for (size_t i = 0; i < 4; i++) {
        if (memcmp(name, names[i], 4) == 0) return true;
    }
    return false;
}

static bool read_chunk(cen__notes *s)
{
    const size_t at = s->size;
    if (!cen__notes_keep(s, CEN__CHUNK_BEGIN)) return false;
    if (s->left < CRC) return true;
    uint8_t *begin = s->bytes + at;
    const uint32_t length = cen__be32(begin);
    if (length > s->left - CRC) {
        s->left = 0; /* cut short */
        return true;
    }
    const bool is_last = memcmp(begin + 4, "IEND", 4) == 0, had_picture = s->has_picture;
    bool is_good;
    if (memcmp(begin + 4, "IDAT", 4) == 0 && !had_picture) {
        s->has_picture = true;
        memset(begin, 0, 4); /* its length */
        is_good = cen__notes_pass_over(s, length) && cen__notes_keep(s, CRC);
    } else if (!had_picture || may_turn(begin + 4)) {
        is_good = cen__notes_keep(s, length + CRC);
    } else {
        s->size = at;
        is_good = cen__notes_pass_over(s, length + CRC);
    }
    if (is_last) s->left = 0;
    return is_good;
}

cen_status cen__png_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                               uint8_t **bytes, size_t *size, cen_error *error)
{
    return cen__notes_read(context, file, path, most, SIGNATURE, read_chunk, "the texts of a PNG",
                           bytes, size, error);
}
