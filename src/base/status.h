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

/* Fills *error (if it is not NULL) and returns status, so that `return cen__fail(...)` is one line. The arguments may
 * point into error->message itself. So a caller that knows the file can put it in front of the sentence:
 * cen__fail(error, s, "%s: %s", path, error->message). */
cen_status cen__fail(cen_error *error, cen_status status, const char *format, ...)
    CEN__PRINTF(3, 4);

/* What is added to a noun after a number: "%zu row%s", n, cen__plural(n). */
static inline const char *cen__plural(size_t n)
{
    return n == 1 ? "" : "s";
}

/* The sentence for a failed allocation. */
cen_status cen__fail_memory(cen_error *error, const char *what);

/* Appends to the *at characters in text[size], and cuts what does not fit. Texts of bounded size grow only here, since
 * the result of snprintf can be more than it has written. */
void cen__append(char *text, size_t size, size_t *at, const char *format, ...) CEN__PRINTF(4, 5);

#endif
