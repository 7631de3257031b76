#ifndef CEN_EXPORT_C_OPS_H
#define CEN_EXPORT_C_OPS_H

#include "export/c_net.h"

enum { CEN__C_NO_OP = -1 };

/* A layer that reads value x and makes a new one; its sizes are those of the net and of its next layer. */
cen__c_op *cen__c_add_op(cen__c_net *net, cen__c_kind kind, size_t x);

/* The model's next layer, which reads *value and becomes it. *conv: the convolution that may take it, or CEN__C_NO_OP. */
cen_status cen__c_add_layer(cen__c_net *net, size_t *value, int *conv, cen_error *error);

#endif
