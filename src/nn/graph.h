/* From a line of text to a graph: layers with their inputs, shapes and tensors, each after those that it
 * reads. */
#ifndef CEN_NN_GRAPH_H
#define CEN_NN_GRAPH_H

#include "nn/net.h"

/* Reads the line into net's layers, texts, places and line. Errors: ARGUMENT (names the word and its
 * column), LIMIT, MEMORY. What was allocated is cen__net_free's, also on failure. */
cen_status cen__graph_parse(cen_context *context, cen__net *net, const char *line,
                            cen_error *error);

/* Gives the last dense so many outputs, and changes its text. Errors: ARGUMENT, MEMORY. */
cen_status cen__graph_set_features(cen_context *context, cen__net *net, size_t feature_size,
                                   cen_error *error);

/* Sets shapes and tensors from net->in to net->out, and counts numbers and work. Errors: ARGUMENT (names the
 * layer), LIMIT. */
cen_status cen__graph_connect(cen__net *net, cen_error *error);

#endif
