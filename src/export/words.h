/* A net as cen_model_get has it: the words of a layer's text, and its tensors. */
#ifndef CEN_EXPORT_WORDS_H
#define CEN_EXPORT_WORDS_H

#include <centerloss_eval.h>

enum { CEN__NAME_MOST = 256 };

/* True if a layer's text begins with this word. */
bool cen__words_is_kind(const char *text, const char *kind);

/* Numbers that were in place are copied, without which the model has no tensors. MEMORY: they do not fit. */
cen_status cen__words_copy(cen_model *model, cen_error *error);

/* Parameters of all layers. */
size_t cen__words_parameters(const cen_model_info *info);

/* N or HxW after a word of the layer's text; false if it has no such word. */
bool cen__words_size(const char *text, const char *word, int64_t size[2]);

/* The factor of an l2norm; false if it is a tensor. */
bool cen__words_scale(const char *text, float *scale);

/* name = body.PLACE.ENDING, or without the last for "". */
const char *cen__words_join(char name[CEN__NAME_MOST], const char *place, const char *ending);

/* The model's tensor of that name; false if it has none. */
bool cen__words_tensor(cen_model *model, const char *name, cen_tensor *view);

#endif
