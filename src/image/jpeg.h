/* What the files of the JPEG decoder share. The pixels are those of libjpeg-turbo's defaults: the
 * "islow" inverse DCT, triangle ("fancy") upsampling, colour conversion in 16.16 fixed point.
 *
 *     jpeg.c            the file kind and the driver: frame, scans, rows
 *     jpeg_markers.c    segments: tables, frame and scan headers
 *     jpeg_bits.h, jpeg_huffman.c   entropy-coded bytes to bits, lookup tables
 *     jpeg_progressive.c            blocks of progressive scans
 *     jpeg_smooth.c     guesses for the coefficients that a progressive file has not yet sent
 *     kernels.h         sequential blocks, inverse DCT, rows; compiled once an instruction set
 *     jpeg_rows.c       planes to pixels: upsampling and colour */
#ifndef CEN_IMAGE_JPEG_H
#define CEN_IMAGE_JPEG_H

#include "base/instructions.h"
#include "base/status.h"

enum {
    CEN__JPEG_LOOKUP_BITS = 10,
    CEN__JPEG_MAX_COMPONENTS = 4,
    CEN__JPEG_MAX_MCU_BLOCKS = 10,
    /* No code is longer than 17 bits (a bad one), no magnitude than 15: at most 4 bytes each. */
    CEN__JPEG_MAX_MCU_SIZE = CEN__JPEG_MAX_MCU_BLOCKS * 64 * 4,
    /* A run that no block holds: the entry of "end of block" in a lookup table. */
    CEN__JPEG_END_RUN = 80
};

/* A Huffman table as in the file. */
typedef struct {
    bool defined;
    uint8_t counts[17]; /* codes of each length; counts[0] is unused */
    uint8_t symbols[256];
} cen__jpeg_code;

typedef enum {
    CEN__JPEG_DC,         /* values are differences, run 0 */
    CEN__JPEG_AC,         /* run and value; end of block has run CEN__JPEG_END_RUN */
    CEN__JPEG_AC_SYMBOLS, /* run and value; symbols without a value are left to the caller */
    CEN__JPEG_SYMBOLS     /* symbols alone */
} cen__jpeg_table_use;

/* The same made for decoding. An entry is one of
 *     value << 16 | run << 8 | n_bits         code and magnitude together fit in the lookup
 *     symbol << 16 | code length << 8 | 0     the code alone fits
 *     0                                       the code is longer, or none */
typedef struct {
    uint32_t lookup[1 << CEN__JPEG_LOOKUP_BITS];
    uint32_t limits[18]; /* [length]: first 16-bit prefix beyond its codes; 0 where it has none */
    int32_t offsets[18]; /* [length]: index of the symbol of code c is c + offset */
    const uint8_t *symbols;
} cen__jpeg_table;

/* The part of cen__jpeg_bits that changes with each code: block decoders keep it in registers. */
typedef struct {
    const uint8_t *next; /* byte of the buffer */
    uint64_t bits;       /* the next bits, from the top */
    int n_bits;          /* how many are certain; those below are right or zero */
    bool damaged;        /* a code that cannot be */
} cen__jpeg_cursor;

/* The entropy-coded bytes of a scan, as bits. Stuffed zeros are taken out into a buffer whose end
 * is padded with zeros for one MCU, so that an MCU is decoded without a check. */
typedef struct {
    cen__jpeg_cursor cursor;
    const uint8_t *bytes; /* the file */
    size_t size, at;      /* at: the next byte to go into the buffer, or behind the marker */
    uint8_t *buffer;
    const uint8_t *end;   /* of what is in the buffer */
    const uint8_t *watch; /* where cursor.next is beyond it, cen__jpeg_bits_fill is due */
    int marker;           /* that ended the segment (D9 at the end of the file), or 0 */
    bool ended;           /* all bytes up to the marker are in the buffer */
    bool exhausted;       /* more bits were taken than there were */
    bool cut;             /* the file ended without a marker */
    bool lost;            /* once exhausted, or a restart marker was not where it belongs */
} cen__jpeg_bits;

typedef enum {
    CEN__JPEG_COPY, /* the plane has the picture's size */
    CEN__JPEG_BOX,  /* each sample h_expand x v_expand times */
    CEN__JPEG_H2_FANCY,
    CEN__JPEG_V2_FANCY,
    CEN__JPEG_H2V2_FANCY
} cen__jpeg_upsampling;

typedef struct cen__jpeg_component {
    uint8_t id;
    size_t h, v;                              /* sampling factors */
    size_t width_in_blocks, height_in_blocks; /* that the picture needs */
    size_t blocks_per_row, blocks_per_column; /* padded to whole MCUs */
    size_t dct_size;                          /* pixels a block side: 8, 4, 2 or 1 */
    size_t width, height;                     /* samples that the picture needs */
    unsigned quant_index, dc_index, ac_index;
    bool has_quant;
    uint16_t quant[64]; /* natural order, as it was at the component's first scan */
    int32_t dc;         /* prediction */
    /* Where there are several scans: [blocks_per_column, blocks_per_row, 64], natural order; and
     * for each block the bits of decode_to_coefficients. */
    int16_t *coefficients;
    uint64_t *used;
    uint8_t *plane; /* two MCU rows: [2 * v * dct_size, stride] */
    size_t stride, plane_rows;
    cen__jpeg_upsampling upsampling;
    size_t h_expand, v_expand;
    uint8_t *row; /* an upsampled row */
    /* Progressive: the point transform of each coefficient so far, -1 where none came; and how it
     * was before the last scan of this component. */
    int8_t precision[64], previous_precision[10];
    const cen__jpeg_table *dc_table, *ac_table;
} cen__jpeg_component;

typedef struct {
    size_t n_components;
    cen__jpeg_component *components[CEN__JPEG_MAX_COMPONENTS];
    int first, last; /* spectral selection, zigzag */
    int high, low;   /* successive approximation */
} cen__jpeg_scan;

typedef enum {
    CEN__JPEG_GREY,
    CEN__JPEG_YCC,
    CEN__JPEG_RGB,
    CEN__JPEG_CMYK,
    CEN__JPEG_YCCK,
    CEN__JPEG_AS_IS /* four components, of which a TIFF knows the meaning */
} cen__jpeg_colour;

typedef struct cen__jpeg {
    const uint8_t *bytes;
    size_t size, at;
    cen_error *error;

    cen__jpeg_code dc_codes[4], ac_codes[4];
    bool has_quant[4];
    uint16_t quant[4][64]; /* zigzag order */
    size_t restart_interval;
    bool jfif, adobe;
    int adobe_transform;
    bool in_tiff, is_ycc; /* is_ycc: in a TIFF, which says what the colours are */
    size_t part_components;
    uint64_t part_most; /* bytes beside the pixels, in a TIFF */

    bool has_frame, progressive;
    size_t frame_width, frame_height; /* as in the file */
    size_t n_components;
    cen__jpeg_component components[CEN__JPEG_MAX_COMPONENTS];
    size_t max_h, max_v;
    size_t n_scans;
    cen__jpeg_scan scan;
    cen__jpeg_colour colour;

    size_t scale;         /* pixels that stay of a block's 8: 8, 4, 2 or 1 */
    size_t width, height; /* after scaling */
    size_t mcus_per_row, mcus_per_column;
    bool multi_scan;
    size_t last_good_row; /* of MCUs, in the last scan, for smoothing */
    size_t n_rows_done;   /* pixel rows that are written */

    cen__jpeg_bits bits;
    cen__jpeg_table *tables; /* [8]: DC 0..3, AC 0..3 */
    uint16_t *sums;          /* a row for the 2x2 upsampling */
    const struct cen__image_kernels *kernels;
} cen__jpeg;

/* A strip or tile of a TIFF: a JPEG of n_components, 1, 3 or 4, whose tables may be in another one without a picture
 * (tables_size 0: there is none). It takes at most `most` bytes beside its pixels, which the caller counts. Errors: as
 * a decoder. */
cen_status cen__jpeg_decode_part(cen_context *context, const uint8_t *tables, size_t tables_size,
                                 const uint8_t *bytes, size_t size, size_t n_components,
                                 bool is_ycc, uint64_t most, cen_image *image, cen_error *error);

/* ---- jpeg_markers.c ------------------------------------------------------------------------ */

/* What cen__jpeg_read_segments stopped at. */
typedef enum { CEN__JPEG_AT_SCAN, CEN__JPEG_AT_END, CEN__JPEG_AT_CUT } cen__jpeg_stop;

/* Reads segments from jpeg->at (first_marker 0) or from the payload of first_marker up to a scan
 * header (read, with jpeg->at at its entropy-coded bytes), the end marker, or the end of the bytes.
 * With frame_only it stops behind the frame header, with CEN__JPEG_AT_SCAN. */
cen_status cen__jpeg_read_segments(cen__jpeg *jpeg, int first_marker, bool frame_only,
                                   cen__jpeg_stop *stop);

/* The marker at or after *at, which moves behind it; stuffing and stray bytes are passed over. 0 at
 * the end of the bytes. */
int cen__jpeg_next_marker(const uint8_t *bytes, size_t size, size_t *at);

/* ---- jpeg_huffman.c ------------------------------------------------------------------------ */

/* Errors: FORMAT (codes that no tree has). */
cen_status cen__jpeg_table_build(const cen__jpeg_code *code, cen__jpeg_table_use use,
                                 cen__jpeg_table *table, cen_error *error);

/* Build the table that component i of the coming scan names, where no earlier one has. Errors:
 * FORMAT. */
cen_status cen__jpeg_use_dc_table(cen__jpeg *jpeg, size_t i);
cen_status cen__jpeg_use_ac_table(cen__jpeg *jpeg, size_t i, cen__jpeg_table_use use);

/* The tables of all components of a sequential scan. Errors: FORMAT. */
cen_status cen__jpeg_sequential_start(cen__jpeg *jpeg);

/* Gives the tables of section K.3 to the slots 0 and 1 that have none (Motion JPEG leaves them
 * out). */
void cen__jpeg_default_codes(cen__jpeg *jpeg);

enum { CEN__JPEG_BUFFER_SIZE = 1 << 15, CEN__JPEG_BUFFER_PAD = CEN__JPEG_MAX_MCU_SIZE + 64 };

/* Starts a segment at bits->at, or an empty one where a marker is pending. */
void cen__jpeg_bits_start(cen__jpeg_bits *bits);

/* To be called before an MCU where bits->cursor.next > bits->watch. Sets exhausted where the last
 * MCU took more than there was. */
void cen__jpeg_bits_fill(cen__jpeg_bits *bits);

/* Sets exhausted where the last MCU of a segment took more than there was. */
void cen__jpeg_bits_end(cen__jpeg_bits *bits);

/* Goes to the restart marker number `expected` as libjpeg's resynchronisation does. */
void cen__jpeg_bits_restart(cen__jpeg_bits *bits, int expected);

/* The entry of a code that is not in the lookup: symbol << 16 | code length << 8; of no code:
 * length 17 and symbol 0, with which libjpeg goes on. */
uint32_t cen__jpeg_long_entry(const cen__jpeg_table *table, uint64_t bits);

/* Zigzag order to natural order (row * 8 + column). */
extern const uint8_t cen__jpeg_natural_order[64];

/* ---- jpeg_progressive.c -------------------------------------------------------------------- */

/* Decodes a block of a progressive scan into coefficients[64] and its bits in *used. *end_run:
 * blocks that are still covered by an end-of-band run. */
typedef void cen__jpeg_block_decode(cen__jpeg_bits *bits, cen__jpeg_component *component,
                                    const cen__jpeg_scan *scan, uint32_t *end_run,
                                    int16_t *coefficients, uint64_t *used);

/* Checks the scan's parameters, notes its precision, builds its tables. Errors: FORMAT. */
cen_status cen__jpeg_progressive_start(cen__jpeg *jpeg, cen__jpeg_block_decode **decode);

/* ---- jpeg_smooth.c ------------------------------------------------------------------------- */

/* Whether libjpeg would smooth: the file is progressive and coefficients are missing. */
bool cen__jpeg_wants_smoothing(const cen__jpeg *jpeg);

/* smoothed[64] = block (row, column) of component with its missing low frequencies estimated.
 * Returns its bits for coefficients_to_pixels. */
uint64_t cen__jpeg_smooth_block(const cen__jpeg *jpeg, const cen__jpeg_component *component,
                                size_t row, size_t column, int16_t *smoothed);

/* ---- jpeg_rows.c --------------------------------------------------------------------------- */

/* Chooses each component's upsampling. Errors: UNSUPPORTED (sampling that does not divide). */
cen_status cen__jpeg_plan_rows(cen__jpeg *jpeg);

/* Writes the pixel rows that the planes hold after MCU row mcu_row. */
void cen__jpeg_write_rows(cen__jpeg *jpeg, size_t mcu_row, cen_image *image);

#endif
