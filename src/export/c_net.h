/* A model as the layers of a C file, in order, with their places in its work memory. */
#ifndef CEN_EXPORT_C_NET_H
#define CEN_EXPORT_C_NET_H

#include <centerloss_eval.h>

#include "export/c_code.h"

/* A layer of the file, with its numbers. */
typedef struct cen__c_op {
    cen__c_kind kind;
    cen__c_layer layer;
    const cen_layer_info *info; /* the layer of the model that it begins with */
    float *weights, *numbers;
    size_t n_weights, n_numbers;
    size_t x, x2, y;  /* values; x2: the second of a sum */
    size_t n_scratch; /* numbers */
    bool folded;      /* it has the batchnorm after it */
} cen__c_op;

/* What an op makes; value 0 is the picture. */
typedef struct cen__c_value {
    size_t count, area;
    float low, high; /* of its numbers, if they become bytes */
} cen__c_value;

/* Memory of values that follow each other in place: from op `begin` to op `end`. */
typedef struct cen__c_area {
    size_t count, begin, end, offset;
} cen__c_area;

typedef struct cen__c_net {
    cen_context *context;
    cen_model *model;
    const cen_model_info *info;
    cen__c_op *ops;
    cen__c_value *values;
    cen__c_area *areas;
    size_t n_ops, n_values, n_areas;
    size_t at;                                 /* the next layer of the model */
    int c, h, w;                               /* of what it reads */
    float input_numbers[2 * CEN_MAX_CHANNELS]; /* mean and deviation of each channel */
    size_t output, n_work;                     /* the value of the feature; cells of work */
    cen__c_layer ends;
    cen__c_format format;
    bool unit_length;
} cen__c_net;

/* Of pictures of 1 or 3 channels. Free it with cen__c_net_free, also after an error. */
cen_status cen__c_net_create(cen__c_net *net, cen_context *context, cen_model *model,
                             cen__c_format format, cen_error *error);
void cen__c_net_free(cen__c_net *net);

/* The second half of that: methods and places. */
cen_status cen__c_net_plan(cen__c_net *net, cen_error *error);

/* Rounds the weights to 16 bits. LIMIT: one is larger than these hold. */
cen_status cen__c_net_halve(cen__c_net *net, cen_error *error);

/* Makes bytes of the weights, and of what is between two layers, by the pictures; float before. Errors: those of
 * reading; ARGUMENT (the median cosine is under 0.99, no pictures, or not of the input's size). */
cen_status cen__c_net_quantise(cen__c_net *net, const cen_dataset *pictures, cen_c_quality *quality,
                               cen_error *error);

/* True if all features have one length, which the mean of two has to get again. */
bool cen__c_net_has_length(const cen__c_net *net);

/* feature[D] of pixels[h, w, c], with work[n_work]. ranges, if not NULL, are values that are widened to what is
 * computed. */
void cen__c_net_run(const cen__c_net *net, const uint8_t *pixels, float *feature, float *work,
                    cen__c_value *ranges);

#endif
