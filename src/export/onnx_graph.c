#include "export/onnx_graph.h"

#include "base/memory.h"
#include "format/floats.h"

/* Numbers of fields in onnx.proto. */
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_KIND = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_INTEGER = 3, ATTRIBUTE_INTEGERS = 8 };
enum { ATTRIBUTE_TYPE = 20, TYPE_FLOAT = 1, TYPE_INTEGER = 2, TYPE_INTEGERS = 7 };
enum { TENSOR_DIM = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_BYTES = 9 };
enum { GRAPH_NODE = 1, GRAPH_CONSTANT = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, ELEMENT_TYPE = 1, ELEMENT_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_NUMBER = 1, DIM_NAME = 2 };

static cen__text begin(const cen__text *beside)
{
    return (cen__text){.context = beside->context};
}

cen__onnx_node cen__onnx_node_begin(cen__onnx_graph *graph, const char *kind, const char *name,
                                    const char *const *inputs)
{
    cen__onnx_node node = {graph, begin(&graph->message)};
    for (size_t i = 0; inputs[i] != NULL; i++) {
        cen__field_string(&node.message, NODE_INPUT, inputs[i]);
    }
    cen__field_string(&node.message, NODE_OUTPUT, name);
    cen__field_string(&node.message, NODE_NAME, name);
    cen__field_string(&node.message, NODE_KIND, kind);
    return node;
}

void cen__onnx_integer(cen__onnx_node *node, const char *name, int64_t value)
{
    cen__text attribute = begin(&node->message);
    cen__field_string(&attribute, ATTRIBUTE_NAME, name);
    cen__field_integer(&attribute, ATTRIBUTE_INTEGER, (uint64_t)value);
    cen__field_integer(&attribute, ATTRIBUTE_TYPE, TYPE_INTEGER);
    cen__field_message(&node->message, NODE_ATTRIBUTE, &attribute);
}

void cen__onnx_integers(cen__onnx_node *node, const char *name, const int64_t *values, size_t n)
{
    cen__text attribute = begin(&node->message);
    cen__field_string(&attribute, ATTRIBUTE_NAME, name);
    for (size_t i = 0; i < n; i++) {
        cen__field_integer(&attribute, ATTRIBUTE_INTEGERS, (uint64_t)values[i]);
    }
    cen__field_integer(&attribute, ATTRIBUTE_TYPE, TYPE_INTEGERS);
    cen__field_message(&node->message, NODE_ATTRIBUTE, &attribute);
}

void cen__onnx_float(cen__onnx_node *node, const char *name, float value)
{
    cen__text attribute = begin(&node->message);
    cen__field_string(&attribute, ATTRIBUTE_NAME, name);
    cen__field_float(&attribute, ATTRIBUTE_FLOAT, value);
    cen__field_integer(&attribute, ATTRIBUTE_TYPE, TYPE_FLOAT);
    cen__field_message(&node->message, NODE_ATTRIBUTE, &attribute);
}

void cen__onnx_node_end(cen__onnx_node *node)
{
    cen__field_message(&node->graph->message, GRAPH_NODE, &node->message);
}

void cen__onnx_add_node(cen__onnx_graph *graph, const char *kind, const char *name,
                        const char *const *inputs)
{
    cen__onnx_node node = cen__onnx_node_begin(graph, kind, name, inputs);
    cen__onnx_node_end(&node);
}

/* ---- constants ---- */

static void add_constant(cen__onnx_graph *graph, const char *name, int type, const size_t *shape,
                         size_t n_dims, const uint8_t *bytes, size_t n_bytes)
{
    cen__text tensor = begin(&graph->message);
    for (size_t i = 0; i < n_dims; i++) cen__field_integer(&tensor, TENSOR_DIM, shape[i]);
    cen__field_integer(&tensor, TENSOR_TYPE, (uint64_t)type);
    cen__field_string(&tensor, TENSOR_NAME, name);
    cen__field_bytes(&tensor, TENSOR_BYTES, bytes, n_bytes);
    cen__field_message(&graph->message, GRAPH_CONSTANT, &tensor);
}

void cen__onnx_add_floats(cen__onnx_graph *graph, const char *name, const size_t *shape,
                          size_t n_dims, const float *values)
{
    size_t n = 1;
    for (size_t i = 0; i < n_dims; i++) n *= shape[i];
    uint8_t *bytes = cen__alloc(graph->message.context, n, sizeof(float));
    if (bytes == NULL) {
        graph->message.failed = true;
        return;
    }
    cen__put_floats(bytes, values, n);
    add_constant(graph, name, CEN__ONNX_FLOAT, shape, n_dims, bytes, 4 * n);
    cen__free(bytes);
}

void cen__onnx_add_integers(cen__onnx_graph *graph, const char *name, const int64_t *values,
                            size_t n)
{
    enum { MOST = 4 };
    uint8_t bytes[8 * MOST];
    for (size_t i = 0; i < n && i < MOST; i++) cen__put_u64(bytes + 8 * i, (uint64_t)values[i]);
    add_constant(graph, name, CEN__ONNX_INT64, &n, 1, bytes, 8 * n);
}

/* ---- inputs and outputs ---- */

void cen__onnx_add_value(cen__onnx_graph *graph, bool is_output, const char *name, int type,
                         const size_t *shape, size_t n_dims)
{
    const cen__text *beside = &graph->message;
    cen__text value = begin(beside), any = begin(beside), tensor = begin(beside),
              dims = begin(beside), dim = begin(beside);
    cen__field_string(&dim, DIM_NAME, "n");
    cen__field_message(&dims, SHAPE_DIM, &dim);
    for (size_t i = 0; i < n_dims; i++) {
        cen__field_integer(&dim, DIM_NUMBER, shape[i]);
        cen__field_message(&dims, SHAPE_DIM, &dim);
    }
    cen__field_integer(&tensor, ELEMENT_TYPE, (uint64_t)type);
    cen__field_message(&tensor, ELEMENT_SHAPE, &dims);
    cen__field_message(&any, TYPE_TENSOR, &tensor);
    cen__field_string(&value, VALUE_NAME, name);
    cen__field_message(&value, VALUE_TYPE, &any);
    cen__field_message(&graph->message, is_output ? GRAPH_OUTPUT : GRAPH_INPUT, &value);
}
