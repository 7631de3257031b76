/* A format of feature files. A new one is a file with its table and one line in feature_list.h. */
#ifndef CEN_FORMAT_FEATURE_FORMAT_H
#define CEN_FORMAT_FEATURE_FORMAT_H

#include <centerloss_eval.h>

#include "base/file.h"
#include "format/text.h"

/* The data to write: features[n, d], and rows[n] or NULL. */
typedef struct cen__feature_table {
    const float *features;
    size_t n, d;
    const cen_feature_row *rows;
} cen__feature_table;

/* Writes one file; `line` is for text. False: no memory is left. */
typedef bool cen__feature_write(const cen__feature_table *table, cen__text *line,
                                cen__writer *writer);

typedef struct cen__feature_format {
    const char *name;
    bool needs_rows;
    bool is_tied; /* readers match the second file with the first by their digests */
    size_t most_d;
    cen__feature_write *write;
    cen__feature_write *write_beside; /* the second file; NULL: there is none */
    const char *ending;               /* an ending of the path, which is removed ... */
    const char *beside;               /* ... and replaced by this one */
} cen__feature_format;

#define CEN__FEATURE_FORMAT(name) extern const cen__feature_format cen__##name##_format;
#include "format/feature_list.h"
#undef CEN__FEATURE_FORMAT

/* ---- parts that several formats share ---- */

/* A text, or "" for NULL. */
static inline const char *cen__feature_text(const char *text)
{
    return text != NULL ? text : "";
}

/* Writes the line, and starts the next one in its memory. False: no memory is left. */
bool cen__feature_flush(cen__text *line, cen__writer *writer);

/* A .tsv that names the rows, with digests of their features or without. */
cen__feature_write cen__feature_write_rows, cen__feature_write_metadata;

#endif
