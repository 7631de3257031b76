/* What the public functions check of options before they begin. Errors: ARGUMENT. */
#ifndef CEN_BASE_CHECKS_H
#define CEN_BASE_CHECKS_H

#include "base/status.h"

/* Fills *taken, which an _init has filled, with what the caller's header knew of the same struct; given NULL: nothing.
 * Both begin with their size. A field that is added must begin after the struct's end so far: a caller's padding there
 * is anything. */
cen_status cen__take_options(void *taken, const void *given, cen_error *error);

/* The way back: the fields of *taken that the caller's header knows, into *given, whose others stay; given NULL:
 * nothing. */
void cen__give_options(void *given, const void *taken);

/* An enum is one of 0 .. last; what names it in the message. */
cen_status cen__check_choice(const char *what, long value, long last, cen_error *error);

/* least <= value < end; NaN is none. */
cen_status cen__check_number(const char *what, double value, double least, double end,
                             cen_error *error);

#endif
