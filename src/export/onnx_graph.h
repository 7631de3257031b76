/* The parts of an ONNX file (onnx.proto, IR version 8, operators of version 13). */
#ifndef CEN_EXPORT_ONNX_GRAPH_H
#define CEN_EXPORT_ONNX_GRAPH_H

#include "export/protobuf.h"
#include "export/words.h"

enum { CEN__ONNX_FLOAT = 1, CEN__ONNX_UINT8 = 2, CEN__ONNX_INT64 = 7 };
enum { CEN__ONNX_NAME_MOST = CEN__NAME_MOST };

/* The graph under construction. Its nodes stand in the order in which they are computed. */
typedef struct cen__onnx_graph {
    cen__text message; /* a GraphProto */
} cen__onnx_graph;

/* A node under construction; its inputs, its one output and its name are given at once. */
typedef struct cen__onnx_node {
    cen__onnx_graph *graph;
    cen__text message;
} cen__onnx_node;

/* Names, ended by NULL. */
#define CEN__ONNX_INPUTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The output has the name of the node. */
cen__onnx_node cen__onnx_node_begin(cen__onnx_graph *graph, const char *kind, const char *name,
                                    const char *const *inputs);
void cen__onnx_integer(cen__onnx_node *node, const char *name, int64_t value);
void cen__onnx_integers(cen__onnx_node *node, const char *name, const int64_t *values, size_t n);
void cen__onnx_float(cen__onnx_node *node, const char *name, float value);
void cen__onnx_node_end(cen__onnx_node *node);

/* A node without attributes. */
void cen__onnx_add_node(cen__onnx_graph *graph, const char *kind, const char *name,
                        const char *const *inputs);

/* Constants. */
void cen__onnx_add_floats(cen__onnx_graph *graph, const char *name, const size_t *shape,
                          size_t n_dims, const float *values);
void cen__onnx_add_integers(cen__onnx_graph *graph, const char *name, const int64_t *values,
                            size_t n);

/* An input or output of the graph of any batch size: [n, shape...]. */
void cen__onnx_add_value(cen__onnx_graph *graph, bool is_output, const char *name, int type,
                         const size_t *shape, size_t n_dims);

#endif
