/* Text under construction, and numbers to and from text independent of the locale of the program. */
#ifndef CEN_FORMAT_TEXT_H
#define CEN_FORMAT_TEXT_H

#include "base/status.h"
#include "base/utf8.h"

/* Grows as needed and remembers a failed allocation: check `failed` once, at the end. At first all fields but the context
 * are zero. */
typedef struct cen__text {
    char *data; /* NUL-terminated after the first append; cen__free */
    size_t size, capacity;
    bool failed;
    cen_context *context; /* for memory */
} cen__text;

void cen__text_add(cen__text *text, const char *string);
void cen__text_add_bytes(cen__text *text, const char *bytes, size_t size);

/* Not for floating point: printf writes the locale's decimal point. */
void cen__text_print(cen__text *text, const char *format, ...) CEN__PRINTF(2, 3);

/* The shortest of %.15g .. %.17g (float: %.6g .. %.9g; below the normal numbers from %.1g on) that
 * reads back as the same number, always with '.' as the point. nan, inf, -inf, which JSON does not have. */
void cen__text_add_double(cen__text *text, double value);
void cen__text_add_float(cen__text *text, float value);

/* The decimal number text[size], with '.' as its point, correctly rounded; an overflow gives an
 * infinity. False if the text is no number ([+-] digits [. digits] [e [+-] digits]) or longer
 * than CEN__NUMBER_MOST. */
enum { CEN__NUMBER_MOST = 400 };
bool cen__number_read(const char *text, size_t size, double *value);

#endif
