/* Text of C: code of several lines, numbers, and lists of them. */
#ifndef CEN_EXPORT_C_PRINT_H
#define CEN_EXPORT_C_PRINT_H

#include "format/text.h"

/* A list that is being written; after each number comes cen__c_list_next. */
typedef struct cen__c_list {
    cen__text *text;
    size_t start, column; /* of the next number */
} cen__c_list;

/* index is a part of the name, unless it is SIZE_MAX. */
cen__c_list cen__c_list_begin(cen__text *text, const char *type, const char *name, size_t index,
                              size_t n);
void cen__c_list_next(cen__c_list *list);
void cen__c_list_end(const cen__c_list *list);
void cen__c_list_floats(cen__text *text, const char *name, size_t index, const float *numbers,
                        size_t n);

/* Code that was one line, as several. */
void cen__c_print_code(cen__text *to, const char *code);
void cen__c_print_float(cen__text *text, float number);

#endif
