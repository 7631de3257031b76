/* The layers and the texts of a C file, by number. */
#include "export/c_text.h"

const cen__c_function *const cen__c_functions[CEN__C_N_KINDS] = {
    [CEN__C_CONV] = &cen__c_conv,          [CEN__C_WINOGRAD] = &cen__c_winograd,
    [CEN__C_DENSE] = &cen__c_dense,        [CEN__C_CONV_BYTES] = &cen__c_conv8,
    [CEN__C_DENSE_BYTES] = &cen__c_dense8, [CEN__C_MAXPOOL] = &cen__c_maxpool,
    [CEN__C_AVGPOOL] = &cen__c_avgpool,    [CEN__C_GAP] = &cen__c_gap,
    [CEN__C_AFFINE] = &cen__c_affine,      [CEN__C_ADD] = &cen__c_add,
    [CEN__C_RELU] = &cen__c_relu,          [CEN__C_RELU6] = &cen__c_relu6,
    [CEN__C_GELU] = &cen__c_gelu,          [CEN__C_PRELU] = &cen__c_prelu,
    [CEN__C_L2NORM] = &cen__c_l2norm,
};

static const char layer_text[] =
    "typedef struct layer {" EXPANDED(CEN__C_LAYER_FIELDS(number)) "} layer;";
static const char byte_layer_text[] =
    "typedef struct layer {" EXPANDED(CEN__C_LAYER_FIELDS(number) CEN__C_BYTE_FIELDS) "} layer;";

#define TEXTS(types, fields, weight, cells, second)                                                \
    {                                                                                              \
        types, fields, weight, cells, second, cen__c_root_text, cen__c_lanes_text,                 \
            cen__c_lines_text, cen__c_picture_text, cen__c_average_text, cen__c_scale_like_text,   \
            cen__c_unit_text                                                                       \
    }

const char *const cen__c_texts[CEN__C_N_FORMATS][CEN__C_N_TEXTS] = {
    TEXTS("typedef float cell; typedef float number;", layer_text,
          "static float value(number weight) { return weight; }", cen__c_float_cells_text,
          cen__c_float_second_text),
    TEXTS("typedef float cell; typedef uint16_t number;", layer_text, cen__c_half_text,
          cen__c_float_cells_text, cen__c_float_second_text),
    TEXTS("typedef int8_t cell; typedef int8_t number;", byte_layer_text, "",
          cen__c_byte_cells_text, cen__c_byte_second_text)};
