/* Text of others: names of files and classes may be any bytes. */
#ifndef CEN_BASE_UTF8_H
#define CEN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the UTF-8 character at text[size]: 1 .. 4, or 0 where there is none (size 0, an overlong
 * or broken sequence, a surrogate, above U+10FFFF). */
size_t cen__utf8_size(const char *text, size_t size);

/* C0, DEL and C1: whether the character at text[size] is one of them. */
bool cen__utf8_is_control(const char *text, size_t size);

/* Puts ? in the place of control characters and of bytes that are no UTF-8, so that a text is one line
 * that no terminal obeys. */
void cen__utf8_clean(char *text);

#endif
