/* What is in a model file. */
#ifndef CEN_TRAIN_MODEL_FILE_H
#define CEN_TRAIN_MODEL_FILE_H

#include "format/safetensors.h"
#include "train/model.h"

/* *inner: the model file in the run folder `path`, which the caller frees; NULL if that is a file itself. */
cen_status cen__model_file_in(cen_context *context, const char *path, char **inner,
                              cen_error *error);

/* True if cen_model_save wrote it; other safetensors files have no names of classes. */
bool cen__is_model_file(const cen__safetensors *file);

/* The class names of a model file, for cen__class_names_free. Errors: FORMAT, MEMORY. */
cen_status cen__model_file_classes(cen_context *context, const cen__safetensors *file,
                                   char ***names, size_t *n, cen_error *error);

bool cen__same_shape(const cen__model_tensor *tensor, const cen_tensor *found);

#endif
