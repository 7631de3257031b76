/* The part of JSON (RFC 8259) that headers of safetensors files and our own reports need. */
#ifndef CEN_FORMAT_JSON_H
#define CEN_FORMAT_JSON_H

#include "base/status.h"
#include "format/text.h"

typedef enum {
    CEN__JSON_NULL,
    CEN__JSON_BOOL,
    CEN__JSON_NUMBER,
    CEN__JSON_STRING,
    CEN__JSON_ARRAY,
    CEN__JSON_OBJECT
} cen__json_kind;

/* A value in a parsed text. Children of arrays and objects are a list: first child, then next. */
typedef struct cen__json {
    cen__json_kind kind;
    const char *key;    /* in an object: its name, unescaped UTF-8; else NULL */
    const char *string; /* STRING: unescaped UTF-8, NUL-terminated */
    double number;      /* NUMBER; BOOL: 0 or 1 */
    bool is_integer;    /* NUMBER: written without fraction or exponent and fits */
    int64_t integer;
    size_t n_children;
    const struct cen__json *child, *next;
} cen__json;

typedef struct cen__json_document cen__json_document;

/* Parses text[size], which must be one value. Invalid UTF-8, lone surrogates, \u0000 and
 * duplicate keys of one object are errors, which name the byte offset. Errors: FORMAT, MEMORY,
 * LIMIT (deeper than 64, more than 2^20 values, a number of over 400 characters or beyond double).
 */
cen_status cen__json_parse(cen_context *context, const char *text, size_t size,
                           cen__json_document **document, cen_error *error);
void cen__json_free(cen__json_document *document);
const cen__json *cen__json_root(const cen__json_document *document);

/* The value of a key of an object; NULL if there is none or it is no object. */
const cen__json *cen__json_get(const cen__json *object, const char *key);

/* Appends a string in quotes, escaped. Each byte that is not part of a UTF-8 character becomes U+FFFD. */
void cen__text_add_json_string(cen__text *text, const char *string);

#endif
