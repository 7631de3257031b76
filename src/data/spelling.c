/* Two spellings of one class: file systems store an accent as part of a letter or after it, and some do not
 * distinguish capital and small letters. This covers ASCII, Latin-1, Latin Extended-A, modern Greek (U+0386 to
 * 03CE) and Cyrillic (U+0400 to 045F). Other characters are equal to themselves only. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "data/folder.h"

enum { FIRST_LATIN = 0xC0, LAST_LATIN = 0x17F, MOST_GROWTH = 3 };

/* The letter and the mark of U+00C0 to 017F; a space means that the character has no mark. */
static const char latin_letters[] =
    "aaaaaa ceeeeiiii nooooo  uuuuy  aaaaaa ceeeeiiii nooooo  uuuuy yaaaaaaccccccccdd  eeeeeeeeeegg"
    "gggggghh  iiiiiiiii   jjkk llllll    nnnnnn   oooooo  rrrrrrsssssssstttt  uuuuuuuuuuuuwwyyyzzz"
    "zzz ";
static const char latin_marks[] =
    "abcdef gabceabce dabcde  abceb  abcdef gabceabce dabcde  abceb ehhiijjbbcckkllll  hhiikkjjllcc"
    "iikkggcc  ddhhiijjk   ccgg bbggll    bbggll   hhiimm  bbggllbbccggllggll  ddhhiiffmmjjccccebbk"
    "kll ";
static const uint16_t marks[] = {0x300, 0x301, 0x302, 0x303, 0x308, 0x30A, 0x327,
                                 0x304, 0x306, 0x328, 0x307, 0x30C, 0x30B};

/* Small Greek and Cyrillic letters with a mark. */
static const uint16_t others[][3] = {
    {0x390, 0x3CA, 0x301}, {0x3AC, 0x3B1, 0x301}, {0x3AD, 0x3B5, 0x301}, {0x3AE, 0x3B7, 0x301},
    {0x3AF, 0x3B9, 0x301}, {0x3B0, 0x3CB, 0x301}, {0x3CA, 0x3B9, 0x308}, {0x3CB, 0x3C5, 0x308},
    {0x3CC, 0x3BF, 0x301}, {0x3CD, 0x3C5, 0x301}, {0x3CE, 0x3C9, 0x301}, {0x439, 0x438, 0x306},
    {0x450, 0x435, 0x300}, {0x451, 0x435, 0x308}, {0x453, 0x433, 0x301}, {0x457, 0x456, 0x308},
    {0x45C, 0x43A, 0x301}, {0x45D, 0x438, 0x300}, {0x45E, 0x443, 0x306}};

/* Ranges of capital letters, and the offset to the small ones. */
static const uint16_t capitals[][3] = {
    {'A', 'Z', 0x20},     {0xC0, 0xD6, 0x20},   {0xD8, 0xDE, 0x20},   {0x110, 0x110, 1},
    {0x126, 0x126, 1},    {0x132, 0x132, 1},    {0x13F, 0x13F, 1},    {0x141, 0x141, 1},
    {0x14A, 0x14A, 1},    {0x152, 0x152, 1},    {0x166, 0x166, 1},    {0x386, 0x386, 0x26},
    {0x388, 0x38A, 0x25}, {0x38C, 0x38C, 0x40}, {0x38E, 0x38F, 0x3F}, {0x391, 0x3AB, 0x20},
    {0x3C2, 0x3C2, 1}, /* the sigma at the end of a word */
    {0x400, 0x40F, 0x50}, {0x410, 0x42F, 0x20}};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static char *put(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
    } else {
        *to++ = (char)(0xC0 | c >> 6);
        *to++ = (char)(0x80 | (c & 0x3F));
    }
    return to;
}

/* Writes a character below U+0800 as a small letter, and its marks after it. */
static char *fold(char *to, unsigned c)
{
    for (size_t i = 0; i < COUNT(capitals); i++) {
        if (c < capitals[i][0] || c > capitals[i][1]) continue;
        c += capitals[i][2];
        break;
    }
    if (c >= FIRST_LATIN && c <= LAST_LATIN && latin_letters[c - FIRST_LATIN] != ' ') {
        to = put(to, (unsigned char)latin_letters[c - FIRST_LATIN]);
        return put(to, marks[latin_marks[c - FIRST_LATIN] - 'a']);
    }
    for (size_t i = 0; i < COUNT(others); i++) {
        if (c == others[i][0]) return put(fold(to, others[i][1]), others[i][2]);
    }
    return put(to, c);
}

/* key has room for MOST_GROWTH * strlen(name) + 1. Returns its end. */
static char *fold_name(const char *name, char *key)
{
    for (size_t left = strlen(name), size; left > 0; left -= size, name += size) {
        const unsigned char *s = (const unsigned char *)name;
        size = cen__utf8_size(name, left);
        if (size == 1) {
            key = fold(key, s[0]);
        } else if (size == 2) {
            key = fold(key, (unsigned)(s[0] & 0x1F) << 6 | (s[1] & 0x3F));
        } else {
            if (size == 0) size = 1;
            memcpy(key, name, size);
            key += size;
        }
    }
    *key++ = '\0';
    return key;
}

typedef struct {
    const char *key;
    size_t index;
} spelling;

static int compare(const void *a, const void *b)
{
    const spelling *one = a, *other = b;
    int order = strcmp(one->key, other->key);
    return order != 0 ? order : one->index < other->index ? -1 : one->index > other->index;
}

cen_status cen__remark_spellings(cen_folder *folder, const char *const *names,
                                 const char *const *paths, size_t n, cen_error *error)
{
    size_t room = 1;
    for (size_t i = 0; i < n; i++) room += MOST_GROWTH * strlen(names[i]) + 1;
    char *keys = cen__alloc(folder->context, room, 1), *end = keys;
    spelling *sorted = cen__alloc(folder->context, n, sizeof *sorted);
    cen_status status = CEN_OK;
    if (keys == NULL || sorted == NULL) {
        status = cen__fail_memory(error, "the names of classes");
    } else {
        for (size_t i = 0; i < n; i++) {
            sorted[i] = (spelling){end, i};
            end = fold_name(names[i], end);
        }
        if (n > 1) qsort(sorted, n, sizeof *sorted, compare);
        for (size_t i = 1; i < n && status == CEN_OK; i++) {
            if (strcmp(sorted[i].key, sorted[i - 1].key) != 0) continue;
            size_t one = sorted[i - 1].index, other = sorted[i].index;
            status = cen__folder_remark(folder, paths[other], error,
                                        "class \"%.80s\" may be another spelling of \"%.80s\" in "
                                        "%.200s; give both one name if they are one class",
                                        names[other], names[one], paths[one]);
        }
    }
    cen__free(keys);
    cen__free(sorted);
    return status;
}
