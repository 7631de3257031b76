/* A gallery in memory: rows in the blocks of a file, and in one block that grows. Rows are not moved: what is removed is
 * left out of the spans, and what is renamed is redirected. Names have numbers, labels; a name may have no row. */
#ifndef CEN_SEARCH_GALLERY_H
#define CEN_SEARCH_GALLERY_H

#include <centerloss_eval.h>

#include "format/gallery_file.h"
#include "search/search.h"

/* Rows that follow each other, in the gallery and in a block. */
typedef struct cen__gallery_span {
    size_t block, place, n, first; /* first row: of the block, of the gallery */
} cen__gallery_span;

/* A block that the gallery owns. The last block may be one that grows. */
typedef struct cen__gallery_growing {
    float *features;
    uint8_t *rows, *negatives, *names;
    char *text;
    size_t features_capacity, rows_capacity, negatives_capacity, names_capacity, text_capacity;
} cen__gallery_growing;

struct cen_gallery {
    cen_context *context, *own_context;
    cen_gallery_info info;
    cen__gallery_about about;
    cen__gallery_file *file;       /* NULL: none was loaded */
    cen__gallery_block *blocks;    /* [n_blocks] first those of the file */
    cen__gallery_growing *growing; /* [n_blocks]; zeros for those of the file */
    cen__gallery_span *spans;      /* [n_spans] */
    size_t *negatives;             /* [info.n_negatives] rows, ascending */
    uint32_t *redirect;            /* [n_names] the label that a name has now; NULL: its number */
    uint32_t *slots;               /* [n_slots] numbers of names + 1, by hash; NULL: not yet made */
    uint8_t *state;                /* [state_size] of the calibration */
    size_t n_blocks, n_spans, n_names, n_slots, state_size;
    size_t n_scans; /* names that were looked for without slots */
    size_t blocks_capacity, growing_capacity, spans_capacity, negatives_capacity, redirect_capacity;
    bool has_growing; /* the last block may grow, and is in no file */
    /* The file that a save may append to. */
    char *path; /* NULL: none */
    cen_lock *lock;
    uint64_t identity[2], size, end;      /* as this object has read or left it */
    bool is_lost;                         /* it is not known what this object left there */
    bool has_other_rows, has_other_state; /* a row was removed or renamed; calibration changed */
};

/* ---- for the decision ---- */

/* Which rows answer question i: all, those of the name labels[i], or those of other names. */
typedef enum { CEN__ALL_NAMES, CEN__THIS_NAME, CEN__OTHER_NAMES } cen__gallery_names;

typedef struct cen__gallery_query {
    const float *queries; /* [n, d] */
    size_t n, k;
    bool negatives; /* negatives answer; else only positives do */
    cen__gallery_names names;
    const size_t *labels; /* [n], unless all names answer */
} cen__gallery_query;

/* The k nearest rows that answer each question, exact, nearest first; equal ones by row. Each of `found` is [n, k]; the
 * first *n_found of each k are set, which is k, or all rows of that kind if they are fewer. If names are left out and too
 * few rows answer, the last of these are row SIZE_MAX at infinity. Errors: NOT_FINITE (a query), FORMAT (a row of the
 * gallery holds a number that is not finite), MEMORY. */
cen_status cen__gallery_search(const cen_gallery *gallery, const cen__gallery_query *query,
                               cen__found found, size_t *n_found, cen_error *error);

/* The feature of row i < info.n: [d]. Not checked to be finite. */
const float *cen__gallery_feature(const cen_gallery *gallery, size_t i);

/* The number of negatives before row i. */
size_t cen__gallery_negatives_before(const cen_gallery *gallery, size_t i);

bool cen__gallery_is_negative(const cen_gallery *gallery, size_t i);

/* The label of row i < info.n, below gallery->n_names. Errors: FORMAT (a damaged row). */
cen_status cen__gallery_label(const cen_gallery *gallery, size_t i, size_t *label,
                              cen_error *error);

/* The name of a label. Errors: FORMAT. */
cen_status cen__gallery_name(const cen_gallery *gallery, size_t label, const char **name,
                             cen_error *error);

/* The label of a name; false: no row ever had it. */
bool cen__gallery_find_label(const cen_gallery *gallery, const char *name, size_t *label);

/* What cen_gallery_save keeps of a calibration: both thresholds, and bytes of any form and meaning, which are copied and
 * then are gallery->state[state_size]. Errors: ARGUMENT (a threshold that is not finite), MEMORY. */
cen_status cen__gallery_set_calibration(cen_gallery *gallery, const cen_threshold *known,
                                        const cen_threshold *same, const void *state,
                                        size_t state_size, cen_error *error);

/* ---- parts of the object ---- */

/* The span of row i < info.n. */
const cen__gallery_span *cen__gallery_span_of(const cen_gallery *gallery, size_t i);

/* The bytes of row i < info.n, and its block. */
const uint8_t *cen__gallery_bytes(const cen_gallery *gallery, size_t i,
                                  const cen__gallery_block **block);

/* The text of a name's own number, before it is redirected; NULL: damaged. */
const char *cen__gallery_text(const cen_gallery *gallery, size_t number);

/* "PATH: row 12 (a/b.png)", for messages; PATH if there is one. */
enum { CEN__GALLERY_DESCRIBED = 1024 };
void cen__gallery_describe(const cen_gallery *gallery, size_t i, char *text, size_t size);

/* An empty gallery, whose `about` is not set yet. */
cen_status cen__gallery_start(cen_context *context, cen_gallery **gallery, cen_error *error);

/* Copies `about` to the info. */
void cen__gallery_point_info(cen_gallery *gallery);

/* Prepares for so many more names: makes the slots, or lets a few names be found by comparing all, which is faster if no
 * more follow. False without memory. */
bool cen__gallery_index(cen_gallery *gallery, size_t more);

/* Puts a name into the slots, if there are any, it is a label and its text is not there. */
void cen__gallery_index_add(cen_gallery *gallery, size_t number);

/* Frees all blocks, spans, tables and the file; keeps `about`, path and lock. */
void cen__gallery_drop(cen_gallery *gallery);

/* Writes the whole gallery to a new file at path. Errors: IO, FORMAT (a damaged row), MEMORY. */
cen_status cen__gallery_write(const cen_gallery *gallery, const char *path, cen_error *error);

/* Appends the growing block and the state to the file that the gallery knows. *is_possible: false if this system cannot.
 * Errors: IO, MEMORY. */
cen_status cen__gallery_append(cen_gallery *gallery, bool *is_possible, cen_error *error);

#endif
