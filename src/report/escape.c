#include <string.h>

#include "report/report.h"

/* XML 1.0 has no control characters but tab and line ends, and neither U+FFFE nor U+FFFF; DEL and
 * the C1 controls are legal there and an error in HTML. */
static bool is_text(const unsigned char *c, size_t size)
{
    if (size == 1) return (c[0] >= 0x20 && c[0] != 0x7F) || c[0] == '\t' || c[0] == '\n';
    if (size == 2) return c[0] != 0xC2 || c[1] >= 0xA0;
    if (size == 3) return !(c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE);
    return size == 4;
}

static const char *entity(char c)
{
    switch (c) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

/* Adds the character at `string`, escaped; its bytes. */
static size_t add_character(cen__text *text, const char *string, size_t left)
{
    size_t size = cen__utf8_size(string, left);
    if (!is_text((const unsigned char *)string, size)) {
        cen__text_add(text, "\xEF\xBF\xBD");
        return size == 0 ? 1 : size;
    }
    if (size == 1 && entity(*string) != NULL) {
        cen__text_add(text, entity(*string));
    } else {
        cen__text_add_bytes(text, string, size);
    }
    return size;
}

size_t cen__count_characters(const char *string)
{
    size_t n = 0;
    for (size_t left = strlen(string), size; left > 0; left -= size, string += size, n++) {
        size = cen__utf8_size(string, left);
        if (size == 0) size = 1;
    }
    return n;
}

void cen__add_escaped(cen__text *text, const char *string, size_t most)
{
    size_t n = most == SIZE_MAX ? 0 : cen__count_characters(string), left = strlen(string);
    size_t first = most - most / 2, last = n - most / 2; /* what is between them goes */
    for (size_t i = 0, size; left > 0; i++, left -= size, string += size) {
        if (n > most && i >= first && i < last) {
            if (i == first) cen__text_add(text, "\xE2\x80\xA6");
            size = cen__utf8_size(string, left);
            if (size == 0) size = 1;
        } else {
            size = add_character(text, string, left);
        }
    }
}
