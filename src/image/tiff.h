/* What the files of the TIFF reader share (TIFF 6.0, its Technical Note 2 for JPEG, BigTIFF).
 *
 *     tiff.c            the file kind and the driver: segments (strips or tiles) to pixels
 *     tiff_directory.c  the first directory: its fields
 *     tiff_layout.c     what the fields mean together; refuses what is not read
 *     tiff_unpack.c     the bytes of a segment: PackBits, LZW, Deflate, predictors
 *     tiff_samples.c    rows of samples to rows of pixels */
#ifndef CEN_IMAGE_TIFF_H
#define CEN_IMAGE_TIFF_H

#include <stdio.h>

#include "base/status.h"
#include "image/inflate.h"
#include "image/lzw.h"

typedef enum {
    CEN__TIFF_SUBFILE,
    CEN__TIFF_WIDTH,
    CEN__TIFF_HEIGHT,
    CEN__TIFF_BITS,
    CEN__TIFF_COMPRESSION,
    CEN__TIFF_PHOTOMETRIC,
    CEN__TIFF_FILL_ORDER,
    CEN__TIFF_STRIP_OFFSETS,
    CEN__TIFF_ORIENTATION,
    CEN__TIFF_SAMPLES,
    CEN__TIFF_STRIP_ROWS,
    CEN__TIFF_STRIP_BYTES,
    CEN__TIFF_PLANAR,
    CEN__TIFF_PREDICTOR,
    CEN__TIFF_COLOR_MAP,
    CEN__TIFF_TILE_WIDTH,
    CEN__TIFF_TILE_HEIGHT,
    CEN__TIFF_TILE_OFFSETS,
    CEN__TIFF_TILE_BYTES,
    CEN__TIFF_SUB_DIRECTORIES,
    CEN__TIFF_EXTRA_SAMPLES,
    CEN__TIFF_SAMPLE_FORMAT,
    CEN__TIFF_JPEG_TABLES,
    CEN__TIFF_DNG_VERSION,
    CEN__TIFF_N_FIELDS
} cen__tiff_tag;

enum { CEN__TIFF_WHITE_IS_ZERO, CEN__TIFF_GREY, CEN__TIFF_RGB, CEN__TIFF_PALETTE };
enum { CEN__TIFF_CMYK = 5, CEN__TIFF_YCC = 6 };
enum { CEN__TIFF_RAW = 1, CEN__TIFF_LZW = 5, CEN__TIFF_JPEG = 7, CEN__TIFF_DEFLATE = 8 };
enum { CEN__TIFF_OLD_DEFLATE = 32946, CEN__TIFF_PACK_BITS = 32773 };
enum { CEN__TIFF_MOST_SAMPLES = 16 };

/* The values of a tag, all within the file. */
typedef struct {
    unsigned type;
    size_t count; /* 0: there are none */
    size_t at;
} cen__tiff_field;

typedef struct cen__tiff {
    const uint8_t *bytes;
    size_t size;
    bool is_big_endian, is_big_tiff;
    cen__tiff_field fields[CEN__TIFF_N_FIELDS];
    bool is_outside[CEN__TIFF_N_FIELDS]; /* the values lie beyond the end of the bytes */

    size_t width, height;
    size_t n_samples, n_colors; /* of a pixel: all; those that are not extra */
    bool has_alpha, is_premultiplied;
    int channels;

    unsigned photometric, compression, predictor; /* from here on: by cen__tiff_read_layout */
    unsigned bits;                                /* of a sample */
    bool is_float, is_reversed; /* is_reversed: the lowest bit of a byte comes first */
    bool is_planar, is_tiled;
    size_t n_planes, plane_samples;     /* one of all samples, or one for each */
    size_t segment_width, segment_rows; /* of a strip or tile: no more rows than the picture */
    size_t jpeg_rows;                   /* of a strip or tile that is a JPEG: all */
    size_t across, down;                /* segments */
    size_t row_size;                    /* bytes of a row of a segment of a plane */
    unsigned joined;                    /* of 16 bits: the upper bytes, but for alpha */
    bool is_out_of_range;               /* of floats */
    uint8_t palette[256][3];
} cen__tiff;

/* TIFF's read_notes: the header and the first directory, without the values that stand elsewhere. */
cen_status cen__tiff_read_notes(cen_context *context, FILE *file, const char *path, size_t most,
                                uint8_t **bytes, size_t *size, cen_error *error);

/* By the first bytes. */
bool cen__tiff_matches(const uint8_t *bytes, size_t size);

/* The fields of the first directory, and the size and channels that they give. Errors: FORMAT, UNSUPPORTED. */
cen_status cen__tiff_read_directory(cen__tiff *tiff, const uint8_t *bytes, size_t size,
                                    cen_error *error);

/* Value i of a tag, or `otherwise` if there is none. */
uint64_t cen__tiff_value(const cen__tiff *tiff, cen__tiff_tag tag, size_t i, uint64_t otherwise);

/* That the file has all values, without which others would stand for them. Errors: FORMAT. */
cen_status cen__tiff_check_values(const cen__tiff *tiff, cen_error *error);

/* All other members, and that the file can hold such a picture. Errors: FORMAT, UNSUPPORTED, LIMIT. */
cen_status cen__tiff_read_layout(cen__tiff *tiff, cen_error *error);

/* The bytes of a segment in the file, at most those that are there. Errors: FORMAT. */
cen_status cen__tiff_segment(const cen__tiff *tiff, size_t index, const uint8_t **bytes,
                             size_t *size, cen_error *error);

/* What unpacking needs. */
typedef union {
    cen__lzw lzw;
    cen__inflate inflate;
} cen__tiff_unpacker;

/* Unpacks the first `rows` rows of a segment to out, but for JPEG, and undoes the predictor. scratch: a row. Errors:
 * FORMAT, UNSUPPORTED. */
cen_status cen__tiff_unpack(const cen__tiff *tiff, cen__tiff_unpacker *unpacker, size_t index,
                            size_t rows, uint8_t *out, uint8_t *scratch, cen_error *error);

/* A row of n pixels of a plane to a byte a sample. Those of plane p are written every n_planes-th byte, from p on. */
void cen__tiff_expand(cen__tiff *tiff, const uint8_t *row, size_t n, size_t plane,
                      uint8_t *samples);

/* n pixels of interleaved samples to pixels of tiff->channels. */
void cen__tiff_color(const cen__tiff *tiff, const uint8_t *samples, size_t n, uint8_t *out);

#endif
