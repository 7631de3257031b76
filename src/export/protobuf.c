#include "export/protobuf.h"

#include <string.h>

#include "base/memory.h"

enum { VARINT = 0, LENGTH = 2, FIXED32 = 5 };

static void add_varint(cen__text *message, uint64_t value)
{
    char bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (char)((value & 0x7F) | (value > 0x7F ? 0x80 : 0));
        value >>= 7;
    } while (value > 0);
    cen__text_add_bytes(message, bytes, n);
}

static void add_key(cen__text *message, unsigned field, unsigned kind)
{
    add_varint(message, (uint64_t)field << 3 | kind);
}

void cen__field_integer(cen__text *message, unsigned field, uint64_t value)
{
    add_key(message, field, VARINT);
    add_varint(message, value);
}

void cen__field_float(cen__text *message, unsigned field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const char bytes[4] = {(char)(bits & 0xFF), (char)(bits >> 8 & 0xFF), (char)(bits >> 16 & 0xFF),
                           (char)(bits >> 24)};
    add_key(message, field, FIXED32);
    cen__text_add_bytes(message, bytes, sizeof bytes);
}

void cen__field_bytes(cen__text *message, unsigned field, const void *bytes, size_t size)
{
    add_key(message, field, LENGTH);
    add_varint(message, size);
    cen__text_add_bytes(message, bytes, size);
}

void cen__field_string(cen__text *message, unsigned field, const char *string)
{
    cen__field_bytes(message, field, string, strlen(string));
}

void cen__field_message(cen__text *message, unsigned field, cen__text *inner)
{
    cen__field_bytes(message, field, inner->data, inner->size);
    message->failed |= inner->failed;
    cen__free(inner->data);
    *inner = (cen__text){.context = message->context};
}
