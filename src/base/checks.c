#include "base/checks.h"

#include <string.h>

cen_status cen__take_options(void *taken, const void *given, cen_error *error)
{
    size_t size, given_size;
    if (given == NULL) return CEN_OK;
    memcpy(&size, taken, sizeof size);
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof size) {
        return cen__fail(error, CEN_ERROR_ARGUMENT,
                         "the options have no size; begin with the _init function of their type");
    }
    memcpy(taken, given, given_size < size ? given_size : size);
    memcpy(taken, &size, sizeof size);
    return CEN_OK;
}

void cen__give_options(void *given, const void *taken)
{
    size_t size, given_size;
    if (given == NULL) return;
    memcpy(&size, taken, sizeof size);
    memcpy(&given_size, given, sizeof given_size);
    memcpy((char *)given + sizeof size, (const char *)taken + sizeof size,
           (given_size < size ? given_size : size) - sizeof size);
}

cen_status cen__check_choice(const char *what, long value, long last, cen_error *error)
{
    if (value >= 0 && value <= last) return CEN_OK;
    return cen__fail(error, CEN_ERROR_ARGUMENT, "%s %ld is none; choose one of 0 to %ld", what,
                     value, last);
}

cen_status cen__check_number(const char *what, double value, double least, double end,
                             cen_error *error)
{
    if (value >= least && value < end) return CEN_OK; /* false for NaN */
    return cen__fail(error, CEN_ERROR_ARGUMENT,
                     "%s %g cannot be used; it must be from %g to below %g", what, value, least,
                     end);
}
