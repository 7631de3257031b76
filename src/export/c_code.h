/* What a C file computes with. The files with c_text.h have each function twice: compiled into the library, and as the
 * text that is written. So an exporter runs what it writes. */
#ifndef CEN_EXPORT_C_CODE_H
#define CEN_EXPORT_C_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Places are cells of the work memory. A flat vector of d numbers is {d, 1, 1}. columns_first is the order of a
 * window's sum; parts are those of a dense layer's sum. */
#define CEN__C_LAYER_FIELDS(number)                                                                \
    const number *weights;                                                                         \
    const float *numbers;                                                                          \
    int x, x2, y, scratch, groups, c, h, w, k, out_h, out_w;                                       \
    int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, columns_first, pooled, parts;
/* If cells are bytes: a number is (cell - zero) * scale, and y_steps is 1 over the scale. */
#define CEN__C_BYTE_FIELDS                                                                         \
    int x_zero, x2_zero, y_zero;                                                                   \
    float x_scale, x2_scale, y_steps;

typedef struct cen__c_layer {
    CEN__C_LAYER_FIELDS(float)
    CEN__C_BYTE_FIELDS
} cen__c_layer;

typedef enum {
    CEN__C_CONV,
    CEN__C_WINOGRAD,
    CEN__C_DENSE,
    CEN__C_CONV_BYTES,
    CEN__C_DENSE_BYTES,
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
    unsigned needs; /* other texts: bits of 1 << cen__c_text */
    bool in_place;  /* y may be x */
} cen__c_function;

extern const cen__c_function *const cen__c_functions[CEN__C_N_KINDS];

/* How weights are written; of bytes also what is between two layers. */
typedef enum { CEN__C_FLOATS, CEN__C_HALVES, CEN__C_BYTES, CEN__C_N_FORMATS } cen__c_format;

/* Texts in the order in which they are written; those of layers stand before PICTURE. */
typedef enum {
    CEN__C_TYPES,
    CEN__C_LAYER,
    CEN__C_VALUE,
    CEN__C_CELLS,
    CEN__C_SECOND,
    CEN__C_ROOT,
    CEN__C_LANES,
    CEN__C_LINES,
    CEN__C_PICTURE,
    CEN__C_AVERAGE,
    CEN__C_SCALE,
    CEN__C_UNIT,
    CEN__C_N_TEXTS
} cen__c_text;

extern const char *const cen__c_texts[CEN__C_N_FORMATS][CEN__C_N_TEXTS];

/* The net's two ends are a layer, too: y is the input of c x h x w, numbers are the mean and the deviation of each
 * channel, and x is the output of k numbers. A picture goes in; then the output is f[k]; then f becomes the mean of
 * itself and of the output, and gets its length. */
void cen__c_begin(const cen__c_layer *ends, const uint8_t *pixels, bool is_mirrored, float *work);
void cen__c_output(const cen__c_layer *ends, const float *work, float *f);
void cen__c_average(const cen__c_layer *ends, const float *work, bool has_length, float *f);
void cen__c_unit(int d, float *f);

/* A number as 16 bits, and back. */
uint16_t cen__c_half(float weight);
float cen__c_whole(uint16_t half);

#endif
