/* Code that is compiled and is a text, too. */
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

/* A cell of the library is a float that holds either. */
float cen__c_get(const layer *v, const cell *work, int i);
float cen__c_get_second(const layer *v, const cell *work, int i);
void cen__c_put(const layer *v, cell *work, int i, float x);
#define get cen__c_get
#define get_second cen__c_get_second
#define put cen__c_put

extern const char cen__c_float_cells_text[], cen__c_float_second_text[], cen__c_byte_cells_text[],
    cen__c_byte_second_text[], cen__c_half_text[], cen__c_root_text[], cen__c_lanes_text[],
    cen__c_lines_text[], cen__c_picture_text[], cen__c_average_text[], cen__c_scale_like_text[],
    cen__c_unit_text[];

/* A layer of the file; needs are texts that its own text calls. */
#define NEEDS(name) (1u << CEN__C_##name)
#define FUNCTION(name, needs, in_place)                                                            \
    const cen__c_function cen__c_##name = {#name, name, name##_text, needs, in_place};
extern const cen__c_function cen__c_conv, cen__c_winograd, cen__c_dense, cen__c_conv8,
    cen__c_dense8, cen__c_maxpool, cen__c_avgpool, cen__c_gap, cen__c_affine, cen__c_add,
    cen__c_relu, cen__c_relu6, cen__c_gelu, cen__c_prelu, cen__c_l2norm;

#endif
