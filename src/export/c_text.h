/* Code that is compiled and is a text, too; for c_code.c and c_sums.c. */
#ifndef CEN_EXPORT_C_TEXT_H
#define CEN_EXPORT_C_TEXT_H

#include "export/c_code.h"

#if defined(__clang__)
#pragma clang fp contract(off)
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

/* The code, and its text. */
#define CODE(name, ...)                                                                            \
    __VA_ARGS__                                                                                    \
    static const char name##_text[] = #__VA_ARGS__;
#define SHARED(name, ...)                                                                          \
    __VA_ARGS__                                                                                    \
    const char name##_text[] = #__VA_ARGS__;
#define TEXT(...) #__VA_ARGS__
#define EXPANDED(...) TEXT(__VA_ARGS__)

/* Names of the text. */
#define layer cen__c_layer
typedef float number, cell;
#define value(number) (number)

/* Weighted sums in float, of c_sums.c. */
extern const cen__c_function cen__c_conv, cen__c_winograd, cen__c_dense;
extern const char cen__c_lines_text[];

#define NEEDS(name) (1u << CEN__C_##name)

#endif
