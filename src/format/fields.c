#include "format/fields.h"

#include <string.h>

#include "base/memory.h"

static const char letters[] = "tnr\\", escaped[] = "\t\n\r\\";
static const char formulas[] =
    "=+-@\t\r\n"; /* https://owasp.org/www-community/attacks/CSV_Injection */
static const char digits[] = "0123456789ABCDEF";

/* ---- writing ----------------------------------------------------------------------------------- */

/* Bytes of the character at text[left]; also says if it is written without an escape. */
static size_t next_character(const char *text, size_t left, bool *is_plain)
{
    size_t size = cen__utf8_size(text, left);
    *is_plain = size > 0 && !cen__utf8_is_control(text, size);
    return size > 0 ? size : 1;
}

void cen__field_add_tsv(cen__text *line, const char *field)
{
    bool is_plain;
    for (size_t left = strlen(field), size; left > 0; left -= size, field += size) {
        size = next_character(field, left, &is_plain);
        const char *letter = strchr(escaped, *field);
        if (letter != NULL) {
            const char pair[] = {'\\', letters[letter - escaped]};
            cen__text_add_bytes(line, pair, sizeof pair);
        } else if (is_plain) {
            cen__text_add_bytes(line, field, size);
        } else {
            for (size_t i = 0; i < size; i++) {
                const unsigned char byte = (unsigned char)field[i];
                const char code[] = {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
                cen__text_add_bytes(line, code, sizeof code);
            }
        }
    }
}

static void add_quoted(cen__text *line, const char *field)
{
    const bool is_quoted = strpbrk(field, ",\"") != NULL;
    if (is_quoted) cen__text_add(line, "\"");
    for (const char *quote; (quote = strchr(field, '"')) != NULL; field = quote + 1) {
        cen__text_add_bytes(line, field, (size_t)(quote - field));
        cen__text_add(line, "\"\"");
    }
    cen__text_add(line, field);
    if (is_quoted) cen__text_add(line, "\"");
}

static bool needs_escapes(const char *field)
{
    bool is_plain;
    for (size_t left = strlen(field), size; left > 0; left -= size, field += size) {
        size = next_character(field, left, &is_plain);
        if (!is_plain) return true;
    }
    return false;
}

/* True for a character that needs an apostrophe in front; '\0' is not counted. */
static bool is_formula(char first)
{
    return first != '\0' && strchr(formulas, first) != NULL;
}

void cen__field_add_csv(cen__text *line, const char *field)
{
    cen__text marked = {.context = line->context};
    const bool is_escaped = needs_escapes(field);
    const bool is_like =
        field[0] == '\'' && (field[1] == '\'' || field[1] == '\\' || is_formula(field[1]));
    if (!is_escaped && !is_like && !is_formula(field[0])) {
        add_quoted(line, field);
        return;
    }
    cen__text_add(&marked, is_escaped ? "'\\" : "'");
    if (is_escaped) {
        cen__field_add_tsv(&marked, field);
    } else {
        cen__text_add(&marked, field);
    }
    line->failed |= marked.failed;
    if (!line->failed) add_quoted(line, marked.data);
    cen__free(marked.data);
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* 0 .. 15, or 16. */
static unsigned hex_digit(char c)
{
    if (c >= '0' && c <= '9') return (unsigned)(c - '0');
    if (c >= 'A' && c <= 'F') return (unsigned)(c - 'A') + 10;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The byte of the escape at text[left], after its backslash; 0: none. */
static char escaped_byte(const char *text, size_t left, size_t *size)
{
    const char *letter = left > 0 && *text != '\0' ? strchr(letters, *text) : NULL;
    *size = 1;
    if (letter != NULL) return escaped[letter - letters];
    if (left < 3 || *text != 'x') return '\0';
    const unsigned high = hex_digit(text[1]), low = hex_digit(text[2]);
    *size = 3;
    return high < 16 && low < 16 ? (char)(unsigned char)(high << 4 | low) : '\0';
}

bool cen__field_read_tsv(char **text, size_t *size)
{
    char *to = *text;
    for (size_t i = 0, n; i < *size; i += n) {
        char c = (*text)[i];
        n = 1;
        if (c == '\\') {
            c = escaped_byte(*text + i + 1, *size - i - 1, &n);
            if (c == '\0') return false;
            n++;
        }
        *to++ = c;
    }
    *size = (size_t)(to - *text);
    return true;
}

bool cen__field_read_csv(char **text, size_t *size)
{
    if (*size < 2 || **text != '\'') return true;
    const char second = (*text)[1];
    if (second == '\\') {
        *text += 2;
        *size -= 2;
        return cen__field_read_tsv(text, size);
    }
    if (second == '\'' || is_formula(second)) {
        ++*text;
        --*size;
    }
    return true;
}
