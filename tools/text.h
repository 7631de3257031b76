/* Text for a terminal, as JSON, and as a shell reads it. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* printf for names of files and classes, which strangers chose: ? stands for
 * control characters, marks of direction and bytes that are no UTF-8, so that no terminal obeys them.
 * One newline may end it. */
void print_names(FILE *file, const char *format, ...);

void print_names_list(FILE *file, const char *format, va_list arguments);

/* Text as a JSON string, quotes included; what a terminal obeys is escaped, and U+FFFD stands for bytes that are
 * no UTF-8. */
void print_json_string(FILE *file, const char *text);

/* The fewest digits, 15 or more, that read as the same number; null if it is not finite. */
void print_json_number(FILE *file, double value);

/* printf to the end of what stands in text[size] already; what has no room there is left out. */
void append(char *text, size_t size, const char *format, ...);

/* 1234567 as "1,234,567" in text[32]. */
const char *with_commas(size_t number, char *text);

/* 1 and "row" as "1 row", 1234 and "class" as "1,234 classes", in text[64]. */
const char *counted(size_t number, const char *noun, char *text);

/* Seconds as "1:05" or "2:03:04" in text[32]. */
const char *as_clock(double seconds, char *text);

/* A share as "12.3 %" in text[32]; NAN as "-". */
const char *as_percent(double share, char *text);

/* The command line as a shell reads it: what is not plain stands in quotes. The caller frees it; NULL
 * without memory. Call it before parse_options, which moves argv. */
char *join_command(int argc, char **argv);

#endif
