#include "base/utf8.h"

#include <string.h>

/* The Unicode Standard, table 3-7. */
size_t cen__utf8_size(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    if (size == 0) return 0;
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
               : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
               : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                              : 0;
    if (n == 0 || n > size) return 0;
    unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++) {
        if (s[i] < 0x80 || s[i] > 0xBF) return 0;
    }
    return n;
}

bool cen__utf8_is_control(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;
    return size == 1 ? s[0] < 0x20 || s[0] == 0x7F : size == 2 && s[0] == 0xC2 && s[1] < 0xA0;
}

void cen__utf8_clean(char *text)
{
    for (size_t left = strlen(text), size; left > 0; left -= size, text += size) {
        size = cen__utf8_size(text, left);
        bool is_clean = size > 0 && !cen__utf8_is_control(text, size);
        if (size == 0) size = 1;
        if (!is_clean) memset(text, '?', size);
    }
}
