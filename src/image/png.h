/* What the files of the PNG reader share: the header, the chunks, the rows of the IDAT chunks. */
#ifndef CEN_IMAGE_PNG_H
#define CEN_IMAGE_PNG_H

#include "image/inflate.h"

enum { CEN__PNG_GREY = 0, CEN__PNG_RGB = 2, CEN__PNG_PALETTE = 3, CEN__PNG_ALPHA = 4 };

typedef struct cen__png {
    const uint8_t *bytes; /* the file, or just its beginning */
    size_t size;
    uint32_t width, height;
    int depth;      /* bits a sample */
    int color_type; /* GREY, RGB or PALETTE; ALPHA is added to the first two */
    bool interlaced;
    int n_samples; /* a pixel of the file */
    int channels;  /* of the image: palettes expanded, transparency an alpha channel */
    bool has_palette, has_transparency;
    size_t n_colors;         /* of the palette */
    uint8_t palette[256][4]; /* black and opaque where the file gives nothing, as in libpng */
    uint16_t transparent[3]; /* the color of GREY or RGB that is transparent, in `depth` bits */
    size_t idat_at;          /* the first IDAT chunk */
    uint64_t idat_size;      /* bytes in it and in those that follow it at once */
    bool is_cut_short;       /* after a failure: since the bytes ended */
    unsigned joined;         /* of depth 16: the bits of all upper bytes, but for alpha */
    const char *warning;
} cen__png;

typedef struct cen__png_chunk {
    size_t at; /* of the length, in the file */
    char name[5];
    const uint8_t *data;
    size_t size;
    size_t next_at;
} cen__png_chunk;

/* Everything up to the first IDAT chunk. Errors: FORMAT, UNSUPPORTED. */
cen_status cen__png_read_header(cen__png *png, const uint8_t *bytes, size_t size, cen_error *error);

/* The IDAT chunks are there and whole (idat_size), and what follows them is in order; what is
 * missing behind them is a warning. Errors: FORMAT, UNSUPPORTED. */
cen_status cen__png_check_rest(cen__png *png, cen_error *error);

/* The chunk at a place, whole, its CRC not yet looked at. Errors: FORMAT. */
cen_status cen__png_chunk_at(cen__png *png, size_t at, cen__png_chunk *chunk, cen_error *error);

bool cen__png_is(const cen__png_chunk *chunk, const char *name);

/* "PNG chunk IDAT at byte 33 ..." */
cen_status cen__png_fail(const cen__png_chunk *chunk, cen_status status, const char *what,
                         cen_error *error);

/* The filtered rows, unpacked as they are asked for, so that they stay in the cache. */
typedef struct cen__png_rows {
    cen__png *png;
    cen__png_chunk chunk; /* the IDAT that is being read */
    size_t chunk_used;
    uint32_t crc;   /* of the part used */
    uint8_t *input; /* the IDAT data joined, piece by piece */
    size_t input_size;
    uint8_t *window; /* CEN__DEFLATE_WINDOW bytes behind the reader, and what is not yet read */
    size_t window_size, read_at;
    uint64_t left; /* bytes of the image that are not yet unpacked */
    uint32_t adler;
    cen__inflate inflate;
} cen__png_rows;

/* total_size: of all rows with their filter bytes; row_size: of the longest. On success close it.
 * Errors: FORMAT, MEMORY. */
cen_status cen__png_rows_open(cen_context *context, cen__png_rows *rows, cen__png *png,
                              uint64_t total_size, size_t row_size, cen_error *error);

/* *row: the next `size` bytes, valid until the next call. Errors: FORMAT. */
cen_status cen__png_rows_next(cen__png_rows *rows, size_t size, const uint8_t **row,
                              cen_error *error);

/* After the last row: what is left of the IDAT chunks and the checksum. Errors: FORMAT. */
cen_status cen__png_rows_finish(cen__png_rows *rows, cen_error *error);

void cen__png_rows_close(cen__png_rows *rows);

#endif
