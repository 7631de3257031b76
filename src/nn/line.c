#include "nn/line.h"

#include <string.h>

#include "format/text.h"

enum { LARGEST = 1 << 24 };

bool cen__is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Signs that are words of their own. */
static bool is_sign(char c)
{
    return c == ',' || c == '{' || c == '|' || c == '}';
}

const char *cen__line_peek(cen__line *line, size_t *size)
{
    while (cen__is_blank(*line->at)) line->at++;
    size_t n = 0;
    while (line->at[n] != '\0' && !is_sign(line->at[n]) && !cen__is_blank(line->at[n])) n++;
    *size = n;
    return line->at;
}

void cen__line_skip(cen__line *line)
{
    size_t size;
    (void)cen__line_peek(line, &size);
    line->at += size;
}

bool cen__line_take(cen__line *line, const char *word)
{
    size_t size;
    const char *next = cen__line_peek(line, &size);
    if (size != strlen(word) || memcmp(next, word, size) != 0) return false;
    line->at += size;
    return true;
}

bool cen__line_take_sign(cen__line *line, char sign)
{
    size_t size;
    (void)cen__line_peek(line, &size);
    if (*line->at != sign) return false;
    line->at++;
    return true;
}

cen_status cen__line_fail(cen__line *line, cen_error *error, const char *expected)
{
    size_t size;
    const char *word = cen__line_peek(line, &size);
    int shown = size > 40 ? 40 : (int)size;
    size_t column = (size_t)(word - line->text) + 1;
    if (size == 0 && *word != '\0' && *word != ',') {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "net, column %zu: '%c' stands where %s is expected", column, *word,
                         expected);
    }
    if (size == 0) {
        const char *place = *word == ',' ? "the comma" : "the end of the line";
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "net, column %zu: %s comes where %s is expected", column, place, expected);
    }
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "net, column %zu: '%.*s' stands where %s is expected", column, shown, word,
                     expected);
}

/* Digits at *at, moved over them; false where there are none or the number is too large. */
static bool read_digits(const char **at, const char *end, size_t *number)
{
    const char *start = *at;
    size_t value = 0;
    while (*at < end && **at >= '0' && **at <= '9') {
        value = value * 10 + (size_t)(**at - '0');
        if (value > LARGEST) return false;
        ++*at;
    }
    *number = value;
    return *at > start;
}

cen_status cen__line_number(cen__line *line, const char *what, size_t least, size_t *number,
                            cen_error *error)
{
    size_t size;
    const char *at = cen__line_peek(line, &size), *end = at + size;
    if (!read_digits(&at, end, number) || at != end || *number < least) {
        return cen__line_fail(line, error, what);
    }
    line->at = end;
    return CEN_OK;
}

cen_status cen__line_decimal(cen__line *line, const char *what, double least, double end,
                             double *number, cen_error *error)
{
    size_t size;
    const char *at = cen__line_peek(line, &size);
    if (!cen__number_read(at, size, number) || !(*number >= least && *number < end)) {
        return cen__line_fail(line, error, what);
    }
    line->at = at + size;
    return CEN_OK;
}

cen_status cen__line_size(cen__line *line, const char *what, size_t least, size_t *h, size_t *w,
                          cen_error *error)
{
    size_t size;
    const char *at = cen__line_peek(line, &size), *end = at + size;
    bool good = read_digits(&at, end, h);
    *w = *h;
    if (good && at < end && *at == 'x') {
        at++;
        good = read_digits(&at, end, w);
    }
    if (!good || at != end || *h < least || *w < least) return cen__line_fail(line, error, what);
    line->at = end;
    return CEN_OK;
}
