#include "image/png.h"

#include <string.h>

#include "base/memory.h"

/* Input and window are small enough to stay in the second-level cache, and so is what is unpacked
 * and not yet turned into pixels; the history moves to the front once every FRESH_SIZE bytes. */
enum { INPUT_SIZE = 32768, FRESH_SIZE = 131072 };

static size_t smaller(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

static void begin_chunk(cen__png_rows *rows, const cen__png_chunk *chunk)
{
    rows->chunk = *chunk;
    rows->chunk_used = 0;
    rows->crc = cen__crc32(0, chunk->data - 4, 4);
}

/* Behind the last byte of an IDAT chunk: its CRC, and the next one if there is any. */
static cen_status end_chunk(cen__png_rows *rows, cen_error *error)
{
    const uint8_t *crc = rows->chunk.data + rows->chunk.size;
    for (int i = 0; i < 4; i++)
        if (crc[i] != (uint8_t)(rows->crc >> (24 - 8 * i)))
            return cen__png_fail(&rows->chunk, CEN_ERROR_FORMAT, "is damaged: its CRC is wrong",
                                 error);
    cen__png_chunk next;
    if (cen__png_chunk_at(rows->png, rows->chunk.next_at, &next, NULL) == CEN_OK &&
        cen__png_is(&next, "IDAT"))
        begin_chunk(rows, &next);
    else
        rows->inflate.in_is_last = true;
    return CEN_OK;
}

/* Moves what is unread to the front of the input and joins the IDAT data behind it. */
static cen_status fill_input(cen__png_rows *rows, cen_error *error)
{
    cen__inflate *inflate = &rows->inflate;
    size_t kept = (size_t)(inflate->in_end - inflate->in);
    if (kept > 0) memmove(rows->input, inflate->in, kept);
    cen_status status = CEN_OK;
    while (status == CEN_OK && kept < rows->input_size && !inflate->in_is_last) {
        size_t size = smaller(rows->chunk.size - rows->chunk_used, rows->input_size - kept);
        const uint8_t *from = rows->chunk.data + rows->chunk_used;
        rows->crc = cen__crc32(rows->crc, from, size);
        memcpy(rows->input + kept, from, size);
        kept += size;
        rows->chunk_used += size;
        if (rows->chunk_used == rows->chunk.size) status = end_chunk(rows, error);
    }
    inflate->in = rows->input;
    inflate->in_end = rows->input + kept;
    return status;
}

static cen_status damaged(const cen__png_rows *rows, const char *what, cen_error *error)
{
    return cen__fail(error, CEN_ERROR_FORMAT,
                     "the picture data of the PNG are damaged before byte %zu (chunk IDAT at byte "
                     "%zu): %s",
                     rows->chunk.at + 8 + rows->chunk_used, rows->chunk.at, what);
}

/* zlib's first two bytes (RFC 1950, 2.2). */
static cen_status read_zlib_header(cen__png_rows *rows, cen_error *error)
{
    cen_status status = fill_input(rows, error);
    if (status != CEN_OK) return status;
    const uint8_t *in = rows->inflate.in;
    if (rows->inflate.in_end - in < 2) return damaged(rows, "they end too early", error);
    if ((in[0] * 256 + in[1]) % 31 != 0 || (in[0] & 15) != 8 || in[0] >> 4 > 7)
        return damaged(rows, "they do not begin as zlib data do", error);
    if ((in[1] & 32) != 0) return damaged(rows, "they ask for a zlib dictionary", error);
    rows->inflate.in += 2;
    return CEN_OK;
}

cen_status cen__png_rows_open(cen_context *context, cen__png_rows *rows, cen__png *png,
                              uint64_t total_size, size_t row_size, cen_error *error)
{
    size_t least = CEN__DEFLATE_WINDOW + FRESH_SIZE;
    rows->png = png;
    rows->left = total_size;
    rows->read_at = 0;
    rows->adler = 1;
    /* A piece must be longer than what a run may leave unread. */
    rows->input_size = smaller(png->idat_size + CEN__INFLATE_RESERVE + 1, INPUT_SIZE);
    rows->window_size = row_size < FRESH_SIZE ? least : row_size + least;
    rows->window_size = smaller(total_size, rows->window_size);
    rows->input = cen__alloc(context, 1, rows->input_size + rows->window_size);
    if (rows->input == NULL) return cen__fail_memory(error, "the rows of a PNG");
    rows->window = rows->input + rows->input_size;
    cen__inflate_start(&rows->inflate);
    rows->inflate.in = rows->inflate.in_end = rows->input;
    rows->inflate.in_is_last = false;
    rows->inflate.out = rows->window;
    rows->inflate.out_at = rows->inflate.out_size = 0;
    cen__png_chunk first;
    cen_status status = cen__png_chunk_at(png, png->idat_at, &first, error);
    if (status == CEN_OK) {
        begin_chunk(rows, &first);
        if (first.size == 0) status = end_chunk(rows, error);
    }
    if (status == CEN_OK) status = read_zlib_header(rows, error);
    if (status != CEN_OK) cen__png_rows_close(rows);
    return status;
}

/* Runs inflate once and sees to what it wants, but for output. */
static cen_status run(cen__png_rows *rows, cen_error *error)
{
    cen__inflate *inflate = &rows->inflate;
    size_t before = inflate->out_at;
    cen__inflate_event event = cen__inflate_run(inflate);
    rows->adler = cen__adler32(rows->adler, rows->window + before, inflate->out_at - before);
    rows->left -= inflate->out_at - before;
    if (event == CEN__INFLATE_WANTS_INPUT) return fill_input(rows, error);
    if (event == CEN__INFLATE_BROKEN) return damaged(rows, inflate->reason, error);
    return CEN_OK;
}

/* Drops what lies further back than the history and the rows not yet read. */
static void slide(cen__png_rows *rows)
{
    cen__inflate *inflate = &rows->inflate;
    size_t from = inflate->out_at < CEN__DEFLATE_WINDOW ? 0 : inflate->out_at - CEN__DEFLATE_WINDOW;
    if (from > rows->read_at) from = rows->read_at;
    memmove(rows->window, rows->window + from, inflate->out_at - from);
    inflate->out_at -= from;
    rows->read_at -= from;
}

cen_status cen__png_rows_next(cen__png_rows *rows, size_t size, const uint8_t **row,
                              cen_error *error)
{
    cen__inflate *inflate = &rows->inflate;
    while (inflate->out_at - rows->read_at < size) {
        if (inflate->out_at == rows->window_size) slide(rows);
        inflate->out_size =
            inflate->out_at + smaller(rows->left, rows->window_size - inflate->out_at);
        cen_status status = run(rows, error);
        if (status != CEN_OK) return status;
        bool has_ended =
            inflate->event == CEN__INFLATE_END || inflate->event == CEN__INFLATE_CUT_SHORT;
        if (has_ended && inflate->out_at - rows->read_at < size)
            return damaged(rows, "they end before the last row", error);
    }
    *row = rows->window + rows->read_at;
    rows->read_at += size;
    return CEN_OK;
}

/* As in libpng, data that go on behind the last row, or stop before the checksum, do no harm; but a
 * checksum that is there must be right. */
cen_status cen__png_rows_finish(cen__png_rows *rows, cen_error *error)
{
    cen__inflate *inflate = &rows->inflate;
    inflate->out_size = inflate->out_at;
    cen_status status;
    do {
        status = run(rows, error);
    } while (status == CEN_OK && inflate->event == CEN__INFLATE_WANTS_INPUT);
    if (status == CEN_OK && inflate->event == CEN__INFLATE_END && inflate->in_end - inflate->in < 4)
        status = fill_input(rows, error);
    if (status != CEN_OK) return status;

    const uint8_t *in = inflate->in;
    if (inflate->event == CEN__INFLATE_END && inflate->in_end - in >= 4) {
        uint32_t adler =
            (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
        if (adler != rows->adler) return damaged(rows, "their checksum is wrong", error);
    } else if (rows->png->warning == NULL) {
        rows->png->warning = inflate->event == CEN__INFLATE_WANTS_OUTPUT
                                 ? "the PNG holds more data than its picture needs"
                                 : "the PNG's data end early, behind the last row";
    }
    while (status == CEN_OK && !inflate->in_is_last) {
        inflate->in = inflate->in_end;
        status = fill_input(rows, error);
    }
    return status;
}

void cen__png_rows_close(cen__png_rows *rows)
{
    cen__free(rows->input);
    rows->input = NULL;
}
