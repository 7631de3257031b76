#include "image/tiff.h"

#include <string.h>

static cen_status damaged(size_t index, const char *what, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the picture data of the TIFF are damaged in strip or tile %zu: %s", index,
                     what);
}

static uint8_t reverse(uint8_t byte)
{
    unsigned b = byte;
    b = (b & 0x0f) << 4 | b >> 4;
    b = (b & 0x33) << 2 | (b >> 2 & 0x33);
    return (uint8_t)((b & 0x55) << 1 | (b >> 1 & 0x55));
}

/* Bytes of the file as the unpackers get them: small pieces, turned if the lowest bit comes first. */
typedef struct {
    const uint8_t *next, *end;
    bool is_reversed;
    uint8_t turned[2048];
} input;

static size_t take(input *in, size_t most, const uint8_t **piece)
{
    size_t n = (size_t)(in->end - in->next);
    if (n > most) n = most;
    *piece = in->next;
    if (in->is_reversed) {
        if (n > sizeof in->turned) n = sizeof in->turned;
        for (size_t i = 0; i < n; i++) in->turned[i] = reverse(in->next[i]);
        *piece = in->turned;
    }
    in->next += n;
    return n;
}

static size_t copy(input *in, uint8_t *out, size_t size)
{
    size_t at = 0;
    const uint8_t *piece;
    for (size_t n; at < size && (n = take(in, size - at, &piece)) > 0; at += n)
        memcpy(out + at, piece, n);
    return at;
}

/* Runs: n + 1 bytes as they are (0 to 127), or one byte 257 - n times (129 to 255). Returns how many were unpacked. */
static size_t unpack_bits(input *in, uint8_t *out, size_t size)
{
    size_t at = 0;
    const uint8_t *piece;
    while (at < size && take(in, 1, &piece) == 1) {
        const unsigned code = *piece;
        const size_t room = size - at;
        if (code < 128) {
            const size_t n = code + 1 < room ? code + 1 : room, got = copy(in, out + at, n);
            at += got;
            if (got < n) break;
        } else if (code > 128) {
            const size_t n = 257 - code < room ? 257 - code : room;
            if (take(in, 1, &piece) == 0) break;
            memset(out + at, *piece, n);
            at += n;
        }
    }
    return at;
}

static cen_status unpack_lzw(input *in, cen__lzw *lzw, size_t index, uint8_t *out, size_t size,
                             cen_error *error)
{
    const uint8_t *piece;
    cen__lzw_start(lzw, 8, out, size);
    if (!in->is_reversed && in->end - in->next >= 2 && in->next[0] == 0 && (in->next[1] & 1) != 0)
        return cen__fail(error, CEN_ERROR_UNSUPPORTED,
                         "a TIFF with LZW compression of the old style is not supported; convert "
                         "it to PNG (ImageMagick: magick FILE.tif FILE.png)");
    for (size_t n; lzw->state.at < size && !lzw->has_ended && (n = take(in, SIZE_MAX, &piece)) > 0;)
        if (!cen__lzw_run_tiff(lzw, piece, n)) return damaged(index, "an impossible code", error);
    return lzw->state.at == size ? CEN_OK : damaged(index, "it ends too early", error);
}

/* zlib's two bytes, then DEFLATE. */
static cen_status inflate_all(input *in, cen__inflate *inflate, size_t index, uint8_t *out,
                              size_t size, cen_error *error)
{
    uint8_t pieces[2 * sizeof in->turned];
    const uint8_t *piece;
    size_t n = 0;
    cen__inflate_start(inflate);
    inflate->out = out;
    inflate->out_at = 0;
    inflate->out_size = size;
    inflate->in_is_last = false;
    if (copy(in, pieces, 2) < 2 || (pieces[0] * 256 + pieces[1]) % 31 != 0 ||
        (pieces[0] & 15) != 8 || (pieces[1] & 32) != 0)
        return damaged(index, "it does not begin as zlib data do", error);
    inflate->in = inflate->in_end = pieces;
    do {
        const size_t kept = (size_t)(inflate->in_end - inflate->in);
        memmove(pieces, inflate->in, kept);
        n = take(in, sizeof pieces - kept, &piece);
        memcpy(pieces + kept, piece, n);
        inflate->in = pieces;
        inflate->in_end = pieces + kept + n;
        inflate->in_is_last = in->next == in->end;
    } while (cen__inflate_run(inflate) == CEN__INFLATE_WANTS_INPUT);
    if (inflate->event == CEN__INFLATE_BROKEN) return damaged(index, inflate->reason, error);
    return inflate->out_at == size ? CEN_OK : damaged(index, "it ends too early", error);
}

/* ---- predictors ---- */

static void add_bytes(uint8_t *row, size_t size, size_t step)
{
    for (size_t i = step; i < size; i++) row[i] = (uint8_t)(row[i] + row[i - step]);
}

/* Numbers of `width` bytes, the place of the lowest given. */
static void add_numbers(uint8_t *row, size_t size, size_t step, size_t width, bool is_big_endian)
{
    for (size_t i = step * width; i + width <= size; i += width) {
        unsigned sum = 0;
        for (size_t k = 0; k < width; k++) {
            const size_t j = i + (is_big_endian ? width - 1 - k : k);
            sum += (unsigned)row[j] + row[j - step * width];
            row[j] = (uint8_t)sum;
            sum >>= 8;
        }
    }
}

/* Differences of bytes, of which all highest ones come first, then all second ones ... */
static void add_floats(uint8_t *row, size_t size, size_t step, bool is_big_endian, uint8_t *sums)
{
    const size_t n = size / 4;
    add_bytes(row, size, step);
    memcpy(sums, row, size);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 4; k++) row[4 * i + (is_big_endian ? k : 3 - k)] = sums[k * n + i];
}

static void undo_predictor(const cen__tiff *tiff, uint8_t *rows, size_t n, uint8_t *scratch)
{
    const size_t step = tiff->plane_samples, size = tiff->row_size;
    if (tiff->predictor == 1 || tiff->compression == CEN__TIFF_RAW ||
        tiff->compression == CEN__TIFF_PACK_BITS)
        return;
    for (size_t y = 0; y < n; y++, rows += size) {
        if (tiff->predictor == 3)
            add_floats(rows, size, step, tiff->is_big_endian, scratch);
        else if (tiff->bits == 8)
            add_bytes(rows, size, step);
        else
            add_numbers(rows, size, step, tiff->bits / 8, tiff->is_big_endian);
    }
}

cen_status cen__tiff_unpack(const cen__tiff *tiff, cen__tiff_unpacker *unpacker, size_t index,
                            size_t rows, uint8_t *out, uint8_t *scratch, cen_error *error)
{
    input in = {.is_reversed = tiff->is_reversed};
    size_t n_bytes;
    cen_status status = cen__tiff_segment(tiff, index, &in.next, &n_bytes, error);
    if (status != CEN_OK) return status;
    in.end = in.next + n_bytes;
    const size_t size = rows * tiff->row_size;
    switch (tiff->compression) {
    case CEN__TIFF_RAW:
    case CEN__TIFF_PACK_BITS: {
        const size_t got =
            tiff->compression == CEN__TIFF_RAW ? copy(&in, out, size) : unpack_bits(&in, out, size);
        if (got < size) status = damaged(index, "it ends too early", error);
        break;
    }
    case CEN__TIFF_LZW: status = unpack_lzw(&in, &unpacker->lzw, index, out, size, error); break;
    default: status = inflate_all(&in, &unpacker->inflate, index, out, size, error); break;
    }
    if (status == CEN_OK) undo_predictor(tiff, out, rows, scratch);
    return status;
}
