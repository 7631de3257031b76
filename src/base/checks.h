/* Checks of options at the beginning of public functions. Errors: ARGUMENT. */
#ifndef CEN_BASE_CHECKS_H
#define CEN_BASE_CHECKS_H

#include "base/status.h"

/* Copies to *taken, which an _init has filled, the fields of the same struct that the caller's header knew; given
 * NULL: none. Both begin with their size. A new field must begin after the former end of the struct, since the
 * caller's padding there has any value. */
cen_status cen__take_options(void *taken, const void *given, cen_error *error);

/* The reverse: copies to *given the fields of *taken that the caller's header knows; the other fields stay. given
 * NULL: nothing. */
void cen__give_options(void *given, const void *taken);

/* An enum must be one of 0 .. last; `what` names it in the message. */
cen_status cen__check_choice(const char *what, long value, long last, cen_error *error);

/* least <= value < end; NaN is refused. */
cen_status cen__check_number(const char *what, double value, double least, double end,
                             cen_error *error);

#endif
