#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* A sentence that is too long loses its middle, since the subject is at its beginning and the reason at its end. */
static void shorten(char *message, size_t most)
{
    static const char gap[] = " ... ";
    size_t size = strlen(message), head = most / 3, tail = most - 1 - head - (sizeof gap - 1);
    if (size < most) return;
    memcpy(message + head, gap, sizeof gap - 1);
    memmove(message + head + sizeof gap - 1, message + size - tail, tail + 1);
}

cen_status cen__fail(cen_error *error, cen_status status, const char *format, ...)
{
    if (error != NULL) {
        char message[16 * sizeof error->message]; /* room for an argument as long as a path */
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        shorten(message, sizeof error->message);
        cen__utf8_clean(message);
        error->status = status;
        memcpy(error->message, message, strlen(message) + 1);
    }
    return status;
}

cen_status cen__fail_memory(cen_error *error, const char *what)
{
    return cen__fail(error, CEN_ERROR_MEMORY,
                     "not enough memory for %s; close other programs or ask for less", what);
}

void cen__append(char *text, size_t size, size_t *at, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int added = vsnprintf(text + *at, size - *at, format, arguments);
    va_end(arguments);
    const size_t room = size - *at - 1;
    if (added > 0) *at += (size_t)added < room ? (size_t)added : room;
}

const char *cen_status_name(cen_status status)
{
    switch (status) {
    case CEN_OK: return "ok";
    case CEN_ERROR_ARGUMENT: return "bad argument";
    case CEN_ERROR_MEMORY: return "not enough memory";
    case CEN_ERROR_IO: return "input or output failed";
    case CEN_ERROR_FORMAT: return "damaged or malformed data";
    case CEN_ERROR_UNSUPPORTED: return "not supported";
    case CEN_ERROR_LIMIT: return "over a limit";
    case CEN_ERROR_STOPPED: return "stopped";
    case CEN_ERROR_NOT_FINITE: return "not a finite number";
    }
    return "unknown status";
}

const char *cen_version(void)
{
    return CEN_VERSION;
}
