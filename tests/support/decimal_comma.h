/* A locale with a decimal comma. Include after cmocka.h, with _XOPEN_SOURCE 700 above all. */
#ifndef TESTS_SUPPORT_DECIMAL_COMMA_H
#define TESTS_SUPPORT_DECIMAL_COMMA_H

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline bool is_decimal_comma(const char *name)
{
    char half[16];
    if (setlocale(LC_ALL, name) == NULL) return false;
    (void)snprintf(half, sizeof half, "%.1f", 0.5);
    return strcmp(half, "0,5") == 0;
}

#if defined(_WIN32)
static inline bool make_decimal_comma(void)
{
    return false;
}
#else
/* Programs that do this side by side each make their own and then put it in place. */
static inline bool make_decimal_comma(void)
{
    static const char make[] =
        "made=$(mktemp -d locale.XXXXXX) && chmod 755 \"$made\" && "
        "printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \".\"\\ngrouping 3;3\\n"
        "END LC_NUMERIC\\n' >\"$made/source\" && "
        "{ localedef -c --no-archive -i \"$made/source\" \"$made/comma\" >/dev/null 2>&1; "
        "mkdir -p locales; mv -T \"$made/comma\" locales/comma 2>/dev/null; rm -r \"$made\"; }";
    (void)!system(make);
    return setenv("LOCPATH", "locales", 1) == 0 && is_decimal_comma("comma");
}
#endif

/* Sets it for the whole program: an installed one, or one made by localedef below the current
 * folder. False, with the locale "C", where neither is to be had. */
static inline bool set_decimal_comma(void)
{
    static const char *const installed[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8"};
    for (size_t i = 0; i < 3; i++)
        if (is_decimal_comma(installed[i])) return true;
    if (make_decimal_comma()) return true;
    (void)setlocale(LC_ALL, "C");
    return false;
}

#endif
