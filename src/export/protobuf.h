/* Messages of Protocol Buffers (protobuf.dev, "Encoding"): fields with a number, in any order. A message
 * inside of another is made as a text of its own first. */
#ifndef CEN_EXPORT_PROTOBUF_H
#define CEN_EXPORT_PROTOBUF_H

#include <stdint.h>

#include "format/text.h"

void cen__field_integer(cen__text *message, unsigned field, uint64_t value);
void cen__field_float(cen__text *message, unsigned field, float value);
void cen__field_bytes(cen__text *message, unsigned field, const void *bytes, size_t size);
void cen__field_string(cen__text *message, unsigned field, const char *string);

/* Adds `inner` and frees it. A failure of inner is one of message. */
void cen__field_message(cen__text *message, unsigned field, cen__text *inner);

#endif
