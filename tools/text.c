/* Text for a terminal, as JSON, and as a shell reads it. */
#include "text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 character at text (RFC 3629), 0 if there is none; *code is its number. */
static size_t read_character(const unsigned char *text, unsigned long *code)
{
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t size = text[0] < 0x80   ? 1
                  : text[0] < 0xC0 ? 0
                  : text[0] < 0xE0 ? 2
                  : text[0] < 0xF0 ? 3
                  : text[0] < 0xF8 ? 4
                                   : 0;
    *code = size < 2 ? text[0] : text[0] & (0x7Fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text[i] & 0xC0) != 0x80) return 0;
        *code = *code << 6 | (text[i] & 0x3Fu);
    }
    bool is_surrogate = *code >= 0xD800 && *code < 0xE000;
    return size > 0 && *code >= least[size] && *code <= 0x10FFFF && !is_surrogate ? size : 0;
}

/* What a terminal might obey: C0, DEL, C1, and marks that turn the direction of what follows. */
static bool is_control(unsigned long code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* Puts ? for control characters and for bytes that are no UTF-8. */
static void clean(char *text)
{
    char *to = text;
    for (const char *at = text; *at != '\0';) {
        unsigned long code;
        size_t size = read_character((const unsigned char *)at, &code);
        if (size == 0 || is_control(code)) {
            *to++ = '?';
        } else {
            memmove(to, at, size);
            to += size;
        }
        at += size > 0 ? size : 1;
    }
    *to = '\0';
}

/* Needs no memory but for what is longer than any message. */
void print_names_list(FILE *file, const char *format, va_list arguments)
{
    char kept[8192], *text = kept;
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(kept, sizeof kept, format, arguments);
    if (size >= (int)sizeof kept) {
        text = malloc((size_t)size + 1);
        if (text != NULL) (void)vsnprintf(text, (size_t)size + 1, format, again);
        if (text == NULL) text = kept;
    }
    va_end(again);
    size_t length = size < 0 ? 0 : strlen(text);
    bool is_line = length > 0 && text[length - 1] == '\n';
    text[length - is_line] = '\0';
    clean(text);
    fputs(text, file);
    if (is_line) fputc('\n', file);
    if (text != kept) free(text);
}

void print_names(FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_names_list(file, format, arguments);
    va_end(arguments);
}

void print_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    while (*text != '\0') {
        unsigned long code;
        size_t size = read_character((const unsigned char *)text, &code);
        if (size == 0) {
            fputs("\xEF\xBF\xBD", file);
            size = 1;
        } else if (is_control(code)) {
            fprintf(file, "\\u%04lx", code);
        } else {
            if (code == '"' || code == '\\') fputc('\\', file);
            fwrite(text, 1, size, file);
        }
        text += size;
    }
    fputc('"', file);
}

void print_json_number(FILE *file, double value)
{
    char text[32] = "null";
    for (int digits = 15; isfinite(value) && digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        const double read = strtod(text, NULL);
        if (!(read < value) && !(read > value)) break;
    }
    fputs(text, file);
}

void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text + used, size - used, format, arguments);
    va_end(arguments);
}

const char *with_commas(size_t number, char *text)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%zu", number), at = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && (n - i) % 3 == 0) text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
    return text;
}

const char *counted(size_t number, const char *noun, char *text)
{
    const char *end = number == 1 ? "" : noun[strlen(noun) - 1] == 's' ? "es" : "s";
    (void)with_commas(number, text);
    append(text, 64, " %s%s", noun, end);
    return text;
}

const char *as_clock(double seconds, char *text)
{
    size_t whole = seconds > 0 ? (size_t)(fmin(seconds, 1e9) + 0.5) : 0;
    if (whole >= 3600) {
        (void)snprintf(text, 32, "%zu:%02zu:%02zu", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        (void)snprintf(text, 32, "%zu:%02zu", whole / 60, whole % 60);
    }
    return text;
}

const char *as_percent(double share, char *text)
{
    (void)snprintf(text, 32, isnan(share) ? "-" : "%.1f %%", 100 * share);
    return text;
}

char *join_command(int argc, char **argv)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./=+,:@%";
    size_t size = 1;
    for (int i = 0; i < argc; i++) size += 4 * strlen(argv[i]) + 3; /* ' becomes '\'' */
    char *line = malloc(size), *at = line;
    for (int i = 0; i < argc && line != NULL; i++) {
        bool is_plain = argv[i][0] != '\0' && argv[i][strspn(argv[i], plain)] == '\0';
        if (i > 0) *at++ = ' ';
        if (!is_plain) *at++ = '\'';
        for (const char *c = argv[i]; *c != '\0'; c++) {
            if (*c == '\'') {
                memcpy(at, "'\\'", 3);
                at += 3;
            }
            *at++ = *c;
        }
        if (!is_plain) *at++ = '\'';
    }
    if (line != NULL) *at = '\0';
    return line;
}
