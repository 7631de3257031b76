/* What a C file computes with. c_code.c has each of these functions twice: compiled into the library, and as the
 * text that is written. So an exporter runs what it writes. */
#ifndef CEN_EXPORT_C_CODE_H
#define CEN_EXPORT_C_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Places are numbers of the work memory. A flat vector of d numbers is {d, 1, 1}. columns_first is the order of a
 * window's sum; parts are those of a dense layer's sum. */
#define CEN__C_LAYER_FIELDS(number)                                                                \
    const number *weights;                                                                         \
    const float *numbers;                                                                          \
    int x, x2, y, scratch, groups, c, h, w, k, out_h, out_w;                                       \
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, columns_first, pooled, parts;

typedef struct cen__c_layer {
    CEN__C_LAYER_FIELDS(float)
} cen__c_layer;

typedef enum {
    CEN__C_CONV,
    CEN__C_WINOGRAD,
    CEN__C_DENSE,
    CEN__C_MAXPOOL,
    CEN__C_AVGPOOL,
    CEN__C_GAP,
    CEN__C_AFFINE,
    CEN__C_ADD,
    CEN__C_RELU,
    CEN__C_RELU6,
    CEN__C_GELU,
    CEN__C_PRELU,
    CEN__C_L2NORM,
    CEN__C_N_KINDS
} cen__c_kind;

typedef struct cen__c_function {
    const char *name;
    void (*run)(const cen__c_layer *v, float *work);
    const char *text;
    unsigned needs; /* texts that must stand before it: bits of cen__c_needed_texts */
    bool in_place;  /* y may be x */
} cen__c_function;

extern const cen__c_function cen__c_functions[CEN__C_N_KINDS];

enum { CEN__C_N_NEEDS = 3 };
enum { CEN__C_NEEDS_ROOT = 1, CEN__C_NEEDS_LANES = 2, CEN__C_NEEDS_LINES = 4 };
extern const char *const cen__c_needed_texts[CEN__C_N_NEEDS];
extern const char cen__c_layer_text[], cen__c_half_text[];
extern const char cen__c_picture_text[], cen__c_average_text[], cen__c_scale_text[],
    cen__c_unit_text[];

/* A number as 16 bits, and back. */
uint16_t cen__c_half(float weight);
float cen__c_whole(uint16_t half);

/* A picture of h x w x c bytes as the net's input: numbers has the mean and then the deviation of each channel. */
void cen__c_picture(const uint8_t *pixels, int c, int h, int w, int mirrored, const float *numbers,
                    float *x);

/* f[d] = the mean of f and g; f at the length of like; f at length 1. */
void cen__c_average(int d, const float *g, float *f);
void cen__c_scale(int d, const float *like, float *f);
void cen__c_unit(int d, float *f);

#endif
