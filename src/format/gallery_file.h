/* The file of a gallery: one or more segments, each a row of NumPy arrays that numpy.load reads one by one of an open
 * file. A segment is not changed after it is written.
 *
 *     info       |u1 [bytes]   JSON (below), padded with spaces
 *     state      |u1 [bytes]   of the calibration; empty: that of the segment before
 *     features   <f4 [n, d]
 *     rows       [n] of (name <u4, source <u8, digest |u1 [16])
 *     negatives  <u8 [k]       the rows of this segment that are negatives, ascending
 *     names      <u8 [m]       where the names that are new begin in text
 *     text       |u1 [bytes]   strings, each with a NUL; the first is ""
 *
 * A name's number counts the names of all segments; source is a place in the text of the row's segment. Headers are
 * padded so that the data of each array, and each segment, begins at a multiple of 64 bytes.
 *
 * The info of the last complete segment holds for the file. It begins with "checksum", of all bytes of the info that
 * follow it. "body" is the digest of the arrays after it; it is "" in the first segment, which is put in place complete,
 * by a rename. Later segments are appended. So only the last one can be incomplete, and only its body is checked: the
 * writer of a segment has read those before it. */
#ifndef CEN_FORMAT_GALLERY_FILE_H
#define CEN_FORMAT_GALLERY_FILE_H

#include <stdbool.h>

#include <centerloss_eval.h>

#include "base/file.h"
#include "base/status.h"
#include "format/text.h"

enum { CEN__GALLERY_ROW = 28, CEN__GALLERY_SOURCE = 4, CEN__GALLERY_DIGEST = 12 };

/* The rows of a segment. Its numbers have the byte order of the file, except for the features. */
typedef struct cen__gallery_block {
    const float *features;    /* [n, d] */
    const uint8_t *rows;      /* [n, CEN__GALLERY_ROW] */
    const uint8_t *negatives; /* [n_negatives, 8] */
    const uint8_t *names;     /* [n_names, 8] */
    const char *text;         /* [text_size], the last byte is NUL */
    size_t n, n_negatives, n_names, text_size;
    size_t first_name; /* the number of its first name */
} cen__gallery_block;

/* The text of name `number`, which is below the names of all n > 0 blocks. NULL: its place is damaged. */
const char *cen__gallery_name_text(const cen__gallery_block *blocks, size_t n, size_t number);

/* The source of a row; NULL: its place is damaged. */
const char *cen__gallery_source(const cen__gallery_block *block, const uint8_t *row);

/* What holds for all rows. */
typedef struct cen__gallery_about {
    size_t d;
    cen_metric metric;
    char *model, *fingerprint; /* NULL: not known; cen__free */
    cen_threshold known, same;
} cen__gallery_about;

typedef struct cen__gallery_file {
    cen__gallery_about about;
    cen__gallery_block *blocks; /* [n_blocks]; they point into the file */
    size_t n_blocks, capacity, n, n_names;
    const uint8_t *state; /* [state_size] */
    size_t state_size;
    uint64_t size, end; /* of the file; of the last complete segment */
    uint64_t identity[2];
    /* memory */
    cen_context *context;
    const void *bytes; /* [end] */
    bool is_mapped;
    float **copies; /* [n_blocks] features in the byte order of this machine; NULL: as they are */
} cen__gallery_file;

/* Errors: IO, FORMAT, LIMIT, MEMORY. Free also after a failure. */
cen_status cen__gallery_file_read(cen_context *context, const char *path, cen__gallery_file *file,
                                  cen_error *error);
void cen__gallery_file_free(cen__gallery_file *file);

/* Takes the rows of a file that are no negatives as features: set->rows point into the file. Errors: FORMAT (a damaged
 * row), LIMIT, MEMORY. */
cen_status cen__gallery_file_take(const cen__gallery_file *file, const char *path,
                                  cen_feature_set *set, cen_error *error);

/* Counts of a segment, in front of which there are first_row rows and first_name names. */
typedef struct cen__gallery_sizes {
    uint64_t start, first_row, first_name;
    size_t n, n_negatives, n_names, text_size, state_size;
} cen__gallery_sizes;

typedef enum {
    CEN__GALLERY_STATE,
    CEN__GALLERY_FEATURES,
    CEN__GALLERY_ROWS,
    CEN__GALLERY_NEGATIVES,
    CEN__GALLERY_NAMES,
    CEN__GALLERY_TEXT,
    CEN__GALLERY_ARRAYS
} cen__gallery_array;

/* Each array of a segment after its info: where it begins, where its data begin. Relative to the end of the info. */
typedef struct cen__gallery_layout {
    size_t headers[CEN__GALLERY_ARRAYS], data[CEN__GALLERY_ARRAYS], end;
} cen__gallery_layout;

/* False: too large for this machine. text_size is a multiple of 64. */
bool cen__gallery_layout_make(cen__gallery_layout *layout, const cen__gallery_sizes *sizes,
                              size_t d);

enum { CEN__GALLERY_HEADER_MOST = 320 };

/* The header of an array; returns its bytes. */
size_t cen__gallery_header(cen__gallery_array array, const cen__gallery_layout *layout,
                           const cen__gallery_sizes *sizes, size_t d,
                           char header[CEN__GALLERY_HEADER_MOST]);

/* Appends the array of the info, with its header. body: "" or a digest in hexadecimal digits. */
void cen__gallery_info_write(cen__text *text, const cen__gallery_about *about,
                             const cen__gallery_sizes *sizes, const char *body);

/* The model and the fingerprint have at most so many bytes, each of which may take 6 in the info. */
enum { CEN__GALLERY_TEXT_MOST = 1 << 16, CEN__GALLERY_INFO_MOST = 1 << 20 };

/* Reads the info at `start`: *after is the place after it. FORMAT: there is none, or it is damaged. */
typedef struct cen__gallery_info_read {
    cen__gallery_about about;
    cen__gallery_sizes sizes;
    char body[33];
    uint64_t after;
} cen__gallery_info_read;

cen_status cen__gallery_info_parse(cen_context *context, FILE *file, const char *path,
                                   uint64_t size, uint64_t start, cen__gallery_info_read *info,
                                   cen_error *error);
void cen__gallery_about_free(cen__gallery_about *about);

#endif
