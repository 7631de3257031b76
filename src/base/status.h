/* Errors: one sentence that names the file, the place and the remedy. */
#ifndef CEN_BASE_STATUS_H
#define CEN_BASE_STATUS_H

#include <centerloss.h>

#if defined(__MINGW32__)
#define CEN__PRINTF(format_index, first_argument)                                                  \
    __attribute__((format(gnu_printf, format_index, first_argument)))
#elif defined(__GNUC__)
#define CEN__PRINTF(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define CEN__PRINTF(format_index, first_argument)
#endif

/* Fills *error (where not NULL) and returns status, so that `return cen__fail(...)` is one line.
 * The arguments may point into error->message itself: a caller that knows the file puts it before
 * the sentence of one that did not, as cen__fail(error, s, "%s: %s", path, error->message). */
cen_status cen__fail(cen_error *error, cen_status status, const char *format, ...)
    CEN__PRINTF(3, 4);

/* The one sentence for memory that could not be had. */
cen_status cen__fail_memory(cen_error *error, const char *what);

/* Adds to the text of *at characters in text[size]; what has no room is cut. The only place for texts of
 * bounded size that grow: what snprintf returns may be more than it has written. */
void cen__append(char *text, size_t size, size_t *at, const char *format, ...) CEN__PRINTF(4, 5);

#endif
