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
    size_t output, n_work;                     /* place of the feature; numbers of work */
} cen__c_net;

/* Free it with cen__c_net_free, also after an error. */
cen_status cen__c_net_create(cen__c_net *net, cen_context *context, cen_model *model,
                             cen_error *error);
void cen__c_net_free(cen__c_net *net);

/* Where a value begins in the work memory. */
size_t cen__c_net_place(const cen__c_net *net, size_t value);

/* True if all features have one length, which the mean of two has to get again. */
bool cen__c_net_has_length(const cen__c_net *net);

/* feature[D] of pixels[h, w, c], with work[n_work]. */
void cen__c_net_run(const cen__c_net *net, bool unit_length, const uint8_t *pixels, float *feature,
                    float *work);

#endif
