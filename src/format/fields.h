/* Fields of feature tables. Names may be any bytes. They are written as text without control characters, which neither a
 * terminal nor a spreadsheet obeys, and are read back byte by byte. */
#ifndef CEN_FORMAT_FIELDS_H
#define CEN_FORMAT_FIELDS_H

#include "format/text.h"

/* .tsv: \t \n \r \\ for those four, \xNN for each byte of another control character (C0, DEL, C1) and for
 * a byte that is no UTF-8. */
void cen__field_add_tsv(cen__text *line, const char *field);

/* .csv: quoted as in RFC 4180. A field that a spreadsheet takes for a formula (= + - @ in front) gets an apostrophe
 * in front. One with control characters, or that is no UTF-8, gets '\ in front and the escapes of a .tsv. Fields
 * that begin like these get an apostrophe, too. Tabs and line ends in quotes, as others write them, are read. */
void cen__field_add_csv(cen__text *line, const char *field);

/* The reverse, in place; *text may move on. False: a backslash that begins no escape. */
bool cen__field_read_tsv(char **text, size_t *size);
bool cen__field_read_csv(char **text, size_t *size);

#endif
