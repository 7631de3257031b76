/* Reading the line of text that describes a net, with the column of what is wrong. */
#ifndef CEN_NN_LINE_H
#define CEN_NN_LINE_H

#include "base/status.h"

typedef struct cen__line {
    const char *text; /* the whole line */
    const char *at;   /* what is read next */
} cen__line;

/* What separates words. */
bool cen__is_blank(char c);

/* The next word, without moving; *size 0 at one of the signs , { | } or the end. */
const char *cen__line_peek(cen__line *line, size_t *size);

/* Moves over the next word. */
void cen__line_skip(cen__line *line);

/* True and moved over where the next word is this one. */
bool cen__line_take(cen__line *line, const char *word);

/* True and moved over if this sign is next. */
bool cen__line_take_sign(cen__line *line, char sign);

/* A whole number of at least `least`; `what` names it for the message: "the number of outputs". */
cen_status cen__line_number(cen__line *line, const char *what, size_t least, size_t *number,
                            cen_error *error);

/* A decimal number of at least `least` and below `end`. */
cen_status cen__line_decimal(cen__line *line, const char *what, double least, double end,
                             double *number, cen_error *error);

/* N or HxW. */
cen_status cen__line_size(cen__line *line, const char *what, size_t least, size_t *h, size_t *w,
                          cen_error *error);

/* Fails with the next word and its column: "net, column 7: 'cnv' ...". */
cen_status cen__line_fail(cen__line *line, cen_error *error, const char *expected);

#endif
