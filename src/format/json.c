#include "format/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { DEPTH_MOST = 64, VALUES_MOST = 1 << 20, CHUNK_VALUES = 64 };

/* Values never move once they are handed out, so they live in chunks. */
typedef struct chunk {
    struct chunk *next;
    size_t n_values;
    cen__json values[CHUNK_VALUES];
} chunk;

struct cen__json_document {
    cen_context *context; /* for memory */
    chunk *chunks;
    char *strings; /* unescaped, NUL-terminated, one after the other */
    const cen__json *root;
};

typedef struct {
    const char *text;
    size_t size, at;
    size_t depth, n_values;
    char *free_string; /* the free part of document->strings */
    cen__json_document *document;
    cen_error *error;
} parser;

static cen_status parse_value(parser *p, const char *key, cen__json **value);

static cen_status fail_at(parser *p, size_t at, const char *what)
{
    return cen__fail(p->error, CEN_ERROR_FORMAT, "the JSON is damaged at byte %zu: %s", at, what);
}

static void skip_blanks(parser *p)
{
    while (p->at < p->size && memchr(" \t\n\r", p->text[p->at], 4) != NULL) p->at++;
}

/* Skips blanks; if the next character is c, skips it, too, and returns true. */
static bool take(parser *p, char c)
{
    skip_blanks(p);
    if (p->at >= p->size || p->text[p->at] != c) return false;
    p->at++;
    return true;
}

static cen_status new_value(parser *p, const char *key, cen__json_kind kind, cen__json **value)
{
    chunk *last = p->document->chunks;
    if (p->n_values == VALUES_MOST) {
        return cen__fail(p->error, CEN_ERROR_LIMIT,
                         "the JSON at byte %zu goes beyond the limit of %d values", p->at,
                         (int)VALUES_MOST);
    }
    if (last == NULL || last->n_values == CHUNK_VALUES) {
        chunk *fresh = cen__alloc_zeroed(p->document->context, 1, sizeof *fresh);
        if (fresh == NULL) return cen__fail_memory(p->error, "parsed JSON");
        fresh->next = last;
        p->document->chunks = last = fresh;
    }
    p->n_values++;
    *value = &last->values[last->n_values++];
    (*value)->kind = kind;
    (*value)->key = key;
    return CEN_OK;
}

static bool parse_hex4(parser *p, unsigned *code)
{
    if (p->size - p->at < 4) return false;
    *code = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = p->text[p->at + i];
        unsigned digit;
        if (c >= '0' && c <= '9') {
            digit = (unsigned)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = (unsigned)(c - 'a') + 10;
        } else if (c >= 'A' && c <= 'F') {
            digit = (unsigned)(c - 'A') + 10;
        } else {
            return false;
        }
        *code = *code * 16 + digit;
    }
    p->at += 4;
    return true;
}

static void put_utf8(parser *p, unsigned code)
{
    char *s = p->free_string;
    if (code < 0x80) {
        *s++ = (char)code;
    } else if (code < 0x800) {
        *s++ = (char)(0xC0 | code >> 6);
        *s++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *s++ = (char)(0xE0 | code >> 12);
        *s++ = (char)(0x80 | (code >> 6 & 0x3F));
        *s++ = (char)(0x80 | (code & 0x3F));
    } else {
        *s++ = (char)(0xF0 | code >> 18);
        *s++ = (char)(0x80 | (code >> 12 & 0x3F));
        *s++ = (char)(0x80 | (code >> 6 & 0x3F));
        *s++ = (char)(0x80 | (code & 0x3F));
    }
    p->free_string = s;
}

/* Behind "\u". */
static cen_status parse_code(parser *p, size_t start)
{
    unsigned code, low;
    if (!parse_hex4(p, &code)) return fail_at(p, start, "\\u needs four hexadecimal digits");
    if (code == 0) return fail_at(p, start, "a string holds \\u0000");
    if (code >= 0xDC00 && code <= 0xDFFF) return fail_at(p, start, "a lone surrogate");
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (p->size - p->at < 2 || memcmp(p->text + p->at, "\\u", 2) != 0) {
            return fail_at(p, start, "a lone surrogate");
        }
        p->at += 2;
        if (!parse_hex4(p, &low) || low < 0xDC00 || low > 0xDFFF) {
            return fail_at(p, start, "a lone surrogate");
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    put_utf8(p, code);
    return CEN_OK;
}

static cen_status parse_escape(parser *p)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    size_t start = p->at++;
    if (p->at >= p->size) return fail_at(p, start, "a string does not end");
    char c = p->text[p->at++];
    if (c == 'u') return parse_code(p, start);
    const char *letter = memchr(letters, c, sizeof letters - 1);
    if (letter == NULL) return fail_at(p, start, "an escape that JSON does not have");
    *p->free_string++ = meant[letter - letters];
    return CEN_OK;
}

/* Parses a string after its opening quote. Unescaped text is never longer than the written one, and the quotes make up for
 * the NUL, so document->strings has room. */
static cen_status parse_string(parser *p, const char **string)
{
    size_t start = p->at - 1;
    *string = p->free_string;
    while (p->at < p->size && p->text[p->at] != '"') {
        if (p->text[p->at] == '\\') {
            cen_status status = parse_escape(p);
            if (status != CEN_OK) return status;
            continue;
        }
        if ((unsigned char)p->text[p->at] < 0x20) {
            return fail_at(p, p->at, "a control character in a string");
        }
        size_t size = cen__utf8_size(p->text + p->at, p->size - p->at);
        if (size == 0) return fail_at(p, p->at, "bytes that are no UTF-8");
        memcpy(p->free_string, p->text + p->at, size);
        p->free_string += size;
        p->at += size;
    }
    if (p->at >= p->size) return fail_at(p, start, "a string does not end");
    p->at++;
    *p->free_string++ = '\0';
    return CEN_OK;
}

/* Only digits, perhaps with a minus; false if the number does not fit. */
static bool read_integer(const char *text, size_t size, int64_t *integer)
{
    bool minus = text[0] == '-';
    uint64_t most = (uint64_t)INT64_MAX + minus, sum = 0;
    for (size_t i = minus; i < size; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (digit > 9 || sum > (most - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *integer = !minus ? (int64_t)sum : sum > (uint64_t)INT64_MAX ? INT64_MIN : -(int64_t)sum;
    return true;
}

static cen_status parse_number(parser *p, cen__json *value)
{
    const char *text = p->text + p->at;
    size_t left = p->size - p->at, size = 0;
    while (size < left && text[size] != '\0' && strchr("+-.0123456789eE", text[size]) != NULL) {
        size++;
    }
    if (size > CEN__NUMBER_MOST) {
        return cen__fail(p->error, CEN_ERROR_LIMIT,
                         "the JSON at byte %zu has a number of more than %d characters", p->at,
                         (int)CEN__NUMBER_MOST);
    }
    size_t first = text[0] == '-';
    bool padded =
        size > first + 1 && text[first] == '0' && text[first + 1] >= '0' && text[first + 1] <= '9';
    if (text[0] == '+' || padded || !cen__number_read(text, size, &value->number)) {
        return fail_at(p, p->at, "a number that JSON does not write so");
    }
    if (!isfinite(value->number)) {
        return cen__fail(p->error, CEN_ERROR_LIMIT,
                         "the JSON at byte %zu has a number too large for a double", p->at);
    }
    value->is_integer = read_integer(text, size, &value->integer);
    p->at += size;
    return CEN_OK;
}

static cen_status parse_word(parser *p, cen__json *value)
{
    static const struct {
        const char *word;
        cen__json_kind kind;
        double number;
    } words[] = {
        {"null", CEN__JSON_NULL, 0}, {"true", CEN__JSON_BOOL, 1}, {"false", CEN__JSON_BOOL, 0}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i].word);
        if (p->size - p->at >= size && memcmp(p->text + p->at, words[i].word, size) == 0) {
            value->kind = words[i].kind;
            value->number = words[i].number;
            p->at += size;
            return CEN_OK;
        }
    }
    return fail_at(p, p->at, "a value should stand here");
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static cen_status check_keys(parser *p, const cen__json *object)
{
    if (object->n_children < 2) return CEN_OK;
    const char **keys = cen__alloc(p->document->context, object->n_children, sizeof *keys);
    if (keys == NULL) return cen__fail_memory(p->error, "the keys of a JSON object");
    size_t n = 0;
    for (const cen__json *child = object->child; child != NULL; child = child->next) {
        keys[n++] = child->key;
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    cen_status status = CEN_OK;
    for (size_t i = 1; i < n && status == CEN_OK; i++) {
        if (strcmp(keys[i - 1], keys[i]) == 0) {
            status = cen__fail(p->error, CEN_ERROR_FORMAT,
                               "the JSON is damaged: the object that ends at byte %zu has the key "
                               "\"%.100s\" twice",
                               p->at - 1, keys[i]);
        }
    }
    cen__free(keys);
    return status;
}

static cen_status parse_key(parser *p, const char **key)
{
    if (!take(p, '"')) return fail_at(p, p->at, "a key in quotes should stand here");
    cen_status status = parse_string(p, key);
    if (status == CEN_OK && !take(p, ':')) {
        status = fail_at(p, p->at, "a colon should stand here");
    }
    return status;
}

/* The elements of an array or the members of an object, after the opening bracket. */
static cen_status parse_children(parser *p, cen__json *parent)
{
    bool is_object = parent->kind == CEN__JSON_OBJECT;
    char close = is_object ? '}' : ']';
    cen__json *last = NULL;
    if (p->depth++ == DEPTH_MOST) {
        return cen__fail(p->error, CEN_ERROR_LIMIT, "the JSON at byte %zu is nested deeper than %d",
                         p->at - 1, (int)DEPTH_MOST);
    }
    while (last != NULL || !take(p, close)) {
        const char *key = NULL;
        cen__json *value;
        cen_status status = is_object ? parse_key(p, &key) : CEN_OK;
        if (status == CEN_OK) status = parse_value(p, key, &value);
        if (status != CEN_OK) return status;
        if (last == NULL)
            parent->child = value;
        else
            last->next = value;
        last = value;
        parent->n_children++;
        if (take(p, close)) break;
        if (!take(p, ',')) {
            return fail_at(p, p->at,
                           is_object ? "',' or '}' should stand here"
                                     : "',' or ']' should stand here");
        }
    }
    p->depth--;
    return is_object ? check_keys(p, parent) : CEN_OK;
}

static cen_status parse_value(parser *p, const char *key, cen__json **value)
{
    skip_blanks(p);
    char c = p->at < p->size ? p->text[p->at] : '\0';
    cen__json_kind kind = c == '{'                             ? CEN__JSON_OBJECT
                          : c == '['                           ? CEN__JSON_ARRAY
                          : c == '"'                           ? CEN__JSON_STRING
                          : c == '-' || (c >= '0' && c <= '9') ? CEN__JSON_NUMBER
                                                               : CEN__JSON_NULL;
    cen_status status = new_value(p, key, kind, value);
    if (status != CEN_OK) return status;
    switch (kind) {
    case CEN__JSON_OBJECT:
    case CEN__JSON_ARRAY: p->at++; return parse_children(p, *value);
    case CEN__JSON_STRING: p->at++; return parse_string(p, &(*value)->string);
    case CEN__JSON_NUMBER: return parse_number(p, *value);
    case CEN__JSON_BOOL:
    case CEN__JSON_NULL: break;
    }
    return parse_word(p, *value);
}

cen_status cen__json_parse(cen_context *context, const char *text, size_t size,
                           cen__json_document **document, cen_error *error)
{
    cen__json *root = NULL;
    parser p = {.text = text, .size = size, .error = error};
    *document = NULL;
    p.document = cen__alloc_zeroed(context, 1, sizeof *p.document);
    if (p.document == NULL) return cen__fail_memory(error, "parsed JSON");
    p.document->context = context;
    p.free_string = p.document->strings = cen__alloc(context, size, 1);
    cen_status status = p.free_string == NULL
                            ? cen__fail_memory(error, "the strings of a JSON text")
                            : parse_value(&p, NULL, &root);
    if (status == CEN_OK) {
        skip_blanks(&p);
        if (p.at < size) status = fail_at(&p, p.at, "nothing more should stand here");
    }
    if (status != CEN_OK) {
        cen__json_free(p.document);
        return status;
    }
    p.document->root = root;
    *document = p.document;
    return CEN_OK;
}

void cen__json_free(cen__json_document *document)
{
    if (document == NULL) return;
    while (document->chunks != NULL) {
        chunk *next = document->chunks->next;
        cen__free(document->chunks);
        document->chunks = next;
    }
    cen__free(document->strings);
    cen__free(document);
}

const cen__json *cen__json_root(const cen__json_document *document)
{
    return document->root;
}

const cen__json *cen__json_get(const cen__json *object, const char *key)
{
    if (object->kind != CEN__JSON_OBJECT) return NULL;
    const cen__json *child = object->child;
    while (child != NULL && strcmp(child->key, key) != 0) child = child->next;
    return child;
}

void cen__text_add_json_string(cen__text *text, const char *string)
{
    static const char escaped[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    size_t left = strlen(string);
    cen__text_add(text, "\"");
    while (left > 0) {
        const char *letter = memchr(escaped, *string, sizeof escaped - 1);
        size_t size = cen__utf8_size(string, left);
        if (letter != NULL) {
            cen__text_print(text, "\\%c", letters[letter - escaped]);
        } else if (size == 0) {
            cen__text_add(text, "\xEF\xBF\xBD");
            size = 1;
        } else if ((unsigned char)*string < 0x20) {
            cen__text_print(text, "\\u%04x", (unsigned)*string);
        } else {
            cen__text_add_bytes(text, string, size);
        }
        string += size;
        left -= size;
    }
    cen__text_add(text, "\"");
}
