#include "format/text.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static bool make_room(cen__text *text, size_t size)
{
    if (text->failed) return false;
    if (size >= SIZE_MAX - text->size ||
        !cen__grow(text->context, &text->data, &text->capacity, text->size + size + 1, 1)) {
        text->failed = true;
    }
    return !text->failed;
}

void cen__text_add_bytes(cen__text *text, const char *bytes, size_t size)
{
    if (!make_room(text, size)) return;
    if (size > 0) memcpy(text->data + text->size, bytes, size);
    text->size += size;
    text->data[text->size] = '\0';
}

void cen__text_add(cen__text *text, const char *string)
{
    cen__text_add_bytes(text, string, strlen(string));
}

void cen__text_print(cen__text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size < 0) {
        text->failed = true;
    } else if (make_room(text, (size_t)size)) {
        (void)vsnprintf(text->data + text->size, (size_t)size + 1, format, again);
        text->size += (size_t)size;
    }
    va_end(again);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The decimal point that printf writes. Unlike localeconv, this is safe beside other threads. */
static void decimal_point(char point[16], size_t *size)
{
    char half[24];
    (void)snprintf(half, sizeof half, "%.1f", 0.5);
    *size = strlen(half) < 3 ? 0 : strlen(half) - 2;
    if (*size > 15) *size = 15;
    memcpy(point, half + 1, *size);
    point[*size] = '\0';
}

/* Appends the text of printf for a finite number, with its decimal point (any bytes) replaced by '.'. */
static void add_printed(cen__text *text, const char *printed)
{
    const char *end = printed + strspn(printed, "+-0123456789");
    cen__text_add_bytes(text, printed, (size_t)(end - printed));
    if (*end != '\0' && *end != 'e') {
        while (*end != '\0' && !is_digit(*end)) end++;
        cen__text_add(text, ".");
    }
    cen__text_add(text, end);
}

static bool add_special(cen__text *text, double value)
{
    if (isfinite(value)) return false;
    cen__text_add(text, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
    return true;
}

/* Keeps errno, since ERANGE is no error here. */
static double parse_double(const char *text)
{
    const int kept = errno;
    const double value = strtod(text, NULL);
    errno = kept;
    return value;
}

static float parse_float(const char *text)
{
    const int kept = errno;
    const float value = strtof(text, NULL);
    errno = kept;
    return value;
}

/* A decimal of DBL_DIG digits becomes the same after conversion to a normal double and back. So shorter formats need not be
 * tried: %g drops the zeros. */
void cen__text_add_double(cen__text *text, double value)
{
    if (add_special(text, value)) return;
    char printed[64];
    int digits = fabs(value) >= DBL_MIN ? DBL_DIG : 1;
    do {
        (void)snprintf(printed, sizeof printed, "%.*g", digits, value);
    } while (digits++ < 17 && parse_double(printed) != value);
    add_printed(text, printed);
}

/* Readers parse to float directly or through double; both must give the same number. */
void cen__text_add_float(cen__text *text, float value)
{
    if (add_special(text, (double)value)) return;
    char printed[64];
    int digits = fabsf(value) >= FLT_MIN ? FLT_DIG : 1;
    do {
        (void)snprintf(printed, sizeof printed, "%.*g", digits, (double)value);
    } while (digits++ < 9 &&
             ((float)parse_double(printed) != value || parse_float(printed) != value));
    add_printed(text, printed);
}

static size_t count_digits(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && is_digit(text[n])) n++;
    return n;
}

bool cen__number_read(const char *text, size_t size, double *value)
{
    if (size == 0 || size > CEN__NUMBER_MOST) return false;
    size_t at = text[0] == '-' || text[0] == '+';
    size_t whole = at + count_digits(text + at, size - at);
    if (whole == at) return false;
    at = whole;
    if (at < size && text[at] == '.') {
        size_t digits = count_digits(text + at + 1, size - at - 1);
        if (digits == 0) return false;
        at += 1 + digits;
    }
    if (at < size && (text[at] == 'e' || text[at] == 'E')) {
        at++;
        if (at < size && (text[at] == '-' || text[at] == '+')) at++;
        size_t digits = count_digits(text + at, size - at);
        if (digits == 0) return false;
        at += digits;
    }
    if (at != size) return false;
    char copy[CEN__NUMBER_MOST + 16], point[16];
    size_t rest = whole, point_size = 0;
    memcpy(copy, text, whole);
    if (whole < size && text[whole] == '.') {
        decimal_point(point, &point_size);
        memcpy(copy + whole, point, point_size);
        rest++;
    }
    memcpy(copy + whole + point_size, text + rest, size - rest);
    copy[whole + point_size + size - rest] = '\0';
    *value = parse_double(copy);
    return true;
}
