#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

cen_status cen__fail(cen_error *error, cen_status status, const char *format, ...)
{
    if (error != NULL) {
        char message[sizeof error->message];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(message, sizeof message, format, arguments);
        va_end(arguments);
        error->status = status;
        memcpy(error->message, message, sizeof message);
    }
    return status;
}

cen_status cen__fail_memory(cen_error *error, const char *what)
{
    return cen__fail(error, CEN_ERROR_MEMORY,
                     "not enough memory for %s; close other programs or ask for less", what);
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
