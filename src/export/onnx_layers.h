/* The body of a model as nodes of an ONNX graph. */
#ifndef CEN_EXPORT_ONNX_LAYERS_H
#define CEN_EXPORT_ONNX_LAYERS_H

#include <centerloss_eval.h>

#include "export/onnx_graph.h"

typedef struct cen__onnx_exporter {
    cen__onnx_graph graph;
    cen_model *model;
    const cen_model_info *info;
    size_t at;                      /* the next layer */
    char last[CEN__ONNX_NAME_MOST]; /* the tensor that the next node reads */
    bool is_flat;                   /* it is [n, c] and not [n, c, h, w] */
    bool failed;                    /* a tensor or a word is not there */
} cen__onnx_exporter;

/* The next node reads the tensor `name`. */
void cen__onnx_move_on(cen__onnx_exporter *e, const char *name);

/* name = kind(last, second), and last = name; second NULL: one input. */
void cen__onnx_add_step(cen__onnx_exporter *e, const char *kind, const char *name,
                        const char *second);
void cen__onnx_add_scalar(cen__onnx_exporter *e, const char *name, float value);

/* [n, c, h, w] becomes [n, c * h * w]; nothing if it is flat. */
void cen__onnx_flatten(cen__onnx_exporter *e, const char *name);

/* scale * x / max(||x||, 1e-12), as `name`; scale NULL: 1. */
void cen__onnx_add_unit(cen__onnx_exporter *e, const char *name, const char *scale);

/* The constant that an l2norm multiplies with. */
void cen__onnx_scale_name(const cen_layer_info *layer, char name[CEN__ONNX_NAME_MOST]);

/* Adds the layers whose places begin with prefix ("": all). */
void cen__onnx_add_chain(cen__onnx_exporter *e, const char *prefix);

#endif
