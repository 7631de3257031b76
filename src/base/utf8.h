/* Text from outside: names of files and classes may be any bytes. */
#ifndef CEN_BASE_UTF8_H
#define CEN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at text[size]: 1 .. 4, or 0 if there is none (size 0, an overlong or broken sequence,
 * a surrogate, above U+10FFFF). */
size_t cen__utf8_size(const char *text, size_t size);

/* True if the character at text[size] is a control character: C0, DEL or C1. */
bool cen__utf8_is_control(const char *text, size_t size);

/* Replaces control characters and bytes that are no UTF-8 by ?, so that a text is one line and cannot control a
 * terminal. */
void cen__utf8_clean(char *text);

#endif
